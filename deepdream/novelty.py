"""Whether a sound is out of distribution: its distance in fc2 space from what train notes of any label look like.

The distance is Mahalanobis': to the mean of the nearest label, with one covariance for all labels (K. Lee, K. Lee,
H. Lee, J. Shin 2018, "A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks",
arXiv:1807.03888, section 2.1). The covariance is shrunk (Ledoit and Wolf 2004), because many of the 256 neurons hardly
vary. A sound is out of distribution where it is farther than 95 % of the valid notes, whose instruments are not those
of the train notes. A sound within that distance may still belong to no label.

RUN/novelty.npz holds the means, the inverse of the covariance, the limit, and a digest of the model of all three.
"""

import sys
from dataclasses import dataclass

import numpy as np

from deepdream.artifacts import DAMAGED, BadInput, atomic
from deepdream.run_folder import check_model, check_version, model_digest

TOLERANCE = 1e-3  # of the limit: batches of other sizes give other last bits
NOVELTY_VERSION = 1  # raise it when the same activations give another file; a file without one has version 1
PERCENTILE = 95
N_NEURONS = 256  # of fc2
N_NOTES = 10_000  # train notes, drawn at random, at most


@dataclass
class Novelty:
    """The train notes in fc2 space: `means` (n_labels, 256), `precision` (256, 256), the inverse of the covariance.

    `limit` is a distance, infinite where there were no valid notes to find it by.
    """

    means: np.ndarray
    precision: np.ndarray
    limit: float

    def distances(self, fc2):
        """Return the distances (n,) of activations (n, 256) from the nearest label."""
        from scipy.spatial.distance import cdist
        return cdist(fc2, self.means, 'mahalanobis', VI=self.precision).min(axis=1)

    def are_out(self, distances):
        """Return which of the distances (n,) are out of distribution."""
        return distances > self.limit * (1 + TOLERANCE)


def fit_novelty(train, class_indices, valid):
    """Return the Novelty of train notes (n, 256) with their labels, and of valid notes (m, 256), which may be none."""
    from sklearn.covariance import LedoitWolf
    present, positions = np.unique(class_indices, return_inverse=True)
    train = train.astype(np.float64)
    means = np.stack([train[positions == i].mean(axis=0) for i in range(len(present))])
    found = Novelty(means, LedoitWolf(assume_centered=True).fit(train - means[positions]).precision_, np.inf)
    if len(valid) and (train != means[positions]).any():  # one note of each label says nothing of how far notes lie
        found.limit = float(np.percentile(found.distances(valid), PERCENTILE))
    return found


def write_novelty(run, provider, seed=0):
    """Write RUN/novelty.npz, unless it is there already for this very model."""
    from deepdream.inference import get_activation
    from model import load_model
    path, digest = run / 'novelty.npz', model_digest(run)
    if path.exists() and load_novelty(path)[1:] == (digest, NOVELTY_VERSION):
        return
    model = load_model(run / 'model.keras')
    chosen = np.random.default_rng(seed).permutation(provider.n_notes('train'))[:N_NOTES]
    valid = get_activation(model, provider, 'valid') if provider.notes.get('valid') else np.empty((0, N_NEURONS))
    train = get_activation(model, provider, 'train', chosen)
    found = fit_novelty(train, provider.class_indices['train'][chosen], valid)
    with atomic(path) as temporary, open(temporary, 'wb') as file:
        np.savez(file, version=NOVELTY_VERSION, means=found.means, precision=found.precision, limit=found.limit,
                 model=digest)
    print(f'{path}: ' + (f'{PERCENTILE} % of the valid notes are nearer than {found.limit:.1f} to a label of train'
                         if np.isfinite(found.limit) else 'no valid split, or one train note of each label, so that no '
                         'sound is called out of distribution'))


def load_novelty(path):
    """Return (Novelty, digest of the model, version)."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = Novelty(stored['means'], stored['precision'], float(stored['limit']))
            digest, version = str(stored['model']), int(stored['version']) if 'version' in stored else 1
        if found.means.ndim != 2 or np.isnan([*found.distances(np.zeros((1, N_NEURONS))), found.limit]).any():
            raise ValueError('not finite, or of other shapes')
        return found, digest, version
    except DAMAGED as error:
        raise BadInput(f'{path} is damaged ({error}): delete it and run `python train.py` again') from error


def open_novelty(run):
    """Return the Novelty of a run, or None, said on stderr, where an older train.py has left none."""
    path = run / 'novelty.npz'
    if not path.exists():
        print(f'{path} is missing, so no sound is called out of distribution: `python train.py` writes it',
              file=sys.stderr)
        return None
    novelty, digest, version = load_novelty(path)
    check_model(run, path, digest, 'train.py')
    check_version(path, version, NOVELTY_VERSION, 'train.py')
    return novelty
