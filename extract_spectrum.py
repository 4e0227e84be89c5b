"""Stage 2: turn every listed note into a log-magnitude spectrum, and take the statistics of the train split.

Reads DATA/{split}_samples.txt and the wavs; writes DATA/{split}/spectrum/{note}.npy, DATA/data_mean.npy,
DATA/data_std.npy, DATA/spectrum.json (settings) and DATA/{split}_rejected.txt (note, tab, reason).
Run again, it does only what is missing or whose wav is newer.
"""

import hashlib
import os
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from artifacts import (
    SPLITS,
    BadInput,
    at_least,
    command,
    list_path,
    load_json,
    load_lines,
    load_npy,
    parser,
    process_count,
    progress,
    require,
    save_json,
    save_npy,
    save_text,
    spectrum_path,
)
from gather_information import find_wavs

SPECTRUM_VERSION = 1  # raise it when a spectrum of the same wav comes out otherwise: all are then made again
DIGEST_BEFORE_VERSIONS = 'ef7f33a78d608a2f'  # what spectrum.json had as 'code' when it was the same as version 1
SAMPLE_RATE = 16_000  # Hz
N_SAMPLES = 64_000  # 4 s
N_FFT = 1024
HOP_LENGTH = 256
N_FRAMES = 1 + N_SAMPLES // HOP_LENGTH  # 251, centred frames
N_BINS = 1 + N_FFT // 2  # 513
LOG_SCALE = 1000
MAX_PEAK = 100  # a file of floating-point numbers that is louder than this is not in [-1, 1] by a mistake
NPY_HEADER = 128  # bytes before the numbers in a .npy of these shapes
CHUNK = 32  # notes a task: large against the cost of a task, small in memory; fixes the order of the sums, too
# glibc hands every large array back to the system, which maps and zeroes it anew: 1.85 ms a note instead of 1.15.
KEEP_MEMORY = {'MALLOC_MMAP_THRESHOLD_': str(2**26), 'MALLOC_TRIM_THRESHOLD_': str(2**27)}


# The signal.

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


def log_spectrum(waveform):
    """Return log(1 + 1000 |STFT|), float32 of shape (251, 513), of a waveform of shape (64000,).

    It is ``log(1 + 1000 * abs(librosa.stft(waveform, n_fft=1024, hop_length=256))).T`` (centred, zero-padded, Hann) in
    less than half of its time, by transforming in float32 and in blocks that stay in the processor's cache.
    The magnitudes differ by less than 1e-6 of the frame's largest, a tenth of what 16-bit samples leave uncertain.
    """
    from scipy.fft import rfft
    padded = np.zeros(N_SAMPLES + N_FFT, np.float32)
    padded[N_FFT // 2:-(N_FFT // 2)] = waveform
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP_LENGTH]
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)  # periodic
    spectrum = np.empty((N_FRAMES, N_BINS), np.float32)
    for i in range(0, N_FRAMES, 128):
        some = np.abs(rfft(frames[i:i + 128] * hann), out=spectrum[i:i + 128])
        some *= LOG_SCALE
        some += 1
        np.log(some, out=some)
    return spectrum


def to_float16(spectrum):
    """Return ``spectrum.astype(np.float16)``, which NumPy takes one number at a time, in a third of its time.

    Of a float32 from 0 to 65,504. A product with 2^-112 gives its exponent float16's bias; then the mantissa is rounded
    to 10 bits, to even.
    """
    half = np.empty(spectrum.shape, np.float16)
    for i in range(0, len(spectrum), 32):
        bits = (spectrum[i:i + 32] * np.float32(2**-112)).view(np.uint32)
        bits += (bits >> 13 & 1) + np.uint32(2**12 - 1)
        bits >>= 13
        half[i:i + 32].view(np.uint16)[:] = bits
    return half


def to_float32(half):
    """Return ``half.astype(np.float32)``, the same bits, of a float16 from 0 to 65,504: the inverse of `to_float16`."""
    return (half.view(np.uint16).astype(np.uint32) << 13).view(np.float32) * np.float32(2**112)


def magnitude(spectrum):
    """The inverse of the logarithm: (251, 513) log spectrum -> (251, 513) STFT magnitude."""
    return np.expm1(spectrum, dtype=np.result_type(spectrum, np.float32)) / LOG_SCALE


def settings(dtype):
    """What the spectra depend on besides the wavs, as stored in spectrum.json."""
    return {'version': SPECTRUM_VERSION, 'sample_rate': SAMPLE_RATE, 'n_samples': N_SAMPLES, 'n_fft': N_FFT,
            'hop_length': HOP_LENGTH, 'log_scale': LOG_SCALE, 'shape': [N_FRAMES, N_BINS], 'dtype': dtype}


def with_version(stored):
    """Return the content of a spectrum.json with a version, also where it was written before there were versions."""
    if stored.get('code') != DIGEST_BEFORE_VERSIONS:
        return stored
    return {'version': 1} | {name: value for name, value in stored.items() if name != 'code'}


def npy_size(dtype):
    """Bytes of a stored spectrum."""
    return NPY_HEADER + N_FRAMES * N_BINS * np.dtype(dtype).itemsize


