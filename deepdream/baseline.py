"""The baseline of every accuracy: statistics of the MFCCs and a support vector machine."""

import functools

import numpy as np

from deepdream.artifacts import load_npy
from deepdream.command_line import progress
from deepdream.spectrum import N_BINS, N_FFT, SAMPLE_RATE, magnitude

N_TRAIN_NOTES = 10_000  # at most; fitting a support vector machine takes time quadratic in them
N_MELS, N_MFCC = 128, 20
LEAST_POWER = 1e-10
RANGE_DB = 80  # what lies further below the loudest band and frame of a note counts as so low
SLOPE_FRAMES = 9


def mfcc_statistics(path):
    """Return mean and standard deviation over time of 20 MFCCs of a stored spectrum and of their differences, (80,).

    The MFCCs are librosa's, as is the difference, the slope of a line through 9 frames. librosa's own import takes the
    time of hundreds of notes in each process, and it makes its filters for each note anew.
    """
    power = magnitude(load_npy(path, 'extract_spectrum.py').astype(np.float32)).T ** 2
    level_db = 10 * np.log10(np.maximum(LEAST_POWER, mel_filters() @ power))
    mfcc = cosines() @ np.maximum(level_db, level_db.max() - RANGE_DB)
    steps = np.arange(SLOPE_FRAMES) - SLOPE_FRAMES // 2
    slopes = np.lib.stride_tricks.sliding_window_view(mfcc, SLOPE_FRAMES, axis=1) @ (steps / (steps @ steps))
    difference = np.pad(slopes, ((0, 0), (SLOPE_FRAMES // 2, SLOPE_FRAMES // 2)), mode='edge')
    return np.concatenate([statistic(part, axis=1) for part in (mfcc, difference) for statistic in (np.mean, np.std)])


@functools.cache
def mel_filters():
    """(128, 513): triangles over the bins, even on Slaney's mel scale, which is linear up to 1 kHz; each has area 1.

    M. Slaney 1998, "Auditory Toolbox, version 2".
    """
    mel = np.linspace(0, 15 + 27 * np.log(SAMPLE_RATE / 2000) / np.log(6.4), N_MELS + 2)
    edges = np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))[:, np.newaxis]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    hertz = np.arange(N_BINS) * (SAMPLE_RATE / N_FFT)
    triangles = np.maximum(0, np.minimum((hertz - low) / (middle - low), (high - hertz) / (high - middle)))
    return (triangles * 2 / (high - low)).astype(np.float32)


@functools.cache
def cosines():
    """(20, 128): the first rows of the orthonormal discrete cosine transform of type 2."""
    rows = np.cos(np.pi / N_MELS * np.outer(np.arange(N_MFCC), np.arange(N_MELS) + 0.5)) * (2 / N_MELS) ** 0.5
    rows[0] /= 2 ** 0.5
    return rows


def extract_features(paths):
    """Return the `mfcc_statistics` of stored spectra, (n, 80), taken in parallel."""
    from joblib import Parallel, delayed
    parallel = Parallel(n_jobs=-1, return_as='generator', batch_size=16)
    results = parallel(delayed(mfcc_statistics)(path) for path in paths)
    return np.stack(list(progress(results, len(paths), 'MFCC baseline')))


def fit_baseline(features, class_indices):
    """Return a classifier with `predict` for features (n, 80) of at least one label."""
    from sklearn.dummy import DummyClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC
    one_label = len(np.unique(class_indices)) == 1  # a support vector machine takes two
    machine = DummyClassifier() if one_label else make_pipeline(StandardScaler(), SVC(C=10, class_weight='balanced'))
    return machine.fit(features, class_indices)


def predict_baseline(provider, split, seed=0):
    """Return the class indices that the baseline predicts, trained on at most 10,000 notes of the train split."""
    chosen = np.random.default_rng(seed).permutation(provider.n_notes('train'))[:N_TRAIN_NOTES]
    paths = [provider.path('train', i) for i in chosen]
    paths += [provider.path(split, i) for i in range(provider.n_notes(split))]
    features = extract_features(paths)
    machine = fit_baseline(features[:len(chosen)], provider.class_indices['train'][chosen])
    return machine.predict(features[len(chosen):])
