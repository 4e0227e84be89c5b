"""What real notes are like, on which the bounds of the dreamed notes rest: percentiles over train notes.

    python benchmarks/measure_notes.py [--data data] [--every 8]
"""

import argparse
import itertools
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from deepdream.artifacts import load_json
from deepdream.audio import load_waveform
from deepdream.dreams.measures import (
    LONG_FFT,
    LONG_HOP,
    attack_seconds,
    decay_db_per_second,
    harmonic_to_noise_db,
    partial_bins,
    powers,
)
from deepdream.dreams.note_model import N_BANDS
from deepdream.notes import find_wavs
from deepdream.pitch import hertz
from deepdream.spectrum import SAMPLE_RATE

PERCENTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99)
WHITE_NOISE_DB = 28.3  # noise with a standard deviation of 1 has -28.3 dB in a bin, a sine of amplitude 1 has 0 dB

N_MEASURED = 40  # partials
HIGHEST_HZ = 7600.0  # of a partial: above it the sound fonts' and the wavs' own filters decide


def partial_levels_db(waveform, hz, start_seconds=0.1, end_seconds=0.6):
    """Return (frequencies in Hz, levels in dB) of partials 1 to 40 below 7.6 kHz, where the sound is steady."""
    part = waveform[round(start_seconds * SAMPLE_RATE):round(end_seconds * SAMPLE_RATE)]
    power = powers(part, LONG_FFT, LONG_HOP // 2).mean(axis=0)
    number = np.arange(1, N_MEASURED + 1)
    number = number[number * hz < HIGHEST_HZ]
    found_hz, found_db = [], []
    for k in number:
        center, reach = k * hz * LONG_FFT / SAMPLE_RATE, max(2.0, min(0.008 * k, 0.3) * hz * LONG_FFT / SAMPLE_RATE)
        bins = np.arange(max(1, int(np.floor(center - reach))), min(len(power) - 1, int(np.ceil(center + reach)) + 1))
        best = bins[np.argmax(power[bins])]
        found_hz.append(best * SAMPLE_RATE / LONG_FFT)
        found_db.append(10 * np.log10(power[best] + 1e-14))
    return np.array(found_hz), np.array(found_db)


def noise_levels_db(waveform, hz, edges_hz):
    """The level in dB of what lies between the partials in each band, as if it filled the band, (len(edges) - 1,)."""
    part = waveform[round(0.1 * SAMPLE_RATE):round(0.6 * SAMPLE_RATE)]
    power = powers(part, LONG_FFT, LONG_HOP // 2).mean(axis=0)
    between = ~partial_bins(hz, len(power), LONG_FFT)
    frequency = np.arange(len(power)) * SAMPLE_RATE / LONG_FFT
    levels = []
    for low, high in itertools.pairwise(edges_hz):
        inside = between & (frequency >= low) & (frequency < high)
        levels.append(10 * np.log10(np.median(power[inside]) + 1e-14) if inside.any() else np.nan)
    return np.array(levels)


def show(title, values):
    print(f'{title:38} {np.round(np.nanpercentile(values, PERCENTILES), 3)}')


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('--data', type=Path, default='data')
    options.add_argument('--every', type=int, default=8, help='of so many train notes, one is measured')
    args = options.parse_args()

    examples = load_json(args.data / 'train' / 'examples.json', 'render_notes.py')
    wavs = sorted(find_wavs(args.data, 'train').items())[::args.every]
    edges = 700 * np.expm1(np.linspace(np.log1p(40 / 700), np.log1p(8000 / 700), N_BANDS + 1))
    partials, noise, measured, slopes = [], [], [], []
    for note, wav in wavs:
        waveform, hz = load_waveform(wav)[0], hertz(examples[note]['pitch'])
        levels = partial_levels_db(waveform, hz)[1]
        partials.append(levels - levels.max())
        noise.append(noise_levels_db(waveform, hz, edges) - levels.max() + WHITE_NOISE_DB)
        measured.append((attack_seconds(waveform), decay_db_per_second(waveform), harmonic_to_noise_db(waveform, hz)))
        if len(levels) >= 6:
            slopes.append(np.polyfit(np.log2(np.arange(1, len(levels) + 1)), levels, 1)[0])
    print(f'{len(wavs)} notes; percentiles {PERCENTILES}')
    for title, values in zip(('attack (s)', 'decay (dB/s)', 'harmonic-to-noise ratio (dB)'),
                             zip(*measured, strict=True), strict=True):
        show(title, values)
    show('slope of the partials (dB/octave)', slopes)
    for number in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32):
        show(f'partial {number} below the strongest (dB)', [one[number - 1] for one in partials if len(one) >= number])
    for low, high, levels in zip(edges[:-1], edges[1:], np.transpose(noise), strict=True):
        show(f'noise, {low:.0f} to {high:.0f} Hz (dB)', levels)


if __name__ == '__main__':
    main()
