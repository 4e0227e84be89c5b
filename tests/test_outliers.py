"""outliers.py: sounds of no instrument, all different, all at the same level."""

import numpy as np
import pytest

from deepdream import outliers
from deepdream.spectrum import N_SAMPLES, log_spectrum


def test_they_are_waveforms_at_one_level():
    made = np.stack(list(outliers.make_outliers(25)))
    assert made.shape == (25, N_SAMPLES) and made.dtype == np.float32
    np.testing.assert_allclose(np.abs(made).max(axis=1), outliers.PEAK, rtol=1e-6)


@pytest.mark.parametrize('n_sounds', [0, 1, 2, 7])
def test_they_are_the_same_however_many_are_made_ahead(monkeypatch, n_sounds):
    expected = list(outliers.make_outliers(n_sounds))
    monkeypatch.setattr(outliers, 'AT_ONCE', 2)
    made = list(outliers.make_outliers(n_sounds))
    assert len(made) == n_sounds
    np.testing.assert_array_equal(made, expected)


def test_each_depends_on_the_seed_and_its_number_alone():
    few, many = list(outliers.make_outliers(3, seed=5)), list(outliers.make_outliers(8, seed=5))
    np.testing.assert_array_equal(few, many[:3])
    assert not np.array_equal(few[0], next(outliers.make_outliers(1, seed=6)))


def test_no_two_are_alike():
    spectra = np.stack([log_spectrum(one).ravel() for one in outliers.make_outliers(21)])
    similarity = np.corrcoef(spectra) - np.eye(21)
    assert similarity.max() < 0.99


@pytest.mark.parametrize('kind', [outliers.coloured_noise, outliers.band_noise, outliers.clicks, outliers.syllables,
                                  outliers.hits, outliers.glides, outliers.clusters])
def test_no_kind_is_ever_silent_or_infinite(kind):
    for seed in range(40):
        waveform = kind(np.random.default_rng(seed))
        assert waveform.shape == (N_SAMPLES,) and np.isfinite(waveform).all() and np.abs(waveform).max() > 0


def test_a_band_of_noise_has_no_other_frequencies():
    narrow = outliers.shaped_noise(np.random.default_rng(0), lambda hertz: (np.abs(hertz - 2000) < 100).astype(float))
    power = np.abs(np.fft.rfft(narrow)) ** 2
    hertz = np.fft.rfftfreq(N_SAMPLES, 1 / 16000)
    assert power[np.abs(hertz - 2000) < 101].sum() > 0.999 * power.sum()
