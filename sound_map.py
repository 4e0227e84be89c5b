"""Stage 7: pictures of the sound map, and the page that shows it in 2-D and 3-D and plays it, offline.

Writes `RUN/map_2d.png`, `RUN/map_3d.png` and `RUN/map/index.html` with all it needs beside it; with ``--embed``
`RUN/map_embed.html` instead, one file of at most 25 MB that can be mailed. Sounds that predict.py added are shown, too.
"""

import functools
import json
import re
import shutil
from pathlib import Path

import numpy as np

from added import FOLDER, place_added
from artifacts import SPLITS, BadInput, at_least, atomic, command, load_json, parser, run_path, save_text
from gather_information import find_wavs
from map_data import gather, map_order, pack_activation, pack_map, take
from map_pictures import caption, draw_map
from previews import CHUNK_NOTES, FULL_SECONDS, chunks, make_previews, preview_files, write_chunks

PAGE = Path(__file__).parent / 'page'
EMBED_BYTES = 25_000_000
EMBED_SECONDS = (FULL_SECONDS, 2.0, 1.5, 1.0)  # of each note; the longest that fits, and if none does, fewer notes


def call(function, content):
    """Return the script that hands `content` to a function of the page; no text in it can end a script element."""
    return f'{function}({json.dumps(content).replace("<", chr(92) + "u003c")});\n'


def prepare(args, labels, columns, added, quality, n_shown, seconds):
    """Return what the page needs: what it draws at once, the activations, and the scripts with the previews.

    `added` are the columns of the user's sounds, as of `place_added`, or None. They follow the notes, all of them.
    """
    total, columns = len(columns['note']), take(columns, n_shown)
    notes, ids = columns['note'], added['id'] if added else []
    has_sound = make_previews(args.data, args.split, notes, seconds)
    files = preview_files(args.data, args.split, notes, seconds)
    wavs = {note: Path(path).name for note, path in find_wavs(args.data, args.split).items()}
    names = {row: wavs[note] for row, note in enumerate(notes) if wavs.get(note, f'{note}.wav') != f'{note}.wav'}
    if added:
        columns = {name: np.concatenate([column, added[name]]) for name, column in columns.items()}
        has_sound = np.concatenate([has_sound, make_previews(args.run, FOLDER, ids, seconds)])
        files += preview_files(args.run, FOLDER, ids, seconds)
        names |= {len(notes) + i: name for i, name in enumerate(added['note'])}
    audio = args.data / args.split / 'audio'
    content = pack_map(labels, columns, has_sound, len(notes)) | {
        'split': args.split, 'quality': quality, 'remarks': remarks(total, has_sound, seconds, len(ids)),
        'files': names, 'unlike': added['unlike'] if added else [],
        'chunk_notes': CHUNK_NOTES, 'audio_folder': '' if args.embed else f'{audio.resolve().as_posix()}/'}
    scripts = chunks(files, map_order(columns['tsne_2d']), has_sound)
    return content, pack_activation(columns['activation']), scripts


def remarks(n_notes, has_sound, seconds, n_added=0):
    """Return the sentences in which the page says what is not in it, and what is besides the notes."""
    n_shown, n_silent = len(has_sound) - n_added, int((~has_sound).sum())
    return [f'{text}.' for text, holds in (
        (f'A random sample of {n_notes:,}', n_shown < n_notes),
        (f'{n_silent:,} cannot be heard: their wavs are missing or unreadable', n_silent),
        (f'Only the first {seconds:g} s of each can be heard', seconds < FULL_SECONDS),
        (f'Sounds of yours, ringed: {n_added:,}, at approximate places', n_added)) if holds]


