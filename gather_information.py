"""Stage 1: list the notes of each split and their class indices.

Reads labels.txt and DATA/{train,valid,test}/audio/*.wav; writes DATA/{split}_samples.txt (note names) and
DATA/{split}_labels.txt (class indices, i.e. line numbers of labels.txt counted from 0), line by line in step.
"""

import os
from collections import Counter
from pathlib import Path

from artifacts import SPLITS, BadInput, command, instrument_of, list_path, load_lines, parser, save_text

N_SHOWN = 10


def load_labels(path='labels.txt'):
    """Return the labels, one from each line that is not empty; line number = class index.

    Raises FileNotFoundError where there is no such file, BadInput where it holds no label, or one of them twice.
    """
    remedy = 'write one label a line into it, or give another file with --labels'
    if not Path(path).exists():
        raise FileNotFoundError(f'{path} is missing: {remedy}')
    try:
        labels = [line.strip() for line in load_lines(path, 'gather_information.py') if line.strip()]
    except BadInput as error:
        raise BadInput(f'{path} is no UTF-8 text: {remedy}') from error
    repeated = [label for label, count in Counter(labels).items() if count > 1]
    if not labels or repeated:
        fault = f'names {repeated[0]!r} twice' if repeated else 'is empty'
        raise BadInput(f'{path} {fault}: write each label once, one a line')
    return labels


def label_of(note, labels):
    """Return the longest label that `note` starts with, followed by '_'; None where there is none.

    >>> label_of('synth_lead_acoustic_001-060-100', ['synth', 'synth_lead'])
    'synth_lead'
    """
    return max((label for label in labels if note.startswith(label + '_')), key=len, default=None)


def find_wavs(data, split):
    """Return {note: path as str} of DATA/{split}/audio, sorted by note; without the folder there are none.

    Hidden and other files are ignored. Raises BadInput for two files of one note (a.wav, a.WAV) and for names that
    cannot be a line of a UTF-8 list.
    """
    wavs, folder = {}, Path(data) / split / 'audio'
    if not folder.is_dir():
        return wavs
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_file())
    for name in names:
        note, extension = os.path.splitext(name)
        if extension.lower() != '.wav' or name.startswith('.'):
            continue
        path = os.path.join(folder, name)
        if not note.isprintable():
            raise BadInput(f'{path!r}: the file name holds a line end or another unprintable character: rename it')
        if note in wavs:
            raise BadInput(f'{path} and {wavs[note]} are the same note: rename or remove one')
        wavs[note] = path
    return wavs


def find_splits(data):
    """Return the splits that have a folder of wavs."""
    found = [split for split in SPLITS if (Path(data) / split / 'audio').is_dir()]
    if not found:
        raise FileNotFoundError(f'{Path(data) / "train" / "audio"} is missing: run `python render_notes.py` or '
                                '`python download_nsynth.py` first, or name your own folder with --data')
    return found


def describe_unknown(unknown, n_notes, labels_file):
    shown = ', '.join(repr(note) for note in unknown[:N_SHOWN])
    return (f'{len(unknown)} of {n_notes} notes start with no label of {labels_file} followed by "_": {shown}'
            f'{", ..." if len(unknown) > N_SHOWN else ""}')


def print_counts(class_indices, labels):
    """Print a table: notes by label (rows) and split (columns)."""
    counts = {split: Counter(indices) for split, indices in class_indices.items()}
    width = max(len(label) for label in [*labels, 'label'])
    print(f'{"label":{width}}' + ''.join(f'{split:>9}' for split in counts))
    for index, label in enumerate(labels):
        print(f'{label:{width}}' + ''.join(f'{count[index]:9,}' for count in counts.values()))
    print(f'{"all":{width}}' + ''.join(f'{count.total():9,}' for count in counts.values()))


def warn_of_shared_instruments(notes):
    """Say where train holds instruments of valid or test: the score would then measure memory."""
    instruments = {split: {instrument_of(note) for note in names} for split, names in notes.items()}
    for split in ('valid', 'test'):
        shared = sorted(instruments.get('train', set()) & instruments.get(split, set()))
        if shared:
            print(f'warning: {len(shared)} instruments are in both train and {split}, which flatters the {split} '
                  f'score: {", ".join(shared[:N_SHOWN])}{", ..." if len(shared) > N_SHOWN else ""}')


@command
def main(argv=None):
    options = parser(__doc__.splitlines()[0], 'data')
    options.add_argument('--labels', default='labels.txt', help='the labels, one a line')
    options.add_argument('--skip-unknown', action='store_true', help='leave out notes that start with no label')
    args = options.parse_args(argv)

    labels = load_labels(args.labels)
    found = {split: {note: label_of(note, labels) for note in find_wavs(args.data, split)}
             for split in find_splits(args.data)}
    unknown = [note for split in found.values() for note, label in split.items() if label is None]
    n_notes = sum(len(split) for split in found.values())
    if unknown:
        message = describe_unknown(unknown, n_notes, args.labels)
        if not args.skip_unknown or len(unknown) == n_notes:
            raise BadInput(f'{message}: rename them, add their labels, or leave them out with --skip-unknown')
        print(f'left out: {message}')
    if not n_notes:
        raise BadInput(f'{args.data} holds no .wav file under {{train,valid,test}}/audio: put notes there')

    notes = {split: [note for note, label in pairs.items() if label] for split, pairs in found.items()}
    class_indices = {split: [labels.index(found[split][note]) for note in names] for split, names in notes.items()}
    for split, names in notes.items():
        save_text(list_path(args.data, split, 'samples'), ''.join(f'{note}\n' for note in names))
        save_text(list_path(args.data, split, 'labels'), ''.join(f'{index}\n' for index in class_indices[split]))
    for split in SPLITS:
        if not (args.data / split).exists():  # what an earlier run listed
            for kind in ('samples', 'labels', 'rejected'):
                list_path(args.data, split, kind).unlink(missing_ok=True)
    print_counts(class_indices, labels)
    warn_of_shared_instruments(notes)


if __name__ == '__main__':
    raise SystemExit(main())
