"""Calibration: one temperature, fitted on the valid split, that the logits are divided by.

A network that knows its train notes by heart is far too sure of itself. Dividing its logits by a temperature changes
its probabilities and none of its decisions: C. Guo, G. Pleiss, Y. Sun, K. Weinberger 2017, "On Calibration of Modern
Neural Networks", arXiv:1706.04599, section 4.2. RUN/calibration.json also keeps the peaks of the train notes, within
which predict.py brings other sounds, and a digest of the model that both belong to.
"""

import sys
from contextlib import suppress

import numpy as np

from deepdream.artifacts import BadInput, load_json, save_json
from deepdream.audio import SILENT_PEAK, load_note
from deepdream.notes import find_wavs
from deepdream.run_folder import check_model, check_version, model_digest

CALIBRATION_VERSION = 1  # raise it when the same logits and wavs give other figures; a file without one has version 1
N_CONFIDENCE_BINS = 15
TEMPERATURES = (0.1, 100)
N_PEAKS = 200  # train notes whose level is looked at
USUAL_PEAKS = (0.35, 0.85, 1.35)  # of NSynth's notes and of the demo's, where the train wavs are gone
SPARE_DB = 3  # beyond the peaks that were looked at: others of the train notes are softer and louder


def calibrated(logits, temperature):
    """Return softmax(logits / temperature), float64 of shape (n, n_labels)."""
    from scipy.special import softmax
    return softmax(np.asarray(logits, np.float64) / temperature, axis=1)


def fit_temperature(logits, class_indices):
    """Return the temperature with the least negative log likelihood of (n, n_labels) logits.

    It is 1 where no note is taken for another: colder would then always be better, so that nothing can be fitted.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax
    if (logits.argmax(axis=1) == class_indices).all():
        return 1.0
    rows = np.arange(len(logits))

    def loss(log_temperature):
        return -log_softmax(logits / np.exp(log_temperature), axis=1)[rows, class_indices].mean()

    return float(np.exp(minimize_scalar(loss, bounds=np.log(TEMPERATURES), method='bounded').x))


def expected_calibration_error(probabilities, class_indices):
    """Return how far the highest probabilities are from the share that is right, the mean over 15 bins of equal width.

    Weighted by the notes in each bin; 0 is perfect (Guo et al. 2017, equation 3).
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == class_indices
    n_bins = N_CONFIDENCE_BINS
    bins = np.clip(np.ceil(confidence * n_bins).astype(int) - 1, 0, n_bins - 1)  # (0, 1/15], (1/15, 2/15], ...
    return float(np.abs(np.bincount(bins, right - confidence, n_bins)).sum() / len(confidence))


def measure_calibration(logits, class_indices, temperature):
    """Return the temperature, and the expected calibration error before and after dividing the logits by it."""
    before, after = (expected_calibration_error(calibrated(logits, one), class_indices) for one in (1, temperature))
    return {'temperature': temperature, 'expected_calibration_error_before': before,
            'expected_calibration_error_after': after}


def typical_peaks(data, notes, align_onset=False, seed=0):
    """Return the lowest, the median and the highest peak of at most 200 train notes drawn at random.

    The lowest and the highest have 3 dB to spare. Silent notes do not count. Where no wav is left, the peaks are
    NSynth's: 0.35, 0.85 and 1.35.
    """
    wavs, peaks = find_wavs(data, 'train'), []
    for i in np.random.default_rng(seed).permutation(len(notes))[:N_PEAKS]:
        if notes[i] in wavs:
            with suppress(BadInput):  # gone bad since its spectrum was made
                peaks.append(float(np.abs(load_note(wavs[notes[i]], align_onset)[0]).max()))
    peaks = [peak for peak in peaks if peak > SILENT_PEAK]
    spare = 10 ** (SPARE_DB / 20)
    return (min(peaks) / spare, float(np.median(peaks)), max(peaks) * spare) if peaks else USUAL_PEAKS


def is_current(content, model):
    """Whether the content of a calibration.json is of this model, a digest, and of this version."""
    return (content.get('version', 1), content.get('model')) == (CALIBRATION_VERSION, model) and 'peaks' in content


def write_calibration(run, provider):
    """Write RUN/calibration.json, unless it is there already for this very model."""
    from deepdream.inference import predict_logits
    from model import load_model
    path, model = run / 'calibration.json', model_digest(run)
    if path.exists() and is_current(load_json(path, 'train.py'), model):
        return
    found = {'version': CALIBRATION_VERSION, 'model': model, 'temperature': 1.0, 'n_notes': 0,
             'n_bins': N_CONFIDENCE_BINS}
    if provider.notes.get('valid'):
        logits = predict_logits(load_model(run / 'model.keras'), provider, 'valid')
        true = provider.class_indices['valid']
        found |= {'n_notes': len(true)} | measure_calibration(logits, true, fit_temperature(logits, true))
    peaks = typical_peaks(provider.data, provider.notes['train'], provider.signal['align_onset'])
    save_json(path, found | {'peaks': peaks})
    print(f'{path}: ' + (f'on valid {describe_calibration(found)}' if found['n_notes'] else
                         'temperature 1, as there is no valid split to calibrate the probabilities on'))


def describe_calibration(found):
    """Return a sentence about what `measure_calibration` found."""
    before, after = (100 * found[f'expected_calibration_error_{when}'] for when in ('before', 'after'))
    return (f'expected calibration error {before:.1f} points uncalibrated, {after:.1f} at temperature '
            f'{found["temperature"]:.2f}')


def with_peaks(found):
    """Return the content of a calibration.json with three peaks, also of an older one with the median alone."""
    peaks = found.get('peaks', [found.get('peak')] * 3)
    return found | {'peaks': peaks if isinstance(peaks, list) else [peaks]}


def load_calibration(run):
    """Return the content of RUN/calibration.json; for a run without one temperature 1, and says so."""
    path = run / 'calibration.json'
    if not path.exists():
        print(f'{path} is missing, so the probabilities are not calibrated: `python train.py` writes it',
              file=sys.stderr)
        return {'temperature': 1.0, 'peaks': USUAL_PEAKS}
    found = with_peaks(load_json(path, 'train.py'))
    numbers = [found.get('temperature'), *found['peaks']]
    if not all(isinstance(number, int | float) and 0 < number < 1e6 for number in numbers) or len(numbers) != 4:
        raise BadInput(f'{path} is damaged (temperature and peaks are {numbers}): '
                       'delete it and run `python train.py` again')
    check_model(run, path, found.get('model'), 'train.py')
    check_version(path, found.get('version', 1), CALIBRATION_VERSION, 'train.py')
    return found
