"""Nearest notes, in fc2 space and others."""

import sys
from dataclasses import dataclass

import numpy as np

from deepdream.command_line import progress
from deepdream.run_folder import load_activation

N_NEAREST = 5
BATCH_CELLS = 4_000_000  # neighbours of a batch of notes that are in memory at a time: 64 MB of rows and distances
MOST_EXACT = 20_000  # notes that are all compared with each other
# Above that, a note is compared with the notes in the cells around it (an inverted file: Jegou et al. 2011, "Product
# quantization for nearest neighbor search"). Measured in docs/experiments.md.
CELLS_PER_ROOT = 3  # times the square root of the number of notes: 949 cells of 100,000 notes
N_COMPARED = 10_000
N_LEARNED_FROM, N_STEPS = 32, 5  # notes a cell, and steps, from which k-means finds the centres
BLOCK_ROWS = 256  # notes compared at a time: 10 MB of distances
GROUP = 32  # distances of which the least is found first


def nearest_notes(activation, n_nearest, queries):
    """Return (distances, rows), both (n, n_nearest), of the notes nearest to each query, the nearest first.

    `activation` (n_notes, 256) holds the notes, `queries` (n, 256) what to find them for. Of notes that are equally
    near, the one in the earlier row comes first. scikit-learn finds the same, but its import takes 0.9 s of processor
    time more than SciPy's.
    """
    from scipy.spatial.distance import cdist
    distances, rows = np.empty((len(queries), n_nearest)), np.empty((len(queries), n_nearest), np.int64)
    n_at_once = max(1, BATCH_CELLS // len(activation))
    for start in range(0, len(queries), n_at_once):
        block = slice(start, start + n_at_once)
        apart = cdist(queries[block], activation)
        rows[block] = apart.argsort(axis=1, kind='stable')[:, :n_nearest]
        distances[block] = np.take_along_axis(apart, rows[block], axis=1)
    return distances, rows


def nearest_rows(vectors, instruments, n_nearest):
    """Return two arrays of rows (n, k): the notes nearest to each, and the nearest of other instruments, in this order.

    `vectors` (n, n_dimensions) are the notes in any space, `instruments` (n,) number the instrument of each; k is
    `n_nearest`, or n - 1 where there are no more notes. -1 stands where other instruments have fewer than k notes.
    Of up to MOST_EXACT notes both are exact: among k + s nearest, at most s are of the note's own instrument, where s
    is its number of notes. 20,000 activations take 5 s on two cores, but 26 s where one instrument has 14,000 of them.
    Of more notes `nearest_in_cells` finds more than 98 %.
    """
    if len(vectors) > MOST_EXACT:
        return nearest_in_cells(vectors, instruments, n_nearest)
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


# Many notes.

@dataclass
class Cells:
    """Notes shared out among cells: `number` (n,) is the cell of each, `members` the rows in each cell, and `order`
    (n_cells, n_cells) the cells from near to far, each first in its own row."""

    number: np.ndarray
    members: list
    order: np.ndarray

    def around(self, cell, allowed=None):
        """Return the rows in the nearest cells, of as many cells as hold N_COMPARED; with `allowed` (n,), only those
        that it names count and are returned."""
        number = self.number if allowed is None else self.number[allowed]
        counts = np.bincount(number, minlength=len(self.members))[self.order[cell]]
        n_cells = np.searchsorted(np.cumsum(counts), N_COMPARED) + 1
        rows = np.concatenate([self.members[one] for one in self.order[cell][:n_cells]])
        return rows if allowed is None else rows[allowed[rows]]


def find_cells(vectors, seed=0):
    """Return the Cells of vectors (n, n_dimensions), whose centres k-means finds among some of them."""
    n_cells = round(CELLS_PER_ROOT * len(vectors) ** 0.5)
    drawn = np.random.default_rng(seed).permutation(len(vectors))[:N_LEARNED_FROM * n_cells]
    learned_from = vectors[drawn]
    centres = learned_from[:n_cells].copy()
    for _ in range(N_STEPS):
        number = nearest_centre(learned_from, centres)
        for cell in np.unique(number):
            centres[cell] = learned_from[number == cell].mean(axis=0)
    number = nearest_centre(vectors, centres)
    members = np.split(np.argsort(number, kind='stable'), np.cumsum(np.bincount(number, minlength=n_cells))[:-1])
    apart = closeness(centres, centres)
    np.fill_diagonal(apart, -np.inf)
    return Cells(number, members, apart.argsort(axis=1))


def nearest_centre(vectors, centres):
    """Return the number of the centre (n_cells, n_dimensions) that is nearest to each of the vectors."""
    return np.concatenate([closeness(vectors[start:start + N_COMPARED], centres).argmin(axis=1)
                           for start in range(0, len(vectors), N_COMPARED)])


def closeness(queries, vectors):
    """Return (n_queries, n_vectors): the less, the nearer. It is half of the squared distance, less what a query has
    in common with all."""
    return np.einsum('ij,ij->i', vectors, vectors) / 2 - queries @ vectors.T


def first_of(around, distances, n_nearest):
    """Return the `n_nearest` of the rows `around` (m,) that are least in `distances` (n, m), -1 where that is inf."""
    columns = least_columns(distances, n_nearest)
    least = np.take_along_axis(distances, columns, axis=1)
    order = least.argsort(axis=1, kind='stable')
    rows = np.where(np.isinf(least), -1, around[columns])
    return np.pad(np.take_along_axis(rows, order, axis=1), ((0, 0), (0, n_nearest - columns.shape[1])),
                  constant_values=-1)


def least_columns(distances, n_least):
    """Return the columns (n, `n_least` or m) of what is least in each row of `distances` (n, m), in no order.

    They are in the `n_least` groups of GROUP columns whose minima are least, or among the columns that are left over:
    of 256 rows and 10,000 columns, these are found in 3 ms, where NumPy's partition of all takes 33.
    """
    n_columns = distances.shape[1]
    n_groups = n_columns // GROUP
    if n_groups <= n_least:
        return np.argpartition(distances, min(n_least, n_columns) - 1, axis=1)[:, :n_least]
    n_grouped = n_groups * GROUP
    minima = distances[:, :n_grouped].reshape(-1, GROUP, n_groups).min(axis=1)
    groups = np.argpartition(minima, n_least - 1, axis=1)[:, :n_least]
    candidates = (groups[:, np.newaxis] + n_groups * np.arange(GROUP)[:, np.newaxis]).reshape(len(distances), -1)
    left_over = np.broadcast_to(np.arange(n_grouped, n_columns), (len(distances), n_columns - n_grouped))
    candidates = np.hstack([candidates, left_over])
    found = np.argpartition(np.take_along_axis(distances, candidates, axis=1), n_least - 1, axis=1)[:, :n_least]
    return np.take_along_axis(candidates, found, axis=1)


def compare_block(vectors, instruments, cells, cell, start, n_nearest):
    """Return (rows of up to BLOCK_ROWS notes of a cell, their nearest notes, their nearest of other instruments)."""
    rows, around = cells.members[cell][start:start + BLOCK_ROWS], cells.around(cell)
    distances = closeness(vectors[rows], vectors[around])
    distances[rows[:, np.newaxis] == around] = np.inf
    of_all = first_of(around, distances, n_nearest)
    distances[instruments[rows][:, np.newaxis] == instruments[around]] = np.inf
    of_others = first_of(around, distances, n_nearest)
    counts = np.bincount(instruments[around])
    crowd = counts.argmax()
    of_crowd = instruments[rows] == crowd
    if counts[crowd] > len(around) / 2 and of_crowd.any():
        others = cells.around(cell, instruments != crowd)
        distances = closeness(vectors[rows[of_crowd]], vectors[others])
        of_others[of_crowd] = first_of(others, distances, n_nearest) if len(others) else -1
    return rows, of_all, of_others


def nearest_in_cells(vectors, instruments, n_nearest):
    """Return what `nearest_rows` returns, found among the N_COMPARED notes in the cells around each note.

    Where one instrument has more than half of the notes there, its notes find those of other instruments in the cells
    that are nearest when it is left out.
    """
    from joblib import Parallel, delayed
    from threadpoolctl import threadpool_limits
    vectors = (vectors - vectors.mean(axis=0)).astype(np.float32, copy=False)
    cells = find_cells(vectors)
    blocks = [(cell, start) for cell, rows in enumerate(cells.members) for start in range(0, len(rows), BLOCK_ROWS)]
    of_all, of_others = np.full((2, len(vectors), n_nearest), -1)
    with threadpool_limits(1, 'blas'):  # a block a thread, of this process also where other work goes to a cluster
        found = Parallel(n_jobs=-1, backend='threading', return_as='generator')(
            delayed(compare_block)(vectors, instruments, cells, *block, n_nearest) for block in blocks)
        for rows, *nearest in progress(found, len(blocks), 'nearest notes', 'block'):
            of_all[rows], of_others[rows] = nearest
    return of_all, of_others


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
