"""The page of the sound map: what it shows is gathered and written as a folder, or as one file."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepdream.artifacts import BadInput, atomic, load_json, run_path, save_text
from deepdream.map.data import gather, load_views, map_order, pack_activation, pack_map, sample_rows, units_of
from deepdream.map.heard_pitch import with_heard_pitches
from deepdream.map.listener import open_listener, with_notes
from deepdream.map.pictures import caption, draw_map
from deepdream.map.previews import (
    FULL_SECONDS,
    are_shortened,
    chunk_size,
    chunks,
    make_previews,
    preview_files,
    write_chunks,
)
from deepdream.map.user_sounds import FOLDER, place_sounds
from deepdream.metrics import SPACES, with_space_ids
from deepdream.notes import find_wavs

PAGES = Path(__file__).parents[2] / 'pages'
EMBED_BYTES = 25_000_000
EMBED_SECONDS = (FULL_SECONDS, 2.0, 1.5, 1.0)  # of each note; the longest that fits, and if none does, fewer notes


@dataclass
class SoundMap:
    """What the pictures and the page show of a split.

    `columns` are those of `map.data.gather`, one row a note; `units` those of `map.data.units_of`; `added` what
    `place_sounds` gives for the user's sounds, or None; `quality` is the content of tsne.json, `listener` what
    `open_listener` gives. `middle_c` is what the makers of the notes call the pitch 60; with `estimate_pitch`, the
    pitches that nothing tells are estimated.
    """

    data: Path
    run: Path
    split: str
    labels: list
    columns: dict
    units: dict
    added: dict | None
    quality: dict
    listener: dict | None
    middle_c: str
    estimate_pitch: bool

    def prepare(self, n_shown, seconds, embedded):
        """Return what the page needs: what it draws at once, the activations, the network or None, and the scripts
        with the previews.

        The user's sounds follow the notes, all of them.
        """
        total, (columns, n_estimated) = len(self.columns['note']), self.sample(n_shown)
        notes, ids = columns['note'], self.added['id'] if self.added else []
        has_sound = make_previews(self.data, self.split, notes, seconds)
        files = preview_files(self.data, self.split, notes, seconds)
        shortened = are_shortened(self.data, self.split, notes, seconds)
        wavs = {note: Path(path).name for note, path in find_wavs(self.data, self.split).items()}
        names = {row: wavs[note] for row, note in enumerate(notes) if wavs.get(note, f'{note}.wav') != f'{note}.wav'}
        originals = [wavs.get(note, '') for note in notes]
        columns = columns | {'out_of_distribution': np.zeros(len(notes), np.uint8)}  # asked of the user's sounds only
        network = with_notes(self.listener, columns, self.columns, self.units) if self.listener else None
        if self.added:
            columns = {name: np.concatenate([column, self.added[name]]) for name, column in columns.items()}
            has_sound = np.concatenate([has_sound, make_previews(self.run, FOLDER, ids, seconds)])
            files += preview_files(self.run, FOLDER, ids, seconds)
            shortened = np.concatenate([shortened, are_shortened(self.run, FOLDER, ids, seconds)])
            names |= {len(notes) + i: name for i, name in enumerate(self.added['note'])}
        folders = {'audio_folder': self.data / self.split / 'audio', 'added_folder': self.run / FOLDER / 'audio'}
        originals += [f'{folders["added_folder"].resolve().as_posix()}/{one}.wav' for one in ids]
        middle_octave = int(self.middle_c.removeprefix('C'))
        content = pack_map(self.labels, columns, has_sound, len(notes), middle_octave) | {
            'labelled': True, 'sources_title': 'Sources', 'originals': [] if embedded else originals,
            'split': self.split, 'quality': self.quality, 'chunk_notes': chunk_size(len(files)), 'files': names,
            'listens': bool(network), 'middle_octave': middle_octave,
            'remarks': remarks(total, has_sound, seconds, len(ids), n_estimated, int(shortened.sum())),
            'shortened': np.flatnonzero(shortened).tolist(), 'seconds': seconds,
            'added_files': [f'{one}.wav' for one in ids],
            **{name: '' if embedded else f'{path.resolve().as_posix()}/' for name, path in folders.items()}}
        scripts = chunks(files, map_order(columns['tsne_2d']), has_sound, content['chunk_notes'])
        return content, pack_activation(columns['activation']), network, scripts

    def sample(self, n_shown):
        """Return (columns of `n_shown` notes, the number of them whose pitch is estimated)."""
        columns = sample_rows(self.columns, n_shown)
        if not self.estimate_pitch:
            return columns, 0
        pitch = with_heard_pitches(self.data, self.split, columns['note'], columns['pitch'])
        return columns | {'pitch': pitch}, int((pitch != columns['pitch']).sum())


def open_sound_map(data, run, split, middle_c='C4', estimate_pitch=False):
    """Return the SoundMap of a split; FileNotFoundError or BadInput where a stage before has not done its part."""
    labels, columns = gather(data, run, split, middle_c)
    quality = load_json(run_path(run, 'tsne.json', split), 'tsne.py', trustworthiness=dict, evaluated_notes=int)
    views = load_views(run, split, len(columns['note']))
    added = place_sounds(run, columns, views, len(labels))
    return SoundMap(data, run, split, labels, columns, units_of(views), added,
                    with_space_ids(quality), open_listener(run, run), middle_c, estimate_pitch)


def write_sound_map(data, run, split='test', embed=False, limit=None, middle_c='C4', estimate_pitch=False):
    """Write the pictures and the page of a split, of at most `limit` notes; return the path of the page.

    `middle_c`, 'C4' or 'C3', is how the names of the notes call the pitch 60; with `estimate_pitch`, the pitches that
    neither a file nor a name tells are estimated from the sound.
    """
    shown = open_sound_map(data, run, split, middle_c, estimate_pitch)
    write_pictures(shown)
    n_notes = len(shown.columns['note'])
    n_shown = min(limit or n_notes, n_notes)
    if embed:
        path = run_path(run, 'map_embed.html', split)
        write_embedded(path, lambda n_shown, seconds: shown.prepare(n_shown, seconds, embedded=True), n_shown)
        return path
    folder = run_path(run, 'map', split)
    write_page(folder, *shown.prepare(n_shown, FULL_SECONDS, embedded=False))
    link_atlas(run)
    return folder / 'index.html'


def write_pictures(shown):
    n_notes = len(shown.columns['note'])
    for view, name in (('tsne_2d', 'map_2d.png'), ('tsne_3d', 'map_3d.png')):
        path = run_path(shown.run, name, shown.split)
        if view not in shown.columns:
            path.unlink(missing_ok=True)  # of an earlier map
            continue
        draw_map(path, shown.columns[view], shown.columns['class_index'], shown.labels,
                 caption(n_notes, shown.split, shown.quality, view))
        print(f'{path}: {SPACES[view]} of {n_notes:,} notes')


def remarks(n_notes, has_sound, seconds, n_added=0, n_estimated=0, n_shortened=0):
    """Return the sentences in which the page says what is not in it, and what is besides the notes."""
    n_shown, n_silent = len(has_sound) - n_added, int((~has_sound).sum())
    return [f'{text}.' for text, holds in (
        (f'A random sample of {n_notes:,}', n_shown < n_notes),
        (f'{n_silent:,} cannot be heard: their wavs are missing or unreadable', n_silent),
        (f'Only the first {seconds:g} s of each can be heard, which shortens {n_shortened:,}', seconds < FULL_SECONDS),
        (f'The pitch of {n_estimated:,} is estimated from the sound', n_estimated),
        (f'Sounds of yours, ringed: {n_added:,}, at approximate places', n_added)) if holds]


def call(function, content):
    """Return the script that hands `content` to a function of the page; no text in it can end a script element."""
    return f'{function}({json.dumps(content).replace("<", chr(92) + "u003c")});\n'


def page_files(name):
    """Return {file name: path} of what a page consists of: what the pages share, and what is its own."""
    return {path.name: path for folder in ('shared', name) for path in sorted((PAGES / folder).iterdir())}


# A folder.

def copy_page_files(name, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for file_name, path in page_files(name).items():
        with atomic(folder / file_name) as temporary:
            shutil.copyfile(path, temporary)


def write_page(folder, content, activation, network, scripts):
    """Write `folder/index.html` and what it needs; without a `network` the page takes no sounds."""
    copy_page_files('map', folder)
    save_text(folder / 'data.js', call('receiveMap', content))
    save_text(folder / 'activation.js', call('receiveActivation', activation))
    if network:
        save_text(folder / 'network.js', call('receiveNetwork', network))
    write_chunks(folder / 'previews', scripts)


def link_atlas(run):
    """Tell the map's page where the neuron atlas lies, once both are there."""
    if (run / 'map' / 'index.html').exists() and (run / 'atlas' / 'index.html').exists():
        save_text(run / 'map' / 'atlas.js', "'use strict';\n\nconst ATLAS_PAGE = '../atlas/index.html';\n")


