"""export.py: every format answers to rendered notes as predict.py does."""

import shutil

import librosa
import numpy as np
import pytest
from conftest import SMALL_LABELS, damaged_copy, disk_full, edit_json, error_line, noise, sine, stage

import export
import train
from deepdream.backend import tf
from deepdream.sound_font import default_font, render, to_level
from deepdream.trained import open_network
from export import stft_magnitudes
from model import NETWORKS

NOTES = ((0, 60, 100), (19, 48, 75), (40, 67, 50), (73, 84, 127))  # program, pitch, velocity


@pytest.fixture(scope='module')
def waveforms():
    """Rendered notes of various levels, a sine and noise: (6, 64000)."""
    rendered = [to_level(render(default_font(), *note), peak) / 2**15
                for note, peak in zip(NOTES, (0.9, 0.5, 0.1, 0.01), strict=True)]
    return np.stack([*rendered, sine(), noise()]).astype(np.float32)


@pytest.fixture(scope='module', params=NETWORKS)
def run(request, trained, small_data, tmp_path_factory):
    run = tmp_path_factory.mktemp('export') / 'run'
    if request.param == 'tutorial':
        damaged_copy(trained, run)
    else:
        assert stage(train, small_data, run, '--network', request.param, '--steps', 40, '--batch-size', 8) == 0
    edit_json(run / 'calibration.json', temperature=2.5, peaks=[0.3, 0.6, 0.7])
    return run


def ask_saved_model(path, waveforms):
    answer = tf.saved_model.load(str(path)).signatures['serving_default']
    return {name: value.numpy() for name, value in answer(waveform=tf.constant(waveforms)).items()}


def ask_onnx(path, waveforms):
    import onnxruntime
    session = onnxruntime.InferenceSession(path)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {'waveform': waveforms}), strict=True))


def ask_litert(path, waveforms):
    return tf.lite.Interpreter(str(path)).get_signature_runner()(waveform=waveforms)


@pytest.mark.parametrize(('form', 'name', 'ask'), [
    ('saved_model', 'saved_model', ask_saved_model), ('onnx', 'model.onnx', ask_onnx),
    ('litert', 'model.tflite', ask_litert)])
def test_format_answers_as_predict_does(run, waveforms, form, name, ask):
    for _ in range(2):  # over the earlier export, too
        assert export.main(['--run', str(run), '--format', form]) == 0
    assert (run / 'export/labels.txt').read_text().split() == list(SMALL_LABELS)
    assert not list((run / 'export').glob('.tmp*'))
    probabilities, fc2, _ = open_network(run).predict(waveforms)
    for some in (slice(None), slice(1)):  # any batch
        answer = ask(run / 'export' / name, waveforms[some])
        np.testing.assert_allclose(answer['probabilities'], probabilities[some], atol=1e-3)
        np.testing.assert_allclose(answer['fc2'], fc2[some], atol=1e-3 * np.abs(fc2).max())


def test_convolution_is_the_stft(waveforms):
    expected = np.abs([librosa.stft(waveform, n_fft=1024, hop_length=256).T for waveform in waveforms])
    np.testing.assert_allclose(stft_magnitudes(waveforms).numpy(), expected, atol=1e-6 * expected.max())


def test_silence_gives_finite_answers(run):
    answer = export.listening_model(open_network(run)).predict_on_batch(np.zeros((1, 64_000), np.float32))
    assert all(np.isfinite(value).all() for value in answer.values())


@pytest.mark.parametrize('form', export.FORMATS)
def test_disk_full_leaves_no_half_export(run, tmp_path, capfd, form):
    copy = damaged_copy(run, tmp_path / 'run')
    shutil.rmtree(copy / 'export', ignore_errors=True)
    with disk_full(200_000):
        assert export.main(['--run', str(copy), '--format', form]) == 1
    assert 'cannot write' in error_line(capfd.readouterr().err, copy / 'export')
    assert [path.name for path in (copy / 'export').iterdir()] == ['labels.txt']


def test_run_without_model_names_the_stage(tmp_path, capfd):
    assert export.main(['--run', str(tmp_path)]) == 1
    assert 'run `python train.py` first' in capfd.readouterr().err
