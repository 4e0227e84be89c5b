"""model.py: the network of the design, and what a model file may hold."""

import importlib
import re
import shutil
import sys
import zipfile

import numpy as np
import pytest
from conftest import sine, stage

import train
from data_provider import prepare_data
from deepdream.artifacts import BadInput
from deepdream.backend import hidden, keras
from deepdream.spectrum import EPSILON, log_spectrum
from model import get_last_minus_one, get_model, load_model

N_LABELS = 7
OUTPUTS = {  # layer -> shape of one note's output: the table of the design
    'conv1': (249, 64), 'pool1': (83, 64), 'conv2': (83, 64), 'pool2': (27, 64), 'conv3': (27, 128), 'pool3': (9, 128),
    'conv4': (9, 128), 'pool4': (3, 128), 'flatten': (384,), 'fc1': (256,), 'fc2': (256,), 'fc3': (N_LABELS,)}
CONVOLUTIONS = ('conv1', 'conv2', 'conv3', 'conv4')


@pytest.fixture(scope='module')
def model():
    keras.utils.set_random_seed(3)
    return get_model(N_LABELS)


@pytest.fixture(scope='module')
def spectra():
    return np.random.default_rng(0).normal(size=(4, 251, 513, 1)).astype(np.float32)


def outputs_of(model, names, spectra):
    cut = keras.Model(model.input, {name: model.get_layer(name).output for name in names})
    return [output.numpy() for output in map(cut(spectra, training=False).get, names)]


def test_layers_have_the_names_and_shapes_of_the_design(model, spectra):
    for name, output in zip(OUTPUTS, outputs_of(model, OUTPUTS, spectra), strict=True):
        assert output.shape == (4, *OUTPUTS[name]), name


def test_layers_come_in_the_order_of_the_design(model):
    names = [layer.name for layer in model.layers]
    assert [name for name in names if name in OUTPUTS] == list(OUTPUTS)
    for name in CONVOLUTIONS:
        at = names.index(name)
        assert names[at + 1:at + 3] == [f'{name}_bn', f'{name}_relu']


def test_input_is_a_spectrum(model):
    assert model.input_shape == (None, 251, 513, 1)
    assert model.output_shape == (None, N_LABELS)


def test_parameters_are_those_of_the_formula(model):
    kernels = 3 * 513 * 64 + 3 * 64 * 64 + 3 * 64 * 128 + 3 * 128 * 128
    batch_norm = 3 * (64 + 64 + 128 + 128)  # offset, moving mean, moving variance; no scale
    dense = (384 + 1) * 256 + (256 + 1) * 256 + (256 + 1) * N_LABELS
    assert model.count_params() == kernels + batch_norm + dense


@pytest.mark.parametrize('name', CONVOLUTIONS)
def test_convolutions_have_no_bias_and_batch_normalisation_no_scale(model, name):
    assert len(model.get_layer(name).weights) == 1
    normalisation = model.get_layer(f'{name}_bn')
    assert normalisation.epsilon == 0.001
    assert {weight.name for weight in normalisation.weights} == {'beta', 'moving_mean', 'moving_variance'}


def test_logits_are_linear(model, spectra):
    assert model.get_layer('fc3').activation is keras.activations.linear
    fc2, logits = outputs_of(model, ['fc2', 'fc3'], spectra)
    kernel, bias = model.get_layer('fc3').get_weights()
    np.testing.assert_allclose(logits, fc2 @ kernel + bias, atol=1e-4)
    assert logits.min() < 0


def test_fc1_and_fc2_are_rectified(model, spectra):
    for output in outputs_of(model, ['fc1', 'fc2', 'conv1_relu', 'conv4_relu'], spectra):
        assert output.min() == 0 < output.max()


def test_conv1_equals_the_two_dimensional_convolution(model, spectra):
    conv2d = keras.layers.Conv2D(64, (3, 513), padding='valid', use_bias=False)
    conv2d.build((None, 251, 513, 1))
    conv2d.set_weights([model.get_layer('conv1').get_weights()[0][:, :, np.newaxis, :]])
    np.testing.assert_allclose(outputs_of(model, ['conv1'], spectra)[0], conv2d(spectra).numpy()[:, :, 0], atol=1e-4)


