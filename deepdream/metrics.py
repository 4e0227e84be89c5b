"""How well notes are told apart: accuracy with its interval, by family and by source, and the mistakes."""

import re

import numpy as np

from deepdream.notes import instrument_of, source_of

N_RESAMPLES = 2000
# 41 notes of NSynth's test split that are one and the same noise recording
NOISE_NOTES = re.compile(r'brass_acoustic_046-(08[4-9]|09\d|10[0-8])-\d{3}')


def accuracy_interval(correct, instruments, seed=0):
    """Return the 95 % interval of the mean of `correct` as [low, high], resampling instruments, not notes.

    The notes of one instrument are alike, so that an interval over notes would be far too narrow. Percentile
    bootstrap over clusters: Davison and Hinkley 1997, "Bootstrap Methods and their Application", section 3.8.
    `correct` may hold differences of two classifiers as well.
    """
    names, cluster = np.unique(instruments, return_inverse=True)
    sums, sizes = np.bincount(cluster, weights=correct), np.bincount(cluster)
    drawn = np.random.default_rng(seed).integers(len(names), size=(N_RESAMPLES, len(names)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return [float(bound) for bound in np.percentile(means, [2.5, 97.5])]


def accuracy_by(correct, groups):
    """Return {group: {'n_notes', 'accuracy'}} of the groups that have notes, in order of name."""
    groups = np.asarray(groups)
    return {str(group): {'n_notes': int((groups == group).sum()), 'accuracy': float(correct[groups == group].mean())}
            for group in np.unique(groups)}


def measure(true, predicted, notes, labels):
    """Return the metrics of one classifier: `true` and `predicted` are class indices of `notes`."""
    correct = (true == predicted).astype(np.float64)
    by_family = accuracy_by(correct, np.array(labels)[true])
    noise = np.array([bool(NOISE_NOTES.fullmatch(note)) for note in notes])
    metrics = {'accuracy': float(correct.mean()),
               'accuracy_interval': accuracy_interval(correct, [instrument_of(note) for note in notes]),
               'balanced_accuracy': float(np.mean([family['accuracy'] for family in by_family.values()])),
               'by_family': {label: by_family[label] for label in labels if label in by_family},
               'by_source': accuracy_by(correct, [source_of(note) for note in notes])}
    if noise.any() and not noise.all():
        metrics['without_noise_notes'] = {'n_left_out': int(noise.sum()), 'accuracy': float(correct[~noise].mean())}
    return metrics


def top_confusions(confusion, labels, n=10):
    """Return the n most frequent mistakes; `confusion` counts notes by true (row) and predicted label (column)."""
    mistakes = [(int(count), labels[row], labels[column]) for (row, column), count in np.ndenumerate(confusion)
                if row != column and count]
    return [{'label': label, 'predicted': predicted, 'n_notes': count,
             'share_of_label': count / int(confusion[labels.index(label)].sum())}
            for count, label, predicted in sorted(mistakes, key=lambda mistake: -mistake[0])[:n]]
