"""Which notes of the run are nearest to a sound in fc2 space, and whether any is near at all.

The notes are those of RUN/activation.npy, of the test split, which the training has not seen. A sound is "unlike
anything seen" where its fifth-nearest note is farther than those of 99 % of the notes are from them, the notes of a
note's own instrument left out: they are far nearer than those of any new instrument, and would make each of these a
stranger. So about one in a hundred notes of new instruments gets the warning, too. It is no proof of the opposite: what
belongs to no label may well lie near one. After Y. Sun, Y. Ming, X. Zhu, Y. Li 2022, "Out-of-Distribution Detection
with Deep Nearest Neighbors", arXiv:2204.06507, but without dividing fc2 by its length: that made 8 of 15 noises, clicks
and square waves strangers to the tutorial's network, as it is 14. The mel network, which is to overlook what tells
recordings apart, finds only 4 of them strange.
"""

import sys

import numpy as np

from artifacts import instrument_of, load_lines
from map_data import load_rows

N_NEAREST = 5
PERCENTILE = 99
CHUNK = 256  # rows of distances at once


def distances(a, b):
    """Euclidean distances (len(a), len(b)) of rows."""
    squares = np.square(a).sum(axis=1)[:, np.newaxis] + np.square(b).sum(axis=1) - 2 * a @ b.T
    return np.sqrt(np.maximum(squares, 0))


class Neighbourhood:
    """The run's notes in fc2 space.

    `limit` is the distance beyond which a sound is unlike anything seen; None where there are too few instruments.
    """

    def __init__(self, activation, notes):
        self.activation, self.notes = activation.astype(np.float64), notes
        self.k = min(N_NEAREST, len(notes))
        instruments = np.unique([instrument_of(note) for note in notes], return_inverse=True)[1]
        of_notes = []
        for i in range(0, len(notes), CHUNK):
            to_others = distances(self.activation[i:i + CHUNK], self.activation)
            to_others[instruments[i:i + CHUNK, np.newaxis] == instruments] = np.inf
            of_notes.append(np.partition(to_others, self.k - 1, axis=1)[:, self.k - 1])
        known = np.concatenate(of_notes)
        known = known[np.isfinite(known)]
        self.limit = float(np.percentile(known, PERCENTILE, method='higher')) if len(known) else None

    def around(self, fc2):
        """Return (rows of the nearest notes, distance to the last of them, whether that is beyond the limit)."""
        apart = distances(fc2[np.newaxis].astype(np.float64), self.activation)[0]
        rows = np.argsort(apart, kind='stable')[:self.k]
        return rows, float(apart[rows[-1]]), self.limit is not None and bool(apart[rows[-1]] > self.limit)


def open_neighbourhood(run):
    """Return the Neighbourhood of RUN/activation.npy, or None where activation.py has not been run."""
    path = run / 'activation.npy'
    if not path.exists():
        print(f'{path} is missing, so no nearest notes are given: `python activation.py` writes it', file=sys.stderr)
        return None
    notes = load_lines(run / 'activation_samples.txt', 'activation.py')
    return Neighbourhood(load_rows(path, 'activation.py', len(notes)), notes)
