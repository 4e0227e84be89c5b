"""Dreams on the user's sounds by command: how they are named, written, and what is printed of them."""

import hashlib
import os
from contextlib import contextmanager

from deepdream.artifacts import BadInput, load_json
from deepdream.dreams.from_note import deep_note, describe, style_note
from deepdream.dreams.from_sound import CONTENT_LAYER, N_STRONGEST, deep_dream, deep_style, thin_dream
from deepdream.dreams.read_back import print_read_back
from deepdream.dreams.writer import load_sound

LONGEST_NAME = 200  # bytes, of 255 that a file system takes with '.tmp.', a digest and '.json'


def deep(dreamer, sound, layer, strength, kind, given):
    """Write the Deep Dream of a sound file, with the `given` settings of the ascent."""
    files, ending = {'sound_file': os.path.abspath(sound)}, '_note' if kind == 'note' else ''
    name = free_name(dreamer, f'deep_{sound.stem}_{layer}_{strength:g}{ending}', files)
    with naming(sound):
        if kind == 'note':
            note, report = deep_note(dreamer, load_sound(sound), layer, strength, **given)
            dreamed, spectrum = note.waveform, note.spectrum
        else:
            (dreamed, report), spectrum = deep_dream(dreamer, load_sound(sound), layer, strength, **given), None
    write(dreamer, name, dreamed, files | report, layer, spectrum)
    print(f'activation of {layer}: {report["layer_times"]:.2f} times what it was')


def style(dreamer, sound, style_sound, content_weight, given):
    """Write the Deep Style of two sound files, with the `given` settings of the ascent."""
    files = {'sound_file': os.path.abspath(sound), 'style_file': os.path.abspath(style_sound)}
    name = free_name(dreamer, f'style_{sound.stem}_{style_sound.stem}', files)
    content, other = load_sound(sound), load_sound(style_sound)
    with naming(sound, style_sound):
        dreamed, report = deep_style(dreamer, content, other, content_weight, **given)
    write(dreamer, name, dreamed, files | report, CONTENT_LAYER)
    print(f'style distance down by {1 - report["style_distance"]:.0%}, {report["strongest_kept"]} of the {N_STRONGEST} '
          f'strongest neurons of {CONTENT_LAYER} stay')


def style_as_note(dreamer, sound, style_sound, content_weight, n_between, given):
    """As `style`, of a note that stays one; also write `n_between` notes on the way from it to the other."""
    files = {'sound_file': os.path.abspath(sound), 'style_file': os.path.abspath(style_sound)}
    name = free_name(dreamer, f'style_{sound.stem}_{style_sound.stem}_note', files)
    content, other = load_sound(sound), load_sound(style_sound)
    with naming(sound, style_sound):
        note, report, between = style_note(dreamer, content, other, content_weight, n_between, **given)
    write(dreamer, name, note.waveform, files | report, CONTENT_LAYER, note.spectrum)
    print(f'style distance down by {1 - report["style_distance"]:.0%}')
    for number, one in enumerate(between, start=1):
        step = free_name(dreamer, f'{name}_between{number}', files)
        write(dreamer, step, one.waveform, files | describe(one), CONTENT_LAYER, one.spectrum)


def thin(dreamer, sound, style_sound):
    """Write the Thin Style of two sound files."""
    files = {'sound_file': os.path.abspath(sound), 'style_file': os.path.abspath(style_sound)}
    name = free_name(dreamer, f'thin_{sound.stem}_{style_sound.stem}', files)
    content, other = load_sound(sound), load_sound(style_sound)
    with naming(sound, style_sound):
        shaped, report = thin_dream(content, other)
    write(dreamer, name, shaped, files | report, CONTENT_LAYER)
    print('band statistics {before:.0%} off before, {after:.1%} after'.format(**report['statistics_error']))


def free_name(dreamer, name, files):
    """Return the name of a dream on sounds: `name`, or with a digest where it is too long or is that of other files.

    `files` are the report's entries about the sounds, with their absolute paths.
    """
    digest = hashlib.sha256('\n'.join(files.values()).encode(errors='surrogateescape')).hexdigest()[:8]
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = f'{os.fsencode(name)[:LONGEST_NAME - 9].decode(errors="ignore")}_{digest}'
    path = dreamer.path(f'{name}.json')
    if path.exists():
        stored = load_json(path, 'dream.py')
        if any(os.path.abspath(stored.get(key, '')) != file for key, file in files.items()):
            return f'{name}_{digest}'
    return name


@contextmanager
def naming(*files):
    """Say which files it is about where two sounds do not go together."""
    try:
        yield
    except BadInput as error:
        raise BadInput(f'{", ".join(map(str, files))}: {error}') from error


def write(dreamer, name, waveform, report, layer, spectrum=None):
    """Write a sound that came from a sound, and say what the network hears in it; of a note, with its `spectrum`."""
    report = dreamer.write(name, waveform, report, layer, optimised_spectrum=spectrum)
    print_read_back(name, report)
    probabilities = report['calibrated_probabilities']
    family = max(probabilities, key=probabilities.get)
    print(f'{dreamer.path("audio")}/{name}.wav: the network hears {family} ({probabilities[family]:.0%})')
