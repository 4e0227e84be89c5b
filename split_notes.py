"""Stage 0c: divide a library of your own into train, valid and test, the recordings of one instrument in one of them.

    mine/snare/*.wav               a folder for each label; every file is an instrument of its own
    mine/snare/ludwig/*.wav        or every folder in it is one
    mine/snare_ludwig_1.wav ...    or no folders, and names that start with a label of --labels and "_"

Writes DATA/{train,valid,test}/audio/{label}_{name}.wav, or {label}_{instrument}--{name}.wav where the instrument is
known (hard links where the disk allows, else copies; your files stay as they are), and DATA/labels.txt. The same
library, options and seed give the same split.
"""

import argparse
import errno
import filecmp
import os
import re
import shutil
from collections import defaultdict
from pathlib import Path

import numpy as np

from deepdream.artifacts import SPLITS, BadInput, atomic, save_text
from deepdream.command_line import command, parser, random_seed
from deepdream.notes import find_wavs, instrument_of, label_of, load_labels

FEWEST = 3  # instruments of a label: one for each split
NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP)  # another disk, or one that knows no hard links


def visible(folder):
    """Return (folders, wavs, number of other files) in a folder, sorted, without hidden ones."""
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith('.'))
    folders = [path for path in entries if path.is_dir()]
    wavs = [path for path in entries if path.is_file() and path.suffix.lower() == '.wav']
    return folders, wavs, len(entries) - len(folders) - len(wavs)


def find_notes(library, labels_file):
    """Return ([(label, folder of the instrument or '', wav)], labels, number of other files) of a library."""
    if not library.is_dir():
        raise FileNotFoundError(f'{library} is missing: name the folder of your recordings')
    folders, wavs, n_other = visible(library)
    if bool(folders) == bool(wavs):
        raise BadInput(f'{library} holds ' + ('both folders and .wav files: make a folder for each label, or none'
                                              if wavs else 'neither folders nor .wav files: name another folder'))
    if {folder.name for folder in folders} & {*SPLITS}:
        raise BadInput(f'{library} is divided into splits already: run `python gather_information.py --data {library}`')
    if wavs:
        return *labelled_by_name(library, wavs, labels_file), n_other
    notes = []
    for folder in folders:
        if not folder.name.isprintable() or folder.name != folder.name.strip():
            raise BadInput(f'{str(folder)!r} cannot be a label, a line of text: rename it')
        found, n_skipped = notes_of_label(folder)
        notes += found
        n_other += n_skipped
    return notes, [folder.name for folder in folders], n_other


def labelled_by_name(library, wavs, labels_file):
    """Return ([(label, '', wav)], labels) of a library without folders."""
    if not labels_file:
        raise BadInput(f'{library} holds no folders, so --labels must name the file of the labels, one a line')
    labels = load_labels(labels_file)
    notes = [(label_of(wav.stem, labels), '', wav) for wav in wavs]
    strangers = [wav for label, _, wav in notes if label is None]
    if strangers:
        raise BadInput(f'{strangers[0]} starts with no label of {labels_file} followed by "_" ({len(strangers)} '
                       'such files): rename them, or add their labels')
    return notes, labels


def notes_of_label(folder):
    """Return ([(label, folder of the instrument or '', wav)], number of other files) of a label's folder."""
    instruments, wavs, n_other = visible(folder)
    if instruments and wavs:
        raise BadInput(f'{folder} holds both folders and .wav files: give every instrument a folder, or none')
    notes = [(folder.name, '', wav) for wav in wavs]
    for instrument in instruments:
        deeper, wavs, n_skipped = visible(instrument)
        if deeper:
            raise BadInput(f'{deeper[0]} is a folder in the folder of an instrument: move its files up')
        notes += [(folder.name, instrument.name, wav) for wav in wavs]
        n_other += n_skipped
    return notes, n_other


def instrument_name(folder, wav, pattern):
    """Return the instrument of a wav: what `pattern` finds in its name, its folder, or what NSynth's names tell."""
    if pattern:
        found = pattern.search(wav.stem)
        if not found:
            raise BadInput(f'{wav}: --instrument {pattern.pattern} finds nothing in its name: give another pattern')
        return next((group for group in found.groups() if group), found[0])
    return folder or instrument_of(wav.stem)


def note_name(label, instrument, wav):
    """Return the name in the tree, 'label_name' or 'label_instrument--name', which tells the stages the instrument."""
    name = f'{label}_{wav.stem.removeprefix(f"{label}_")}'
    if instrument in (wav.stem, instrument_of(wav.stem)):  # the name tells it already
        return name
    return f'{label}_{instrument.removeprefix(f"{label}_")}--{name.removeprefix(f"{label}_")}'


def divide(instruments, label, shares, seed):
    """Return {instrument: split} of one label; every split gets at least one.

    Seeded by the label, too, so that a new label does not change the split of the others.
    """
    order = np.random.default_rng([seed, *label.encode()]).permutation(sorted(instruments))
    n_valid, n_test = (max(1, round(share * len(order))) for share in shares)
    n_train = max(1, len(order) - n_valid - n_test)
    n_valid = min(n_valid, len(order) - n_train - 1)
    splits = ['train'] * n_train + ['valid'] * n_valid + ['test'] * (len(order) - n_train - n_valid)
    return dict(zip(map(str, order), splits, strict=True))


