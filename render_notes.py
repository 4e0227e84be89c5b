"""Stage 0b: render notes of sampled instruments from General MIDI sound fonts, in the shape of NSynth.

Writes DATA/{split}/audio/{family}_{source}_{instrument}-{pitch}-{velocity}.wav (16 kHz, mono, 16 bit, 4 s: held for 3 s
or for a time drawn at random, then released), DATA/{split}/examples.json and DATA/render.json (settings). No instrument
is in two splits, every family is in all three. The families, sources and ranges of the General MIDI programs stand in
general_midi.csv.
"""

import csv
import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from deepdream.artifacts import SPLITS, BadInput, check_disk, load_json, save_json
from deepdream.command_line import at_least, command, parser, process_count, progress, random_seed, share
from deepdream.notes import find_wavs, load_labels
from deepdream.sound_font import (
    HELD_SECONDS,
    content_digest,
    default_font,
    is_audible,
    read_font,
    render,
    render_instrument,
)
from deepdream.spectrum import N_SAMPLES, SAMPLE_RATE

RENDER_VERSION = 2  # raise it when the same fonts and settings give other notes: these are then rendered again
RENDER_DIGEST_BEFORE_VERSIONS = 'cbc3ac880dfd396b'  # 'code' in render.json when it was as version 1 ...
PROGRAMS_BEFORE_VERSIONS = '75ada472255fbcb5'  # ... with these programs
PROGRAMS = Path(__file__).parent / 'deepdream' / 'general_midi.csv'
VELOCITIES = (25, 50, 75, 100, 127)
OUR_NAME = re.compile(r'.+_(acoustic|electronic|synthetic)_\d{3,}-\d{3}-\d{3}\.wav')
SOURCES = ('acoustic', 'electronic', 'synthetic')
WAV_BYTES = 44 + 2 * N_SAMPLES
HELD_RANGE = (0.1, 3.5)  # seconds: the notes that are not held for 3 s
SHARE = {'valid': 0.12, 'test': 0.2}  # of the instruments of a family


def load_programs():
    """Return the rows of general_midi.csv as dictionaries."""
    with open(PROGRAMS, encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file))


def list_instruments(fonts):
    """Return one dictionary for each program of each font: NSynth's fields, program, font and range of pitches.

    Left out are programs that do not sound, and those that sound like an earlier one: one instrument under two names.
    """
    families, instruments = load_labels(Path(__file__).parent / 'labels.txt'), []
    pairs = [(font, row) for font in fonts for row in load_programs() if sounds(font, row)]
    for (font, row), is_duplicate in zip(pairs, find_duplicates(pairs), strict=True):
        if not is_duplicate:
            instruments.append(describe(len(instruments), font, row, families))
    missing = {row['family'] for row in load_programs()} - {one['instrument_family_str'] for one in instruments}
    if missing:
        raise BadInput(f'{", ".join(font.name for font in fonts)}: nothing sounds of the families '
                       f'{", ".join(sorted(missing))}: give more or other fonts with --soundfont')
    return instruments


def describe(number, font, row, families):
    """Return the dictionary of an instrument: a row of general_midi.csv, played by a font."""
    return {'instrument': number, 'instrument_str': f'{row["family"]}_{row["source"]}_{number:03}',
            'instrument_family': families.index(row['family']), 'instrument_family_str': row['family'],
            'instrument_source': SOURCES.index(row['source']), 'instrument_source_str': row['source'],
            'program': int(row['program']), 'program_name': row['name'], 'soundfont': font.name,
            'font': font, 'range': (int(row['lowest']), int(row['highest']))}


def sounds(font, row):
    """Whether a program sounds in the middle of its range."""
    pitch = (int(row['lowest']) + int(row['highest'])) // 2
    return is_audible(render(font, int(row['program']), pitch, 100))


