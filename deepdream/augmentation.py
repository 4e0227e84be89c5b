"""Train notes varied at random, so that the network learns the instrument and not the recording: pitch and timbre.

What is drawn for a note depends on the seed and on its place in the order of the training alone, so that a training
that goes on sees what it would have seen. Measured in docs/experiments.md.
"""

from typing import NamedTuple

import numpy as np

from deepdream.spectrum import DB_PER_NEPER, N_BINS, N_FFT, SAMPLE_RATE

MOST_SEMITONES = 4.0  # the frequency axis is stretched by up to so many, up or down
FILTER_DB = 0.35 * DB_PER_NEPER  # 3.04 dB: standard deviation of the level at each of the knots of a smooth filter
N_KNOTS = 6  # evenly over the mel scale
LOWEST_HZ = 40.0  # of the first knot


class Variations(NamedTuple):
    """How each of n notes is varied. TensorFlow takes it apart and hands it on as it is."""

    stretch: np.ndarray  # float32 (n,): a factor of the frequencies
    gains: np.ndarray    # float32 (n, 6): natural logarithm of the filter's gain at each knot


def draw_variations(n_notes, seed, start):
    """Return the Variations of the notes `start` to `start + n_notes` of the training."""
    drawn = np.random.default_rng([seed, start]).random((n_notes, 1 + N_KNOTS), np.float32)
    stretch = 2 ** (MOST_SEMITONES * (2 * drawn[:, 0] - 1) / 12)
    return Variations(stretch, FILTER_DB / DB_PER_NEPER * 12 ** 0.5 * (drawn[:, 1:] - 0.5))


def bin_frequencies():
    """Return the frequencies of the spectrum's bins in Hz, (513,)."""
    return np.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE)


def knot_weights(hertz):
    """(6, len(hertz)): the weights with which the knots make the level at each frequency, linearly over mel."""
    mel = np.log1p(np.maximum(hertz, LOWEST_HZ) / 700)
    knots = np.linspace(np.log1p(LOWEST_HZ / 700), np.log1p(hertz.max() / 700), N_KNOTS)
    return np.stack([np.interp(mel, knots, one) for one in np.eye(N_KNOTS)]).astype(np.float32)


def vary(spectra, variations, to_levels):
    """Stretch the frequency axis of log spectra (batch, 251, 513) and filter them.

    A bin takes the value of the nearest one of the recording; above its highest bin, that one's. `to_levels` (6, 513)
    is of `knot_weights`.
    """
    from deepdream.backend import tf
    bins = tf.range(N_BINS, dtype=tf.float32)
    sources = tf.cast(tf.round(bins / variations.stretch[:, tf.newaxis]), tf.int32)
    spectra = tf.gather(spectra, tf.minimum(sources, N_BINS - 1), axis=2, batch_dims=1)
    gain = tf.exp(variations.gains @ to_levels)[:, tf.newaxis]
    return tf.math.log(1 + (tf.exp(tf.cast(spectra, tf.float32)) - 1) * gain)
