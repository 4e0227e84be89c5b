"""Notes: what the name and the wav of one say (label, instrument, source, pitch, velocity), and which there are."""

import hashlib
import json
import os
import re
from collections import Counter
from pathlib import Path

import numpy as np

from deepdream.artifacts import BadInput, load_json, load_lines
from deepdream.pitch import MIDI_MAXIMUM, UNKNOWN, midi_number, named_pitch, root_key

NOTE_PATTERN = re.compile(r'(?P<instrument>.+)-(?P<pitch>[0-9]{3})-(?P<velocity>[0-9]{3})')
SOURCE_PATTERN = re.compile(r'.+_(?P<source>acoustic|electronic|synthetic)_\d+')


def load_labels(path='labels.txt'):
    """Return the labels, one from each line that is not empty; line number = class index.

    Raises FileNotFoundError where there is no such file, BadInput where it holds no label, or one of them twice.
    """
    remedy = 'write one label a line into it, or give another file with --labels'
    if not Path(path).exists():
        raise FileNotFoundError(f'{path} is missing: {remedy}')
    try:
        labels = [line.strip() for line in load_lines(path, 'gather_information.py') if line.strip()]
    except BadInput as error:
        raise BadInput(f'{path} is no UTF-8 text: {remedy}') from error
    repeated = [label for label, count in Counter(labels).items() if count > 1]
    if not labels or repeated:
        fault = f'names {repeated[0]!r} twice' if repeated else 'is empty'
        raise BadInput(f'{path} {fault}: write each label once, one a line')
    return labels


def label_of(note, labels):
    """Return the longest label that `note` starts with, followed by '_'; None where there is none.

    >>> label_of('synth_lead_acoustic_001-060-100', ['synth', 'synth_lead'])
    'synth_lead'
    """
    return max((label for label in labels if note.startswith(label + '_')), key=len, default=None)


def instrument_of(note):
    """Return the name of a note's instrument; a note whose name tells none is its own.

    >>> instrument_of('bass_synthetic_033-045-100'), instrument_of('snare_ludwig--hit 1'), instrument_of('my voice')
    ('bass_synthetic_033', 'snare_ludwig', 'my voice')
    """
    instrument, dashes, _ = note.partition('--')
    if dashes:
        return instrument
    match = nsynth_name(note)
    return match['instrument'] if match else note


def instrument_indices(notes):
    """Return a number (n,) for each note that tells its instrument: 0 for the first instrument by name, and so on.

    >>> instrument_indices(['reed_acoustic_001-060-100', 'bass_synthetic_033-045-100', 'reed_acoustic_001-061-100'])
    array([1, 0, 1])
    """
    return np.unique([instrument_of(note) for note in notes], return_inverse=True)[1]


def nsynth_name(note):
    """Return the match of a name of NSynth's form, 'instrument-PPP-VVV'; None for another name.

    Pitch and velocity are numbers of MIDI, so 'kick pack10-140-140' is another name.
    """
    match = NOTE_PATTERN.fullmatch(note)
    return match if match and max(int(match['pitch']), int(match['velocity'])) <= MIDI_MAXIMUM else None


def source_of(note):
    """'bass_synthetic_033-045-100' -> 'synthetic'; '' for names of another form."""
    match = SOURCE_PATTERN.fullmatch(instrument_of(note))
    return match['source'] if match else ''


def from_name(note):
    """Return what a name of NSynth's form says, under NSynth's keys; an empty dictionary for another name."""
    parts = nsynth_name(note)
    if not parts:
        return {}
    return {'pitch': int(parts['pitch']), 'velocity': int(parts['velocity']), 'instrument_source_str': source_of(note)}


# Pitch and velocity.

def described(note, example):
    """Return what the name of a note and its entry of examples.json say, under NSynth's keys.

    The entry is trusted more, but what is no text or no number of MIDI in it counts as not said.
    """
    said = from_name(note)
    for key in ('pitch', 'velocity'):
        if (number := midi_number(example.get(key))) != UNKNOWN:
            said[key] = number
    if isinstance(source := example.get('instrument_source_str'), str):
        said['instrument_source_str'] = source
    return said


# Which notes there are.

def find_wavs(data, split):
    """Return {note: path as str} of DATA/{split}/audio, sorted by note; without the folder there are none.

    Hidden and other files are ignored. Raises BadInput for two files of one note (a.wav, a.WAV) and for names that
    cannot be a line of a UTF-8 list.
    """
    wavs, folder = {}, Path(data) / split / 'audio'
    if not folder.is_dir():
        return wavs
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_file())
    for name in names:
        note, extension = os.path.splitext(name)
        if extension.lower() != '.wav' or name.startswith('.'):
            continue
        path = os.path.join(folder, name)
        if not note.isprintable():
            raise BadInput(f'{path!r}: the file name holds a line end or another unprintable character: rename it')
        if note in wavs:
            raise BadInput(f'{path} and {wavs[note]} are the same note: rename or remove one')
        wavs[note] = path
    return wavs


def notes_digest(notes):
    """Return a digest of names of notes, in their order."""
    return hashlib.sha256('\n'.join(notes).encode()).hexdigest()


def note_attributes(data, split, notes, middle_c='C4'):
    """Return source and program (text, '' where unknown), pitch and velocity (int16, -1 where unknown) of every note.

    They come from `examples.json`, where the program is the `program_name`: 'Pan Flute'; what it lacks, from names of
    NSynth's form, 'bass_synthetic_033-045-100'. A pitch that neither tells is the root key in the wav, else that of a
    note name. Raises BadInput for a malformed file.
    """
    path = Path(data) / split / 'examples.json'
    examples = load_json(path, 'download_nsynth.py') if path.exists() else {}
    wavs, columns = find_wavs(data, split), {'source': [], 'program': [], 'pitch': [], 'velocity': []}
    for note in notes:
        example = examples.get(note, {})
        if not isinstance(example, dict):
            raise BadInput(f'{path} does not describe {note!r} as NSynth does, but as {json.dumps(example)[:40]}: mend '
                           'or remove it')
        said = described(note, example)
        pitch = said.get('pitch', UNKNOWN)
        if pitch == UNKNOWN:
            pitch = root_key(wavs[note]) if note in wavs else UNKNOWN
        if pitch == UNKNOWN:
            pitch = named_pitch(note, middle_c)
        columns['source'].append(said.get('instrument_source_str', ''))
        columns['program'].append(program if isinstance(program := example.get('program_name'), str) else '')
        columns['pitch'].append(pitch)
        columns['velocity'].append(said.get('velocity', UNKNOWN))
    return {name: np.array(column, np.int16 if name in ('pitch', 'velocity') else object)
            for name, column in columns.items()}
