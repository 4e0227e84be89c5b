"""Stage 8: Deep Dream for sound: hear and see what the units of the network detect, and let it dream on a sound.

Reads RUN/model.keras and its statistics. Without --run, RUN is run/, or pretrained/, which comes with the scripts,
where run/ holds no model. `neuron` and `atlas` need the test split of DATA; `deep`, `style` and `thin` compare with its
notes where it is there.

Writes RUN/dreams/audio/{name}.wav, RUN/dreams/spectrum/{name}.npy, RUN/dreams/{name}.png and .json (settings and
scores); `atlas` writes RUN/atlas/index.html, too. The name of a unit's dream ends in _note or _texture: a note has
partials of one pitch, a texture is shaped from noise.
"""

import argparse
import os
import sys
from pathlib import Path

from deepdream.artifacts import BadInput, list_path
from deepdream.command_line import Help, command, end, parser
from deepdream.dreams.names import FEW, KINDS, LAYERS
from deepdream.pitch import HIGHEST_DREAMED, LOWEST_DREAMED, named_pitch
from deepdream.run_folder import check_writable, choose_run

CONTENT_WEIGHT = 0.7  # of Deep Style


def parse_arguments(argv):
    options = parser(__doc__.splitlines()[0])
    tools = options.add_subparsers(dest='tool', required=True, metavar='TOOL')

    def tool(name, text, climbs=True, **positional):
        one = tools.add_parser(name, parents=[shared_options(climbs)], conflict_handler='resolve', help=text,
                               description=text, formatter_class=Help)
        for argument, help_text in positional.items():
            one.add_argument(argument, type=Path, metavar='SOUND', help=help_text)
        return one

    sound = 'any sound file; the tool uses its loudest 4 s, from the onset on'
    neuron = tool('neuron', 'dream the sound that excites a neuron, a filter or a class most')
    neuron.add_argument('--layer', default='fc2', choices=LAYERS)
    neuron.add_argument('--unit', '--units', nargs='+', default=['0'], metavar='UNIT',
                        help='numbers, labels of classes, or all')
    neuron.add_argument('--as', dest='kind', default='note', choices=KINDS,
                        help='a note, of partials and noise, or a texture, made from noise')
    neuron.add_argument('--pitch', nargs='+', type=pitch_number, default=[], metavar='PITCH',
                        help='of notes, such as A4 or 69: the best of them is kept (default: of 8 in the range of the '
                             'notes that excite the unit most)')
    neuron.add_argument('--diversity', type=int, default=1, metavar='N',
                        help='number of different dreams of each unit; of notes, the best N pitches')
    instrument = tool('instrument', 'dream one timbre across the keys: wavs, and an SFZ for a sampler')
    instrument.add_argument('--layer', default='fc3', choices=LAYERS)
    instrument.add_argument('--unit', required=True, metavar='UNIT', help='a number or the label of a class')
    deep = tool('deep', 'amplify in a sound what excites a layer (Deep Dream)', sound=sound)
    deep.add_argument('--layer', default='conv3', choices=LAYERS)
    deep.add_argument('--strength', type=float, default=1.0, metavar='S',
                      help='change no level by more than S times 20 dB')
    style = tool('style', "keep the content of a sound, and give it another's timbre (Deep Style)", sound=sound)
    style.add_argument('--content-weight', type=float, default=CONTENT_WEIGHT, help='how much the content counts')
    style.add_argument('--steps-between', type=int, default=0, metavar='N',
                       help='of notes: also write N notes on the way from one sound to the other')
    for one in (deep, style):
        one.add_argument('--as', dest='kind', default='texture', choices=KINDS,
                         help='change any sound, or take it for a note whose partials and noise dream')
    thin = tool('thin', "give each frequency band of a sound the mean and the standard deviation of another's level "
                        '(Thin Style)', climbs=False, sound=sound)
    for one in (style, thin):
        one.add_argument('--style', type=Path, required=True, metavar='SOUND', help='the sound that lends its timbre')
    atlas = tool('atlas', 'dream all units of some layers, and write a page of them')
    atlas.add_argument('--layers', nargs='+', default=['conv1', 'conv4', 'fc2', 'fc3'], choices=LAYERS)
    args = options.parse_args(argv)
    check(options, args)
    return args


