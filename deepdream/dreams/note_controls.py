"""From a note's parameters to what sounds: the level of each partial and of each noise band, frame by frame.

The whole has the level of the envelope at every moment, and the noise over all the level that the parameters ask for:
so attack, decay and harmonic-to-noise ratio are those of the parameters, whatever the deviations do.
"""

import functools

import numpy as np

from deepdream.backend import tf
from deepdream.dreams.note_parameters import N_BANDS, N_FORMANTS, N_TIMES
from deepdream.spectrum import HOP_LENGTH, N_BINS, N_FFT, N_FRAMES, N_SAMPLES, SAMPLE_RATE

HIGHEST_HZ = 7600.0  # of a partial
# Up and down from the slope: of single partials, so that their common fundamental is heard, and of whole regions. The
# 8th partial of real notes has -72 to -9 dB in nine notes of ten, -29 in the median.
PARTIAL_DB, FORMANT_DB = 12.0, 26.0
DEVIATION_DB = 6.0  # up and down, slowly, of a frequency region or a noise band
NOISE_DB = ((-77, -74, -75, -75, -77, -77, -77, -80, -80, -82, -84, -86, -87, -88, -89, -90),  # 10th and
            (-16, -16, -17, -19, -18, -18, -20, -22, -21, -22, -24, -26, -29, -33, -36, -42))  # 95th percentile of each
BURST_DB = 6.0  # the noise of the onset may exceed the lasting noise's bounds by so much
FINE_STEPS = 4  # of the envelope, in a frame: 4 ms
FINE_HOP = HOP_LENGTH // FINE_STEPS
N_FINE = N_SAMPLES // FINE_HOP + 1
DB = float(np.log(10) / 20)  # natural logarithm of an amplitude, for a dB
SECONDS = np.arange(N_FRAMES, dtype=np.float32)[:, np.newaxis] * (HOP_LENGTH / SAMPLE_RATE)  # (251, 1)
SILENT_DB = -300.0
NEWTON_STEPS = 4  # to the level of the noise: it is then within 0.01 dB


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


def tf_mel_weights(hertz, n_knots):
    """As `mel_weights`, of a tensor."""
    knots = mel_knots(n_knots)
    place = (tf.math.log1p(hertz / 700) - knots[0]) / (knots[1] - knots[0])
    place = tf.clip_by_value(place, 0, n_knots - 1)
    return tf.nn.relu(1 - tf.abs(place[..., tf.newaxis] - np.arange(n_knots, dtype=np.float32)))


AT_BINS = mel_weights(np.arange(N_BINS) * SAMPLE_RATE / N_FFT, N_BANDS).T  # (N_BANDS, 513)
BAND_PRODUCTS = AT_BINS @ AT_BINS.T / N_BINS  # of the bands' amplitudes: their mean square over frequency


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


def note_controls(p, hz, number, ending):
    """What sounds, of parameters `p` as `split` gives them, pitches hz (n,), and the partials' numbers (K,).

    Frequencies in Hz (n, K), natural log amplitudes of partials (n, 251, K) and of noise bands (n, 251, N_BANDS),
    without the `envelope` (n, N_FINE), and `vibrato`, relative to the frequency (n, 1). The note ends as `ending`
    (N_FINE,) does.
    """
    hertz = hz[:, tf.newaxis] * number * tf.sqrt((1 + p['stretch'] * number ** 2) / (1 + p['stretch']))
    partials, noise, shape = partial_levels(p, hertz, number), noise_levels(p), envelope(p) * ending
    partials -= 0.5 * tf.reduce_logsumexp(2 * partials, axis=2, keepdims=True) - float(np.log(2) / 2)  # a power of 1
    decay = p['decay_db_per_second'][:, tf.newaxis] * SECONDS * DB
    power = tf.einsum('nfb,bc,nfc->nf', tf.exp(noise), BAND_PRODUCTS, tf.exp(noise))
    weight = tf.matmul(shape, window_average()) ** 2 * tf.exp(-2 * decay[:, :, 0])
    gain = noise_gain(power, weight, p['harmonic_to_noise_db'])
    total = 0.5 * tf.math.log1p(tf.exp(gain) * power)[:, :, tf.newaxis] + decay
    return {'hz': hertz, 'partials': partials - total, 'noise': noise + 0.5 * gain[:, :, tf.newaxis] - total,
            'envelope': shape, 'vibrato': p['vibrato_cents'] * float(np.log(2) / 1200)}


