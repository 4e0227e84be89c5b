"""Stage 1: list the notes of each split and their class indices.

Reads labels.txt and DATA/{train,valid,test}/audio/*.wav; writes DATA/{split}_samples.txt (note names) and
DATA/{split}_labels.txt (class indices, i.e. line numbers of labels.txt counted from 0), line by line in step.
"""

from collections import Counter
from pathlib import Path

from deepdream.artifacts import SPLITS, BadInput, list_path, save_text
from deepdream.command_line import command, parser
from deepdream.notes import find_wavs, instrument_of, label_of, load_labels

N_SHOWN = 10


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
