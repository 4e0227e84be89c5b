"""Train notes varied at random, so that the network learns the instrument and not the recording.

Varied are pitch, timbre, tempo, the time at which a note ends, and the noise floor. Rendered notes are all held for
much the same time, which a network learns instead of the instrument. What is drawn for a note depends on the seed and
on its place in the order of the training alone, so that a training that goes on sees what it would have seen. Measured
in docs/experiments.md.
"""

from typing import NamedTuple

import numpy as np

from deepdream.spectrum import DB_PER_NEPER, N_BINS, N_FFT, N_FRAMES, SAMPLE_RATE

MOST_SEMITONES = 5.0  # the frequency axis is stretched by up to so many, up or down
FILTER_DB = 6.0  # standard deviation of the level at each of the knots of a smooth filter
N_KNOTS = 6  # as many semitones apart: 40, 115, 333, 961, 2,771 and 8,000 Hz
KNOT_HZ = np.geomspace(40, SAMPLE_RATE / 2, N_KNOTS)
MOST_TEMPO = 1.3  # the time axis is stretched by up to so much, faster or slower
ENDING = 0.5  # the share of notes that end early
END_FRAMES = (0.3 / 4 * N_FRAMES, 3.7 / 4 * N_FRAMES)  # 0.3 to 3.7 s: where they begin to die away
DECAY_DB = (13.6, 285.0)  # a second, how fast they do
NOISE_DB = (35.0, 70.0)  # how far the noise floor, at low frequencies, is below the loudest bin
PINK_DB = -3.01 * np.log2(np.maximum(KNOT_HZ / 260, 1))  # so that it is as strong in every semitone, see model.py
NOISE_TILT_DB = 6.5  # by which it is higher than that at the lowest or highest knot, and lower at the other
N_NOISE_FRAMES = 1024  # of a noise, from which every note takes some

SECONDS_PER_FRAME = 4 / N_FRAMES


class Variations(NamedTuple):
    """How each of n notes is varied. TensorFlow takes it apart and hands it on as it is. All but `noise_start` float32.

    Levels are natural logarithms of magnitudes.
    """

    pitch: np.ndarray        # (n,): a factor of the frequencies
    gains: np.ndarray        # (n, 6): the filter's gain at each knot
    tempo: np.ndarray        # (n,): how many times as fast
    end: np.ndarray          # (n,): the frame from which the note dies away; N_FRAMES where it does not
    decay: np.ndarray        # (n,): how much the level then falls in a frame
    noise: np.ndarray        # (n, 6): level of the noise at each knot, against the loudest bin
    noise_start: np.ndarray  # int32 (n,): the first frame of the noise


def draw_variations(n_notes, seed, start):
    """Return the Variations of the notes `start` to `start + n_notes` of the training."""
    drawn = np.random.default_rng([seed, start]).random((n_notes, 7 + N_KNOTS), np.float32)
    pitch, tempo, ends, end, decay, level, tilt = drawn[:, N_KNOTS:].T
    tilted = np.outer(NOISE_TILT_DB * (2 * tilt - 1), np.linspace(-1, 1, N_KNOTS))
    noise = PINK_DB + tilted - between(NOISE_DB, level)[:, np.newaxis]
    rows = np.random.default_rng([seed, start, 1]).integers(N_NOISE_FRAMES - N_FRAMES, size=n_notes, dtype=np.int32)
    variations = Variations(pitch=2 ** (MOST_SEMITONES * (2 * pitch - 1) / 12),
                            gains=FILTER_DB / DB_PER_NEPER * 12 ** 0.5 * (drawn[:, :N_KNOTS] - 0.5),
                            tempo=MOST_TEMPO ** (2 * tempo - 1),
                            end=np.where(ends < ENDING, between(END_FRAMES, end), N_FRAMES),
                            decay=between(DECAY_DB, decay) * SECONDS_PER_FRAME / DB_PER_NEPER,
                            noise=noise / DB_PER_NEPER, noise_start=rows)
    return variations._replace(**{name: getattr(variations, name).astype(np.float32)
                                  for name in Variations._fields[:-1]})


def between(bounds, drawn):
    """Return values between two bounds for `drawn`, which are between 0 and 1."""
    return bounds[0] + (bounds[1] - bounds[0]) * drawn


def bin_frequencies():
    """Return the frequencies of the spectrum's bins in Hz, (513,)."""
    return np.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE)


def knot_weights(hertz):
    """(6, len(hertz)): the weights with which the knots make the level at each frequency, linearly over semitones."""
    places = np.log2(np.clip(hertz, *KNOT_HZ[[0, -1]]))
    return np.stack([np.interp(places, np.log2(KNOT_HZ), one) for one in np.eye(N_KNOTS)]).astype(np.float32)


def noise_magnitudes(seed=0):
    """Return the magnitudes of a white noise of mean power 1, float32 of shape (1024, 513)."""
    return np.random.default_rng(seed).rayleigh(2 ** -0.5, (N_NOISE_FRAMES, N_BINS)).astype(np.float32)


def vary(spectra, loudest, variations, to_levels, noise):
    """Return log spectra (batch, 251, 513), whose maxima are `loudest` (batch,), as `variations` say, float32.

    A frame or a bin takes the value of the nearest one of the recording; above the highest bin, that one's, and after
    the last frame, silence. `to_levels` (6, 513) is of `knot_weights`, `noise` of `noise_magnitudes`.
    """
    from deepdream.backend import tf
    frames, bins = tf.range(N_FRAMES, dtype=tf.float32), tf.range(N_BINS, dtype=tf.float32)
    times = tf.cast(tf.round(frames * variations.tempo[:, tf.newaxis]), tf.int32)
    sources = tf.cast(tf.round(bins / variations.pitch[:, tf.newaxis]), tf.int32)
    floor = (tf.exp(tf.cast(loudest, tf.float32)) - 1)[:, tf.newaxis] * tf.exp(variations.noise @ to_levels)
    spectra = tf.gather(spectra, tf.minimum(times, N_FRAMES - 1), axis=1, batch_dims=1)
    spectra = tf.gather(spectra, tf.minimum(sources, N_BINS - 1), axis=2, batch_dims=1)
    fade = tf.exp(-tf.nn.relu(frames - variations.end[:, tf.newaxis]) * variations.decay[:, tf.newaxis])
    fade = tf.where(times < N_FRAMES, fade, 0)[..., tf.newaxis]
    magnitudes = (tf.exp(tf.cast(spectra, tf.float32)) - 1) * fade * tf.exp(variations.gains @ to_levels)[:, tf.newaxis]
    noise = tf.gather(noise, variations.noise_start[:, tf.newaxis] + tf.range(N_FRAMES))
    return tf.math.log(1 + tf.sqrt(magnitudes ** 2 + (floor[:, tf.newaxis] * noise) ** 2))
