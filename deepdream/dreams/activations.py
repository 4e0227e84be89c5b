"""Activations of the units of every layer: neurons of fc1 and fc2, filters of conv1 to conv4, classes of fc3.

A unit has one activation for a sound: that of a neuron, the mean over frames of a filter's, the logit of a class.
"""

import hashlib
from contextlib import suppress

import numpy as np

from deepdream.artifacts import DAMAGED, atomic
from deepdream.backend import keras, tf
from deepdream.command_line import progress
from deepdream.dreams.names import LAYERS
from deepdream.spectrum_tf import maximum
from model import CONVOLUTIONS, HarmonicBands

CONVOLUTIONAL = tuple(name for name, _, _ in CONVOLUTIONS)


@tf.custom_gradient
def leaky_relu_gradient(x):
    """ReLU whose gradient is a tenth where it is silent, so that the ascent finds out of there."""
    return tf.nn.relu(x), lambda upstream: upstream * tf.where(x > 0, 1.0, 0.1)


def pre_activations(model, spectra, relu=tf.nn.relu):
    """Return {layer: the values before its ReLU} for normalised spectra (batch, 251, 513); for fc3, its logits.

    fc1, fc2 and fc3 have values (batch, units), the convolutions (batch, frames, filters), or (batch, frames, bands,
    filters) in the harmonic network. `relu` takes the place of every ReLU.
    """
    x, found = spectra[..., tf.newaxis], {}
    for layer in model.layers[1:]:
        if isinstance(layer, keras.layers.ReLU):
            found[layer.name.removesuffix('_relu')] = x
            x = relu(x)
        elif isinstance(layer, keras.layers.Dense):
            x = found[layer.name] = x @ layer.kernel + layer.bias
            x = x if layer.name == 'fc3' else relu(x)
        elif isinstance(layer, HarmonicBands):
            x = layer(x, relu=relu, maximum=maximum)  # below its range a band is silent, too
        elif isinstance(layer, keras.layers.MaxPooling1D | keras.layers.MaxPooling2D):
            x = max_pool(x, layer.pool_size)
        elif not isinstance(layer, keras.layers.Dropout):
            x = layer(x, training=False) if isinstance(layer, keras.layers.BatchNormalization) else layer(x)
    return found


def max_pool(x, sizes):
    """The maximum of every `sizes[0]` frames, and `sizes[1]` bands; unlike the layer's own, XLA can differentiate it
    deterministically."""
    for axis, size in enumerate(sizes, start=1):
        n_pools = x.shape[axis] // size
        whole = x[(slice(None),) * axis + (slice(n_pools * size),)]
        x = maximum(tf.reshape(whole, [-1, *x.shape[1:axis], n_pools, size, *x.shape[axis + 1:]]), axis=axis + 1)
    return x


def over_positions(values):
    """The mean of (batch, frames, filters) or (batch, frames, bands, filters) over all but batch and filters."""
    return tf.reduce_mean(values, axis=list(range(1, values.shape.ndims - 1)))


def activations(pre):
    """{layer: (batch, units)} from `pre_activations`."""
    found = {layer: value if layer == 'fc3' else tf.nn.relu(value) for layer, value in pre.items()}
    return {layer: over_positions(value) if layer in CONVOLUTIONAL else value for layer, value in found.items()}


def weights_digest(model):
    """Return a digest of the weights of a model."""
    return hashlib.sha256(b''.join(weights.tobytes() for weights in model.get_weights())).hexdigest()[:16]


def note_activations(model, provider, split, path):
    """{layer: (n_notes, units)} of a split, in list order; stored in `path` while model and notes are these."""
    key = weights_digest(model) + hashlib.sha256('\n'.join(provider.notes[split]).encode()).hexdigest()[:16]
    with suppress(FileNotFoundError, *DAMAGED), np.load(path, allow_pickle=False) as stored:  # then it is made anew
        if str(stored['key']) == key:
            return {layer: stored[layer] for layer in LAYERS}
    batches = []
    with progress(total=provider.n_notes(split), description=f'{split} notes') as bar:
        for spectra, _ in provider.dataset(split):
            batches.append(activations(pre_activations(model, spectra[..., 0])))
            bar.update(len(spectra))
    found = {layer: np.concatenate([batch[layer].numpy() for batch in batches]) for layer in LAYERS}
    with atomic(path) as temporary, open(temporary, 'wb') as file:
        np.savez(file, key=key, **found)
    return found


def families(of_notes, class_index, n_labels):
    """Return (preferred class index, selectivity) of every unit, from its activations (n_notes, units) for real notes.

    The preferred family is the one with the highest mean activation m; with the mean o of the other families' means,
    selectivity is (m - o) / (m + o), 0 to 1: Morcos et al. 2018, "On the importance of single directions", eq. 1.
    """
    means = np.stack([of_notes[class_index == one].mean(axis=0) if (class_index == one).any()
                      else np.zeros(of_notes.shape[1]) for one in range(n_labels)])
    preferred = means.argmax(axis=0)
    highest = means.max(axis=0)
    others = (means.sum(axis=0) - highest) / max(n_labels - 1, 1)
    return preferred, (highest - others) / np.maximum(highest + others, 1e-9)
