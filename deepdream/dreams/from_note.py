"""The dreams that start from a user's note: deep, style and the notes between two. What comes out is a note, too."""

from dataclasses import asdict

import numpy as np

from deepdream.dreams.note_analysis import AnalysedModel, analyse, between, resynthesis_db
from deepdream.dreams.note_ascent import NoteAscent, NoteSettings, cosine
from deepdream.dreams.note_parameters import GENERAL, N_PARAMETERS
from deepdream.dreams.notes import sound
from deepdream.dreams.objectives import layer_objective, style_objective
from deepdream.spectrum_tf import finish


def note_of(model, z=None):
    """The Note of an AnalysedModel with parameters z (n_parameters,), or as it was analysed."""
    z = np.zeros(N_PARAMETERS) if z is None else z
    return sound(model, z[np.newaxis], [model.hz], [{}], GENERAL[np.newaxis])[0]


def analysed(waveform, seed=0):
    """Return (AnalysedModel, controls, report) of a note (64000,); BadInput where it is none."""
    controls = analyse(waveform)
    model = AnalysedModel(controls, seed)
    return model, controls, {'resynthesis_db': resynthesis_db(note_of(model).waveform, waveform)}


def climb_from(dreamer, model, objective, strength, given):
    """Return (Note, NoteSettings) of what an analysed note becomes; at strength 0 it is the resynthesis."""
    settings = NoteSettings(**given)
    ascent = NoteAscent(model, objective, dreamer.mean, dreamer.std, settings, compiled=False)  # one note
    z, _ = ascent.climb(np.zeros((1, N_PARAMETERS)), [model.hz], [0], (),
                        strength * cosine(settings.rate, settings.steps))
    return note_of(model, z[0]), settings


def describe(note):
    """A Note's report without the values of its parameters, which here only say what was changed."""
    return {name: value for name, value in note.report().items() if name not in ('parameters', 'pitches_tried')}


def deep_note(dreamer, waveform, layer, strength, **given):
    """Let a user's note (64000,) dream what excites a layer; return (Note, report)."""
    model, _, report = analysed(waveform, given.get('seed', 0))
    objective = layer_objective(dreamer.model, layer)
    note, settings = climb_from(dreamer, model, objective, strength, given)
    before, after = (float(objective(dreamer.normalised(one.waveform))[0]) for one in (note_of(model), note))
    return note, describe(note) | report | {'layer': layer, 'strength': strength, 'settings': asdict(settings),
                                            'layer_times': float(np.exp((after - before) / 2))}


def style_note(dreamer, content, other, content_weight, n_between=0, **given):
    """Bring one note near the style of another sound; return (Note, report, [Note] on the way between the two).

    For notes between them, the other sound must be a note, too.
    """
    seed = given.get('seed', 0)
    model, controls, report = analysed(content, seed)
    distance, objective = style_objective(dreamer.model, dreamer.normalised(note_of(model).waveform),
                                          dreamer.normalised(finish(other)), content_weight)
    note, settings = climb_from(dreamer, model, objective, 1.0, {'jitter': False} | given)
    report |= {'content_weight': content_weight, 'settings': asdict(settings),
               'style_distance': float(distance(dreamer.normalised(note.waveform))[0])}
    others = analysed(other, seed)[1] if n_between else None
    shares = np.arange(1, n_between + 1) / (n_between + 1)
    return note, describe(note) | report, [note_of(AnalysedModel(between(controls, others, share), seed))
                                           for share in shares]
