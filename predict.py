"""Stage 9: what the network takes any sound for, how sure it is, and which notes of the run are nearest to it.

    python predict.py kick.wav loops/ --windows --json

Reads RUN/model.keras with its statistics, RUN/calibration.json and RUN/novelty.npz, and RUN/activation.npy where it is
there. Takes whatever libsndfile reads; of a sound longer than 4 s the loudest four, or with --windows every four
seconds. With --map the sounds become points of the sound map: kept in RUN/added/, drawn by sound_map.py.

What "unlike anything seen" means is told in novelty.py.
"""

import contextlib
import itertools
import json
import sys

import numpy as np

from deepdream.artifacts import BadInput, csv_text, require, save_text
from deepdream.audio import find_sounds, printable, windows_of
from deepdream.command_line import command, parser, progress

BATCH = 32


def read_windows(paths, every, failed):
    """Yield (path, start, waveform) of all sounds; put those that cannot be used into `failed`, {path: reason}."""
    for path in progress(paths, description='sounds', unit='sound'):
        try:
            for start, waveform in windows_of(path, every):
                yield path, start, waveform
        except (BadInput, OSError) as error:
            failed[path] = getattr(error, 'strerror', None) or str(error).removeprefix(f'{path}: ')


def predict_all(network, novelty, neighbourhood, windows):
    """Yield (row of the table, path, waveform at the training's level, fc2) of every window."""
    while batch := list(itertools.islice(windows, BATCH)):
        waveforms = np.stack([waveform for _, _, waveform in batch])
        all_probabilities, all_fc2 = network.predict(waveforms)
        distances = novelty.distances(all_fc2) if novelty else [None] * len(batch)
        for (path, start, _), waveform, probabilities, fc2, distance in zip(
                batch, network.level(waveforms), all_probabilities, all_fc2, distances, strict=True):
            row = {'file': printable(path), 'start': start, 'label': network.labels[probabilities.argmax()],
                   'probabilities': dict(zip(network.labels, map(float, probabilities), strict=True))}
            if novelty:
                row |= {'unlike_anything_seen': bool(distance > novelty.limit), 'distance': float(distance),
                        'limit': novelty.limit if np.isfinite(novelty.limit) else None}
            if neighbourhood:
                row['nearest'] = neighbourhood.nearest(fc2)
            yield row, path, waveform, fc2


def as_table(rows):
    width = max([len(row['file']) for row in rows], default=0)
    lines = []
    for row in rows:
        likely = sorted(row['probabilities'].items(), key=lambda pair: -pair[1])[:3]
        lines.append(f'{row["file"]:{width}}{row["start"]:9.1f} s  '
                     + ', '.join(f'{label} {100 * share:.0f} %' for label, share in likely)
                     + ('  ! unlike anything seen' if row.get('unlike_anything_seen') else ''))
        if 'nearest' in row:
            lines.append(f'    nearest: {", ".join(row["nearest"])}')
    return ''.join(f'{line}\n' for line in lines)


def as_csv(rows, labels):
    about = ('unlike_anything_seen', 'distance', 'limit')
    n_nearest = max([len(row.get('nearest', [])) for row in rows], default=0)
    head = ['file', 'start', 'label', *labels, *about, *(f'nearest_{i + 1}' for i in range(n_nearest))]
    return csv_text([head, *([row['file'], row['start'], row['label'],
                              *(f'{share:.6f}' for share in row['probabilities'].values()),
                              *(row.get(key, '') for key in about), *row.get('nearest', [])] for row in rows)])


def show(args, rows, labels):
    text = (as_csv(rows, labels) if args.csv else as_table(rows) if not args.json
            else json.dumps(rows, indent=2, ensure_ascii=False) + '\n')
    if args.output is not None:
        save_text(args.output, text)
    else:
        print(text, end='')


def options(argv):
    result = parser(__doc__.splitlines()[0], 'data', 'run')
    result.add_argument('sounds', nargs='+', metavar='SOUND', help='sound files, or folders with sound files in them')
    result.add_argument('--windows', action='store_true', help='every four seconds of a sound, not only the loudest')
    result.add_argument('--map', action='store_true', help='add the sounds to the sound map, and write it anew')
    form = result.add_mutually_exclusive_group()
    form.add_argument('--json', action='store_true', help='all there is to say as JSON instead of a table')
    form.add_argument('--csv', action='store_true', help='the same as CSV')
    result.add_argument('--output', metavar='FILE', help='write to this file instead of the terminal')
    return result.parse_args(argv)


@command
def main(argv=None):
    args = options(argv)
    from deepdream.map.page import write_sound_map
    from deepdream.map.user_sounds import add, keep
    from deepdream.neighbours import open_neighbourhood
    from deepdream.novelty import open_novelty
    from deepdream.trained import open_network
    if args.map:
        require(args.run / 'activation.npy', 'activation.py')
    network, novelty, neighbourhood = (opened(args.run) for opened in (open_network, open_novelty, open_neighbourhood))
    paths, failed, rows, to_add = find_sounds(args.sounds), {}, [], []
    for row, path, waveform, fc2 in predict_all(network, novelty, neighbourhood,
                                               read_windows(paths, args.windows, failed)):
        rows.append(row)
        if args.map:
            to_add.append(keep(args.run, row, path, waveform, fc2))
    show(args, rows, network.labels)
    for path, reason in failed.items():
        print(f'predict.py: {printable(path)}: {reason}', file=sys.stderr)
    status = int(bool(failed))
    if to_add:
        with contextlib.redirect_stdout(sys.stderr):  # what goes to stdout is the answer
            add(args.run, to_add)
            print(f'{write_sound_map(args.data, args.run)}: open it in a browser')
    return status


if __name__ == '__main__':
    raise SystemExit(main())
