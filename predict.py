"""Stage 9: the instrument family of any sound, with its probability and the nearest notes of the run.

    python predict.py kick.wav loops/ --windows --json

Reads RUN/model.keras with its statistics, RUN/calibration.json and RUN/novelty.npz, and RUN/activation.npy where it is
there. Without --run, RUN is run/, or pretrained/, which comes with the scripts, where run/ holds no model.

The first time, it writes RUN/network.onnx, with which it later starts in a fraction of the time: TensorFlow stays out.

Takes whatever libsndfile reads; of a sound longer than 4 s the loudest 4 s, or with --windows every 4 s. With --map the
sounds become points of the sound map: kept in RUN/added/, drawn by sound_map.py.

What "out of distribution" means is told in deepdream/novelty.py.
"""

import contextlib
import itertools
import json
import sys

import numpy as np

from deepdream.artifacts import BadInput, csv_text, require, save_text
from deepdream.audio import windows_of
from deepdream.command_line import command, parser, progress
from deepdream.run_folder import choose_run, is_pretrained
from deepdream.sound_files import find_sounds, printable, reason_of

SOUNDS_AT_ONCE = 32


def read_windows(paths, every, failed):
    """Yield (path, start, waveform) of all sounds; put those that cannot be used into `failed`, {path: reason}."""
    for path in progress(paths, description='sounds', unit='sound'):
        try:
            for start, waveform in windows_of(path, every):
                yield path, start, waveform
        except (BadInput, OSError) as error:
            failed[path] = reason_of(path, error)


def predict_all(network, novelty, neighbourhood, windows):
    """Yield (row of the table, path, waveform at the training's level, fc2) of every window."""
    while batch := list(itertools.islice(windows, SOUNDS_AT_ONCE)):
        paths, starts, waveforms = zip(*batch, strict=True)
        waveforms = np.stack(waveforms)
        probabilities, fc2, features = network.predict(waveforms)
        rows = [{'file': printable(path), 'start': start, 'label': network.labels[of_one.argmax()],
                 'probabilities': dict(zip(network.labels, map(float, of_one), strict=True))}
                for path, start, of_one in zip(paths, starts, probabilities, strict=True)]
        if novelty:
            limit = novelty.limit if np.isfinite(novelty.limit) else None
            log_odds = novelty.log_odds(features)
            for row, odds, is_out in zip(rows, log_odds, novelty.are_out(log_odds).tolist(), strict=True):
                row |= {'out_of_distribution': is_out, 'unlike_anything_seen': is_out,  # the second is its name before
                        'log_odds': float(odds), 'limit': limit}
        if neighbourhood:
            for row, nearest in zip(rows, neighbourhood.nearest(fc2), strict=True):
                row['nearest'] = nearest
        yield from zip(rows, paths, network.level(waveforms), fc2, strict=True)


def require_map(run):
    """Raise FileNotFoundError where RUN lacks what the sound map is drawn from."""
    if is_pretrained(run) and not (run / 'tsne.json').exists():
        raise FileNotFoundError(f'{run}/tsne.json is missing, because {run}/ has no sound map: run `make demo` first, '
                                'or give the --run of a sound map')
    require(run / 'activation.npy', 'activation.py')
    require(run / 'tsne.json', 'tsne.py')


# What is shown.

def as_table(rows):
    width = max([len(row['file']) for row in rows], default=0)
    lines = []
    for row in rows:
        likely = sorted(row['probabilities'].items(), key=lambda pair: -pair[1])[:3]
        lines.append(f'{row["file"]:{width}}{row["start"]:9.1f} s  '
                     + ', '.join(f'{label} {100 * share:.0f} %' for label, share in likely)
                     + ('  ! out of distribution' if row.get('out_of_distribution') else ''))
        if 'nearest' in row:
            lines.append(f'    nearest: {", ".join(row["nearest"])}')
    return ''.join(f'{line}\n' for line in lines)


def as_csv(rows, labels):
    about = ('out_of_distribution', 'unlike_anything_seen', 'log_odds', 'limit')
    n_nearest = max([len(row.get('nearest', [])) for row in rows], default=0)
    head = ['file', 'start', 'label', *labels, *about, *(f'nearest_{i + 1}' for i in range(n_nearest))]
    return csv_text([head, *([row['file'], row['start'], row['label'],
                              *(f'{share:.6f}' for share in row['probabilities'].values()),
                              *(row.get(key, '') for key in about), *row.get('nearest', [])] for row in rows)])


def as_json(rows):
    return json.dumps(rows, indent=2, ensure_ascii=False) + '\n'


def parse_arguments(argv):
    options = parser(__doc__.splitlines()[0], 'data', 'network')
    options.add_argument('sounds', nargs='+', metavar='SOUND', help='sound files, or folders with sound files in them')
    options.add_argument('--windows', action='store_true', help='every four seconds of a sound, not only the loudest')
    options.add_argument('--map', action='store_true', help='add the sounds to the sound map, and write it anew')
    form = options.add_mutually_exclusive_group()
    form.add_argument('--json', action='store_true', help='all there is to say as JSON instead of a table')
    form.add_argument('--csv', action='store_true', help='the same as CSV')
    options.add_argument('--output', metavar='FILE', help='write to this file instead of the terminal')
    return options.parse_args(argv)


@command
def main(argv=None):
    args = parse_arguments(argv)
    run = choose_run(args.run, 'predict.py')
    if args.map:
        require_map(run)
        from deepdream.map.user_sounds import add_to_map, store_sound
    from deepdream.neighbours import open_neighbourhood
    from deepdream.novelty import open_novelty
    from deepdream.trained import open_quickly
    network, novelty, neighbourhood = open_quickly(run), open_novelty(run), open_neighbourhood(run)
    failed, rows, to_add = {}, [], []
    sounds, left_out = find_sounds(args.sounds)
    windows = read_windows(sounds, args.windows, failed)
    for row, path, waveform, fc2 in predict_all(network, novelty, neighbourhood, windows):
        rows.append(row)
        if args.map:
            to_add.append(store_sound(run, row, path, waveform, fc2))
    text = as_csv(rows, network.labels) if args.csv else as_json(rows) if args.json else as_table(rows)
    if args.output is None:
        print(text, end='')
    else:
        save_text(args.output, text)
    for line in [*left_out, *(f'{printable(path)}: {reason}' for path, reason in failed.items())]:
        print(f'predict.py: {line}', file=sys.stderr)
    if to_add:
        from deepdream.map.page import write_sound_map
        with contextlib.redirect_stdout(sys.stderr):  # what goes to stdout is the answer
            add_to_map(run, to_add)
            print(f'{write_sound_map(args.data, run)}: open it in a browser')
    return 1 if failed else 0


if __name__ == '__main__':
    raise SystemExit(main())
