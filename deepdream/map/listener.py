"""What the map's page needs to listen to a sound as predict.py does: the network's layers, and what surrounds them.

Batch normalisation is folded into the convolutions before it, and both normalisations, the spectrum's and that which
the harmonic network undoes, into one. network.json, in RUN or beside the map of a folder, keeps the result, so that
drawing the map again needs no TensorFlow, whose import takes 4 s. pages/map/network_layers.js computes with it.
"""

import hashlib
import sys

import numpy as np

from deepdream.artifacts import load_json, save_json
from deepdream.embedding import N_AROUND, PERPLEXITY, PLACING_FROM, PLACING_ITERATIONS, linear_map
from deepdream.map.data import OWN_COLOUR, OWN_FAMILY, pack
from deepdream.novelty import TOLERANCE, open_novelty
from deepdream.spectrum import DB_PER_NEPER, normalise

LISTENER_VERSION = 3  # raise it when the same run gives another network.json
FILES = ('model.keras', 'config.json', 'data_mean.npy', 'data_std.npy')
MORE_FILES = ('calibration.json', 'novelty.npz')  # a run may lack them
WITHOUT_EFFECT = {'InputLayer', 'Reshape', 'Dropout', 'Flatten'}
NEGLIGIBLE = 1e-5  # of a spectrum from 0 to 13


class UnknownLayer(ValueError):
    """A layer that the page cannot compute."""


def open_listener(run, folder):
    """Return what the page needs to listen, ready for JSON; None where RUN lacks a part of its network.

    It is kept in `folder`, which is RUN, or another where RUN is only read.

    Also None, said on stderr, where someone gave the network a layer that the page does not know. Raises BadInput where
    a file of the run is damaged.
    """
    if not all((run / name).exists() for name in FILES):
        return None
    path, key = folder / 'network.json', files_key(run)
    if path.exists() and (stored := load_json(path, 'sound_map.py')).get('key') == key:
        return stored['network']
    from deepdream.trained import open_network
    try:
        network = pack_network(open_network(run), open_novelty(run))
    except UnknownLayer as error:
        print(f'{run}/model.keras has {error}, so the page of the map takes no sounds', file=sys.stderr)
        return None
    save_json(path, {'key': key, 'network': network})
    return network


def files_key(run):
    """Return what tells one network.json from another: the version, and a digest of the files it is made of."""
    digest = hashlib.sha256()
    for name in (*FILES, *MORE_FILES):
        digest.update((run / name).read_bytes() if (run / name).exists() else b'')
    return f'{LISTENER_VERSION}-{digest.hexdigest()[:16]}'


def pack_network(network, novelty):
    """Return a trained.Network and its Novelty, or None, as JSON; UnknownLayer for layers of other kinds."""
    found = None
    if novelty:
        limit = novelty.limit + TOLERANCE
        found = {'weights': pack(novelty.weights.astype(np.float32)), 'bias': novelty.bias,
                 'limit': limit if np.isfinite(limit) else None}
    return {'labels': network.labels, 'temperature': network.temperature, 'peaks': network.peaks,
            'dtype': network.dtype, 'novelty': found, 'normalisation': pack_normalisation(network),
            'layers': pack_layers(network.model),
            'own': {'family': OWN_FAMILY, 'colour': OWN_COLOUR}}


def pack_normalisation(network):
    """Return the factors and the offsets (251, 513) of a log spectrum before the first layer, or None for 1 and 0."""
    offset = normalise(np.zeros_like(network.mean), network.mean, network.std)
    factor = normalise(np.ones_like(network.mean), network.mean, network.std) - offset
    if bands := [layer for layer in network.model.layers if type(layer).__name__ == 'HarmonicBands']:
        mean, std = (np.asarray(one.numpy(), np.float32) for one in (bands[0].mean, bands[0].std))
        factor, offset = factor * std, offset * std + mean
    if np.abs(factor - 1).max() < NEGLIGIBLE and np.abs(offset).max() < NEGLIGIBLE:
        return None
    return {'factor': pack(factor.astype(np.float32)), 'offset': pack(offset.astype(np.float32))}


