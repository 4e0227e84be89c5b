"""Stage 7: pictures of the sound map, and the page that shows it in 2-D and 3-D and plays it, offline.

Reads the lists and wavs of DATA, and the activations, coordinates and, where they are there, predictions of RUN.
Writes RUN/map_2d.png, RUN/map_3d.png and RUN/map/index.html with all it needs beside it; with ``--embed``
RUN/map_embed.html instead, one file of at most 25 MB that can be mailed. Sounds that predict.py added are shown, too.
"""

from deepdream.artifacts import SPLITS
from deepdream.cluster import scheduler
from deepdream.command_line import at_least, command, parser


@command
def main(argv=None):
    options = parser(__doc__.splitlines()[0], 'data', 'run', 'scheduler')
    options.add_argument('--split', choices=SPLITS, default='test', help='whose notes the map shows')
    options.add_argument('--embed', action='store_true', help='write one file of at most 25 MB that can be mailed')
    options.add_argument('--limit', type=at_least(1), metavar='N', help='show only N notes, drawn at random')
    pitch = options.add_argument_group('pitch of your own samples, where examples.json does not tell it')
    pitch.add_argument('--middle-c', choices=('C4', 'C3'), default='C4', help='how file names call the pitch 60')
    pitch.add_argument('--estimate-pitch', action='store_true',
                       help='estimate the pitches that neither the wavs nor their names tell: a second a note')
    args = options.parse_args(argv)

    from deepdream.map.page import write_sound_map
    with scheduler(args.scheduler, args.data, args.run) as (data, run):
        page = write_sound_map(data, run, args.split, args.embed, args.limit, args.middle_c, args.estimate_pitch)
    print(f'{page}: {page.stat().st_size / 1e6:.1f} MB; open it in a browser' if args.embed
          else f'{page}: open it in a browser')


if __name__ == '__main__':
    raise SystemExit(main())
