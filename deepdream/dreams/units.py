"""Units dreamed by command: which are missing, in which batches they climb, and what is printed of them."""

import functools

from deepdream.command_line import progress
from deepdream.dreams.ascent import Settings
from deepdream.dreams.instrument import dream_instrument, write_sfz
from deepdream.dreams.names import FEW, dream_name, parse_units, unit_name
from deepdream.dreams.note_ascent import NoteSettings
from deepdream.dreams.notes import UnitNotes
from deepdream.dreams.objectives import CONTENT_LAYER, instrument_objective
from deepdream.dreams.read_back import print_read_back
from deepdream.dreams.writer import DREAMS_AT_ONCE
from deepdream.map.atlas import write_atlas


def neuron(dreamer, layer, words, kind, pitches, n_dreams, given):
    """Dream `n_dreams` sounds of each unit that the `words` of ``--unit`` name, with the `given` settings."""
    units = parse_units(layer, words, dreamer.note_activations[layer].shape[1], dreamer.labels)
    if kind == 'note':
        reports = dream_notes(dreamer, layer, units, note_settings(given), pitches, n_dreams, len(units) <= FEW)
    else:
        reports = dream_textures(dreamer, layer, units, given, n_dreams)
    for name, report in reports.items():
        print_read_back(name, report)


def instrument(dreamer, layer, word, given):
    """Dream a unit as an instrument, a wav for every third key, and write its SFZ, with the `given` settings."""
    [unit] = parse_units(layer, [word], dreamer.note_activations[layer].shape[1], dreamer.labels)
    settings, title = note_settings(given), f'{unit_name(layer, unit, dreamer.labels)}_instrument'
    objective = functools.partial(instrument_objective, content_of_notes=dreamer.note_activations[CONTENT_LAYER])
    notes = dream_instrument(UnitNotes(dreamer, layer, settings, make_objective=objective), unit)
    names = [f'{title}_{note.pitch:03}' for note in notes]
    key = dreamer.note_key(layer, unit, settings) | {'kind': 'instrument', 'pitches': [note.pitch for note in notes]}
    for note, name in zip(notes, names, strict=True):
        print_read_back(name, dreamer.write(name, note.waveform, {'key': key} | note.report(), layer, unit,
                                            note.spectrum))
    for path in dreamer.path('').glob(f'{title}_[0-9][0-9][0-9].json'):
        if path.stem not in names:  # a key of an earlier range
            path.unlink()
    path = dreamer.path('sfz') / f'{title}.sfz'
    write_sfz(path, notes, names, title)
    print(f'{path}: {len(notes)} keys, to be opened in a sampler')


def dream_textures(dreamer, layer, units, given, n_dreams):
    """Dream `n_dreams` textures of each unit; return {name: report}."""
    dreams = [(unit, dream_name(layer, unit, dreamer.labels, 'texture', k)) for unit in units for k in range(n_dreams)]
    reports = dream_all(dreamer, layer, dreams, Settings(**given), n_dreams)
    return {name: report for (_, name), report in zip(dreams, reports, strict=True)}


def note_settings(given):
    """The NoteSettings of the ascent's settings that the command line gives: an eighth as many for the trials."""
    return NoteSettings(**given | ({'trial_steps': max(1, given['steps'] // 8)} if 'steps' in given else {}))


def dream_notes(dreamer, layer, units, settings, pitches=(), n_dreams=1, few=False):
    """Dream the `n_dreams` best notes of each unit, of the given MIDI pitches or of its own; return {name: report}."""
    notes_of, reports = UnitNotes(dreamer, layer, settings, pitches, few=few), {}
    with progress(total=len(units), description=f'{layer} notes', unit='dream') as bar:
        for start in range(0, len(units), DREAMS_AT_ONCE):
            some = units[start:start + DREAMS_AT_ONCE]
            names = [[dream_name(layer, unit, dreamer.labels, 'note', k) for k in range(n_dreams)] for unit in some]
            reports |= dreamer.write_notes(notes_of, layer, some, names)
            bar.update(len(some))
    return reports


def dream_all(dreamer, layer, dreams, settings, diversity=1):
    """Dream (unit, name) pairs in batches that keep the dreams of a unit together; return the reports."""
    size = max(1, DREAMS_AT_ONCE // diversity) * diversity
    reports = []
    with progress(total=len(dreams), description=layer, unit='dream') as bar:
        for start in range(0, len(dreams), size):
            units, names = zip(*dreams[start:start + size], strict=True)
            reports += dreamer.write_units(layer, list(units), names, settings)
            bar.update(len(units))
    return reports


def dream_missing(dreamer, layer, units, settings):
    """Dream those units of a layer whose texture, with these settings, is not there yet."""
    named = [(unit, dream_name(layer, unit, dreamer.labels, 'texture')) for unit in units]
    dream_all(dreamer, layer, [(unit, name) for unit, name in named
                               if not dreamer.is_dreamed(name, dreamer.key(layer, unit, settings))], settings)


def dream_missing_notes(dreamer, layer, units, settings):
    """Dream those units of a layer whose note, with these settings, is not there yet."""
    missing = [unit for unit in units if not dreamer.is_dreamed(dream_name(layer, unit, dreamer.labels, 'note'),
                                                                dreamer.note_key(layer, unit, settings))]
    if missing:
        dream_notes(dreamer, layer, missing, settings)


def atlas(dreamer, layers, given):
    """Dream the units of the layers that lack a dream with the `given` settings, and write the page."""
    for layer in layers:
        units = range(dreamer.note_activations[layer].shape[1])
        dream_missing_notes(dreamer, layer, units, note_settings(given))
        dream_missing(dreamer, layer, units, Settings(**given))
    print(f'{write_atlas(dreamer, layers)}: open it in a browser')