def shared_options(climbs):
    """Return a parser of the options that several tools have; without `climbs`, none of the ascent.

    An option of the ascent that is not given has no value, so that each tool keeps its own default.
    """
    common = parser('', 'data', 'network')
    common.add_argument('--labels', default='labels.txt', help='the labels, one a line')
    if climbs:
        climbing = common.add_argument_group('ascent', argument_default=argparse.SUPPRESS)
        climbing.add_argument('--steps', type=int,
                              help='of gradient ascent; 200 unless given, for style 800, for notes 120')
        climbing.add_argument('--rate', type=float,
                              help='of the ascent, 0.04 unless given, for notes 0.1: lower it if that fails')
        climbing.add_argument('--seed', type=int, help='0 unless given; on CPUs, the same seed gives the same sound')
    return common


def check(options, args):
    if getattr(args, 'steps_between', 0) and args.kind != 'note':
        options.error('--steps-between goes with --as note only')
    for name, least in (('steps', 1), ('diversity', 1), ('strength', 0), ('content_weight', 0), ('seed', 0),
                        ('steps_between', 0)):
        value = getattr(args, name, least)
        if not least <= value < float('inf'):
            options.error(f'--{name.replace("_", "-")} {value}: give a number from {least} on')
    if not 0 < getattr(args, 'rate', 1) < float('inf'):
        options.error(f'--rate {args.rate}: give a number above 0')


def pitch_number(text):
    """The type of ``--pitch``: 'A4' or '69'."""
    number = int(text) if text.isdecimal() else named_pitch(text)
    if not LOWEST_DREAMED <= number <= HIGHEST_DREAMED:
        raise argparse.ArgumentTypeError(f'{text} is no pitch from E1 ({LOWEST_DREAMED}) to C7 ({HIGHEST_DREAMED})')
    return number


def given_settings(args):
    """Return those of the ascent's settings steps, rate and seed that the command line gives."""
    return {name: getattr(args, name) for name in ('steps', 'rate', 'seed') if name in args}


def open_dreamer(run, data, labels, needs_notes):
    """Return a Dreamer with the test notes of DATA; unless it `needs_notes`, without them where they do not serve.

    A sound and a network are enough for Deep Dream: whoever has no such notes is told so, and goes on.
    """
    from deepdream.dreams.writer import Dreamer
    dreamer, listed = Dreamer(run), list_path(data, 'test', 'samples')
    if not needs_notes and not listed.exists():
        print(f'dream.py: {listed} is missing, so the dream is compared with no notes', file=sys.stderr)
        return dreamer
    try:
        dreamer.open_notes(data, labels)
    except (BadInput, FileNotFoundError) as error:
        if needs_notes:
            raise
        print(f'dream.py: the dream is compared with no notes: {" ".join(str(error).split())}', file=sys.stderr)
    return dreamer


@command
def main(argv=None):
    args = parse_arguments(argv)
    run = choose_run(args.run, 'dream.py')
    check_writable(run, 'dreams')
    if args.tool == 'neuron' and args.kind == 'note' and args.unit != ['all'] and len(args.unit) <= FEW:
        os.environ.setdefault('TF_NUM_INTRAOP_THREADS', '1')  # so small a step takes 9 ms by one thread, 12 by two
    of_units = args.tool in ('neuron', 'instrument', 'atlas')
    dreamer = open_dreamer(run, args.data, args.labels, needs_notes=of_units)
    (dream_units if of_units else change_sound)(dreamer, args, given_settings(args))


def dream_units(dreamer, args, given):
    from deepdream.dreams import units
    if args.tool == 'neuron':
        units.neuron(dreamer, args.layer, args.unit, args.kind, args.pitch, args.diversity, given)
    elif args.tool == 'instrument':
        units.instrument(dreamer, args.layer, args.unit, given)
    else:
        units.atlas(dreamer, args.layers, given)


def change_sound(dreamer, args, given):
    from deepdream.dreams import sounds  # 1.7 s, which the dreams of units need not wait for
    if args.tool == 'deep':
        sounds.deep(dreamer, args.sound, args.layer, args.strength, args.kind, given)
    elif args.tool == 'style' and args.kind == 'note':
        sounds.style_as_note(dreamer, args.sound, args.style, args.content_weight, args.steps_between, given)
    elif args.tool == 'style':
        sounds.style(dreamer, args.sound, args.style, args.content_weight, given)
    else:
        sounds.thin(dreamer, args.sound, args.style)


if __name__ == '__main__':
    end(main())
