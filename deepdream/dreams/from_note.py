"""A user's note as parameters, and the dreams that start from it: deep, style and the notes between two.

The parameters are found as a dream is: by gradient ascent, here on the likeness to the sound's own spectrum.
"""

import functools
from dataclasses import asdict

import numpy as np

from deepdream.artifacts import BadInput
from deepdream.backend import tf
from deepdream.dreams.measures import LONG_FFT, LONG_HOP, powers
from deepdream.dreams.note_ascent import N_PARAMETERS, NoteAscent, NoteSettings, cosine
from deepdream.dreams.note_model import NoteModel
from deepdream.dreams.notes import sound
from deepdream.dreams.objectives import layer_objective, style_objective
from deepdream.spectrum import N_BINS, N_FRAMES, N_SAMPLES, SAMPLE_RATE, log_spectrum, magnitude
from deepdream.spectrum_tf import PEAK, finish

HEARD_HZ = (35.0, 2100.0)  # fundamentals that are looked for
LEAST_VOICED, LEAST_STEADY = 0.5, 0.75  # of the frames that sound; of these, within half a semitone of their median
FIT_STEPS = 300
FIT_RATE = 0.1
FIT_PRIOR = 0.002  # so that what the sound does not tell stays where a plain note has it
LEAST_FIT_DB = 6.0  # the sound over what its resynthesis lacks: with less, it is no note
TEXTURE = 'it is no single note of a steady pitch: give --as texture'


