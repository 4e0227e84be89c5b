"""A trained network that listens to waveforms: front end, network and calibration, without a data folder."""

from dataclasses import dataclass

import numpy as np

from data_provider import read_statistics
from deepdream.backend import keras
from deepdream.calibration import calibrated, load_calibration
from deepdream.run_folder import open_model
from deepdream.spectrum import log_spectrum, normalise


@dataclass
class Network:
    """A run opened to listen to waveforms; `model` gives (fc2, logits) for normalised spectra.

    `peaks` are the lowest, the median and the highest peak of the train notes, `dtype` is that of their stored spectra.
    """

    labels: list
    model: object
    mean: np.ndarray
    std: np.ndarray
    temperature: float
    peaks: tuple
    dtype: str

    def level(self, waveforms):
        """Bring (n, 64000) waveforms that are softer or louder than all train notes to the median of their peaks."""
        lowest, median, highest = self.peaks
        peak = np.abs(waveforms).max(axis=1, keepdims=True)
        return waveforms * np.where((lowest <= peak) & (peak <= highest), 1, median / peak).astype(np.float32)

    def normalise(self, spectra):
        """(n, 251, 513) log spectra -> (n, 251, 513, 1), what `model` takes; of NumPy or of TensorFlow."""
        return normalise(spectra, self.mean, self.std)[..., np.newaxis]

    def predict(self, waveforms):
        """Return (calibrated probabilities (n, n_labels), fc2 (n, 256)) of (n, 64000) waveforms of any level."""
        spectra = np.stack([log_spectrum(waveform) for waveform in self.level(waveforms)])
        spectra = spectra.astype(self.dtype).astype(np.float32)  # rounded as those of the training are
        fc2, logits = self.model.predict_on_batch(self.normalise(spectra))
        return calibrated(logits, self.temperature), fc2


def open_network(run):
    """Return the Network of a run; BadInput where a file of it is damaged, or of another model or version."""
    config, model = open_model(run)
    mean, std = read_statistics(run, 'train.py')
    return as_network(run, config['labels'], model, mean, std, config['signal']['dtype'])


def as_network(run, labels, model, mean, std, dtype):
    """Return the Network of a run whose keras.Model and statistics are open already."""
    both = keras.Model(model.input, [model.get_layer('fc2').output, model.output])
    calibration = load_calibration(run)
    return Network(labels, both, mean, std, calibration['temperature'], tuple(calibration['peaks']), dtype)
