"""predict.py's network without TensorFlow: RUN/network.onnx."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
from conftest import click, damaged_copy, noise, sine, write_wav

from deepdream import trained as trained_networks
from deepdream.run_folder import PRETRAINED
from deepdream.spectrum import log_spectrum
from deepdream.trained import OnnxModel, open_network, open_quickly

ROOT = Path(__file__).parent.parent
CLOSE = 1e-4


@pytest.fixture(scope='module')
def sounds():
    return np.stack([sine(440), sine(82.4, peak=0.01), noise(), click()])


@pytest.fixture
def run(trained, tmp_path):
    return damaged_copy(trained, tmp_path / 'run')


def age(path):
    return path.stat().st_mtime_ns


@pytest.mark.parametrize('source', ['trained', PRETRAINED])
def test_its_answers_are_those_of_tensorflow_the_first_time_and_later(source, request, sounds, tmp_path):
    run = damaged_copy(request.getfixturevalue(source) if source == 'trained' else source, tmp_path / 'run')
    (run / 'network.onnx').unlink(missing_ok=True)
    expected = open_network(run).predict(sounds)
    first = open_quickly(run).predict(sounds)
    made = age(run / 'network.onnx')
    later = open_quickly(run)
    assert isinstance(later.model, OnnxModel) and age(run / 'network.onnx') == made
    for ours, again, theirs in zip(first, later.predict(sounds), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=CLOSE, rtol=1e-5)  # some features are in the hundreds
        np.testing.assert_array_equal(ours, again)


def test_features_are_the_mean_and_the_maximum_of_every_filter_and_fc2(run, sounds):
    network = open_network(run)
    names = ['conv1_relu', 'conv2_relu', 'conv3_relu', 'conv4_relu']
    layers = keras.Model(network.model.input, [network.model.get_layer(name).output for name in names])
    spectra = network.normalise(np.stack([log_spectrum(sound) for sound in sounds]))
    outputs = layers.predict_on_batch(spectra)
    pooled = [pool(output, axis=tuple(range(1, output.ndim - 1))) for output in outputs for pool in (np.mean, np.max)]
    fc2, _, features = network.model.predict_on_batch(spectra)
    np.testing.assert_allclose(features, np.concatenate([*pooled, fc2], axis=1), rtol=1e-4, atol=CLOSE)


def test_it_is_made_anew_where_it_is_damaged_or_of_another_model(run, sounds):
    path = run / 'network.onnx'
    expected = open_quickly(run).predict(sounds)
    content = path.read_bytes()
    for damaged in (b'', b'no model', content[:len(content) // 2], content[:-1]):
        path.write_bytes(damaged)
        np.testing.assert_array_equal(open_quickly(run).predict(sounds)[0], expected[0])
        assert path.read_bytes() == content
    other = onnx.load(path)
    onnx.helper.set_model_props(other, {'key': 'of another model'})
    onnx.save(other, path)
    open_quickly(run)
    assert onnx.load(path).metadata_props[0].value != 'of another model'


def test_where_it_cannot_be_written_tensorflow_answers(run, sounds, monkeypatch):
    def full(*_):
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr(trained_networks, 'write_onnx', full)
    (run / 'network.onnx').unlink()
    network = open_quickly(run)
    np.testing.assert_array_equal(network.predict(sounds)[0], open_network(run).predict(sounds)[0])
    assert not isinstance(network.model, OnnxModel) and not (run / 'network.onnx').exists()


def test_large_libraries_stay_out_once_it_is_there(shipped, tmp_path):
    run = damaged_copy(shipped, tmp_path / 'run')
    open_quickly(run)
    sound = write_wav(tmp_path / 'sine.wav', sine(440))
    code = (f'import sys; sys.path.insert(0, {str(ROOT)!r}); import predict; '
            f'status = predict.main([{str(sound)!r}, "--run", {str(run)!r}]); '
            'print(status, sorted({"tensorflow", "keras", "librosa", "matplotlib", "sklearn"} & set(sys.modules)))')
    answer = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert 'nearest: ' in answer.stdout and answer.stdout.splitlines()[-1] == '0 []'
