"""Draw dreams beside the strongest real note of the same unit, for the README.

    python benchmarks/plot_dreams.py fc2_017 fc3_00_bass [--data data] [--run run] --out docs/pictures/dreams.png
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from deepdream.artifacts import load_json, load_npy, spectrum_path
from deepdream.dreams.read_back import with_read_back


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('names', nargs='+')
    options.add_argument('--data', type=Path, default='data')
    options.add_argument('--run', type=Path, default='run')
    options.add_argument('--out', type=Path, default='docs/pictures/dreams.png')
    args = options.parse_args()
    figure = Figure(figsize=(2.5 * len(args.names), 4.6), layout='constrained')
    axes = figure.subplots(2, len(args.names), sharex=True, sharey=True, squeeze=False)
    for (above, below), name in zip(axes.T, args.names, strict=True):
        score = with_read_back(load_json(args.run / 'dreams' / f'{name}.json', 'dream.py'))['read_back']
        dream = load_npy(spectrum_path(args.run, 'dreams', name), 'dream.py')
        note = load_npy(spectrum_path(args.data, 'test', score['strongest_note']), 'extract_spectrum.py')
        for one, spectrum, title in ((above, dream, f'{name}: {score["activation"]:.3g}'),
                                     (below, note, f'real: {score["strongest_note_activation"]:.3g}')):
            one.imshow(spectrum.T.astype(np.float32), origin='lower', aspect='auto', cmap='magma', vmin=0, vmax=10,
                       extent=(0, 4, 0, 8))
            one.set_title(title, fontsize=9)
            one.set_ylim(0, 5)
        below.set_xlabel(score['strongest_note'], fontsize=6)
    figure.supylabel('kHz', fontsize=9)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out, dpi=70)


if __name__ == '__main__':
    main()
