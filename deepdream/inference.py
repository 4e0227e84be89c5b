"""A trained network asked about all notes of a split, batch by batch."""

import functools

import numpy as np
from joblib import Parallel, delayed

from data_provider import read_statistics
from deepdream.command_line import progress
from deepdream.pipeline import make_dataset, make_normaliser, name_damaged_files
from deepdream.run_folder import model_digest, open_model
from model import get_last_minus_one

CHUNK_BATCHES = 16  # batches a task: each task sets up its input anew, which takes the time of some batches


def predict_logits(model, provider, split):
    """Return the logits, float64 of shape (n_notes, n_labels), in list order."""
    return predict_notes(model, provider, split).astype(np.float64)


def get_activation(model, provider, split, order=None):
    """Return fc2 of every note in list order, or of the notes whose numbers `order` holds: float32 (n_notes, 256).

    `model` is a network of `get_model`, `provider` a DataProvider with the statistics that the network was trained on.
    Raises BadInput for an unknown split or a damaged spectrum.

    >>> from pathlib import Path
    >>> from deepdream.run_folder import open_run
    >>> model, provider = open_run(Path('run'), 'data', 'labels.txt', ['test'])
    >>> get_activation(model, provider, 'test', order=[2, 0, 2]).shape
    (3, 256)
    """
    return predict_notes(get_last_minus_one(model), provider, split, order)


def predict_notes(model, provider, split, order=None):
    """Return the outputs of a model, float32 of shape (n_notes, n_outputs), for the notes of `provider.dataset`."""
    outputs = []
    total = provider.n_notes(split) if order is None else len(order)
    with progress(total=total, description=f'{split} notes') as bar, name_damaged_files():
        for spectra, _ in provider.dataset(split, order):
            outputs.append(model.predict_on_batch(spectra))
            bar.update(len(spectra))
    return np.concatenate(outputs)


# The same in other processes.

def get_activation_in_chunks(run, provider, split):
    """Return `get_activation` of all notes, by the processes of joblib: each opens the model of RUN once.

    The batches are the same, and so are the bits: how many threads compute them changes nothing (1, 2 and 4
    threads, 744 notes).
    """
    paths = [str(provider.path(split, i)) for i in range(provider.n_notes(split))]
    size = CHUNK_BATCHES * provider.batch_size
    chunks = [paths[i:i + size] for i in range(0, len(paths), size)]
    digest = model_digest(run)
    results = Parallel(n_jobs=-1, return_as='generator', batch_size=1)(
        delayed(chunk_activation)(chunk, provider.signal['dtype'], provider.batch_size, run, digest)
        for chunk in chunks)
    outputs = []
    with progress(total=len(paths), description=f'{split} notes') as bar:
        for output in results:
            outputs.append(output)
            bar.update(len(output))
    return np.concatenate(outputs)


def chunk_activation(paths, dtype, batch_size, run, digest):
    """Return fc2 of the stored spectra `paths`, float32 (n, 256), by the model of RUN whose `model_digest` is given."""
    fc2, normalised = opened(run, digest)
    batches = make_dataset(paths, np.zeros(len(paths), np.int64), None, dtype, normalised, batch_size)
    with name_damaged_files():
        return np.concatenate([fc2.predict_on_batch(spectra) for spectra, _ in batches])


@functools.lru_cache(maxsize=1)
def opened(run, digest):
    """Return (fc2 of the model of RUN, its `make_normaliser`); `digest` tells it from another model in the folder."""
    _, model = open_model(run)
    return get_last_minus_one(model), make_normaliser(*read_statistics(run, 'train.py'))
