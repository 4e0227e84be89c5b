"""Whether a sound is out of distribution: whether the network's layers answer it as notes, or as sounds of no label.

A linear discriminant analysis tells the features of train notes from those of sounds of no label: those of
deepdream/outliers.py, and what `train.py --outliers` adds: drums, say. The features are fc2, and the mean and the
maximum of every filter of the convolutions, which tell tones from noises better than fc2: that keeps what tells the
labels apart. All layers are asked as in K. Lee et al. 2018, "A Simple Unified Framework for Detecting
Out-of-Distribution Samples and Adversarial Attacks" (arXiv:1807.03888), which needs no sounds of no label. The
covariance is shrunk (Ledoit and Wolf 2004), because many features hardly vary. The network itself does not learn from
these sounds, unlike in "Deep Anomaly Detection with Outlier Exposure" (D. Hendrycks, M. Mazeika, T. Dietterich 2019,
arXiv:1812.04606): that cost accuracy. A sound is out of distribution where its log odds are above 0 and higher than
those of 98.5 % of the valid notes, whose instruments are not those of the train notes. One with lower odds may still
belong to no label. docs/experiments.md has what was tried.

RUN/novelty.npz holds the weights of the discriminant, the limit, and a digest of the model that both belong to.
"""

import hashlib
import sys
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from deepdream.artifacts import DAMAGED, BadInput, atomic
from deepdream.audio import windows_of
from deepdream.outliers import make_outliers
from deepdream.run_folder import check_model, check_version, model_digest

TOLERANCE = 1e-3  # in log odds: batches of other sizes give other last bits
NOVELTY_VERSION = 3  # raise it when the same activations give another file; a file without one has version 1
PERCENTILE = 98.5
N_NOTES = 4_000  # train notes, drawn at random, at most: not many more than outliers
N_ARTIFICIAL = 1_400  # outliers made by NumPy
BATCH = 32


@dataclass
class Novelty:
    """Log odds that a sound is of no label: features @ `weights` (n_features,) + `bias`; above `limit` it is out.

    The features are those of `trained.with_features`. `limit` is infinite where there were no valid notes to find it
    by.
    """

    weights: np.ndarray
    bias: float
    limit: float

    def log_odds(self, features):
        """Return the log odds (n,) of features (n, n_features)."""
        return features @ self.weights + self.bias

    def are_out(self, log_odds):
        """Return which of the log odds (n,) are out of distribution."""
        return log_odds > self.limit + TOLERANCE


def fit_novelty(train, outliers, valid):
    """Return the Novelty of the features of n train notes, m sounds of no label, and k valid notes, if any.

    All are float arrays of shape (n, m or k, n_features).
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    both = np.concatenate([train, outliers]).astype(np.float64)
    discriminant = LinearDiscriminantAnalysis(solver='lsqr', shrinkage='auto')
    discriminant.fit(both, np.arange(len(both)) >= len(train))
    found = Novelty(discriminant.coef_[0], float(discriminant.intercept_[0]), np.inf)
    if len(valid):
        found.limit = max(0.0, float(np.percentile(found.log_odds(valid), PERCENTILE)))
    return found


def read_outliers(sounds):
    """Yield the waveform (64000,) of every file, its loudest 4 s; say on stderr which of them cannot be used."""
    for path in sounds:
        try:
            yield from (waveform for _, waveform in windows_of(path))
        except (BadInput, OSError) as error:
            print(f'train.py: left out of the outliers: {error}', file=sys.stderr)


def list_outliers(folders):
    """Return (sound files below the folders, a digest of their names and sizes)."""
    from deepdream.sound_files import find_sounds
    sounds, left_out = find_sounds(folders) if folders else ([], [])
    for line in left_out:
        print(f'train.py: {line}', file=sys.stderr)
    listed = '\n'.join(f'{path} {path.stat().st_size}' for path in sounds if path.exists())
    return sounds, hashlib.sha256(listed.encode(errors='surrogateescape')).hexdigest()[:16]


def features_of(network, waveforms):
    """Return the features (n, n_features) of an iterable of waveforms (64000,)."""
    waveforms, found = iter(waveforms), []
    while batch := list(islice(waveforms, BATCH)):
        found.append(network.predict(np.stack(batch))[2])
    return np.concatenate(found)


def write_novelty(run, provider, outliers=(), seed=0):
    """Write RUN/novelty.npz, unless it is there already for this very model and these folders of `outliers`."""
    from deepdream.backend import keras
    from deepdream.command_line import progress
    from deepdream.inference import predict_notes
    from deepdream.trained import open_network
    path, digest = run / 'novelty.npz', model_digest(run)
    sounds, listed = list_outliers(outliers)
    if path.exists() and load_novelty(path)[1:] == (digest, NOVELTY_VERSION, listed):
        return
    network = open_network(run)
    features = keras.Model(network.model.input, network.model.output[2])
    chosen = np.random.default_rng(seed).permutation(provider.n_notes('train'))[:N_NOTES]
    valid = predict_notes(features, provider, 'valid') if provider.notes.get('valid') else ()
    train = predict_notes(features, provider, 'train', chosen)
    waveforms = progress(chain(make_outliers(N_ARTIFICIAL, seed), read_outliers(sounds)), N_ARTIFICIAL + len(sounds),
                         'outliers', 'sound')
    outside = features_of(network, waveforms)
    found = fit_novelty(train, outside, valid)
    with atomic(path) as temporary, open(temporary, 'wb') as file:
        np.savez(file, version=NOVELTY_VERSION, weights=found.weights, bias=found.bias, limit=found.limit,
                 model=digest, outliers=listed)
    print(f'{path}: learned from {len(train):,} train notes and {len(outside):,} sounds of no label; '
          + (f'out of distribution above log odds of {found.limit:.1f}' if np.isfinite(found.limit)
             else 'no valid split, so that no sound is called out of distribution'))


def load_novelty(path):
    """Return (Novelty, digest of the model, version, digest of the outliers)."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            version = int(stored['version']) if 'version' in stored else 1
            digest = str(stored['model'])
            if version < NOVELTY_VERSION:  # of distances, or of the odds by fc2 alone
                return None, digest, version, ''
            found = Novelty(stored['weights'], float(stored['bias']), float(stored['limit']))
            if found.weights.ndim != 1 or np.isnan([*found.weights, found.bias, found.limit]).any():
                raise ValueError('not finite, or of other shapes')
            return found, digest, version, str(stored['outliers'])
    except DAMAGED as error:
        raise BadInput(f'{path} is damaged ({error}): delete it and run `python train.py` again') from error


def open_novelty(run):
    """Return the Novelty of a run, or None, said on stderr, where an older train.py has left none or another kind."""
    path = run / 'novelty.npz'
    novelty, digest, version, _ = load_novelty(path) if path.exists() else (None, '', 0, '')
    if novelty is None:
        print(f'{path} is {"of an older version" if version else "missing"}, so no sound is called out of '
              'distribution: `python train.py` writes it', file=sys.stderr)
        return None
    check_model(run, path, digest, 'train.py')
    check_version(path, version, NOVELTY_VERSION, 'train.py')
    return novelty
