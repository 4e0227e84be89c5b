"""Stage 8: Deep Dream for sound: hear and see what the units of the network detect, and let it dream on a sound.

Reads RUN/model.keras and its statistics. Without --run, RUN is run/, or pretrained/, which comes with the scripts,
where run/ holds no model. `neuron` and `atlas` need the test split of DATA; `deep`, `style` and `thin` compare with its
notes where it is there.

Writes RUN/dreams/audio/{name}.wav, RUN/dreams/spectrum/{name}.npy, RUN/dreams/{name}.png and .json (settings and
scores); `atlas` writes RUN/atlas/index.html, too. The name of a unit's dream ends in _note or _texture: a note has
partials of one pitch, a texture is shaped from noise.
"""

import argparse
import hashlib
import os
import sys
from contextlib import contextmanager
from pathlib import Path

from deepdream.artifacts import BadInput, list_path, load_json
from deepdream.command_line import Help, command, parser, progress
from deepdream.pitch import HIGHEST_DREAMED, LOWEST_DREAMED, named_pitch
from deepdream.run_folder import check_writable, choose_run

CONTENT_WEIGHT = 0.7  # of Deep Style
LONGEST_NAME = 200  # bytes, of 255 that a file system takes with '.tmp.', a digest and '.json'
KINDS = ('note', 'texture')
LAYERS = ('conv1', 'conv2', 'conv3', 'conv4', 'fc1', 'fc2', 'fc3')


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


def neuron(dreamer, layer, words, kind, pitches, n_dreams, given):
    """Dream `n_dreams` sounds of each unit that the `words` of ``--unit`` name, with the `given` settings."""
    from deepdream.dreams.activations import parse_units
    units = parse_units(layer, words, dreamer.note_activations[layer].shape[1], dreamer.labels)
    if kind == 'note':
        reports = dream_notes(dreamer, layer, units, note_settings(given), pitches, n_dreams)
    else:
        reports = dream_textures(dreamer, layer, units, given, n_dreams)
    for name, report in reports.items():
        print_read_back(name, report)


def instrument(dreamer, layer, word, given):
    """Dream a unit as an instrument, a wav for every third key, and write its SFZ, with the `given` settings."""
    from deepdream.dreams.activations import parse_units, unit_name
    from deepdream.dreams.instrument import dream_instrument, write_sfz
    from deepdream.dreams.notes import UnitNotes
    from deepdream.dreams.objectives import instrument_objective
    [unit] = parse_units(layer, [word], dreamer.note_activations[layer].shape[1], dreamer.labels)
    settings, title = note_settings(given), f'{unit_name(layer, unit, dreamer.labels)}_instrument'
    notes = dream_instrument(UnitNotes(dreamer, layer, settings, make_objective=instrument_objective), unit)
    names = [f'{title}_{note.pitch:03}' for note in notes]
    key = dreamer.note_key(layer, unit, settings) | {'kind': 'instrument', 'pitches': [note.pitch for note in notes]}
    for note, name in zip(notes, names, strict=True):
        print_read_back(name, dreamer.write(name, note.waveform, {'key': key} | note.report(), layer, unit,
                                            note.spectrum))
    for path in dreamer.path('').glob(f'{title}_[0-9][0-9][0-9].json'):
        if path.stem not in names:  # a key of an earlier range
            path.unlink()
    path = dreamer.path('sfz') / f'{title}.sfz'
    write_sfz(path, notes, names, title)
    print(f'{path}: {len(notes)} keys, to be opened in a sampler')


def dream_textures(dreamer, layer, units, given, n_dreams):
    """Dream `n_dreams` textures of each unit; return {name: report}."""
    from deepdream.dreams.activations import dream_name
    from deepdream.dreams.ascent import Settings
    dreams = [(unit, dream_name(layer, unit, dreamer.labels, 'texture', k)) for unit in units for k in range(n_dreams)]
    reports = dream_all(dreamer, layer, dreams, Settings(**given), n_dreams)
    return {name: report for (_, name), report in zip(dreams, reports, strict=True)}