def partial_levels(p, hertz, number):
    """The natural log amplitudes of the partials (n, 251, K), relative to each other."""
    at_partials = tf_mel_weights(tf.minimum(hertz, 8000), N_FORMANTS)
    level = (p['slope_db_per_octave'] * np.log2(number) + PARTIAL_DB * tf.tanh(p['number'][:, :len(number)])
             + FORMANT_DB * tf.einsum('nkf,nf->nk', at_partials, tf.tanh(p['formants'])))
    level += tf.where(hertz < HIGHEST_HZ, 0.0, SILENT_DB)
    decay = p['decay_slope'] * tf.minimum(hertz, 8000) / 1000
    nodes = tf.reshape(DEVIATION_DB * tf.tanh(p['deviation']), (-1, N_TIMES, N_FORMANTS))
    moved = tf.matmul(tf.einsum('ft,ntm->nfm', time_weights(), nodes), at_partials, transpose_b=True)
    return DB * (level[:, tf.newaxis] - decay[:, tf.newaxis] * SECONDS + moved)


def noise_levels(p):
    """The natural log amplitudes of the noise bands (n, 251, N_BANDS), relative to each other: what lasts, and what
    the onset adds."""
    low, high = np.array(NOISE_DB, np.float32)
    nodes = tf.reshape(DEVIATION_DB * tf.tanh(p['noise_deviation']), (-1, N_TIMES, N_BANDS))
    lasting = (low + (high - low) * tf.sigmoid(p['noise'] - 1))[:, tf.newaxis] + tf.einsum(
        'ft,ntb->nfb', time_weights(), nodes)
    burst = (low + (high - low + BURST_DB) * tf.sigmoid(p['burst'] - 1))[:, tf.newaxis] - (
        SECONDS / DB / p['burst_seconds'][:, tf.newaxis])
    return tf.reduce_logsumexp(tf.stack([lasting, burst]) * (2 * DB), axis=0) / 2


def noise_gain(power, weight, ratio_db):
    """The log gain (n, 1) of the noise's power (n, 251), that of the partials being 1, for a harmonic-to-noise ratio.

    The share of the noise in the whole, which has the power `weight` (n, 251) at each frame, is 1 / (1 + ratio).
    """
    total = tf.reduce_sum(weight, axis=1, keepdims=True)
    wanted = tf.math.log(total) - tf.nn.softplus(2 * DB * ratio_db)
    gain = wanted - tf.math.log(tf.reduce_sum(weight * power, axis=1, keepdims=True))
    for _ in range(NEWTON_STEPS):  # the gradient of the last step is that of the solution
        gain = tf.stop_gradient(gain)
        share = tf.sigmoid(gain + tf.math.log(power))
        noise, slope = (tf.reduce_sum(weight * one, axis=1, keepdims=True) for one in (share, share * (1 - share)))
        gain += (wanted - tf.math.log(noise)) * noise / tf.stop_gradient(slope)
    return gain


def envelope(p):
    """(n, N_FINE): attack, hold and release at every 4 ms, from 0 on; the decay is a matter of the frames."""
    seconds = np.arange(N_FINE, dtype=np.float32) * (FINE_HOP / SAMPLE_RATE)
    attack = tf.sin(np.pi / 2 * tf.minimum(seconds / p['attack_seconds'], 1)) ** 2
    after = tf.nn.relu(seconds - p['hold_seconds'])
    return attack * tf.exp(-60 * DB * after / p['release_seconds'])