def find_duplicates(pairs):
    """Return, for each (font, row of general_midi.csv), whether an earlier one sounds the same: correlation over 0.99.

    In TimGM6mb, say, the first pianos are one, and so are 'Synth Bass 1' and 'Bass and Lead'.
    """
    if not pairs:
        return np.zeros(0, bool)
    onsets = np.stack([render(font, int(row['program']), 60, 100)[:SAMPLE_RATE // 2] for font, row in pairs])
    onsets /= np.linalg.norm(onsets, axis=1, keepdims=True) + 1e-12
    return np.tril(np.abs(onsets @ onsets.T) > 0.99, k=-1).any(axis=1)


def split_instruments(instruments, seed):
    """Return {split: instruments}: of every family some in each split, none in two."""
    rng, splits = np.random.default_rng(seed), {split: [] for split in SPLITS}
    for family in dict.fromkeys(instrument['instrument_family_str'] for instrument in instruments):
        members = [instrument for instrument in instruments if instrument['instrument_family_str'] == family]
        if len(members) < len(SPLITS):
            raise BadInput(f'the sound fonts have {len(members)} instruments of the family {family}: it takes '
                           f'{len(SPLITS)}, one for each split; give more or other fonts with --soundfont')
        members = [members[i] for i in rng.permutation(len(members))]
        numbers = {split: max(1, round(SHARE[split] * len(members))) for split in SHARE}
        for split, number in numbers.items():
            splits[split] += [members.pop() for _ in range(number)]
        splits['train'] += members
    return splits


def list_notes(instrument, n_pitches, seed, varied):
    """Return the examples.json entries of an instrument: `n_pitches` within its range, each at one velocity.

    In most fonts a velocity is a level and nothing else, which `to_level` takes away: all five would be one note.
    The share `varied` of the notes is held for a time drawn from HELD_RANGE, in whole milliseconds, the others for 3 s.
    """
    lowest, highest = instrument['range']
    rng = np.random.default_rng([seed, instrument['instrument']])
    span = np.arange(lowest, highest + 1)
    pitches = np.sort(rng.permutation(span)[:n_pitches])
    velocities = rng.choice(VELOCITIES, len(pitches))
    held = np.where(rng.random(len(pitches)) < varied, rng.uniform(*HELD_RANGE, len(pitches)).round(3), HELD_SECONDS)
    fields = {name: value for name, value in instrument.items() if name not in ('font', 'range')}
    return [fields | {'note_str': f'{instrument["instrument_str"]}-{pitch:03}-{velocity:03}', 'pitch': int(pitch),
                      'velocity': int(velocity), 'sample_rate': SAMPLE_RATE, 'held_seconds': float(seconds)}
            for pitch, velocity, seconds in zip(pitches, velocities, held, strict=True)]


def with_version(stored):
    """Return the content of a render.json with a version, also where it was written before there were versions."""
    if stored.get('code') != RENDER_DIGEST_BEFORE_VERSIONS:
        return stored
    return ({'version': 1, 'programs': PROGRAMS_BEFORE_VERSIONS}
            | {name: value for name, value in stored.items() if name != 'code'})


def prepare_folder(data, settings):
    """Return False where these very notes are rendered already; refuse a folder that holds other notes."""
    path = data / 'render.json'
    if not path.exists():
        for split in SPLITS:
            if find_wavs(data, split):
                raise BadInput(f'{data / split / "audio"} holds notes that are not rendered ones: '
                               'give another --data, or move them away')
    elif with_version(load_json(path, 'render_notes.py')) == settings | {'finished': True} and is_whole(data):
        return False
    save_json(path, settings | {'finished': False})
    return True


def is_whole(data):
    """Whether every note of examples.json has its wav."""
    examples = {split: data / split / 'examples.json' for split in SPLITS}
    return all(path.exists() and load_json(path, 'render_notes.py').keys() <= find_wavs(data, split).keys()
               for split, path in examples.items())


def remove_others(folder, notes):
    """Delete the wavs of an earlier rendering that are not among `notes`; what is not named like ours is kept."""
    keep = {f'{note["note_str"]}.wav' for note in notes}
    for path in Path(folder).glob('*.wav'):
        if path.name not in keep and OUR_NAME.fullmatch(path.name):
            path.unlink()


def count_new(plan, data):
    """Return how many notes of {split: [(instrument, notes)]} have no wav yet."""
    there = {split: find_wavs(data, split) for split in plan}
    return sum(note['note_str'] not in there[split]
               for split, some in plan.items() for _, notes in some for note in notes)


def render_all(plan, data, seed, jobs):
    """Render {split: [(instrument, notes)]} in parallel; write examples.json; return {split: number of notes}."""
    from joblib import Parallel, delayed
    tasks = [(split, *task) for split, some in plan.items() for task in some]
    tasks.sort(key=lambda task: str(task[1]['font']))  # so that fonts are loaded once
    results = Parallel(n_jobs=jobs, return_as='generator')(
        delayed(render_instrument)(instrument, notes, data / split / 'audio', seed)
        for split, instrument, notes in tasks)
    examples = {split: {} for split in plan}
    with progress(total=sum(len(notes) for *_, notes in tasks), description='rendering') as bar:
        for (split, _, notes), sounding in zip(tasks, results, strict=True):
            examples[split] |= {note['note_str']: note for note in sounding}
            bar.update(len(notes))
    for split, notes in examples.items():
        remove_others(data / split / 'audio', notes.values())
        save_json(data / split / 'examples.json', notes)
    return {split: len(notes) for split, notes in examples.items()}


@command
def main(argv=None):
    options = parser(__doc__.splitlines()[0], 'data')
    options.add_argument('--soundfont', nargs='+', type=Path, metavar='SF2',
                         help='General MIDI fonts: .sf2 or .sf3, or folders with a file for each program, 000.sf3 to '
                              '127.sf3 (default: TimGM6mb, which comes with pretty_midi)')
    options.add_argument('--pitches', type=at_least(1), default=48, help='of each instrument; all where it has fewer')
    options.add_argument('--varied', type=share, default=0.5, metavar='SHARE',
                         help='of the notes: held for 0.1 to 3.5 s, not 3 s, which a network would learn instead')
    options.add_argument('--seed', type=random_seed, default=0,
                         help='of the split, the pitches, the velocities, the levels and the times')
    options.add_argument('--jobs', type=process_count, default=-1, help='processes; -1: one for each core')
    args = options.parse_args(argv)

    if not find_spec('tinysoundfont'):
        raise BadInput('tinysoundfont is not installed: `python -m pip install --no-deps -r requirements_no_deps.txt`')
    fonts = args.soundfont or [default_font()]
    digests = {font.name: content_digest(read_font(font)) for font in fonts}
    if len(digests) < len(fonts):
        raise BadInput(f'two of the sound fonts {", ".join(map(str, fonts))} have the same name: rename one')
    settings = {'version': RENDER_VERSION, 'soundfonts': digests, 'programs': content_digest(PROGRAMS.read_bytes()),
                'pitches': args.pitches, 'varied': args.varied, 'seed': args.seed}
    if not prepare_folder(args.data, settings):
        print(f'{args.data} holds these notes already: nothing to do')
        return
    splits = split_instruments(list_instruments(fonts), args.seed)
    plan = {split: [(instrument, list_notes(instrument, args.pitches, args.seed, args.varied))
                    for instrument in instruments]
            for split, instruments in splits.items()}
    n_new = count_new(plan, args.data)
    check_disk(args.data, n_new * WAV_BYTES, f'{n_new:,} wavs')
    counts = render_all(plan, args.data, args.seed, args.jobs)
    save_json(args.data / 'render.json', settings | {'finished': True})
    for split, n_notes in counts.items():
        print(f'{split}: {n_notes:,} notes of {len(splits[split])} instruments in {args.data}/{split}')


if __name__ == '__main__':
    raise SystemExit(main())
