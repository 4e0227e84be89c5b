"""A note as a few bounded parameters: partials and noise, made in the short-time spectrum, where gradients are cheap.

X. Serra and J. Smith 1990, "Spectral modeling synthesis"; J. Engel et al. 2020, "DDSP". A partial whose amplitude
varies slowly is the transform of the Hann window, moved to its frequency, times its amplitude and phase, in each frame
(X. Rodet and P. Depalle 1992, "Spectral envelopes and inverse FFT synthesis"). So 40 partials are one product of
matrices instead of 40 sines of 64,000 samples. `oscillators.py` makes the waveform of the same parameters.

The bounds and the start are those of real notes: `benchmarks/measure_notes.py` measured 305 train notes of the demo.
"""

import functools
from dataclasses import dataclass

import numpy as np

from deepdream.backend import tf
from deepdream.spectrum import HOP_LENGTH, LOG_SCALE, N_BINS, N_FFT, N_FRAMES, N_SAMPLES, SAMPLE_RATE
from deepdream.spectrum_tf import PEAK

N_PARTIALS = 64  # at most; only those below HIGHEST_HZ sound
HIGHEST_HZ = 7600.0
SLOPE_DB = -12.0  # an octave, from which the partials start: -13.7 in the median of real notes
# Up and down from there: of single partials, so that their common fundamental is heard, and of whole regions. The 8th
# partial of real notes has -72 to -9 dB in nine notes of ten, -29 in the median.
PARTIAL_DB, FORMANT_DB = 12.0, 26.0
DEVIATION_DB = 6.0  # up and down, slowly, of a frequency region or a noise band
N_FORMANTS = 24  # knots over mel, 40 Hz to 8 kHz
N_BANDS = 16  # of noise, over mel
NOISE_DB = ((-77, -74, -75, -75, -77, -77, -77, -80, -80, -82, -84, -86, -87, -88, -89, -90),  # 10th and
            (-16, -16, -17, -19, -18, -18, -20, -22, -21, -22, -24, -26, -29, -33, -36, -42))  # 95th percentile of each
BURST_DB = 6.0  # the noise of the onset may exceed the lasting noise's bounds by so much
N_TIMES = 12  # nodes of the deviations, close together at the onset
VIBRATO_FRAMES = 12  # a period of 192 ms: 5.2 Hz
FINE_STEPS = 4  # of the envelope, in a frame: 4 ms
FINE_HOP = HOP_LENGTH // FINE_STEPS
N_FINE = N_SAMPLES // FINE_HOP + 1
DB = float(np.log(10) / 20)  # natural logarithm of an amplitude, for a dB
ONSET_FRAMES = 4
ONSET_SAMPLES = (ONSET_FRAMES - 1) * HOP_LENGTH + N_FFT // 2
NOISE_CREST = 3.5  # its peak over its RMS, about
PEAK_FRAMES = 4  # from one to the next look at the waveform's peak
FRAMES = np.arange(N_FRAMES, dtype=np.float32)
SECONDS = FRAMES[:, np.newaxis] * (HOP_LENGTH / SAMPLE_RATE)  # (251, 1)


@dataclass(frozen=True)
class Bound:
    """A parameter's lowest and highest value and where it starts; `is_log` where its logarithm moves evenly."""

    low: float
    high: float
    start: float
    is_log: bool = False

    def value(self, z):
        """The value at z, any real number; at 0 it is `start`."""
        low, high, start = (np.log(one) if self.is_log else one for one in (self.low, self.high, self.start))
        share = (start - low) / (high - low)
        value = low + (high - low) * tf.sigmoid(z + float(np.log(share / (1 - share))))
        return tf.exp(value) if self.is_log else value


BOUNDS = {
    'attack_seconds': Bound(0.004, 0.8, 0.03, is_log=True),  # real notes: 0 to 0.75 s, median 0.016
    'decay_db_per_second': Bound(0.0, 56.0, 4.0),  # of all partials; nine of ten real notes: -0.2 to 44, median 4.5
    'decay_slope': Bound(0.0, 20.0, 1.0),  # dB/s more for every kHz
    'hold_seconds': Bound(0.3, 3.3, 2.7),
    'release_seconds': Bound(0.1, 1.0, 0.2, is_log=True),  # to 60 dB down; a faster one spreads over the spectrum
    'stretch': Bound(1e-6, 1e-3, 1e-5, is_log=True),  # of a stiff string: f_k = k f (1 + stretch k^2)^0.5
    'vibrato_cents': Bound(0.0, 25.0, 1.0),
    'burst_seconds': Bound(0.01, 0.2, 0.04, is_log=True),
}
SIZES = {'number': N_PARTIALS, 'formants': N_FORMANTS, 'noise': N_BANDS, 'burst': N_BANDS,
         'deviation': N_TIMES * N_FORMANTS, 'noise_deviation': N_TIMES * N_BANDS, **dict.fromkeys(BOUNDS, 1)}


def split(z):
    """(n, sum of SIZES) -> {name: (n, size)}; those of BOUNDS as values (n, 1) in their units."""
    parts = dict(zip(SIZES, tf.split(z, list(SIZES.values()), axis=1), strict=True))
    return {name: BOUNDS[name].value(part) if name in BOUNDS else part for name, part in parts.items()}


