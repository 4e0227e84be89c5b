"""What is stored carries a version, raised by hand: it must be raised when the numbers change, and not before.

After raising one: `python -m pytest tests/test_versions.py --write-golden` stores the new numbers in golden.json.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import TINY_TRAINING, click, contents, damaged_copy, noise, sine, stage, write_wav

import activation
import evaluate
import extract_spectrum
import predict
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
    assert stage(train, tiny_data, tmp_path, '--network', network, '--steps', 2, '--batch-size', 4) == 0
    spectra, _ = next(iter(prepare_data(tiny_data, tiny_data / 'labels.txt').dataset('test')))
    same_as_golden(f'training of the {network} network', training_run.TRAINING_VERSION,
                   load_model(tmp_path / 'model.keras').predict_on_batch(spectra))


def test_variations_and_order(same_as_golden):
    drawn = augmentation.draw_variations(5, 3, 7)
    drawn = drawn._replace(end=drawn.end / 251, noise_start=drawn.noise_start / 1024)  # as large as the rest
    noises = augmentation.noise_magnitudes()[::400, ::100]
    same_as_golden('variations', training_run.TRAINING_VERSION, np.concatenate([*map(np.ravel, drawn), noises.ravel()]))
    chances = train.note_chances(['a-040-100', 'b-040-100', 'b-041-100', 'c-040-100'], np.array([0, 0, 0, 2]))
    orders = [train.note_order(10, 4, 15, 12), train.note_order(4, 4, 15, 12, chances)]
    same_as_golden('order', training_run.TRAINING_VERSION, np.concatenate([chances, *orders]))


def test_rendered_notes(same_as_golden):
    font = default_font()
    notes = [to_level(render(font, program, pitch, 100, held_seconds), 0.9) / 2**15
             for program, pitch, held_seconds in ((0, 60, 3), (32, 36, 3), (73, 72, 3), (73, 72, 0.7))]
    values = [[np.sqrt(np.mean(part ** 2)) for part in np.split(note, 16)] for note in notes]
    same_as_golden('rendered notes', render_notes.RENDER_VERSION, values)
    listed = render_notes.list_notes({'instrument': 3, 'instrument_str': 'x', 'range': (40, 60)}, 8, seed=0, varied=0.5)
    values = [[note['pitch'] / 127, note['velocity'] / 127, note['held_seconds']] for note in listed]
    same_as_golden('notes to render', render_notes.RENDER_VERSION, values)


def test_calibration(same_as_golden):
    rng = np.random.default_rng(0)
    logits, class_indices = 5 * rng.normal(size=(300, 4)), rng.integers(4, size=300)
    temperature = calibration.fit_temperature(logits, class_indices)
    figures = list(calibration.measure_calibration(logits, class_indices, temperature).values())
    same_as_golden('calibration', calibration.CALIBRATION_VERSION, figures)


def test_novelty(same_as_golden):
    rng = np.random.default_rng(0)
    train_notes, outliers = rng.normal(size=(90, 256)), rng.normal(size=(60, 256)) + 1
    found = novelty.fit_novelty(train_notes, outliers, rng.normal(size=(20, 256)))
    values = [found.limit, *found.log_odds(4 * rng.normal(size=(5, 256)))]
    same_as_golden('novelty', novelty.NOVELTY_VERSION, values)


# What was written before there were versions.

def edit(path, change):
    content = json.loads(path.read_text(encoding='utf-8'))
    change(content)
    path.write_text(json.dumps(content), encoding='utf-8')


def spectra_without_version(content):
    content['code'] = SPECTRUM_DIGEST_BEFORE_VERSIONS
    del content['version']


def run_of_version_1(content):
    content['version'] = 1
    content['settings']['class_balance'] = content['settings'].pop('balance')
    del content['settings']['label_smoothing']


def run_without_version(content):
    run_of_version_1(content)
    content['digests'] = {'data': content['digests']['data'], 'code': training_run.TRAINING_DIGEST_BEFORE_VERSIONS}
    spectra_without_version(content['signal'])
    del content['version']


def test_spectra_of_before_are_kept(tiny_data, tmp_path, capsys):
    data = damaged_copy(tiny_data, tmp_path / 'data')
    edit(data / 'spectrum.json', spectra_without_version)
    assert extract_spectrum.main(['--data', str(data), '--jobs', '1']) == 0
    assert '0 of 18 notes were to do' in capsys.readouterr().out


@pytest.mark.parametrize('older', [run_of_version_1, run_without_version])
def test_an_older_run_is_read_but_not_gone_on_with(tiny_data, tmp_path, fails, capfd, older):
    data, run = damaged_copy(tiny_data, tmp_path / 'data'), tmp_path / 'run'
    training = ('--steps', 2, *TINY_TRAINING)
    assert stage(train, data, run, *training) == 0
    edit(run / 'config.json', older)
    if older is run_without_version:
        edit(data / 'spectrum.json', spectra_without_version)
        edit(run / 'calibration.json', lambda content: content.pop('version'))
    before = contents(run)
    line = fails(train, data, run, *training)
    assert 'version was 1, now 2' in line and '--replace' in line
    assert contents(run) == before
    assert stage(evaluate, data, run, '--no-baseline') == 0
    assert stage(activation, data, run) == 0
    wav = write_wav(tmp_path / 'sine.wav', sine())
    np.savez(run / 'novelty.npz', means=np.ones((4, 256)), model='as it was')
    capfd.readouterr()
    assert predict.main([str(wav), '--run', str(run), '--json']) == 0
    output = capfd.readouterr()
    row, = json.loads(output.out)
    assert sum(row['probabilities'].values()) == pytest.approx(1) and 'out_of_distribution' not in row
    assert 'novelty.npz is of an older version' in output.err
    after = contents(run)
    assert all(after[name] == content for name, content in before.items() if not name.endswith('novelty.npz'))


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
            np.savez(run / name, **{key: stored[key] for key in stored.files} | {'version': 99})
        reader = novelty.open_novelty
    else:
        edit(run / name, lambda content: content.update(version=99))
        reader = calibration.load_calibration
    with pytest.raises(ValueError, match=f'{name} has version 99.*run `python train.py` again'):
        reader(run)
    assert stage(train, tiny_data, run, *training) == 0
    reader(run)
