"""Nearest notes, in fc2 space and others."""

import sys
from dataclasses import dataclass

import numpy as np

from deepdream.run_folder import load_activation

N_NEAREST = 5
BATCH_CELLS = 4_000_000  # neighbours of a batch of notes that are in memory at a time: 64 MB of rows and distances


def nearest_notes(activation, n_nearest, queries=None):
    """Return (distances, rows), both (n, n_nearest), of the notes nearest to each query, the nearest first.

    `activation` (n_notes, 256) holds the notes, `queries` (n, 256) what to find them for: without queries these are the
    notes themselves, and none is its own neighbour.
    """
    from sklearn.neighbors import NearestNeighbors
    return NearestNeighbors(n_neighbors=n_nearest, algorithm='brute').fit(activation).kneighbors(queries)


def nearest_rows(vectors, instruments, n_nearest):
    """Return two arrays of rows (n, k): the notes nearest to each, and the nearest of other instruments, in this order.

    `vectors` (n, n_dimensions) are the notes in any space, `instruments` (n,) number the instrument of each; k is
    `n_nearest`, or n - 1 where there are no more notes. -1 stands where other instruments have fewer than k notes.
    Both are exact: among k + s nearest, at most s are of the note's own instrument, where s is its number of notes.
    20,000 activations take 5 s on two cores, as in `nearest_notes`, but 26 s where one instrument has 14,000 of them.
    """
    from sklearn.neighbors import NearestNeighbors
    index = NearestNeighbors(algorithm='brute').fit(vectors)
    sizes = np.bincount(instruments)[instruments]
    of_all, of_others = np.full((2, len(vectors), min(n_nearest, len(vectors) - 1)), -1)
    for batch in batches_by_size(sizes, n_nearest):
        n_found = min(n_nearest + sizes[batch].max(), len(vectors))
        found = index.kneighbors(vectors[batch], n_found, return_distance=False)
        of_all[batch] = first_that(found, found != batch[:, np.newaxis], of_all.shape[1])
        of_others[batch] = first_that(found, instruments[found] != instruments[batch, np.newaxis], of_all.shape[1])
    return of_all, of_others


def batches_by_size(sizes, n_nearest):
    """Yield all rows of `sizes` (n,), those of small ones first, in batches of `n_nearest` + size cells a row."""
    order = np.argsort(sizes, kind='stable')
    while len(order):
        cells = np.arange(1, len(order) + 1) * (n_nearest + sizes[order])
        n_rows = max(1, np.searchsorted(cells, BATCH_CELLS))
        yield order[:n_rows]
        order = order[n_rows:]


def first_that(found, allowed, n_first):
    """Return the first `n_first` in each row of `found` (n, m) that `allowed` (n, m) names, then -1."""
    columns = np.argsort(~allowed, axis=1, kind='stable')[:, :n_first]
    return np.where(np.take_along_axis(allowed, columns, axis=1), np.take_along_axis(found, columns, axis=1), -1)


@dataclass
class Neighbourhood:
    """The run's notes in fc2 space: `activation` (n_notes, 256) and their names."""

    activation: np.ndarray
    notes: list

    def nearest(self, fc2):
        """Return the names of the five notes nearest to each of the activations (n, 256), the nearest first."""
        _, rows = nearest_notes(self.activation, min(N_NEAREST, len(self.notes)), fc2)
        return [[self.notes[row] for row in of_one] for of_one in rows]


def open_neighbourhood(run):
    """Return the Neighbourhood of RUN/activation.npy, or None where activation.py has not been run."""
    path = run / 'activation.npy'
    if not path.exists():
        print(f'{path} is missing, so no nearest notes are given: `python activation.py` writes it', file=sys.stderr)
        return None
    notes, activation = load_activation(run)
    return Neighbourhood(activation, notes)
