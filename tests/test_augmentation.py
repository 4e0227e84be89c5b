"""augmentation.py: what each variation does to a known spectrum, and what is drawn; the same for the same place."""

import numpy as np
import pytest
from conftest import noise, sine

from deepdream import augmentation
from deepdream.augmentation import (
    N_KNOTS,
    Variations,
    bin_frequencies,
    draw_variations,
    knot_weights,
    noise_magnitudes,
    vary,
)
from deepdream.spectrum import DB_PER_NEPER, HOP_LENGTH, N_BINS, N_FRAMES, SAMPLE_RATE, log_spectrum, magnitude

FLAT = np.zeros(N_KNOTS, np.float32)
NEUTRAL = {'pitch': 1, 'gains': FLAT, 'tempo': 1, 'end': N_FRAMES, 'decay': 1, 'noise': FLAT - 40, 'noise_start': 0}
FRAME_SECONDS = HOP_LENGTH / SAMPLE_RATE
NOISES = noise_magnitudes()


def varied(spectrum, noises=NOISES, **changes):
    """A log spectrum (251, 513), stored as float16, of which nothing but `changes` is varied."""
    values = [np.asarray([value], np.int32 if name == 'noise_start' else np.float32)
              for name, value in (NEUTRAL | changes).items()]
    to_levels = knot_weights(bin_frequencies())
    stored = spectrum[np.newaxis].astype(np.float16)
    return vary(stored, stored.max(axis=(1, 2)), Variations(*values), to_levels, noises)[0].numpy()


def spectrum_with(level=0.0, rows=slice(None), bins=slice(None)):
    """The log spectrum of silence, but for `level` in some rows and bins."""
    spectrum = np.zeros((N_FRAMES, N_BINS), np.float32)
    spectrum[rows, bins] = level
    return spectrum


def decibels(spectrum):
    return 20 * np.log10(magnitude(spectrum) + 1e-12)


def power_decibels(spectrum):
    """The level of a part of a log spectrum, by its mean power."""
    return 10 * np.log10(np.mean(magnitude(spectrum) ** 2))


# Each variation alone.

@pytest.mark.parametrize('waveform', [noise(), sine(440), np.zeros(64_000, np.float32)])
def test_without_variation_nothing_changes(waveform):
    stored = log_spectrum(waveform).astype(np.float16)
    result = varied(stored)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, stored.astype(np.float32), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('semitones', [-5, -1, 0, 2.5, 5])
def test_a_sine_comes_out_at_another_pitch(semitones):
    pitch = 2 ** (semitones / 12)
    peak = varied(log_spectrum(sine(1000)), pitch=pitch)[100].argmax()
    assert abs(peak - 1000 * pitch * 1024 / 16_000) <= 1


def test_knots_filter_the_frequencies_around_them():
    spectrum = log_spectrum(noise())
    for knot, level in ((0, 1.0), (N_KNOTS - 1, -1.0)):
        gains = FLAT.copy()
        gains[knot] = level
        gain = np.log(magnitude(varied(spectrum, gains=gains)) / magnitude(varied(spectrum)))[10:-10].mean(axis=0)
        at = 3 if knot == 0 else 512
        assert gain[at] == pytest.approx(level, abs=0.15)
        assert abs(gain[512 if knot == 0 else 3]) < 0.05


@pytest.mark.parametrize(('tempo', 'frame'), [(1, 130), (1.3, 100), (1 / 1.3, 169)])
def test_tempo_moves_an_event(tempo, frame):
    result = varied(spectrum_with(5, rows=130), tempo=tempo)
    np.testing.assert_allclose(result[frame], 5, rtol=1e-6)
    assert result[[frame - 2, frame + 2]].max() < 1e-6


def test_after_the_last_frame_there_is_silence():
    """Not the last frame for ever: a note that is played faster is over sooner."""
    result = varied(spectrum_with(5), tempo=1.3)
    np.testing.assert_allclose(result[:193], 5, rtol=1e-6)  # frame 192 is frame 250 of the recording
    assert result[193:].max() < 1e-6
    np.testing.assert_allclose(varied(spectrum_with(5), tempo=1 / 1.3), 5, rtol=1e-6)


@pytest.mark.parametrize('db_per_second', augmentation.DECAY_DB)
def test_a_note_that_ends_early_falls_by_so_many_db_a_second(db_per_second):
    spectrum, end = spectrum_with(12), 100
    decay = db_per_second * augmentation.SECONDS_PER_FRAME / DB_PER_NEPER
    result = varied(spectrum, end=end, decay=decay)
    np.testing.assert_allclose(result[:end + 1], spectrum[:end + 1], rtol=1e-6)
    levels = decibels(result)[:, 0]
    falls = (levels[end] - levels[end + 1:end + 21]) / (FRAME_SECONDS * np.arange(1, 21))
    np.testing.assert_allclose(falls, db_per_second, rtol=0.01)
    assert (np.diff(result[end:, 0]) <= 0).all()


