"""Stage 0b: render notes of sampled instruments from General MIDI sound fonts, in the shape of NSynth.

Writes DATA/{split}/audio/{family}_{source}_{instrument}-{pitch}-{velocity}.wav (16 kHz, mono, 16 bit, 4 s: held for 3 s
and released), DATA/{split}/examples.json and DATA/render.json (settings). No instrument is in two splits, every family
is in all three. The families, sources and ranges of the General MIDI programs stand in general_midi.csv.
"""

import csv
import hashlib
import io
import re
import subprocess
import sys
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from artifacts import (
    SPLITS,
    BadInput,
    at_least,
    atomic,
    command,
    load_json,
    parser,
    process_count,
    progress,
    random_seed,
    save_json,
)
from extract_spectrum import N_SAMPLES, SAMPLE_RATE
from gather_information import find_wavs, load_labels

RENDER_VERSION = 1  # raise it when the same fonts and settings give other notes: these are then rendered again
DIGEST_BEFORE_VERSIONS = 'cbc3ac880dfd396b'  # what render.json had as 'code' when it was the same as version 1 ...
PROGRAMS_BEFORE_VERSIONS = '75ada472255fbcb5'  # ... with these programs
PROGRAMS = Path(__file__).parent / 'general_midi.csv'
VELOCITIES = (25, 50, 75, 100, 127)
OUR_NAME = re.compile(r'.+_(acoustic|electronic|synthetic)_\d{3,}-\d{3}-\d{3}\.wav')
SOURCES = ('acoustic', 'electronic', 'synthetic')
HELD = 3  # s
RENDER_RATE = 48_000  # Hz; what a synthesiser plays above its own Nyquist frequency comes back as wrong pitches
SILENCE = 1e-4  # a note that peaks lower has no sample in the font
PEAKS = (0.5, 0.95)  # NSynth's notes peak between these whatever their velocity, the most of them near the upper end
FADE = 160  # samples, 10 ms: a release that is longer than a second ends without a click
LOAD = 'import sys, tinysoundfont; tinysoundfont.Synth().sfload(sys.argv[1])'  # a damaged font can end its process
SHARE = {'valid': 0.12, 'test': 0.2}  # of the instruments of a family


# Planning: which notes there are, in which split.

def default_font():
    return Path(find_spec('pretty_midi').origin).parent / 'TimGM6mb.sf2'


def digest(content):
    return hashlib.sha256(content).hexdigest()[:16]


def read_font(path):
    """Return the bytes of a sound font; raise unless it is one, and whole."""
    if not path.exists():
        raise FileNotFoundError(f'{path} is missing: give an .sf2 file with the General MIDI programs')
    content = path.read_bytes()
    if content[:4] != b'RIFF' or content[8:12] != b'sfbk' or len(content) < int.from_bytes(content[4:8], 'little') + 8:
        raise BadInput(f'{path} is no whole SoundFont 2 file: give an .sf2 with the General MIDI programs')
    if subprocess.run([sys.executable, '-c', LOAD, path], capture_output=True).returncode:
        raise BadInput(f'{path} is a damaged sound font, the synthesiser cannot load it: give another one')
    return content


def load_programs():
    """Return the rows of general_midi.csv as dictionaries."""
    with open(PROGRAMS, encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file))


def list_instruments(fonts):
    """Return one dictionary for each program of each font: NSynth's fields, program, font and range of pitches.

    Left out are programs that do not sound, and those that sound like an earlier one: one instrument under two names.
    """
    families, instruments = load_labels(Path(__file__).parent / 'labels.txt'), []
    pairs = [(font, row) for font in fonts for row in load_programs() if is_audible(font, row)]
    for (font, row), is_double in zip(pairs, find_doubles(pairs), strict=True):
        if not is_double:
            number = len(instruments)
            instruments.append({
                'instrument': number, 'instrument_str': f'{row["family"]}_{row["source"]}_{number:03}',
                'instrument_family': families.index(row['family']), 'instrument_family_str': row['family'],
                'instrument_source': SOURCES.index(row['source']), 'instrument_source_str': row['source'],
                'program': int(row['program']), 'program_name': row['name'], 'soundfont': font.name,
                'font': font, 'range': (int(row['lowest']), int(row['highest']))})
    missing = {row['family'] for row in load_programs()} - {one['instrument_family_str'] for one in instruments}
    if missing:
        raise BadInput(f'{", ".join(font.name for font in fonts)}: nothing sounds of the families '
                       f'{", ".join(sorted(missing))}: give more or other fonts with --soundfont')
    return instruments


def is_audible(font, row):
    """Whether a program sounds in the middle of its range."""
    pitch = (int(row['lowest']) + int(row['highest'])) // 2
    return sounds(render(font, int(row['program']), pitch, 100))


def find_doubles(pairs):
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
        numbers = {split: max(1, round(share * len(members))) for split, share in SHARE.items()}
        for split, number in numbers.items():
            splits[split] += [members.pop() for _ in range(number)]
        splits['train'] += members
    return splits


