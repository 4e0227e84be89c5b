"""Gradient ascent on the parameters of notes: Adam on a few hundred numbers a note, a batch of one size at a time."""

from dataclasses import dataclass

import numpy as np

from deepdream.artifacts import BadInput
from deepdream.backend import tf
from deepdream.dreams.ascent import Settings, jitters
from deepdream.dreams.band_levels import distance_to_levels
from deepdream.dreams.note_parameters import BOUNDS, GENERAL_PRIOR
from deepdream.spectrum import HOP_LENGTH, N_FRAMES, normalise

BATCH = 4  # notes at once: every climb of many units has this shape, so that XLA compiles it once
BETAS = (0.9, 0.99)  # of Adam
BOUNDED = 0.03  # how much farther from the start it is to move one of BOUNDS than one of all others


@dataclass(frozen=True)
class NoteSettings:
    """How notes climb. The weights are relative to an objective of about 1 for a strong real note."""

    steps: int = 120
    trial_steps: int = 15  # before them, at the pitch that is best of those tried
    rate: float = 0.1  # a step at first, of parameters that are at home within about +-2; falls to 0
    prior: float = 1.0  # weight of the parameters' mean square: how far they are from a plain note
    levels: float = 2.0  # weight of the mean square of how many deviations the spectrum is from the family's
    jitter: bool = True  # as of textures
    seed: int = 0


class NoteAscent:
    """An objective that notes climb: of (spectra (batch, 251, 513), normalised by `mean` and `std`, *its arguments).

    XLA compiles a step if it is to be `compiled`; the notes then come out otherwise, as far as rounding leads them.
    """

    def __init__(self, note_model, objective, mean, std, settings, compiled=True):
        tf.config.experimental.enable_op_determinism()
        self.settings, self.model = settings, note_model

        @tf.function(jit_compile=compiled, autograph=False)
        def step(z, moments, number, rate, hz, prior, group, other, jitter, arguments):
            limits, start, levels = prior
            with tf.GradientTape() as tape:
                tape.watch(z)
                sounds = tf.gather(z, group)
                spectra = note_model.spectra_of(note_model.controls(sounds, hz, limits), *other)
                reached = (objective(normalise(jittered(spectra, *jitter), mean, std), *arguments)
                           - settings.levels * distance_to_levels(spectra, hz, levels))
                loss = tf.reduce_sum(settings.prior * distance(sounds - start) - reached)
            return *adam(z, tf.convert_to_tensor(tape.gradient(loss, z)), moments, number, rate), reached

        self.step = step

    def climb(self, z, hz, group, arguments, rates, prior=GENERAL_PRIOR):
        """Climb from parameters z (groups, n_parameters), a step at each of the `rates`.

        Sound i has the parameters z[group[i]], the pitch hz[i] or, at each step, hz[step, i], and the i-th of each of
        the `arguments`, and of the Prior unless that is for all.
        Returns (z, the objective before the last step, less what the levels cost (batch,)).
        """
        z, n_steps = tf.constant(z, tf.float32), len(rates)
        moments = tf.zeros((2, *z.shape))
        hz, group = np.broadcast_to(np.float32(hz), (n_steps, len(group))), tf.constant(group, tf.int32)
        prior = [tf.constant(one, tf.float32) for one in (prior.limits, prior.start, prior.levels)]
        rng = np.random.default_rng(self.settings.seed) if self.settings.jitter else None
        every = jitters(Settings(steps=n_steps, jitter=self.settings.jitter, seed=self.settings.seed))
        for number, (jitter, rate) in enumerate(zip(every, rates, strict=True), start=1):
            z, moments, reached = self.step(z, moments, tf.constant(number, tf.float32), tf.constant(rate, tf.float32),
                                         tf.constant(hz[number - 1]), prior, group,
                                         other_sound(self.model, rng if number < n_steps else None),
                                         as_tensors(*jitter), arguments)
            if not np.isfinite(reached).all():
                raise BadInput(f'the ascent left the finite numbers at step {number} of {n_steps}: '
                               f'give a --rate below {self.settings.rate:g}')
        return z.numpy(), reached.numpy()


def distance(moved):
    """(n, N_PARAMETERS) -> (n,): the mean square, and BOUNDED times the square of those of BOUNDS."""
    return tf.reduce_mean(moved ** 2, axis=1) + BOUNDED * tf.reduce_sum(moved[:, -len(BOUNDS):] ** 2, axis=1)


def adam(z, gradient, moments, number, rate):
    """Return (z, moments) after a step of D. Kingma and J. Ba 2015, "Adam"."""
    first = BETAS[0] * moments[0] + (1 - BETAS[0]) * gradient
    second = BETAS[1] * moments[1] + (1 - BETAS[1]) * gradient ** 2
    move = first / (1 - BETAS[0] ** number) / (tf.sqrt(second / (1 - BETAS[1] ** number)) + 1e-8)
    return z - rate * move, tf.stack([first, second])


def other_sound(note_model, rng):
    """Phases of the partials and a shift of the noise, drawn anew, so that a note does not rest on a coincidence of
    its own: without this the class synth_lead kept 76 % of the optimised value. Those of the wav without an `rng`."""
    if rng is None:
        return tf.constant(note_model.phase), tf.constant(0)
    phases = rng.uniform(size=note_model.n_partials)
    return tf.constant(phases, tf.float32), tf.constant(rng.integers(N_FRAMES), tf.int32)


def as_tensors(shift, bins, log_gains):
    return (tf.constant(np.int32(np.rint(shift / HOP_LENGTH))), tf.constant(np.int32(bins)),
            tf.constant(np.float32(log_gains)))


def jittered(spectra, frames, bins, log_gains):
    """Log spectra, moved by frames and by bins, and filtered."""
    filtered = tf.math.log1p(tf.math.expm1(spectra) * tf.exp(log_gains))
    return tf.roll(filtered, (frames, bins), axis=(1, 2))


def cosine(rate, n_steps):
    """Rates that fall from `rate` to 0 as half a cosine."""
    return rate * (1 + np.cos(np.pi * np.arange(n_steps) / n_steps)) / 2
