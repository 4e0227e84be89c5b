"""calibration.py: fit and error on made-up logits; what train.py keeps of it and evaluate.py makes of it."""

import csv
import json

import numpy as np
import pytest
from conftest import (
    PLAIN,
    SMALL_LABELS,
    SMALL_TRAINING,
    damaged_copy,
    edit_json,
    make_data,
    sine,
    small_names,
    stage,
    write_wav,
)
from scipy.special import softmax

import evaluate
import train
from data_provider import prepare_data
from deepdream import calibration
from deepdream.calibration import (
    calibrated,
    expected_calibration_error,
    fit_temperature,
    load_calibration,
    typical_peaks,
)
from deepdream.inference import predict_logits
from deepdream.run_folder import model_digest, open_run

SPARE = 10 ** (3 / 20)


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the run, to damage."""
    return damaged_copy(trained, tmp_path / 'run')


def content_of(run, name='calibration.json'):
    return json.loads((run / name).read_text(encoding='utf-8'))


def drawn(temperature, n=8000, seed=0):
    """Logits, and labels drawn from their softmax at a temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=4, size=(n, 5))
    chances = softmax(logits / temperature, axis=1).cumsum(axis=1)
    return logits, np.minimum((rng.uniform(size=(n, 1)) > chances).sum(axis=1), 4)


# The maths.

@pytest.mark.parametrize('temperature', [0.5, 1, 3, 8])
def test_the_temperature_that_labels_were_drawn_at_is_found(temperature):
    logits, labels = drawn(temperature)
    found = fit_temperature(logits, labels)
    assert found == pytest.approx(temperature, rel=0.1)
    assert expected_calibration_error(calibrated(logits, found), labels) < 0.03


def test_calibration_mends_the_error_and_changes_no_decision():
    logits, labels = drawn(4)
    before, after = calibrated(logits, 1), calibrated(logits, fit_temperature(logits, labels))
    np.testing.assert_allclose(after.sum(axis=1), 1)
    np.testing.assert_array_equal(before.argmax(axis=1), after.argmax(axis=1))
    assert expected_calibration_error(before, labels) > 10 * expected_calibration_error(after, labels)


@pytest.mark.parametrize(('confidence', 'n_right', 'error'), [(0.9, 6, 0.3), (0.6, 6, 0), (1, 10, 0), (1, 0, 1)])
def test_error_is_the_gap_between_confidence_and_share_that_is_right(confidence, n_right, error):
    probabilities = np.tile([confidence, 1 - confidence], (10, 1))
    labels = np.array([0] * n_right + [1] * (10 - n_right))
    assert expected_calibration_error(probabilities, labels) == pytest.approx(error)


def test_gaps_of_different_bins_do_not_cancel():
    probabilities = np.array([[0.9, 0.1]] * 10 + [[0.6, 0.4]] * 10)
    assert expected_calibration_error(probabilities, np.array([0] * 6 + [1] * 4 + [0] * 9 + [1])) == pytest.approx(0.3)


def test_without_a_mistake_nothing_can_be_fitted():
    assert fit_temperature(np.eye(4) * 3, np.arange(4)) == 1


def test_all_wrong_stays_finite():
    assert 1 < fit_temperature(np.eye(4) * 30, (np.arange(4) + 1) % 4) <= calibration.TEMPERATURES[1]


def test_peaks_are_those_of_the_train_notes(tmp_path):
    for name, peak in (('a', 0.2), ('b', 0.6), ('c', 0.7), ('silent', 0)):
        write_wav(tmp_path / f'train/audio/{name}.wav', sine(440, 1, peak=peak))
    notes = ['a', 'b', 'c', 'silent', 'gone']
    assert typical_peaks(tmp_path, notes) == pytest.approx((0.2 / SPARE, 0.6, 0.7 * SPARE), abs=2e-3)
    (tmp_path / 'train/audio/c.wav').write_bytes(b'gone bad')
    assert typical_peaks(tmp_path, notes) == pytest.approx((0.2 / SPARE, 0.4, 0.6 * SPARE), abs=2e-3)
    assert typical_peaks(tmp_path, ['c', 'silent', 'gone']) == calibration.USUAL_PEAKS


def test_a_calibration_with_one_peak_is_read_as_before_and_then_made_anew(trained, small_data, tmp_path):
    run = damaged_copy(trained, tmp_path / 'run')
    content = content_of(run)
    del content['peaks']
    (run / 'calibration.json').write_text(json.dumps(content | {'peak': 0.7}), encoding='utf-8')
    assert load_calibration(run)['peaks'] == [0.7, 0.7, 0.7]
    assert stage(train, small_data, run, *SMALL_TRAINING) == 0
    assert load_calibration(run)['peaks'] == pytest.approx([0.8 / SPARE, 0.8, 0.8 * SPARE], abs=2e-3)


