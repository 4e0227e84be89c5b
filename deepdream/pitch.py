"""The pitch that a file name, a wav or its sound tells, as a number of MIDI: C4 is 60."""

import os
import re
import struct

import numpy as np

from deepdream.spectrum import SAMPLE_RATE

MIDI_MAXIMUM = 127
UNKNOWN = -1  # the pitch or the velocity of a note of which nothing tells it
LOWEST_DREAMED, HIGHEST_DREAMED = 28, 96  # of dreamed notes: E1 is 41 Hz; C7, 2,093 Hz, has three partials
LEAST_VOICED = 0.5  # of the frames that sound, in a sound of a steady pitch
LEAST_STEADY = 0.75  # of the voiced frames, within half a semitone of their median: toms and sirens glide

# A note name in a file name, between separators or the ends of the name: one of the five black keys with its accidental
# ('C#3', 'Bb2', 'Gs2', 'f#-1'), or one of the seven white keys ('A4').
SEPARATOR = r'\s_.,+()\[\]{}-'
NOTE_NAME = re.compile(rf'(?<![^{SEPARATOR}])(?:(?P<black>[CDFGA][#♯s]|[DEGAB][b♭])(?P<black_octave>-?[0-9])'
                       rf'|(?P<white>[A-G])(?P<white_octave>[0-9]))(?![^{SEPARATOR}])', re.IGNORECASE | re.ASCII)
SEMITONES = {'c': 0, 'd': 2, 'e': 4, 'f': 5, 'g': 7, 'a': 9, 'b': 11}
PITCH_OF_C0 = {'C4': 12, 'C3': 24}  # by the name of middle C, which is pitch 60
# Where these stand in a name, 'A1' is no pitch but a number or a model: drums, loops, noises; Hammond B3, Clavinet D6;
# 'mic A1'.
WITHOUT_PITCH = re.compile(
    r'kick|snare|clap|cymbal|crash|(?:hi|open|closed)hat|rimshot|drum|perc|shaker|tambourin|bongo|conga|cowbell'
    r'|maraca|cabasa|guiro|timbal|woodblock|loop|break|beat|noise|foley|hammond|clavinet'
    rf'|(?<![a-z])(?:take|mic|side|bank|part|slice|var|ver|version)[{SEPARATOR}]?[a-g][0-9]', re.IGNORECASE)
WITHOUT_PITCH_WORDS = {'hat', 'hats', 'hh', 'tom', 'toms', 'rim', 'rims', 'ride', 'rides', 'bd', 'sd', 'fx', 'sfx',
                       'bpm'}
WORD = re.compile(r'[A-Z]?[a-z]+|[A-Z]+')  # so that 'OpenHat2' holds 'Hat'

SMPL_BYTES = 16  # of a `smpl` chunk, up to and with the root key
MOST_CHUNKS = 1000  # of a wav that are looked at


def midi_number(value):
    """Return a number of MIDI, 0 to 127, as int; UNKNOWN for another value, as for 'C4', None, true, 60.5 or 140."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value <= MIDI_MAXIMUM and value == int(value) else UNKNOWN


def hertz(pitch):
    """The frequency of a MIDI pitch, a number or an array."""
    return 440.0 * 2 ** ((pitch - 69) / 12)


def root_key(path):
    """Return the root key (MIDI unity note) in the `smpl` chunk of a RIFF wav, 1 to 127; UNKNOWN where there is none.

    0 counts as unknown: it is 8 Hz, and what programs write where no key was set.
    """
    try:
        with open(path, 'rb') as file:
            form, _, kind = struct.unpack('<4sI4s', file.read(12))
            if (form, kind) != (b'RIFF', b'WAVE'):
                return UNKNOWN
            for _ in range(MOST_CHUNKS):
                name, n_bytes = struct.unpack('<4sI', file.read(8))
                if name == b'smpl':
                    *_, key = struct.unpack('<4I', file.read(min(n_bytes, SMPL_BYTES)))
                    return midi_number(key) or UNKNOWN
                file.seek(n_bytes + n_bytes % 2, os.SEEK_CUR)
    except (OSError, struct.error):  # no file that may be read, or one that ends here
        pass
    return UNKNOWN


def named_pitch(note, middle_c='C4'):
    """Return the pitch of the note name in a file name, 0 to 127; UNKNOWN without one, or where it may be none.

    'piano_grand--C#3' -> 49, or 61 with middle_c='C3', the convention of makers whose C3 is the pitch 60. What stands
    before '--' is the name of the instrument, and is not looked at. A white key takes no octave below 0, because 'A-1'
    may be number 1 of A. Two different note names say nothing, nor does one where WITHOUT_PITCH finds something.
    """
    words = {word.lower() for word in WORD.findall(note)}
    if WITHOUT_PITCH.search(note) or words & WITHOUT_PITCH_WORDS:
        return UNKNOWN
    pitches = set()
    for found in NOTE_NAME.finditer(note.partition('--')[2] or note):
        key, octave = (found['black'] or found['white']).lower(), found['black_octave'] or found['white_octave']
        accidental = 0 if len(key) == 1 else -1 if key[1] in 'b♭' else 1
        pitches.add(PITCH_OF_C0[middle_c] + 12 * int(octave) + SEMITONES[key[0]] + accidental)
    return midi_number(pitches.pop()) if len(pitches) == 1 else UNKNOWN


def compile_librosa():
    """Have numba compile what librosa compiles as it is imported, and keep it on the disk.

    To be called before several processes import librosa for the first time: where two compiled at once, every later
    process crashed in librosa.pyin in 4 of 12 trials.
    """
    import librosa.core.audio
    import librosa.core.pitch  # noqa: F401


def steady_pitches(waveform, range_hz, least_probability=0.0):
    """Return the pitches, which need not be whole, of the voiced frames of a waveform (n,) at 16 kHz that sound.

    There are none where the sound has no steady pitch, or where its frames are voiced with less than
    `least_probability` on average. M. Mauch and S. Dixon 2014, "pYIN: A fundamental frequency estimator using
    probabilistic threshold distributions".
    """
    import librosa
    f0_hz, is_voiced, probability = librosa.pyin(waveform, fmin=range_hz[0], fmax=range_hz[1], sr=SAMPLE_RATE)
    rms = librosa.feature.rms(y=waveform)[0]
    sounds = rms > 0.05 * rms.max()
    voiced = sounds & is_voiced
    if not sounds.any() or voiced.sum() < LEAST_VOICED * sounds.sum() or probability[voiced].mean() < least_probability:
        return np.empty(0)
    pitches = librosa.hz_to_midi(f0_hz[voiced])
    return pitches if np.mean(np.abs(pitches - np.median(pitches)) < 0.5) >= LEAST_STEADY else np.empty(0)
