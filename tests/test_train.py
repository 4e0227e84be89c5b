"""train.py: what it learns and keeps, whatever interrupts it, and what it refuses."""

import csv
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import (
    PLAIN,
    SMALL_LABELS,
    SMALL_TRAINING,
    TINY_TRAINING,
    damaged_copy,
    disk_full,
    edit_json,
    make_data,
    noise,
    run_python,
    sine,
    small_names,
    stage,
)
from scipy.special import log_softmax

import train
from data_provider import prepare_data
from deepdream import backend
from deepdream.spectrum import log_spectrum
from deepdream.training_run import TrainingSettings
from model import get_model, load_model
from train import class_weights, note_chances, note_order

TWO_STEPS = ('--steps', 2, *TINY_TRAINING)
BY_DEFAULT = ('--steps', 4, '--batch-size', 4, '--validate-every', 2)  # how to train is left to train.py


def history_of(run):
    with open(run / 'history.csv', encoding='utf-8') as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


def weights_of(run):
    return load_model(run / 'model.keras').get_weights()


def assert_same_result(run, other):
    assert (run / 'history.csv').read_bytes() == (other / 'history.csv').read_bytes()
    for weight, expected in zip(weights_of(run), weights_of(other), strict=True):
        np.testing.assert_array_equal(weight, expected)


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob('*') if path.is_file()}


def score(run, data, split='valid'):
    """(accuracy, mean cross-entropy) of RUN/model.keras, computed one note at a time without train.py."""
    provider, model = prepare_data(data, data / 'labels.txt'), load_model(run / 'model.keras')
    spectra, indices = zip(*(provider.get_sample_at(split, i) for i in range(provider.n_notes(split))), strict=True)
    logits = model(np.stack(spectra)[..., np.newaxis], training=False).numpy().astype(np.float64)
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return np.mean(logits.argmax(axis=1) == indices), -log_probabilities[range(len(indices)), indices].mean()


@pytest.fixture(scope='session')
def tiny_run(tiny_data, tmp_path_factory):
    """A finished training of 2 steps."""
    run = tmp_path_factory.mktemp('tiny_run') / 'run'
    assert stage(train, tiny_data, run, *TWO_STEPS) == 0
    return run


@pytest.fixture
def run(tiny_run, tmp_path):
    """A copy of the finished run, to damage."""
    return damaged_copy(tiny_run, tmp_path / 'run')


@pytest.fixture(scope='session')
def killed(small_data, tmp_path_factory):
    """The run folder of a training like `trained` that was killed when its first checkpoint was there."""
    return kill(small_data, tmp_path_factory.mktemp('killed') / 'run', *SMALL_TRAINING)


