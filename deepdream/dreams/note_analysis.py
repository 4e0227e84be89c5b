"""A user's note as what sounds in it: pitch by pYIN, partials from its STFT frame by frame, and the residual.

The residual is kept, as X. Serra and J. Smith 1990 do where a note shall stay itself: "noise" is its level in bands,
which a dream may change, and "residual" its spectrum at a level of 1. So breath, bow and strike are those of the note.
"""

import numpy as np
from scipy.signal import medfilt

from deepdream.artifacts import BadInput
from deepdream.backend import tf
from deepdream.dreams.measures import LONG_FFT, LONG_HOP, SHORT_WINDOW, powers
from deepdream.dreams.note_controls import FINE_HOP, HIGHEST_HZ, N_FINE, mel_weights, window_average
from deepdream.dreams.note_model import FRAMES, NoteModel, hats, lobe, vibrato_phase
from deepdream.dreams.note_parameters import GENERAL, N_BANDS, N_PARTIALS
from deepdream.dreams.oscillators import cycles_of, envelope_of, noise_gains, partials
from deepdream.pitch import hertz, steady_pitches
from deepdream.spectrum import HOP_LENGTH, N_BINS, N_FFT, N_FRAMES, N_SAMPLES, SAMPLE_RATE, log_spectrum, magnitude

HEARD_HZ = (35.0, 2100.0)  # fundamentals that are looked for
TEXTURE = 'it is no single note of a steady pitch: give --as texture'
LEAST_PARTIALS_DB = 8.0  # their energy over that of the residual: one of 56 real notes had less, and most drums
LOWEST_DB = -30  # of the lowest three partials; of 242 real notes, all have more than -17 dB, of chords some -60 dB
LEAST_GAIN = 1e-7  # -140 dB
WEAK_DB = -60  # of the strongest partial: a weaker one is taken to lie at its multiple of the fundamental
LEAST_LOG = -16.0  # -139 dB: silence
LEAST_ENVELOPE = 1e-3  # of its maximum
FOLLOWED_HZ = 3000.0  # partials below this say how the pitch moves
MOST_MOVED = 0.06  # of the pitch: a semitone
ROUNDS = 3  # they bring partials and random noise from 21.9 to 24.0 dB, the median of 57 notes; six bring 0.2 more
WINDOW = np.hanning(N_FFT + 1)[:-1]
FRAME_SECONDS = HOP_LENGTH / SAMPLE_RATE


