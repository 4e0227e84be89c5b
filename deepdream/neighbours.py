"""Nearest notes in fc2 space."""

import sys
from dataclasses import dataclass

import numpy as np

from deepdream.run_folder import load_activation

N_NEAREST = 5


def nearest_notes(activation, n_nearest, queries=None):
    """Return (distances, rows), both (n, n_nearest), of the notes nearest to each query, the nearest first.

    `activation` (n_notes, 256) holds the notes, `queries` (n, 256) what to find them for: without queries these are the
    notes themselves, and none is its own neighbour.
    """
    from sklearn.neighbors import NearestNeighbors
    return NearestNeighbors(n_neighbors=n_nearest, algorithm='brute').fit(activation).kneighbors(queries)


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
