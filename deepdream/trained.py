"""A trained network that listens to waveforms: front end, network and calibration, without a data folder."""

from dataclasses import dataclass

import numpy as np

from data_provider import read_statistics
from deepdream.backend import keras
from deepdream.calibration import calibrated, load_calibration
from deepdream.run_folder import open_model
from deepdream.spectrum import log_spectrum, normalise
from deepdream.spectrum_tf import sounding_frames


@dataclass
class Network:
    """A run opened to listen to waveforms; `model` gives (fc2, logits) for normalised spectra.

    It listens only where the train notes sound: in frames where they never do, as after their end, the normalisation
    multiplies by 10,000, and any longer sound would be judged by its end alone.
    """

    labels: list
    model: object
    mean: np.ndarray
    std: np.ndarray
    temperature: float
    peak: float

    def level(self, waveforms):
        """Bring (n, 64000) waveforms to the peak that the train notes typically have."""
        return waveforms * (self.peak / np.abs(waveforms).max(axis=1, keepdims=True))

    def normalise(self, spectra):
        """(n, 251, 513) log spectra -> (n, 251, 513, 1), what `model` takes; of NumPy or of TensorFlow."""
        sounding = sounding_frames(self.std)[:, np.newaxis].astype(np.float32)
        return normalise(spectra * sounding, self.mean, self.std)[..., np.newaxis]

    def predict(self, waveforms):
        """Return (calibrated probabilities (n, n_labels), fc2 (n, 256)) of (n, 64000) waveforms of any level."""
        spectra = np.stack([log_spectrum(waveform) for waveform in self.level(waveforms)])
        fc2, logits = self.model.predict_on_batch(self.normalise(spectra))
        return calibrated(logits, self.temperature), fc2


def open_network(run):
    """Return the Network of a run; BadInput where a file of it is damaged, or of another model or version."""
    config, model = open_model(run)
    both = keras.Model(model.input, [model.get_layer('fc2').output, model.output])
    calibration = load_calibration(run)
    mean, std = read_statistics(run, 'train.py')
    return Network(config['labels'], both, mean, std, calibration['temperature'], calibration['peak'])
