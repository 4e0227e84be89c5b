"""A trained network asked about all notes of a split."""

import numpy as np

from deepdream.command_line import progress


def predict_logits(model, provider, split):
    """Return the logits, float64 of shape (n_notes, n_labels), in list order."""
    from data_provider import name_damaged_files
    logits = []
    with progress(total=provider.n_notes(split), description=f'{split} notes') as bar, name_damaged_files():
        for spectra, _ in provider.dataset(split):
            logits.append(model.predict_on_batch(spectra))
            bar.update(len(spectra))
    return np.concatenate(logits).astype(np.float64)


def get_activation(model, provider, split, order=None):
    """Return fc2 of every note in list order, or of the notes whose numbers `order` holds: float32 (n_notes, 256)."""
    from data_provider import name_damaged_files
    from model import get_last_minus_one
    fc2 = get_last_minus_one(model)
    activation = np.empty((provider.n_notes(split) if order is None else len(order), fc2.output_shape[1]), np.float32)
    done = 0
    with progress(total=len(activation), description=f'{split} notes') as bar, name_damaged_files():
        for spectra, _ in provider.dataset(split, order):
            activation[done:done + len(spectra)] = fc2.predict_on_batch(spectra)
            done += len(spectra)
            bar.update(len(spectra))
    return activation