def test_last_minus_one_is_fc2_of_the_full_model(model, spectra):
    fc2 = get_last_minus_one(model)
    assert fc2.output_shape == (None, 256)
    np.testing.assert_array_equal(fc2(spectra, training=False), outputs_of(model, ['fc2'], spectra)[0])


def test_last_minus_one_shares_the_weights():
    full = get_model(2)
    fc2 = get_last_minus_one(full)
    full.get_layer('fc2').bias.assign_add(np.ones(256, np.float32))
    np.testing.assert_array_equal(fc2.get_layer('fc2').get_weights()[1], np.ones(256))


def test_training_moves_the_averages_of_batch_normalisation(trained):
    """The published scripts never did, so that they validated on initial statistics."""
    learned = load_model(trained / 'model.keras')
    for name in CONVOLUTIONS:
        normalisation = learned.get_layer(f'{name}_bn')
        assert np.abs(normalisation.moving_mean.numpy()).max() > 0.001, name
        assert np.abs(normalisation.moving_variance.numpy() - 1).max() > 0.001, name


# Model files.

def truncate(path, share):
    content = path.read_bytes()
    path.write_bytes(content[:int(share * len(content))])


def flip(path, share):
    """Turn over a byte at `share` of the file."""
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] ^= 0xff
    path.write_bytes(content)


def rewrite(path, member, change):
    """Replace a member of the zip by what `change` makes of it; leave it out where that is None."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    changed = change(members.pop(member))
    with zipfile.ZipFile(path, 'w') as archive:
        for name, content in (members | ({member: changed} if changed is not None else {})).items():
            archive.writestr(name, content)


DAMAGES = {
    'empty': lambda path: path.write_bytes(b''),
    'text': lambda path: path.write_text('no model'),
    'a tenth': lambda path: truncate(path, 0.1),
    'nearly whole': lambda path: truncate(path, 0.99),
    'flipped byte of the weights': lambda path: flip(path, 0.5),
    'flipped byte near the end': lambda path: flip(path, 0.9),
    'no members': lambda path: zipfile.ZipFile(path, 'w').close(),
    'no configuration': lambda path: rewrite(path, 'config.json', lambda content: None),
    'no weights': lambda path: rewrite(path, 'model.weights.h5', lambda content: None),
    'half the configuration': lambda path: rewrite(path, 'config.json', lambda content: content[:len(content) // 2]),
    'half the weights': lambda path: rewrite(path, 'model.weights.h5', lambda content: content[:len(content) // 2]),
    'unknown layer': lambda path: rewrite(path, 'config.json', lambda content: content.replace(b'ReLU', b'NoLU')),
}


@pytest.mark.parametrize('damage', DAMAGES)
def test_damaged_model_file_is_refused(trained, tmp_path, damage):
    path = tmp_path / 'model.keras'
    shutil.copy(trained / 'model.keras', path)
    DAMAGES[damage](path)
    with pytest.raises(BadInput) as caught:
        load_model(path)
    assert str(path) in str(caught.value)
    assert re.search(r'run `python train\.py[^`]*`', str(caught.value))
    assert len(str(caught.value).splitlines()) == 1


def test_missing_model_names_the_stage(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'model.keras is missing: run `python train.py`'):
        load_model(tmp_path / 'model.keras')


def test_code_in_a_model_file_is_not_run(tmp_path):
    """Safe mode: a Lambda layer holds Python bytecode."""
    marker = str(tmp_path / 'executed')
    hostile = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: (open(marker, 'w').close(), x)[1])])
    hostile.save(tmp_path / 'model.keras')
    (tmp_path / 'executed').unlink()
    with pytest.raises(BadInput, match=r'model\.keras is no intact model') as caught:
        load_model(tmp_path / 'model.keras')
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / 'executed').exists()


# The harmonic network.

@pytest.fixture(scope='module')
def statistics():
    rng = np.random.default_rng(1)
    return rng.uniform(1, 3, (251, 513)).astype(np.float32), rng.uniform(0.5, 2, (251, 513)).astype(np.float32)


def bands_of(waveforms, statistics, channel=0):
    """What the harmonic network's first layer makes of waveforms: (n, 125, 80), one of its channels."""
    mean, std = statistics
    spectra = np.stack([(log_spectrum(waveform) - mean) / std for waveform in waveforms])[..., np.newaxis]
    return outputs_of(get_model(N_LABELS, 'harmonic', mean, std), ['bands'], spectra)[0][..., channel]


