"""augmentation.py: a varied sine is the sine of another pitch, through a filter; the same for the same place."""

import numpy as np
import pytest
from conftest import noise, sine

from deepdream import augmentation
from deepdream.augmentation import N_KNOTS, Variations, draw_variations, knot_weights, vary
from deepdream.spectrum import DB_PER_NEPER, log_spectrum, magnitude

HERTZ = np.arange(513) * 16_000 / 1024
FLAT = np.zeros((1, N_KNOTS), np.float32)


def varied(waveform, stretch=1.0, gains=FLAT):
    spectra = log_spectrum(waveform)[np.newaxis].astype(np.float16)
    variations = Variations(np.array([stretch], np.float32), np.asarray(gains, np.float32))
    return vary(spectra, variations, knot_weights(HERTZ))[0].numpy()


@pytest.mark.parametrize('semitones', [-4, -1, 0, 2.5, 4])
def test_a_sine_comes_out_at_another_pitch(semitones):
    stretch = 2 ** (semitones / 12)
    peak = varied(sine(1000), stretch)[100].argmax()
    assert abs(peak - 1000 * stretch * 1024 / 16_000) <= 1


def test_without_variation_nothing_changes():
    np.testing.assert_allclose(varied(noise()), log_spectrum(noise()), rtol=2e-3, atol=1e-3)


def test_knots_filter_the_frequencies_around_them():
    for knot, level in ((0, 1.0), (N_KNOTS - 1, -1.0)):
        gains = FLAT.copy()
        gains[0, knot] = level
        gain = np.log(magnitude(varied(noise(), gains=gains)) / magnitude(varied(noise())))[10:-10].mean(axis=0)
        at = 3 if knot == 0 else 512
        assert gain[at] == pytest.approx(level, abs=0.15)
        assert abs(gain[512 if knot == 0 else 3]) < 0.05


def test_silence_stays_silent_and_all_is_finite():
    assert not varied(np.zeros(64_000, np.float32), 1.2, FLAT + 1).any()
    assert np.isfinite(varied(noise(), 0.8, FLAT - 2)).all()


def test_what_is_drawn_depends_on_seed_and_place():
    first, again, later, other = (draw_variations(50, *place) for place in ((0, 100), (0, 100), (0, 150), (1, 100)))
    for mine, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(mine, same)
    assert (first[0] != later[0]).any() and (first[0] != other[0]).any()
    stretch, gains = draw_variations(5000, 0, 0)
    assert np.abs(12 * np.log2(stretch)).max() <= augmentation.MOST_SEMITONES
    assert gains.std() * DB_PER_NEPER == pytest.approx(augmentation.FILTER_DB, rel=0.05)
    assert abs(gains.mean()) < 0.01
