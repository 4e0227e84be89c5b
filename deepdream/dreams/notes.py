"""Units dreamed as notes: which pitches are tried, which is kept, and the sound of it."""

from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed

from deepdream.backend import tf
from deepdream.dreams.activations import families
from deepdream.dreams.measures import attack_seconds, decay_db_per_second, harmonic_to_noise_db
from deepdream.dreams.note_ascent import BATCH, NoteAscent, cosine
from deepdream.dreams.note_model import NoteModel
from deepdream.dreams.note_parameters import BOUNDS, split
from deepdream.dreams.objectives import note_objective
from deepdream.dreams.oscillators import waveforms
from deepdream.dreams.real_notes import family_priors, measured_notes
from deepdream.notes import note_attributes
from deepdream.pitch import HIGHEST_DREAMED, LOWEST_DREAMED, UNKNOWN, hertz
from deepdream.spectrum_tf import FULL_SCALE, PEAK, sounding_frames, window

N_PITCHES = 8  # tried of each unit
TRIAL_ROUNDS = 3  # after which half of them stay, then a quarter, then the best
N_RANGE_NOTES = 20  # the notes that excite a unit most: their pitches are its range
ANY_RANGE = (36, 84)  # where no note's pitch is known


@dataclass
class Note:
    """A dreamed note: its frequency, parameters (n_parameters,), waveform (64000,) as its wav holds it, the log
    spectrum (251, 513) that was optimised, {MIDI pitch: objective} of the pitches that were tried, each in its last
    round, and the limits (len(BOUNDS), 3) of its parameters."""

    hz: float
    z: np.ndarray
    waveform: np.ndarray
    spectrum: np.ndarray
    tried: dict
    limits: np.ndarray

    @property
    def pitch(self):
        """The nearest MIDI pitch."""
        return round(69 + 12 * float(np.log2(self.hz / 440)))

    def report(self):
        """What the report says of it, ready for JSON."""
        values = split(tf.constant(self.z[np.newaxis], tf.float32), self.limits[np.newaxis])
        return {'kind': 'note', 'pitch': self.pitch, 'hz': self.hz, 'pitches_tried': self.tried,
                'parameters': {name: float(values[name][0, 0]) for name in BOUNDS},
                'harmonic_to_noise_db': harmonic_to_noise_db(self.waveform, self.hz),
                'attack_seconds': attack_seconds(self.waveform),
                'decay_db_per_second': decay_db_per_second(self.waveform)}


def pitches_of_notes(dreamer):
    """The MIDI pitches of the test notes (n_notes,), -1 where unknown."""
    return note_attributes(dreamer.provider.data, 'test', dreamer.notes)['pitch']


def unit_range(of_notes, pitches):
    """Return (lowest, highest) MIDI pitch of the notes that excite a unit most, the outermost twentieth aside.

    `of_notes` and `pitches` (n_notes,) are the activations and the pitches of real notes.
    """
    known = np.flatnonzero(pitches != UNKNOWN)
    strongest = known[np.argsort(-of_notes[known], kind='stable')[:N_RANGE_NOTES]]
    if not len(strongest):
        return ANY_RANGE
    low, high = np.percentile(pitches[strongest], [5, 95])
    return tuple(int(np.clip(round(one), LOWEST_DREAMED, HIGHEST_DREAMED)) for one in (low, high))


def candidates(low, high):
    """At most N_PITCHES MIDI pitches from `low` to `high`, evenly."""
    return sorted({round(one) for one in np.linspace(low, high, N_PITCHES)})


def unit_priors(dreamer, layer):
    """The Prior of every unit of a layer: that of the family that it prefers."""
    labels, of_notes = dreamer.labels, dreamer.note_activations[layer]
    measured = measured_notes(dreamer.provider.data, labels, dreamer.path('train_notes.npz'))
    preferred = families(of_notes, dreamer.provider.class_indices['test'], len(labels))[0]
    return family_priors(*measured, len(labels)).of(np.arange(len(labels)) if layer == 'fc3' else preferred)


