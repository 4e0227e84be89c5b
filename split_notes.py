"""Stage 0c: divide a library of your own into train, valid and test, the recordings of one instrument in one of them.

    mine/snare/*.wav               a folder for each label; every file is an instrument of its own
    mine/snare/ludwig/*.wav        or every folder in it is one
    mine/snare_ludwig_1.wav ...    or no folders, and names that start with a label of --labels and "_"

Takes every format that libsndfile reads. Writes DATA/{train,valid,test}/audio/{label}_{name}.wav, or
{label}_{instrument}--{name}.wav where the instrument is known: wavs as hard links where the disk allows, else as
copies; other formats converted. Your files stay as they are. Writes DATA/labels.txt, and DATA/split.json with the
settings, which later stages read. The same library, options and seed give the same split.
"""

import argparse
import re
from pathlib import Path

import numpy as np

from deepdream.artifacts import SPLITS, BadInput, load_json, save_json, save_text
from deepdream.command_line import command, parser, process_count, random_seed
from deepdream.conversion import fill, is_of
from deepdream.notes import find_wavs, instrument_of, label_of, load_labels
from deepdream.sound_files import by_extension, count_of, describe_left_out, is_junk, names_of, printable, search

FEWEST = 3  # instruments of a label: one for each split
N_FAILED_SHOWN = 5


# What the library holds.

def find_notes(library, labels_file):
    """Return ([(label, folder of the instrument or '', sound file)], labels, lines on what is left out)."""
    if not library.is_dir():
        raise FileNotFoundError(f'{library} is missing: name the folder of your recordings')
    found = search(library)
    for error in found.errors:
        raise BadInput(f'{error.filename}: {error.strerror}: give yourself the right to read it, or move it elsewhere')
    places = {sound: sound.relative_to(library).parts for sound in sorted(found.sounds) if sound.is_file()}
    if not places:
        raise BadInput(f'{library} holds no sound files' + (
            f' that can be read here ({by_extension(found.unreadable)}): convert them to .wav or .flac'
            if found.unreadable else ': name the folder of your recordings'))
    check_layout(library, places)
    left_out = describe_left_out(found)
    if broken := [sound for sound in found.sounds if sound not in places]:
        left_out.append(f'left out: {count_of(broken, "link")} to a file that is missing ({names_of(broken)})')
    if any(len(parts) == 1 for parts in places.values()):
        return *labelled_by_name(library, list(places), labels_file), left_out
    notes = [(parts[0], parts[1] if len(parts) == 3 else '', sound) for sound, parts in places.items()]
    labels = sorted({label for label, _, _ in notes})
    if empty := [path for path in sorted(library.iterdir())
                 if path.is_dir() and not is_junk(path.name) and path.name not in labels]:
        left_out.append(f'left out: {count_of(empty, "folder")} without a sound file that can be read '
                        f'({names_of(empty)})')
    return notes, labels, left_out


def check_layout(library, places):
    """Raise BadInput unless the sound files, {path: its parts below the library}, lie in one of the three layouts."""
    alone = [sound for sound, parts in places.items() if len(parts) == 1]
    if alone and len(alone) < len(places):
        raise BadInput(f'{library} holds both folders and sound files ({printable(alone[0].name)}): '
                       'make a folder for each label, or none')
    depths = {}
    for sound, (top, *below) in places.items():
        folder = library / top
        if top in SPLITS:
            raise BadInput(f'{library} is divided into splits already: '
                           f'run `python gather_information.py --data {library}`')
        if below and (not top.isprintable() or top != top.strip()):
            raise BadInput(f'{str(folder)!r} cannot be a label, a line of text: rename it')
        if len(below) > 2:
            raise BadInput(f'{folder / below[0] / below[1]} is a folder in the folder of an instrument: '
                           'move its files up')
        if depths.setdefault(top, len(below)) != len(below):
            raise BadInput(f'{folder} holds both folders and sound files ({printable(sound.relative_to(folder))}): '
                           'give every instrument a folder, or none')


