"""What the sound map shows, gathered from the files of stages 1 to 6 and packed for the page."""

import base64
import csv

import numpy as np

from deepdream.artifacts import BadInput, list_path, load_json, load_lines, run_path
from deepdream.map.clusters import describe_clusters, find_clusters
from deepdream.metrics import with_space_ids
from deepdream.neighbours import nearest_notes, nearest_rows
from deepdream.notes import instrument_indices, instrument_of, note_attributes
from deepdream.run_folder import check_stage, load_activation, load_rows

VIEWS = {'tsne_2d': 'act_tsne.npy', 'tsne_3d': 'act_tsne_3d.npy', 'pca': 'act_pca.npy'}
# Found by a search in OKLab. The closest two of the first eleven, and of all, differ by 0.125 and 0.101 for normal
# sight, 0.093 and 0.054 for deuteranopia, 0.096 and 0.056 for protanopia, 0.069 and 0.041 for tritanopia (Okabe-Ito
# stretched to eleven: 0.014; Tol's muted: 0.052). Each stands out from white by 0.198 or more (contrast 1.76), from
# near-black by 0.343 (2.63). From the twelfth on, the one that is farthest from those before it comes first.
PALETTE = ('#6677cc', '#eebb44', '#77ccff', '#aa4400', '#00aa77', '#aa8800', '#884499', '#447766', '#dd88bb',
           '#9999ff', '#aaccaa', '#ab09fc', '#5148bd', '#fc63ea', '#ab63fc', '#cfb4d8', '#bd48b4', '#ea9009',
           '#a26387', '#ea12d8', '#7512e1', '#5acf7e', '#fc5a90', '#d8755a')
OWN_FAMILY, OWN_COLOUR = 'your sound', '#dd2255'  # of the sounds that predict.py added
N_NEAREST_NOTES = 8  # in the card of a note
N_STRONGEST_NEURONS = 5  # in the card of a note
BLOCK_NOTES = 4096  # whose activations are looked at together
MOST_FOR_ANCHORS = 2000  # notes of a family among which its densest spot is looked for


def family_colours(n_families):
    """Return the colours of the families, '#rrggbb'; from the 25th family on they repeat, which the pages say."""
    return [PALETTE[i % len(PALETTE)] for i in range(n_families)]


def gather(data, run, split, middle_c='C4'):
    """Return the labels and a dict of columns, each with one row per note in the order of `activation.npy`.

    `middle_c` is what the makers of the notes call the pitch 60, C4 or C3.
    """
    labels = load_json(run_path(run, 'config.json'), 'train.py', labels=list)['labels']
    notes, activation = load_activation(run, split)
    columns = {'note': np.array(notes, dtype=object), 'class_index': class_indices(data, split, notes, len(labels)),
               'activation': activation}
    check_stage(run, 'tsne.json', 'tsne.py', split)
    columns |= {view: unit_box(points) for view, points in load_views(run, split, len(notes)).items()}
    columns['cluster'] = find_clusters(columns['tsne_2d'][:, :2])
    predictions = run_path(run, 'predictions.csv', split)
    if predictions.exists():
        check_stage(run, 'metrics.json', 'evaluate.py', split)
        columns['probabilities'] = load_probabilities(predictions, notes, labels)
    return labels, columns | note_attributes(data, split, notes, middle_c)


def load_views(run, split, n_notes):
    """Return {one of VIEWS: coordinates (n_notes, ...)}; of many notes, tsne.py may have made no 3-D map."""
    path = run_path(run, 'tsne.json', split)
    made = with_space_ids(load_json(path, 'tsne.py', trustworthiness=dict))['trustworthiness']
    return {view: load_rows(run_path(run, name, split), 'tsne.py', n_notes) for view, name in VIEWS.items()
            if view != 'tsne_3d' or view in made}


def class_indices(data, split, notes, n_labels):
    listed = load_lines(list_path(data, split, 'samples'), 'gather_information.py')
    path = list_path(data, split, 'labels')
    try:
        class_index = dict(zip(listed, map(int, load_lines(path, 'gather_information.py')), strict=True))
    except ValueError as error:
        raise BadInput(f'{path} does not hold one class index per note ({error}): '
                       'run `python gather_information.py` again') from error
    strangers = [note for note in notes if not 0 <= class_index.get(note, -1) < n_labels]
    if strangers:
        raise BadInput(f'{path} has no usable label for {strangers[0]!r} ({len(strangers)} such notes): '
                       'run the stages from `python gather_information.py` on again')
    return np.array([class_index[note] for note in notes], np.uint16)


