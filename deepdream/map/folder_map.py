"""The sound map of any folder of sounds: no labels are needed, the families are those that the network predicts."""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from deepdream.artifacts import BadInput, load_json, save_csv
from deepdream.command_line import progress
from deepdream.map.clusters import find_clusters
from deepdream.map.data import map_order, pack_activation, pack_map, sample_rows, unit_box, units_of
from deepdream.map.heard_pitch import hear_pitches
from deepdream.map.listener import open_listener, with_notes
from deepdream.map.page import remarks
from deepdream.map.places import embed_sounds
from deepdream.map.previews import FULL_SECONDS, chunk_size, chunks
from deepdream.map.store import load_sounds, preview_paths, shorter_preview
from deepdream.notes import from_name
from deepdream.pitch import UNKNOWN, named_pitch
from deepdream.sound_files import printable
from deepdream.spectrum import SAMPLE_RATE

# Seconds and Hz of the previews of one file, in the order in which they are tried; above 1,500 sounds, the first is too
# much: 4 s of noise take 26 kB at 44.1 kHz, 12 at 16 kHz.
EMBED_LENGTHS = ((4.0, 48_000), (4.0, SAMPLE_RATE), (2.0, SAMPLE_RATE), (1.5, SAMPLE_RATE), (1.0, SAMPLE_RATE))
MOST_AT_OWN_RATE = 1500
MOST_FOLDERS = 40  # that the page lists
OTHER_FOLDERS = 'other folders'


# What is known of each sound.

def gather_sounds(labels, targets, base, middle_c, estimate_pitch):
    """Return columns like those of `map.data.gather`, a row for each window, and what only this map has.

    `targets` is {path: OUT/computed/{key}} of the sounds; `base` the folder that their names begin at.
    """
    n_windows, columns = load_sounds(list(targets.values()), len(labels))
    of_sound = np.repeat(np.arange(len(targets)), n_windows)
    paths = list(targets)
    files = [Path(os.path.relpath(os.path.abspath(path), base)).as_posix() for path in paths]
    folders = [os.path.dirname(file) for file in files]
    notes = [files[sound] + (f' from {start:.1f} s' if n_windows[sound] > 1 else '')
             for sound, start in zip(of_sound, columns['start'], strict=True)]
    root_keys = columns.pop('root_key')[np.cumsum(n_windows) - 1]
    numbers = {'pitch': pitches_of(targets, root_keys, middle_c, estimate_pitch),
               'velocity': np.array([from_name(path.stem).get('velocity', UNKNOWN) for path in paths], np.int16)}
    texts = {'path': [str(path) for path in paths], 'file': files, 'source': folder_tags(folders),
             'instrument': [folder or '.' for folder in folders], 'target': list(targets.values())}
    columns |= {name: values[of_sound] for name, values in numbers.items()}
    columns |= {name: np.array(values, object)[of_sound] for name, values in texts.items()}
    first = np.cumsum(n_windows) - n_windows
    return columns | {'note': np.array(notes, object), 'window': np.arange(len(notes)) - first[of_sound],
                      'class_index': columns['probabilities'].argmax(axis=1).astype(np.uint16),
                      'program': np.full(len(notes), '', object)}


def pitches_of(targets, root_keys, middle_c, estimate_pitch):
    """Return the pitches (n_sounds,): from a name of NSynth's form, the root key, a note name, or from the sound."""
    pitches = []
    for path, key in zip(targets, root_keys, strict=True):
        pitch = from_name(path.stem).get('pitch', int(key))
        pitches.append(named_pitch(path.stem, middle_c) if pitch == UNKNOWN else pitch)
    if estimate_pitch:
        heard = hear_pitches({row: (path.absolute(), Path(f'{target.absolute()}.pitch')) for row, (path, target) in
                              enumerate(targets.items()) if pitches[row] == UNKNOWN}, align_onset=True)
        pitches = [heard.get(row, pitch) for row, pitch in enumerate(pitches)]
    return np.array(pitches, np.int16)


def folder_tags(folders):
    """Return a tag for each of `folders`, 'a/b/c' or '' for the top one: 'a/b/', at most 40 different ones.

    Where there are more, those with the most subfolders become 'a/' first; the rarest are other folders in the end.
    """
    parts = [folder.split('/') if folder else [] for folder in folders]
    shared = len(Path(os.path.commonpath(folders)).parts)
    parts = [tuple(of_one[shared:shared + 2]) for of_one in parts]
    tops = Counter(top[0] for top in {*parts} if len(top) == 2)
    for top, _ in tops.most_common():
        if len({*parts}) <= MOST_FOLDERS:
            break
        parts = [of_one[:1] if of_one[:1] == (top,) else of_one for of_one in parts]
    tags = [''.join(f'{part}/' for part in of_one) or './' for of_one in parts]
    counts = Counter(tags).most_common()
    kept = {tag for tag, _ in counts[:MOST_FOLDERS - 1 if len(counts) > MOST_FOLDERS else None]}
    return [tag if tag in kept else OTHER_FOLDERS for tag in tags]


# The table and the page.

