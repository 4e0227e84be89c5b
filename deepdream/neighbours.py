"""Which notes of the run are nearest to a sound in fc2 space: those of RUN/activation.npy, of the test split."""

import sys
from dataclasses import dataclass

import numpy as np

from deepdream.run_folder import load_activation

N_NEAREST = 5


@dataclass
class Neighbourhood:
    """The run's notes in fc2 space: `activation` (n_notes, 256) and their names."""

    activation: np.ndarray
    notes: list

    def nearest(self, fc2):
        """Return the names of the five notes nearest to an activation (256,), the nearest first."""
        apart = np.linalg.norm(self.activation - fc2, axis=1)
        return [self.notes[i] for i in np.argsort(apart, kind='stable')[:N_NEAREST]]


def open_neighbourhood(run):
    """Return the Neighbourhood of RUN/activation.npy, or None where activation.py has not been run."""
    path = run / 'activation.npy'
    if not path.exists():
        print(f'{path} is missing, so no nearest notes are given: `python activation.py` writes it', file=sys.stderr)
        return None
    notes, activation = load_activation(run)
    return Neighbourhood(activation, notes)
