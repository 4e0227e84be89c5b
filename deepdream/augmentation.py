"""Train notes varied at random, so that the network learns the instrument and not the recording: pitch and timbre.

What is drawn for a note depends on the seed and on its place in the order of the training alone, so that a training
that goes on sees what it would have seen. Measured in benchmarks/README.md.
"""

import numpy as np

from deepdream.spectrum import N_BINS

SEMITONES = 4.0  # the frequency axis is stretched by up to so many, up or down
NEPERS = 0.35  # standard deviation of the level, 3 dB, at each of the knots of a smooth filter
N_KNOTS = 6  # evenly over the mel scale
LOWEST = 40.0  # Hz


def draw(n_notes, seed, start):
    """Return what to do to the notes `start` to `start + n_notes` of the training.

    (stretch, knots): float32 of shape (n_notes,), a factor of the frequencies, and (n_notes, 6), nepers.
    """
    drawn = np.random.default_rng([seed, start]).random((n_notes, 1 + N_KNOTS), np.float32)
    stretch = 2 ** (SEMITONES * (2 * drawn[:, 0] - 1) / 12)
    return stretch, NEPERS * 12 ** 0.5 * (drawn[:, 1:] - 0.5)


def between_knots(hertz):
    """(N_KNOTS, len(hertz)): the weights with which the knots make the level at each frequency, linearly over mel."""
    mel = np.log1p(np.maximum(hertz, LOWEST) / 700)
    knots = np.linspace(np.log1p(LOWEST / 700), np.log1p(hertz.max() / 700), N_KNOTS)
    return np.stack([np.interp(mel, knots, one) for one in np.eye(N_KNOTS)]).astype(np.float32)


def vary(spectra, stretch, knots, to_levels):
    """Stretch the frequency axis of log spectra (batch, 251, 513) and filter them; `to_levels` is of `between_knots`.

    A bin takes the value of the nearest one of the recording; above its highest bin, that one's.
    """
    from deepdream.backend import tf
    bins = tf.range(N_BINS, dtype=tf.float32)
    sources = tf.cast(tf.round(bins / stretch[:, tf.newaxis]), tf.int32)
    spectra = tf.gather(spectra, tf.minimum(sources, N_BINS - 1), axis=2, batch_dims=1)
    gain = tf.exp(knots @ to_levels)[:, tf.newaxis]
    return tf.math.log(1 + (tf.exp(tf.cast(spectra, tf.float32)) - 1) * gain)
