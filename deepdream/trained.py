"""A run opened to listen to waveforms: front end, network and calibration, without a data folder."""

from dataclasses import dataclass

import numpy as np

from data_provider import read_statistics
from deepdream.artifacts import BadInput
from deepdream.backend import keras
from deepdream.calibration import calibrated, load_calibration
from deepdream.run_folder import open_model
from deepdream.spectrum import EPSILON, log_spectrum, settings
from deepdream.spectrum_tf import sounding_frames


@dataclass
class Network:
    """A run opened to listen to waveforms; `model` answers to normalised spectra with (fc2, logits).

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
        return ((spectra * sounding - self.mean) * (1 / (self.std + EPSILON)))[..., np.newaxis]

    def predict(self, waveforms):
        """Return (calibrated probabilities (n, n_labels), fc2 (n, 256)) of (n, 64000) waveforms of any level."""
        spectra = np.stack([log_spectrum(waveform) for waveform in self.level(waveforms)])
        fc2, logits = self.model.predict_on_batch(self.normalise(spectra))
        return calibrated(logits, self.temperature), fc2


def open_network(run):
    """Return the Network of a run; needs no data folder."""
    config, model = open_model(run)
    wanted = settings('float16')
    for key in ('n_fft', 'hop_length', 'sample_rate', 'log_scale', 'shape'):
        if config['signal'].get(key) != wanted[key]:
            raise BadInput(f'{run}/config.json: {key} was {config["signal"].get(key)} in the training and is now '
                           f'{wanted[key]}: run `python train.py` again')
    both = keras.Model(model.input, [model.get_layer('fc2').output, model.output])
    calibration = load_calibration(run)
    return Network(config['labels'], both, *read_statistics(run, 'train.py'), calibration['temperature'],
                   calibration['peak'])
