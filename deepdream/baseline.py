"""The baseline of every accuracy: statistics of the MFCCs and a support vector machine."""

import numpy as np

from deepdream.artifacts import load_npy
from deepdream.command_line import progress
from deepdream.spectrum import N_FFT, SAMPLE_RATE, magnitude

N_TRAIN_NOTES = 10_000  # at most; fitting a support vector machine takes time quadratic in them
N_MFCC = 20
LEAST_POWER = 1e-10
RANGE_DB = 80  # what lies further below the loudest band and frame of a note counts as so low
SLOPE_FRAMES = 9


def mfcc_statistics(path, mel_filters):
    """Return mean and standard deviation over time of 20 MFCCs of a stored spectrum and of their differences, (80,).

    The MFCCs are those of librosa.feature.mfcc, as is the difference, the slope of a line through 9 frames. librosa
    itself makes its filters, which are `mel_filters` (128, 513), for each note anew.
    """
    from scipy.fft import dct
    from scipy.signal import savgol_filter
    power = magnitude(load_npy(path, 'extract_spectrum.py').astype(np.float32)).T ** 2
    level_db = 10 * np.log10(np.maximum(LEAST_POWER, mel_filters @ power))
    mfcc = dct(np.maximum(level_db, level_db.max() - RANGE_DB), axis=0, norm='ortho')[:N_MFCC]
    difference = savgol_filter(mfcc, SLOPE_FRAMES, polyorder=1, deriv=1, axis=1)
    return np.concatenate([statistic(part, axis=1) for part in (mfcc, difference) for statistic in (np.mean, np.std)])


def extract_features(paths):
    """Return the `mfcc_statistics` of stored spectra, (n, 80), taken in parallel."""
    from joblib import Parallel, delayed
    from librosa.filters import mel
    filters = mel(sr=SAMPLE_RATE, n_fft=N_FFT)  # once, as librosa's import takes a second in each process
    parallel = Parallel(n_jobs=-1, return_as='generator', batch_size=16)
    results = parallel(delayed(mfcc_statistics)(path, filters) for path in paths)
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
