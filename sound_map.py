"""Stage 7: pictures of the sound map, and the page that shows it in 2-D and 3-D and plays it, offline.

Reads the lists and wavs of DATA, and the activations, coordinates and, where they are there, predictions of RUN.
Writes RUN/map_2d.png, RUN/map_3d.png and RUN/map/index.html with all it needs beside it; with ``--embed``
RUN/map_embed.html instead, one file of at most 25 MB that can be mailed. Sounds that predict.py added are shown, too.

    python sound_map.py --sounds ~/samples

With --sounds, it needs neither DATA nor labels, and only reads RUN: it maps every sound file below the folders, of any
format and length, and writes OUT/index.html, OUT/sounds.csv, and the activations and coordinates beside them. What it
computes of each file is kept in OUT/computed/: the next time, only new and changed files are computed.
"""

import os
import sys
from pathlib import Path

from deepdream.artifacts import SPLITS, BadInput
from deepdream.cluster import scheduler
from deepdream.command_line import at_least, command, parser
from deepdream.embedding import DEEP_BELOW
from deepdream.run_folder import PRETRAINED, choose_run, model_digest
from deepdream.sound_files import find_sounds, printable


def map_folders(args):
    """Write the map of any sounds into OUT, and say what is left out."""
    from deepdream.map.listener import files_key
    from deepdream.map.store import FOLDER, compute_sounds
    run = choose_run(args.run, 'sound_map.py')
    out = args.output or Path(f'{Path(os.path.abspath(args.sounds[0])).stem or "sounds"}_map')
    check_output(out, run)
    sounds, lines = find_sounds(args.sounds, without=[os.path.realpath(out)])
    if args.scheduler:
        out.mkdir(parents=True, exist_ok=True)  # for the workers to see
    with scheduler(args.scheduler, out, run / 'model.keras', *sounds[:1]):
        targets, failed = compute_sounds(sounds, out / FOLDER, args.windows, run, files_key(run))
        lines += [f'{printable(path)}: {reason}' for path, reason in failed.items()]
        if not targets:
            raise BadInput(f'there is no sound to map: {"; ".join(lines)}')
        page = write_folder_map(args, run, out, targets)
    for line in lines:
        print(f'sound_map.py: {line}', file=sys.stderr)
    return page


def check_output(out, run):
    """Raise BadInput where OUT is no folder of an earlier map and not empty, or lies in RUN, which is only read."""
    if any(out.resolve().is_relative_to(folder.resolve()) for folder in (run, PRETRAINED)):
        raise BadInput(f'{out} lies in {run}, which is only read here: give another --output')
    if out.exists() and not (out.is_dir() and ((out / 'computed').is_dir() or not any(out.iterdir()))):
        raise BadInput(f'{out} is there already, and is no map of sounds: give another --output')


def write_folder_map(args, run, out, targets):
    """Write OUT/index.html, or with --embed OUT/map_embed.html, and the tables beside it; return its path."""
    from deepdream.map.folder_map import EMBED_LENGTHS, MOST_AT_OWN_RATE, open_folder_map
    from deepdream.map.page import write_embedded, write_page
    from deepdream.map.store import FOLDER, clear_up
    shown = open_folder_map(args.sounds, run, out, targets, model_digest(run), args.middle_c,
                            args.estimate_pitch, args.deep)
    n_sounds = len(shown.columns['note'])
    n_shown = min(args.limit or n_sounds, n_sounds)
    page = out / ('map_embed.html' if args.embed else 'index.html')
    if args.embed:
        write_embedded(page, shown.prepare, n_shown, EMBED_LENGTHS[n_shown > MOST_AT_OWN_RATE:])
    else:
        write_page(out, *shown.prepare(n_shown))
    clear_up(out / FOLDER, targets.values())
    return page


def parse_arguments(argv):
    options = parser(__doc__.splitlines()[0], 'data', 'scheduler')
    options.add_argument('--run', type=Path, metavar='DIR', help='model and all that depends on it (default: run; with '
                         '--sounds, where that holds no model, pretrained)')
    options.add_argument('--split', choices=SPLITS, default='test', help='whose notes the map shows')
    options.add_argument('--embed', action='store_true', help='write one file of at most 25 MB that can be mailed')
    options.add_argument('--limit', type=at_least(1), metavar='N', help='show only N notes, drawn at random')
    folder = options.add_argument_group(
        'a map of any sounds, without labels', 'Files that cannot be used are listed in the end; the exit status is 1 '
        'only if no sound can be used.')
    folder.add_argument('--sounds', nargs='+', type=Path, metavar='DIR', help='folders with sounds in them, or files')
    folder.add_argument('--output', type=Path, metavar='OUT', help='where to write (default: {first DIR}_map)')
    folder.add_argument('--windows', action='store_true', help='every four seconds of a sound, not only the loudest')
    folder.add_argument('--3d', dest='deep', action='store_true', help=f'place {DEEP_BELOW:,} sounds and more by t-SNE '
                        'in 3-D, too; fewer are without it')
    pitch = options.add_argument_group('pitch of your own samples, where examples.json does not tell it')
    pitch.add_argument('--middle-c', choices=('C4', 'C3'), default='C4', help='how file names call the pitch 60')
    pitch.add_argument('--estimate-pitch', action='store_true',
                       help='estimate the pitches that neither the files nor their names tell: a second a note')
    args = options.parse_args(argv)
    if not args.sounds and (args.output or args.windows or args.deep):
        options.error('--output, --windows and --3d are for --sounds')
    return args


@command
def main(argv=None):
    args = parse_arguments(argv)
    if args.sounds:
        page = map_folders(args)
    else:
        from deepdream.map.page import write_sound_map
        with scheduler(args.scheduler, args.data, args.run or Path('run')) as (data, run):
            page = write_sound_map(data, run, args.split, args.embed, args.limit, args.middle_c, args.estimate_pitch)
    print(f'{page}: {page.stat().st_size / 1e6:.1f} MB; open it in a browser' if args.embed
          else f'{page}: open it in a browser')


if __name__ == '__main__':
    raise SystemExit(main())
