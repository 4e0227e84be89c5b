"""Any sound file in, read to its real end: mono at 16 kHz, without a constant offset, from its onset, 4 s at a time."""

import contextlib
import itertools
import re
from pathlib import Path

import numpy as np
import soundfile

from deepdream.artifacts import BadInput
from deepdream.containers import Mp3, lacks_ogg_end, open_pipe, repaired_wav
from deepdream.spectrum import N_SAMPLES, SAMPLE_RATE

WINDOW_SECONDS = N_SAMPLES // SAMPLE_RATE
MARGIN_SECONDS = 0.1  # read beyond a window, for the resampling filter
SHORTEST_REST_SECONDS = 1  # what is left behind the last whole window and is shorter is left out
RATES_HZ = (1000, 1_000_000)  # other sample rates are faults of the header
MAX_PEAK = 100  # a file of floating-point numbers that is louder than this is not in [-1, 1] by a mistake
SILENT_PEAK = 1e-4  # -80 dB of full scale: what peaks lower is silent
SHORTEST_SECONDS = 0.001
LEAST_OFFSET = 0.005  # -46 dB of full scale: a constant offset below this is left
OFFSET_SECONDS = 0.1  # the blocks whose means tell a constant offset
CANCELLED_DB = -12  # mixed down to this below its louder channel, a sound has cancelled itself
ONSET_DB = -30  # of the loudest 10 ms: the first 10 ms above this begin the sound
LATE_SECONDS = 0.1  # an onset before this is left where it is: so late do notes of the training begin, too
FIRST_DB = -40  # of the loudest sample: the first one above this is the onset, once the 10 ms are found
TRUNCATED_SECONDS = 0.1  # what may be missing at the end of a file
SIGNATURE_BYTES = 4096  # read to tell the format of a file
SHORTFALL = re.compile(r'^ *(?:data|SSND|BODY|riff|Data Size) *: (\d+) \(should be (\d+)\)', re.MULTILINE)
PLACEHOLDER_BYTES = 1_000_000_000  # a 'data' chunk that promises so much was written by a stream that never ended


class UnsoughtFile(soundfile.SoundFile):
    """A file that is never sought: soundfile does so after every read, which fails in FLAC that came from a pipe."""

    def seekable(self):
        return False