def write_page(folder, content, activation, scripts):
    """Write `folder/index.html` and what it needs."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in PAGE.iterdir():
        with atomic(folder / path.name) as temporary:
            shutil.copyfile(path, temporary)
    save_text(folder / 'data.js', call('receiveMap', content))
    save_text(folder / 'activation.js', call('receiveActivation', activation))
    write_chunks(folder / 'previews', scripts)


def link_atlas(run):
    """Tell the map's page where the neuron atlas lies, once both are there."""
    if (run / 'map' / 'index.html').exists() and (run / 'atlas' / 'index.html').exists():
        save_text(run / 'map' / 'atlas.js', "'use strict';\n\nconst ATLAS_PAGE = '../atlas/index.html';\n")


def one_file(content, activation, scripts):
    """Return the page as the bytes of one HTML file: every style sheet and script in the place of its reference."""
    def inline(match):
        name = match['style'] or match['script']
        if name == 'data.js':
            text = ''.join([call('receiveMap', content), call('receiveActivation', activation),
                            *(script for _, script in scripts)])
        else:
            text = (PAGE / name).read_text(encoding='utf-8')
        return f'<style>\n{text}</style>' if match['style'] else f'<script>\n{text}</script>'

    page = (PAGE / 'index.html').read_text(encoding='utf-8')
    return re.sub(r'<link rel="stylesheet" href="(?P<style>[^"]+)">|<script src="(?P<script>[^"]+)"></script>',
                  inline, page).encode()


def write_embedded(path, prepare_for, n_shown):
    """Write one file of at most 25 MB from `prepare_for(n_shown, seconds)`, with as much in it as fits."""
    for seconds in EMBED_SECONDS:
        page = one_file(*prepare_for(n_shown, seconds))
        if len(page) <= EMBED_BYTES:
            break
    while len(page) > EMBED_BYTES:
        n_shown = int(0.97 * n_shown * EMBED_BYTES / len(page))
        if not n_shown:
            raise BadInput(f'{path}: the added sounds alone take more than {EMBED_BYTES / 1e6:g} MB: leave out --embed')
        page = one_file(*prepare_for(n_shown, seconds))
    with atomic(path) as temporary:
        temporary.write_bytes(page)


def options(argv):
    result = parser(__doc__.split('\n')[0], 'data', 'run')
    result.add_argument('--split', choices=SPLITS, default='test', help='whose notes the map shows')
    result.add_argument('--embed', action='store_true', help='write one file of at most 25 MB that can be mailed')
    result.add_argument('--limit', type=at_least(1), metavar='N', help='show only N notes, drawn at random')
    return result.parse_args(argv)


def write_pictures(args, labels, columns, quality):
    for view, title, name in (('tsne_2d', 't-SNE 2-D', 'map_2d.png'), ('tsne_3d', 't-SNE 3-D', 'map_3d.png')):
        path = run_path(args.run, name, args.split)
        draw_map(path, columns[view], columns['class_index'], labels,
                 caption(len(columns['note']), args.split, quality, title))
        print(f'{path}: {title} of {len(columns["note"]):,} notes')


def write_map(args, labels, columns, added, quality):
    """Write the page and return its path."""
    n_shown = min(args.limit or len(columns['note']), len(columns['note']))
    prepare_for = functools.partial(prepare, args, labels, columns, added, quality)
    if args.embed:
        path = run_path(args.run, 'map_embed.html', args.split)
        write_embedded(path, prepare_for, n_shown)
        return path
    folder = run_path(args.run, 'map', args.split)
    write_page(folder, *prepare_for(n_shown, FULL_SECONDS))
    link_atlas(args.run)
    return folder / 'index.html'


@command
def main(argv=None):
    args = options(argv)
    labels, columns = gather(args.data, args.run, args.split)
    quality = load_json(run_path(args.run, 'tsne.json', args.split), 'tsne.py', purity=dict, purity_k=int,
                        trustworthiness=dict, evaluated_notes=int)
    write_pictures(args, labels, columns, quality)
    page = write_map(args, labels, columns, place_added(args.run, columns, len(labels)), quality)
    print(f'{page}: {page.stat().st_size / 1e6:.1f} MB; open it in a browser' if args.embed
          else f'{page}: open it in a browser')


if __name__ == '__main__':
    raise SystemExit(main())
