"""A trained network asked about all notes of a split, batch by batch."""

import numpy as np

from deepdream.command_line import progress
from deepdream.pipeline import name_damaged_files
from model import get_last_minus_one


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