class Sound:
    """An open sound file that is read from its start to its real end, whatever length its header tells.

    `is_cut_off` where the file holds less than it promises, as far as can be told before its end is reached.
    """

    def __init__(self, path, file, is_cut_off, is_streamed):
        self.path, self.file, self.is_cut_off, self.is_streamed = path, file, is_cut_off, is_streamed
        self.rate, self.channels = file.samplerate, file.channels

    def read(self, n_frames):
        """Return the next frames, float32 (n, channels); fewer than `n_frames` at the end of the file only."""
        if self.is_streamed:
            return self.read_stream(n_frames)
        if self.file.subtype == 'PCM_16':  # scaled here, which halves the time that libsndfile takes with float32
            return self.file.read(out=np.empty((n_frames, self.channels), np.int16)) / np.float32(2**15)
        return self.file.read(out=np.empty((n_frames, self.channels), np.float32))

    def read_stream(self, n_frames):
        """As `read`; an error behind the first frames is the end of a stream whose last frame is not whole."""
        parts, step = [np.empty((0, self.channels), np.float32)], max(1, self.rate // 10)
        try:
            while n_frames > 0:
                part = self.file.read(out=np.empty((min(step, n_frames), self.channels), np.float32))
                if not len(part):
                    break
                parts.append(part)
                n_frames -= len(part)
        except soundfile.LibsndfileError:
            self.is_cut_off = True
        return np.concatenate(parts)

    def check_end(self):
        """Raise BadInput where the file stops short of what it promises; call it once the end is reached."""
        if self.is_cut_off:
            raise BadInput(f'{self.path}: truncated')


@contextlib.contextmanager
def open_sound(path):
    """Yield the open Sound; raise BadInput for what libsndfile cannot read, then or within the block."""
    with open(path, 'rb') as file:
        head = file.read(SIGNATURE_BYTES)
    mp3 = Mp3(path) if Path(path).suffix.lower() == '.mp3' else None
    is_streamed = bool(mp3 and mp3.frame and not mp3.has_known_length)
    is_cut_off = lacks_ogg_end(path) if head[:4] == b'OggS' else bool(mp3 and mp3.missing_seconds > TRUNCATED_SECONDS)
    try:
        with contextlib.ExitStack() as stack:
            source = (stack.enter_context(open_pipe(path, mp3.first_frame)) if is_streamed
                      else repaired_wav(path, head) or str(path))
            sound = Sound(path, stack.enter_context(UnsoughtFile(source, closefd=False)), is_cut_off, is_streamed)
            check_header(sound)
            yield sound
    except soundfile.LibsndfileError as error:
        fault = 'empty' if not head else f'unreadable: {error.error_string}'
        if 'SF_INFO' in error.error_string:  # libsndfile's words for a rate of 0, or of billions
            fault = 'its header tells a sample rate that no sound has: write it anew at its real rate'
        raise BadInput(f'{path}: {fault}') from error


def check_header(sound):
    """Raise BadInput for an absurd sample rate, no header at all, or a wav that lacks a part of what it promises."""
    if not RATES_HZ[0] <= sound.rate <= RATES_HZ[1]:
        raise BadInput(f'{sound.path}: its header tells a sample rate of {sound.rate:,} Hz, which no sound has: '
                       'write it anew at its real rate')
    if sound.file.format == 'RAW':  # what libsndfile takes every .au and .snd for that has no header
        raise BadInput(f'{sound.path}: unreadable: it has no header that tells its format')
    if missing_seconds(sound.file) > TRUNCATED_SECONDS:
        raise BadInput(f'{sound.path}: truncated')


def missing_seconds(file):
    """Return how much less the chunk of sound holds than it promises, in s; a stream's placeholder is none.

    libsndfile plays what there is and says so only in its log: 'data : 128000 (should be 49956)'.
    """
    found = SHORTFALL.search(file.extra_info)
    promised, there = map(int, found.groups()) if found else (0, 0)
    if promised >= PLACEHOLDER_BYTES or not file.frames:
        return 0.0
    return max(0, promised - there) / max(there, 1) * file.frames / file.samplerate


# From channels to a waveform.

def to_waveform(sound, frames):
    """Return (waveform (64000,) of the first 4 s of `frames` (n, channels), remarks on what was done to them)."""
    import soxr
    check_frames(sound, frames)
    n_wanted, remarks = WINDOW_SECONDS * sound.rate, []
    if len(frames) != n_wanted:
        remarks.append('cut' if len(frames) > n_wanted else 'padded')
    waveform, how = mix_down(without_offset(frames[:n_wanted + round(MARGIN_SECONDS * sound.rate)], sound.rate))
    remarks += how
    if sound.rate != SAMPLE_RATE:
        waveform = soxr.resample(waveform, sound.rate, SAMPLE_RATE)
        remarks.append('resampled')
    if len(waveform) < N_SAMPLES:
        waveform = np.pad(waveform, (0, N_SAMPLES - len(waveform)))
    return waveform[:N_SAMPLES], remarks


def check_frames(sound, frames):
    """Raise BadInput for frames that are none, too few, not finite or no audio."""
    peak = np.abs(frames).max(initial=0)
    if not len(frames):
        raise BadInput(f'{sound.path}: empty')
    if len(frames) < SHORTEST_SECONDS * sound.rate:
        raise BadInput(f'{sound.path}: shorter than {1000 * SHORTEST_SECONDS:g} ms')
    if not peak <= MAX_PEAK:
        raise BadInput(f'{sound.path}: ' + (f'peaks at {peak:g}, where full scale is 1: write it anew at its level'
                                            if np.isfinite(peak) else 'not finite'))


def without_offset(frames, rate):
    """Return frames (n, channels) without the constant offset of each channel.

    It is what the quietest tenth of the blocks of 0.1 s have as their mean, where these agree on it: an offset that
    follows the envelope, as in some notes of NSynth, is a part of the sound. Of 2,134 notes of NSynth, sound fonts and
    recordings none is found to have one. With 0.1 added all are: 99 % of them to within 0.001, the worst by 0.03.
    """
    if np.abs(frames.mean(axis=0)).max() < LEAST_OFFSET / 2:
        return frames
    size = max(1, min(len(frames), round(OFFSET_SECONDS * rate)))
    blocks = frames[:len(frames) // size * size].reshape(-1, size, frames.shape[1])
    quiet = np.argsort(blocks.std(axis=1, dtype=np.float64), axis=0, kind='stable')[:-(-len(blocks) // 10)]
    means = np.take_along_axis(blocks.mean(axis=1, dtype=np.float64), quiet, axis=0)
    offset = np.median(means, axis=0)
    offset[(np.abs(offset) < LEAST_OFFSET) | (np.ptp(means, axis=0) > np.abs(offset))] = 0
    return frames - offset.astype(np.float32)


def mix_down(frames):
    """Return (the mean of the channels of frames (n, channels), remarks); where they cancel, the louder channel."""
    if frames.shape[1] == 1:
        return frames.ravel(), []
    mix = sum(frames.T) / frames.shape[1]  # up to seven channels: the bits of `mean`, in a fifth of the time
    levels = np.sqrt(np.mean(np.square(frames, dtype=np.float64), axis=0))
    if np.sqrt(np.mean(np.square(mix, dtype=np.float64))) < 10 ** (CANCELLED_DB / 20) * levels.max():
        return frames[:, levels.argmax()], ['one channel taken']
    return mix, ['mixed down']


# Which four seconds.

def load_waveform(path):
    """Return (waveform (64000,), remarks) of the first 4 s of a sound file.

    The remarks are among 'cut', 'padded', 'mixed down', 'one channel taken', 'resampled'. Raises BadInput for a file
    that is unreadable, empty, truncated, not finite or shorter than 1 ms.
    """
    with open_sound(path) as sound:
        return to_waveform(sound, read_window(sound, 0))


def load_note(path, align_onset):
    """Return (waveform (64000,), remarks) of a wav as stage 2 takes it: from its onset, or from its start."""
    if not align_onset:
        return load_waveform(path)
    waveform, remarks, _ = load_from_onset(path)
    return waveform, remarks


def load_from_onset(path):
    """Return (waveform (64000,), remarks, start in s) of the loudest 4 s of a sound file, from their onset on.

    The remark 'moved to its onset' is added where the sound begins late. Raises BadInput as `load_waveform` does, and
    for a file that is silent.
    """
    with open_sound(path) as sound:
        start = loudest_start(sound)
    with open_sound(path) as sound:
        skip(sound, start)
        frames = read_window(sound, WINDOW_SECONDS)
        check_frames(sound, frames)
        late = onset_frame(frames[:WINDOW_SECONDS * sound.rate], sound.rate)
        waveform, remarks = to_waveform(sound, frames[late:])
    if np.abs(waveform).max() < SILENT_PEAK:
        raise BadInput(f'{path}: silent (its peak is below -80 dB)')
    if late:
        remarks.append('moved to its onset')
    return waveform, remarks, (start + late) / sound.rate


def load_part(path, start, seconds):
    """Return (waveform (n,), rate in Hz) of `seconds` of a sound file, or less at its end, at its own sample rate."""
    with open_sound(path) as sound:
        skip(sound, round(start * sound.rate))
        frames = sound.read(round(seconds * sound.rate))
        check_frames(sound, frames)
        return mix_down(without_offset(frames, sound.rate))[0], sound.rate


def read_window(sound, more_seconds):
    """Return the frames of the next 4 s and of `more_seconds` behind them, with the margin."""
    frames = sound.read(round((WINDOW_SECONDS + more_seconds + MARGIN_SECONDS) * sound.rate))
    if len(frames) < WINDOW_SECONDS * sound.rate:
        sound.check_end()
    return frames


def skip(sound, n_frames):
    """Read past `n_frames`, since not every file can be sought and compressed ones do not find every position."""
    while n_frames > 0 and len(part := sound.read(min(n_frames, 10 * sound.rate))):
        n_frames -= len(part)


def loudest_start(sound):
    """Return the frame from which 4 s of a sound hold the most energy, on a grid of 0.1 s.

    One pass over the file, a few seconds in memory at a time. Of windows equally loud to within 1 % the first one is
    taken, so that a lasting sound keeps its attack and a loop its downbeat.
    """
    block = max(1, sound.rate // 10)
    energy = [np.zeros(1)]
    while len(part := sound.read(100 * block)):
        with np.errstate(invalid='ignore', over='ignore'):  # infinite both ways
            edges = range(0, len(part), block)
            squares = np.add.reduceat(np.square(part, dtype=np.float64), edges).mean(axis=1)
            sums = np.add.reduceat(part, edges, dtype=np.float64)
            sizes = np.diff([*edges, len(part)])[:, np.newaxis]
            energy.append(np.maximum(squares - (sums ** 2 / sizes).mean(axis=1), 0))  # without an offset
    sound.check_end()
    total = np.cumsum(np.concatenate(energy))
    if not np.isfinite(total[-1]):
        raise BadInput(f'{sound.path}: not finite')
    n_blocks = WINDOW_SECONDS * sound.rate // block
    inside = total[n_blocks:] - total[:-n_blocks]
    return block * int(np.argmax(inside >= 0.99 * inside.max())) if len(inside) else 0


def onset_frame(frames, rate):
    """Return where a sound begins in frames (n, channels); 0 for an onset in the first 0.1 s.

    It is the first sample within 40 dB of the loudest, in or 10 ms before the first 10 ms within 30 dB of the loudest.
    By energy, since librosa.onset looks for changes within a sound: it misses soft attacks, and finds the later notes
    of a loop.
    """
    size = max(1, rate // 100)
    frames = without_offset(frames, rate)
    n_blocks = len(frames) // size
    if not n_blocks:
        return 0
    power = np.square(frames[:n_blocks * size], dtype=np.float64).mean(axis=1).reshape(n_blocks, size).mean(axis=1)
    block = int(np.argmax(power >= 10 ** (ONSET_DB / 10) * power.max()))
    peaks = np.abs(frames).max(axis=1)
    around = peaks[max(0, block - 1) * size:(block + 1) * size]
    first = max(0, block - 1) * size + int(np.argmax(around >= 10 ** (FIRST_DB / 20) * peaks.max()))
    return first if first > LATE_SECONDS * rate else 0


def windows_of(path, every=False):
    """Yield (start in s, waveform (64000,)) of the loudest 4 s of a sound file, or of `every` 4 s of it that sound.

    The loudest begin at their onset. A file of 4 s or less is one window. Raises BadInput where the file is unreadable
    or silent, or, behind the last whole window, where it is cut off.
    """
    check_name(path)
    if not every:
        waveform, _, start = load_from_onset(path)
        yield start, waveform
        return
    with open_sound(path) as sound:
        has_sounded = False
        for start, frames in every_window(sound):
            waveform, _ = to_waveform(sound, frames)
            if np.abs(waveform).max() >= SILENT_PEAK:
                has_sounded = True
                yield start, waveform
        sound.check_end()
    if not has_sounded:
        raise BadInput(f'{path}: silent (its peak is below -80 dB)')


def every_window(sound):
    """Yield (start in s, frames) of every 4 s of a sound, the margin included."""
    length, margin = WINDOW_SECONDS * sound.rate, round(MARGIN_SECONDS * sound.rate)
    frames = sound.read(length + margin)
    for number in itertools.count():
        if number and len(frames) < SHORTEST_REST_SECONDS * sound.rate:
            return
        yield number * WINDOW_SECONDS, frames
        if len(frames) < length:
            return
        frames = np.concatenate([frames[length:], sound.read(length + margin - len(frames[length:]))])


def check_name(path):
    """Raise BadInput for a path that is no file, or whose name tells no sound."""
    if not path.is_file():
        raise BadInput(f'{path}: ' + ('a folder without sound files that may be read' if path.is_dir()
                                      else 'there is no such file'))
    if str(path).encode(errors='ignore').decode() != str(path):
        raise BadInput(f'{path}: its name is not UTF-8: rename it')
    if path.suffix.lower() == '.raw':
        raise BadInput(f'{path}: raw audio samples tell neither their rate nor their format: save them as .wav')
