"""How well notes are told apart, by a classifier and on a map."""

import re

import numpy as np

from deepdream.neighbours import nearest_rows
from deepdream.notes import instrument_of, source_of

N_RESAMPLES = 2000
N_NEIGHBOURS = 10
# 41 notes of NSynth's test split that are one and the same noise recording
NOISE_NOTES = re.compile(r'brass_acoustic_046-(08[4-9]|09\d|10[0-8])-\d{3}')
SPACES = {'raw_spectra': 'raw spectra', 'fc2': 'fc2', 'pca': 'PCA', 'tsne_2d': 't-SNE 2-D', 'tsne_3d': 't-SNE 3-D'}
PURITIES = {'purity_other_instruments': 'purity, other instruments', 'purity': 'purity, all notes'}


# Of a classifier.

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


def measure_accuracy(true, predicted, notes, labels):
    """Return the metrics of one classifier: `true` and `predicted` are class indices (n,) of `notes`."""
    correct = (true == predicted).astype(np.float64)
    by_family = accuracy_by(correct, np.array(labels)[true])
    noise = np.array([bool(NOISE_NOTES.fullmatch(note)) for note in notes])
    metrics = {'accuracy': float(correct.mean()),
               'accuracy_interval': accuracy_interval(correct, [instrument_of(note) for note in notes]),
               'balanced_accuracy': float(np.mean([family['accuracy'] for family in by_family.values()])),
               'by_family': {label: by_family[label] for label in labels if label in by_family},
               'by_source': accuracy_by(correct, [source_of(note) or 'unknown' for note in notes])}
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


# Of a map.

def neighbour_purity(rows, class_indices, groups):
    """Return (purity, chance, number of notes) of the nearest notes of other groups; (None, None, 0) without such.

    `rows` (n, k) are the nearest notes of each note, -1 where there are fewer; `class_indices` (n,) are the labels;
    `groups` (n,) number the instruments, or the notes themselves. The purity is the share of the rows that have the
    note's own label, averaged over the notes; chance is that of rows drawn at random from the notes of other groups.
    Both leave out the notes whose label no other group has, because these have 0 on every map. A note whose label has
    fewer than k notes in other groups counts, and cannot reach 1.
    """
    _, both, n_both = np.unique(np.stack([class_indices, groups]), axis=1, return_inverse=True, return_counts=True)
    n_same = np.bincount(class_indices)[class_indices] - n_both[both.ravel()]
    counted = n_same > 0
    if not counted.any():
        return None, None, 0
    n_others = len(groups) - np.bincount(groups)[groups]
    same = (rows >= 0) & (class_indices[rows] == class_indices[:, np.newaxis])
    purity = same[counted].sum(axis=1) / (rows[counted] >= 0).sum(axis=1)
    return float(purity.mean()), float((n_same / n_others)[counted].mean()), int(counted.sum())


def measure_purity(spaces, class_indices, instruments):
    """Return what tsne.json says of the purities of every space, {id of SPACES: (n, n_dimensions)}.

    `purity` is that of the ten nearest of all other notes. Most of these are of the note's own instrument (88 % of them
    in a demo), so `purity` is high even where the labels mix. `purity_other_instruments` is that of the ten nearest of
    other instruments. A purity for which there are no notes is not in the result.
    """
    quality, alone = {}, np.arange(len(instruments))
    for space, vectors in spaces.items():
        of_all, of_others = nearest_rows(vectors, instruments, N_NEIGHBOURS)
        for name, rows, groups in zip(PURITIES, (of_others, of_all), (instruments, alone), strict=True):
            purity, chance, n_notes = neighbour_purity(rows, class_indices, groups)
            if n_notes:
                quality |= {name: quality.get(name, {}) | {space: purity}, f'{name}_chance': chance,
                            f'{name}_notes': n_notes, f'{name}_k': int((rows >= 0).sum(axis=1).max())}
    return quality


def measure_map(spaces, class_indices, instruments):
    """Return the purities of every space, {id of SPACES: (n, n_dimensions)}, and the trustworthiness against fc2.

    Trustworthiness: Venna and Kaski 2001, "Neighborhood preservation in nonlinear projection methods"; 1 is best.
    """
    return measure_purity(spaces, class_indices, instruments) | measure_trustworthiness(spaces)


def measure_trustworthiness(spaces):
    """Return the trustworthiness of the spaces (n, n_dimensions) that are made from 'fc2', and the k it is of."""
    from sklearn.manifold import trustworthiness
    n_neighbours = min(N_NEIGHBOURS, (len(spaces['fc2']) - 1) // 2)
    return {'trustworthiness_k': n_neighbours,
            'trustworthiness': {space: float(trustworthiness(spaces['fc2'], vectors, n_neighbors=n_neighbours))
                                for space, vectors in spaces.items() if space not in ('raw_spectra', 'fc2')}}


def with_space_ids(quality):
    """Return the content of a tsne.json with ids of spaces, also of one written when titles stood in their place."""
    ids = {title: space for space, title in SPACES.items()}
    return quality | {name: {ids.get(space, space): value for space, value in quality[name].items()}
                      for name in (*PURITIES, 'trustworthiness') if name in quality}