def note_settings(given):
    """The NoteSettings of the ascent's settings that the command line gives: an eighth as many steps for each trial."""
    from deepdream.dreams.note_ascent import NoteSettings
    return NoteSettings(**given | ({'trial_steps': max(1, given['steps'] // 8)} if 'steps' in given else {}))


def dream_notes(dreamer, layer, units, settings, pitches=(), n_dreams=1):
    """Dream the `n_dreams` best notes of each unit, of the given MIDI pitches or of its own; return {name: report}."""
    from deepdream.dreams.activations import dream_name
    from deepdream.dreams.notes import UnitNotes
    from deepdream.dreams.writer import DREAMS_AT_ONCE
    notes_of, reports = UnitNotes(dreamer, layer, settings, pitches), {}
    with progress(total=len(units), description=f'{layer} notes', unit='dream') as bar:
        for start in range(0, len(units), DREAMS_AT_ONCE):
            some = units[start:start + DREAMS_AT_ONCE]
            names = [[dream_name(layer, unit, dreamer.labels, 'note', k) for k in range(n_dreams)] for unit in some]
            reports |= dreamer.write_notes(notes_of, layer, some, names)
            bar.update(len(some))
    return reports


def dream_all(dreamer, layer, dreams, settings, diversity=1):
    """Dream (unit, name) pairs in batches that keep the dreams of a unit together; return the reports."""
    from deepdream.dreams.writer import DREAMS_AT_ONCE
    size = max(1, DREAMS_AT_ONCE // diversity) * diversity
    reports = []
    with progress(total=len(dreams), description=layer, unit='dream') as bar:
        for start in range(0, len(dreams), size):
            units, names = zip(*dreams[start:start + size], strict=True)
            reports += dreamer.write_units(layer, list(units), names, settings)
            bar.update(len(units))
    return reports


def deep(dreamer, sound, layer, strength, kind, given):
    """Write the Deep Dream of a sound file, with the `given` settings of the ascent."""
    from deepdream.dreams.writer import load_sound
    files, ending = {'sound_file': os.path.abspath(sound)}, '_note' if kind == 'note' else ''
    name = free_name(dreamer, f'deep_{sound.stem}_{layer}_{strength:g}{ending}', files)
    with naming(sound):
        if kind == 'note':
            from deepdream.dreams.from_note import deep_note
            note, report = deep_note(dreamer, load_sound(sound), layer, strength, **given)
            dreamed, spectrum = note.waveform, note.spectrum
        else:
            from deepdream.dreams.from_sound import deep_dream
            (dreamed, report), spectrum = deep_dream(dreamer, load_sound(sound), layer, strength, **given), None
    write(dreamer, name, dreamed, files | report, layer, spectrum)
    print(f'activation of {layer}: {report["layer_times"]:.2f} times what it was')


def style(dreamer, sound, style_sound, content_weight, given):
    """Write the Deep Style of two sound files, with the `given` settings of the ascent."""
    from deepdream.dreams.from_sound import CONTENT_LAYER, N_STRONGEST, deep_style
    from deepdream.dreams.writer import load_sound
    files = {'sound_file': os.path.abspath(sound), 'style_file': os.path.abspath(style_sound)}
    name = free_name(dreamer, f'style_{sound.stem}_{style_sound.stem}', files)
    content, other = load_sound(sound), load_sound(style_sound)
    with naming(sound, style_sound):
        dreamed, report = deep_style(dreamer, content, other, content_weight, **given)
    write(dreamer, name, dreamed, files | report, CONTENT_LAYER)
    print(f'style distance down by {1 - report["style_distance"]:.0%}, {report["strongest_kept"]} of the {N_STRONGEST} '
          f'strongest neurons of {CONTENT_LAYER} stay')


def style_as_note(dreamer, sound, style_sound, content_weight, n_between, given):
    """As `style`, of a note that stays one; also write `n_between` notes on the way from it to the other."""
    from deepdream.dreams.from_note import describe, style_note
    from deepdream.dreams.from_sound import CONTENT_LAYER
    from deepdream.dreams.writer import load_sound
    files = {'sound_file': os.path.abspath(sound), 'style_file': os.path.abspath(style_sound)}
    name = free_name(dreamer, f'style_{sound.stem}_{style_sound.stem}_note', files)
    content, other = load_sound(sound), load_sound(style_sound)
    with naming(sound, style_sound):
        note, report, between = style_note(dreamer, content, other, content_weight, n_between, **given)
    write(dreamer, name, note.waveform, files | report, CONTENT_LAYER, note.spectrum)
    print(f'style distance down by {1 - report["style_distance"]:.0%}')
    for number, one in enumerate(between, start=1):
        step = free_name(dreamer, f'{name}_between{number}', files)
        write(dreamer, step, one.waveform, files | describe(one), CONTENT_LAYER, one.spectrum)


def thin(dreamer, sound, style_sound):
    """Write the Thin Style of two sound files."""
    from deepdream.dreams.from_sound import CONTENT_LAYER, thin_dream
    from deepdream.dreams.writer import load_sound
    files = {'sound_file': os.path.abspath(sound), 'style_file': os.path.abspath(style_sound)}
    name = free_name(dreamer, f'thin_{sound.stem}_{style_sound.stem}', files)
    content, other = load_sound(sound), load_sound(style_sound)
    with naming(sound, style_sound):
        shaped, report = thin_dream(content, other)
    write(dreamer, name, shaped, files | report, CONTENT_LAYER)
    print('band statistics {before:.0%} off before, {after:.1%} after'.format(**report['statistics_error']))


def free_name(dreamer, name, files):
    """Return the name of a dream on sounds: `name`, or with a digest where it is too long or is that of other files.

    `files` are the report's entries about the sounds, with their absolute paths.
    """
    digest = hashlib.sha256('\n'.join(files.values()).encode(errors='surrogateescape')).hexdigest()[:8]
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = f'{os.fsencode(name)[:LONGEST_NAME - 9].decode(errors="ignore")}_{digest}'
    path = dreamer.path(f'{name}.json')
    if path.exists():
        stored = load_json(path, 'dream.py')
        if any(os.path.abspath(stored.get(key, '')) != file for key, file in files.items()):
            return f'{name}_{digest}'
    return name


@contextmanager
def naming(*files):
    """Say which files it is about where two sounds do not go together."""
    try:
        yield
    except BadInput as error:
        raise BadInput(f'{", ".join(map(str, files))}: {error}') from error


def write(dreamer, name, waveform, report, layer, spectrum=None):
    """Write a sound that came from a sound, and say what the network hears in it; of a note, with its `spectrum`."""
    report = dreamer.write(name, waveform, report, layer, optimised_spectrum=spectrum)
    print_read_back(name, report)
    probabilities = report['calibrated_probabilities']
    family = max(probabilities, key=probabilities.get)
    print(f'{dreamer.path("audio")}/{name}.wav: the network hears {family} ({probabilities[family]:.0%})')


def atlas(dreamer, layers, given):
    """Dream the units of the layers that lack a dream with the `given` settings, and write the page."""
    from deepdream.dreams.ascent import Settings
    from deepdream.map.atlas import write_atlas
    for layer in layers:
        units = range(dreamer.note_activations[layer].shape[1])
        dream_missing_notes(dreamer, layer, units, note_settings(given))
        dream_missing(dreamer, layer, units, Settings(**given))
    print(f'{write_atlas(dreamer, layers)}: open it in a browser')


def dream_missing(dreamer, layer, units, settings):
    """Dream those units of a layer whose texture, with these settings, is not there yet."""
    from deepdream.dreams.activations import dream_name
    named = [(unit, dream_name(layer, unit, dreamer.labels, 'texture')) for unit in units]
    dream_all(dreamer, layer, [(unit, name) for unit, name in named
                               if not dreamer.is_dreamed(name, dreamer.key(layer, unit, settings))], settings)


def dream_missing_notes(dreamer, layer, units, settings):
    """Dream those units of a layer whose note, with these settings, is not there yet."""
    from deepdream.dreams.activations import dream_name
    missing = [unit for unit in units if not dreamer.is_dreamed(dream_name(layer, unit, dreamer.labels, 'note'),
                                                                dreamer.note_key(layer, unit, settings))]
    if missing:
        dream_notes(dreamer, layer, missing, settings)


def print_read_back(name, report):
    score, sound = report['read_back'], report['sound']
    times = score.get('times_strongest_note')
    against = ('compared with no notes' if not score['n_notes'] else
               f'{times:.2f} times the strongest note ({score["strongest_note"]})' if times and times > 0
               else 'less than the strongest note' if times else 'no note excites it')
    note = f'; {report["hz"]:.1f} Hz' if report.get('kind') == 'note' else ''
    print(f'{name}: {score["layer"]} activation {score["activation"]:.3g}, {score["kept"]:.0%} of the optimised value, '
          f'{against}; flatness {sound["flatness"]:.1e}, crest {sound["crest_factor"]:.1f}{note}'
          + ('' if score['passed'] else '; READ-BACK CHECK FAILED'))


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
    dreamer = open_dreamer(run, args.data, args.labels, needs_notes=args.tool in ('neuron', 'instrument', 'atlas'))
    given = given_settings(args)
    if args.tool == 'neuron':
        neuron(dreamer, args.layer, args.unit, args.kind, args.pitch, args.diversity, given)
    elif args.tool == 'instrument':
        instrument(dreamer, args.layer, args.unit, given)
    elif args.tool == 'deep':
        deep(dreamer, args.sound, args.layer, args.strength, args.kind, given)
    elif args.tool == 'style' and args.kind == 'note':
        style_as_note(dreamer, args.sound, args.style, args.content_weight, args.steps_between, given)
    elif args.tool == 'style':
        style(dreamer, args.sound, args.style, args.content_weight, given)
    elif args.tool == 'thin':
        thin(dreamer, args.sound, args.style)
    else:
        atlas(dreamer, args.layers, given)


if __name__ == '__main__':
    raise SystemExit(main())
