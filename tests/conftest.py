"""Known signals and small data folders for the tests."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

sys.path.insert(0, str(Path(__file__).parent.parent))

LABELS = ('bass', 'brass', 'flute', 'guitar', 'keyboard', 'mallet', 'organ', 'reed', 'string', 'synth_lead', 'vocal')
RATE = 16_000


def sine(frequency=440.0, seconds=4.0, rate=RATE, peak=0.8):
    """A sine, float32 of shape (seconds * rate,)."""
    return (peak * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def noise(seed=0, seconds=4.0, rate=RATE, peak=0.8):
    return np.random.default_rng(seed).uniform(-peak, peak, round(seconds * rate)).astype(np.float32)


def click(at=32_000):
    waveform = np.zeros(64_000, np.float32)
    waveform[at] = 0.9
    return waveform


def write_wav(path, waveform, rate=RATE, subtype='PCM_16'):
    """Write a waveform of shape (n,) or (n, channels); returns the path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, waveform, rate, subtype=subtype, format='WAV')
    return path


def write_notes(data, split, names, seed=0):
    """Write a decaying harmonic tone for every note name, another timbre for another label."""
    rng = np.random.default_rng(seed)
    time = np.arange(4 * RATE) / RATE
    for name in names:
        label = next((i for i, label in enumerate(LABELS) if name.startswith(label + '_')), 0)
        frequency = 110 * 2 ** rng.uniform(0, 2)
        tone = sum(np.sin(2 * np.pi * frequency * k * time) / k ** (0.3 + 0.25 * label) for k in range(1, 9))
        tone *= np.exp(-time * rng.uniform(0.2, 1.5))
        write_wav(data / split / 'audio' / f'{name}.wav', 0.8 * tone / np.abs(tone).max())


@pytest.fixture
def labels_txt(tmp_path):
    """A labels.txt with NSynth's eleven families."""
    path = tmp_path / 'labels.txt'
    path.write_text('\n'.join(LABELS) + '\n', encoding='utf-8')
    return path
