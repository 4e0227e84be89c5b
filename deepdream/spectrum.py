"""The signal: its constants, the log spectrum of a waveform and its inverse, how spectra are stored and normalised."""

import math

import numpy as np

from deepdream.artifacts import BadInput, load_json

SPECTRUM_VERSION = 1  # raise it when a spectrum of the same wav comes out otherwise: all are then made again
SPECTRUM_DIGEST_BEFORE_VERSIONS = 'ef7f33a78d608a2f'  # 'code' in spectrum.json when it was as version 1
SAMPLE_RATE = 16_000  # Hz
N_SAMPLES = 64_000  # 4 s
N_FFT = 1024
HOP_LENGTH = 256
N_FRAMES = 1 + N_SAMPLES // HOP_LENGTH  # 251, centred frames
N_BINS = 1 + N_FFT // 2  # 513
LOG_SCALE = 1000
EPSILON = 0.0001  # added to the standard deviation
LEAST_STD = 0.01  # 0.09 dB: what varies less among the train notes tells nothing of them
DB_PER_NEPER = 20 / math.log(10)  # 8.69 dB: a difference of 1 between natural logarithms of magnitudes
STORED_AS = ('float16', 'float32')
NPY_HEADER = 128  # bytes before the numbers in a .npy of these shapes


def log_spectrum(waveform):
    """Return log(1 + 1000 |STFT|), float32 of shape (251, 513), of a waveform of shape (64000,).

    Row i is the frame whose middle is at 256 i / 16,000 s, column k the frequency 15.625 k Hz; 0 is silence, and a
    difference of 1 between large values is 8.69 dB. Raises ValueError for a waveform of another length.

    A sine of 1,000 Hz, which is bin 64; its magnitude is its amplitude times half the sum of the window, 512 / 2:

    >>> sine = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(64000) / 16000)
    >>> spectrum = log_spectrum(sine)
    >>> spectrum.shape, int(spectrum[125].argmax()), round(float(magnitude(spectrum[125, 64])), 1)
    ((251, 513), 64, 128.0)

    J. Allen, L. Rabiner 1977, "A Unified Approach to Short-Time Fourier Analysis and Synthesis" (the STFT);
    M. Mueller 2015, "Fundamentals of Music Processing", section 3.1.2 (the logarithm of 1 + gamma times the magnitude).

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


def magnitude(spectrum):
    """The inverse of the logarithm: log spectrum, as (251, 513) or of any shape -> STFT magnitude of the same shape.

    Float32, or float64 where the spectrum is.

    >>> magnitude(np.array([0.0, np.log(1 + 1000 * 0.25)]))
    array([0.  , 0.25])
    """
    return np.expm1(spectrum, dtype=np.result_type(spectrum, np.float32)) / LOG_SCALE


def normalise(spectra, mean, std):
    """Return (S - mean) / (std + 0.0001) of log spectra (..., 251, 513), NumPy arrays or TensorFlow tensors.

    The result has their shape, and standard deviations as its unit.

    `mean` and `std`, both (251, 513), are the statistics of the train split. Where no train note differs from another,
    as in the zeros behind the end of short notes, the result is 0: divided by 0.0001, the least sound there would
    outweigh all the rest.

    >>> normalise(np.float32([3, 5]), mean=np.float32([1, 5]), std=np.float32([2, 0])).round(3)
    array([1., 0.], dtype=float32)
    """
    return (spectra - mean) * np.where(std > LEAST_STD, 1 / (std + EPSILON), 0).astype(np.float32)


# How spectra are stored.

def has_aligned_onsets(data):
    """Whether the notes of DATA were taken from their onset on; not for a folder without DATA/spectrum.json."""
    path = data / 'spectrum.json'
    return path.exists() and bool(load_json(path, 'extract_spectrum.py').get('align_onset'))


def to_float16(spectrum):
    """Return ``spectrum.astype(np.float16)`` of a float32 array from 0 to 65,504, in a third of the time.

    NumPy converts one number at a time; extract_spectrum.py takes 16 % longer so. Here a product with 2^-112 gives the
    exponent float16's bias; then the mantissa is rounded to 10 bits, to even.
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


def spectrum_settings(dtype, align_onset=False):
    """What the spectra depend on besides the wavs, as stored in spectrum.json."""
    return {'version': SPECTRUM_VERSION, 'sample_rate': SAMPLE_RATE, 'n_samples': N_SAMPLES, 'n_fft': N_FFT,
            'hop_length': HOP_LENGTH, 'log_scale': LOG_SCALE, 'shape': [N_FRAMES, N_BINS], 'dtype': dtype,
            'align_onset': align_onset}


def with_version(stored):
    """Return the content of a spectrum.json under today's names, also where it was written before there were any."""
    stored = {'align_onset': False} | stored
    if stored.get('code') != SPECTRUM_DIGEST_BEFORE_VERSIONS:
        return stored
    return {'version': 1} | {name: value for name, value in stored.items() if name != 'code'}


def check_settings(signal, path, made_by):
    """Raise BadInput unless the settings of spectra that `path` holds are today's, however these are stored."""
    wanted = spectrum_settings(signal.get('dtype'), bool(signal.get('align_onset')))
    changed = [key for key in wanted if signal.get(key) != wanted[key]]
    if changed:
        raise BadInput(f'{path}: {changed[0]} of its spectra is {signal.get(changed[0])}, this program makes '
                       f'{wanted[changed[0]]}: run `python {made_by}` again')
    if signal['dtype'] not in STORED_AS:
        raise BadInput(f'{path} is damaged (dtype is {signal["dtype"]}): delete it and run `python {made_by}` again')


def npy_size(dtype):
    """Bytes of a stored spectrum."""
    return NPY_HEADER + N_FRAMES * N_BINS * np.dtype(dtype).itemsize