def list_notes(instrument, n_pitches, seed):
    """Return the examples.json entries of an instrument: `n_pitches` within its range, each at one velocity.

    In most fonts a velocity is a level and nothing else, which `to_level` takes away: all five would be one note.
    """
    lowest, highest = instrument['range']
    rng = np.random.default_rng([seed, instrument['instrument']])
    span = np.arange(lowest, highest + 1)
    pitches = np.sort(rng.permutation(span)[:n_pitches])
    fields = {name: value for name, value in instrument.items() if name not in ('font', 'range')}
    return [fields | {'note_str': f'{instrument["instrument_str"]}-{pitch:03}-{velocity:03}', 'pitch': int(pitch),
                      'velocity': int(velocity), 'sample_rate': SAMPLE_RATE}
            for pitch, velocity in zip(pitches, rng.choice(VELOCITIES, len(pitches)), strict=True)]


# Rendering.

@lru_cache(maxsize=1)  # FluidR3_GM takes 0.5 s and 0.4 GB
def synthesizer(font):
    """Return (tinysoundfont.Synth, number of the font in it) for the path of a font."""
    from tinysoundfont import Synth
    synth = Synth(samplerate=RENDER_RATE)
    return synth, synth.sfload(str(font))


def render(font, program, pitch, velocity):
    """Return a note's waveform at 16 kHz, float32 of shape (64000,), at the font's level; zeros without the program."""
    import soxr
    synth, number = synthesizer(font)
    if synth.sfpreset_name(number, 0, program) is None:
        return np.zeros(N_SAMPLES, np.float32)
    synth.program_select(0, number, 0, program)
    synth.noteon(0, pitch, velocity)
    held = play(synth, HELD)
    synth.noteoff(0, pitch)
    waveform = np.concatenate([held, play(synth, N_SAMPLES / SAMPLE_RATE - HELD)])
    synth.sounds_off()
    play(synth, 1)  # what is left of it must not be heard in the next one
    return soxr.resample(waveform, RENDER_RATE, SAMPLE_RATE, quality='VHQ').astype(np.float32)


def play(synth, seconds):
    """Return the next `seconds` of a synthesiser, both channels mixed down."""
    return np.frombuffer(synth.generate(int(seconds * RENDER_RATE)), np.float32).reshape(-1, 2).mean(axis=1)


def sounds(waveform):
    """Whether a font has a sample for a note."""
    return SILENCE < np.abs(waveform).max() < np.inf


def to_level(waveform, peak):
    """Return 16-bit samples that peak at `peak`, without dither: what has died away is digital silence."""
    waveform = waveform * (peak / np.abs(waveform).max())
    waveform[-FADE:] *= np.linspace(1, 0, FADE, dtype=np.float32)
    return np.round(waveform * (2**15 - 1)).astype(np.int16)


def render_instrument(instrument, notes, folder, seed):
    """Render and write the notes of an instrument; return the entries of those that sound."""
    import soundfile
    sounding = []
    for note in notes:
        waveform = render(instrument['font'], instrument['program'], note['pitch'], note['velocity'])
        path = Path(folder) / f'{note["note_str"]}.wav'
        if not sounds(waveform):
            path.unlink(missing_ok=True)
            continue
        rng = np.random.default_rng([seed, instrument['instrument'], note['pitch'], note['velocity']])
        samples = to_level(waveform, rng.triangular(PEAKS[0], PEAKS[1], PEAKS[1]))
        content = io.BytesIO()
        soundfile.write(content, samples, SAMPLE_RATE, subtype='PCM_16', format='WAV')
        with atomic(path) as temporary:
            temporary.write_bytes(content.getvalue())
        sounding.append(note)
    return sounding


# The stage.

def with_version(stored):
    """Return the content of a render.json with a version, also where it was written before there were versions."""
    if stored.get('code') != DIGEST_BEFORE_VERSIONS:
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
                         help='General MIDI fonts (default: TimGM6mb, which comes with pretty_midi)')
    options.add_argument('--pitches', type=at_least(1), default=48, help='of each instrument, or all it has')
    options.add_argument('--seed', type=random_seed, default=0, help='of the split, the pitches and the levels')
    options.add_argument('--jobs', type=process_count, default=-1, help='processes; -1: one for each core')
    args = options.parse_args(argv)

    if not find_spec('tinysoundfont'):
        raise BadInput('tinysoundfont is not installed: `python -m pip install --no-deps -r requirements_no_deps.txt`')
    fonts = args.soundfont or [default_font()]
    digests = {font.name: digest(read_font(font)) for font in fonts}
    if len(digests) < len(fonts):
        raise BadInput(f'two of the sound fonts {", ".join(map(str, fonts))} have the same name: rename one')
    settings = {'version': RENDER_VERSION, 'soundfonts': digests, 'programs': digest(PROGRAMS.read_bytes()),
                'pitches': args.pitches, 'seed': args.seed}
    if not prepare_folder(args.data, settings):
        print(f'{args.data} holds these notes already: nothing to do')
        return
    splits = split_instruments(list_instruments(fonts), args.seed)
    plan = {split: [(instrument, list_notes(instrument, args.pitches, args.seed)) for instrument in instruments]
            for split, instruments in splits.items()}
    counts = render_all(plan, args.data, args.seed, args.jobs)
    save_json(args.data / 'render.json', settings | {'finished': True})
    for split, n_notes in counts.items():
        print(f'{split}: {n_notes:,} notes of {len(splits[split])} instruments in {args.data}/{split}')


if __name__ == '__main__':
    import render_notes  # under its own name, so that the workers import its functions
    raise SystemExit(render_notes.main())