def test_end_counts_frames_of_the_varied_note():
    """Not of the recording, which is played faster."""
    result = varied(spectrum_with(5), tempo=1.3, end=100, decay=3)
    np.testing.assert_allclose(result[:101], 5, rtol=1e-6)
    assert result[105:].max() < 0.01


@pytest.mark.parametrize('seed', [0, 1, 2])
@pytest.mark.parametrize('below_db', augmentation.NOISE_DB)
def test_noise_floor_is_so_far_below_the_loudest_bin(seed, below_db):
    spectrum = spectrum_with(12, rows=50, bins=64)  # one bin of one frame
    result = varied(spectrum, noise_magnitudes(seed), noise=FLAT - below_db / DB_PER_NEPER, noise_start=100 * seed)
    loudest_db = decibels(spectrum[50, 64])
    for some in (slice(0, 45), slice(60, 150), slice(150, 251)):  # from the first frame to the last
        assert loudest_db - power_decibels(result[some, 100:]) == pytest.approx(below_db, abs=0.2)


@pytest.mark.parametrize('tilt_db', [-augmentation.NOISE_TILT_DB, augmentation.NOISE_TILT_DB])
def test_noise_floor_is_tilted(tilt_db):
    spectrum = spectrum_with(12, rows=50, bins=64)
    noise_level = (np.linspace(-tilt_db, tilt_db, N_KNOTS) - 50) / DB_PER_NEPER
    result, hertz = varied(spectrum, noise=noise_level)[60:], bin_frequencies()
    low, high = power_decibels(result[:, :3]), power_decibels(result[:, -8:])
    middle = np.sqrt(augmentation.KNOT_HZ[0] * augmentation.KNOT_HZ[-1])
    at_middle = power_decibels(result[:, (hertz > 0.93 * middle) & (hertz < 1.07 * middle)])
    assert high - low == pytest.approx(2 * tilt_db, rel=0.05)
    assert at_middle == pytest.approx((high + low) / 2, abs=0.5)


def test_noise_floor_is_as_strong_in_every_octave():
    """Above 260 Hz, before the tilt."""
    result = varied(spectrum_with(12, rows=50, bins=10), noise=(augmentation.PINK_DB - 50) / DB_PER_NEPER)[60:]
    hertz = bin_frequencies()
    octaves = [(hertz >= lowest) & (hertz < 2 * lowest) for lowest in (400, 800, 1600, 3200)]
    levels = [power_decibels(result[:, octave]) + 10 * np.log10(octave.sum()) for octave in octaves]
    np.testing.assert_allclose(levels, np.mean(levels), atol=0.3)
    assert (augmentation.PINK_DB[augmentation.KNOT_HZ < 260] == 0).all()


def test_noise_goes_on_where_the_note_has_ended():
    spectrum = spectrum_with(12, bins=slice(64, 65))
    result = varied(spectrum, noise=FLAT - 5, end=50, decay=3)
    assert power_decibels(result[150:, 100:]) == pytest.approx(power_decibels(result[:50, 100:]), abs=0.2)
    assert power_decibels(result[150:, 64]) < decibels(spectrum[0, 64]) - 40


def test_noise_starts_at_its_frame_and_is_white():
    spectrum = spectrum_with(12, rows=0, bins=0)
    results = [magnitude(varied(spectrum, noise=FLAT - 5, noise_start=start)) for start in (0, 30)]
    np.testing.assert_allclose(results[0][31:], results[1][1:-30], rtol=1e-5)
    assert NOISES.shape == (augmentation.N_NOISE_FRAMES, N_BINS) and NOISES.dtype == np.float32
    assert np.mean(NOISES ** 2) == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(np.mean(NOISES ** 2, axis=0), 1, atol=0.2)
    assert abs(np.corrcoef(NOISES[:-1].ravel(), NOISES[1:].ravel())[0, 1]) < 0.01


def test_silence_stays_silent_and_all_is_finite():
    loud_noise = {'noise': FLAT - 1, 'gains': FLAT + 1, 'end': 20}
    assert not varied(spectrum_with(), pitch=1.2, tempo=0.8, **loud_noise).any()
    assert np.isfinite(varied(log_spectrum(noise()), pitch=0.8, tempo=1.3, **loud_noise)).all()
    assert np.isfinite(varied(spectrum_with(13.5), **loud_noise)).all()  # the most that full scale comes to


