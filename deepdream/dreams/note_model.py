"""The short-time spectrum of notes, made of their parameters, where gradients are cheap.

X. Serra and J. Smith 1990, "Spectral modeling synthesis"; J. Engel et al. 2020, "DDSP". A partial whose amplitude
varies slowly is the transform of the Hann window, moved to its frequency, times its amplitude and phase, in each frame
(X. Rodet and P. Depalle 1992, "Spectral envelopes and inverse FFT synthesis"). So 64 partials are one product of
matrices instead of 64 sines of 64,000 samples. `oscillators.py` makes the waveform of the same parameters.
"""

import functools

import numpy as np

from deepdream.backend import tf
from deepdream.dreams.note_controls import AT_BINS, FINE_HOP, WHOLE_WINDOW, note_controls, window_average
from deepdream.dreams.note_parameters import GENERAL, N_PARTIALS, split
from deepdream.spectrum import HOP_LENGTH, LOG_SCALE, N_BINS, N_FFT, N_FRAMES, N_SAMPLES, SAMPLE_RATE
from deepdream.spectrum_tf import PEAK, maximum

VIBRATO_FRAMES = 12  # a period of 192 ms: 5.2 Hz
ONSET_FRAMES = 4
ONSET_SAMPLES = (ONSET_FRAMES - 1) * HOP_LENGTH + N_FFT // 2
NOISE_CREST = 3.5  # its peak over its RMS, about
PEAK_FRAMES = 4  # from one to the next look at the waveform's peak
FRAMES = np.arange(N_FRAMES, dtype=np.float32)


@functools.cache
def noise_stft(seed):
    """(251, 513): of white noise with a standard deviation of 1."""
    rng = np.random.default_rng([seed, 22])
    padded = np.pad(rng.normal(size=N_SAMPLES), N_FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP_LENGTH]
    return np.fft.rfft(frames * np.hanning(N_FFT + 1)[:-1], axis=1).astype(np.complex64)


def vibrato_phase(frame):
    """In radians; half a frame late, so that the twelve frames of a period have six frequencies."""
    return 2 * np.pi * (np.asarray(frame) + 0.5) / VIBRATO_FRAMES


def swing(frame):
    """By how many frames a vibrato of 1 is ahead at a frame, which need not be whole."""
    return (np.cos(vibrato_phase(0)) - np.cos(vibrato_phase(frame))) * VIBRATO_FRAMES / (2 * np.pi)


