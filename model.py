"""The network: a spectrum in, one logit for each instrument family out.

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

Every convolution is followed by batch normalisation ({name}_bn) and ReLU ({name}_relu).
"""

import zipfile

from artifacts import BadInput, require, silent_stderr

with silent_stderr():  # TensorFlow prints seven lines as it starts, which none of its settings turns off
    import keras
    import tensorflow as tf
    from keras import layers
    GPUS = tf.config.list_physical_devices('GPU')

CONVOLUTIONS = (('conv1', 64, 'valid'), ('conv2', 64, 'same'), ('conv3', 128, 'same'), ('conv4', 128, 'same'))


def get_model(n_labels, n_frames=251, n_bins=513):
    """Return an untrained keras.Model: (batch, 251, 513, 1) normalised spectra -> (batch, n_labels) logits.

    conv1 spans all bins, which makes it a 1-D convolution over frames with the bins as channels. Written so, the
    same weights give the same result in 52 ms a training step instead of 72 (batch 32, two cores).
    """
    spectrum = keras.Input((n_frames, n_bins, 1), name='spectrum')
    x = layers.Reshape((n_frames, n_bins), name='bins_as_channels')(spectrum)
    for number, (name, n_filters, padding) in enumerate(CONVOLUTIONS, start=1):
        x = layers.Conv1D(n_filters, 3, padding=padding, use_bias=False, name=name)(x)
        x = layers.BatchNormalization(scale=False, epsilon=0.001, name=f'{name}_bn')(x)
        x = layers.ReLU(name=f'{name}_relu')(x)
        x = layers.MaxPooling1D(3, padding='valid', name=f'pool{number}')(x)
    x = layers.Flatten(name='flatten')(x)
    x = layers.Dense(256, activation='relu', name='fc1')(x)
    x = layers.Dense(256, activation='relu', name='fc2')(x)
    logits = layers.Dense(n_labels, dtype='float32', name='fc3')(x)  # float32 under mixed precision, too
    return keras.Model(spectrum, logits, name='instrument_family')


def get_last_minus_one(model):
    """Return the model cut after fc2: (batch, 251, 513, 1) -> activations (batch, 256)."""
    return keras.Model(model.input, model.get_layer('fc2').output, name='fc2')


def load_model(path, compile=False):
    """Load a .keras file (in safe mode: nothing in it is run as code); BadInput where it is damaged."""
    require(path, 'train.py')
    try:
        return keras.models.load_model(path, compile=compile, safe_mode=True)
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        reason = str(error).strip().splitlines()[0]
        raise BadInput(f'{path} is no intact model ({reason}): delete it and run `python train.py` again') from error
