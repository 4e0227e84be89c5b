"""augmentation.py: a varied sine is the sine of another pitch, through a filter; the same for the same place."""

import numpy as np
import pytest
from conftest import noise, sine

from deepdream import augmentation
from deepdream.augmentation import N_KNOTS, between_knots, draw, vary
from deepdream.spectrum import log_spectrum, magnitude

HERTZ = np.arange(513) * 16_000 / 1024
NO_KNOTS = np.zeros((1, N_KNOTS), np.float32)


def varied(waveform, stretch=1.0, knots=NO_KNOTS):
    spectra = log_spectrum(waveform)[np.newaxis].astype(np.float16)
    stretch = np.array([stretch], np.float32)
    return vary(spectra, stretch, np.asarray(knots, np.float32), between_knots(HERTZ))[0].numpy()


@pytest.mark.parametrize('semitones', [-4, -1, 0, 2.5, 4])
def test_a_sine_comes_out_at_another_pitch(semitones):
    stretch = 2 ** (semitones / 12)
    peak = varied(sine(1000), stretch)[100].argmax()
    assert abs(peak - 1000 * stretch * 1024 / 16_000) <= 1


def test_without_variation_nothing_changes():
    np.testing.assert_allclose(varied(noise()), log_spectrum(noise()), rtol=2e-3, atol=1e-3)


def test_knots_filter_the_frequencies_around_them():
    for knot, level in ((0, 1.0), (N_KNOTS - 1, -1.0)):
        knots = NO_KNOTS.copy()
        knots[0, knot] = level
        gain = np.log(magnitude(varied(noise(), knots=knots)) / magnitude(varied(noise())))[10:-10].mean(axis=0)
        at = 3 if knot == 0 else 512
        assert gain[at] == pytest.approx(level, abs=0.15)
        assert abs(gain[512 if knot == 0 else 3]) < 0.05


def test_silence_stays_silent_and_all_is_finite():
    assert not varied(np.zeros(64_000, np.float32), 1.2, NO_KNOTS + 1).any()
    assert np.isfinite(varied(noise(), 0.8, NO_KNOTS - 2)).all()


def test_what_is_drawn_depends_on_seed_and_place():
    first, again, later, other = draw(50, 0, 100), draw(50, 0, 100), draw(50, 0, 150), draw(50, 1, 100)
    for mine, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(mine, same)
    assert (first[0] != later[0]).any() and (first[0] != other[0]).any()
    stretch, knots = draw(5000, 0, 0)
    assert np.abs(12 * np.log2(stretch)).max() <= augmentation.SEMITONES
    assert knots.std() == pytest.approx(augmentation.NEPERS, rel=0.05)
    assert abs(knots.mean()) < 0.01