def best_rows(of_units, reached, n_best, halves):
    """The rows of the `n_best` values that each unit has reached, the best one first; with `halves`, of half of its
    values where these are more. `of_units` has the unit of each row."""
    rows_of = {unit: [row for row, one in enumerate(of_units) if one == unit] for unit in of_units}
    return [row for rows in rows_of.values()
            for row in sorted(rows, key=lambda row: -reached[row])[:max(n_best, halves * -(-len(rows) // 2))]]


class UnitNotes:
    """Dreams units of a layer as notes, of the given MIDI `pitches` or of those of the notes that excite each.

    A `few` units climb a note at a time and not compiled: to compile takes 10 s of processor time and saves 11 ms of
    each note's step.
    """

    def __init__(self, dreamer, layer, settings, pitches=(), make_objective=note_objective, few=False):
        self.settings, self.pitches, self.at_once = settings, list(dict.fromkeys(pitches)), 1 if few else BATCH
        self.of_notes = dreamer.note_activations[layer]
        self.note_pitches = pitches_of_notes(dreamer)
        self.prior = unit_priors(dreamer, layer)
        self.model = NoteModel(window(sounding_frames(dreamer.std)), seed=settings.seed)
        objective = make_objective(dreamer.model, layer, self.of_notes)
        self.ascent = NoteAscent(self.model, objective, dreamer.mean, dreamer.std, settings, compiled=not few)

    def dream(self, units, n_best=1):
        """Return [[Note]]: for each unit its `n_best` notes, of different pitches; fewer where fewer are tried."""
        z, kept, scores = self.try_pitches(units, n_best)
        z, _ = self.climb(z, kept, units, cosine(self.settings.rate, self.settings.steps))
        notes = sound(self.model, z, [hertz(pitch) for _, pitch in kept], [scores[i] for i, _ in kept],
                      self.prior.limits[[units[i] for i, _ in kept]])
        return [[note for note, (i, _) in zip(notes, kept, strict=True) if i == unit] for unit in range(len(units))]

    def try_pitches(self, units, n_best):
        """Climb some steps at every pitch of each unit, and go on with the better half of them, round after round.

        Successive halving: K. Jamieson and A. Talwalkar 2016, "Non-stochastic Best Arm Identification and
        Hyperparameter Optimization". Returns (parameters, [(index of a unit, pitch)] of the `n_best` notes of each
        unit, the best one first, [{pitch: the objective in the pitch's last round}] of the units).
        """
        tried = [self.pitches or candidates(*unit_range(self.of_notes[:, unit], self.note_pitches)) for unit in units]
        pairs, scores = [(i, pitch) for i, pitches in enumerate(tried) for pitch in pitches], [{} for _ in units]
        z = self.prior.start[[units[i] for i, _ in pairs]]
        rates = np.full(max(1, self.settings.trial_steps // TRIAL_ROUNDS), self.settings.rate)
        for rounds_left in reversed(range(TRIAL_ROUNDS)):
            z, reached = self.climb(z, pairs, units, rates)
            for (i, pitch), value in zip(pairs, reached, strict=True):
                scores[i][pitch] = round(float(value), 4)
            rows = best_rows([i for i, _ in pairs], reached, n_best, halves=rounds_left > 0)
            z, pairs = z[rows], [pairs[row] for row in rows]
        return z, pairs, scores

    def climb(self, z, named, units, rates):
        """Climb (index of a unit, pitch) pairs from parameters z, on all cores; return parameters and objectives."""
        def climb_some(start):
            rows = np.minimum(np.arange(start, start + self.at_once), len(z) - 1)  # the last one fills up the batch
            of_rows = [units[named[row][0]] for row in rows]
            part = self.ascent.climb(z[rows], hertz(np.array([named[row][1] for row in rows])), np.arange(self.at_once),
                                     (tf.constant(of_rows),), rates, self.prior.of(of_rows))
            return [one[:len(z) - start] for one in part]

        # On two cores, this takes about 0.9 of the time of one after the other: not all of a step uses all cores.
        parts = Parallel(n_jobs=-1, backend='threading')(
            delayed(climb_some)(start) for start in range(0, len(z), self.at_once))
        return [np.concatenate(part) for part in zip(*parts, strict=True)]


def sound(model, z, hz, tried, limits):
    """Return the Notes of parameters z (n, n_parameters), frequencies (n,) and limits (n, len(BOUNDS), 3)."""
    rows = [[tf.constant(one[i:i + 1], tf.float32) for one in (z, hz, limits)] for i in range(len(hz))]
    return [Note(float(hz[i]), z[i], as_written(waveforms(model, *row)[0]),
                 model.log_spectra(*row)[0].numpy(), tried[i], limits[i])
            for i, row in enumerate(rows)]


def as_written(waveform):
    """A note as its wav holds it: peak-normalised and rounded to 16 bits."""
    return (np.rint(waveform * (PEAK * FULL_SCALE / np.abs(waveform).max())) / FULL_SCALE).astype(np.float32)
