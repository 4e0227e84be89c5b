"""A user's note as what sounds in it: pitch by pYIN, partials from its STFT frame by frame, noise from the residual."""

import numpy as np

from deepdream.artifacts import BadInput
from deepdream.backend import tf
from deepdream.dreams.measures import LONG_FFT, LONG_HOP, SHORT_WINDOW, powers
from deepdream.dreams.note_controls import FINE_HOP, HIGHEST_HZ, N_FINE, mel_weights, window_average
from deepdream.dreams.note_model import NoteModel, add_lobes
from deepdream.dreams.note_parameters import GENERAL, N_BANDS, N_PARTIALS
from deepdream.pitch import hertz, steady_pitches
from deepdream.spectrum import HOP_LENGTH, N_BINS, N_FFT, N_SAMPLES, SAMPLE_RATE, log_spectrum, magnitude

HEARD_HZ = (35.0, 2100.0)  # fundamentals that are looked for
LEAST_RESYNTHESIS_DB = 6.0  # the sound over what its resynthesis lacks: with less, it is no note
TEXTURE = 'it is no single note of a steady pitch: give --as texture'
WEAK_DB = -60  # of the strongest partial: a weaker one is taken to lie at its multiple of the fundamental
LEAST_LOG = -16.0  # -139 dB: silence
LEAST_ENVELOPE = 1e-3  # of its maximum
PARTIAL_SHARE = 0.2  # of a bin's magnitude: where the partials have more, it tells nothing of the noise


