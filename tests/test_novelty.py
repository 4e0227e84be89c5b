"""novelty.py: the distance on made-up activations, and on sounds that are no notes; what train.py keeps of it."""

import numpy as np
import pytest
from conftest import SMALL_TRAINING, damaged_copy, make_data, noise, small_names, stage, write_wav

import predict
import train
from deepdream import novelty
from deepdream.artifacts import BadInput
from deepdream.run_folder import model_digest


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the run, to damage."""
    return damaged_copy(trained, tmp_path / 'run')


def clusters(rng, n, means, spread):
    """Activations (n * len(means), d) around means (n_labels, d) with a spread (d,), and their labels."""
    labels = np.repeat(np.arange(len(means)), n)
    return means[labels] + rng.normal(size=(len(labels), means.shape[1])) * spread, labels


@pytest.fixture
def known():
    """(Novelty of three labels, their means, the spread): the first axis varies much, the last hardly at all."""
    rng = np.random.default_rng(0)
    means, spread = 10 * np.eye(3, 8), np.array([5, 1, 1, 1, 1, 1, 1, 0.1])
    train_notes, labels = clusters(rng, 500, means, spread)
    return novelty.fit_novelty(train_notes, labels, clusters(rng, 500, means, spread)[0]), means, spread


# The distance.

def test_one_in_twenty_notes_like_the_known_ones_is_beyond_the_limit(known):
    found, means, spread = known
    others, _ = clusters(np.random.default_rng(1), 2000, means, spread)
    assert 0.035 < np.mean(found.distances(others) > found.limit) < 0.07


def test_distance_is_that_of_mahalanobis_to_the_nearest_label(known):
    found, means, spread = known
    np.testing.assert_allclose(found.distances(means), 0, atol=0.5)
    for axis in range(7):
        away = means[1] + 3 * spread * np.eye(8)[axis]
        assert found.distances(away[np.newaxis])[0] == pytest.approx(3, rel=0.15)


def test_what_hardly_varies_counts_for_more(known):
    found, means, _ = known
    along, across = (means[0] + 5 * np.eye(8)[axis] for axis in (0, 7))
    usual, strange = found.distances(np.stack([along, across]))
    assert usual < found.limit < strange


def test_labels_without_notes_and_dead_neurons_upset_nothing():
    rng = np.random.default_rng(0)
    train_notes = np.abs(rng.normal(size=(40, 256)).astype(np.float32)) * (np.arange(256) < 100)
    found = novelty.fit_novelty(train_notes, np.repeat([2, 5], 20), train_notes[:0])
    assert found.means.shape == (2, 256)
    assert np.isfinite(found.distances(train_notes)).all()
    assert found.limit == np.inf


# What train.py keeps, and what predict.py makes of it.

def test_training_ends_with_the_limit_of_its_model(trained):
    found, digest, _ = novelty.load_novelty(trained / 'novelty.npz')
    assert digest == model_digest(trained)
    assert found.means.shape == (4, 256)
    assert 0 < found.limit < np.inf


def test_run_killed_before_it_gets_it_when_started_again(run, small_data):
    expected, digest, _ = novelty.load_novelty(run / 'novelty.npz')
    (run / 'novelty.npz').unlink()
    assert stage(train, small_data, run, *SMALL_TRAINING) == 0
    again, digest_again, _ = novelty.load_novelty(run / 'novelty.npz')
    assert (again.limit, digest_again) == (expected.limit, digest)
    np.testing.assert_array_equal(again.means, expected.means)
    np.testing.assert_array_equal(again.precision, expected.precision)


def test_noise_and_clicks_are_out_of_distribution(run, tmp_path, capfd):
    write_wav(tmp_path / 'clicks.wav', (np.arange(64_000) % 4000 == 10) * 0.9)
    write_wav(tmp_path / 'noise.wav', noise())
    assert predict.main([str(tmp_path / 'clicks.wav'), str(tmp_path / 'noise.wav'), '--run', str(run)]) == 0
    assert capfd.readouterr().out.count('! out of distribution') == 2


def test_without_a_valid_split_nothing_is_strange(tmp_path, capfd):
    data, run = make_data(tmp_path / 'data', {'train': small_names(0, 2, 1)}), tmp_path / 'run'
    assert stage(train, data, run, '--steps', 1, '--batch-size', 4) == 0
    assert 'no sound is called out of distribution' in capfd.readouterr().out
    wav = next((data / 'train/audio').glob('*.wav'))
    assert predict.main([str(wav), '--run', str(run), '--json']) == 0
    answer = capfd.readouterr().out
    assert '"out_of_distribution": false' in answer and '"limit": null' in answer


def test_older_run_without_it_says_so(run, small_data, capfd):
    (run / 'novelty.npz').unlink()
    assert predict.main([str(small_data / 'test/audio'), '--run', str(run), '--csv']) == 0
    assert 'novelty.npz is missing' in capfd.readouterr().err


@pytest.mark.parametrize('content', [b'', b'PK', b'no archive'])
def test_damaged_file_is_refused(run, content):
    (run / 'novelty.npz').write_bytes(content)
    with pytest.raises(BadInput, match=r'novelty\.npz.*`python train\.py`'):
        novelty.open_novelty(run)


@pytest.mark.parametrize('changes', [{'limit': np.nan}, {'limit': [1, 2]}, {'means': np.ones(256)},
                                     {'precision': np.full((256, 256), np.nan)}, {'means': np.ones((2, 3))}])
def test_file_that_holds_nonsense_is_refused(run, changes):
    with np.load(run / 'novelty.npz') as kept:
        content = dict(kept) | changes
    np.savez(run / 'novelty.npz', **content)
    with pytest.raises(BadInput, match=r'novelty\.npz is damaged.*`python train\.py`'):
        novelty.open_novelty(run)


def test_file_of_another_model_is_refused(run):
    found, _, _ = novelty.load_novelty(run / 'novelty.npz')
    np.savez(run / 'novelty.npz', means=found.means, precision=found.precision, limit=1.0, model='another')
    with pytest.raises(BadInput, match='another model'):
        novelty.open_novelty(run)
