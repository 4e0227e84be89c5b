"""Any sound file in: which files there are, which four seconds of each are heard, as mono at 16 kHz."""

from contextlib import contextmanager

import numpy as np

from deepdream.artifacts import BadInput
from deepdream.spectrum import N_SAMPLES, SAMPLE_RATE

WINDOW_SECONDS = N_SAMPLES // SAMPLE_RATE
SHORTEST_REST_SECONDS = 1  # what is left behind the last whole window and is shorter is left out
SILENT_PEAK = 1e-4  # -80 dB of full scale: what peaks lower is silent


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
    n_blocks = WINDOW_SECONDS * file.samplerate // block
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
        length, rate = WINDOW_SECONDS * file.samplerate, file.samplerate
        if every:
            starts = range(0, max(1, file.frames - SHORTEST_REST_SECONDS * rate), length)
        else:
            starts = [loudest_start(file) if file.frames > length else 0]
            file.seek(0)
        heard = False
        for start in starts:
            waveform, _ = read_window(file, start)
            if np.abs(waveform).max() >= SILENT_PEAK:
                heard = True
                yield start / rate, waveform
    if not heard:
        raise BadInput(f'{path}: silent')


MAX_PEAK = 100  # a file of floating-point numbers that is louder than this is not in [-1, 1] by a mistake


@contextmanager
def open_sound(path):
    """Yield the open soundfile.SoundFile; raise BadInput for what libsndfile cannot read, then or within the block."""
    import soundfile
    try:
        with soundfile.SoundFile(path) as file:
            yield file
    except soundfile.LibsndfileError as error:
        raise BadInput(f'{path}: unreadable: {error.error_string}') from error


def load_waveform(path):
    """Read the first 4 s of a sound file: `read_window` at its start."""
    with open_sound(path) as file:
        return read_window(file)


def read_window(file, start=0):
    """Read the 4 s from frame `start` of an open sound file as mono at 16 kHz.

    Returns (waveform, remarks): float32 of shape (64000,) in [-1, 1], and which of 'resampled', 'mixed down', 'cut',
    'padded' it took. Raises BadInput for a file that is empty, truncated or not finite there.
    """
    import soxr
    rate, n_left = file.samplerate, file.frames - start
    n_wanted = -(-N_SAMPLES * rate // SAMPLE_RATE)
    n_read = n_wanted + rate // 10  # 0.1 s more, for the resampling filter
    if start:
        file.seek(start)
    if file.subtype == 'PCM_16':  # scaled here, which halves the time libsndfile takes with float32
        waveform = file.read(n_read, dtype='int16') / np.float32(2**15)
    else:
        waveform = file.read(n_read, dtype='float32')
    truncated = is_truncated(file.extra_info)
    peak = np.abs(waveform).max(initial=0)
    if truncated or not waveform.size or not peak <= MAX_PEAK:
        raise BadInput(f'{file.name}: ' + ('truncated' if truncated else 'empty' if not waveform.size else
                                           f'peaks at {peak:g}' if np.isfinite(peak) else 'not finite'))
    remarks = ['cut'] * (n_left > n_wanted) + ['padded'] * (n_left < n_wanted)
    if file.channels > 1:
        waveform = waveform.mean(axis=1)
        remarks.append('mixed down')
    if rate != SAMPLE_RATE:
        waveform = soxr.resample(waveform, rate, SAMPLE_RATE)
        remarks.append('resampled')
    if len(waveform) < N_SAMPLES:
        waveform = np.pad(waveform, (0, N_SAMPLES - len(waveform)))
    return waveform[:N_SAMPLES], remarks


def is_truncated(libsndfile_log):
    """Whether the header promises more samples than the file holds; streamed wavs, which promise 2 or 4 GB, do not.

    libsndfile plays what there is and says so only in its log: 'data : 128000 (should be 49956)'.
    """
    for line in libsndfile_log.splitlines():
        words = line.split()
        if line.startswith('data') and '(should be' in line:
            promised, there = int(words[2]), int(words[-1].rstrip(')'))
            return there < promised < 2**31 - 2**16
    return False