# Notes to spectra.

def extract_chunk(chunk, dtype, with_moments):
    """Extract the notes of a chunk that have a wav to read, and take the chunk's moments while they are in memory.

    `chunk` is a list as of `list_notes`. Returns (Counter of remarks, {note: reason of rejection}, moments or None).
    """
    remarks, rejected, spectra = Counter(), {}, []
    for note, wav, npy in chunk:
        if wav:
            try:
                spectra.append(extract_note(wav, npy, dtype, remarks))
            except BadInput as error:
                Path(npy).unlink(missing_ok=True)  # a spectrum of what the wav once was
                rejected[note] = str(error).removeprefix(f'{wav}: ')
        elif npy and with_moments:
            spectra.append(load_npy(npy, 'extract_spectrum.py'))
    return remarks, rejected, moments(spectra) if with_moments and spectra else None


def extract_note(wav, npy, dtype, remarks):
    waveform, how = load_waveform(wav)
    remarks.update(how)
    spectrum = log_spectrum(waveform)
    spectrum = to_float16(spectrum) if dtype == 'float16' else spectrum
    save_npy(npy, spectrum)
    return spectrum


def moments(spectra):
    """Return (n, mean, sum of squared deviations), the two float64 of shape (251, 513), of a list of spectra."""
    mean, squares = np.empty((N_FRAMES, N_BINS)), np.empty((N_FRAMES, N_BINS))
    for i in range(0, N_FRAMES, 8):  # 8 frames of all spectra fit the processor's cache
        block = np.stack([spectrum[i:i + 8] for spectrum in spectra])
        block = (to_float32(block) if block.dtype == np.float16 else block).astype(np.float64)
        block.mean(axis=0, out=mean[i:i + 8])
        block -= mean[i:i + 8]
        np.einsum('nfb,nfb->fb', block, block, out=squares[i:i + 8])
    return len(spectra), mean, squares


def merge_moments(a, b):
    """Merge two (n, mean, sum of squared deviations) without cancellation.

    Chan, Golub, LeVeque 1979, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", eq. 2.1.
    """
    n = a[0] + b[0]
    delta = b[1] - a[1]
    return n, a[1] + delta * (b[0] / n), a[2] + b[2] + np.square(delta) * (a[0] * b[0] / n)


def load_rejected(data, split):
    """Return ({note: reason}, when it was written in ns) of DATA/{split}_rejected.txt."""
    path = list_path(data, split, 'rejected')
    if not path.exists():
        return {}, 0
    lines = load_lines(path, 'extract_spectrum.py')
    return dict(line.split('\t', 1) for line in lines if '\t' in line), path.stat().st_mtime_ns


def list_notes(data, split, dtype):
    """Return ([(note, wav, npy)], {note: reason}) of a split: what there is to do, and what was rejected before.

    `wav` is None where there is nothing to read: the spectrum is there, whole and not older than the wav, or the wav
    was rejected and has not changed since (then `npy` is None, too). Raises BadInput where a listed note has no file.
    """
    samples = list_path(data, split, 'samples')
    wavs = find_wavs(data, split)
    rejected, rejected_at = load_rejected(data, split)
    folder = spectrum_path(data, split, '').parent
    made = {}
    if folder.is_dir():
        with os.scandir(folder) as entries:
            made = {entry.name: entry.stat() for entry in entries}
    notes, still_rejected = [], {}
    for note in load_lines(samples, 'gather_information.py'):
        wav, stat, npy = wavs.get(note), made.get(f'{note}.npy'), f'{folder}/{note}.npy'
        changed = os.stat(wav).st_mtime_ns if wav else 0
        if note in rejected and (not wav or max(changed, os.stat(wav).st_ctime_ns) <= rejected_at):
            still_rejected[note] = rejected[note]
            wav = npy = None
        elif stat and stat.st_size == npy_size(dtype) and changed <= stat.st_mtime_ns:
            wav = None
        elif not wav:
            raise BadInput(f'{samples} names {note!r}, but there is no such wav: '
                           'run `python gather_information.py` again')
        notes.append((note, wav, npy))
    return notes, still_rejected


def extract_all(notes, dtype, jobs, with_moments):
    """Extract in parallel. `notes` is {split: [(note, wav, npy)]}.

    Returns ({split: {note: reason}}, Counter of remarks, moments of train or None). The chunks and the order in
    which their moments are merged depend on the list alone: the same bits for any number of jobs or interruptions.
    """
    from joblib import Parallel, delayed
    chunks = [(split, some[i:i + CHUNK]) for split, some in notes.items() for i in range(0, len(some), CHUNK)]
    chunks = [(split, chunk) for split, chunk in chunks
              if (with_moments and split == 'train') or any(wav for _, wav, _ in chunk)]
    rejected, remarks, total = {split: {} for split in notes}, Counter(), None
    if not chunks:
        return rejected, remarks, total
    os.environ |= KEEP_MEMORY  # of the workers
    results = Parallel(n_jobs=jobs, return_as='generator')(
        delayed(extract_chunk)(chunk, dtype, with_moments and split == 'train') for split, chunk in chunks)
    with progress(total=sum(len(chunk) for _, chunk in chunks), description='spectra') as bar:
        for (split, chunk), (chunk_remarks, chunk_rejected, part) in zip(chunks, results, strict=True):
            remarks.update(chunk_remarks)
            rejected[split] |= chunk_rejected
            total = merge_moments(total, part) if total and part else total or part
            bar.update(len(chunk))
    return rejected, remarks, total


