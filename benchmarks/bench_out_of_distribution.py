"""What is out of distribution: artificial sounds, the run's test notes, and wavs of a folder (of NSynth, say).

    python benchmarks/bench_out_of_distribution.py [--run run] [--wavs DIR]
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.signal import chirp, square

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from deepdream.artifacts import load_npy
from deepdream.audio import load_waveform
from deepdream.novelty import open_novelty
from deepdream.spectrum import N_SAMPLES, SAMPLE_RATE
from deepdream.trained import open_network

BATCH = 32


def coloured(rng, slope):
    """Noise whose magnitude falls with frequency to the power of `slope`."""
    hertz = np.fft.rfftfreq(N_SAMPLES, 1 / SAMPLE_RATE)
    return np.fft.irfft(np.fft.rfft(rng.normal(size=N_SAMPLES)) / np.maximum(hertz, 20) ** slope)


def artificial_sounds():
    """{name: waveform (64000,)}."""
    time, rng = np.arange(N_SAMPLES) / SAMPLE_RATE, np.random.default_rng(0)
    white = rng.normal(size=N_SAMPLES)
    return ({'white noise': white, 'pink noise': coloured(rng, 0.5), 'brown noise': coloured(rng, 1),
             'interrupted noise': white * (np.sin(2 * np.pi * 5 * time) > 0), 'swelling noise': white * time,
             'click': np.eye(1, N_SAMPLES, N_SAMPLES // 8)[0], 'clicks': np.arange(N_SAMPLES) % 4000 == 10,
             'linear sweep': chirp(time, 50, 4, 7500), 'logarithmic sweep': chirp(time, 50, 4, 7500, 'logarithmic')}
            | {f'sine of {hertz} Hz': np.sin(2 * np.pi * hertz * time) for hertz in (100, 440, 3000)}
            | {f'square wave of {hertz} Hz': square(2 * np.pi * hertz * time) for hertz in (100, 440, 2000)})


def is_out_of_distribution(network, novelty, waveforms):
    """Which of the waveforms (n, 64000) are beyond the limit, (n,)."""
    fc2 = [network.predict(waveforms[i:i + BATCH])[1] for i in range(0, len(waveforms), BATCH)]
    return novelty.distances(np.concatenate(fc2)) > novelty.limit


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('--run', type=Path, default='run')
    options.add_argument('--wavs', type=Path, metavar='DIR')
    args = options.parse_args()

    network, novelty = open_network(args.run), open_novelty(args.run)
    if not novelty:
        raise SystemExit(1)
    sounds = artificial_sounds()
    found = is_out_of_distribution(network, novelty, np.stack(list(sounds.values())).astype(np.float32))
    print(f'out of distribution are {found.sum()} of {len(found)} artificial sounds; not '
          + ', '.join(name for name, one in zip(sounds, found, strict=True) if not one))
    of_notes = novelty.distances(load_npy(args.run / 'activation.npy', 'activation.py')) > novelty.limit
    print(f'of the {len(of_notes):,} notes of the test split {of_notes.mean():.1%}')
    if args.wavs:
        waveforms = np.stack([load_waveform(wav)[0] for wav in sorted(args.wavs.glob('*.wav'))])
        share = is_out_of_distribution(network, novelty, waveforms).mean()
        print(f'of the {len(waveforms):,} wavs in {args.wavs} {share:.1%}')


if __name__ == '__main__':
    main()
