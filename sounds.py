"""A user's own recordings: which files there are, and which four seconds of each the network hears."""

import os
from pathlib import Path

import numpy as np

from artifacts import BadInput
from extract_spectrum import N_SAMPLES, SAMPLE_RATE, open_sound, read_window

EXTENSIONS = {'.aif', '.aifc', '.aiff', '.au', '.caf', '.flac', '.mp3', '.oga', '.ogg', '.opus', '.rf64', '.w64',
              '.wav', '.wave'}
SECONDS = N_SAMPLES // SAMPLE_RATE
SHORTEST_REST = 1  # s; what is left behind the last whole window and is shorter is left out
SILENCE = 1e-4  # what peaks lower is silent, as in render_notes.py


def printable(path):
    """Return a file name as text that can be shown and written: escaped where a terminal or UTF-8 would stumble."""
    text = str(path)
    return text if text.isprintable() else repr(text)[1:-1]


def find_sounds(paths):
    """Return the files among `paths` as they are, and of each folder all sound files below it, sorted, each once.

    A folder without any stands for itself, as does one that may not be read: `windows_of` then refuses it.
    """
    found = {}
    for path in paths:
        if not path:
            raise BadInput('a SOUND is empty: name a file or a folder, . for this one')
        unreadable = []
        inside = [Path(folder, name) for folder, _, names in os.walk(path, onerror=unreadable.append)
                  for name in names if Path(name).suffix.lower() in EXTENSIONS and not name.startswith('.')]
        inside += [Path(error.filename) for error in unreadable]
        found |= {os.path.realpath(one): one for one in sorted(inside) or [Path(path)]}
    return list(found.values())


def loudest_start(file):
    """Return the frame from which 4 s of an open sound file hold the most energy, on a grid of 0.1 s.

    One pass over the file, a few seconds in memory at a time. Of windows equally loud the last one is taken, so that
    the sound starts early in it, as the notes of the training do.
    """
    block = max(1, file.samplerate // 10)
    energy = [np.zeros(1)]
    while len(part := file.read(100 * block, dtype='float32', always_2d=True)):
        with np.errstate(invalid='ignore'):  # infinite both ways
            squares = np.square(part.mean(axis=1), dtype=np.float64)
        energy.append(np.add.reduceat(squares, range(0, len(squares), block)))
    total = np.cumsum(np.concatenate(energy))
    if not np.isfinite(total[-1]):
        raise BadInput(f'{file.name}: not finite')
    n_blocks = SECONDS * file.samplerate // block
    inside = total[n_blocks:] - total[:-n_blocks]
    return block * int(np.flatnonzero(inside >= 0.999 * inside.max())[-1]) if len(inside) else 0


def windows_of(path, every=False):
    """Yield (start in s, waveform (64000,)) of the loudest 4 s of a sound file, or of `every` 4 s of it that sound.

    A file of 4 s or less is one window. Raises BadInput where the file is unreadable or silent.
    """
    if not path.is_file():
        raise BadInput(f'{path}: ' + ('a folder without sound files that may be read' if path.is_dir()
                                      else 'there is no such file'))
    if str(path).encode(errors='ignore').decode() != str(path):
        raise BadInput(f'{path}: its name is not UTF-8: rename it')
    if path.suffix.lower() == '.raw':
        raise BadInput(f'{path}: raw audio samples tell neither their rate nor their format: save them as .wav')
    with open_sound(str(path)) as file:
        length, rate = SECONDS * file.samplerate, file.samplerate
        if every:
            starts = range(0, max(1, file.frames - SHORTEST_REST * rate), length)
        else:
            starts = [loudest_start(file) if file.frames > length else 0]
            file.seek(0)
        heard = False
        for start in starts:
            waveform, _ = read_window(file, start)
            if np.abs(waveform).max() >= SILENCE:
                heard = True
                yield start / rate, waveform
    if not heard:
        raise BadInput(f'{path}: silent')
