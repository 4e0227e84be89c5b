"""Stage 1: list the notes of each split and their class indices.

Reads labels.txt and DATA/{train,valid,test}/audio/*.wav; writes DATA/{split}_samples.txt (note names) and
DATA/{split}_labels.txt (class indices, i.e. line numbers of labels.txt counted from 0), line by line in step.
"""

import os
from collections import Counter
from pathlib import Path

from deepdream.artifacts import SPLITS, BadInput, list_path, save_text
from deepdream.command_line import command, parser
from deepdream.notes import find_wavs, instrument_of, label_of, load_labels
from deepdream.sound_files import EXTENSIONS, UNREADABLE, by_extension, count_of, is_junk

N_NOTES_SHOWN = 10
OTHER_SOUNDS = (EXTENSIONS | UNREADABLE) - {'.wav'}


def find_splits(data):
    """Return the splits that have a folder of wavs."""
    found = [split for split in SPLITS if (Path(data) / split / 'audio').is_dir()]
    if not found:
        raise FileNotFoundError(f'{Path(data) / "train" / "audio"} is missing: run `python render_notes.py` or '
                                '`python download_nsynth.py` first, or name your own folder with --data')
    return found


def describe_others(data, splits):
    """Say which sound files of other formats lie beside the wavs, and the remedy; '' where there are none."""
    others = [Path(name) for split in splits for name in os.listdir(Path(data) / split / 'audio')
              if os.path.splitext(name)[1].lower() in OTHER_SOUNDS and not is_junk(name)]
    if not others:
        return ''
    return (f'{count_of(others)} under {data}/{{train,valid,test}}/audio that are not .wav ({by_extension(others)}): '
            'run `python split_notes.py` on the folder they come from, which converts what can be read here')


def describe_unknown(unknown, n_notes, labels_file):
    shown = ', '.join(repr(note) for note in unknown[:N_NOTES_SHOWN])
    return (f'{len(unknown)} of {n_notes} notes start with no label of {labels_file} followed by "_": {shown}'
            f'{", ..." if len(unknown) > N_NOTES_SHOWN else ""}')


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
                  f'score: {", ".join(shared[:N_NOTES_SHOWN])}{", ..." if len(shared) > N_NOTES_SHOWN else ""}')


def write_lists(data, notes, class_indices):
    """Write the lists of each split, and remove those of a split that is gone."""
    for split, names in notes.items():
        save_text(list_path(data, split, 'samples'), ''.join(f'{note}\n' for note in names))
        save_text(list_path(data, split, 'labels'), ''.join(f'{index}\n' for index in class_indices[split]))
    for split in SPLITS:
        if not (data / split).exists():
            for kind in ('samples', 'labels', 'rejected'):
                list_path(data, split, kind).unlink(missing_ok=True)


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
    others = describe_others(args.data, found)
    if not n_notes:
        raise BadInput(f'{args.data} holds no .wav file under {{train,valid,test}}/audio'
                       + (f', but {others}' if others else ': put notes there'))
    if others:
        print(f'left out: {others}')

    notes = {split: [note for note, label in pairs.items() if label] for split, pairs in found.items()}
    class_indices = {split: [labels.index(found[split][note]) for note in names] for split, names in notes.items()}
    write_lists(args.data, notes, class_indices)
    print_counts(class_indices, labels)
    warn_of_shared_instruments(notes)


if __name__ == '__main__':
    raise SystemExit(main())
