"""A user's sounds on the sound map: stored in RUN/added/ by predict.py, shown among the notes by sound_map.py.

RUN/added/ has the form of a split: audio/{id}.wav, spectrum/{id}.npy, preview/. RUN/added/added.json holds what the
network says of each sound, and which model said so: what another model said is not shown.
"""

import hashlib

import numpy as np
import soundfile

from deepdream.artifacts import BadInput, atomic, load_json, save_json, save_npy, spectrum_path
from deepdream.embedding import place_among, project
from deepdream.map.clusters import NONE
from deepdream.map.data import unit_box
from deepdream.run_folder import model_digest
from deepdream.spectrum import SAMPLE_RATE, log_spectrum

FOLDER = 'added'  # in the place of a split's name


def store_sound(run, row, path, waveform, fc2):
    """Write the wav and the spectrum of a window; return its entry for `add_to_map`.

    `row` is that of predict.py's table, `waveform` (64000,), `fc2` (256,).
    """
    sound = hashlib.sha256(str(path.resolve()).encode(errors='surrogateescape')).hexdigest()[:12]
    name = f'{sound}-{round(1000 * row["start"]):08}'
    with atomic(run / FOLDER / 'audio' / f'{name}.wav') as temporary:
        soundfile.write(temporary, waveform, SAMPLE_RATE, format='WAV', subtype='PCM_16')
    save_npy(spectrum_path(run, FOLDER, name), log_spectrum(waveform).astype(np.float16))
    return {'id': name, 'sound': sound, 'file': path.name, 'start': row['start'],
            'probabilities': list(row['probabilities'].values()),
            'out_of_distribution': row.get('out_of_distribution', False),
            'activation': [round(float(value), 5) for value in fc2]}


def add_to_map(run, entries):
    """Put `entries` into RUN/added/added.json, in the place of earlier ones of the same sounds, and clear up."""
    sounds = {entry['sound'] for entry in entries}
    stored = [entry for entry in load_entries(run) if entry['sound'] not in sounds] + entries
    save_json(run / FOLDER / 'added.json', {'model': model_digest(run), 'sounds': stored})
    names = {entry['id'] for entry in stored}
    for path in (run / FOLDER).glob('*/*'):
        if path.stem not in names:
            path.unlink()


def load_entries(run):
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
    return [{'out_of_distribution': entry.get('unlike', False)} | entry  # its name before
            for entry in content['sounds']]


def place_sounds(run, columns, views, n_labels):
    """Return columns like those of `map.data.gather` for the user's sounds, or None where there are none.

    `views` are those of `load_views`. On the maps of t-SNE they stand where `place_among` puts them, on that of PCA at
    their components.
    """
    entries = load_entries(run)
    if not entries:
        return None
    n, of_notes = len(entries), columns['activation']
    try:
        activation = np.array([entry['activation'] for entry in entries], np.float32).reshape(n, of_notes.shape[1])
        probabilities = np.array([entry['probabilities'] for entry in entries], np.float32).reshape(n, n_labels)
        placed = {'note': np.array([title(entry) for entry in entries], dtype=object), 'activation': activation,
                  'id': [entry['id'] for entry in entries],
                  'out_of_distribution': np.array([bool(entry['out_of_distribution']) for entry in entries], np.uint8)}
        if not np.isfinite(activation).all():
            raise ValueError('an activation is not finite')
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f'{run / FOLDER}/added.json is damaged ({error}): delete it and run `python predict.py --map` '
                       'again') from error
    for view, points in views.items():
        places = (project if view == 'pca' else place_among)(of_notes, points, activation)
        placed[view] = unit_box(places, points)
    if 'probabilities' in columns:
        placed['probabilities'] = probabilities
    unknown = np.full(n, -1, np.int16)
    return placed | {'class_index': np.full(n, n_labels, np.uint16), 'pitch': unknown, 'velocity': unknown,
                     'cluster': np.full(n, NONE, np.int16),
                     **{name: np.full(n, '', dtype=object) for name in ('source', 'program')}}


def title(entry):
    return entry['file'] + (f' from {entry["start"]:.1f} s' if entry['start'] else '')
