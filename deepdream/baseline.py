"""The baseline of every accuracy: statistics of the MFCCs and a support vector machine."""

import numpy as np

from deepdream.artifacts import load_npy
from deepdream.command_line import progress

N_BASELINE_TRAIN = 10_000  # notes; fitting an SVM takes time quadratic in them
N_MFCC = 20


def mfcc_statistics(path):
    """Return mean and standard deviation over time of 20 MFCCs of a stored spectrum and of their differences, (80,)."""
    import librosa

    from deepdream.spectrum import SAMPLE_RATE, magnitude
    power = magnitude(load_npy(path, 'extract_spectrum.py').astype(np.float32)).T ** 2
    mel = librosa.feature.melspectrogram(S=power, sr=SAMPLE_RATE)
    mfcc = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=N_MFCC)
    difference = librosa.feature.delta(mfcc)
    return np.concatenate([statistic(part, axis=1) for part in (mfcc, difference) for statistic in (np.mean, np.std)])


def predict_baseline(provider, split, seed=0):
    """Return the class indices that the SVM predicts, trained on at most 10,000 notes of the train split."""
    from joblib import Parallel, delayed
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC
    n_train = provider.n_notes('train')
    chosen = np.random.default_rng(seed).permutation(n_train)[:N_BASELINE_TRAIN]
    paths = [provider.path('train', i) for i in chosen]
    paths += [provider.path(split, i) for i in range(provider.n_notes(split))]
    results = Parallel(n_jobs=-1, return_as='generator', batch_size=16)(
        delayed(mfcc_statistics)(path) for path in paths)
    features = np.stack(list(progress(results, len(paths), 'MFCC baseline')))
    if len(np.unique(provider.class_indices['train'][chosen])) == 1:  # a support vector machine takes two
        return np.full(provider.n_notes(split), provider.class_indices['train'][0])
    machine = make_pipeline(StandardScaler(), SVC(C=10, class_weight='balanced'))
    machine.fit(features[:len(chosen)], provider.class_indices['train'][chosen])
    return machine.predict(features[len(chosen):])