def labelled_by_name(library, sounds, labels_file):
    """Return ([(label, '', sound file)], labels) of a library without folders."""
    if not labels_file:
        raise BadInput(f'{library} holds no folders, so --labels must name the file of the labels, one a line')
    labels = load_labels(labels_file)
    notes = [(label_of(sound.stem, labels), '', sound) for sound in sounds]
    strangers = [sound for label, _, sound in notes if label is None]
    if strangers:
        raise BadInput(f'{strangers[0]} starts with no label of {labels_file} followed by "_" ({len(strangers)} '
                       'such files): rename them, or add their labels')
    return notes, labels


# Where each note goes.

def instrument_name(folder, sound, pattern):
    """Return the instrument of a sound file: what `pattern` finds in its name, its folder, or what its name tells."""
    if pattern:
        found = pattern.search(sound.stem)
        if not found:
            raise BadInput(f'{sound}: --instrument {pattern.pattern} finds nothing in its name: give another pattern')
        return next((group for group in found.groups() if group), found[0])
    return folder or instrument_of(sound.stem)


def note_name(label, instrument, sound):
    """Return the name in the tree, 'label_name' or 'label_instrument--name', which tells the stages the instrument."""
    name = f'{label}_{sound.stem.removeprefix(f"{label}_")}'
    if instrument in (sound.stem, instrument_of(sound.stem)):  # the name tells it already
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


def plan(notes, labels, library, data, pattern, shares, seed):
    """Return {path in DATA: sound file} of all notes; `shares` are those of valid and test."""
    notes = [(label, instrument_name(folder, sound, pattern), sound) for label, folder, sound in notes]
    split_of = {}
    for label in labels:
        instruments = {instrument for other, instrument, _ in notes if other == label}
        if len(instruments) < FEWEST:
            raise BadInput(f'{library}: {label!r} has {len(instruments)} instruments, but train, valid and test '
                           'take one each: record more, remove the label, or tell them apart with --instrument')
        split_of |= {(label, instrument): split for instrument, split in
                     divide(instruments, label, shares, seed).items()}
    return {data / split_of[label, instrument] / 'audio' / f'{name}.wav': sound
            for name, (label, instrument, sound) in name_notes(notes, labels).items()}


def name_notes(notes, labels):
    """Return {name: (label, instrument, sound file)}; BadInput where the later stages would misread a name."""
    named, twice, owners = {}, [], {}
    for label, instrument, sound in notes:
        name = note_name(label, instrument, sound)
        if label_of(name, labels) != label or not name.isprintable():
            raise BadInput(f'{str(sound)!r} would be named {name!r}, no good name for the label {label!r}: rename it')
        if name in named:
            twice.append(f'{named[name][2]} and {sound} would both be named {name}.wav')
            continue
        named[name] = label, instrument, sound
        told = instrument_of(name)
        if owners.setdefault(told, instrument) != instrument:
            raise BadInput(f'{sound}: the stages would take {owners[told]!r} and {instrument!r} for one instrument, '
                           f'{told!r}: rename one of them')
    if twice:
        raise BadInput(f'{twice[0]} ({count_of(twice, "such pair")}): rename or remove one')
    return named


def refuse_others(data, targets, labels, settings):
    """Raise BadInput where DATA holds anything but what is to be written."""
    remedy = (f'give another --data, or remove {data}/train, {data}/valid, {data}/test, {data}/labels.txt and '
              f'{data}/split.json')
    for split in SPLITS:
        for found in map(Path, find_wavs(data, split).values()):
            if found not in targets or not is_of(found, targets[found]):
                raise BadInput(f'{found} is not what this library and these options would put there: {remedy}')
    path = data / 'labels.txt'
    if path.exists() and path.read_bytes() != lines_of(labels).encode():
        raise BadInput(f'{path} holds other labels: {remedy}')
    path = data / 'split.json'
    stored = load_json(path, 'split_notes.py') if path.exists() else settings
    if stored != settings:
        other = next(key for key in [*settings, *stored] if settings.get(key) != stored.get(key))
        raise BadInput(f'{path} was written with {other} {stored.get(other)}, not {settings.get(other)}: {remedy}')


