"""Thin Style: give each band of a sound the mean and the standard deviation of another's level, and keep its phase."""

import itertools

import numpy as np

from deepdream.artifacts import BadInput
from deepdream.spectrum import HOP_LENGTH, N_BINS, N_FFT, N_SAMPLES, log_spectrum, magnitude

OCTAVES = 2 ** np.arange(3, 9)  # about where the bands meet, in bins: 125 Hz to 4 kHz
LOWEST_BIN = 2  # 31 Hz
LEEWAY = 1.25  # a third of an octave
RANGE_DB = 50.4  # below the loudest: what is weaker counts as silent
MOST_CHANGE_DB = 17.4  # of a band in a round
N_ROUNDS = 80
STATISTICS_REACHED = 0.01  # relative error
FEWEST_FRAMES = N_FFT // HOP_LENGTH + 1  # the first and the last of so many do not overlap


def band_edges(spectrum):
    """(251, 513) log spectrum -> (n_bands + 1,): the bins from LOWEST_BIN to 8 kHz that divide a sound into bands.

    A band is about an octave, but meets the next one where the sound's mean spectrum is least within LEEWAY: no gain
    parts the halves of a partial.
    """
    mean = magnitude(spectrum).mean(axis=0)
    ranges = [(int(np.ceil(edge / LEEWAY)), int(edge * LEEWAY) + 1) for edge in OCTAVES]
    return np.array([LOWEST_BIN, *(low + mean[low:high].argmin() for low, high in ranges), N_BINS])


def band_levels(spectrum, edges):
    """(251, 513) log spectrum -> (251, n_bands): each band's RMS magnitude in dB."""
    power = magnitude(spectrum).astype(np.float64) ** 2
    return 10 * np.log10(np.add.reduceat(power, edges[:-1], axis=1) / np.diff(edges) + 1e-20)


def between_bands(edges):
    """(n_bands, 513): the weights with which a gain of each band makes one of each bin, linear over log frequency."""
    centres = np.log(np.sqrt(edges[:-1] * edges[1:]))
    return np.array([np.interp(np.log(np.arange(N_BINS) + 0.5), centres, one) for one in np.eye(len(centres))])


def heard(levels):
    """Which frames and which bands are, in the mean, within 50 dB of the loudest."""
    frames = levels.max(axis=1) > levels.max() - RANGE_DB
    bands = levels[frames].mean(axis=0)
    return frames, bands > bands.max() - RANGE_DB


def with_own_partials(spectrum, edges):
    """Which bands have a partial of their own, (n_bands,).

    Where a band's strongest bin is weaker than the one beside it in the next band, what sounds there is the skirt of
    that band's partial, and no gain moves the two apart.
    """
    mean = magnitude(spectrum).mean(axis=0)
    strongest = [low + mean[low:high].argmax() for low, high in itertools.pairwise(edges)]
    return np.array([mean[i] >= mean[i - 1:i + 2].max() for i in strongest])


def statistics(levels, frames, bands):
    """(2, n_bands): mean and standard deviation of the bands over the frames.

    The mean in dB above a level 50.4 dB below the loudest band's, so that neither depends on how loud the whole is.
    """
    mean, deviation = levels[frames][:, bands].mean(axis=0), levels[frames][:, bands].std(axis=0)
    return np.stack([mean - mean.max() + RANGE_DB, deviation])


def thin_style(waveform, other, finish):
    """Return `waveform` (64000,) with the band statistics of `other`; `finish` makes it what the wav will hold.

    Every band is amplified from frame to frame. Frames and bands overlap, so that this takes rounds: each starts from
    what the last one really gave. Bands that one of the two lacks stay as they are: there is nothing to give or take.
    """
    import librosa
    stft = librosa.stft(waveform, n_fft=N_FFT, hop_length=HOP_LENGTH).T
    edges, frames, bands, wanted = common_ground(waveform, other)
    to_bins = between_bands(edges)
    gain, shaped, nearest = np.zeros((len(stft), len(to_bins))), finish(waveform), (np.inf, None)
    for _ in range(N_ROUNDS):
        levels = band_levels(log_spectrum(shaped), edges)
        have = statistics(levels, frames, bands)
        nearest = min(nearest, (relative_error(have, wanted), shaped), key=lambda one: one[0])
        if nearest[0] < STATISTICS_REACHED:
            break
        change = np.tile(wanted[0] - have[0], (len(stft), 1))
        if len(wanted) > 1:
            change += (levels[:, bands] - levels[frames][:, bands].mean(axis=0)) * (wanted[1] / have[1] - 1)
        gain[np.ix_(frames, bands)] += 0.5 * np.clip(change, -MOST_CHANGE_DB, MOST_CHANGE_DB)[frames]
        shaped = finish(librosa.istft((stft * 10 ** (gain @ to_bins / 20)).T, hop_length=HOP_LENGTH, length=N_SAMPLES))
    return nearest[1]


def common_ground(waveform, other):
    """Return the edges of the bands of `waveform`, the frames in which it sounds, the bands that both have, and the
    statistics of `other` there.

    Only the mean where one of the two sounds for less than FEWEST_FRAMES: frames that all overlap hold the same moment,
    and no gain makes them differ.
    """
    spectrum = log_spectrum(waveform)
    edges = band_edges(spectrum)
    levels = band_levels(log_spectrum(other), edges)
    frames, own_bands = heard(band_levels(spectrum, edges))
    other_frames, other_bands = heard(levels)
    bands = own_bands & other_bands
    with_partials = bands & with_own_partials(spectrum, edges)
    bands = with_partials if with_partials.any() else bands
    if not bands.any():
        raise BadInput('the two sounds have no frequency band in common: choose another --style')
    n_statistics = 2 if min(frames.sum(), other_frames.sum()) >= FEWEST_FRAMES else 1
    return edges, frames, bands, statistics(levels, other_frames, bands)[:n_statistics]


def relative_error(have, wanted):
    """How far statistics are from those that are wanted, which may be the mean only, relative to these."""
    return float(np.linalg.norm(have[:len(wanted)] - wanted) / np.linalg.norm(wanted))


def statistics_error(shaped, waveform, other):
    """How far `shaped`, made from `waveform`, is from the band statistics of `other`, relative to these."""
    edges, frames, bands, wanted = common_ground(waveform, other)
    return relative_error(statistics(band_levels(log_spectrum(shaped), edges), frames, bands), wanted)
