"""What real notes are like, on which the bounds of the dreamed notes rest: percentiles over train notes.

    python benchmarks/measure_notes.py [--data data] [--every 8]
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from deepdream.artifacts import load_json
from deepdream.audio import load_waveform
from deepdream.dreams.measures import partial_levels_db
from deepdream.dreams.note_parameters import N_BANDS
from deepdream.dreams.real_notes import BAND_EDGES_HZ, measure
from deepdream.notes import find_wavs
from deepdream.pitch import hertz

PERCENTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99)


def show(title, values):
    print(f'{title:38} {np.round(np.nanpercentile(values, PERCENTILES), 3)}')


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('--data', type=Path, default='data')
    options.add_argument('--every', type=int, default=8, help='of so many train notes, one is measured')
    args = options.parse_args()

    examples = load_json(args.data / 'train' / 'examples.json', 'render_notes.py')
    wavs = sorted(find_wavs(args.data, 'train').items())[::args.every]
    partials, measured = [], []
    for note, wav in wavs:
        waveform, hz = load_waveform(wav)[0], hertz(examples[note]['pitch'])
        levels = partial_levels_db(waveform, hz)[1]
        partials.append(levels - levels.max())
        measured.append(measure(waveform, hz))
    print(f'{len(wavs)} notes; percentiles {PERCENTILES}')
    measured = np.transpose(measured)
    for title, values in zip(('attack (s)', 'decay (dB/s)', 'slope of the partials (dB/octave)',
                              'harmonic-to-noise ratio (dB)', 'release (s)'), measured, strict=False):
        show(title, values)
    for number in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32):
        show(f'partial {number} below the strongest (dB)', [one[number - 1] for one in partials if len(one) >= number])
    for low, high, levels in zip(BAND_EDGES_HZ[:-1], BAND_EDGES_HZ[1:], measured[-N_BANDS:], strict=True):
        show(f'noise, {low:.0f} to {high:.0f} Hz (dB)', levels)


if __name__ == '__main__':
    main()
