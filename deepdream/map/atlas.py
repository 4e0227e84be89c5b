"""The atlas, RUN/atlas/index.html: every unit with its dreams, a note and a texture, and its strongest real notes."""

import math
from urllib.parse import urlencode

import numpy as np

from deepdream.artifacts import save_text
from deepdream.dreams.activations import families
from deepdream.dreams.names import KINDS, dream_name, unit_name
from deepdream.map.data import family_colours, pack
from deepdream.map.page import call, copy_page_files, link_atlas
from deepdream.map.previews import CHUNK_NOTES, chunks, make_previews, preview_files, write_chunks

N_STRONGEST_NOTES = 9


def describe_units(dreamer, layer):
    """What the page says of every unit of a layer; `notes` are rows of the test split."""
    from scipy.special import softmax
    of_notes = dreamer.note_activations[layer]
    positive = softmax(of_notes, axis=1) if layer == 'fc3' else of_notes
    preferred, selectivity = families(positive, dreamer.provider.class_indices['test'], len(dreamer.labels))
    strongest = np.argsort(-of_notes, axis=0, kind='stable')[:N_STRONGEST_NOTES]
    units = []
    for unit in range(of_notes.shape[1]):
        units.append({
            'id': f'{layer}_{unit}', 'layer': layer, 'unit': unit,
            'title': dreamer.labels[unit] if layer == 'fc3' else f'{layer} {unit}',
            'dead': bool(layer != 'fc3' and of_notes[:, unit].max() <= 0), 'family': int(preferred[unit]),
            'selectivity': round(float(selectivity[unit]), 4), 'notes': strongest[:, unit].tolist(),
            'note_activations': [round(float(value), 4) for value in of_notes[strongest[:, unit], unit]],
            'dreams': {kind: describe_dream(dreamer, dream_name(layer, unit, dreamer.labels, kind)) for kind in KINDS},
            'keys': instrument_keys(dreamer, unit_name(layer, unit, dreamer.labels)),
            'map': map_address(layer, unit, [dreamer.notes[row] for row in strongest[:, unit]])})
    return units


def describe_dream(dreamer, name):
    """What the page says of a dream; of a note its frequency, too."""
    report = dreamer.report(name)
    return {'name': name} | {key: report[key] for key in ('read_back', 'sound', 'hz') if key in report}


def instrument_keys(dreamer, name):
    """[{name, pitch}] of the keys of a unit's instrument, from low to high; none where it was not dreamed."""
    paths = sorted(dreamer.path('').glob(f'{name}_instrument_[0-9][0-9][0-9].json'))
    return [{'name': path.stem, 'pitch': int(path.stem[-3:])} for path in paths]


def map_address(layer, unit, notes):
    """The part of the map's address that colours it by a neuron of fc2, or selects the strongest notes of a unit."""
    if layer == 'fc2':
        return f'colour=neuron&neuron={unit}'
    return urlencode([('sel', f'_{note}') for note in notes] + [('tab', 'selection')])


def pack_sounds(dreamer, units):
    """Renumber the units' notes as rows of the page's sounds: first the real notes that it plays, then the dreams.

    Returns (content of the page, scripts with the previews).
    """
    data, run = dreamer.provider.data, dreamer.run
    rows = sorted({row for unit in units for row in unit['notes']})
    notes, new_row = [dreamer.notes[row] for row in rows], {row: i for i, row in enumerate(rows)}
    dreamed = [(unit, dream) for unit in units for dream in (*unit['dreams'].values(), *unit['keys'])]
    dreams = [dream.pop('name') for _, dream in dreamed]
    for i, (_, dream) in enumerate(dreamed):
        dream['row'] = len(notes) + i
    for unit in units:
        unit['notes'] = [new_row[row] for row in unit['notes']]
    heard = np.concatenate([make_previews(data, 'test', notes), make_previews(run, 'dreams', dreams)])
    first_chunk = math.ceil(len(notes) / CHUNK_NOTES)  # of the dreams, which share none with the notes
    place = np.concatenate([np.arange(len(notes)), first_chunk * CHUNK_NOTES + np.arange(len(dreams))])
    family = np.array([unit['family'] for unit, _ in dreamed])
    arrays = {'class_index': np.concatenate([dreamer.provider.class_indices['test'][rows], family]).astype(np.uint16),
              'place': place.astype(np.int32), 'has_sound': heard.astype(np.uint8)}
    content = {'notes': notes + dreams, 'arrays': {name: pack(array) for name, array in arrays.items()},
               'chunk_notes': CHUNK_NOTES}
    scripts = [*chunks(preview_files(data, 'test', notes), np.arange(len(notes)), heard[:len(notes)]),
               *chunks(preview_files(run, 'dreams', dreams), np.arange(len(dreams)), heard[len(notes):],
                       first=first_chunk)]
    return content, scripts


def write_atlas(dreamer, layers):
    """Write the page of all units of some layers, whose dreams are there; return its path."""
    units = [unit for layer in layers for unit in describe_units(dreamer, layer)]
    content, scripts = pack_sounds(dreamer, units)
    folder = dreamer.run / 'atlas'
    content |= {'units': units, 'layers': list(layers), 'labels': dreamer.labels, 'split': 'test',
                'colours': family_colours(len(dreamer.labels)),
                'map_page': '../map/index.html' if (dreamer.run / 'map' / 'index.html').exists() else ''}
    copy_page_files('atlas', folder)
    write_chunks(folder / 'previews', scripts)
    save_text(folder / 'data.js', call('receiveMap', content))
    link_atlas(dreamer.run)
    return folder / 'index.html'
