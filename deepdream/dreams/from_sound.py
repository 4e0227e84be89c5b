"""The tools that start from a sound: Deep Dream, Deep Style and Thin Style. Each returns (waveform, report)."""

from dataclasses import asdict

import numpy as np

from deepdream.dreams.ascent import Settings, ascend, starting_noise
from deepdream.dreams.objectives import CONTENT_LAYER, layer_objective, style_objective
from deepdream.dreams.thin_style import statistics_error, thin_style
from deepdream.spectrum_tf import finish

NEPERS_A_STRENGTH = 2.3  # 20 dB
N_STRONGEST = 10
STYLE_STEPS = 800
FLOOR = 0.001  # -60 dB, of the noise that Deep Style finds where the content is silent
# The sound itself is the limit:
FREELY = {'limit': 0.1, 'variation': 0.0, 'magnitude': 0.0, 'crest': 0.0, 'flatness': 0.0}


def deep_dream(dreamer, waveform, layer, strength, **given):
    """Amplify what a layer sees in a waveform (64000,); nothing rises or falls by more than `strength` times 20 dB."""
    settings = Settings(**FREELY | {'bound': NEPERS_A_STRENGTH * strength} | given)
    objective = layer_objective(dreamer.model, layer, dreamer.frames)
    dreamed = ascend(waveform[np.newaxis], objective, dreamer.provider, settings, everywhere=True)[0]
    before, after = (float(objective(dreamer.normalised(sound))[0]) for sound in (finish(waveform), dreamed))
    return dreamed, {'layer': layer, 'strength': strength, 'settings': asdict(settings),
                     'layer_times': float(np.exp((after - before) / 2))}


def deep_style(dreamer, content, other, content_weight, **given):
    """Bring the style of one waveform near another's, and keep what CONTENT_LAYER answers to it.

    The ascent amplifies what is there. So that it can make a style sound where the content is silent, it starts from
    the content with a hardly audible noise.
    """
    settings = Settings(**FREELY | {'bound': 10.0, 'jitter': False, 'steps': STYLE_STEPS} | given)
    distance, objective = style_objective(dreamer.model, *(dreamer.normalised(finish(one)) for one in (content, other)),
                                          dreamer.frames, content_weight)
    noise = starting_noise(dreamer.provider.mean, dreamer.provider.std, [settings.seed])
    start = content + FLOOR * np.abs(content).max() * noise
    dreamed = ascend(start, objective, dreamer.provider, settings, everywhere=True)[0]
    before, after = (set(np.argsort(-dreamer.heard(sound)[CONTENT_LAYER][0])[:N_STRONGEST].tolist())
                     for sound in (finish(content), dreamed))
    return dreamed, {'content_weight': content_weight, 'settings': asdict(settings),
                     'style_distance': float(distance(dreamer.normalised(dreamed))[0]),
                     'strongest_kept': len(before & after)}


def thin_dream(content, other):
    """Give a waveform the band statistics of another."""
    shaped = thin_style(content, other, finish)
    return shaped, {'statistics_error': {'before': statistics_error(finish(content), content, other),
                                         'after': statistics_error(shaped, content, other)}}
