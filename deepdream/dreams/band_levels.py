"""How loud the notes of a family are over frequency and time: what the spectrum of a dreamed note is held to.

Bounds of single parameters leave the whole free: in standardised MFCC statistics, dreams of classes were 6 to 12 from
the nearest train note, where the strongest real notes are 3 to 8 from it.
"""

import itertools

import numpy as np

from deepdream.backend import tf
from deepdream.dreams.note_controls import mel_weights
from deepdream.dreams.note_parameters import N_LEVEL_BANDS
from deepdream.spectrum import LOG_SCALE, N_BINS, N_FFT, N_FRAMES, SAMPLE_RATE

EDGES = np.array([0, 2, 5, 10, 20, 40, 75, 125, 187, N_FRAMES])  # frames: parts of a note, short ones at the onset
SILENT_POWER = (N_FFT / 4 * 1e-4) ** 2  # 80 dB below a sine of full scale
LEAST_DEVIATION_DB = 3.0
OF_BINS = mel_weights(np.arange(N_BINS) * SAMPLE_RATE / N_FFT, N_LEVEL_BANDS)
OF_BINS = OF_BINS / OF_BINS.sum(axis=0)
OF_FRAMES = np.array([(np.arange(N_FRAMES) >= low) & (np.arange(N_FRAMES) < high) for low, high
                      in itertools.pairwise(EDGES)], np.float32)
OF_FRAMES = OF_FRAMES / OF_FRAMES.sum(axis=1, keepdims=True)


def band_levels(spectra):
    """Log spectra (n, 251, 513) -> (n, N_PARTS, N_LEVEL_BANDS): the mean level in dB of each band in each part."""
    power = tf.matmul(tf.square(tf.math.expm1(spectra) / LOG_SCALE), OF_BINS)
    level = 10 / np.log(10).astype(np.float32) * tf.math.log(power + SILENT_POWER)
    return tf.matmul(OF_FRAMES, level)


def fit_levels(levels, octaves):
    """The levels (n, N_PARTS, N_LEVEL_BANDS) of notes, `octaves` (n,) above A4 -> (3, N_PARTS, N_LEVEL_BANDS) in dB.

    They are the level at A4 and what it rises in an octave, as a straight line has them, and the standard deviation
    around that line.
    """
    design, flat = np.stack([np.ones_like(octaves), octaves], axis=1), levels.reshape(len(levels), -1)
    line = np.linalg.lstsq(design, flat, rcond=None)[0]
    deviation = np.maximum((flat - design @ line).std(axis=0), LEAST_DEVIATION_DB)
    return np.stack([*line, deviation]).reshape(3, *levels.shape[1:]).astype(np.float32)


def distance_to_levels(spectra, hz, fitted):
    """(n,): the mean square, in standard deviations, of how far the levels of log spectra (n, 251, 513) of notes at
    `hz` (n,) are from those that `fit_levels` gave, (n or 1, 3, N_PARTS, N_LEVEL_BANDS)."""
    octaves = tf.math.log(hz / 440) / np.log(2).astype(np.float32)
    expected = fitted[:, 0] + fitted[:, 1] * octaves[:, tf.newaxis, tf.newaxis]
    return tf.reduce_mean(((band_levels(spectra) - expected) / fitted[:, 2]) ** 2, axis=(1, 2))
