"""The units and the dreams, by name. It imports no TensorFlow, so that the options of dream.py need none."""

from deepdream.artifacts import BadInput

LAYERS = ('conv1', 'conv2', 'conv3', 'conv4', 'fc1', 'fc2', 'fc3')
KINDS = ('note', 'texture')  # of dreams
FEW = 2  # units whose notes are not worth compiling


def parse_units(layer, words, n_units, labels):
    """Class indices or unit numbers from the words of ``--unit``; 'all' stands for every unit of the layer."""
    names = labels if layer == 'fc3' else []
    if words == ['all']:
        return list(range(n_units))
    units = [names.index(word) if word in names else int(word) if word.isdecimal() else -1 for word in words]
    for word, unit in zip(words, units, strict=True):
        if not 0 <= unit < n_units:
            raise BadInput(f'{layer} has no unit {word!r}: it has 0 to {n_units - 1}'
                           + (f' or {", ".join(names)}' if names else '') + ', or give all')
    return units


def unit_name(layer, unit, labels):
    """'fc2_017', 'fc3_bass'; only letters, digits, '-' and '_' of a label go into a file's name."""
    if layer != 'fc3':
        return f'{layer}_{unit:03}'
    safe = ''.join(letter if letter.isalnum() or letter in '-_' else '-' for letter in labels[unit])
    return f'fc3_{unit:02}_{safe}'


def dream_name(layer, unit, labels, kind, dream=0):
    """The file name of a unit's dream: 'fc2_017_note', 'fc3_00_bass_texture', 'fc2_017_note_answer2'."""
    return f'{unit_name(layer, unit, labels)}_{kind}' + (f'_answer{dream + 1}' if dream else '')