N_PERIODS = -(-N_FRAMES // VIBRATO_FRAMES)
SIX = np.sin(vibrato_phase(np.r_[0:3, 6:9])).astype(np.float32)  # frames 3 to 5 are as 2 to 0, 9 to 11 as 8 to 6
GROUPED = np.concatenate([np.sort(np.r_[pair[0]:12 * N_PERIODS:12, pair[1]:12 * N_PERIODS:12])
                          for pair in ((0, 5), (1, 4), (2, 3), (6, 11), (7, 10), (8, 9))])


def lobe(bins):
    """(..., 513): the transform of the Hann window of a sine of amplitude 1 whose frequency is `bins` (..., 1).

    It is -sin(pi f) / (pi x (1 - x^2)) at a distance x from the peak; a frequency that falls on a bin is moved by
    0.05 Hz, so that nothing is divided by zero.
    """
    nearest = tf.stop_gradient(tf.round(bins))
    beside = bins - nearest
    beside = tf.where(tf.abs(beside) < 0.003, 0.003, beside)
    sign = 1 - 2 * tf.math.floormod(nearest, 2)
    x = (np.arange(N_BINS, dtype=np.float32) - nearest) - beside
    return -N_FFT / (4 * np.pi) * sign * tf.sin(np.pi * beside) / (x * (1 - x) * (1 + x))


class NoteModel:
    """Notes of at most `n_partials`; its methods take parameters z (n, n_parameters) and pitches in Hz (n,).

    They end where `window` (64000,) does, the gain of every sample.
    """

    def __init__(self, window, n_partials=N_PARTIALS, seed=0):
        self.ending = np.append(window, window[-1])[::FINE_HOP]
        self.ending[:np.argmax(self.ending)] = 1
        self.n_partials = n_partials
        self.number = np.arange(1, n_partials + 1, dtype=np.float32)
        self.phase = np.random.default_rng([seed, 7]).uniform(0, 1, N_PARTIALS)[:n_partials].astype(np.float32)
        self.noise = np.stack([noise_stft(seed).real, noise_stft(seed).imag])

    def controls(self, z, hz, limits=GENERAL):
        """What sounds, as `note_controls` gives it; `limits` as those of `split`."""
        return note_controls(split(z, limits), hz, self.number, self.ending)

    def cycles(self, c, frame, phase):
        """(n, times, K): the phase of each partial of the controls at a time in frames (times,), in periods."""
        return cycles_at(c['hz'], c['vibrato'], frame, phase)

    def lobes(self, parts, c):
        """(n, 2, 251, K) -> (2, n, 251, 513): the spectra of the controls' partials."""
        return add_lobes(parts, c['hz'], c['vibrato'])

    def stft(self, c, phase=None, noise_shift=0):
        """Return (real and imaginary part of every frame (2, n, 251, 513), peaks of the waveforms (n,)) of controls.

        Other phases (K,) of the partials, in periods, and a noise moved by `noise_shift` frames make another sound of
        the same parameters.
        """
        phase = self.phase if phase is None else phase
        envelope = tf.matmul(c['envelope'], window_average())[:, :, tf.newaxis]
        angle = tf.stop_gradient(2 * np.pi * self.cycles(c, FRAMES, phase))
        parts = tf.stack([tf.cos(angle), tf.sin(angle)], axis=1) * (tf.exp(c['partials']) * envelope)[:, tf.newaxis]
        noise_gain = tf.matmul(tf.exp(c['noise']) * (envelope / WHOLE_WINDOW), AT_BINS)
        noise_peak = NOISE_CREST * tf.sqrt(tf.reduce_mean(noise_gain ** 2, axis=2))
        onset, onset_peak = self.onset(c, phase)
        peaks = maximum(self.partial_peaks(parts) + noise_peak[:, ::PEAK_FRAMES], axis=1)
        peaks = tf.maximum(peaks, onset_peak + noise_peak[:, 0])
        _, after = tf.split(self.lobes(parts, c), [ONSET_FRAMES, -1], axis=2)  # a slice has a slower gradient
        frames = tf.concat([onset, after], axis=2)
        return frames + noise_gain * tf.roll(self.noise, noise_shift, axis=1)[:, np.newaxis], peaks

    def onset(self, c, phase):
        """The partials' first frames (2, n, ONSET_FRAMES, 513), of their waveform, and its peak (n,).

        A sound that begins within a window, or rises in it, has no lobes: with these alone a bass dreamed at 392 Hz
        kept 65 % of the optimised value.
        """
        cycles = self.cycles(c, np.arange(ONSET_SAMPLES) / HOP_LENGTH, phase)
        oscillators = tf.stop_gradient(tf.cos(2 * np.pi * cycles))  # (n, samples, K)
        amplitude = tf.exp(c['partials'][:, :ONSET_SAMPLES // HOP_LENGTH + 1])
        at_samples = hats(np.arange(ONSET_SAMPLES) / HOP_LENGTH, ONSET_SAMPLES // HOP_LENGTH + 1)
        waveform = tf.reduce_sum(tf.matmul(oscillators, amplitude, transpose_b=True) * at_samples, axis=2)
        fine = hats(np.arange(ONSET_SAMPLES) / FINE_HOP, ONSET_SAMPLES // FINE_HOP + 1)
        waveform *= tf.matmul(c['envelope'][:, :fine.shape[1]], fine, transpose_b=True)
        frames = tf.signal.stft(tf.pad(waveform, [[0, 0], [N_FFT // 2, 0]]), N_FFT, HOP_LENGTH)
        return tf.stack([tf.math.real(frames), tf.math.imag(frames)]), maximum(tf.abs(waveform), axis=1)

    def partial_peaks(self, parts):
        """(n, 2, 251, K) -> (n, 63): the peak of the partials' waveform in a period around every fourth frame."""
        angle = 2 * np.pi * self.number[:, np.newaxis] * np.arange(4 * self.n_partials) / (4 * self.n_partials)
        shape = np.concatenate([np.cos(angle), -np.sin(angle)]).astype(np.float32)
        both = tf.concat(tf.unstack(parts[:, :, ::PEAK_FRAMES], axis=1), axis=2)
        return maximum(tf.abs(tf.matmul(both, shape)), axis=2)

    def spectra_of(self, controls, phase=None, noise_shift=0):
        """log(1 + 1000 |STFT|) of the notes (n, 251, 513), at the level of their wavs."""
        stft, peaks = self.stft(controls, phase, noise_shift)
        gain = tf.stop_gradient(LOG_SCALE * PEAK / peaks)[:, tf.newaxis, tf.newaxis]
        return tf.math.log1p(gain * tf.sqrt(tf.reduce_sum(tf.square(stft), axis=0) + 1e-14))

    def log_spectra(self, z, hz, limits=GENERAL):
        """As `spectra_of`, of parameters."""
        return self.spectra_of(self.controls(z, hz, limits))


def cycles_at(hertz, vibrato, frame, phase):
    """(n, times, K): the phase of each partial at a time in frames (times,), in periods; `phase` (K,) at the onset."""
    frame = frame.astype(np.float32)
    time = frame + vibrato * swing(frame).astype(np.float32)  # (n, times)
    periods = hertz * (HOP_LENGTH / SAMPLE_RATE)  # a frame
    whole = tf.floor(periods)  # whole periods of whole frames do not count, which keeps float32 exact
    return (phase + (periods - whole)[:, tf.newaxis] * time[:, :, tf.newaxis]
            + whole[:, tf.newaxis] * (time - np.floor(frame))[:, :, tf.newaxis])


def hats(places, n_nodes):
    """(len(places), n_nodes): the weights with which values at 0, 1, 2 ... make one at each place, linearly."""
    return np.maximum(0, 1 - np.abs(places[:, np.newaxis] - np.arange(n_nodes))).astype(np.float32)


def add_lobes(parts, hertz, vibrato):
    """(n, 2, 251, K) -> (2, n, 251, 513): every partial as its lobe, at the six frequencies of its vibrato.

    The twelve frames of a period have six frequencies, each twice: frames of one frequency share their lobes.
    """
    n, n_partials = hertz.shape
    bins = hertz[:, tf.newaxis] * (1 + vibrato[:, tf.newaxis] * SIX[:, np.newaxis]) * (N_FFT / SAMPLE_RATE)  # (n, 6, K)
    padded = tf.pad(parts, [[0, 0], [0, 0], [0, N_PERIODS * VIBRATO_FRAMES - N_FRAMES], [0, 0]])
    grouped = tf.gather(padded, GROUPED, axis=2)  # (n, 2, 6 x 42, K)
    grouped = tf.transpose(tf.reshape(grouped, (n, 2, 6, 2 * N_PERIODS, n_partials)), (0, 2, 1, 3, 4))
    spectra = tf.matmul(tf.reshape(grouped, (n, 6, 4 * N_PERIODS, n_partials)), lobe(bins[..., tf.newaxis]))
    spectra = tf.transpose(tf.reshape(spectra, (n, 6, 2, 2 * N_PERIODS, N_BINS)), (2, 0, 1, 3, 4))
    return tf.gather(tf.reshape(spectra, (2, n, 12 * N_PERIODS, N_BINS)), np.argsort(GROUPED)[:N_FRAMES], axis=2)