def lines_of(labels):
    return ''.join(f'{label}\n' for label in labels)


def report(data, targets, converted, failed, n_alone):
    counts = {split: sum(target.parent.parent.name == split for target, sound in targets.items()
                         if sound not in failed) for split in SPLITS}
    print(f'{data}: ' + ', '.join(f'{count:,} notes in {split}' for split, count in counts.items()))
    if converted:
        print(f'converted to .wav: {count_of(converted)} ({by_extension(converted)})')
    for sound, reason in list(failed.items())[:N_FAILED_SHOWN]:
        print(f'left out: {printable(sound)}: {reason}')
    if len(failed) > N_FAILED_SHOWN:
        print(f'left out: {len(failed) - N_FAILED_SHOWN:,} more that cannot be read ({by_extension(failed)} in all)')
    if n_alone:
        print(f'{n_alone:,} files count as an instrument each. Where several are of one, as round robins are, give '
              'each instrument a folder, or --instrument: one instrument in two splits flatters the score')


def check_splits(targets, labels, failed):
    """Raise BadInput where a split has lost all notes of a label, since none of them could be converted."""
    places = {sound: (label_of(target.stem, labels), target.parent.parent.name) for target, sound in targets.items()}
    kept = {place for sound, place in places.items() if sound not in failed}
    for sound, (label, split) in places.items():
        if (label, split) not in kept:
            raise BadInput(f'{printable(sound)}: {failed[sound]}, and {split} has no other {label!r}: replace or '
                           'remove it')


# The command line.

def regular_expression(text):
    """The type of ``--instrument``."""
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f'{text!r} is no regular expression: {error}') from error


def share_of_instruments(text):
    """The type of ``--valid`` and ``--test``, neither of which may have none or all."""
    if not 0 < float(text) < 1:
        raise argparse.ArgumentTypeError(f'{text} is not between 0 and 1')
    return float(text)


def parse_arguments(argv):
    options = parser(__doc__.splitlines()[0], 'data')
    options.add_argument('library', type=Path, help='the folder of your recordings')
    options.add_argument('--labels', metavar='FILE', help='the labels, one a line, of a library without folders')
    options.add_argument('--instrument', type=regular_expression, metavar='REGEX',
                         help='what in the name of a file tells the instrument: its first group, or all it matches')
    options.add_argument('--valid', type=share_of_instruments, default=0.15, help='share of the instruments')
    options.add_argument('--test', type=share_of_instruments, default=0.15, help='share of the instruments')
    options.add_argument('--seed', type=random_seed, default=0, help='of the split')
    options.add_argument('--copy', action='store_true', help='copy the wavs instead of linking to them')
    options.add_argument('--jobs', type=process_count, default=-1, help='processes that convert; -1: one for each core')
    return options.parse_args(argv)


@command
def main(argv=None):
    args = parse_arguments(argv)
    if args.data.resolve().is_relative_to(args.library.resolve()):
        raise BadInput(f'{args.data} lies in {args.library}: give a --data outside')
    notes, labels, left_out = find_notes(args.library, args.labels)
    for line in left_out:  # before the plan: where a label is refused as too small, they tell why
        print(line)
    targets = plan(notes, labels, args.library, args.data, args.instrument, (args.valid, args.test), args.seed)
    settings = {'align_onset': True, 'instrument': args.instrument and args.instrument.pattern, 'valid': args.valid,
                'test': args.test, 'seed': args.seed}
    refuse_others(args.data, targets, labels, settings)
    save_json(args.data / 'split.json', settings)  # first, so that even a part of the split says what it is
    converted, failed = fill(targets, args.copy, args.jobs)
    save_text(args.data / 'labels.txt', lines_of(labels))
    n_alone = sum(not folder and instrument_of(sound.stem) == sound.stem for _, folder, sound in notes)
    report(args.data, targets, converted, failed, 0 if args.instrument else n_alone)
    check_splits(targets, labels, failed)


if __name__ == '__main__':
    raise SystemExit(main())
