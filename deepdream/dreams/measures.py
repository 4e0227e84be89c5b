"""What makes a sound a note: its partials, how far they stand above the noise, how it starts and how it dies away.

Everything is measured on a waveform (64000,) at 16 kHz whose fundamental frequency is known.
"""

import itertools

import numpy as np

from deepdream.spectrum import SAMPLE_RATE

LONG_FFT = 4096  # 256 ms: partials of C2, 65 Hz apart, are 17 bins apart
LONG_HOP = 1024
LOBE_BINS = 4  # beside a peak: twice the half width of a Hann window's main lobe
SHORT_WINDOW, SHORT_HOP = 256, 64  # 16 and 4 ms, of the level over time
FLOOR_DB = -40  # below the peak: where the decay is no longer followed
N_MEASURED = 40  # partials
WHITE_NOISE_DB = 28.3  # noise with a standard deviation of 1 has -28.3 dB in a bin, a sine of amplitude 1 has 0 dB
HIGHEST_HZ = 7600.0  # of a partial: above it the sound fonts' and the wavs' own filters decide


def powers(waveform, n_fft, hop):
    """The power (frames, bins) of a Hann-windowed waveform, not padded; a sine of amplitude a has a^2 at its peak."""
    frames = np.lib.stride_tricks.sliding_window_view(waveform, n_fft)[::hop]
    hann = np.hanning(n_fft + 1)[:-1]
    return np.abs(np.fft.rfft(frames * (2 / hann.sum() * hann), axis=1)) ** 2


def level_db(waveform):
    """Return (times in s, level in dB) of a waveform every 4 ms; silence has -120 dB."""
    squares = np.lib.stride_tricks.sliding_window_view(waveform.astype(np.float64) ** 2, SHORT_WINDOW)[::SHORT_HOP]
    times = (np.arange(len(squares)) * SHORT_HOP + SHORT_WINDOW / 2) / SAMPLE_RATE
    return times, 10 * np.log10(squares.mean(axis=1) + 1e-12)


def attack_seconds(waveform):
    """The time from 20 dB to 2 dB below the loudest level of the first 1.5 s: from a tenth to 0.8 of the amplitude."""
    times, level = level_db(waveform[:3 * SAMPLE_RATE // 2])
    above = level - level.max()
    return float(times[np.argmax(above >= -2)] - times[np.argmax(above >= -20)])


def decay_db_per_second(waveform, until_seconds=2.5):
    """How fast the level falls, by a straight line from where it is first within 3 dB of its peak.

    The line ends where the level is 40 dB down, and before the release. 0 where less than 40 ms are left.
    """
    times, level = level_db(waveform[:round(until_seconds * SAMPLE_RATE)])
    start = int(np.argmax(level > level.max() - 3))
    quiet = np.flatnonzero(level[start:] < level.max() + FLOOR_DB)
    end = start + quiet[0] if len(quiet) else len(level)
    if end - start < 10:
        return 0.0
    return float(-np.polyfit(times[start:end], level[start:end], 1)[0])


def release_seconds(waveform):
    """The time in which the level would fall by 60 dB where it falls most in 100 ms, from its peak on; at least 0.1."""
    _, level = level_db(waveform)
    level = np.maximum(level - level.max(), -60)
    hops = round(0.1 * SAMPLE_RATE / SHORT_HOP)
    fall = (level[:-hops] - level[hops:])[int(np.argmax(level[:-hops])):]
    return float(6 / max(fall.max(), 1))


def partial_bins(hz, n_bins, n_fft):
    """(n_bins,) whether a bin belongs to a partial of a fundamental `hz`, main lobe and stretched strings included."""
    spacing, width = hz * n_fft / SAMPLE_RATE, LOBE_BINS + 0.5
    number = np.arange(n_bins) / spacing
    nearest = np.maximum(np.rint(number), 1)
    return np.abs(number - nearest) * spacing < np.maximum(width, 0.008 * nearest * spacing).clip(max=0.3 * spacing)


def harmonic_to_noise_db(waveform, hz):
    """The power at the partials over that between them, the latter scaled to the whole spectrum; at most 80 dB.

    Frames more than 30 dB below the loudest do not count.
    """
    power = powers(waveform, LONG_FFT, LONG_HOP)
    total = power.sum(axis=1)
    power = power[total > 1e-3 * total.max()].mean(axis=0)
    partial = partial_bins(hz, len(power), LONG_FFT)
    noise = power[~partial].mean() * len(power)
    return float(10 * np.log10(power[partial].sum() / (noise + 1e-8 * power.sum())))


def clicks(waveform):
    """The largest step from sample to sample in the last 10 ms that sound and at the very start, over the peak."""
    peak = np.abs(waveform).max()
    ends = np.flatnonzero(np.abs(waveform) > 0)
    return float(max(abs(waveform[0]), abs(waveform[ends[-1]])) / peak)


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
