"""Gradient ascent on sounds: what is shaped, what limits it, and the loop.

What is optimised is a gain in dB for every bin of a starting sound's STFT, at every eighth frame with straight lines
between, of at most `bound_db` up or down. Every iterate is a sound, scored as its wav will hold it. A gain multiplies,
so that it keeps what real notes have and noise lacks: few strong partials far above a weak rest.

The other way, to optimise the log magnitude (Fourier parameterisation, the same limits) and to invert it by Griffin-Lim
(200 rounds, momentum 0.99), lost: of eight neurons of the tutorial's network its wavs kept 14 to 33 % of the optimised
value, excited their neuron more in one case only, and were ten times as flat as real notes are.
"""

from dataclasses import dataclass

import numpy as np

from deepdream.artifacts import BadInput
from deepdream.augmentation import bin_frequencies
from deepdream.backend import keras, tf
from deepdream.command_line import progress
from deepdream.spectrum import DB_PER_NEPER, LOG_SCALE, N_BINS, N_FRAMES, N_SAMPLES, SAMPLE_RATE, magnitude, normalise
from deepdream.spectrum_tf import (
    as_written,
    flatness_of,
    istft,
    maximum,
    scaled_magnitudes,
    sounding_frames,
    stft,
    window,
)

LOWEST_HZ = 40.0  # of the partials of the starting noise, and of the jitter's first knot
N_JITTER_KNOTS = 6
NODE_FRAMES = 8  # 128 ms; a gain for every frame gives the same activation, but a spectrum full of specks
MAX_DEVIATIONS = 2.0  # of real notes, in a bin, before the limit begins to count
MAX_CREST = 12.0  # peak over RMS; one real note in a hundred has more than 19
MIN_FLATNESS = 1e-5  # spectral; one real note in a hundred has less than half of it
MOST_BINS = 3  # moved up or down by the jitter: 47 Hz
COMPILED_FROM = 100  # steps of one sound: to compile takes 5.5 s of processor time, and saves 14 to 18 ms a step
JITTER_DB = 0.7 * DB_PER_NEPER  # 6.1 dB: standard deviation of the jitter's filter at each of its knots


@dataclass(frozen=True)
class Settings:
    """How to climb. The weights are relative to an objective of about 1 for a strong real note."""

    steps: int = 200
    rate: float = 0.04  # of the bound, a step at first; falls to 0
    bound_db: float = 3 * DB_PER_NEPER  # 26 dB: with more the activation is stronger, but fewer other networks agree
    limit: float = 30.0  # weight of the standard deviations beyond MAX_DEVIATIONS
    variation: float = 1.0  # weight of the changes from frame to frame; from bin to bin a fifth
    magnitude: float = 0.1  # weight of the mean linear magnitude
    crest: float = 1.0  # weight of the natural logarithm of the crest factor over MAX_CREST
    flatness: float = 0.05  # weight of the natural logarithm of MIN_FLATNESS over the spectral flatness
    diversity: float = 0.5  # weight of the likeness of several dreams of one unit
    jitter: bool = True  # move, shift and filter the sound for all but the last fifth of the steps
    seed: int = 0


class Limits:
    """What a sound costs: bins louder than in real notes, roughness, loudness over all, peaks, a mere tone."""

    def __init__(self, mean, std, settings):
        self.settings = settings
        self.ceiling = mean + MAX_DEVIATIONS * std
        self.per_deviation = np.where(std > 0.1, 1 / np.maximum(std, 0.1), 0).astype(np.float32)

    def cost(self, waveforms, scaled):
        """(batch,), of waveforms as written and their `scaled_magnitudes`."""
        spectra = tf.math.log1p(scaled)
        over = tf.reduce_mean(tf.nn.relu(spectra - self.ceiling) * self.per_deviation, axis=(1, 2))
        in_time = tf.reduce_mean(tf.abs(spectra[:, 1:] - spectra[:, :-1]), axis=(1, 2))
        in_frequency = tf.reduce_mean(tf.abs(spectra[:, :, 1:] - spectra[:, :, :-1]), axis=(1, 2))
        linear = tf.reduce_mean(scaled, axis=(1, 2)) / LOG_SCALE
        crest = maximum(tf.abs(waveforms), axis=1) / tf.sqrt(tf.reduce_mean(waveforms ** 2, axis=1) + 1e-9)
        return (self.settings.limit * over + self.settings.variation * (in_time + 0.2 * in_frequency)
                + self.settings.magnitude * linear + self.settings.crest * tf.nn.relu(tf.math.log(crest / MAX_CREST))
                + self.settings.flatness * tf.nn.relu(tf.math.log(MIN_FLATNESS / flatness_of(scaled))))


def starting_noise(mean, std, seeds):
    """Waveforms (len(seeds), 64000) drawn from the statistics of real notes: random tones rather than hiss.

    The log magnitude of a bin has a standard deviation of about 2, 17 dB. Drawn anew for every line of the 4 s long
    spectrum and held over time, it makes a few lines stand out far above the others, as partials do.
    """
    frames = sounding_frames(std)
    hertz = np.fft.rfftfreq(N_SAMPLES, 1 / SAMPLE_RATE)
    bins = hertz * ((N_BINS - 1) * 2 / SAMPLE_RATE)
    level = magnitude(np.interp(bins, np.arange(N_BINS), mean[frames].mean(axis=0)))
    spread = np.interp(bins, np.arange(N_BINS), std[frames].mean(axis=0))
    level = level * np.clip(hertz / LOWEST_HZ - 1, 0, 1)
    loudness = magnitude(mean).sum(axis=1)
    envelope = np.interp(np.arange(N_SAMPLES), np.arange(N_FRAMES) * N_SAMPLES / (N_FRAMES - 1), loudness)

    def draw(seed):
        rng = np.random.default_rng(seed)
        normal = rng.normal(size=(3, len(hertz)))
        waveform = np.fft.irfft(level * np.exp(spread * normal[0]) * (normal[1] + 1j * normal[2])) * envelope
        return waveform / np.abs(waveform).max()

    return np.stack([draw(seed) for seed in seeds]).astype(np.float32)