def load_probabilities(path, notes, labels):
    """Return (n_notes, n_labels) float32 from `predictions.csv`, rows in the order of `notes`."""
    try:
        with open(path, newline='', encoding='utf-8') as file:
            rows = csv.reader(file)
            _, _, _, *columns = next(rows, [])
            if columns != labels:
                raise ValueError(f'its columns are {", ".join(columns)}')
            shares = {note: np.array(values, np.float32) for note, _, _, *values in rows}  # a fifth of the text
        return np.stack([shares[note] for note in notes])
    except (KeyError, ValueError, csv.Error) as error:
        raise BadInput(f'{path} does not hold every note and label ({error}): run `python evaluate.py` again') \
            from error


def sample_rows(columns, n_notes, seed=0):
    """Return `n_notes` rows of every column, drawn at random with `seed`, in their old order."""
    total = len(columns['note'])
    if n_notes >= total:
        return columns
    rows = np.sort(np.random.default_rng(seed).choice(total, n_notes, replace=False))
    return {name: column[rows] for name, column in columns.items()}


def unit_box(points, of_points=None):
    """Return the first three coordinates (n, 3), missing ones zero, centred and scaled into [-1, 1].

    With `of_points`, they are moved and scaled as these would be.
    """
    points, of_points = points[:, :3], (points if of_points is None else of_points)[:, :3]
    centred = (points - (of_points.min(axis=0) + of_points.max(axis=0)) / 2) / half_span(of_points)
    return np.pad(centred, ((0, 0), (0, 3 - centred.shape[1]))).astype(np.float32)


def half_span(points):
    """Return half of the longest side of the box around the first three coordinates of points (n, ...), as a float."""
    return max(float(np.ptp(points[:, :3], axis=0).max()) / 2, 1e-9)


def units_of(views):
    """Return {view: how many units of the coordinates (n, ...) in `views` a unit of `unit_box` is}."""
    return {view: half_span(points) for view, points in views.items()}


