"""The numbers that describe a dreamed note, their bounds, and where they start.

`benchmarks/measure_notes.py` measured 305 train notes of the demo, on which the general bounds rest. Those in MEASURED
are the middle nine tenths of the train notes of one family (`real_notes.py`), where these can be measured.
"""

from dataclasses import dataclass

import numpy as np

from deepdream.backend import tf

N_PARTIALS = 64  # at most
N_FORMANTS = 24  # knots over mel, 40 Hz to 8 kHz
N_BANDS = 16  # of noise, over mel
N_TIMES = 12  # nodes of the deviations, close together at the onset
N_PARTS, N_LEVEL_BANDS = 9, 24  # of a spectrum, over time and over mel, 40 Hz to 8 kHz: `band_levels.py`


@dataclass(frozen=True)
class Bound:
    """A parameter's lowest and highest value and where it starts; `is_log` where its logarithm moves evenly."""

    low: float
    high: float
    start: float
    is_log: bool = False

    def limits(self):
        """(low, high, start), as logarithms where `is_log`."""
        values = np.array([self.low, self.high, self.start], np.float32)
        return np.log(values) if self.is_log else values


BOUNDS = {
    'attack_seconds': Bound(0.004, 0.8, 0.03, is_log=True),  # real notes: 0 to 0.75 s, median 0.016
    'decay_db_per_second': Bound(-1.0, 56.0, 4.0),  # of the whole; nine of ten real notes: -0.2 to 44, median 4.5
    'slope_db_per_octave': Bound(-24.0, -2.0, -12.0),  # of the partials; nine of ten real notes: -22 to -4
    'harmonic_to_noise_db': Bound(6.0, 40.0, 25.0),  # nine of ten real notes: -1 to 38, median 23
    'release_seconds': Bound(0.1, 2.0, 0.2, is_log=True),  # to 60 dB down; a faster one spreads over the spectrum
    'decay_slope': Bound(0.0, 20.0, 1.0),  # dB/s more for every kHz
    'hold_seconds': Bound(0.3, 3.3, 2.7),
    'stretch': Bound(1e-7, 1e-4, 1e-6, is_log=True),  # of a stiff string: f_k = k f (1 + stretch k^2)^0.5
    'vibrato_cents': Bound(0.0, 12.0, 1.0),  # more would leave the 0.8 % around a partial that count as its own
    'burst_seconds': Bound(0.01, 0.2, 0.04, is_log=True),
}
MEASURED = tuple(BOUNDS)[:5]
IS_LOG = np.array([bound.is_log for bound in BOUNDS.values()])
LEAST_SHARE = 0.03  # of the way from low to high: where a start lies on a bound, it moves this far inside
GENERAL = np.stack([bound.limits() for bound in BOUNDS.values()])  # (len(BOUNDS), 3)
SIZES = {'number': N_PARTIALS, 'formants': N_FORMANTS, 'noise': N_BANDS, 'burst': N_BANDS,
         'deviation': N_TIMES * N_FORMANTS, 'noise_deviation': N_TIMES * N_BANDS, 'bounded': len(BOUNDS)}
N_PARAMETERS = sum(SIZES.values())


@dataclass
class Prior:
    """Where notes start and what bounds them: limits for `split` (n, len(BOUNDS), 3), and z (n, N_PARAMETERS).

    `levels` (n, 3, N_PARTS, N_LEVEL_BANDS) hold their spectra to those of real notes, as `fit_levels` gives them.
    """

    limits: np.ndarray
    start: np.ndarray
    levels: np.ndarray

    def of(self, rows):
        return Prior(self.limits[rows], self.start[rows], self.levels[rows])


# Any level is right.
NO_LEVELS = np.stack([np.full((N_PARTS, N_LEVEL_BANDS), one, np.float32) for one in (0, 0, np.inf)])
GENERAL_PRIOR = Prior(GENERAL[np.newaxis], np.zeros((1, N_PARAMETERS), np.float32), NO_LEVELS[np.newaxis])


def split(z, limits=GENERAL):
    """(n, N_PARAMETERS) -> {name: (n, size)}; those of BOUNDS as values (n, 1) in their units.

    `limits` (n or nothing, len(BOUNDS), 3) are as `Bound.limits` gives them; a z of 0 is the start.
    """
    parts = dict(zip(SIZES, tf.split(z, list(SIZES.values()), axis=1), strict=True))
    low, high, start = tf.unstack(tf.convert_to_tensor(limits, tf.float32), axis=-1)
    share = tf.clip_by_value((start - low) / (high - low), LEAST_SHARE, 1 - LEAST_SHARE)
    value = low + (high - low) * tf.sigmoid(parts.pop('bounded') + tf.math.log(share / (1 - share)))
    value = tf.where(IS_LOG, tf.exp(tf.where(IS_LOG, value, 0.0)), value)
    return parts | dict(zip(BOUNDS, tf.split(value, len(BOUNDS), axis=1), strict=True))