def pack_layers(model):
    """Return the layers of a keras.Model, one after the other, each {'kind', 'name', its weights}."""
    found, layers = [], model.layers
    for layer, after in zip(layers, [*layers[1:], None], strict=True):
        kind = type(layer).__name__
        if kind in WITHOUT_EFFECT or (kind == 'BatchNormalization' and found[-1]['kind'] == 'convolution'):
            continue
        if kind not in PACKED:
            raise UnknownLayer(f'a layer {layer.name} of the kind {kind}')
        found.append({'name': layer.name} | PACKED[kind](layer, after))
    return found


def pack_bands(layer, _):
    """The triangles of HarmonicBands without the zeros around them."""
    from model import BAND_RANGE_DB, N_BANDS
    weights = layer.to_bands.T
    first = (weights > 0).argmax(axis=1)
    width = (weights > 0).sum(axis=1).max()
    triangles = np.stack([np.pad(row, (0, width))[start:start + width]
                          for row, start in zip(weights, first, strict=True)])
    return {'kind': 'bands', 'first': pack(first.astype(np.int32)), 'triangles': pack(triangles), 'n_bands': N_BANDS,
            'shifts': layer.shifts, 'log_range': 2 * BAND_RANGE_DB / DB_PER_NEPER}


def pack_convolution(layer, after):
    """A convolution and the batch normalisation `after` it, as weights (rows, columns, inputs, filters) and bias."""
    if type(after).__name__ != 'BatchNormalization' or layer.use_bias:
        raise UnknownLayer(f'a layer {layer.name} without batch normalisation')
    weights = layer.kernel.numpy()
    weights = weights if weights.ndim == 4 else weights[:, np.newaxis]
    gamma = after.gamma.numpy() if after.scale else 1
    factor = gamma / np.sqrt(after.moving_variance.numpy() + after.epsilon)
    return {'kind': 'convolution', 'strides': [*layer.strides, 1][:2], 'same': layer.padding == 'same',
            'weights': pack((weights * factor).astype(np.float32)),
            'bias': pack((after.beta.numpy() - after.moving_mean.numpy() * factor).astype(np.float32))}


def pack_pooling(layer, _):
    return {'kind': 'maximum', 'size': [*layer.pool_size, 1][:2]}


def pack_dense(layer, _):
    return {'kind': 'dense', 'relu': layer.activation.__name__ == 'relu',
            'weights': pack(layer.kernel.numpy()), 'bias': pack(layer.bias.numpy())}


PACKED = {'HarmonicBands': pack_bands, 'Conv1D': pack_convolution, 'Conv2D': pack_convolution,
          'MaxPooling1D': pack_pooling, 'MaxPooling2D': pack_pooling, 'Dense': pack_dense,
          'MeanAndMaximum': lambda *_: {'kind': 'mean and maximum'}, 'ReLU': lambda *_: {'kind': 'relu'}}


def with_notes(listener, shown, columns, units):
    """Return what `open_listener` gave with what it takes to place a sound among the notes of `shown`.

    Those are their activations, rounded to float16, which halves the file; the principal axes, of all notes, which
    `columns` holds; and `units`, of `map.data.units_of`. network.json holds none of it.
    """
    middle, centre, axes = linear_map(columns['activation'], columns['pca'])
    return listener | {
        'activation': pack(shown['activation'].astype(np.float16).view(np.uint16)),
        'principal': {'middle': pack(middle), 'centre': pack(centre), 'axes': pack(axes)},
        'placing': {'n_around': N_AROUND, 'perplexity': PERPLEXITY, 'from': PLACING_FROM,
                    'iterations': PLACING_ITERATIONS, 'units': units}}
