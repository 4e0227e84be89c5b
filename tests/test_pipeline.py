"""All stages in order on real notes of NSynth, instruments disjoint between the splits."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import LABELS
from threadpoolctl import threadpool_limits

import activation
import evaluate
import extract_spectrum
import gather_information
import train
import tsne

NSYNTH = Path(__file__).parents[2] / 'shared' / 'nsynth' / 'test' / 'audio'
INSTRUMENTS = {
    'train': ('bass_synthetic_033', 'guitar_acoustic_010', 'keyboard_electronic_002', 'organ_electronic_001'),
    'valid': ('bass_synthetic_098', 'guitar_acoustic_030', 'keyboard_electronic_078', 'organ_electronic_028'),
    'test': ('bass_synthetic_134', 'guitar_electronic_022', 'keyboard_acoustic_004', 'organ_electronic_113')}
N_PER_INSTRUMENT = {'train': 12, 'valid': 4, 'test': 8}


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """(DATA, RUN) after stages 1 to 6."""
    if not NSYNTH.is_dir():
        pytest.skip(f'{NSYNTH} with real NSynth notes is not there')
    root = tmp_path_factory.mktemp('pipeline')
    for split, instruments in INSTRUMENTS.items():
        folder = root / 'data' / split / 'audio'
        folder.mkdir(parents=True)
        for instrument in instruments:
            for wav in sorted(NSYNTH.glob(f'{instrument}-*.wav'))[:N_PER_INSTRUMENT[split]]:
                (folder / wav.name).symlink_to(wav)
    (root / 'labels.txt').write_text('\n'.join(LABELS))
    shared, run = ['--data', f'{root}/data'], ['--run', f'{root}/run']
    labels = ['--labels', f'{root}/labels.txt']
    assert gather_information.main([*shared, *labels]) == 0
    assert extract_spectrum.main([*shared, '--jobs', '1']) == 0
    assert train.main([*shared, *run, *labels, '--steps', '20', '--batch-size', '8', '--validate-every', '10']) == 0
    assert evaluate.main([*shared, *run, *labels, '--no-baseline']) == 0
    assert activation.main([*shared, *run, *labels]) == 0
    with threadpool_limits(1):
        assert tsne.main([*shared, *run, *labels]) == 0
    return root / 'data', root / 'run'


def test_published_files_are_there_with_the_shapes_of_the_design(folders):
    data, run = folders
    n_notes = {split: 4 * n for split, n in N_PER_INSTRUMENT.items()}
    for split, n in n_notes.items():
        notes = (data / f'{split}_samples.txt').read_text().splitlines()
        assert len(notes) == len((data / f'{split}_labels.txt').read_text().splitlines()) == n
        assert {np.load(data / split / 'spectrum' / f'{note}.npy').shape for note in notes} == {(251, 513)}
    shapes = {'data_mean': (251, 513), 'data_std': (251, 513)}
    assert {name: np.load(data / f'{name}.npy').shape for name in shapes} == shapes
    shapes = {'activation': (32, 256), 'act_pca': (32, 32), 'act_tsne': (32, 2), 'act_tsne_3d': (32, 3)}
    assert {name: np.load(run / f'{name}.npy').shape for name in shapes} == shapes
    for name in ('model.keras', 'history.csv', 'config.json', 'metrics.json', 'confusion.csv', 'confusion.png'):
        assert (run / name).stat().st_size > 50


def test_network_learns_real_notes(folders):
    rows = [line.split(',') for line in (folders[1] / 'history.csv').read_text().splitlines()]
    losses = [float(row[rows[0].index('train_loss')]) for row in rows[1:]]
    assert losses[-1] < 0.8 * losses[0]


def test_metrics_count_the_notes_of_the_list(folders):
    data, run = folders
    metrics = json.loads((run / 'metrics.json').read_text())
    assert (metrics['n_notes'], metrics['n_instruments']) == (32, 4)
    assert {label: group['n_notes'] for label, group in metrics['network']['by_family'].items()} == dict.fromkeys(
        ('bass', 'guitar', 'keyboard', 'organ'), 8)
    assert (run / 'activation_samples.txt').read_text() == (data / 'test_samples.txt').read_text()
