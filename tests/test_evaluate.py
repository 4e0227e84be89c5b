"""evaluate.py: metrics that can be recomputed from what it writes, and runs it refuses."""

import contextlib
import csv
import io
import json
import shutil
from collections import Counter

import numpy as np
import pytest
from conftest import ODD_NOTES, SMALL_LABELS, damaged_copy, disk_full, edit_json, stage
from matplotlib.image import imread

import evaluate
from deepdream.backend import keras
from deepdream.baseline import mfcc_statistics, predict_baseline
from deepdream.metrics import NOISE_NOTES, accuracy_interval, measure_accuracy, top_confusions
from deepdream.notes import instrument_of, source_of
from deepdream.spectrum import magnitude
from evaluate import save_confusion

FILES = ('metrics.json', 'predictions.csv', 'confusion.csv', 'confusion.png')


@pytest.fixture(scope='session')
def evaluated(small_data, trained, tmp_path_factory):
    """(run folder, what was printed) of the test split, with the baseline."""
    run = shutil.copytree(trained, tmp_path_factory.mktemp('evaluated') / 'run')
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert stage(evaluate, small_data, run) == 0
    return run, printed.getvalue()


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the run, to damage."""
    return damaged_copy(trained, tmp_path / 'run')


def metrics_of(run, split=''):
    return json.loads((run / f'metrics{split}.json').read_text(encoding='utf-8'))


def predictions_of(run, split=''):
    with open(run / f'predictions{split}.csv', encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file))


def share_right(rows):
    return np.mean([row['label'] == row['predicted'] for row in rows])


# What it writes.

def test_predictions_name_every_note_in_list_order(evaluated, small_data):
    run, _ = evaluated
    rows = predictions_of(run)
    assert [row['note'] for row in rows] == (small_data / 'test_samples.txt').read_text('utf-8').splitlines()
    assert set(ODD_NOTES) <= {row['note'] for row in rows}
    assert all(row['note'].startswith(row['label'] + '_') for row in rows)


def test_probabilities_sum_to_one_and_the_highest_is_predicted(evaluated):
    for row in predictions_of(evaluated[0]):
        probabilities = [float(row[label]) for label in SMALL_LABELS]
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)
        assert min(probabilities) >= 0
        assert float(row[row['predicted']]) == max(probabilities)


def test_accuracies_are_those_of_the_predictions(evaluated):
    rows, network = predictions_of(evaluated[0]), metrics_of(evaluated[0])['network']
    assert network['accuracy'] == pytest.approx(share_right(rows))
    families = {label: [row for row in rows if row['label'] == label] for label in SMALL_LABELS}
    assert 'synth_lead' not in network['by_family']
    for label, group in network['by_family'].items():
        assert group == {'n_notes': len(families[label]), 'accuracy': pytest.approx(share_right(families[label]))}
    assert network['balanced_accuracy'] == pytest.approx(
        np.mean([share_right(group) for group in families.values() if group]))
    for source, group in network['by_source'].items():
        assert group['accuracy'] == pytest.approx(
            share_right([row for row in rows if (source_of(row['note']) or 'unknown') == source]))
    assert sum(group['n_notes'] for group in network['by_source'].values()) == len(rows)
    assert network['by_source']['unknown']['n_notes'] == len(ODD_NOTES)


def test_confusion_counts_the_notes_by_label_and_prediction(evaluated):
    run, _ = evaluated
    with open(run / 'confusion.csv', newline='') as file:
        head, *table = csv.reader(file)
    assert head == ['', *SMALL_LABELS] and [row[0] for row in table] == list(SMALL_LABELS)
    counts = Counter((row['label'], row['predicted']) for row in predictions_of(run))
    for label, *row in table:
        assert list(map(int, row)) == [counts[label, predicted] for predicted in SMALL_LABELS]


def test_confusion_picture_is_a_png_of_readable_size(evaluated):
    path = evaluated[0] / 'confusion.png'
    assert path.read_bytes().startswith(b'\x89PNG\r\n\x1a\n')
    height, width, _ = imread(path).shape
    assert 400 <= height <= 4000 and 400 <= width <= 4000
    assert imread(path)[..., :3].std() > 0.05  # not one colour


def test_network_and_baseline_are_clearly_above_chance_on_easy_notes(evaluated):
    metrics = metrics_of(evaluated[0])
    assert metrics['network']['accuracy'] > 0.6  # chance: 0.25
    assert metrics['baseline']['accuracy'] > 0.6
    assert metrics['difference'] == pytest.approx(metrics['network']['accuracy'] - metrics['baseline']['accuracy'])
    low, high = metrics['difference_interval']
    assert low <= metrics['difference'] <= high


def test_table_on_the_terminal_holds_the_figures(evaluated):
    run, printed = evaluated
    network = metrics_of(run)['network']
    for name in ('accuracy', 'balanced accuracy', 'acoustic', *network['by_family']):
        assert any(line.startswith(name) for line in printed.splitlines()), name
    assert f'{network["accuracy"]:.1%}' in printed and 'MFCC + SVM' in printed
    assert 'brass_acoustic_046' not in printed  # none of its notes here


def test_other_split_without_baseline_leaves_the_tests_files_alone(evaluated, small_data, tmp_path, capfd):
    run = shutil.copytree(evaluated[0], tmp_path / 'run')
    before = {name: (run / name).read_bytes() for name in FILES}
    assert stage(evaluate, small_data, run, '--split', 'valid', '--no-baseline') == 0
    assert {name: (run / name).read_bytes() for name in FILES} == before
    for name in FILES:
        stem, extension = name.split('.')
        assert (run / f'{stem}_valid.{extension}').exists()
    metrics = metrics_of(run, '_valid')
    assert 'baseline' not in metrics and metrics['split'] == 'valid'
    assert metrics['n_notes'] == len(predictions_of(run, '_valid')) == 22
    assert metrics['network']['accuracy'] == pytest.approx(share_right(predictions_of(run, '_valid')))
    assert 'MFCC' not in capfd.readouterr().out


def test_train_split_needs_no_other(small_data, run, tmp_path):
    data = damaged_copy(small_data, tmp_path / 'data')
    for path in (*data.glob('test_*'), *data.glob('valid_*')):
        path.unlink()
    assert stage(evaluate, data, run, '--split', 'train', '--no-baseline') == 0
    assert metrics_of(run, '_train')['n_notes'] == 64


# The parts.

def test_interval_holds_the_accuracy_and_is_seeded():
    rng = np.random.default_rng(0)
    instruments = [f'i{i // 5}' for i in range(100)]
    correct = (rng.uniform(size=100) < 0.7).astype(float)
    low, high = accuracy_interval(correct, instruments)
    assert 0 <= low < correct.mean() < high <= 1
    assert [low, high] == accuracy_interval(correct, instruments)


def test_interval_of_one_instrument_collapses():
    correct = np.array([1, 0, 1, 1.0])
    assert accuracy_interval(correct, ['a'] * 4) == pytest.approx([0.75, 0.75])


def test_interval_is_wider_over_instruments_than_over_their_notes():
    correct = np.repeat([1.0, 0, 1, 1, 0, 1, 1, 0, 1, 1], 30)  # an instrument is all right or all wrong
    clusters = accuracy_interval(correct, np.repeat(list('abcdefghij'), 30))
    notes = accuracy_interval(correct, [str(i) for i in range(300)])
    assert np.diff(clusters) > 3 * np.diff(notes)


def test_interval_weighs_instruments_by_their_notes():
    correct, instruments = np.repeat([1.0, 0], [90, 9]), np.repeat(list('abcdefghij'), [90] + [1] * 9)
    low, high = accuracy_interval(correct, instruments)
    assert low == 0 and high > 0.95  # 'a' not drawn at all; drawn twice or more


def test_noise_notes_are_those_of_one_instrument_and_range():
    names = [f'{instrument}-{pitch:03}-{velocity:03}' for velocity in (25, 50, 75, 100, 127) for pitch in range(128)
             for instrument in ('brass_acoustic_046', 'brass_acoustic_045', 'brass_electronic_046')]
    found = [name for name in names if NOISE_NOTES.fullmatch(name)]
    assert {instrument_of(name) for name in found} == {'brass_acoustic_046'}
    assert {int(name.split('-')[1]) for name in found} == set(range(84, 109))
    assert len(found) == 25 * 5
    assert not NOISE_NOTES.fullmatch('brass_acoustic_046-084-100-more')
    assert not NOISE_NOTES.fullmatch('my brass_acoustic_046-084-100')


def test_accuracy_without_noise_notes_is_there_when_they_are():
    notes = ['brass_acoustic_046-084-100', 'brass_acoustic_046-083-100', 'bass_synthetic_001-040-100']
    true, predicted, labels = np.array([1, 1, 0]), np.array([0, 1, 0]), ['bass', 'brass']
    metrics = measure_accuracy(true, predicted, notes, labels)
    assert metrics['accuracy'] == pytest.approx(2 / 3)
    assert metrics['without_noise_notes'] == {'n_left_out': 1, 'accuracy': 1.0}
    assert 'without_noise_notes' not in measure_accuracy(true[1:], predicted[1:], notes[1:], labels)


def test_top_confusions_come_in_order_without_what_is_right():
    confusion = np.array([[50, 2, 0], [7, 3, 0], [0, 1, 9]])
    assert top_confusions(confusion, ['a', 'b', 'c'], n=2) == [
        {'label': 'b', 'predicted': 'a', 'n_notes': 7, 'share_of_label': 0.7},
        {'label': 'a', 'predicted': 'b', 'n_notes': 2, 'share_of_label': pytest.approx(2 / 52)}]


@pytest.mark.parametrize(('note', 'source'), [
    ('bass_synthetic_033-045-100', 'synthetic'), ('synth_lead_acoustic_001-060-025', 'acoustic'),
    ('vocal_electronic_1-060-025', 'electronic'), ('bass_my note', ''), ('bass_acoustic_x', '')])
def test_source(note, source):
    assert source_of(note) == source


def test_labels_with_commas_and_other_scripts_survive_in_confusion_csv(tmp_path):
    labels = ['bass, "low"', '현악기', '$x^2$']
    save_confusion(tmp_path, 'test', np.diag([1, 2, 3]), labels)
    with open(tmp_path / 'confusion.csv', newline='', encoding='utf-8') as file:
        head, *table = csv.reader(file)
    assert head == ['', *labels]
    assert table == [[label, *(str(3 - 2 + i if i == j else 0) for j in range(3))] for i, label in enumerate(labels)]


def test_features_of_the_baseline_are_librosas(small_data):
    import librosa
    filters = librosa.filters.mel(sr=16_000, n_fft=1024)
    for path in sorted((small_data / 'test/spectrum').glob('*.npy'))[::12]:
        power = magnitude(np.load(path).astype(np.float32)).T ** 2
        mel = librosa.feature.melspectrogram(S=power, sr=16_000)
        mfcc = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=20)
        expected = np.concatenate([[part.mean(axis=1), part.std(axis=1)]
                                   for part in (mfcc, librosa.feature.delta(mfcc))]).ravel()
        np.testing.assert_allclose(mfcc_statistics(path, filters), expected, rtol=1e-5, atol=1e-4)


def test_baseline_of_one_label_says_that_label(small_data, tmp_path):
    """A support vector machine takes two."""
    from data_provider import prepare_data
    provider = prepare_data(small_data, small_data / 'labels.txt')
    keep = [i for i, index in enumerate(provider.class_indices['train']) if index == 1]
    provider.notes['train'] = [provider.notes['train'][i] for i in keep]
    provider.class_indices['train'] = provider.class_indices['train'][keep]
    assert set(predict_baseline(provider, 'valid')) == {1}


# What it refuses.

@pytest.mark.parametrize('name', ['model.keras', 'config.json', 'data_mean.npy'])
def test_missing_file_of_the_run_names_the_stage(small_data, run, fails, name):
    (run / name).unlink()
    line = fails(evaluate, small_data, run)
    assert name in line and 'run `python train.py` first' in line
    assert not (run / 'metrics.json').exists()


def test_missing_test_split_names_the_stage(small_data, run, tmp_path, fails):
    data = damaged_copy(small_data, tmp_path / 'data')
    (data / 'test_samples.txt').unlink()
    assert 'gather_information.py' in fails(evaluate, data, run)


def test_model_of_other_labels_is_refused(small_data, run, tmp_path, fails):
    data = damaged_copy(small_data, tmp_path / 'data')
    with open(data / 'labels.txt', 'a') as file:
        file.write('zither\n')  # at the end: the lists still agree with it
    line = fails(evaluate, data, run)
    assert 'zither' in line and 'train again' in line and f'{run}/labels.txt' in line
    assert stage(evaluate, small_data, run, '--labels', run / 'labels.txt', '--no-baseline') == 0  # the remedy


@pytest.mark.parametrize(('key', 'value'), [('n_fft', 2048), ('hop_length', 512), ('log_scale', 1)])
def test_other_signal_settings_are_refused(small_data, run, tmp_path, fails, key, value):
    data = damaged_copy(small_data, tmp_path / 'data')
    edit_json(data / 'spectrum.json', **{key: value})
    line = fails(evaluate, data, run)
    assert f'{key} of its spectra is {value}' in line and 'spectrum.json' in line and 'extract_spectrum.py' in line


def test_split_with_every_note_rejected_is_refused(small_data, run, tmp_path, fails):
    data = damaged_copy(small_data, tmp_path / 'data')
    notes = (data / 'test_samples.txt').read_text(encoding='utf-8').splitlines()
    (data / 'test_rejected.txt').write_text(''.join(f'{note}\tempty\n' for note in notes), encoding='utf-8')
    assert 'no usable notes' in fails(evaluate, data, run)


def test_hostile_model_is_refused_in_one_line(small_data, run, fails):
    model = keras.Sequential([keras.Input((251, 513, 1)), keras.layers.Lambda(lambda x: x)])
    model.save(run / 'model.keras')
    line = fails(evaluate, small_data, run)
    assert 'model.keras is no intact model' in line and 'train.py' in line


def test_model_of_another_number_of_labels_is_refused(small_data, run, fails):
    """As when a model.keras is copied into another run's folder."""
    from model import get_model
    get_model(2).save(run / 'model.keras')
    line = fails(evaluate, small_data, run, '--no-baseline')
    assert 'model.keras' in line and 'train.py' in line


@pytest.mark.parametrize('content', ['{"labels"', '{}', '{"labels": ["bass"]}', '{"labels": 3, "signal": {}}'])
def test_damaged_config_is_refused(small_data, run, fails, content):
    (run / 'config.json').write_text(content)
    assert 'config.json is not intact JSON' in fails(evaluate, small_data, run)


@pytest.mark.parametrize('with_list', [False, True])
def test_without_train_notes_the_baseline_is_refused_and_can_be_left_out(small_data, run, tmp_path, fails, with_list):
    data = damaged_copy(small_data, tmp_path / 'data')
    shutil.rmtree(data / 'train')
    for kind in ('samples', 'labels'):
        path = data / f'train_{kind}.txt'
        path.write_text('') if with_list else path.unlink()
    assert '--no-baseline' in fails(evaluate, data, run)
    assert stage(evaluate, data, run, '--no-baseline') == 0


def test_disk_full_leaves_no_half_file(small_data, run, fails):
    with disk_full(1000):
        line = fails(evaluate, small_data, run, '--no-baseline')
    assert 'cannot write' in line and 'predictions.csv' in line
    assert not [path for path in run.iterdir() if path.name in FILES or '.tmp' in path.name]
