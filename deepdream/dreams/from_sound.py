"""The tools that start from a sound: Deep Dream, Deep Style, Thin Style. Each returns (waveform (64000,), report)."""

from dataclasses import asdict

import numpy as np

from deepdream.dreams.ascent import Ascent, Settings, starting_noise
from deepdream.dreams.objectives import CONTENT_LAYER, layer_objective, style_objective
from deepdream.dreams.thin_style import statistics_error, thin_style
from deepdream.spectrum_tf import finish

DB_PER_STRENGTH = 20
N_STRONGEST = 10
STYLE_STEPS = 800
STYLE_BOUND_DB = 87
NOISE = 0.001  # -60 dB of the content's peak: what Deep Style starts from where the content is silent
# The sound itself is the limit:
FREELY = {'limit': 0.1, 'variation': 0.0, 'magnitude': 0.0, 'crest': 0.0, 'flatness': 0.0}


def deep_dream(dreamer, waveform, layer, strength, **given):
    """Amplify in a waveform (64000,) what excites a layer; nothing rises or falls by more than `strength` * 20 dB."""
    settings = Settings(**FREELY | {'bound_db': DB_PER_STRENGTH * strength} | given)
    objective = layer_objective(dreamer.model, layer)
    dreamed = Ascent(objective, 1, dreamer.mean, dreamer.std, settings, everywhere=True).climb(waveform[np.newaxis])[0]
    before = float(objective(dreamer.normalised(finish(waveform)))[0])
    after = float(objective(dreamer.normalised(dreamed))[0])
    return dreamed, {'layer': layer, 'strength': strength, 'settings': asdict(settings),
                     'layer_times': float(np.exp((after - before) / 2))}


def deep_style(dreamer, content, other, content_weight, **given):
    """Bring the style of one waveform near another's, and keep its activations of CONTENT_LAYER.

    The ascent amplifies what is there. So that it can make a style sound where the content is silent, it starts from
    the content with a hardly audible noise.
    """
    settings = Settings(**FREELY | {'bound_db': STYLE_BOUND_DB, 'jitter': False, 'steps': STYLE_STEPS} | given)
    distance, objective = style_objective(dreamer.model, dreamer.normalised(finish(content)),
                                          dreamer.normalised(finish(other)), content_weight)
    noise = starting_noise(dreamer.mean, dreamer.std, [settings.seed])
    start = content + NOISE * np.abs(content).max() * noise
    dreamed = Ascent(objective, 1, dreamer.mean, dreamer.std, settings, everywhere=True).climb(start)[0]
    kept = strongest_neurons(dreamer, finish(content)) & strongest_neurons(dreamer, dreamed)
    return dreamed, {'content_weight': content_weight, 'settings': asdict(settings),
                     'style_distance': float(distance(dreamer.normalised(dreamed))[0]), 'strongest_kept': len(kept)}


def strongest_neurons(dreamer, waveform):
    """Return the numbers of the neurons of CONTENT_LAYER that a sound excites most, as a set."""
    return set(np.argsort(-dreamer.activations_of(waveform)[CONTENT_LAYER][0])[:N_STRONGEST].tolist())


def thin_dream(content, other):
    """Give a waveform the band statistics of another."""
    shaped = thin_style(content, other, finish)
    return shaped, {'statistics_error': {'before': statistics_error(finish(content), content, other),
                                         'after': statistics_error(shaped, content, other)}}
