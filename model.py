"""The networks: a spectrum in, one logit for each instrument family out. Both have the same layer names.

The tutorial's network, a 1-D convolution over frames:

layer   operation                        output (frames, channels)
input   normalised spectrum, 251 x 513 x 1
conv1   64 filters, 3 frames x 513 bins, VALID     249, 64
pool1   maximum of 3                                83, 64
conv2   64 filters, 3 x 1, SAME                     83, 64
pool2   maximum of 3                                27, 64
conv3   128 filters, 3 x 1, SAME                    27, 128
pool3   maximum of 3                                 9, 128
conv4   128 filters, 3 x 1, SAME                     9, 128
pool4   maximum of 3                                 3, 128
flatten                                             384
fc1     256, ReLU
fc2     256, ReLU: the activations that later stages look at
fc3     n_labels logits: linear, their softmax are the probabilities

The harmonic network, small 2-D filters that find a timbre at any pitch, and a quarter of the weights:

layer   operation                        output (frames, bands, channels)
input   normalised spectrum, 251 x 513 x 1
bands   levels at 1 to 4 times a frequency, envelope    125, 80, 5
conv1   16 filters, 3 x 9, every 4th frame and 2nd band, SAME    32, 40, 16
pool1   maximum of 2 x 2                             16, 20, 16
conv2   32 filters, 3 x 3, SAME                      16, 20, 32
pool2   maximum of 2 x 2                              8, 10, 32
conv3   64 filters, 3 x 3, SAME                       8, 10, 64
pool3   maximum of 2 x 2                              4, 5, 64
conv4   128 filters, 3 x 3, SAME                      4, 5, 128
pool4   mean and maximum over frames and bands       256
fc1, fc2, fc3 as above, each behind a dropout of 0.2

Every convolution is followed by batch normalisation ({name}_bn) and ReLU ({name}_relu).
"""

import zipfile

import numpy as np

from deepdream.artifacts import BadInput, require
from deepdream.backend import keras
from deepdream.spectrum import DB_PER_NEPER, LOG_SCALE, N_BINS, N_FRAMES, SAMPLE_RATE

layers = keras.layers
NETWORKS = ('harmonic', 'tutorial')
CONVOLUTIONS = (('conv1', 64, 'valid'), ('conv2', 64, 'same'), ('conv3', 128, 'same'), ('conv4', 128, 'same'))
HARMONIC_CONVOLUTIONS = (('conv1', 16, (3, 9), (4, 2)), ('conv2', 32, 3, 1), ('conv3', 64, 3, 1), ('conv4', 128, 3, 1))
N_BANDS, BANDS_PER_OCTAVE, LOWEST_BAND_HZ = 80, 12, 55.0  # a semitone each, from A1
HARMONICS = (1, 2, 3, 4)
BAND_RANGE_DB = 6 * DB_PER_NEPER  # 52 dB below the loudest: what is weaker counts as silent
DROPOUT = 0.2


def get_model(n_labels, network='tutorial', mean=0.0, std=1.0):
    """Return an untrained keras.Model: (batch, 251, 513, 1) normalised spectra -> (batch, n_labels) logits.

    `network` is 'tutorial' or 'harmonic'. The harmonic network first undoes the normalisation, which took away `mean`
    and divided by `std`, both (251, 513): its bands need magnitudes. Keras's random sequence gives the weights.

    >>> model = get_model(11)
    >>> model.input_shape, model.output_shape
    ((None, 251, 513, 1), (None, 11))
    >>> get_model(11, 'harmonic').get_layer('conv4').output.shape
    (None, 4, 5, 128)
    """
    spectrum = keras.Input((N_FRAMES, N_BINS, 1), name='spectrum')
    x = harmonic_network(spectrum, mean, std) if network == 'harmonic' else tutorial_network(spectrum)
    dropout = DROPOUT if network == 'harmonic' else 0
    for name in ('fc1', 'fc2'):
        x = layers.Dropout(dropout, name=f'{name}_dropout')(x) if dropout else x
        x = layers.Dense(256, activation='relu', name=name)(x)
    x = layers.Dropout(dropout, name='fc3_dropout')(x) if dropout else x
    logits = layers.Dense(n_labels, dtype='float32', name='fc3')(x)  # float32 under mixed precision, too
    return keras.Model(spectrum, logits, name=f'instrument_family_{network}')


def normalised_relu(x, name):
    x = layers.BatchNormalization(scale=False, epsilon=0.001, name=f'{name}_bn')(x)
    return layers.ReLU(name=f'{name}_relu')(x)


def tutorial_network(spectrum):
    """The convolutions of the tutorial's network.

    conv1 spans all bins, which makes it a 1-D convolution over frames with the bins as channels. Written so, the
    same weights give the same result in 52 ms a training step instead of 72 (batch 32, two cores).
    """
    x = layers.Reshape((N_FRAMES, N_BINS), name='bins_as_channels')(spectrum)
    for number, (name, n_filters, padding) in enumerate(CONVOLUTIONS, start=1):
        x = layers.Conv1D(n_filters, 3, padding=padding, use_bias=False, name=name)(x)
        x = layers.MaxPooling1D(3, padding='valid', name=f'pool{number}')(normalised_relu(x, name))
    return layers.Flatten(name='flatten')(x)