class Shaped:
    """A batch of sounds, each a gain on a start; call it for the waveforms as their wavs would hold them."""

    def __init__(self, n_sounds, window_gain, bound_db):
        self.window_gain, self.bound = window_gain, bound_db / DB_PER_NEPER
        n_nodes = -(-N_FRAMES // NODE_FRAMES) + 1
        self.share = tf.Variable(tf.zeros((n_sounds, n_nodes, N_BINS)))

    def __call__(self, start, shift=0):
        """Of the STFT of the start, its real and its imaginary part, each (batch, 251, 513)."""
        gain = tf.exp(between(self.bound * tf.tanh(self.share)))
        return as_written(tf.roll(istft(tf.complex(start[0] * gain, start[1] * gain)), shift, axis=1),
                          self.window_gain)


def between(nodes):
    """Values (batch, n_nodes, 513) at every eighth frame -> at each, (batch, 251, 513), by straight lines."""
    low, high = nodes[:, :-1, tf.newaxis], nodes[:, 1:, tf.newaxis]
    share = np.arange(NODE_FRAMES, dtype=np.float32)[:, np.newaxis] / NODE_FRAMES
    return tf.reshape(low + (high - low) * share, (nodes.shape[0], -1, N_BINS))[:, :N_FRAMES]


def jitter_weights(hertz):
    """(6, 513): the weights with which six knots make the level at each frequency, linearly over mel from 40 Hz on."""
    mel = np.log1p(np.maximum(hertz, LOWEST_HZ) / 700)
    knots = np.linspace(mel[0], mel[-1], N_JITTER_KNOTS)
    return np.stack([np.interp(mel, knots, one) for one in np.eye(N_JITTER_KNOTS)]).astype(np.float32)


def jitters(settings):
    """Yield (shift in audio samples, shift in bins, log gains (513,) of a smooth filter) of every step; then none.

    +-64 ms, +-3 bins, a standard deviation of 6 dB at the filter's knots.
    """
    rng = np.random.default_rng(settings.seed)
    to_levels = jitter_weights(bin_frequencies())
    for step in range(settings.steps):
        if settings.jitter and step < 0.8 * settings.steps:
            knots = rng.normal(scale=JITTER_DB / DB_PER_NEPER, size=len(to_levels))
            yield rng.integers(-1024, 1025), rng.integers(-MOST_BINS, MOST_BINS + 1), knots @ to_levels
        else:
            yield 0, 0, np.zeros(N_BINS)


class Ascent:
    """An objective that sounds climb: of (spectra (n_sounds, 251, 513), normalised by `mean` and `std`, *arguments).

    XLA compiles a step once for all batches that climb, unless there is little to climb. The sounds end where real
    notes end, unless they may sound `everywhere`.
    """

    def __init__(self, objective, n_sounds, mean, std, settings, everywhere=False):
        tf.config.experimental.enable_op_determinism()
        frames = np.ones(N_FRAMES, bool) if everywhere else sounding_frames(std)
        self.settings = settings
        self.shaped, limits = Shaped(n_sounds, window(frames), settings.bound_db), Limits(mean, std, settings)
        self.optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(settings.rate, settings.steps))
        self.optimizer.build([self.shaped.share])

        @tf.function(jit_compile=n_sounds * settings.steps >= COMPILED_FROM)  # 16 sounds: 0.13 s a step against 0.29
        def step(start, shift, bins, log_gains, arguments):
            with tf.GradientTape() as tape:
                waveforms = self.shaped(start, shift)
                scaled = scaled_magnitudes(waveforms)
                filtered = tf.math.log1p(scaled * tf.exp(log_gains))
                reached = objective(normalise(tf.roll(filtered, bins, axis=2), mean, std), *arguments)
                loss = tf.reduce_sum(limits.cost(waveforms, scaled) - reached)
            gradient = tape.gradient(loss, self.shaped.share)
            rms = tf.reduce_mean(gradient ** 2, axis=(1, 2), keepdims=True) ** 0.5  # every sound at its own scale
            self.optimizer.apply_gradients([(gradient / (rms + 1e-12), self.shaped.share)])
            return loss

        self.step = step

    def climb(self, start, *arguments):
        """Return the waveforms (n_sounds, 64000), as written, that a start (n_sounds, 64000) becomes.

        Raises BadInput when the ascent leaves the finite numbers.
        """
        settings, arguments, start = self.settings, [tf.constant(one) for one in arguments], stft(tf.constant(start))
        start = tf.stack([tf.math.real(start), tf.math.imag(start)])
        for variable in (self.shaped.share, *self.optimizer.variables):
            variable.assign(tf.zeros_like(variable))
        for number, jitter in enumerate(progress(jitters(settings), settings.steps, 'ascent', 'step'), start=1):
            shift, bins, log_gains = jitter
            loss = self.step(start, tf.constant(np.int32(shift)), tf.constant(np.int32(bins)),
                             tf.constant(np.float32(log_gains)), arguments)
            if not np.isfinite(loss):
                raise BadInput(f'the ascent left the finite numbers at step {number} of {settings.steps}: '
                               f'give a --rate below {settings.rate:g}')
        return self.shaped(start).numpy()
