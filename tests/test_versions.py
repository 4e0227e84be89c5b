"""What is stored carries a version, raised by hand: it must be raised when the numbers change, and not before.

After raising one: `python -m pytest tests/test_versions.py --write-golden` stores the new numbers in golden.json.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import TINY_TRAINING, click, damaged_copy, noise, sine, stage, write_wav

import extract_spectrum
import render_notes
import train
from data_provider import prepare_data
from deepdream import augmentation, calibration, novelty, training_run
from deepdream.audio import load_waveform
from deepdream.sound_font import default_font, render, to_level
from deepdream.spectrum import SPECTRUM_DIGEST_BEFORE_VERSIONS, SPECTRUM_VERSION, log_spectrum
from model import load_model

GOLDEN = Path(__file__).parent / 'golden.json'
LARGEST, RMS = 0.002, 0.0002  # difference allowed, of 1 + the largest and the RMS value: processors differ in last bits


@pytest.fixture
def same_as_golden(request):
    """A function that holds numbers against the stored ones of the same version."""
    def check(name, version, values):
        golden = json.loads(GOLDEN.read_text(encoding='utf-8'))
        values = np.asarray(values, np.float64).ravel()
        if request.config.getoption('--write-golden') and golden.get(name, {}).get('version') != version:
            golden[name] = {'version': version, 'values': values.round(4).tolist()}
            GOLDEN.write_text(json.dumps(golden) + '\n', encoding='utf-8')
        assert golden[name]['version'] == version, f'raised the version of {name}? Then use --write-golden'
        apart = np.abs(values - golden[name]['values'])
        message = f'{name} comes out otherwise: raise its version, then use --write-golden'
        assert apart.max() <= LARGEST * (1 + np.abs(values).max()), message
        assert np.sqrt(np.mean(apart ** 2)) <= RMS * (1 + np.sqrt(np.mean(values ** 2))), message
    return check


def test_spectra(tmp_path, same_as_golden):
    stereo = np.stack([sine(330, 2, 44_100), noise(1, 2, 44_100)], axis=1)
    wavs = [write_wav(tmp_path / 'sine.wav', sine()), write_wav(tmp_path / 'click.wav', click()),
            write_wav(tmp_path / 'stereo.wav', stereo, 44_100, 'FLOAT')]
    spectra = [log_spectrum(load_waveform(wav)[0]) for wav in wavs]
    same_as_golden('spectrum', SPECTRUM_VERSION, [spectrum[::25, ::57] for spectrum in spectra])


@pytest.mark.parametrize('network', ['tutorial', 'harmonic'])
def test_training(tiny_data, tmp_path, same_as_golden, network):
    assert stage(train, tiny_data, tmp_path, '--network', network, '--augmentation', '--steps', 2, *TINY_TRAINING) == 0
    spectra, _ = next(iter(prepare_data(tiny_data, tiny_data / 'labels.txt').dataset('test')))
    same_as_golden(f'training of the {network} network', training_run.TRAINING_VERSION,
                   load_model(tmp_path / 'model.keras').predict_on_batch(spectra))


def test_variations_and_order(same_as_golden):
    drawn = augmentation.draw_variations(5, 3, 7)
    values = np.concatenate([drawn.stretch, drawn.gains.ravel(), train.note_order(10, 4, 15, 12)])
    same_as_golden('variations', training_run.TRAINING_VERSION, values)


def test_rendered_notes(same_as_golden):
    font = default_font()
    notes = [to_level(render(font, program, pitch, 100), 0.9) / 2**15
             for program, pitch in ((0, 60), (32, 36), (73, 72))]
    values = [[np.sqrt(np.mean(part ** 2)) for part in np.split(note, 16)] for note in notes]
    same_as_golden('rendered notes', render_notes.RENDER_VERSION, values)


def test_calibration(same_as_golden):
    rng = np.random.default_rng(0)
    logits, class_indices = 5 * rng.normal(size=(300, 4)), rng.integers(4, size=300)
    temperature = calibration.fit_temperature(logits, class_indices)
    figures = list(calibration.measure_calibration(logits, class_indices, temperature).values())
    same_as_golden('calibration', calibration.CALIBRATION_VERSION, figures)


def test_novelty(same_as_golden):
    rng = np.random.default_rng(0)
    class_indices = rng.integers(3, size=90)
    train_notes = rng.normal(size=(90, 256)) + 3 * class_indices[:, np.newaxis]
    found = novelty.fit_novelty(train_notes, class_indices, rng.normal(size=(20, 256)))
    values = [found.limit, *found.distances(4 * rng.normal(size=(5, 256)))]
    same_as_golden('novelty', novelty.NOVELTY_VERSION, values)


# What was written before there were versions.

def edit(path, change):
    content = json.loads(path.read_text(encoding='utf-8'))
    change(content)
    path.write_text(json.dumps(content), encoding='utf-8')


def spectra_without_version(content):
    content['code'] = SPECTRUM_DIGEST_BEFORE_VERSIONS
    del content['version']


def run_without_version(content):
    content['digests'] = {'data': content['digests']['data'], 'code': training_run.TRAINING_DIGEST_BEFORE_VERSIONS}
    spectra_without_version(content['signal'])
    del content['version']


def test_spectra_of_before_are_kept(tiny_data, tmp_path, capsys):
    data = damaged_copy(tiny_data, tmp_path / 'data')
    edit(data / 'spectrum.json', spectra_without_version)
    assert extract_spectrum.main(['--data', str(data), '--jobs', '1']) == 0
    assert '0 of 18 notes were to do' in capsys.readouterr().out


def test_a_run_of_before_is_kept_and_read(tiny_data, tmp_path, capsys):
    data, run = damaged_copy(tiny_data, tmp_path / 'data'), tmp_path / 'run'
    training = ('--steps', 2, *TINY_TRAINING)
    assert stage(train, data, run, *training) == 0
    edit(data / 'spectrum.json', spectra_without_version)
    edit(run / 'config.json', run_without_version)
    edit(run / 'calibration.json', lambda content: content.pop('version'))
    with np.load(run / 'novelty.npz') as stored:
        np.savez(run / 'novelty.npz', **{name: stored[name] for name in stored.files if name != 'version'})
    before = {name: (run / name).stat().st_mtime_ns for name in ('model.keras', 'calibration.json', 'novelty.npz')}
    assert stage(train, data, run, *training) == 0
    assert 'nothing to do' in capsys.readouterr().out
    assert calibration.load_calibration(run)['temperature'] > 0
    assert novelty.open_novelty(run).limit > 0
    assert {name: (run / name).stat().st_mtime_ns for name in before} == before


def test_rendered_notes_of_before_are_kept(tmp_path):
    settings = {'version': 1, 'programs': render_notes.PROGRAMS_BEFORE_VERSIONS, 'soundfonts': {'a.sf2': 'b'},
                'pitches': 48, 'seed': 0, 'finished': True}
    old = {'soundfonts': {'a.sf2': 'b'}, 'code': render_notes.RENDER_DIGEST_BEFORE_VERSIONS, 'pitches': 48, 'seed': 0,
           'finished': True}
    assert render_notes.with_version(old) == settings
    assert render_notes.with_version(old | {'code': 'other'}) != settings


@pytest.mark.parametrize('name', ['calibration.json', 'novelty.npz'])
def test_a_file_of_another_version_is_made_again(tiny_data, tmp_path, capsys, name):
    run, training = tmp_path / 'run', ('--steps', 2, *TINY_TRAINING)
    assert stage(train, tiny_data, run, *training) == 0
    if name == 'novelty.npz':
        with np.load(run / name) as stored:
            np.savez(run / name, **{key: stored[key] for key in stored.files} | {'version': 0})
        reader = novelty.open_novelty
    else:
        edit(run / name, lambda content: content.update(version=0))
        reader = calibration.load_calibration
    with pytest.raises(ValueError, match=f'{name} has version 0.*run `python train.py` again'):
        reader(run)
    assert stage(train, tiny_data, run, *training) == 0
    reader(run)