def harmonic_network(spectrum, mean, std):
    """The convolutions of the harmonic network."""
    bands = HarmonicBands(name='bands')
    x = bands(spectrum)
    bands.mean.assign(np.broadcast_to(mean, (N_FRAMES, N_BINS)))
    bands.std.assign(np.broadcast_to(std, (N_FRAMES, N_BINS)))
    for number, (name, n_filters, size, strides) in enumerate(HARMONIC_CONVOLUTIONS, start=1):
        x = layers.Conv2D(n_filters, size, strides, padding='same', use_bias=False, name=name)(x)
        x = normalised_relu(x, name)
        if number < len(HARMONIC_CONVOLUTIONS):
            x = layers.MaxPooling2D(2, name=f'pool{number}')(x)
    return MeanAndMaximum(name='pool4')(x)


def band_weights(n_bands):
    """(513, n_bands): triangles over the bins, as wide as the way to the next band or, where that is less, a bin."""
    center = LOWEST_BAND_HZ * 2 ** (np.arange(n_bands) / BANDS_PER_OCTAVE)
    bin_width = SAMPLE_RATE / 2 / (N_BINS - 1)
    half_width = np.maximum(center * (2 ** (1 / BANDS_PER_OCTAVE) - 1), bin_width)
    distance = np.abs(np.arange(N_BINS)[:, np.newaxis] * bin_width - center)
    return np.maximum(1 - distance / half_width, 0).astype(np.float32)


@keras.saving.register_keras_serializable('deep_dream_for_sound')
class HarmonicBands(layers.Layer):
    """Normalised spectra (batch, 251, 513, 1) -> (batch, 125, 80, 5): half as many frames, a band for each semitone.

    Channels 0 to 3 are the levels at 1, 2, 3 and 4 times the frequency of a band, -0.5 for silence and 1.5 for the
    loudest of the note: whatever the level of the note and the recording's noise floor. So one small filter sees how
    strong the partials of a tone are. Channel 4 is the envelope, the level below the band's own loudest frame, which it
    has as 1: how a partial starts and ends, whatever the timbre.

    Bittner et al. 2017, "Deep Salience Representations for F0 Estimation in Polyphonic Music": their harmonic
    constant-Q transform, from a short-time spectrum.
    """

    def __init__(self, name):
        super().__init__(name=name, dtype='float32', trainable=False)  # float32 under mixed precision, too
        self.shifts = [round(BANDS_PER_OCTAVE * np.log2(harmonic)) for harmonic in HARMONICS]
        self.to_bands = band_weights(N_BANDS + self.shifts[-1])

    def get_config(self):
        return {'name': self.name}

    def build(self, shape):
        self.mean, self.std = (self.add_weight(shape=shape[1:3], initializer=start, trainable=False, name=name)
                               for name, start in (('mean', 'zeros'), ('std', 'ones')))

    def call(self, spectra, relu=keras.ops.relu, maximum=keras.ops.max):
        magnitudes = (keras.ops.exp(spectra[..., 0] * self.std + self.mean) - 1) / LOG_SCALE
        whole, _ = keras.ops.split(keras.ops.square(magnitudes), [N_FRAMES // 2 * 2], axis=1)
        pairs = keras.ops.reshape(whole, (-1, N_FRAMES // 2, 2, N_BINS))
        bands = keras.ops.log(keras.ops.mean(pairs, axis=2) @ self.to_bands + 1e-8)
        below = bands - maximum(bands, axis=(1, 2), keepdims=True)
        log_range = 2 * BAND_RANGE_DB / DB_PER_NEPER  # in the natural logarithm of power
        levels = relu(below + log_range) * (2 / log_range) - 0.5
        envelopes = levels - maximum(levels, axis=1, keepdims=True) + 1
        channels = [levels[..., shift:shift + N_BANDS] for shift in self.shifts]
        return keras.ops.stack([*channels, envelopes[..., :N_BANDS]], axis=-1)

    def compute_output_shape(self, shape):
        return shape[0], N_FRAMES // 2, N_BANDS, len(HARMONICS) + 1


@keras.saving.register_keras_serializable('deep_dream_for_sound')
class MeanAndMaximum(layers.Layer):
    """(batch, frames, bands, channels) -> (batch, 2 channels): where a filter is active does not matter."""

    def call(self, x):
        return keras.ops.concatenate([keras.ops.mean(x, axis=(1, 2)), keras.ops.max(x, axis=(1, 2))], axis=1)

    def compute_output_shape(self, shape):
        return shape[0], 2 * shape[-1]


def get_last_minus_one(model):
    """Return the model cut after fc2: normalised spectra (batch, 251, 513, 1) -> activations (batch, 256), 0 or more.

    It shares the weights of `model`. Raises ValueError for a model without a layer of this name.

    >>> get_last_minus_one(get_model(11)).output_shape
    (None, 256)
    """
    return keras.Model(model.input, model.get_layer('fc2').output, name='fc2')


def load_model(path, compile=False):
    """Return the keras.Model in a .keras file; with `compile`, with its optimizer, to train on.

    It is loaded in safe mode: nothing in the file is run as code. Raises FileNotFoundError where there is no such file,
    BadInput where it is damaged.

    >>> load_model('run/model.keras').input_shape
    (None, 251, 513, 1)
    """
    open(require(path, 'train.py'), 'rb').close()  # what may not be read is not damaged
    try:
        return keras.models.load_model(path, compile=compile, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        reason = str(error).strip().splitlines()[0]
        raise BadInput(f'{path} is no intact model ({reason}): delete it and run `python train.py` again') from error
