"""The baseline of every accuracy: statistics of the MFCCs and a support vector machine."""

import numpy as np

from deepdream.artifacts import load_npy
from deepdream.command_line import progress_from_first
from deepdream.pitch import compile_librosa
from deepdream.spectrum import SAMPLE_RATE, magnitude

N_TRAIN_NOTES = 10_000  # at most; fitting a support vector machine takes time quadratic in them
N_MFCC = 20


def mfcc_statistics(path):
    """Return mean and standard deviation over time of 20 MFCCs of a stored spectrum and of their differences, (80,)."""
    import librosa
    power = magnitude(load_npy(path, 'extract_spectrum.py').astype(np.float32)).T ** 2
    mel = librosa.feature.melspectrogram(S=power, sr=SAMPLE_RATE)
    mfcc = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=N_MFCC)
    difference = librosa.feature.delta(mfcc)
    return np.concatenate([statistic(part, axis=1) for part in (mfcc, difference) for statistic in (np.mean, np.std)])


def extract_features(paths):
    """Return the `mfcc_statistics` of stored spectra, (n, 80), taken in parallel."""
    from joblib import Parallel, delayed
    compile_librosa()
    parallel = Parallel(n_jobs=-1, return_as='generator', batch_size=16)
    results = parallel(delayed(mfcc_statistics)(path) for path in paths)
    return np.stack(list(progress_from_first(results, len(paths), 'MFCC baseline')))


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
