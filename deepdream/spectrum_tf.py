"""The front end of extract_spectrum.py in TensorFlow: the same spectra, but differentiable, and with the inverse.

`as_written` turns a waveform into what its wav will hold: silent where no real note sounds, faded at both ends,
peak-normalised and rounded to 16 bits. So the ascent scores the very sound that is written.
"""

import functools

import numpy as np

from deepdream.artifacts import BadInput
from deepdream.backend import tf
from deepdream.spectrum import HOP_LENGTH, LOG_SCALE, N_FFT, N_FRAMES, N_SAMPLES, SAMPLE_RATE

PEAK = 0.9
OVERLAPS = N_FFT // HOP_LENGTH  # windows over every sample
FADE_SAMPLES = SAMPLE_RATE // 100  # 10 ms
FULL_SCALE = 2**15
SOUNDING_STD = 0.1  # 0.9 dB
SILENT_DB = -60  # of the loudest frame: a frame below this level counts as silent


def maximum(x, axis, keepdims=False):
    """The maximum of x over one axis or several, counted from 0, whose gradient goes to one of the largest.

    That of tf.reduce_max goes to what equals the maximum. XLA may compute a value a second time, with another rounding,
    and then finds nothing that equals it: the gradient of the harmonic network lost its maxima, and pointed elsewhere.
    """
    axes = axis if isinstance(axis, tuple) else (axis,)
    for one in axes:
        x = maximum_of_axis(x, one)
    return x if keepdims else tf.squeeze(x, axes)


def maximum_of_axis(x, axis):
    @tf.custom_gradient
    def of(x):
        is_first = tf.one_hot(tf.argmax(x, axis), x.shape[axis], axis=axis)
        return tf.reduce_max(x, axis, keepdims=True), lambda upstream: upstream * is_first
    return of(x)


def stft(waveforms):
    """(batch, 64000) waveforms -> complex64 (batch, 251, 513), as librosa.stft(y, n_fft=1024, hop_length=256).T.

    J. Allen, L. Rabiner 1977, "A Unified Approach to Short-Time Fourier Analysis and Synthesis".
    """
    margin = N_FFT // 2
    return tf.signal.stft(tf.pad(waveforms, [[0, 0], [margin, margin]]), N_FFT, HOP_LENGTH)


def istft(stfts):
    """The inverse of `stft`: (batch, 251, 513) -> the waveforms (batch, 64000) whose STFT is nearest.

    D. Griffin, J. Lim 1984, "Signal Estimation from Modified Short-Time Fourier Transform", equation 6.

    >>> sine = np.sin(2 * np.pi * 440 * np.arange(64000, dtype=np.float32) / 16000)[np.newaxis]
    >>> bool(np.abs(istft(stft(sine)) - sine).max() < 1e-4)
    True
    """
    frames = tf.signal.irfft(stfts) * tf.signal.hann_window(N_FFT)
    parts = tf.split(frames, OVERLAPS, axis=2)  # a hop each; the k-th begins k hops later
    overlapping = tf.add_n([tf.pad(part, [[0, 0], [k, OVERLAPS - 1 - k], [0, 0]]) for k, part in enumerate(parts)])
    return tf.reshape(overlapping, (len(stfts), -1))[:, N_FFT // 2:][:, :N_SAMPLES] / sum_of_squared_windows()


@functools.cache
def sum_of_squared_windows():
    squares = np.hanning(N_FFT + 1)[:-1] ** 2  # periodic
    total = np.zeros(N_SAMPLES + N_FFT)
    for frame in range(N_FRAMES):
        total[frame * HOP_LENGTH:][:N_FFT] += squares
    return total[N_FFT // 2:-(N_FFT // 2)].astype(np.float32)


def scaled_magnitudes(waveforms):
    """1000 |STFT| of (batch, 64000) waveforms: (batch, 251, 513), whose gradient is faster than that of tf.abs."""
    found = stft(waveforms)
    return LOG_SCALE * tf.sqrt(tf.math.real(found) ** 2 + tf.math.imag(found) ** 2 + 1e-20)


def log_spectra(waveforms):
    """log(1 + 1000 |STFT|) of (batch, 64000) waveforms: (batch, 251, 513)."""
    return tf.math.log1p(scaled_magnitudes(waveforms))


def flatness(spectra):
    """Spectral flatness of log spectra (batch, 251, 513), mean over the frames that sound: (batch,).

    The geometric over the arithmetic mean of the power: 0 for a tone, about 0.56 for white noise.
    """
    return flatness_of(tf.math.expm1(spectra))


def flatness_of(scaled):
    """As `flatness`, of `scaled_magnitudes`."""
    power = (scaled / LOG_SCALE) ** 2 + 1e-10
    mean = tf.reduce_mean(power, axis=2)
    loud = tf.cast(mean > 10 ** (SILENT_DB / 10) * tf.reduce_max(mean, axis=1, keepdims=True), power.dtype)
    of_frames = tf.exp(tf.reduce_mean(tf.math.log(power), axis=2)) / mean
    return tf.reduce_sum(of_frames * loud, axis=1) / tf.reduce_sum(loud, axis=1)


def sounding_frames(std):
    """Return in which frames real notes sound, (251,), from the train split's standard deviation (251, 513).

    They do where any bin varies. Raises BadInput where none does: there is nothing to dream of.
    """
    frames = std.max(axis=1) > SOUNDING_STD
    if not frames.any():
        raise BadInput('the train notes are all the same or silent, so that there is nothing to dream of: '
                       'run the stages from `python gather_information.py` on with other notes')
    return frames


def window(frames, fade=FADE_SAMPLES):
    """The gain of every sample, (64000,): 0 wherever it would reach a frame that is not in `frames`, faded to there.

    Of frames with gaps only those before the first gap count; a window is at least as long as its two fades.
    """
    silent = np.flatnonzero(~np.pad(frames, 1))  # with the frames before and after the note
    after = silent[silent > np.flatnonzero(frames)[0]][0] - 1
    end = N_SAMPLES if after == N_FRAMES else max(after * HOP_LENGTH - N_FFT // 2, 2 * fade)
    ramp = np.sin(np.linspace(0, np.pi / 2, fade)) ** 2
    gain = np.zeros(N_SAMPLES, np.float32)
    gain[:end] = 1
    gain[:fade] *= ramp
    gain[end - fade:end] *= ramp[::-1]
    return gain


def as_written(waveforms, gain):
    """The waveforms as their wavs hold them; the gradient passes through the rounding."""
    waveforms = waveforms * gain
    waveforms *= PEAK / (maximum(tf.abs(waveforms), axis=1, keepdims=True) + 1e-9)
    return waveforms + tf.stop_gradient(tf.round(waveforms * FULL_SCALE) / FULL_SCALE - waveforms)


def finish(waveform):
    """One sound, (64000,), as its wav holds it: faded at both ends, the rest untouched but for its level."""
    return as_written(waveform[np.newaxis].astype(np.float32), window(np.ones(N_FRAMES, bool)))[0].numpy()
