"""A user's sounds on the sound map: kept in RUN/added/ by predict.py, laid among the notes by sound_map.py.

RUN/added/ has the form of a split: audio/{id}.wav, spectrum/{id}.npy, preview/. RUN/added/added.json holds what the
network says of each sound, and which model said so: what another model said is not shown.
"""

import hashlib

import numpy as np
import soundfile

from deepdream.artifacts import BadInput, atomic, load_json, save_json, save_npy, spectrum_path
from deepdream.map.data import VIEWS
from deepdream.run_folder import model_digest
from deepdream.spectrum import SAMPLE_RATE, log_spectrum

FOLDER = 'added'  # in the place of a split's name
N_AROUND = 5  # notes that a sound is placed among


def keep(run, row, path, waveform, fc2):
    """Write the wav and the spectrum of a window; return its entry for `add`. `row` is that of predict.py's table."""
    sound = hashlib.sha256(str(path.resolve()).encode(errors='surrogateescape')).hexdigest()[:12]
    name = f'{sound}-{round(1000 * row["start"]):08}'
    with atomic(run / FOLDER / 'audio' / f'{name}.wav') as temporary:
        soundfile.write(temporary, waveform, SAMPLE_RATE, format='WAV', subtype='PCM_16')
    save_npy(spectrum_path(run, FOLDER, name), log_spectrum(waveform).astype(np.float16))
    return {'id': name, 'sound': sound, 'file': path.name, 'start': row['start'],
            'probabilities': list(row['probabilities'].values()), 'unlike': row.get('unlike_anything_seen', False),
            'activation': [round(float(value), 5) for value in fc2]}


def add(run, entries):
    """Put `entries` into RUN/added/added.json, in the place of earlier ones of the same sounds, and clear up."""
    sounds = {entry['sound'] for entry in entries}
    kept = [entry for entry in load_added(run) if entry['sound'] not in sounds] + entries
    save_json(run / FOLDER / 'added.json', {'model': model_digest(run), 'sounds': kept})
    names = {entry['id'] for entry in kept}
    for path in (run / FOLDER).glob('*/*'):
        if path.stem not in names:
            path.unlink()


def load_added(run):
    """Return the entries of RUN/added/added.json; none where there is no such file or another model wrote it."""
    path = run / FOLDER / 'added.json'
    if not path.exists():
        return []
    content = load_json(path, 'predict.py --map', sounds=list)
    if not all(isinstance(entry, dict) and {'id', 'sound'} <= entry.keys() for entry in content['sounds']):
        raise BadInput(f'{path} is damaged: delete it and run `python predict.py --map` again')
    if content.get('model') != model_digest(run):
        print(f'{path}: of another model, so these sounds are left out: run `python predict.py --map` with them again')
        return []
    return content['sounds']


def place_added(run, columns, n_labels):
    """Return columns like those of `map_data.gather` for the added sounds, or None where there are none.

    A sound stands at the mean of its nearest notes' places, weighted by 1 / distance^2 in fc2 space: t-SNE knows no
    place for a point that it has not seen.
    """
    entries = load_added(run)
    if not entries:
        return None
    n = len(entries)
    try:
        activation = np.array([entry['activation'] for entry in entries], np.float32).reshape(n, -1)
        probabilities = np.array([entry['probabilities'] for entry in entries], np.float32).reshape(n, n_labels)
        added = {'note': np.array([title(entry) for entry in entries], dtype=object), 'activation': activation,
                 'id': [entry['id'] for entry in entries], 'unlike': [bool(entry['unlike']) for entry in entries]}
        rows, weights = around(activation, columns['activation'])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f'{run / FOLDER}/added.json is damaged ({error}): delete it and run `python predict.py --map` '
                       'again') from error
    added |= {view: (weights[..., np.newaxis] * columns[view][rows]).sum(axis=1) for view in VIEWS}
    if 'probabilities' in columns:
        added['probabilities'] = probabilities
    unknown = np.full(n, -1, np.int16)
    return added | {'class_index': np.full(n, n_labels, np.uint16), 'pitch': unknown, 'velocity': unknown,
                    'source': np.full(n, '', dtype=object)}


def title(entry):
    return entry['file'] + (f' from {entry["start"]:.1f} s' if entry['start'] else '')


def around(activation, of_notes):
    """Return (rows (n, k) of the nearest notes of each sound, weights (n, k) that sum to 1)."""
    from sklearn.neighbors import NearestNeighbors
    apart, rows = NearestNeighbors(n_neighbors=min(N_AROUND, len(of_notes)), algorithm='brute').fit(of_notes) \
        .kneighbors(activation)
    weights = 1 / np.maximum(apart, 1e-6) ** 2
    return rows, (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