def plan(notes, labels, args):
    """Return {path in DATA: wav} of all notes."""
    by_label = {label: defaultdict(list) for label in labels}
    for label, folder, wav in notes:
        by_label[label][instrument_name(folder, wav, args.instrument)].append(wav)
    sources, targets, owners = {}, {}, {}
    for label, instruments in by_label.items():
        if len(instruments) < FEWEST:
            raise BadInput(f'{args.library}: {label!r} has {len(instruments)} instruments, but train, valid and test '
                           'take one each: record more, remove the label, or tell them apart with --instrument')
        split_of = divide(instruments, label, (args.valid, args.test), args.seed)
        for instrument, files in instruments.items():
            for wav in files:
                name = note_name(label, instrument, wav)
                if label_of(name, labels) != label or not name.isprintable():
                    raise BadInput(f'{str(wav)!r} would be named {name!r}, no good name for the label {label!r}: '
                                   'rename it')
                if name in sources:
                    raise BadInput(f'{wav} and {sources[name]} would both be named {name}.wav: rename one')
                sources[name] = wav
                told = instrument_of(name)
                owner = owners.setdefault(told, instrument)
                if owner != instrument:
                    raise BadInput(f'{wav}: the stages would take {owner!r} and {instrument!r} for one instrument, '
                                   f'{told!r}: rename one of them')
                targets[args.data / split_of[instrument] / 'audio' / f'{name}.wav'] = wav
    return targets


def refuse_others(data, targets, labels_text):
    """Raise BadInput where DATA holds anything but what is to be written."""
    remedy = f'give another --data, or remove {data}/train, {data}/valid, {data}/test and {data}/labels.txt'
    for split in SPLITS:
        for found in map(Path, find_wavs(data, split).values()):
            wav = targets.get(found)
            if not wav or not (found.samefile(wav) or filecmp.cmp(found, wav, shallow=False)):
                raise BadInput(f'{found} is not what this library and these options would put there: {remedy}')
    path = data / 'labels.txt'
    if path.exists() and path.read_bytes() != labels_text.encode():
        raise BadInput(f'{path} holds other labels: {remedy}')


def put(wav, target, copy):
    """Link `target` to `wav`, or copy it; return whether it is linked."""
    with atomic(target) as temporary:
        temporary.unlink(missing_ok=True)
        if not copy:
            try:
                os.link(wav.resolve(), temporary)
                return True
            except OSError as error:
                if error.errno not in NO_LINKS:
                    raise
        shutil.copyfile(wav, temporary)
        return False


def report(args, notes, targets, n_other):
    counts = {split: sum(target.parent.parent.name == split for target in targets) for split in SPLITS}
    print(f'{args.data}: ' + ', '.join(f'{count:,} notes in {split}' for split, count in counts.items()))
    if n_other:
        print(f'left out: {n_other:,} files that are not .wav')
    alone = sum(not folder and instrument_of(wav.stem) == wav.stem for _, folder, wav in notes)
    if alone and not args.instrument:
        print(f'{alone:,} files count as an instrument each: where several are of one, give each instrument a folder, '
              'or --instrument')


def regular_expression(text):
    """The type of ``--instrument``."""
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f'{text!r} is no regular expression: {error}') from error


def share(text):
    """The type of ``--valid`` and ``--test``."""
    if not 0 < float(text) < 1:
        raise argparse.ArgumentTypeError(f'{text} is not between 0 and 1')
    return float(text)


@command
def main(argv=None):
    options = parser(__doc__.splitlines()[0], 'data')
    options.add_argument('library', type=Path, help='the folder of your recordings')
    options.add_argument('--labels', metavar='FILE', help='the labels, one a line, of a library without folders')
    options.add_argument('--instrument', type=regular_expression, metavar='REGEX',
                         help='what in the name of a file tells the instrument: its first group, or all it matches')
    options.add_argument('--valid', type=share, default=0.15, help='share of the instruments')
    options.add_argument('--test', type=share, default=0.15, help='share of the instruments')
    options.add_argument('--seed', type=random_seed, default=0, help='of the split')
    options.add_argument('--copy', action='store_true', help='copy the files instead of linking to them')
    args = options.parse_args(argv)

    if args.data.resolve().is_relative_to(args.library.resolve()):
        raise BadInput(f'{args.data} lies in {args.library}: give a --data outside')
    notes, labels, n_other = find_notes(args.library, args.labels)
    targets = plan(notes, labels, args)
    labels_text = ''.join(f'{label}\n' for label in labels)
    refuse_others(args.data, targets, labels_text)
    for target, wav in targets.items():
        if not target.exists():
            put(wav, target, args.copy)
    save_text(args.data / 'labels.txt', labels_text)
    report(args, notes, targets, n_other)


if __name__ == '__main__':
    raise SystemExit(main())