# The stage.

def start_settings(data, dtype):
    """Return the content of spectrum.json; where its settings are not today's, first delete what was made with them."""
    wanted, path = settings(dtype), data / 'spectrum.json'
    stored = with_version(load_json(path, 'extract_spectrum.py')) if path.exists() else {}
    if {key: stored.get(key) for key in wanted} == wanted:
        return stored
    for split in SPLITS:
        old = list(spectrum_path(data, split, '').parent.glob('*.npy'))
        if old:
            print(f'{path}: other settings: {len(old):,} spectra of {split} are made again')
        for made in [*old, list_path(data, split, 'rejected')]:
            made.unlink(missing_ok=True)
    save_json(path, wanted)
    return wanted


def statistics_are_current(data, stored, notes):
    """Whether data_mean.npy and data_std.npy are those of these very train spectra, and these need no work."""
    files = [data / 'data_mean.npy', data / 'data_std.npy']
    if (stored.get('statistics_of') != digest(note for note, _, npy in notes if npy) or any(wav for _, wav, _ in notes)
            or not all(file.exists() for file in files)):
        return False
    newest = max((os.stat(npy).st_mtime_ns for _, _, npy in notes if npy), default=0)
    return all(file.stat().st_mtime_ns >= newest for file in files)


def digest(notes):
    """Return a digest of names of notes."""
    return hashlib.sha256('\n'.join(notes).encode()).hexdigest()


def report(notes, rejected, remarks):
    n_new = sum(wav is not None for some in notes.values() for _, wav, _ in some)
    print(f'{n_new:,} of {sum(map(len, notes.values())):,} notes were to do'
          + ''.join(f', {n:,} {remark}' for remark, n in remarks.items()))
    for split, reasons in rejected.items():
        for note, reason in list(reasons.items())[:5]:
            print(f'rejected: {split}/{note}: {reason}')
        if len(reasons) > 5:
            print(f'rejected: {len(reasons) - 5} more of {split}: see {split}_rejected.txt')


def check_rejected(data, n_rejected, n_notes, max_rejected):
    if n_rejected * 100 > max_rejected * n_notes:
        raise BadInput(f'{n_rejected:,} of {n_notes:,} notes are unusable, more than the {max_rejected:g} % of '
                       f'--max-rejected: see {data}/*_rejected.txt, replace those wavs and run again')


@command
def main(argv=None):
    options = parser(__doc__.splitlines()[0], 'data')
    options.add_argument('--dtype', choices=['float16', 'float32'], default='float16', help='of the stored spectra')
    options.add_argument('--jobs', type=process_count, default=-1, help='processes; -1: one for each core')
    options.add_argument('--max-rejected', type=at_least(0, float), default=1, metavar='PERCENT',
                         help='more unusable wavs than this are an error')
    args = options.parse_args(argv)

    splits = [split for split in SPLITS if list_path(args.data, split, 'samples').exists()]
    if not splits:
        require(list_path(args.data, 'train', 'samples'), 'gather_information.py')
    stored = start_settings(args.data, args.dtype)
    notes, rejected = {}, {}
    for split in splits:
        notes[split], rejected[split] = list_notes(args.data, split, args.dtype)
    train = notes.get('train', [])
    with_moments = bool(train) and not statistics_are_current(args.data, stored, train)
    newly_rejected, remarks, total = extract_all(notes, args.dtype, args.jobs, with_moments)

    for split in splits:
        rejected[split] |= newly_rejected[split]
        lines = [f'{note}\t{rejected[split][note]}\n' for note, _, _ in notes[split] if note in rejected[split]]
        if newly_rejected[split] or len(lines) != len(load_rejected(args.data, split)[0]):
            save_text(list_path(args.data, split, 'rejected'), ''.join(lines))
    report(notes, rejected, remarks)
    check_rejected(args.data, sum(map(len, rejected.values())), sum(map(len, notes.values())), args.max_rejected)
    if total:
        n_train, mean, squares = total
        save_npy(args.data / 'data_mean.npy', mean.astype(np.float32))
        save_npy(args.data / 'data_std.npy', np.sqrt(squares / n_train).astype(np.float32))
        usable = (note for note, _, _ in train if note not in rejected['train'])
        statistics = {'n_train': n_train, 'statistics_of': digest(usable)}
        save_json(args.data / 'spectrum.json', stored | statistics)
        print(f'statistics of {n_train:,} train notes written to {args.data}/data_mean.npy and data_std.npy')
    elif with_moments or not train:
        print('no usable train notes: no statistics written')


if __name__ == '__main__':
    import extract_spectrum  # under its own name: workers then import its functions instead of receiving copies
    raise SystemExit(extract_spectrum.main())