# One file.

def one_file(content, activation, network, scripts):
    """Return the page as the bytes of one HTML file: every style sheet and script in the place of its reference."""
    files = page_files('map')

    def inline(match):
        name = match['style'] or match['script']
        if name == 'data.js':
            text = ''.join([call('receiveMap', content), call('receiveActivation', activation),
                            call('receiveNetwork', network) if network else '', *(script for _, script in scripts)])
        else:
            text = files[name].read_text(encoding='utf-8')
        return f'<style>\n{text}</style>' if match['style'] else f'<script>\n{text}</script>'

    page = files['index.html'].read_text(encoding='utf-8')
    return re.sub(r'<link rel="stylesheet" href="(?P<style>[^"]+)">|<script src="(?P<script>[^"]+)"></script>',
                  inline, page).encode()


def write_embedded(path, prepare, n_shown, lengths=EMBED_SECONDS):
    """Write one file of at most 25 MB from `prepare(n_shown, seconds)`, with as much in it as fits.

    `lengths` are what `prepare` takes for the seconds, in the order in which they are tried.
    """
    for seconds in lengths:
        page = one_file(*prepare(n_shown, seconds))
        if len(page) <= EMBED_BYTES:
            break
    while len(page) > EMBED_BYTES:
        n_shown = int(0.97 * n_shown * EMBED_BYTES / len(page))
        if not n_shown:
            raise BadInput(f'{path}: the added sounds alone take more than {EMBED_BYTES / 1e6:g} MB: leave out --embed')
        page = one_file(*prepare(n_shown, seconds))
    with atomic(path) as temporary:
        temporary.write_bytes(page)
