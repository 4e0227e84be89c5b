"""An instrument: one set of parameters that excites a unit at many pitches, its keys, and its SFZ file."""

import itertools

import numpy as np

from deepdream.artifacts import save_text
from deepdream.backend import tf
from deepdream.dreams.note_ascent import cosine
from deepdream.dreams.notes import sound, unit_range
from deepdream.pitch import HIGHEST_DREAMED, LOWEST_DREAMED, hertz
from deepdream.spectrum import SAMPLE_RATE

KEY_STEP = 3  # semitones from key to key
AT_ONCE = 8  # pitches at each step of the ascent
LEAST_WIDTH = 24  # semitones, of an instrument's range
LOOP_SECONDS = (0.7, 1.0, 1.7)  # a loop starts at the first and ends between the others
LOOP_WINDOW = 2048  # samples, 128 ms, that have to sound alike at both ends of a loop
LOOP_ALIKE = 0.98  # the least correlation of the two
LOOP_LEVEL_DB = 0.5  # by which the two may differ
MIDI_KEYS = 128


def keys_of(low, high):
    """Every third MIDI pitch over a unit's range, which is widened to two octaves where it is narrower."""
    short = max(0, LEAST_WIDTH - (high - low))
    low = max(LOWEST_DREAMED, low - short // 2)
    high = min(HIGHEST_DREAMED, max(high, low + LEAST_WIDTH))
    low = min(low, high - LEAST_WIDTH)
    return list(range(low, high + 1, KEY_STEP))


def dream_instrument(unit_notes, unit):
    """Climb one set of parameters at pitches over the range of a unit; return [Note], one for each key.

    The pitches are drawn anew at each step, one from each of AT_ONCE parts of the range, so that no key is left out.
    """
    settings = unit_notes.settings
    keys = unit_notes.pitches or keys_of(*unit_range(unit_notes.of_notes[:, unit], unit_notes.note_pitches))
    rates = np.r_[np.full(settings.trial_steps, settings.rate), cosine(settings.rate, settings.steps)]
    places = np.random.default_rng(settings.seed).uniform(size=(len(rates), AT_ONCE)) + np.arange(AT_ONCE)
    climbing = keys[0] + places / AT_ONCE * (keys[-1] - keys[0])
    prior = unit_notes.prior.of([unit] * AT_ONCE)
    z, _ = unit_notes.ascent.climb(prior.start[:1], hertz(climbing), np.zeros(AT_ONCE),
                                   (tf.constant([unit] * AT_ONCE),), rates, prior)
    return sound(unit_notes.model, np.repeat(z, len(keys), axis=0), hertz(np.array(keys)), [{}] * len(keys),
                 unit_notes.prior.limits[[unit] * len(keys)])


def loop_points(waveform):
    """Return (start, end) in samples between which a note (64000,) may be repeated, or None where it is not steady."""
    start, first, last = (round(seconds * SAMPLE_RATE) for seconds in LOOP_SECONDS)
    before = waveform[start:start + LOOP_WINDOW].astype(np.float64)
    after = np.lib.stride_tricks.sliding_window_view(waveform[first:last + LOOP_WINDOW].astype(np.float64), LOOP_WINDOW)
    energy, energies = np.sum(before ** 2), np.sum(after ** 2, axis=1)
    alike = after @ before / np.sqrt(energy * energies + 1e-12)
    alike[np.abs(10 * np.log10((energies + 1e-12) / (energy + 1e-12))) > LOOP_LEVEL_DB] = 0
    best = int(np.argmax(alike))
    return (start, first + best - 1) if alike[best] >= LOOP_ALIKE else None  # SFZ: the end belongs to the loop


def key_ranges(keys):
    """[(lowest, highest)] MIDI key of each region: what is nearest to each of the sorted `keys`, from 0 to 127."""
    borders = [(low + high) // 2 for low, high in itertools.pairwise(keys)]
    return list(zip([0, *(border + 1 for border in borders)], [*borders, MIDI_KEYS - 1], strict=True))


def sfz_text(notes, names, title):
    """The SFZ of an instrument's Notes, whose wavs are ../audio/{name}.wav from the folder of the SFZ file."""
    lines = [f'// {title}', '<global>', 'ampeg_release=0.3', '']
    for note, name, (low, high) in zip(notes, names, key_ranges([note.pitch for note in notes]), strict=True):
        lines += ['<region>', f'sample=../audio/{name}.wav', f'lokey={low}', f'hikey={high}',
                  f'pitch_keycenter={note.pitch}']
        loop = loop_points(note.waveform)
        lines += ['loop_mode=loop_continuous', f'loop_start={loop[0]}', f'loop_end={loop[1]}', ''] if loop else \
            ['loop_mode=no_loop', '']
    return '\n'.join(lines)


def write_sfz(path, notes, names, title):
    save_text(path, sfz_text(notes, names, title))
