"""The pitch that is heard in the wavs of notes of which nothing else tells it, by librosa's pYIN."""

from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from deepdream.artifacts import BadInput, save_text
from deepdream.audio import load_note
from deepdream.command_line import progress_from_first
from deepdream.map.previews import preview_folder
from deepdream.notes import find_wavs
from deepdream.pitch import UNKNOWN, compile_librosa, midi_number, steady_pitches
from deepdream.spectrum import SAMPLE_RATE, has_aligned_onsets

# With these, `heard_pitch` finds a pitch in 701 of the 744 test notes of the demo. It is the note's in 648 of them, an
# octave away in 50 (46 are of one organ, which sounds an octave lower), a semitone in three. It finds one in 7 of 47
# drums of the same sound font, which are whistles, cuicas and the like.
HEARD_HZ = (27.5, 4186.0)  # the fundamental frequencies of a piano, A0 to C8
HEARD_SECONDS = 2  # from where the sound starts; 4 s take twice the time and give no more pitches
LEAST_PROBABILITY = 0.4  # that a frame is voiced, on average: cymbals have 0.01, most notes 0.9


def heard_pitch(waveform):
    """Return the pitch of a note's waveform (n,) at 16 kHz, 21 to 108; UNKNOWN where it has no steady one."""
    level = np.abs(waveform)
    if not level.any():
        return UNKNOWN
    start = int((level > 0.1 * level.max()).argmax())
    waveform = waveform[start:start + HEARD_SECONDS * SAMPLE_RATE]
    pitches = steady_pitches(waveform, HEARD_HZ, LEAST_PROBABILITY)
    return int(np.rint(np.median(pitches))) if len(pitches) else UNKNOWN


def store_heard_pitch(wav, target, align_onset):
    """Write the pitch of a wav as a line of text, and return it; UNKNOWN for a wav that cannot be read."""
    try:
        pitch = heard_pitch(load_note(wav, align_onset)[0])
    except BadInput:
        pitch = UNKNOWN
    save_text(target, f'{pitch}\n')
    return pitch


def stored_pitch(wav, target):
    """Return the pitch that `store_heard_pitch` wrote; None where there is none of the wav as it is."""
    try:
        if target.stat().st_mtime_ns >= Path(wav).stat().st_mtime_ns:
            pitch = int(target.read_text(encoding='utf-8'))
            return pitch if pitch == midi_number(pitch) else None
    except (OSError, ValueError):  # not there, or damaged
        pass
    return None


def with_heard_pitches(data, split, notes, pitch):
    """Return `pitch` (n,) with the pitches that are heard in the wavs of the notes where it is UNKNOWN.

    They are kept beside the previews, as {note}.pitch, and taken again only where the wav is newer.
    """
    wavs, folder = find_wavs(data, split), preview_folder(data, split)
    files = {row: (wavs[notes[row]], folder / f'{notes[row]}.pitch')
             for row in np.flatnonzero(pitch == UNKNOWN) if notes[row] in wavs}
    heard, pitch = hear_pitches(files, has_aligned_onsets(data)), pitch.copy()
    pitch[list(heard)] = list(heard.values())
    return pitch


def hear_pitches(files, align_onset):
    """Return {key: the pitch that is heard} of `files`, {key: (sound file, file in which the pitch is kept)}."""
    heard = {key: stored_pitch(sound, target) for key, (sound, target) in files.items()}
    missing = [key for key, stored in heard.items() if stored is None]
    if missing:
        compile_librosa()
    # Processes: most of pYIN is Python, which threads would take turns at.
    pitches = Parallel(n_jobs=-1, return_as='generator')(
        delayed(store_heard_pitch)(*files[key], align_onset) for key in missing)
    return heard | dict(zip(missing, progress_from_first(pitches, len(missing), 'pitches'), strict=True))