def test_a_note_is_varied_by_its_own_variations():
    spectra = np.stack([log_spectrum(noise()), log_spectrum(sine(440)), spectrum_with()]).astype(np.float16)
    variations = draw_variations(3, 5, 0)
    result = vary(spectra, spectra.max(axis=(1, 2)), variations, knot_weights(bin_frequencies()), NOISES)
    for number, spectrum in enumerate(spectra):
        own = {name: values[number] for name, values in variations._asdict().items()}
        np.testing.assert_allclose(result[number], varied(spectrum, **own), rtol=1e-5, atol=1e-5)


# What is drawn.

MANY = draw_variations(5000, 0, 0)
FLOOR_DB = MANY.noise * DB_PER_NEPER - augmentation.PINK_DB


def test_what_is_drawn_depends_on_seed_and_place():
    first, again, later, other = (draw_variations(50, *place) for place in ((0, 100), (0, 100), (0, 150), (1, 100)))
    for name, mine, same, after, another in zip(Variations._fields, first, again, later, other, strict=True):
        np.testing.assert_array_equal(mine, same)
        assert (mine != after).any() and (mine != another).any(), name


def test_what_is_drawn_does_not_depend_on_how_many_notes_follow():
    for few, many in zip(draw_variations(50, 3, 100), draw_variations(80, 3, 100), strict=True):
        np.testing.assert_array_equal(few, many[:50])


def test_all_is_drawn_as_tensorflow_takes_it():
    for name, values in draw_variations(7, 0, 0)._asdict().items():
        assert values.dtype == (np.int32 if name == 'noise_start' else np.float32), name
        assert values.shape == ((7, N_KNOTS) if name in ('gains', 'noise') else (7,)), name


@pytest.mark.parametrize(('name', 'values', 'lowest', 'highest'), [
    ('semitones', 12 * np.log2(MANY.pitch), -augmentation.MOST_SEMITONES, augmentation.MOST_SEMITONES),
    ('gain in dB', MANY.gains * DB_PER_NEPER, -augmentation.FILTER_DB * 3 ** 0.5, augmentation.FILTER_DB * 3 ** 0.5),
    ('logarithm of the tempo', np.log(MANY.tempo) / np.log(augmentation.MOST_TEMPO), -1, 1),
    ('end in seconds', MANY.end[MANY.end < N_FRAMES] * FRAME_SECONDS, 0.3, 3.7),
    ('decay in dB a second', MANY.decay * DB_PER_NEPER / FRAME_SECONDS, *augmentation.DECAY_DB),
    ('dB of the noise below the loudest bin', -FLOOR_DB.mean(axis=1), *augmentation.NOISE_DB),
    ('tilt in dB', (FLOOR_DB[:, -1] - FLOOR_DB[:, 0]) / 2, -augmentation.NOISE_TILT_DB, augmentation.NOISE_TILT_DB),
    ('first frame of the noise', MANY.noise_start, 0, augmentation.N_NOISE_FRAMES - N_FRAMES)],
    ids=lambda value: value.replace(' ', '_') if isinstance(value, str) else '')
def test_values_are_spread_evenly_over_their_range(name, values, lowest, highest):
    span = highest - lowest
    assert lowest - 0.006 * span <= values.min() <= lowest + 0.01 * span
    assert highest - 0.01 * span <= values.max() <= highest + 0.006 * span
    quarters = np.quantile(values, [0.25, 0.5, 0.75])
    np.testing.assert_allclose(quarters, lowest + span * np.array([0.25, 0.5, 0.75]), atol=0.03 * span)


def test_filter_has_the_stated_standard_deviation():
    assert MANY.gains.std() * DB_PER_NEPER == pytest.approx(augmentation.FILTER_DB, rel=0.05)


def test_half_of_the_notes_end_early():
    assert np.mean(MANY.end < N_FRAMES) == pytest.approx(0.5, abs=0.03)
    assert MANY.end.max() == N_FRAMES


def test_noise_is_drawn_as_a_straight_line_over_the_knots():
    np.testing.assert_allclose(np.diff(FLOOR_DB, 2, axis=1), 0, atol=1e-4)


def test_noise_never_runs_out():
    assert MANY.noise_start.max() + N_FRAMES <= augmentation.N_NOISE_FRAMES


def test_variations_do_not_depend_on_each_other():
    ends = MANY.end < N_FRAMES
    columns = [MANY.pitch, *MANY.gains.T, MANY.tempo, ends, np.where(ends, MANY.end, MANY.end[ends].mean()), MANY.decay,
               MANY.noise.mean(axis=1), MANY.noise[:, 0] - MANY.noise[:, -1], MANY.noise_start]
    assert np.abs(np.corrcoef(columns) - np.eye(len(columns))).max() < 0.06