def mel(hz):
    return np.log1p(np.asarray(hz) / 700)


@functools.cache
def mel_knots(n_knots):
    return np.linspace(mel(40), mel(8000), n_knots)


def mel_weights(hz, n_knots):
    """(..., n_knots): the weights with which knots over mel make a value at each frequency (...), linearly."""
    knots = mel_knots(n_knots)
    place = (np.clip(mel(hz), knots[0], knots[-1]) - knots[0]) / (knots[1] - knots[0])
    return np.maximum(0, 1 - np.abs(place[..., np.newaxis] - np.arange(n_knots))).astype(np.float32)


@functools.cache
def time_weights():
    """(251, N_TIMES): from nodes at 0, 30, 75 ms ... 4 s, each 1.5 times as far as the one before, to frames."""
    nodes = np.r_[0, np.cumsum(1.5 ** np.arange(N_TIMES - 1))]
    nodes = nodes / nodes[-1] * (N_FRAMES - 1)
    return np.stack([np.interp(np.arange(N_FRAMES), nodes, one) for one in np.eye(N_TIMES)], axis=1).astype(np.float32)


@functools.cache
def window_average():
    """(N_FINE, 251): what a frame's window sees of an envelope that is 0 before and behind the sound."""
    hann = np.hanning(N_FFT // FINE_HOP + 1)[:-1]
    padded = np.zeros((N_FRAMES, N_FINE + len(hann)))
    for frame in range(N_FRAMES):
        padded[frame, FINE_STEPS * frame:][:len(hann)] = hann / hann.sum()
    return padded[:, len(hann) // 2:][:, :N_FINE].T.astype(np.float32)


WHOLE_WINDOW = window_average().sum(axis=0)[:, np.newaxis]  # (251, 1): half of it lies outside in the first frame


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
        self.at_bins = mel_weights(np.arange(N_BINS) * SAMPLE_RATE / N_FFT, N_BANDS).T  # (N_BANDS, 513)
        self.phase = np.random.default_rng([seed, 7]).uniform(0, 1, N_PARTIALS)[:n_partials].astype(np.float32)
        self.noise = np.stack([noise_stft(seed).real, noise_stft(seed).imag])

    def controls(self, z, hz):
        """What sounds, of the parameters.

        Frequencies in Hz (n, K), natural log amplitudes of partials (n, 251, K) and of noise bands (n, 251, N_BANDS),
        without the `envelope` (n, N_FINE), and `vibrato`, relative to the frequency (n, 1).
        """
        p = split(z)
        hertz = hz[:, tf.newaxis] * self.number * tf.sqrt((1 + p['stretch'] * self.number ** 2) / (1 + p['stretch']))
        at_partials = tf_mel_weights(tf.minimum(hertz, 8000), N_FORMANTS)
        level = (SLOPE_DB * np.log2(self.number) + PARTIAL_DB * tf.tanh(p['number'][:, :self.n_partials])
                 + FORMANT_DB * tf.einsum('nkf,nf->nk', at_partials, tf.tanh(p['formants'])))
        level += tf.where(hertz < HIGHEST_HZ, 0.0, -300.0)
        level -= tf.reduce_max(level, axis=1, keepdims=True)  # the noise is measured against the strongest partial
        decay = p['decay_db_per_second'] + p['decay_slope'] * tf.minimum(hertz, 8000) / 1000
        nodes = tf.reshape(DEVIATION_DB * tf.tanh(p['deviation']), (-1, N_TIMES, N_FORMANTS))
        moved = tf.matmul(tf.einsum('ft,ntm->nfm', time_weights(), nodes), at_partials, transpose_b=True)
        partials = level[:, tf.newaxis] - decay[:, tf.newaxis] * SECONDS + moved
        return {'hz': hertz, 'partials': partials * DB, 'noise': noise_log_amplitude(p) * DB,
                'envelope': envelope(p) * self.ending, 'vibrato': p['vibrato_cents'] * float(np.log(2) / 1200)}

    def stft(self, z, hz, phase=None, noise_shift=0):
        """Return (real and imaginary part of every frame (2, n, 251, 513), peaks of the waveforms (n,)).

        Other phases (K,) of the partials, in periods, and a noise moved by `noise_shift` frames make another sound of
        the same parameters.
        """
        phase = self.phase if phase is None else phase
        c = self.controls(z, hz)
        envelope = tf.matmul(c['envelope'], window_average())[:, :, tf.newaxis]
        angle = tf.stop_gradient(2 * np.pi * cycles_at(c['hz'], c['vibrato'], FRAMES, phase))
        parts = tf.stack([tf.cos(angle), tf.sin(angle)], axis=1) * (tf.exp(c['partials']) * envelope)[:, tf.newaxis]
        noise_gain = tf.matmul(tf.exp(c['noise']) * (envelope / WHOLE_WINDOW), self.at_bins)
        noise_peak = NOISE_CREST * tf.sqrt(tf.reduce_mean(noise_gain ** 2, axis=2))
        onset, onset_peak = self.onset(c, phase)
        peaks = tf.reduce_max(self.partial_peaks(parts) + noise_peak[:, ::PEAK_FRAMES], axis=1)
        peaks = tf.maximum(peaks, onset_peak + noise_peak[:, 0])
        frames = tf.concat([onset, add_lobes(parts, c['hz'], c['vibrato'])[:, :, ONSET_FRAMES:]], axis=2)
        return frames + noise_gain * tf.roll(self.noise, noise_shift, axis=1)[:, np.newaxis], peaks

    def onset(self, c, phase):
        """The partials' first frames (2, n, ONSET_FRAMES, 513), of their waveform, and its peak (n,).

        A sound that begins within a window, or rises in it, has no lobes: with these alone a bass dreamed at 392 Hz
        kept 65 % of the optimised value.
        """
        cycles = cycles_at(c['hz'], c['vibrato'], np.arange(ONSET_SAMPLES) / HOP_LENGTH, phase)
        oscillators = tf.stop_gradient(tf.cos(2 * np.pi * cycles))  # (n, samples, K)
        amplitude = tf.exp(c['partials'][:, :ONSET_SAMPLES // HOP_LENGTH + 1])
        at_samples = hats(np.arange(ONSET_SAMPLES) / HOP_LENGTH, ONSET_SAMPLES // HOP_LENGTH + 1)
        waveform = tf.reduce_sum(tf.matmul(oscillators, amplitude, transpose_b=True) * at_samples, axis=2)
        fine = hats(np.arange(ONSET_SAMPLES) / FINE_HOP, ONSET_SAMPLES // FINE_HOP + 1)
        waveform *= tf.matmul(c['envelope'][:, :fine.shape[1]], fine, transpose_b=True)
        frames = tf.signal.stft(tf.pad(waveform, [[0, 0], [N_FFT // 2, 0]]), N_FFT, HOP_LENGTH)
        return tf.stack([tf.math.real(frames), tf.math.imag(frames)]), tf.reduce_max(tf.abs(waveform), axis=1)

    def partial_peaks(self, parts):
        """(n, 2, 251, K) -> (n, 63): the peak of the partials' waveform in a period around every fourth frame."""
        angle = 2 * np.pi * self.number[:, np.newaxis] * np.arange(4 * self.n_partials) / (4 * self.n_partials)
        shape = np.concatenate([np.cos(angle), -np.sin(angle)]).astype(np.float32)
        both = tf.concat(tf.unstack(parts[:, :, ::PEAK_FRAMES], axis=1), axis=2)
        return tf.reduce_max(tf.abs(tf.matmul(both, shape)), axis=2)

    def log_spectra(self, z, hz, phase=None, noise_shift=0):
        """log(1 + 1000 |STFT|) of the notes (n, 251, 513), at the level of their wavs."""
        stft, peaks = self.stft(z, hz, phase, noise_shift)
        gain = tf.stop_gradient(LOG_SCALE * PEAK / peaks)[:, tf.newaxis, tf.newaxis]
        return tf.math.log1p(gain * tf.sqrt(tf.reduce_sum(stft ** 2, axis=0) + 1e-14))


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


def tf_mel_weights(hertz, n_knots):
    """As `mel_weights`, of a tensor."""
    knots = mel_knots(n_knots)
    place = (tf.math.log1p(hertz / 700) - knots[0]) / (knots[1] - knots[0])
    place = tf.clip_by_value(place, 0, n_knots - 1)
    return tf.nn.relu(1 - tf.abs(place[..., tf.newaxis] - np.arange(n_knots, dtype=np.float32)))


def noise_log_amplitude(p):
    """In dB (n, 251, N_BANDS), without the envelope: what lasts, and what the onset adds."""
    low, high = np.array(NOISE_DB, np.float32)
    nodes = tf.reshape(DEVIATION_DB * tf.tanh(p['noise_deviation']), (-1, N_TIMES, N_BANDS))
    lasting = (low + (high - low) * tf.sigmoid(p['noise'] - 1))[:, tf.newaxis] + tf.einsum(
        'ft,ntb->nfb', time_weights(), nodes) - p['decay_db_per_second'][:, tf.newaxis] * SECONDS
    burst = (low + (high - low + BURST_DB) * tf.sigmoid(p['burst'] - 1))[:, tf.newaxis] - (
        SECONDS / DB / p['burst_seconds'][:, tf.newaxis])
    return tf.reduce_logsumexp(tf.stack([lasting, burst]) * (2 * DB), axis=0) / (2 * DB)


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


def envelope(p):
    """(n, N_FINE): attack, hold and release at every 4 ms, from 0 on; the decay is a matter of the partials."""
    seconds = np.arange(N_FINE, dtype=np.float32) * (FINE_HOP / SAMPLE_RATE)
    attack = tf.sin(np.pi / 2 * tf.minimum(seconds / p['attack_seconds'], 1)) ** 2
    after = tf.nn.relu(seconds - p['hold_seconds'])
    return attack * tf.exp(-60 * DB * after / p['release_seconds'])