def table_of(columns, labels):
    """Return the rows of sounds.csv: what is known of every sound, or of every window."""
    out = columns['out_of_distribution'].astype(bool)
    head = ['path', 'start', 'seconds', 'predicted', 'probability', 'out_of_distribution', 'pitch', 'cluster', 'folder']
    return [head, *([columns['path'][row], f'{columns["start"][row]:.3f}', f'{columns["seconds"][row]:.3f}',
                     labels[one], f'{columns["probabilities"][row, one]:.4f}', bool(out[row]),
                     '' if columns['pitch'][row] == UNKNOWN else int(columns['pitch'][row]),
                     '' if columns['cluster'][row] < 0 else int(columns['cluster'][row]), columns['source'][row]]
                    for row, one in enumerate(columns['class_index']))]


@dataclass
class FolderMap:
    """What the page shows of a folder of sounds: `columns`, a row a window; `units` of `map.data.units_of`; `base` is
    the folder of the files' names, `title` what the page calls it; `quality` the content of tsne.json, `listener` what
    `open_listener` gives."""

    labels: list
    columns: dict
    units: dict
    base: str
    title: str
    quality: dict
    listener: dict | None
    middle_c: str

    def prepare(self, n_shown, embedded=None):
        """Return what the page needs, as `SoundMap.prepare` does; `embedded` is one of EMBED_LENGTHS for one file."""
        total, columns = len(self.columns['note']), sample_rows(self.columns, n_shown)
        files = [preview_paths(target, window) for target, window in
                 zip(columns['target'], columns['window'], strict=True)]
        seconds, most_hz = embedded or (FULL_SECONDS, SAMPLE_RATE)
        if (seconds, most_hz) != (FULL_SECONDS, SAMPLE_RATE):  # which are there
            of_rows = zip(*(columns[name] for name in ('path', 'start', 'target', 'window')), strict=True)
            sounds = Parallel(n_jobs=-1, backend='threading', return_as='generator')(  # never on a cluster
                delayed(shorter_preview)(*of_one, seconds, most_hz) for of_one in of_rows)
            sounds = progress(sounds, len(files), f'previews of {seconds:g} s', 'sound')
            files = [(sound, picture) for sound, (_, picture) in zip(sounds, files, strict=True)]
        has_sound, shortened = np.ones(len(files), bool), columns['seconds'] > seconds
        middle_octave = int(self.middle_c.removeprefix('C'))
        names = columns['file'].tolist()
        network = with_notes(self.listener, columns, self.columns, self.units) if self.listener else None
        content = pack_map(self.labels, columns, has_sound, middle_octave=middle_octave) | {
            'labelled': False, 'sources_title': 'Folders', 'originals': [] if embedded else names,
            'listens': bool(network), 'split': self.title, 'quality': self.quality, 'added_files': [],
            'files': dict(enumerate(names)), 'middle_octave': middle_octave,
            'chunk_notes': chunk_size(len(files)),
            'remarks': remarks(total, has_sound, seconds, n_shortened=int(shortened.sum())), 'added_folder': '',
            'shortened': np.flatnonzero(shortened).tolist(), 'seconds': seconds,
            'audio_folder': '' if embedded else f'{Path(self.base).as_posix().rstrip("/")}/'}
        scripts = chunks(files, map_order(columns['tsne_2d']), has_sound, content['chunk_notes'])
        return content, pack_activation(columns['activation']), network, scripts


def open_folder_map(sounds, run, out, targets, digest, middle_c='C4', estimate_pitch=False, deep=False):
    """Place the sounds whose results are kept, {path: OUT/computed/{key}}; write sounds.csv; return the FolderMap.

    `sounds` are the folders and files that were asked for; `deep` makes a 3-D map by t-SNE of however many sounds.
    """
    labels = load_json(run / 'config.json', 'train.py', labels=list)['labels']
    base = base_folder(sounds)
    columns = gather_sounds(labels, targets, base, middle_c, estimate_pitch)
    keys = [f'{target.name} {window}' for target, window in zip(columns['target'], columns['window'], strict=True)]
    places, quality = embed_sounds(out, keys, columns['activation'], digest, deep)
    columns['cluster'] = find_clusters(places['tsne_2d'])
    save_csv(out / 'sounds.csv', table_of(columns, labels))
    columns |= {view: unit_box(points) for view, points in places.items()}
    return FolderMap(labels, columns, units_of(places), base, title_of(sounds), quality, open_listener(run, out),
                     middle_c)


def base_folder(sounds):
    """Return the folder, absolute, that all of the files and folders `sounds` lie in."""
    folders = [os.path.abspath(path if path.is_dir() else path.parent) for path in sounds]
    try:
        return os.path.commonpath(folders)
    except ValueError as error:  # of several drives
        raise BadInput(f'{printable(sounds[0])} and {printable(sounds[-1])} have no folder in common: '
                       'make a map of each') from error


def title_of(sounds):
    """Return what the page calls the files and folders `sounds`: the names of the first three."""
    names = [printable(Path(os.path.abspath(path)).name) or str(path) for path in sounds]
    return ', '.join(names[:3]) + (', ...' if len(names) > 3 else '')