def fundamental_hz(waveform):
    """The fundamental frequency of a note (64000,); BadInput where it has no steady one."""
    part = waveform[:5 * SAMPLE_RATE // 2]
    pitches = steady_pitches(part, HEARD_HZ)
    if not len(pitches):
        raise BadInput(TEXTURE)
    hz = hertz(float(np.median(pitches)))
    at, level = partial_peaks(part, hz, np.arange(1, 9))
    return float(np.average(at / np.arange(1, 1 + len(at)), weights=np.exp(level / 2) * np.arange(1, 1 + len(at))))


def partial_peaks(waveform, hz, numbers):
    """Return (frequencies in Hz, natural log powers) of the peaks within 1 % of multiples of `hz`, below 7.9 kHz.

    pYIN steps by 10 cents, of which the 20th partial makes two bins of a spectrum.
    """
    power = np.log(powers(waveform, LONG_FFT, LONG_HOP).mean(axis=0) + 1e-14)
    at, level = [], []
    for center in numbers[numbers * hz < 7900] * hz * LONG_FFT / SAMPLE_RATE:
        bins = np.arange(max(1, int(0.99 * center) - 1), min(int(1.01 * center) + 3, len(power) - 1))
        best = bins[np.argmax(power[bins])]
        below, peak, above = power[best - 1:best + 2]
        shift = np.clip(0.5 * (below - above) / (below - 2 * peak + above - 1e-9), -0.5, 0.5)
        at.append((best + shift) * SAMPLE_RATE / LONG_FFT)
        level.append(peak)
    return np.array(at), np.array(level)


def analyse(waveform):
    """Return a note's controls, as `NoteModel.controls` gives them: NumPy arrays without the first axis.

    Raises BadInput where the waveform (64000,) has no steady pitch.
    """
    partial_hz = partial_frequencies(waveform, fundamental_hz(waveform))
    envelope = fine_envelope(waveform)
    stft = np.fft.rfft(windowed(waveform), axis=1)
    times = (np.arange(N_FFT) - N_FFT // 2) / SAMPLE_RATE
    amplitude = np.abs(windowed(waveform) @ np.exp(-2j * np.pi * np.outer(times, partial_hz))) * (4 / N_FFT)
    amplitude[:, partial_hz >= HIGHEST_HZ] = 0
    seen = (envelope @ window_average())[:, np.newaxis]
    partials = np.log(np.maximum(amplitude / np.maximum(seen, 1e-9), 1e-7))
    noise = np.log(np.maximum(noise_amplitude(stft, amplitude, partial_hz) / np.maximum(seen, 1e-9), 1e-7))
    return {'hz': partial_hz, 'partials': np.maximum(partials, LEAST_LOG), 'noise': np.maximum(noise, LEAST_LOG),
            'envelope': envelope, 'vibrato': np.zeros(1)}


def windowed(waveform):
    """The 251 frames of a waveform, times the window, (251, 1024)."""
    padded = np.pad(waveform.astype(np.float64), N_FFT // 2)
    return np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP_LENGTH] * np.hanning(N_FFT + 1)[:-1]


def partial_frequencies(waveform, hz):
    """The frequencies (N_PARTIALS,) of the partials of a fundamental, where they are strong as they are."""
    partial_hz = hz * np.arange(1, N_PARTIALS + 1)
    at, level = partial_peaks(waveform, hz, np.arange(1, N_PARTIALS + 1))
    strong = 10 / np.log(10) * (level - level.max()) > WEAK_DB
    partial_hz[:len(at)][strong] = at[strong]
    return partial_hz


def fine_envelope(waveform):
    """The level every 4 ms, (N_FINE,), relative to its maximum, silent where the sound is."""
    squares = np.pad(waveform.astype(np.float64) ** 2, SHORT_WINDOW // 2)
    level = np.sqrt(np.lib.stride_tricks.sliding_window_view(squares, SHORT_WINDOW)[::FINE_HOP].mean(axis=1))
    level = np.r_[level, 0][:N_FINE] / max(level.max(), 1e-9)
    return np.where(level > 0, np.maximum(level, LEAST_ENVELOPE), 0).astype(np.float32)


def noise_amplitude(stft, amplitude, partial_hz):
    """(251, N_BANDS): the standard deviation of white noise as strong as what the partials leave over in each band."""
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, amplitude.shape)
    parts = np.stack([np.cos(phase), np.sin(phase)]) * amplitude
    lobes = add_lobes(tf.constant(parts[np.newaxis], tf.float32), tf.constant(partial_hz[np.newaxis], tf.float32),
                      tf.zeros((1, 1))).numpy()[:, 0]
    power = np.abs(stft) ** 2
    free = (lobes ** 2).sum(axis=0) < PARTIAL_SHARE ** 2 * power
    weights = mel_weights(np.arange(N_BINS) * SAMPLE_RATE / N_FFT, N_BANDS)
    of_noise = (power * free) @ weights / np.maximum(free @ weights, 1e-9)
    return np.sqrt(of_noise / np.sum(np.hanning(N_FFT + 1)[:-1] ** 2))


class AnalysedModel(NoteModel):
    """A NoteModel whose parameters change an analysed note: at 0 they leave it as it is. Its envelope stays."""

    def __init__(self, controls, seed=0):
        super().__init__(np.ones(N_SAMPLES, np.float32), seed=seed)
        self.analysed = {name: tf.constant(value[np.newaxis], tf.float32) for name, value in controls.items()}
        self.hz = float(controls['hz'][0])

    def controls(self, z, hz, limits=GENERAL):
        moved, plain = (super(AnalysedModel, self).controls(one, hz, limits) for one in (z, tf.zeros_like(z)))
        partial_hz = self.analysed['hz'] * moved['hz'] / plain['hz']
        return {'hz': partial_hz, 'envelope': tf.repeat(self.analysed['envelope'], z.shape[0], axis=0)} | {
            name: self.analysed[name] + moved[name] - plain[name] for name in ('partials', 'noise', 'vibrato')}


def between(first, second, share):
    """The controls on the way from one analysed note to another, geometrically; `share` 0 is the first."""
    def mixed(name, logarithm):
        if not logarithm:
            return (1 - share) * first[name] + share * second[name]
        one, other = (np.maximum(controls[name], 1e-7) for controls in (first, second))
        return one ** (1 - share) * other ** share
    return {name: mixed(name, name in ('hz', 'envelope')) for name in first}


def resynthesis_db(waveform, original):
    """The magnitudes of a note over what those of another waveform, at its own level, are off, in dB."""
    wanted, ours = (magnitude(log_spectrum(one.astype(np.float32))) for one in (original, waveform))
    ours *= np.sum(ours * wanted) / max(np.sum(ours ** 2), 1e-9)
    return float(20 * np.log10(np.linalg.norm(wanted) / (np.linalg.norm(ours - wanted) + 1e-9)))