def kill(data, run, *training):
    """Train in a process of its own, and kill it when its first checkpoint is there; return `run`."""
    process = subprocess.Popen(
        [sys.executable, train.__file__, '--data', data, '--labels', data / 'labels.txt', '--run', run,
         *map(str, training)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (run / 'checkpoint' / 'state.json').exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not json.loads((run / 'checkpoint' / 'state.json').read_text())['finished']
    return run


# What it learns.

def test_loss_falls_and_valid_accuracy_rises_above_chance(trained):
    history = history_of(trained)
    assert history[-1]['train_loss'] < 0.7 * history[0]['train_loss']
    assert history[-1]['valid_accuracy'] > 0.6  # chance: 0.25


def test_whole_valid_split_is_counted(trained, small_data):
    """With 22 notes in batches of 8: the last batch, of 6, must count neither more nor less than its notes."""
    best = max(history_of(trained), key=train.merit)
    accuracy, loss = score(trained, small_data)
    assert best['valid_accuracy'] == pytest.approx(accuracy, abs=1e-6)
    assert best['valid_loss'] == pytest.approx(loss, abs=1e-4)


def test_early_stop_keeps_the_best_model_not_the_last(small_data, tmp_path):
    run, patience = tmp_path / 'run', 2
    assert stage(train, small_data, run, *PLAIN, '--steps', 60, '--batch-size', 8, '--validate-every', 1,
                 '--optimizer', 'sgd', '--learning-rate', 0.3, '--schedule', 'constant', '--patience', patience) == 0
    history = history_of(run)
    best = max(range(len(history)), key=lambda i: (history[i]['valid_accuracy'], -history[i]['valid_loss']))
    assert len(history) < 60
    assert len(history) - 1 - best == patience
    accuracy, loss = score(run, small_data)
    assert accuracy == pytest.approx(history[best]['valid_accuracy'], abs=1e-6)
    assert loss == pytest.approx(history[best]['valid_loss'], rel=1e-3)
    assert loss != pytest.approx(history[-1]['valid_loss'], rel=1e-3)


def test_cosine_falls_to_zero_and_adadelta_keeps_the_tutorials_rate(trained, tiny_data, tmp_path):
    rates = [row['learning_rate'] for row in history_of(trained)]
    assert rates == sorted(rates, reverse=True) and rates[-1] == pytest.approx(0, abs=1e-9)
    assert stage(train, tiny_data, tmp_path, *TWO_STEPS, '--optimizer', 'adadelta', '--learning-rate', 0.01,
                 '--schedule', 'constant') == 0
    assert [row['learning_rate'] for row in history_of(tmp_path)] == pytest.approx([0.01])
    assert load_model(tmp_path / 'model.keras', compile=True).optimizer.name == 'adadelta'


def test_weight_decay_makes_weights_smaller(tiny_data, tiny_run, tmp_path):
    assert stage(train, tiny_data, tmp_path, *TWO_STEPS, '--weight-decay', 300) == 0  # 0.3 a step, times what is left
    for weight, usual in zip(weights_of(tmp_path), weights_of(tiny_run), strict=True):
        if weight.ndim > 1:
            assert np.linalg.norm(weight) < 0.9 * np.linalg.norm(usual)


def test_same_seed_same_result_and_another_seed_another(tiny_data, tiny_run, tmp_path):
    assert stage(train, tiny_data, tmp_path / 'same', *TWO_STEPS) == 0
    assert_same_result(tmp_path / 'same', tiny_run)
    assert stage(train, tiny_data, tmp_path / 'other', *TWO_STEPS, '--seed', 1) == 0
    assert not np.array_equal(weights_of(tmp_path / 'other')[0], weights_of(tiny_run)[0])


def test_run_folder_stands_alone(trained, small_data):
    assert (trained / 'labels.txt').read_text() == (small_data / 'labels.txt').read_text()
    for name in ('data_mean.npy', 'data_std.npy'):
        np.testing.assert_array_equal(np.load(trained / name), np.load(small_data / name))
    config = json.loads((trained / 'config.json').read_text())
    assert config['labels'] == list(SMALL_LABELS)
    assert (config['settings']['seed'], config['settings']['steps'], config['n_train']) == (0, 30, 64)
    assert config['signal']['n_fft'] == 1024
    assert set(config['versions']) == {'tensorflow', 'keras', 'numpy', 'python'}
    assert list((trained / 'tensorboard').glob('events.out.tfevents.*'))
    assert not [name for name in files_of(trained) if '.tmp' in name or (name.endswith('.keras') and '/' in name)]


@pytest.mark.parametrize('keep', ['best', 'last'])
def test_without_a_valid_split_the_last_model_is_kept(tmp_path, capfd, keep):
    """That it takes the place of the best is said where the best was asked for."""
    data = make_data(tmp_path / 'data', {'train': small_names(0, 2, 1)})
    assert stage(train, data, tmp_path / 'run', '--steps', 3, *TINY_TRAINING, '--patience', 1, '--keep', keep) == 0
    assert ('kept instead of the best' in capfd.readouterr().out) == (keep == 'best')
    history = history_of(tmp_path / 'run')
    assert [row['step'] for row in history] == [2, 3]
    assert all('valid_accuracy' not in row for row in history)
    assert load_model(tmp_path / 'run' / 'model.keras', compile=True).optimizer.iterations == 3


def test_the_last_model_is_kept_where_that_is_asked_for(small_data, tmp_path):
    """With the settings with which the early stop keeps an earlier one."""
    assert stage(train, small_data, tmp_path, *PLAIN, '--steps', 12, '--batch-size', 8, '--validate-every', 1,
                 '--optimizer', 'sgd', '--learning-rate', 0.3, '--schedule', 'constant', '--patience', 1,
                 '--keep', 'last') == 0
    history = history_of(tmp_path)
    assert len(history) == 12
    assert max(history, key=train.merit) is not history[-1]
    accuracy, loss = score(tmp_path, small_data)
    assert accuracy == pytest.approx(history[-1]['valid_accuracy'], abs=1e-6)
    assert loss == pytest.approx(history[-1]['valid_loss'], rel=1e-3)
    assert (tmp_path / 'calibration.json').exists()


@pytest.mark.parametrize('balance', ['instruments', 'weights', 'none'])
def test_one_label_is_learnt_at_once(tmp_path, balance):
    """Keras' 'accuracy' of a single output would be that of a yes-no question, and wrong; its class weights fail."""
    notes = {split: [f'bass_x_{number:03}-040-100' for number in range(4)] for split in ('train', 'valid')}
    data = make_data(tmp_path / 'data', notes, labels=['bass'])
    assert stage(train, data, tmp_path / 'run', *TWO_STEPS, '--balance', balance, '--label-smoothing', 0.1) == 0
    assert [(row['train_accuracy'], row['valid_accuracy']) for row in history_of(tmp_path / 'run')] == [(1, 1)]


# Targets.

def settings_with(*options):
    """The TrainingSettings of a command line."""
    args = train.parse_arguments(['--network', 'tutorial', *map(str, options)])
    return TrainingSettings(**{field.name: getattr(args, field.name) for field in fields(TrainingSettings)})


@pytest.mark.parametrize('smoothing', [0, 0.1, 0.9])
def test_loss_is_the_cross_entropy_with_targets_shared_out(tiny_data, smoothing):
    """Without smoothing, of the label of each note alone."""
    provider = prepare_data(tiny_data, tiny_data / 'labels.txt')
    model = train.build_model(settings_with('--label-smoothing', smoothing), provider)
    batch = train.with_targets(provider.dataset('valid'), provider.n_labels)
    (spectra, targets), = batch.as_numpy_iterator()
    np.testing.assert_array_equal(targets, np.eye(5)[provider.class_indices['valid']])
    log_probabilities = log_softmax(model(spectra, training=False).numpy().astype(np.float64), axis=1)
    shared_out = (1 - smoothing) * targets + smoothing / 5
    expected = -(shared_out * log_probabilities).sum(axis=1).mean()
    result = model.evaluate(batch, return_dict=True, verbose=0)
    assert result['loss'] == pytest.approx(expected, rel=1e-4)
    assert result['accuracy'] == (log_probabilities.argmax(axis=1) == provider.class_indices['valid']).mean()
    if not smoothing:
        of_labels = log_probabilities[range(4), provider.class_indices['valid']]
        assert result['loss'] == pytest.approx(-of_labels.mean(), rel=1e-4)


# Order, chances and weights.

def test_each_epoch_holds_every_note_once():
    order = note_order(7, 0, 0, 7 * 5).reshape(5, 7)
    assert [sorted(epoch) for epoch in order] == [list(range(7))] * 5
    assert len({tuple(epoch) for epoch in order}) > 1


@pytest.mark.parametrize(('start', 'count'), [(0, 3), (5, 1), (6, 9), (7, 7), (13, 30), (20, 1)])
def test_order_does_not_depend_on_where_one_starts(start, count):
    np.testing.assert_array_equal(note_order(7, 4, start, count), note_order(7, 4, 0, 100)[start:start + count])


def test_order_depends_on_the_seed():
    np.testing.assert_array_equal(note_order(50, 1, 0, 50), note_order(50, 1, 0, 50))
    assert not np.array_equal(note_order(50, 1, 0, 50), note_order(50, 2, 0, 50))


def notes_of(**counts):
    """(notes, class indices) of instruments: {name: number of notes}, labels by their first letter, a to d."""
    notes = [f'{name}-{pitch:03}-100' for name, count in counts.items() for pitch in range(count)]
    return notes, np.array(['abcd'.index(note[0]) for note in notes])


def test_labels_are_drawn_as_often_and_instruments_by_the_root_of_their_notes():
    """The label c has no notes, and d has one."""
    notes, class_indices = notes_of(a_1=100, b_1=4, a_2=25, a_3=1, b_2=9, d_1=1)
    chances = note_chances(notes, class_indices)
    assert chances.shape == (140,) and chances.sum() == pytest.approx(1)
    np.testing.assert_allclose(np.bincount(class_indices, chances), [1 / 3, 1 / 3, 0, 1 / 3])
    instruments = [note.split('-')[0] for note in notes]
    totals = Counter()
    for instrument, chance in zip(instruments, chances, strict=True):
        totals[instrument] += chance
    expected = {'a_1': 10 / 16, 'a_2': 5 / 16, 'a_3': 1 / 16, 'b_1': 2 / 5, 'b_2': 3 / 5, 'd_1': 1}
    assert {name: 3 * total for name, total in totals.items()} == pytest.approx(expected)
    assert all(len({chance for one, chance in zip(instruments, chances, strict=True) if one == name}) == 1
               for name in totals)


def test_one_note_and_names_that_tell_no_instrument_have_chances():
    assert note_chances(['a'], np.array([3])) == pytest.approx([1])
    np.testing.assert_allclose(note_chances(['a_x', 'a_y', 'b_z'], np.array([0, 0, 1])), [0.25, 0.25, 0.5])


def test_drawn_order_depends_on_seed_and_start_alone():
    chances = note_chances(*notes_of(a_1=30, a_2=3, b_1=7))
    order = note_order(40, 4, 96, 50, chances)
    np.testing.assert_array_equal(order, note_order(40, 4, 96, 50, chances))
    np.testing.assert_array_equal(order[:20], note_order(40, 4, 96, 20, chances))
    assert not np.array_equal(order, note_order(40, 5, 96, 50, chances))
    assert not np.array_equal(order, note_order(40, 4, 128, 50, chances))


def test_notes_are_drawn_by_their_chances():
    notes, class_indices = notes_of(a_1=30, a_2=3, b_1=7)
    chances = note_chances(notes, class_indices)
    counts = np.bincount(note_order(40, 0, 0, 40_000, chances), minlength=40)
    np.testing.assert_allclose(counts / 40_000, chances, rtol=0.25)
    np.testing.assert_allclose(np.bincount(class_indices, counts) / 40_000, 0.5, atol=0.01)


@pytest.mark.parametrize(('balance', 'expected'), [('instruments', [0.5, 0.5]), ('none', [0.75, 0.25]),
                                                   ('weights', [0.75, 0.25])])
def test_balance_says_which_notes_are_drawn(tmp_path, monkeypatch, balance, expected):
    """Three basses and an organ: only `instruments` shows the organ as often."""
    data = make_data(tmp_path / 'data', {'train': [f'bass_x_{number:03}-040-100' for number in range(3)]
                                         + ['organ_x_000-040-100']})
    shown = []

    def note_order_of_train(*arguments):
        shown.extend(note_order(*arguments))
        return np.array(shown)

    monkeypatch.setattr(train, 'note_order', note_order_of_train)
    assert stage(train, data, tmp_path / 'run', *TINY_TRAINING, '--steps', 30, '--validate-every', 30,
                 '--balance', balance) == 0
    is_organ = np.array(shown) == 3
    assert len(shown) == 120
    np.testing.assert_allclose([1 - is_organ.mean(), is_organ.mean()], expected, atol=0.1)


def test_labels_count_the_same_and_notes_one_on_average():
    class_indices = np.repeat([0, 1, 3], [60, 5, 15])
    weights = class_weights(class_indices, 5)
    totals = [weights[label] * count for label, count in Counter(class_indices.tolist()).items()]
    assert totals == pytest.approx([totals[0]] * 3)
    assert sum(totals) == pytest.approx(len(class_indices))


def test_label_without_notes_has_a_finite_weight():
    weights = class_weights(np.array([0, 0, 2]), 4)
    assert set(weights) == {0, 1, 2, 3}
    assert np.isfinite(list(weights.values())).all()


# Several devices.

ON_TWO_DEVICES = '''
import sys
from deepdream import backend, calibration, novelty
from deepdream.backend import tf
tf.config.set_logical_device_configuration(tf.config.list_physical_devices('CPU')[0],
                                           [tf.config.LogicalDeviceConfiguration()] * 2)
mirrored = tf.distribute.MirroredStrategy(['CPU:0', 'CPU:1'])
assert mirrored.num_replicas_in_sync == 2
import model, train
model.DROPOUT = 0
train.strategy = lambda: mirrored
calibration.write_calibration = novelty.write_novelty = lambda *arguments: None
save_state = train.save_state

def save_and_stop(*arguments):
    train.save_state = save_state
    save_state(*arguments)
    raise KeyboardInterrupt

if sys.argv[1] == 'as GPUs, stopped once':
    backend.GPUS += ['GPU:0', 'GPU:1']
    train.save_state = save_and_stop
    assert train.main(sys.argv[2:]) == 130
sys.exit(train.main(sys.argv[2:]))
'''


@pytest.fixture
def batch_of_one(small_data, tmp_path):
    """`small_data` with 21 valid notes: of batches of 10, the last holds one, and none for a second device."""
    data = damaged_copy(small_data, tmp_path / 'data')
    for path in data.glob('valid_*.txt'):
        path.write_text(''.join(path.read_text().splitlines(keepends=True)[:21]))
    return data


# As GPUs, they compute in mixed precision. Dropout is off, as it hides the same units in the share of each device; SGD,
# as adaptive optimizers make a difference in the last bit of a small gradient a large one.
@pytest.mark.thorough
@pytest.mark.parametrize(('kind', 'steps', 'tolerance'), [
    ('as CPUs', 2, 1e-4), ('as GPUs, stopped once', 4, 1e-2)])
def test_two_devices_train_as_one(batch_of_one, tmp_path, monkeypatch, kind, steps, tolerance):
    monkeypatch.setattr('model.DROPOUT', 0)
    for name in ('calibration.write_calibration', 'novelty.write_novelty'):
        monkeypatch.setattr(f'deepdream.{name}', lambda *arguments: None)
    options = ('--steps', steps, '--validate-every', 2, '--batch-size', 10, '--optimizer', 'sgd',
               '--learning-rate', 0.01)
    assert stage(train, batch_of_one, tmp_path / 'one', *options) == 0
    two = run_python('-c', ON_TWO_DEVICES, kind, '--data', batch_of_one, '--labels', batch_of_one / 'labels.txt',
                     '--run', tmp_path / 'two', *options)
    assert two.returncode == 0, two.stderr
    assert ('going on from step 2' in two.stdout) == (kind == 'as GPUs, stopped once')
    for weight, expected in zip(weights_of(tmp_path / 'two'), weights_of(tmp_path / 'one'), strict=True):
        np.testing.assert_allclose(weight, expected, rtol=0, atol=tolerance)
    for row, expected in zip(history_of(tmp_path / 'two'), history_of(tmp_path / 'one'), strict=True):
        assert row['valid_loss'] == pytest.approx(expected['valid_loss'], abs=tolerance)
        assert row['train_loss'] == pytest.approx(expected['train_loss'], abs=tolerance)


def test_a_batch_that_several_devices_cannot_share_is_refused(tiny_data, tmp_path, fails, monkeypatch):
    monkeypatch.setattr(train, 'strategy', lambda: SimpleNamespace(num_replicas_in_sync=3))
    line = fails(train, tiny_data, tmp_path / 'run', '--batch-size', 32)
    assert '--batch-size 32' in line and '3 GPUs' in line and 'multiple of 3' in line
    assert not (tmp_path / 'run').exists()


# Interrupted and started again.

def test_killed_and_started_again_ends_the_same(killed, trained, small_data, tmp_path, capfd):
    """With what a kill during a save leaves, too: half files, and whole ones that state.json does not know of yet."""
    run = shutil.copytree(killed, tmp_path / 'run')
    for name in ('checkpoint/.tmp.step-000030.keras', 'checkpoint/step-000030.keras', '.tmp.model.keras',
                 'checkpoint/.tmp.state.json', '.tmp.history.csv'):
        (run / name).write_bytes(b'half a fi')
    for name in ('model.keras', 'history.csv'):
        shutil.copy(trained / name, run / name)
    assert stage(train, small_data, run, *SMALL_TRAINING) == 0
    assert 'going on from step' in capfd.readouterr().out
    assert_same_result(run, trained)
    assert not [name for name in files_of(run) if '.tmp' in name or 'step-' in name]


def test_killed_by_default_ends_the_same(tiny_data, tmp_path, capfd):
    """The dropout, the notes drawn and their variations go on where they were, in another process."""
    assert stage(train, tiny_data, tmp_path / 'whole', *BY_DEFAULT) == 0
    run = kill(tiny_data, tmp_path / 'killed', *BY_DEFAULT)
    assert stage(train, tiny_data, run, *BY_DEFAULT) == 0
    assert 'going on from step 2' in capfd.readouterr().out
    assert_same_result(run, tmp_path / 'whole')


@pytest.mark.thorough
@pytest.mark.parametrize('options', [('--balance', 'weights', '--network', 'tutorial'),
                                     ('--balance', 'none', '--no-augmentation', '--keep', 'best')], ids=' '.join)
def test_stopped_between_validations_ends_the_same(tiny_data, tmp_path, monkeypatch, options):
    four_steps = (*BY_DEFAULT, *options)
    assert stage(train, tiny_data, tmp_path / 'whole', *four_steps) == 0
    save_state, stopped = train.save_state, []

    def stop_after_the_first(*arguments):
        save_state(*arguments)
        if not stopped:
            stopped.append(True)
            raise KeyboardInterrupt

    monkeypatch.setattr(train, 'save_state', stop_after_the_first)
    assert stage(train, tiny_data, tmp_path / 'stopped', *four_steps) == 130
    assert stage(train, tiny_data, tmp_path / 'stopped', *four_steps) == 0
    assert_same_result(tmp_path / 'stopped', tmp_path / 'whole')


def test_bands_that_xla_computes_are_the_same(monkeypatch):
    monkeypatch.setattr(backend, 'GPUS', [])
    spectra = np.stack([noise(), sine(440)])
    spectra = np.stack([log_spectrum(waveform) for waveform in spectra])[..., np.newaxis]
    model = get_model(5, 'harmonic')
    plain = model(spectra, training=False).numpy()
    np.testing.assert_allclose(train.faster(model)(spectra, training=False), plain, rtol=1e-4, atol=1e-4)
    assert [layer.name for layer in model.layers if 'call' in vars(layer)] == ['bands']


@pytest.mark.parametrize(('network', 'gpus'), [('harmonic', ['a GPU']), ('tutorial', [])])
def test_nothing_is_compiled_for_gpus_or_without_bands(monkeypatch, network, gpus):
    """On GPUs XLA compiles the whole step."""
    monkeypatch.setattr(backend, 'GPUS', gpus)
    model = get_model(5, network)
    assert train.faster(model) is model
    assert not [layer.name for layer in model.layers if 'call' in vars(layer)]


def test_dropouts_hide_different_units_at_each_layer_and_step():
    model, ones = get_model(11, 'harmonic'), np.ones((32, 256), np.float32)

    def hidden(start):
        train.seed_dropouts(model, 7, 10, start)
        return [tuple(np.flatnonzero(layer(ones, training=True))) for layer in model.layers if 'dropout' in layer.name]

    masks = [mask for start in (0, 9) for mask in hidden(start)]
    assert len(masks) == 6 == len(set(masks))
    assert hidden(9) == masks[3:]


def test_killed_before_the_first_checkpoint(tiny_data, tiny_run, run):
    shutil.rmtree(run / 'checkpoint')
    for name in ('model.keras', 'history.csv'):
        (run / name).unlink()
    assert stage(train, tiny_data, run, *TWO_STEPS) == 0
    assert_same_result(run, tiny_run)


def test_finished_run_does_nothing(tiny_data, run, capfd):
    before = files_of(run)
    assert stage(train, tiny_data, run, *TWO_STEPS) == 0
    assert 'nothing to do' in capfd.readouterr().out
    assert files_of(run) == before


@pytest.mark.parametrize(('options', 'change'), [
    (('--seed', 5), 'settings.seed was 0, now 5'),
    (('--augmentation',), 'settings.augmentation was False, now True'),
    (('--balance', 'instruments'), 'settings.balance was weights, now instruments'),
    (('--label-smoothing', 0.1), 'settings.label_smoothing was 0.0, now 0.1')], ids=str)
def test_other_settings_are_refused(tiny_data, run, fails, options, change):
    before = files_of(run)
    line = fails(train, tiny_data, run, *TWO_STEPS, *options)
    assert change in line and '--replace' in line and 'config.json' in line
    assert files_of(run) == before


def test_other_data_are_refused(tiny_data, run, tmp_path, fails):
    data = damaged_copy(tiny_data, tmp_path / 'data')
    np.save(data / 'data_mean.npy', np.load(data / 'data_mean.npy') + np.float32(0.1))
    line = fails(train, data, run, *TWO_STEPS)
    assert 'digests.data' in line and '--replace' in line


def test_replace_trains_anew_and_history_has_a_row_each_validation_and_one_at_the_end(tiny_data, run):
    assert stage(train, tiny_data, run, '--steps', 3, *TINY_TRAINING, '--seed', 5, '--replace') == 0
    history = history_of(run)
    assert [row['step'] for row in history] == [2, 3]
    assert all(set(row) == set(train.HISTORY) for row in history)
    assert json.loads((run / 'config.json').read_text())['settings']['seed'] == 5


# Damage, and whether the remedy works.

def follow(line, path, script, data, run, *arguments):
    """Do what the error message in `line` on `path` says: delete, then run the command; return its status."""
    if 'delete' in line:
        named = re.search(r'delete (\S+)', line)[1]
        named = path if named == 'it' else type(path)(named)
        shutil.rmtree(named) if named.is_dir() else named.unlink()
    command = re.search(r'`python (\S+)([^`]*)`', line)
    assert command[1] == script.__name__ + '.py'
    return stage(script, data, run, *arguments, *command[2].split())


def test_damaged_checkpoint_is_named_and_the_remedy_works(tiny_data, tiny_run, run, fails):
    path = run / 'checkpoint' / 'step-000001.keras'
    path.write_bytes((run / 'model.keras').read_bytes()[:5000])
    edit_json(run / 'checkpoint' / 'state.json', finished=False, file=path.name)
    line = fails(train, tiny_data, run, *TWO_STEPS)
    assert str(path) in line
    assert follow(line, path, train, tiny_data, run, *TWO_STEPS) == 0
    assert_same_result(run, tiny_run)


@pytest.mark.parametrize('content', ['{"history": [', '{}', '{"finished": false, "file": null}'])
def test_damaged_state_is_named_and_the_remedy_works(tiny_data, tiny_run, run, fails, content):
    path = run / 'checkpoint' / 'state.json'
    path.write_text(content)
    line = fails(train, tiny_data, run, *TWO_STEPS)
    assert str(path) in line
    assert follow(line, path, train, tiny_data, run, *TWO_STEPS) == 0
    assert_same_result(run, tiny_run)


@pytest.mark.parametrize('changes', [{'history': [], 'finished': True}, {'finished': False, 'file': None}])
def test_state_without_a_checkpoint_starts_anew(tiny_data, tiny_run, run, capfd, changes):
    edit_json(run / 'checkpoint' / 'state.json', **changes)
    assert stage(train, tiny_data, run, *TWO_STEPS) == 0
    assert 'starting anew' in capfd.readouterr().out
    assert_same_result(run, tiny_run)


def test_damaged_config_is_named_and_the_remedy_works(tiny_data, tiny_run, run, fails):
    path = run / 'config.json'
    path.write_text('{')
    line = fails(train, tiny_data, run, *TWO_STEPS)
    assert str(path) in line
    assert follow(line, path, train, tiny_data, run, *TWO_STEPS) == 0
    assert_same_result(run, tiny_run)


def test_missing_best_model_is_made_again(tiny_data, tiny_run, run):
    """The later stages then say: run `python train.py` first."""
    (run / 'model.keras').unlink()
    assert stage(train, tiny_data, run, *TWO_STEPS) == 0
    assert_same_result(run, tiny_run)


def test_best_model_lost_during_an_interrupted_run_is_made_again(killed, small_data, tmp_path):
    """Where no later validation is better, the run would otherwise end without a model."""
    run = shutil.copytree(killed, tmp_path / 'run')
    (run / 'model.keras').unlink()
    state = json.loads((run / 'checkpoint' / 'state.json').read_text())
    state['history'][0] |= {'valid_accuracy': 1.0, 'valid_loss': 0.0}
    (run / 'checkpoint' / 'state.json').write_text(json.dumps(state))
    assert stage(train, small_data, run, *SMALL_TRAINING) == 0
    assert (run / 'model.keras').exists()


def test_missing_statistics_are_copied_again(tiny_data, tiny_run, run):
    for name in ('data_mean.npy', 'data_std.npy', 'labels.txt'):
        (run / name).unlink()
    assert stage(train, tiny_data, run, *TWO_STEPS) == 0
    for name in ('data_mean.npy', 'data_std.npy', 'labels.txt'):
        assert (run / name).read_bytes() == (tiny_run / name).read_bytes()


def test_disk_full_at_the_start_leaves_no_half_file(tiny_data, tmp_path, fails):
    with disk_full(100_000):
        line = fails(train, tiny_data, tmp_path / 'run', *TWO_STEPS)
    assert 'cannot write' in line and 'data_mean.npy' in line
    assert files_of(tmp_path / 'run') == {}


def test_disk_full_while_saving_leaves_no_half_model(tiny_data, tiny_run, tmp_path, fails):
    run = tmp_path / 'run'
    with disk_full(1_000_000):
        line = fails(train, tiny_data, run, *TWO_STEPS)
    assert 'cannot write' in line and 'model.keras' in line
    assert not [name for name in files_of(run) if '.tmp' in name or name.endswith('.keras')]
    assert stage(train, tiny_data, run, *TWO_STEPS) == 0
    assert_same_result(run, tiny_run)


def test_disk_full_later_keeps_the_checkpoint(killed, trained, small_data, tmp_path, fails):
    run = shutil.copytree(killed, tmp_path / 'run')
    before = files_of(run)
    with disk_full(1_000_000):
        line = fails(train, small_data, run, *SMALL_TRAINING)
    assert 'cannot write' in line
    assert {name: content for name, content in files_of(run).items() if 'tensorboard' not in name} == {
        name: content for name, content in before.items() if 'tensorboard' not in name}


# What it refuses.

@pytest.mark.parametrize('option', ['--steps', '--batch-size', '--validate-every', '--patience', '--learning-rate'])
@pytest.mark.parametrize('value', ['0', '-3', 'many', 'nan'])
def test_nonsense_numbers_are_refused(tiny_data, tmp_path, fails, option, value):
    line = fails(train, tiny_data, tmp_path / 'run', *TWO_STEPS, option, value)
    assert option in line and value in line
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize('value', ['-0.1', '1', '1.5', 'nan', 'much'])
def test_label_smoothing_that_leaves_nothing_or_is_no_share_is_refused(tiny_data, tmp_path, fails, value):
    line = fails(train, tiny_data, tmp_path / 'run', *TWO_STEPS, '--label-smoothing', value)
    assert '--label-smoothing' in line and value in line
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize('value', [-1, 2 ** 32])
def test_seeds_that_keras_does_not_take_are_refused(tiny_data, tmp_path, fails, value):
    line = fails(train, tiny_data, tmp_path / 'run', '--steps', 1, '--seed', value)
    assert 'seed' in line and str(value) in line
    assert not (tmp_path / 'run').exists()


def test_missing_stage_is_named(tmp_path, tiny_data, fails):
    shutil.copy(tiny_data / 'labels.txt', tmp_path)
    assert 'run `python gather_information.py` first' in fails(train, tmp_path, tmp_path / 'run')
    for name in ('train_samples.txt', 'train_labels.txt'):
        shutil.copy(tiny_data / name, tmp_path)
    assert 'run `python extract_spectrum.py` first' in fails(train, tmp_path, tmp_path / 'run')
    assert not (tmp_path / 'run').exists()


def test_data_without_train_split_are_refused(tiny_data, tmp_path, fails):
    data = damaged_copy(tiny_data, tmp_path / 'data')
    for kind in ('samples', 'labels'):
        (data / f'train_{kind}.txt').unlink()
    line = fails(train, data, tmp_path / 'run')
    assert "'train'" in line and 'gather_information.py' in line


def test_data_with_every_train_note_rejected_are_refused(tiny_data, tmp_path, fails):
    data = damaged_copy(tiny_data, tmp_path / 'data')
    notes = (data / 'train_samples.txt').read_text().splitlines()
    (data / 'train_rejected.txt').write_text(''.join(f'{note}\tempty\n' for note in notes))
    assert 'no usable notes' in fails(train, data, tmp_path / 'run')


def test_loss_that_is_no_number_is_one_clear_line(tiny_data, tmp_path, fails):
    line = fails(train, tiny_data, tmp_path / 'run', '--steps', 4, *TINY_TRAINING, '--learning-rate', 1e30)
    assert 'loss is' in line and '--learning-rate' in line and '1e+30' in line
    assert not [path for path in (tmp_path / 'run').rglob('*.keras') if not np.isfinite(load_model(path)(
        np.zeros((1, 251, 513, 1), np.float32))).all()]


def test_loss_that_is_no_number_after_the_last_step_is_noticed(tiny_data, tmp_path, fails):
    """The training loss is that before the step, when all was well yet."""
    assert 'loss is' in fails(train, tiny_data, tmp_path / 'run', '--steps', 1, *TINY_TRAINING, '--learning-rate', 1e30)
    assert not (tmp_path / 'run' / 'model.keras').exists()


def test_statistics_that_make_spectra_infinite_are_noticed(tiny_data, tmp_path, fails):
    """ReLU may turn what is no number into 0, so that the loss alone does not tell."""
    data = damaged_copy(tiny_data, tmp_path / 'data')
    np.save(data / 'data_std.npy', np.full((251, 513), -0.0001, np.float32))  # divides by zero
    line = fails(train, data, tmp_path / 'run', *TWO_STEPS)
    assert 'data_std.npy' in line or 'loss is' in line
    assert not (tmp_path / 'run' / 'model.keras').exists()


def test_signal_settings_are_part_of_the_run(tiny_data, run, tmp_path, fails):
    data = damaged_copy(tiny_data, tmp_path / 'data')
    edit_json(data / 'spectrum.json', n_fft=2048)
    assert 'n_fft of its spectra is 2048' in fails(train, data, run, *TWO_STEPS)
