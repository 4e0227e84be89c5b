"""Sounds of no instrument, made by NumPy: what a network may not take for a note (see deepdream/novelty.py).

Seven kinds in turn: coloured noise, noise in a band, clicks, syllables like those of speech, loops of hits, glides, and
clusters of partials that belong to no tone. benchmarks/bench_out_of_distribution.py tests with other kinds: one that is
added here must go there.
"""

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from deepdream.spectrum import N_SAMPLES, SAMPLE_RATE

PEAK = 0.8
AT_ONCE = 64  # 16 MB


def make_outliers(n_sounds, seed=0):
    """Yield `n_sounds` waveforms, float32 of shape (64000,), that peak at 0.8.

    A thread for each core makes them, AT_ONCE ahead: NumPy lets go of Python's lock.
    """
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        ahead = deque(threads.submit(make_outlier, seed, number) for number in range(min(AT_ONCE, n_sounds)))
        for number in range(AT_ONCE, AT_ONCE + n_sounds):
            if number < n_sounds:
                ahead.append(threads.submit(make_outlier, seed, number))
            yield ahead.popleft().result()


def make_outlier(seed, number):
    kinds = (coloured_noise, band_noise, clicks, syllables, hits, glides, clusters)
    waveform = kinds[number % len(kinds)](np.random.default_rng([seed, number]))
    return (waveform * (PEAK / np.abs(waveform).max())).astype(np.float32)


def envelope(rng):
    """Return one of four envelopes (64000,): steady, dying away, switched on and off, or wandering."""
    time = np.arange(N_SAMPLES) / SAMPLE_RATE
    kind = rng.integers(4)
    if kind == 0:
        return np.ones(N_SAMPLES)
    if kind == 1:
        return np.exp(-time * rng.uniform(1, 30))
    if kind == 2:
        return (np.sin(2 * np.pi * rng.uniform(1, 12) * time + 1) > rng.uniform(-0.8, 0.8)).astype(float)
    return np.interp(time, np.linspace(0, 4, 9), rng.uniform(0, 1, 9))


def shaped_noise(rng, gain, n_samples=N_SAMPLES):
    """Return noise (n_samples,) whose magnitude over the frequency in Hz is `gain`, a function."""
    hertz = np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE)
    return np.fft.irfft(np.fft.rfft(rng.normal(size=n_samples)) * gain(np.maximum(hertz, 20)), n_samples)


def log_uniform(rng, low, high):
    return np.exp(rng.uniform(np.log(low), np.log(high)))


def coloured_noise(rng):
    """Between blue and beyond brown."""
    slope = rng.uniform(-0.3, 1.3)
    return shaped_noise(rng, lambda hertz: hertz ** -slope) * envelope(rng)


def band_noise(rng):
    """Within a fraction of an octave to several."""
    center, width = log_uniform(rng, 80, 7000), rng.uniform(0.05, 0.8)
    return shaped_noise(rng, lambda hertz: np.exp(-(np.log(hertz / center) / width) ** 2)) * envelope(rng)


def clicks(rng):
    """1 to 400 single samples a second, at random."""
    clicked = rng.random(N_SAMPLES) < rng.uniform(1, 400) / SAMPLE_RATE
    clicked[0] = True  # at least one
    return clicked * rng.normal(size=N_SAMPLES)


def syllables(rng):
    """Hiss or a buzz of speaking pitch through three formants, 60 to 300 ms at a time."""
    waveform, start = np.zeros(N_SAMPLES), 0
    while start < N_SAMPLES:
        n_samples = int(rng.uniform(0.06, 0.3) * SAMPLE_RATE)
        formants = rng.uniform([250, 800, 2200], [900, 2400, 3500])
        buzz = np.interp(np.arange(n_samples) * rng.uniform(90, 260) / SAMPLE_RATE % 1, [0, 0.1, 1], [1, -1, 0])
        source = rng.normal(size=n_samples) if rng.random() < 0.4 else buzz
        hertz = np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE)
        gain = sum(level * np.exp(-((hertz - formant) / 120) ** 2)
                   for level, formant in zip((1, 0.5, 0.2), formants, strict=True))
        syllable = np.fft.irfft(np.fft.rfft(source) * gain, n_samples) * np.hanning(n_samples)
        waveform[start:start + n_samples] = syllable[:N_SAMPLES - start]
        start += n_samples + int(rng.uniform(0, 0.15) * SAMPLE_RATE)
    return waveform


def hits(rng):
    """A loop of noises and falling tones that die away, like a drum machine's, with gaps."""
    waveform, step = np.zeros(N_SAMPLES), int(rng.uniform(0.08, 0.35) * SAMPLE_RATE)
    for number, start in enumerate(range(0, N_SAMPLES, step)):
        if number and rng.random() < 0.3:
            continue
        time = np.arange(min(N_SAMPLES - start, SAMPLE_RATE // 2)) / SAMPLE_RATE
        tone = np.sin(2 * np.pi * log_uniform(rng, 50, 3000) * time * (1 + rng.uniform(0, 2) * np.exp(-20 * time)))
        source = rng.normal(size=len(time)) if rng.random() < 0.5 else tone
        waveform[start:start + len(time)] += source * np.exp(-time * rng.uniform(5, 60)) * rng.uniform(0.2, 1)
    return waveform


def glides(rng):
    """One to four tones, each gliding between frequencies of 50 Hz to 7 kHz; no voice holds a pitch."""
    time, waveform = np.linspace(0, 4, N_SAMPLES), np.zeros(N_SAMPLES)
    for _ in range(rng.integers(1, 5)):
        knots = rng.integers(2, 9)
        pitch = np.interp(time, np.linspace(0, 4, knots), rng.uniform(np.log(50), np.log(7000), knots))
        waveform += np.sin(2 * np.pi * np.cumsum(np.exp(pitch)) / SAMPLE_RATE)
    return waveform * envelope(rng)


def clusters(rng):
    """8 to 40 partials at random."""
    time = np.arange(N_SAMPLES) / SAMPLE_RATE
    partials = rng.uniform([60, 0, 0.1], [7000, 2 * np.pi, 1], (rng.integers(8, 41), 3))
    return sum(level * np.sin(2 * np.pi * hertz * time + phase) for hertz, phase, level in partials) * envelope(rng)