def fundamental_hz(waveform):
    """The fundamental frequency of a note (64000,); BadInput where it has no steady one."""
    import librosa
    part = waveform[:5 * SAMPLE_RATE // 2]
    found, voiced, _ = librosa.pyin(part, fmin=HEARD_HZ[0], fmax=HEARD_HZ[1], sr=SAMPLE_RATE)
    rms = librosa.feature.rms(y=part)[0]
    sounds = rms > 0.05 * rms.max()
    if not sounds.any() or np.mean(voiced[sounds]) < LEAST_VOICED:
        raise BadInput(TEXTURE)
    semitones = 12 * np.log2(found[voiced & sounds])
    if np.mean(np.abs(semitones - np.median(semitones)) < 0.5) < LEAST_STEADY:
        raise BadInput(TEXTURE)
    return refined_hz(part, float(2 ** (np.median(semitones) / 12)))


def refined_hz(waveform, hz, n_partials=8):
    """A fundamental, known to within a tenth of a semitone, from the peaks of its first partials: pYIN steps by 10
    cents, of which the 20th partial makes two bins."""
    power = np.log(powers(waveform, LONG_FFT, LONG_HOP).mean(axis=0) + 1e-14)
    found, weights = [], []
    for number in range(1, n_partials + 1):
        center = number * hz * LONG_FFT / SAMPLE_RATE
        bins = np.arange(max(1, int(0.99 * center) - 1), int(1.01 * center) + 3)
        if bins[-1] + 1 >= len(power):
            break
        best = bins[np.argmax(power[bins])]
        below, at, above = power[best - 1:best + 2]
        shift = np.clip(0.5 * (below - above) / (below - 2 * at + above - 1e-9), -0.5, 0.5)
        found.append((best + shift) * SAMPLE_RATE / LONG_FFT / number)
        weights.append(number * np.exp(at / 2))
    return float(np.average(found, weights=weights))


class Analysed:
    """A user's note: its frequency `hz`, parameters `z` (n_parameters,), and how well they make it again, `fit_db`."""

    def __init__(self, waveform, seed=0):
        self.hz, fit = fundamental_hz(waveform), fitting(seed)
        wanted = log_spectrum((PEAK / np.abs(waveform).max() * waveform).astype(np.float32))
        z, _ = fit.climb(np.zeros((1, N_PARAMETERS)), [self.hz], [0], (tf.constant(wanted[np.newaxis]),),
                         cosine(FIT_RATE, FIT_STEPS))
        self.model, self.z = fit.model, z[0]
        self.fit_db = resynthesis_db(self.note().waveform, wanted)
        if self.fit_db < LEAST_FIT_DB:
            raise BadInput(f'{TEXTURE} (its resynthesis reaches {self.fit_db:.1f} dB)')

    def note(self, z=None):
        """The Note of this pitch and of these parameters, or of its own."""
        return sound(self.model, (self.z if z is None else z)[np.newaxis], [self.hz], [{}])[0]

    def report(self):
        return {'sound_hz': self.hz, 'resynthesis_db': self.fit_db}


@functools.cache  # so that XLA compiles it once for all sounds
def fitting(seed):
    """The NoteAscent that finds the parameters of a sound, whose log spectrum is its argument (1, 251, 513)."""
    settings = NoteSettings(prior=FIT_PRIOR, jitter=False, seed=seed)
    as_they_are = np.zeros((N_FRAMES, N_BINS), np.float32), np.ones((N_FRAMES, N_BINS), np.float32)
    return NoteAscent(NoteModel(np.ones(N_SAMPLES, np.float32), seed=seed), likeness, *as_they_are, settings)


def likeness(spectra, wanted):
    """Minus the squared difference of the roots of the magnitudes, relative to the sound's: (batch,); 0 is the same.

    By the roots, loud partials count most, and what is 40 dB below them still counts a tenth.
    """
    apart = tf.sqrt(tf.math.expm1(spectra) + 1e-6) - tf.sqrt(tf.math.expm1(wanted) + 1e-6)
    return -10 * tf.reduce_sum(apart ** 2, axis=(1, 2)) / tf.reduce_sum(tf.math.expm1(wanted), axis=(1, 2))


def resynthesis_db(waveform, wanted):
    """The magnitudes of a log spectrum over what those of a waveform are off, in dB."""
    wanted = magnitude(wanted)
    return float(20 * np.log10(np.linalg.norm(wanted) / (np.linalg.norm(magnitude(log_spectrum(waveform)) - wanted)
                                                         + 1e-9)))


def climb_from(dreamer, analysed, objective, strength, given):
    """Return (Note, NoteSettings) of what an analysed note becomes; at strength 0 it is the resynthesis."""
    settings = NoteSettings(**given)
    ascent = NoteAscent(analysed.model, objective, dreamer.mean, dreamer.std, settings)
    z, _ = ascent.climb(analysed.z[np.newaxis], [analysed.hz], [0], (),
                        strength * cosine(settings.rate, settings.steps), start=analysed.z[np.newaxis])
    return analysed.note(z[0]), settings


def deep_note(dreamer, waveform, layer, strength, **given):
    """Let the parameters of a user's note (64000,) dream what excites a layer; return (Note, report)."""
    analysed, objective = Analysed(waveform, given.get('seed', 0)), layer_objective(dreamer.model, layer)
    note, settings = climb_from(dreamer, analysed, objective, strength, given)
    before, after = (float(objective(dreamer.normalised(one.waveform))[0]) for one in (analysed.note(), note))
    return note, note.report() | analysed.report() | {
        'layer': layer, 'strength': strength, 'settings': asdict(settings),
        'layer_times': float(np.exp((after - before) / 2))}


def style_note(dreamer, content, other, content_weight, n_between=0, **given):
    """Bring the parameters of one note near the style of another; return (Note, report, [Note] between the two)."""
    first, second = (Analysed(one, given.get('seed', 0)) for one in (content, other)) if n_between else (
        Analysed(content, given.get('seed', 0)), None)
    distance, objective = style_objective(dreamer.model, dreamer.normalised(first.note().waveform),
                                          dreamer.normalised(finish(other)), content_weight)
    note, settings = climb_from(dreamer, first, objective, 1.0, {'jitter': False} | given)
    report = note.report() | first.report() | {'content_weight': content_weight, 'settings': asdict(settings),
                                               'style_distance': float(distance(dreamer.normalised(note.waveform))[0])}
    return note, report, notes_between(first, second, n_between) if second else []


def notes_between(first, second, n_between):
    """[Note]: parameters and pitch on the way from one analysed note to another, both ends left out."""
    shares = np.arange(1, n_between + 1) / (n_between + 1)
    return [sound(first.model, ((1 - share) * first.z + share * second.z)[np.newaxis],
                  [first.hz ** (1 - share) * second.hz ** share], [{}])[0] for share in shares]