# What train.py keeps.

def test_training_ends_with_a_calibration_of_its_model(trained, small_data):
    content = content_of(trained)
    assert content['model'] == model_digest(trained)
    assert (content['n_notes'], content['n_bins']) == (22, 15)
    assert content['peaks'] == pytest.approx([0.8 / SPARE, 0.8, 0.8 * SPARE], abs=2e-3)
    model, provider = open_run(trained, small_data, small_data / 'labels.txt', ['valid'])
    logits = predict_logits(model, provider, 'valid')
    true = provider.class_indices['valid']
    assert content['temperature'] == pytest.approx(fit_temperature(logits, true), rel=1e-3)
    for when, temperature in (('before', 1), ('after', content['temperature'])):
        assert content[f'expected_calibration_error_{when}'] == pytest.approx(
            expected_calibration_error(calibrated(logits, temperature), true), abs=1e-4)


def test_run_killed_before_its_calibration_gets_it_when_started_again(run, small_data, capfd):
    expected = (run / 'calibration.json').read_bytes()
    (run / 'calibration.json').unlink()
    assert stage(train, small_data, run, *SMALL_TRAINING) == 0
    assert 'nothing to do' in capfd.readouterr().out
    assert (run / 'calibration.json').read_bytes() == expected


def test_training_anew_leaves_no_stale_calibration(tmp_path, capfd):
    """Without a valid split, too, which gives temperature 1 and says so."""
    data, run = make_data(tmp_path / 'data', {'train': small_names(0, 2, 1)}), tmp_path / 'run'
    steps = (*PLAIN, '--steps', 1, '--batch-size', 4)
    assert stage(train, data, run, *steps) == 0
    assert 'temperature 1, as there is no valid split' in capfd.readouterr().out
    first = content_of(run)
    assert first | {'temperature': 1, 'n_notes': 0} == first
    assert stage(train, data, run, *steps, '--seed', 1, '--replace') == 0
    assert content_of(run)['model'] == model_digest(run) != first['model']


# What evaluate.py makes of it.

def probabilities_of(run):
    with open(run / 'predictions.csv', encoding='utf-8', newline='') as file:
        return np.array([[float(row[label]) for label in SMALL_LABELS] for row in csv.DictReader(file)])


def test_predictions_are_calibrated_and_both_errors_reported(run, small_data, capfd):
    edit_json(run / 'calibration.json', temperature=1.0)
    assert stage(evaluate, small_data, run, '--no-baseline') == 0
    plain = probabilities_of(run)
    edit_json(run / 'calibration.json', temperature=3.0)
    capfd.readouterr()
    assert stage(evaluate, small_data, run, '--no-baseline') == 0
    cubed = probabilities_of(run) ** 3  # this way round, as of six decimals a cube root would know two
    np.testing.assert_allclose(cubed / cubed.sum(axis=1, keepdims=True), plain, atol=1e-4)
    assert np.abs(probabilities_of(run) - plain).max() > 0.01
    true = prepare_data(small_data, small_data / 'labels.txt', ['test']).class_indices['test']
    metrics = content_of(run, 'metrics.json')['calibration']
    assert metrics == {
        'temperature': 3, 'expected_calibration_error_before': pytest.approx(
            expected_calibration_error(plain, true), abs=1e-4),
        'expected_calibration_error_after': pytest.approx(
            expected_calibration_error(probabilities_of(run), true), abs=1e-4)}
    printed = capfd.readouterr().out
    assert all(f'{100 * metrics[f"expected_calibration_error_{when}"]:.1f}' in printed for when in ('before', 'after'))


def test_older_run_without_calibration_says_that_it_has_none(run, small_data, capfd):
    (run / 'calibration.json').unlink()
    assert stage(evaluate, small_data, run, '--no-baseline') == 0
    assert 'calibration.json is missing' in capfd.readouterr().err
    metrics = content_of(run, 'metrics.json')['calibration']
    assert metrics['temperature'] == 1
    assert metrics['expected_calibration_error_before'] == metrics['expected_calibration_error_after']


@pytest.mark.parametrize('damage', [{'temperature': 0}, {'temperature': 'warm'}, {'peaks': [-1, 1, 1]}, {'peaks': None},
                                    {'peaks': [1]},
                                    {'model': 'another'}])
def test_damaged_or_foreign_calibration_is_refused(run, damage):
    edit_json(run / 'calibration.json', **damage)
    with pytest.raises(calibration.BadInput, match=r'calibration\.json.*`python train\.py`'):
        load_calibration(run)
