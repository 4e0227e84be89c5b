"""Every stage in order, from notes to dreams: on notes that stage 0b renders, and on real notes of NSynth beside us."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import ROOT
from threadpoolctl import threadpool_limits

import activation
import dream
import evaluate
import export
import extract_spectrum
import gather_information
import predict
import render_notes
import sound_map
import train
import tsne
from deepdream.notes import instrument_of

NSYNTH = Path(__file__).parents[2] / 'shared' / 'nsynth' / 'test' / 'audio'
INSTRUMENTS = {
    'train': ('bass_synthetic_033', 'guitar_acoustic_010', 'keyboard_electronic_002', 'organ_electronic_001'),
    'valid': ('bass_synthetic_098', 'guitar_acoustic_030', 'keyboard_electronic_078', 'organ_electronic_028'),
    'test': ('bass_synthetic_134', 'guitar_electronic_022', 'keyboard_acoustic_004', 'organ_electronic_113')}
N_PER_INSTRUMENT = {'train': 12, 'valid': 4, 'test': 8}


def link_nsynth(data):
    """Fill DATA with a few notes of NSynth, instruments disjoint between the splits."""
    if not NSYNTH.is_dir():
        pytest.skip('no notes of NSynth beside the repository')
    for split, instruments in INSTRUMENTS.items():
        folder = data / split / 'audio'
        folder.mkdir(parents=True)
        for instrument in instruments:
            for wav in sorted(NSYNTH.glob(f'{instrument}-*.wav'))[:N_PER_INSTRUMENT[split]]:
                (folder / wav.name).symlink_to(wav)


@pytest.fixture(scope='module', params=['rendered', 'nsynth'])
def folders(request, tmp_path_factory):
    """(DATA, RUN) after every stage."""
    root = tmp_path_factory.mktemp(request.param)
    data, run = ['--data', f'{root}/data'], ['--run', f'{root}/run']
    labels = ['--labels', str(ROOT / 'labels.txt')]
    if request.param == 'nsynth':
        link_nsynth(root / 'data')
    else:
        assert render_notes.main([*data, '--pitches', '2']) == 0
    assert gather_information.main([*data, *labels]) == 0
    assert extract_spectrum.main([*data]) == 0
    assert train.main([*data, *run, *labels, '--steps', '60', '--batch-size', '16', '--validate-every', '15']) == 0
    assert evaluate.main([*data, *run, *labels]) == 0
    assert activation.main([*data, *run, *labels]) == 0
    with threadpool_limits(1):
        assert tsne.main([*data, *run, *labels]) == 0
    assert sound_map.main([*data, *run]) == 0
    assert dream.main(['neuron', '--layer', 'fc3', '--unit', 'bass', '--as', 'texture', '--steps', '10', *data, *run,
                       *labels]) == 0
    assert export.main(['--format', 'onnx', *run]) == 0
    return root / 'data', root / 'run'


def lines_of(path):
    return path.read_text(encoding='utf-8').splitlines()


def test_published_files_are_there_with_the_shapes_of_the_design(folders):
    data, run = folders
    for split in ('train', 'valid', 'test'):
        notes = lines_of(data / f'{split}_samples.txt')
        assert len(notes) == len(lines_of(data / f'{split}_labels.txt')) >= 16
        assert {np.load(data / split / 'spectrum' / f'{note}.npy').shape for note in notes} == {(251, 513)}
    n_notes = len(lines_of(data / 'test_samples.txt'))
    assert {np.load(data / name).shape for name in ('data_mean.npy', 'data_std.npy')} == {(251, 513)}
    shapes = {'activation': (n_notes, 256), 'act_pca': (n_notes, min(n_notes, 50)), 'act_tsne': (n_notes, 2),
              'act_tsne_3d': (n_notes, 3)}
    assert {name: np.load(run / f'{name}.npy').shape for name in shapes} == shapes
    for name in ('model.keras', 'history.csv', 'config.json', 'metrics.json', 'predictions.csv', 'confusion.csv',
                 'confusion.png', 'calibration.json', 'novelty.npz', 'tsne.json', 'map_2d.png', 'map_3d.png',
                 'map/index.html', 'map/data.js', 'export/model.onnx', 'export/labels.txt'):
        assert (run / name).stat().st_size > 50, name


def test_no_instrument_is_in_two_splits(folders):
    instruments = [{instrument_of(note) for note in lines_of(folders[0] / f'{split}_samples.txt')}
                   for split in ('train', 'valid', 'test')]
    assert len(set.union(*instruments)) == sum(map(len, instruments))


def test_network_learns_real_notes(folders):
    rows = [line.split(',') for line in lines_of(folders[1] / 'history.csv')]
    losses = [float(row[rows[0].index('train_loss')]) for row in rows[1:]]
    assert losses[-1] < 0.9 * losses[0]


def test_metrics_count_the_notes_of_the_list(folders):
    data, run = folders
    metrics, notes = json.loads((run / 'metrics.json').read_text()), lines_of(data / 'test_samples.txt')
    assert (metrics['n_notes'], metrics['n_instruments']) == (len(notes), len(set(map(instrument_of, notes))))
    assert sum(group['n_notes'] for group in metrics['network']['by_family'].values()) == len(notes)
    assert 0 <= metrics['baseline']['accuracy'] <= 1
    assert lines_of(run / 'activation_samples.txt') == notes


def test_a_dream_is_a_sound(folders):
    dreams = folders[1] / 'dreams'
    report = json.loads((dreams / 'fc3_00_bass_texture.json').read_text(encoding='utf-8'))
    waveform, rate = soundfile.read(dreams / 'audio' / 'fc3_00_bass_texture.wav')
    assert (waveform.shape, rate) == ((64_000,), 16_000)
    assert np.abs(waveform).max() == pytest.approx(0.9, abs=1e-3)
    assert report['read_back']['activation'] == pytest.approx(report['read_back']['optimised'], rel=0.01)


def test_predict_answers_and_the_map_takes_the_sound(folders, capfd):
    data, run = folders
    wav = sorted((data / 'test' / 'audio').iterdir())[0]
    assert predict.main([str(wav), '--json', '--map', '--data', str(data), '--run', str(run)]) == 0
    row, = json.loads(capfd.readouterr().out)
    assert sum(row['probabilities'].values()) == pytest.approx(1)
    assert wav.stem in row['nearest']
    assert wav.name in (run / 'map' / 'data.js').read_text(encoding='utf-8')
