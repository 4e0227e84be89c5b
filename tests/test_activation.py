"""activation.py: row i is fc2 of line i."""

import json
import shutil

import numpy as np
import pytest
from conftest import ODD_NOTES, damaged_copy, disk_full, stage

import activation
from data_provider import prepare_data
from deepdream.run_folder import model_digest
from model import get_last_minus_one, load_model


@pytest.fixture
def run(trained, tmp_path):
    return damaged_copy(trained, tmp_path / 'run')


@pytest.fixture
def data(small_data, tmp_path):
    return damaged_copy(small_data, tmp_path / 'data')


def lines_of(path):
    return path.read_text(encoding='utf-8').splitlines()


def test_row_i_is_fc2_of_line_i(small_data, run):
    assert stage(activation, small_data, run) == 0
    rows, notes = np.load(run / 'activation.npy'), lines_of(run / 'activation_samples.txt')
    assert rows.shape == (36, 256) and rows.dtype == np.float32
    assert notes == lines_of(small_data / 'test_samples.txt') and set(ODD_NOTES) <= set(notes)
    provider = prepare_data(small_data, small_data / 'labels.txt')
    fc2 = get_last_minus_one(load_model(run / 'model.keras'))
    expected = np.concatenate([fc2(provider.get_sample_at('test', i)[0][np.newaxis, ..., np.newaxis])
                               for i in range(len(notes))])
    np.testing.assert_allclose(rows, expected, atol=1e-4)
    assert len(np.unique(rows, axis=0)) > 18  # notes differ
    assert json.loads((run / 'activation.json').read_text()) == {'model': model_digest(run)}


def test_statistics_are_the_runs_not_the_data_folders(small_data, run, data):
    """Wavs added to train later must not change what an old model answers."""
    assert stage(activation, small_data, run) == 0
    expected = np.load(run / 'activation.npy')
    np.save(data / 'data_mean.npy', np.load(data / 'data_mean.npy') + np.float32(1))
    assert stage(activation, data, run) == 0
    np.testing.assert_array_equal(np.load(run / 'activation.npy'), expected)


def test_other_split_has_files_of_its_own(small_data, run):
    assert stage(activation, small_data, run, '--split', 'valid') == 0
    assert np.load(run / 'activation_valid.npy').shape == (22, 256)
    assert lines_of(run / 'activation_samples_valid.txt') == lines_of(small_data / 'valid_samples.txt')
    assert not (run / 'activation.npy').exists()


def test_rejected_notes_are_absent(small_data, run, data):
    assert stage(activation, small_data, run) == 0
    whole, notes = np.load(run / 'activation.npy'), lines_of(run / 'activation_samples.txt')
    (data / 'test_rejected.txt').write_text(f'{notes[3]}\tempty\n', encoding='utf-8')
    (data / 'test' / 'spectrum' / f'{notes[3]}.npy').unlink()
    assert stage(activation, data, run) == 0
    assert lines_of(run / 'activation_samples.txt') == notes[:3] + notes[4:]
    np.testing.assert_allclose(np.load(run / 'activation.npy'), np.delete(whole, 3, axis=0), atol=1e-4)


def test_missing_model_names_the_stage(small_data, run, fails):
    (run / 'model.keras').unlink()
    assert 'run `python train.py` first' in fails(activation, small_data, run)


def test_missing_split_names_the_stage(small_data, data, run, fails):
    (data / 'valid_samples.txt').unlink()
    assert 'gather_information.py' in fails(activation, data, run, '--split', 'valid')
    assert 'invalid choice' in fails(activation, data, run, '--split', 'all')


def test_spectrum_of_other_bytes_is_refused_in_one_line(data, run, fails):
    path = next((data / 'test' / 'spectrum').glob('flute_acoustic*.npy'))
    np.save(path, np.ones((513, 251), np.float16))  # of the right size
    line = fails(activation, data, run)
    assert path.name in line and 'extract_spectrum.py' in line
    assert not (run / 'activation.npy').exists()


def test_spectrum_that_goes_away_meanwhile_is_one_line(data, run, fails, monkeypatch):
    path = next((data / 'test' / 'spectrum').glob('flute_acoustic*.npy'))
    monkeypatch.setattr('data_provider.check_spectra', lambda *args: path.unlink(missing_ok=True))
    assert path.name in fails(activation, data, run)
    assert not (run / 'activation.npy').exists()


def test_disk_full_keeps_the_old_pair(small_data, run, fails):
    """Rows and list belong together: neither may be replaced without the other."""
    assert stage(activation, small_data, run) == 0
    kept = shutil.copytree(run, run.with_name('kept'))
    with disk_full(2000):
        line = fails(activation, small_data, run)
    assert 'cannot write' in line and 'activation.npy' in line
    for name in ('activation.npy', 'activation_samples.txt'):
        assert (run / name).read_bytes() == (kept / name).read_bytes()
    assert not list(run.glob('.tmp*'))