def fundamental_hz(waveform):
    """The fundamental frequency of a note (64000,); BadInput where none is steady, or its first three partials are
    missing."""
    part = waveform[:5 * SAMPLE_RATE // 2]
    pitches = steady_pitches(part, HEARD_HZ)
    if not len(pitches):
        raise BadInput(TEXTURE)
    hz = hertz(float(np.median(pitches)))
    at, level = partial_peaks(part, hz, np.arange(1, 9))
    if level[:3].max() < level.max() + LOWEST_DB * np.log(10) / 10:
        raise BadInput(TEXTURE)
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

    They have `turns` (251, K), too: how many periods each partial is ahead of its frequency, which follows its phase,
    and so a pitch that moves; and `residual`, complex (251, 513), the short-time spectrum of what is no partial, over
    the gain that `noise` gives it. Raises BadInput where the waveform (64000,) has no steady pitch, or weak partials.
    """
    partial_hz = partial_frequencies(waveform, fundamental_hz(waveform))
    amplitude, turns = follow_partials(windowed(waveform), partial_hz)
    envelope = fine_envelope(waveform)
    seen = np.maximum(envelope @ window_average(), 1e-9)[:, np.newaxis]
    found = {'hz': partial_hz, 'partials': logarithm(amplitude / seen), 'envelope': envelope, 'vibrato': np.zeros(1),
             'turns': turns}
    for _ in range(ROUNDS):
        found |= refined(waveform - partials(np.zeros(N_PARTIALS), found), found)
    residual = waveform - partials(np.zeros(N_PARTIALS), found)
    check_partials(waveform, residual)
    stft = np.fft.rfft(windowed(residual), axis=1)
    found['noise'] = logarithm(noise_amplitude(stft) / seen)
    return found | {'residual': stft / np.maximum(noise_gains(found), LEAST_GAIN)}


def check_partials(waveform, residual):
    """Raise BadInput where the partials are weak, as in a drum or a chord."""
    of_partials, of_rest = (max(np.sum(one ** 2), 1e-9) for one in (waveform - residual, residual))
    partials_db = 10 * np.log10(of_partials / of_rest)
    if partials_db < LEAST_PARTIALS_DB:
        raise BadInput(f'{TEXTURE} (partials over the rest: {partials_db:.1f} dB, of a note at least '
                       f'{LEAST_PARTIALS_DB:g})')


def refined(residual, found):
    """Return the `partials` and the `turns` of a note's controls, with what its residual (64000,) still has of each.

    The residual, turned back by a partial's own phase, holds at frequency 0 what that partial lacks: amplitude and
    phase. So a pitch that moves, an onset and strings that beat are followed closer at each round.
    """
    log_partials, turns, envelope = found['partials'].copy(), found['turns'].copy(), envelope_of(found)
    weight = np.maximum(frames_of(envelope ** 2) @ WINDOW, 1e-9 * np.max(envelope ** 2) * N_FFT)
    for k in np.flatnonzero(found['hz'] < HIGHEST_HZ):
        turned = residual * envelope * np.exp(-2j * np.pi * cycles_of(found, k))
        amplitude = np.exp(log_partials[:, k])
        lacks = 1 + 2 * (frames_of(turned) @ WINDOW) / weight / amplitude
        log_partials[:, k] = logarithm(amplitude * np.abs(lacks))
        turns[:, k] += np.angle(lacks) / (2 * np.pi)
    return {'partials': log_partials, 'turns': turns}


def logarithm(amplitude):
    return np.maximum(np.log(np.maximum(amplitude, 1e-9)), LEAST_LOG)


def follow_partials(frames, partial_hz):
    """Return (amplitudes, turns), both (251, K), of partials near given frequencies (K,) in windowed frames.

    The first look, at the fixed frequencies, says how the pitch moves; the second follows it.
    """
    pitch = moving_pitch(at_frequencies(frames, partial_hz[np.newaxis]), partial_hz)
    moving_hz = pitch[:, np.newaxis] * partial_hz
    found = at_frequencies(frames, moving_hz)
    between_frames = (moving_hz[1:] + moving_hz[:-1]) / 2 * FRAME_SECONDS
    cycles = np.vstack([np.zeros_like(partial_hz), np.cumsum(between_frames, axis=0)])
    rest = np.unwrap(np.angle(found) - 2 * np.pi * cycles, axis=0) / (2 * np.pi)
    amplitude = np.abs(found) * (4 / N_FFT) * (moving_hz < HIGHEST_HZ)
    return amplitude, cycles + rest - partial_hz * FRAME_SECONDS * np.arange(N_FRAMES)[:, np.newaxis]


def at_frequencies(frames, hz):
    """(251, K): the transform of windowed frames (251, 1024) at frequencies (251 or 1, K), of phase 0 in the middle."""
    times = (np.arange(N_FFT) - N_FFT // 2) / SAMPLE_RATE
    if len(hz) == 1:
        return frames @ np.exp(-2j * np.pi * np.outer(times, hz[0]))
    return np.stack([frame @ np.exp(-2j * np.pi * np.outer(times, one)) for frame, one in zip(frames, hz, strict=True)])


def moving_pitch(found, partial_hz):
    """(251,): the pitch at each frame, relative to that of the whole, from the transforms at the partials (251, K)."""
    low = partial_hz < FOLLOWED_HZ
    found, hz = found[:, low], partial_hz[low]
    step = found[1:] * np.conj(found[:-1]) * np.exp(-2j * np.pi * hz * FRAME_SECONDS)
    ahead = np.angle(step) / (2 * np.pi * FRAME_SECONDS * hz)
    weight = np.abs(step) * hz ** 2
    moved = np.sum(weight * ahead, axis=1) / np.maximum(weight.sum(axis=1), 1e-9)
    loud = np.abs(step).sum(axis=1) > 1e-4 * np.abs(step).sum(axis=1).max()
    moved = medfilt(np.where(loud, np.clip(moved, -MOST_MOVED, MOST_MOVED), 0), 3)
    return 1 + np.r_[moved[0], (moved[1:] + moved[:-1]) / 2, moved[-1]]


def frames_of(waveform):
    """The 251 frames of a waveform, (251, 1024)."""
    return np.lib.stride_tricks.sliding_window_view(np.pad(waveform, N_FFT // 2), N_FFT)[::HOP_LENGTH]


def windowed(waveform):
    """The 251 frames of a waveform, times the window, (251, 1024)."""
    return frames_of(waveform.astype(np.float64)) * WINDOW


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


def noise_amplitude(stft):
    """(251, N_BANDS): the standard deviation of white noise as strong as a residual's STFT (251, 513) in each band."""
    power = np.abs(stft) ** 2
    weights = mel_weights(np.arange(N_BINS) * SAMPLE_RATE / N_FFT, N_BANDS)
    return np.sqrt(power @ weights / weights.sum(axis=0) / np.sum(WINDOW ** 2))


class AnalysedModel(NoteModel):
    """A NoteModel whose parameters change an analysed note: at 0 they leave it as it is. Its envelope stays."""

    def __init__(self, controls, seed=0):
        super().__init__(np.ones(N_SAMPLES, np.float32), seed=seed)
        self.analysed = {name: tf.constant(value[np.newaxis], tf.float32) for name, value in controls.items()
                         if name != 'residual'}
        self.noise = np.stack([controls['residual'].real, controls['residual'].imag]).astype(np.float32)
        self.hz, self.phase = float(controls['hz'][0]), np.zeros_like(self.phase)  # the turns have the phases

    def controls(self, z, hz, limits=GENERAL):
        moved, plain = (super(AnalysedModel, self).controls(one, hz, limits) for one in (z, tf.zeros_like(z)))
        partial_hz = self.analysed['hz'] * moved['hz'] / plain['hz']
        kept = {name: tf.repeat(self.analysed[name], z.shape[0], axis=0) for name in ('envelope', 'turns')}
        return kept | {'hz': partial_hz} | {name: self.analysed[name] + moved[name] - plain[name]
                                            for name in ('partials', 'noise', 'vibrato')}

    def stft(self, c, phase=None, noise_shift=0):
        """As `NoteModel.stft`, but for the noise, which stays: breath goes with its breath, and a strike with its."""
        return super().stft(c, phase)

    def cycles(self, c, frame, phase):
        return super().cycles(c, frame, phase) + tf.matmul(hats(np.asarray(frame), N_FRAMES), c['turns'])

    def lobes(self, parts, c):
        """As `NoteModel.lobes`, of frequencies that move with the turns."""
        moved = (c['turns'][:, 2:] - c['turns'][:, :-2]) / (2 * FRAME_SECONDS)
        swung = 1 + c['vibrato'][:, tf.newaxis] * np.sin(vibrato_phase(FRAMES))[:, np.newaxis].astype(np.float32)
        hz = c['hz'][:, tf.newaxis] * swung + tf.pad(moved, [[0, 0], [1, 1], [0, 0]])  # (n, 251, K)
        shape = lobe(hz[..., tf.newaxis] * (N_FFT / SAMPLE_RATE))  # (n, 251, K, 513)
        return tf.einsum('npfk,nfkb->pnfb', parts, shape)


def between(first, second, share):
    """The controls on the way from one analysed note to another, geometrically; `share` 0 is the first."""
    def mixed(name, logarithm):
        if not logarithm:
            return (1 - share) * first[name] + share * second[name]
        one, other = (np.maximum(controls[name], 1e-7) for controls in (first, second))
        return one ** (1 - share) * other ** share
    residual = np.sqrt(1 - share) * first['residual'] + np.sqrt(share) * second['residual']  # their powers add up
    return {name: mixed(name, name in ('hz', 'envelope')) for name in first} | {'residual': residual}


def resynthesis_db(waveform, original):
    """The magnitudes of a note over what those of another waveform, at its own level, are off, in dB."""
    wanted, ours = (magnitude(log_spectrum(one.astype(np.float32))) for one in (original, waveform))
    ours *= np.sum(ours * wanted) / max(np.sum(ours ** 2), 1e-9)
    return float(20 * np.log10(np.linalg.norm(wanted) / (np.linalg.norm(ours - wanted) + 1e-9)))
