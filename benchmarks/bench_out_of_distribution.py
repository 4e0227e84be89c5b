"""What is out of distribution: artificial sounds of kinds that training has not met, and sounds of folders.

    python benchmarks/bench_out_of_distribution.py --notes DIR ... [--run run] [--outliers DIR ...]

`--notes` are single notes, which should be within the limit; `--outliers` are drums, effects or speech, which should be
beyond it. A row for each kind of outlier: the share beyond the limit, and the area under the ROC curve against each
kind of notes, all in %.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from deepdream.novelty import features_of, open_novelty, read_outliers
from deepdream.sound_files import find_sounds
from deepdream.spectrum import N_SAMPLES, SAMPLE_RATE
from deepdream.trained import open_network

N_EACH = 50


def artificial_sounds(rng):
    """Yield waveforms (64000,) of kinds that deepdream/outliers.py lacks."""
    time = np.arange(N_SAMPLES) / SAMPLE_RATE
    white = rng.normal(size=N_SAMPLES)
    swing = 1 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.3, 8) * time)
    high_low = np.where(np.sin(2 * np.pi * rng.uniform(0.5, 4) * time) > 0, 1, rng.uniform(0.6, 0.9))
    yield np.sin(2 * np.pi * np.cumsum(rng.uniform(60, 400) * swing) / SAMPLE_RATE)  # a siren
    yield np.sin(2 * np.pi * np.cumsum(rng.uniform(400, 2000) * high_low) / SAMPLE_RATE)  # an alarm of two tones
    yield white * (np.sin(2 * np.pi * rng.uniform(2, 8) * time) > 0)  # interrupted noise
    yield white * time  # swelling noise
    yield (np.arange(N_SAMPLES) % int(rng.uniform(0.02, 0.4) * SAMPLE_RATE) == 10).astype(float)  # regular clicks
    yield np.repeat(rng.normal(size=N_SAMPLES), rng.integers(2, 40))[:N_SAMPLES]  # noise sampled at a low rate


def as_notes(waveforms):
    """Yield waveforms at the level of notes."""
    for waveform in waveforms:
        yield (0.8 * waveform / np.abs(waveform).max()).astype(np.float32)


def log_odds_of_folder(network, novelty, folder):
    sounds, _ = find_sounds([folder])
    return novelty.log_odds(features_of(network, read_outliers(sounds)))


def print_table(novelty, notes, outliers):
    """Print the shares beyond the limit and the areas under the ROC curve, from {name: log odds}."""
    from sklearn.metrics import roc_auc_score
    print('notes beyond the limit: ' + ', '.join(f'{name} {novelty.are_out(odds).mean():.1%}'
                                                 for name, odds in notes.items()))
    print(f'\n| outliers | sounds | beyond the limit | {" | ".join(f"area against {name}" for name in notes)} |')
    print('|' + '---|' * (3 + len(notes)))
    for name, odds in outliers.items():
        areas = [roc_auc_score(np.repeat([0, 1], [len(within), len(odds)]), np.concatenate([within, odds]))
                 for within in notes.values()]
        print(f'| {name} | {len(odds)} | {100 * novelty.are_out(odds).mean():.1f} | '
              + ' | '.join(f'{100 * area:.1f}' for area in areas) + ' |')


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('--run', type=Path, default='run')
    options.add_argument('--notes', nargs='+', type=Path, required=True, metavar='DIR')
    options.add_argument('--outliers', nargs='+', type=Path, default=[], metavar='DIR')
    args = options.parse_args()

    network, novelty = open_network(args.run), open_novelty(args.run)
    if not novelty:
        raise SystemExit(1)
    rng = np.random.default_rng(0)
    artificial = as_notes(sound for _ in range(N_EACH) for sound in artificial_sounds(rng))
    outliers = {'artificial, other kinds': novelty.log_odds(features_of(network, artificial))}
    outliers |= {folder.name: log_odds_of_folder(network, novelty, folder) for folder in args.outliers}
    notes = {folder.name: log_odds_of_folder(network, novelty, folder) for folder in args.notes}
    print_table(novelty, notes, outliers)


if __name__ == '__main__':
    main()