def test_harmonic_network_has_the_shapes_of_its_table(spectra):
    model = get_model(N_LABELS, 'harmonic')
    shapes = {'bands': (125, 80, 5), 'conv1': (32, 40, 16), 'conv2': (16, 20, 32), 'conv3': (8, 10, 64),
              'conv4': (4, 5, 128), 'pool4': (256,), 'fc1': (256,), 'fc2': (256,), 'fc3': (N_LABELS,)}
    for name, output in zip(shapes, outputs_of(model, shapes, spectra), strict=True):
        assert output.shape == (4, *shapes[name]), name
    assert model.count_params() - 2 * 251 * 513 < get_model(N_LABELS).count_params()


def test_bands_do_not_depend_on_the_level(statistics):
    loud, soft = bands_of([sine(440, peak=0.9), sine(440, peak=0.09)], statistics)
    np.testing.assert_allclose(loud, soft, atol=0.05)
    assert loud.max() == pytest.approx(1.5) and loud.min() == pytest.approx(-0.5)


def test_bands_rise_with_the_frequency_and_silence_is_finite(statistics):
    *tones, silence = bands_of([sine(200), sine(1000), sine(4000), np.zeros(64_000, np.float32)], statistics)
    peaks = [tone[60].argmax() for tone in tones]
    assert peaks == sorted(set(peaks))
    assert np.isfinite(silence).all()


@pytest.mark.parametrize('harmonic', [2, 3, 4])
def test_a_channel_shows_a_partial_at_the_band_of_the_fundamental(statistics, harmonic):
    fundamental, partial = (bands_of([sine(400, peak=0.5) + sine(400 * harmonic, peak=0.4)], statistics, channel)[0, 60]
                            for channel in (0, harmonic - 1))
    band = round(12 * np.log2(400 / 55))
    assert abs(fundamental[band - 8:band + 9].argmax() - 8) <= 1
    assert abs(partial[band - 8:band + 9].argmax() - 8) <= 1
    other = bands_of([sine(400, peak=0.5)], statistics, harmonic - 1)[0, 60]
    assert other[band] < partial[band] - 0.5


def test_envelopes_tell_when_a_band_sounds_and_not_how_loud(statistics):
    struck, held = sine(1000) * (np.arange(64_000) < 16_000), sine(300, peak=0.9)
    loud, soft = bands_of([held + struck, held + struck / 3], statistics, channel=4)
    np.testing.assert_array_equal(loud.max(axis=0), 1)
    band = loud[100].argmin()
    assert loud[5, band] > 0.8 and loud[100, band] < 0
    np.testing.assert_allclose(soft[:25, band], loud[:25, band], atol=0.05)


def test_harmonic_network_is_the_same_from_its_file(spectra, statistics, tmp_path):
    model = get_model(N_LABELS, 'harmonic', *statistics)
    model.save(tmp_path / 'model.keras')
    np.testing.assert_array_equal(load_model(tmp_path / 'model.keras')(spectra), model(spectra))


def test_harmonic_network_does_not_train_its_statistics(tmp_path, small_data):
    assert stage(train, small_data, tmp_path / 'run', '--network', 'harmonic', '--steps', 2, '--batch-size', 4) == 0
    bands = load_model(tmp_path / 'run/model.keras').get_layer('bands')
    provider = prepare_data(small_data, small_data / 'labels.txt')
    np.testing.assert_array_equal(bands.mean.numpy(), provider.mean)
    np.testing.assert_allclose(bands.std.numpy(), provider.std + EPSILON)


def test_modules_are_hidden_within_the_block_only(monkeypatch):
    monkeypatch.delitem(sys.modules, 'wave', raising=False)
    with hidden('wave', 'numpy'):
        importlib.import_module('numpy')  # is imported already
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module('wave')
    assert importlib.import_module('wave')