def cluster_anchors(points, class_index):
    """Return (class_index, row) of the notes that carry the family names: the densest spot of each family,
    and a second one where at least a fifth of the family lies in a cluster of its own.

    Of a family of more than MOST_FOR_ANCHORS notes, so many are drawn.
    """
    from sklearn.neighbors import NearestNeighbors
    anchors = []
    for one in np.unique(class_index):
        rows = np.flatnonzero(class_index == one)
        if len(rows) > MOST_FOR_ANCHORS:
            rows = np.random.default_rng(0).choice(rows, MOST_FOR_ANCHORS, replace=False)
        nearest = NearestNeighbors(n_neighbors=min(len(rows), 10 + len(rows) // 20)).fit(points[rows])
        density = -nearest.kneighbors(points[rows])[0][:, -1]
        first = rows[density.argmax()]
        anchors.append((int(one), int(first)))
        apart = np.linalg.norm(points[rows] - points[first], axis=1) > 0.5
        second = rows[np.where(apart, density, -np.inf).argmax()]
        around = np.linalg.norm(points[rows] - points[second], axis=1) < 0.25
        if apart.any() and around.sum() >= len(rows) / 5:
            anchors.append((int(one), int(second)))
    return anchors


def map_order(points):
    """Return the rank of each note along a Z-shaped curve through the 2-D map: notes close by have close ranks."""
    cells = ((points[:, :2] + 1) * 511.5).astype(np.int64)
    bits = np.arange(10)
    interleaved = ((cells[:, :, None] >> bits & 1) << (2 * bits + np.array([[0], [1]]))).sum(axis=(1, 2))
    return interleaved.argsort(kind='stable').argsort()


def neighbour_rows(activation, instruments):
    """Return two arrays (n, up to 8) of rows, nearest first: the nearest other notes in fc2 space, and the nearest of
    other instruments, with -1 where there are fewer.

    `instruments` (n_notes,) number those of the notes. The rows of `activation` from n_notes on are no notes but a
    user's sounds: nobody's neighbours, and of no instrument, so that both arrays give the same notes for them.
    """
    n_notes = len(instruments)
    n_neighbours = min(N_NEAREST_NOTES, n_notes - 1)
    if n_neighbours == 0:
        return np.zeros((2, len(activation), 0), np.int32)
    notes, added = activation[:n_notes], activation[n_notes:]
    of_added = nearest_notes(notes, n_neighbours, added)[1] if len(added) else np.zeros((0, n_neighbours))
    return tuple(np.concatenate([rows, of_added]).astype(np.int32)
                 for rows in nearest_rows(notes, instruments, n_neighbours))


def neighbour_arrays(activation, instruments):
    """Return the arrays of `neighbour_rows` by their name on the page; with one instrument, or only instruments of one
    note, there is nothing to leave out, and no second array."""
    neighbours, of_others = neighbour_rows(activation, instruments)
    differ = 1 < len(np.unique(instruments)) < len(instruments)
    return {'neighbours': neighbours} | ({'other_neighbours': of_others} if differ else {})


# For the page.

def pack(array):
    """Return an array as JSON that the page turns back into a typed array: type, shape, little-endian base64."""
    array = np.ascontiguousarray(array, array.dtype.newbyteorder('<'))
    return {'type': array.dtype.name, 'shape': array.shape, 'base64': base64.b64encode(array).decode()}


def pack_activation(activation):
    """Return the activations as (n_neurons, n_notes) levels 0-255 of each neuron's maximum, and the maxima."""
    maxima = activation.max(axis=0)
    scale = np.where(maxima > 0, maxima, 1)
    levels = [np.rint(block / scale * 255).astype(np.uint8) for block in blocks_of(activation)]
    return {'levels': pack(np.concatenate(levels).T), 'maxima': [round(float(value), 4) for value in maxima]}


def strongest_neurons(activation):
    """Return the numbers of each note's strongest neurons, the strongest first, uint16 (n_notes, up to 5)."""
    return np.concatenate([np.argsort(-block, axis=1, kind='stable')[:, :N_STRONGEST_NEURONS].astype(np.uint16)
                           for block in blocks_of(activation)])


def blocks_of(activation):
    """Return the activations (n_notes, n_neurons) as views of few notes each, so that what is computed of all of them
    takes little memory: of 100,000 notes, the numbers of all neurons in order take 205 MB."""
    return np.split(activation, range(BLOCK_NOTES, len(activation), BLOCK_NOTES))


def instrument_names(notes, class_index, families, n_notes):
    """Return the names of the instruments of notes (n,), text.

    A note whose name tells no instrument has the name of its family, and so has a user's sound (from `n_notes` on).
    """
    names = [instrument_of(note) for note in notes[:n_notes]] + list(notes[n_notes:])
    return np.array([families[one] if name == note else name
                     for note, name, one in zip(notes, names, class_index, strict=True)], dtype=str)


def index_of(names):
    """Return (the distinct names, the number of each of `names` (n,) among them)."""
    distinct, numbers = np.unique(names.astype(str), return_inverse=True)
    return distinct.tolist(), numbers


def pack_map(labels, columns, has_sound, n_notes=None, middle_octave=4):
    """Return everything the page draws at once, ready for JSON; `has_sound` (n,) tells which notes can be heard.

    The rows from `n_notes` on are a user's sounds, whose class index is that of one more family. `columns` may also
    hold the `instrument` of each note, which its name tells otherwise, `start` and `out_of_distribution`.
    """
    n_notes = len(columns['note']) if n_notes is None else n_notes
    own = [(OWN_FAMILY, OWN_COLOUR)] if n_notes < len(columns['note']) else []
    families = labels + [family for family, _ in own]
    sources, source_index = index_of(columns['source'])
    programs, program_index = index_of(columns['program'])
    if 'instrument' in columns:
        instruments, instrument_index = index_of(columns['instrument'])
        of_notes = instrument_index[:n_notes]
    else:
        instruments, instrument_index = index_of(
            instrument_names(columns['note'], columns['class_index'], families, n_notes))
        of_notes = instrument_indices(columns['note'][:n_notes])
    activation = columns['activation']
    clusters, cluster = describe_clusters(columns['cluster'], columns, families, middle_octave)
    arrays = {'class_index': columns['class_index'], 'source': source_index.astype(np.uint16),
              'instrument': instrument_index.astype(np.int32), 'cluster': cluster,
              'pitch': columns['pitch'], 'velocity': columns['velocity'], 'has_sound': has_sound.astype(np.uint8),
              'place': map_order(columns['tsne_2d']).astype(np.int32),
              'strongest': strongest_neurons(activation),
              **neighbour_arrays(activation, of_notes), **{view: columns[view] for view in VIEWS if view in columns},
              **{name: columns[name] for name in ('start', 'out_of_distribution') if name in columns}}
    if 'probabilities' in columns:
        arrays['probabilities'] = np.rint(np.clip(columns['probabilities'], 0, 1) * 65535).astype(np.uint16)
        arrays['predicted'] = columns['probabilities'].argmax(axis=1).astype(np.uint16)
    if any(programs):
        arrays['program'] = program_index.astype(np.uint16)
    return {'notes': columns['note'].tolist(), 'labels': labels, 'sources': sources, 'instruments': instruments,
            'programs': programs if any(programs) else [], 'neurons': activation.shape[1], 'n_notes': n_notes,
            'families': families, 'colours': family_colours(len(labels)) + [colour for _, colour in own],
            'source_colours': family_colours(len(sources)), 'clusters': clusters,
            'anchors': {view: cluster_anchors(columns[view][:n_notes], columns['class_index'][:n_notes])
                        for view in VIEWS if view in columns},
            'arrays': {name: pack(array) for name, array in arrays.items()}}
