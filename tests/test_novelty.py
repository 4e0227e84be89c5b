"""novelty.py: the log odds of made-up activations, and of sounds that are no notes; what train.py keeps of them."""

import numpy as np
import pytest
from conftest import PLAIN, SMALL_TRAINING, damaged_copy, make_data, noise, small_names, stage, write_wav

import predict
import train
from deepdream import novelty
from deepdream.artifacts import BadInput
from deepdream.run_folder import model_digest
from deepdream.trained import open_network


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the run, to damage."""
    return damaged_copy(trained, tmp_path / 'run')


def cloud(seed, n, center=0.0):
    """Activations (n, 256) around a center on the first axis; the last 56 neurons are dead."""
    activations = np.random.default_rng(seed).normal(size=(n, 256)) + center * np.eye(256)[0]
    return activations * (np.arange(256) < 200)


@pytest.fixture
def known():
    """The Novelty of notes around 0 and of outliers around 6 on the first axis."""
    return novelty.fit_novelty(cloud(0, 600), cloud(1, 400, 6), cloud(2, 2000))


# The log odds.

def test_few_notes_like_the_valid_ones_are_beyond_the_limit():
    near = novelty.fit_novelty(cloud(0, 600), cloud(1, 400, 2), cloud(2, 2000))  # notes and outliers overlap
    assert near.limit > 0
    assert 0.005 < near.are_out(near.log_odds(cloud(3, 4000))).mean() < 0.03  # 1.5 % of the valid notes are


def test_what_is_a_note_more_likely_than_not_is_within_the_limit(known):
    """Where notes and outliers are far apart, so that all valid notes have low odds, the limit is 0."""
    assert np.percentile(known.log_odds(cloud(2, 2000)), novelty.PERCENTILE) < 0 and known.limit == 0


def test_outliers_are_beyond_the_limit(known):
    assert known.are_out(known.log_odds(cloud(4, 500, 6))).mean() > 0.99


def test_the_axis_that_tells_them_apart_counts_and_others_hardly(known):
    along, across = known.log_odds(3 * np.eye(256)[[0, 1]]) - known.log_odds(np.zeros((1, 256)))
    assert along > 5 * abs(across)


def test_dead_neurons_count_for_nothing(known):
    np.testing.assert_allclose(known.log_odds(np.eye(256)[250:251]), known.bias, atol=1e-6)


def test_without_valid_notes_there_is_no_limit():
    found = novelty.fit_novelty(cloud(0, 40), cloud(1, 30, 6), cloud(2, 0))
    assert found.limit == np.inf and not found.are_out(found.log_odds(cloud(1, 30, 6))).any()


@pytest.mark.filterwarnings('ignore:Only one sample available')
def test_one_train_note_is_enough():
    found = novelty.fit_novelty(cloud(0, 1), cloud(1, 30, 6), cloud(2, 5))
    assert np.isfinite([*found.weights, found.bias, found.limit]).all()


# What train.py keeps, and what predict.py makes of it.

def test_training_ends_with_the_limit_of_its_model(trained):
    found, digest, version, _ = novelty.load_novelty(trained / 'novelty.npz')
    assert (digest, version) == (model_digest(trained), novelty.NOVELTY_VERSION)
    *_, features = open_network(trained).predict(noise()[np.newaxis])
    assert found.weights.shape == features[0].shape and np.isfinite(found.limit)


def test_run_killed_before_it_gets_it_when_started_again(run, small_data):
    expected, digest, *_ = novelty.load_novelty(run / 'novelty.npz')
    (run / 'novelty.npz').unlink()
    assert stage(train, small_data, run, *SMALL_TRAINING) == 0
    again, digest_again, *_ = novelty.load_novelty(run / 'novelty.npz')
    assert (again.limit, digest_again) == (expected.limit, digest)
    np.testing.assert_array_equal(again.weights, expected.weights)


def test_noise_and_clicks_are_out_of_distribution(run, tmp_path, capfd):
    write_wav(tmp_path / 'clicks.wav', (np.arange(64_000) % 4000 == 10) * 0.9)
    write_wav(tmp_path / 'noise.wav', noise())
    assert predict.main([str(tmp_path / 'clicks.wav'), str(tmp_path / 'noise.wav'), '--run', str(run)]) == 0
    assert capfd.readouterr().out.count('! out of distribution') == 2


def test_without_a_valid_split_nothing_is_strange(tmp_path, capfd):
    data, run = make_data(tmp_path / 'data', {'train': small_names(0, 2, 1)}), tmp_path / 'run'
    assert stage(train, data, run, *PLAIN, '--steps', 1, '--batch-size', 4) == 0
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


@pytest.mark.parametrize('changes', [{'limit': np.nan}, {'limit': [1, 2]}, {'weights': np.full(256, np.nan)},
                                     {'bias': np.inf - np.inf}, {'weights': np.ones((2, 3))}])
def test_file_that_holds_nonsense_is_refused(run, changes):
    with np.load(run / 'novelty.npz') as kept:
        content = dict(kept) | changes
    np.savez(run / 'novelty.npz', **content)
    with pytest.raises(BadInput, match=r'novelty\.npz is damaged.*`python train\.py`'):
        novelty.open_novelty(run)


def test_file_of_another_model_is_refused(run):
    with np.load(run / 'novelty.npz') as kept:
        np.savez(run / 'novelty.npz', **dict(kept) | {'model': 'another'})
    with pytest.raises(BadInput, match='another model'):
        novelty.open_novelty(run)


def test_file_of_an_older_version_is_as_good_as_none(run, small_data, capfd):
    np.savez(run / 'novelty.npz', means=np.ones((4, 256)), precision=np.eye(256), limit=1.0, model=model_digest(run))
    assert novelty.open_novelty(run) is None
    assert 'novelty.npz is of an older version' in capfd.readouterr().err
    assert stage(train, small_data, run, *SMALL_TRAINING) == 0
    assert novelty.open_novelty(run)


# The outliers that are given.

def test_outliers_are_learned_from_once(run, small_data, tmp_path, capfd):
    """A sound that passes for a note does so no longer once it is among the outliers."""
    for number in range(4):
        write_wav(tmp_path / f'drums/{number}.wav', noise(number))
    (tmp_path / 'drums/broken.wav').write_bytes(b'RIFF')
    training = (*SMALL_TRAINING, '--outliers', tmp_path / 'drums')
    assert stage(train, small_data, run, *training) == 0
    output = capfd.readouterr()
    assert f'{novelty.N_ARTIFICIAL + 4} sounds of no label' in output.out
    assert 'left out of the outliers' in output.err and 'broken.wav' in output.err
    before = (run / 'novelty.npz').read_bytes()
    assert stage(train, small_data, run, *training) == 0
    assert (run / 'novelty.npz').read_bytes() == before
    assert 'sounds of no label' not in capfd.readouterr().out
    write_wav(tmp_path / 'drums/another.wav', noise(9))
    assert stage(train, small_data, run, *training) == 0
    assert f'{novelty.N_ARTIFICIAL + 5} sounds of no label' in capfd.readouterr().out
