"""Dreams that are notes: the model against the waveform that it stands for, what is measured of notes, the command."""

import json

import numpy as np
import pytest
from conftest import click, noise, sine, write_wav
from test_dream import dream_run, read, read_wav, stage_dream  # noqa: F401 (a fixture)

from deepdream.artifacts import BadInput
from deepdream.backend import tf
from deepdream.dreams import (
    band_levels,
    from_note,
    instrument,
    measures,
    note_analysis,
    notes,
    objectives,
    oscillators,
    real_notes,
    units,
)
from deepdream.dreams.names import dream_name
from deepdream.dreams.note_ascent import NoteAscent, NoteSettings, cosine
from deepdream.dreams.note_controls import FORMANT_DB
from deepdream.dreams.note_model import NoteModel, lobe
from deepdream.dreams.note_parameters import (
    BOUNDS,
    GENERAL,
    N_LEVEL_BANDS,
    N_PARAMETERS,
    N_PARTS,
    NO_LEVELS,
    SIZES,
    Prior,
    split,
)
from deepdream.dreams.writer import Dreamer
from deepdream.spectrum import log_spectrum, magnitude

EVERYWHERE = np.ones(64_000, np.float32)
TIME = np.arange(64_000) / 16_000


def parameters(n, spread=0.0, seed=0, **values):
    """z (n, n_parameters): normal deviates times `spread`, or one value for all of a parameter."""
    z = spread * np.random.default_rng(seed).normal(size=(n, N_PARAMETERS))
    sizes = {name: size for name, size in SIZES.items() if name != 'bounded'} | dict.fromkeys(BOUNDS, 1)
    ends = dict(zip(sizes, np.cumsum(list(sizes.values())), strict=True))
    for name, value in values.items():
        z[:, ends[name] - sizes[name]:ends[name]] = value
    return tf.constant(z, tf.float32)


# The model.

@pytest.mark.parametrize('bins', [5.0, 40.3, 100.5])
def test_lobe_is_the_transform_of_a_windowed_sine(bins):
    tone = np.exp(2j * np.pi * bins * np.arange(1024) / 1024) / 2
    expected = np.fft.fft(tone * np.hanning(1025)[:-1])[:513]
    np.testing.assert_allclose(np.abs(lobe(tf.constant([bins]))), np.abs(expected), atol=0.7)  # of 256


@pytest.mark.parametrize('hz', [65.4, 220.0, 880.0])
def test_model_agrees_with_the_waveform(hz):
    """Of the bins within 40 dB of the loudest, 95 % are within 1 dB; the level over all is within 1 dB, too."""
    model, z, pitch = NoteModel(EVERYWHERE), parameters(1, spread=0.7, seed=1, vibrato_cents=-2), tf.constant([hz])
    waveform = oscillators.waveforms(model, z, pitch)[0]
    ours = magnitude(model.log_spectra(z, pitch)[0].numpy())
    expected = magnitude(log_spectrum(notes.as_written(waveform)))
    loud = expected > 0.01 * expected.max()
    apart = 20 * np.log10(ours[loud] / expected[loud])
    assert abs(np.median(apart)) < 1
    assert np.percentile(np.abs(apart - np.median(apart)), 95) < 1


def test_frames_of_the_onset_agree_with_the_waveform():
    model, pitch = NoteModel(EVERYWHERE), tf.constant([440.0])
    z = parameters(1, attack_seconds=-8, harmonic_to_noise_db=60)
    ours = magnitude(model.log_spectra(z, pitch)[0].numpy())[:4]
    expected = magnitude(log_spectrum(notes.as_written(oscillators.waveforms(model, z, pitch)[0])))[:4]
    assert np.linalg.norm(ours - expected) < 0.05 * np.linalg.norm(expected)


def test_parameters_start_at_and_stay_within_their_bounds():
    low, start, high = (split(parameters(1, **dict.fromkeys(BOUNDS, z))) for z in (-60, 0, 60))
    for name, bound in BOUNDS.items():
        for value, expected in ((low, bound.low), (start, bound.start), (high, bound.high)):
            assert float(value[name][0, 0]) == pytest.approx(expected, rel=1e-3, abs=1e-6), name


def test_no_partial_above_the_limit_and_none_moves_the_pitch():
    model, pitches = NoteModel(EVERYWHERE), tf.constant([100.0, 2000.0])
    waveforms = oscillators.waveforms(model, parameters(2, harmonic_to_noise_db=60, stretch=60), pitches)
    for waveform, hz in zip(waveforms, pitches, strict=True):
        levels = np.abs(np.fft.rfft(waveform[8_000:24_000] * np.hanning(16_000)))  # a bin is 1 Hz
        assert np.argmax(levels) == pytest.approx(float(hz), abs=1)
        assert levels[7_700:].max() < 1e-3 * levels.max()


@pytest.mark.parametrize('hz', [147.0, 440.0, 932.0])
def test_note_has_the_attack_the_decay_and_the_noise_of_its_parameters(hz):
    z = parameters(1, spread=0.7, seed=3, vibrato_cents=-2, attack_seconds=2, decay_db_per_second=1, hold_seconds=1)
    p = {name: float(value[0, 0]) for name, value in split(z).items() if name in BOUNDS}
    waveform = notes.as_written(oscillators.waveforms(NoteModel(EVERYWHERE), z, tf.constant([hz]))[0])
    assert measures.attack_seconds(waveform) == pytest.approx(p['attack_seconds'] / 2, abs=0.03)
    assert measures.decay_db_per_second(waveform) == pytest.approx(p['decay_db_per_second'], rel=0.05)
    assert measures.harmonic_to_noise_db(waveform, hz) == pytest.approx(p['harmonic_to_noise_db'], abs=1.5)


def test_bounds_are_those_of_the_family():
    rng = np.random.default_rng(0)
    measured = np.c_[rng.uniform([0.1, 5, -20, 10], [0.2, 9, -10, 20], (50, 4)), np.linspace(0.3, 0.6, 50),
                     np.full((50, 24), 7.0), np.full((50, 16), np.nan)]
    octaves = rng.uniform(-2, 2, 50)
    levels = 5 + 3 * octaves[:, np.newaxis, np.newaxis] + np.zeros((50, N_PARTS, N_LEVEL_BANDS))
    prior = real_notes.family_priors(np.zeros(50, int), measured, octaves, levels, 2)
    assert np.array_equal(prior.limits[1], GENERAL) and not prior.start[1].any()
    assert np.array_equal(prior.levels[1], NO_LEVELS)
    assert prior.levels[0, 0] == pytest.approx(5, abs=1e-4) and prior.levels[0, 1] == pytest.approx(3, abs=1e-4)
    found = [split(tf.constant(prior.start[:1] + z, tf.float32), prior.limits[:1]) for z in (-60, 0, 60)]
    for name, low, high in (('decay_db_per_second', 5, 9), ('slope_db_per_octave', -20, -10),
                            ('harmonic_to_noise_db', 10, 20), ('release_seconds', 0.3, 0.6)):
        values = [float(one[name][0, 0]) for one in found]
        assert low <= values[0] < values[1] < values[2] <= high
        assert values[0] == pytest.approx(low, abs=0.08 * (high - low)) and values[1] == pytest.approx(
            (low + high) / 2, abs=0.15 * (high - low))
    assert FORMANT_DB * np.tanh(found[1]['formants']) == pytest.approx(7, abs=1e-3)


def test_levels_of_a_sine_are_in_its_band_and_cost_what_is_no_familys():
    levels = band_levels.band_levels(np.stack([log_spectrum(sine(1000.0, peak=peak)) for peak in (1.0, 0.1)])).numpy()
    assert levels[0, 4].argmax() == np.argmax(band_levels.OF_BINS[64])
    assert (levels[0] - levels[1])[1:-1].max(axis=1) == pytest.approx(20, abs=0.1)
    assert np.ptp(levels[:, 1:-1, -1]) < 0.1  # silence
    usual = np.stack([levels[0], np.zeros_like(levels[0]), np.full_like(levels[0], 2)])[np.newaxis]
    spectra, hz = np.stack([log_spectrum(sine(one, peak=1.0)) for one in (1000.0, 3000.0)]), tf.constant([1e3, 3e3])
    cost = band_levels.distance_to_levels(spectra, hz, usual).numpy()
    assert cost[0] < 1e-3 and cost[1] > 1
    assert not band_levels.distance_to_levels(spectra, hz, NO_LEVELS[np.newaxis]).numpy().any()


@pytest.mark.thorough
def test_ascent_keeps_to_the_levels_of_the_family():
    model, pitch = NoteModel(EVERYWHERE, n_partials=16), np.float32([220.0])
    usual = band_levels.band_levels(model.log_spectra(parameters(1), pitch)).numpy()
    levels = np.stack([usual, np.zeros_like(usual), np.full_like(usual, 3)], axis=1)
    prior, moved = Prior(GENERAL[np.newaxis], np.zeros((1, N_PARAMETERS), np.float32), levels), []
    for weight in (0.0, 2.0):
        settings = NoteSettings(levels=weight, jitter=False)
        ascent = NoteAscent(model, lambda spectra: tf.reduce_mean(spectra[:, :, 300:], axis=(1, 2)), 0.0, 1.0, settings)
        z, _ = ascent.climb(np.zeros((1, N_PARAMETERS)), pitch, [0], (), cosine(0.1, 20), prior)
        moved.append(float(band_levels.distance_to_levels(model.log_spectra(tf.constant(z), pitch), pitch, levels)[0]))
    assert moved[1] < 0.3 * moved[0]


def test_note_ends_with_the_window():
    window = np.where(TIME < 2, EVERYWHERE, 0)
    waveform = oscillators.waveforms(NoteModel(window), parameters(1), tf.constant([220.0]))[0]
    assert np.abs(waveform[16_000:30_000]).max() > 0.1 and not waveform[33_000:].any()


# What is measured.

def test_measures_of_known_notes():
    tone = sine(220.0, peak=0.5)
    ramp = tone * np.minimum(TIME / 0.2, 1).astype(np.float32)
    assert measures.attack_seconds(ramp) == pytest.approx(0.2 * (10 ** -0.1 - 0.1), abs=0.02)
    assert measures.decay_db_per_second(tone * 10 ** (-10 * TIME / 20)) == pytest.approx(10, rel=0.05)
    assert measures.release_seconds(tone * 10 ** (-200 * np.maximum(TIME - 2, 0) / 20)) == pytest.approx(0.3, rel=0.05)
    assert measures.release_seconds(np.where(TIME < 2, tone, 0)) == pytest.approx(0.1, rel=1e-3)
    assert measures.harmonic_to_noise_db(tone, 220.0) > 45
    hiss = noise(peak=0.05)
    expected = 10 * np.log10(np.mean(tone ** 2) / np.mean(hiss ** 2))
    assert measures.harmonic_to_noise_db(tone + hiss, 220.0) == pytest.approx(expected, abs=1)
    assert measures.harmonic_to_noise_db(hiss, 220.0) < 5


# Which pitches.

def test_range_is_that_of_the_notes_that_excite():
    pitches = np.r_[np.full(20, 40), np.full(20, 60), np.full(60, 80), -1]
    excited = np.r_[np.zeros(20), np.ones(20), np.zeros(60), 9]
    assert notes.unit_range(excited, pitches) == (60, 60)
    assert notes.unit_range(np.ones(1), np.array([-1])) == notes.ANY_RANGE
    assert notes.candidates(60, 60) == [60]
    assert notes.candidates(36, 84) == [36, 43, 50, 57, 63, 70, 77, 84]
    assert notes.candidates(60, 62) == [60, 61, 62]


def test_the_better_half_of_a_units_pitches_goes_on():
    reached = np.array([1, 5, 3, 4, 9, 8, 7])
    assert notes.best_rows([0, 0, 0, 0, 0, 2, 2], reached, n_best=1, halves=True) == [4, 1, 3, 5]
    assert notes.best_rows([0, 0, 0, 0, 0, 2, 2], reached, n_best=1, halves=False) == [4, 5]
    assert notes.best_rows([0, 0, 0, 0, 0, 2, 2], reached, n_best=4, halves=True) == [4, 1, 3, 2, 5, 6]


@pytest.mark.parametrize(('n_pitches', 'n_best', 'climbing'), [(8, 1, [8, 4, 2]), (8, 3, [8, 4, 3]), (1, 1, [1, 1, 1])])
def test_fewer_pitches_climb_round_after_round(monkeypatch, n_pitches, n_best, climbing):
    """Where each climbs to its own height, the highest stay, and as many as are asked for."""
    of, n_climbing = object.__new__(notes.UnitNotes), []
    of.settings, of.pitches = NoteSettings(), list(range(40, 40 + n_pitches))
    of.prior = Prior(None, np.zeros((1, 5)), None)

    def climb(z, pairs, units, rates):
        n_climbing.append(len(pairs))
        assert len(rates) == 5
        return z + 1, np.array([pitch % 7 for _, pitch in pairs])

    monkeypatch.setattr(of, 'climb', climb)
    z, kept, [scores] = of.try_pitches([0], n_best)
    assert n_climbing == climbing and (z == 3).all() and len(z) == len(kept) == n_best
    assert [pitch % 7 for _, pitch in kept] == sorted((pitch % 7 for pitch in of.pitches), reverse=True)[:n_best]
    assert scores.keys() == set(of.pitches)


def test_a_pitch_that_is_given_twice_is_one(dream_run, small_data):  # noqa: F811
    dreamer = Dreamer(dream_run)
    dreamer.open_notes(small_data, dream_run / 'labels.txt')
    assert notes.UnitNotes(dreamer, 'fc3', NoteSettings(), [69, 60, 69], few=True).pitches == [69, 60]


def test_rates_fall_to_nothing():
    rates = cosine(0.1, 10)
    assert rates[0] == 0.1 and (np.diff(rates) < 0).all() and rates[-1] < 0.01


def test_names_say_the_kind():
    assert dream_name('fc2', 17, [], 'note') == 'fc2_017_note'
    assert dream_name('fc3', 0, ['bass'], 'texture', 1) == 'fc3_00_bass_texture_answer2'


# The command.

ARGUMENTS = ('--layer', 'fc3', '--unit', 'bass', 'organ', '--steps', 60, '--pitch', 'A3', '64')


@pytest.fixture(scope='session')
def two_notes(small_data, dream_run):  # noqa: F811
    assert stage_dream('neuron', small_data, dream_run, *ARGUMENTS) == 0
    return dream_run


@pytest.mark.parametrize('name', ['fc3_00_bass_note', 'fc3_02_organ_note'])
def test_note_excites_its_unit_at_one_of_the_pitches(two_notes, name):
    report = read(two_notes, name)
    assert report['kind'] == 'note' and report['pitch'] in (57, 64)
    assert report['pitches_tried'].keys() == {'57', '64'}
    assert report['pitches_tried'][str(report['pitch'])] == max(report['pitches_tried'].values())
    assert report['read_back']['kept'] > 0.8 and report['read_back']['optimised'] > 0
    for parameter, bound in BOUNDS.items():
        assert bound.low <= report['parameters'][parameter] <= bound.high


def test_note_is_a_note_of_its_pitch(two_notes):
    import librosa
    waveform = read_wav(two_notes, 'fc3_00_bass_note')
    hz, voiced, _ = librosa.pyin(waveform[:24_000], fmin=60, fmax=2000, sr=16_000)
    cents = 1200 * np.log2(hz[voiced] / read(two_notes, 'fc3_00_bass_note')['hz'])
    assert np.mean(np.abs(cents) < 30) > 0.9
    assert np.abs(waveform).max() == pytest.approx(0.9, abs=1e-3)
    assert abs(waveform.mean()) < 1e-3 and measures.clicks(waveform) < 0.01


@pytest.mark.thorough
def test_same_seed_same_note(small_data, two_notes):
    first = (two_notes / 'dreams/audio/fc3_00_bass_note.wav').read_bytes()
    assert stage_dream('neuron', small_data, two_notes, *ARGUMENTS) == 0
    assert (two_notes / 'dreams/audio/fc3_00_bass_note.wav').read_bytes() == first


def test_a_note_that_is_there_is_not_dreamed_again(small_data, two_notes, monkeypatch):
    from deepdream.dreams.writer import Dreamer
    dreamer = Dreamer(two_notes)
    dreamer.open_notes(small_data, small_data / 'labels.txt')
    path, settings = two_notes / 'dreams/fc3_01_flute_note.json', NoteSettings()
    path.write_text(json.dumps({'key': dreamer.note_key('fc3', 1, settings)}))
    monkeypatch.setattr(units, 'dream_notes', lambda dreamer, layer, missing, settings: dreamed.extend(missing))
    dreamed = []
    units.dream_missing_notes(dreamer, 'fc3', [1, 3], settings)
    assert dreamed == [3]
    path.unlink()


@pytest.mark.parametrize(('arguments', 'message'), [
    (('--pitch', 'H4'), 'H4 is no pitch from E1 (28) to C7 (96)'), (('--pitch', '12'), '12 is no pitch'),
    (('--as', 'song'), 'note')])
def test_faults_are_one_line(arguments, message, small_data, dream_run, capsys):  # noqa: F811
    with pytest.raises(SystemExit):
        stage_dream('neuron', small_data, dream_run, *arguments)
    assert message in capsys.readouterr().err.splitlines()[-1]


# Instruments.

def test_keys_cover_the_range_and_the_keyboard():
    assert instrument.keys_of(40, 70) == list(range(40, 71, 3))
    for low, high in ((60, 60), (28, 30), (95, 96)):
        keys = instrument.keys_of(low, high)
        assert keys[0] >= 28 and keys[-1] <= 96 and keys[-1] - keys[0] >= 24
    ranges = instrument.key_ranges([40, 43, 46])
    assert ranges == [(0, 41), (42, 44), (45, 127)]


def test_loop_of_a_steady_note_is_whole_periods():
    start, end = instrument.loop_points(sine(200.0))  # a period of 80 samples
    assert (end + 1 - start) % 80 == 0
    assert instrument.loop_points(sine(200.0) * np.exp(-TIME).astype(np.float32)) is None
    assert instrument.loop_points(noise()) is None


@pytest.fixture(scope='session')
def organ(small_data, dream_run):  # noqa: F811
    assert stage_dream('instrument', small_data, dream_run, '--unit', 'organ', '--steps', 10) == 0
    return dream_run / 'dreams/sfz/fc3_02_organ_instrument.sfz'


@pytest.mark.thorough
def test_instrument_loads_and_has_no_gaps(organ):
    regions = [dict(line.split('=', 1) for line in region.splitlines() if '=' in line)
               for region in organ.read_text().split('<region>')[1:]]
    assert len(regions) >= 8
    covered = [key for region in regions for key in range(int(region['lokey']), int(region['hikey']) + 1)]
    assert covered == list(range(128))
    for region in regions:
        assert region['sample'].startswith('../audio/') and (organ.parent / region['sample']).is_file()
        assert int(region['lokey']) <= int(region['pitch_keycenter']) <= int(region['hikey'])
        if region['loop_mode'] == 'loop_continuous':
            assert 0 < int(region['loop_start']) < int(region['loop_end']) < 64_000


def test_keys_that_excite_nothing_may_begin_to(monkeypatch):
    """The organ of the demo stayed silent in fc2: one key that excites a little cost more than it gained."""
    silent, begun = np.zeros((8, 4), np.float32), np.zeros((8, 4), np.float32)
    begun[0] = 0.1
    reached = []
    for fc2 in (silent, begun):
        pre = {'fc2': tf.constant(fc2), 'fc3': tf.constant(np.float32(fc2[:, :3] > 0))}
        monkeypatch.setattr(objectives, 'pre_activations', lambda *_, found=pre: found)
        objective = objectives.instrument_objective(None, 'fc3', np.ones((5, 3)), np.ones((5, 4)))
        reached.append(float(tf.reduce_sum(objective(None, tf.zeros(8, tf.int32)))))
    assert reached[1] > reached[0]


@pytest.mark.thorough
def test_keys_of_an_instrument_share_their_parameters(organ):
    paths = sorted(organ.parents[1].glob('fc3_02_organ_instrument_*.json'))
    reports = [json.loads(path.read_text()) for path in paths]
    assert all(report['parameters'] == reports[0]['parameters'] for report in reports)
    assert np.diff([report['hz'] for report in reports]) == pytest.approx(
        [report['hz'] * (2 ** 0.25 - 1) for report in reports[:-1]])


# Notes of the user.

def test_fundamental_of_a_note_is_found_to_a_cent():
    waveform = sum(sine(233.7 * number, peak=0.4 / number) for number in range(1, 10))
    assert 1200 * abs(np.log2(note_analysis.fundamental_hz(waveform) / 233.7)) < 1


@pytest.mark.parametrize('cents', [10, pytest.param(25, marks=pytest.mark.thorough)])
def test_pitch_that_moves_is_followed(cents):
    swung = TIME - (2 ** (cents / 1200) - 1) / (10 * np.pi) * np.cos(10 * np.pi * TIME)  # five times a second
    waveform = sum(0.4 / number * np.sin(2 * np.pi * number * 233.1 * swung) for number in range(1, 15))
    waveform = (np.exp(-TIME) * waveform + 0.001 * noise()).astype(np.float32)
    model, _, report = from_note.analysed(waveform)
    assert model.hz == pytest.approx(233.1, rel=0.005) and report['resynthesis_db'] > 20


@pytest.mark.thorough
def test_strings_that_beat_are_followed():
    waveform = sum(sine(110.0 * number * detuned, peak=0.2 / number) for number in range(1, 20)
                   for detuned in (1, 1.003))
    waveform = (np.exp(-TIME) * waveform).astype(np.float32)
    residual = waveform - oscillators.partials(np.zeros(64), note_analysis.analyse(waveform))
    assert np.sum(residual ** 2) < 0.01 * np.sum(waveform ** 2)


def test_breath_and_strike_of_a_note_stay_its_own():
    tone = np.exp(-TIME) * sum(sine(220.0 * number, peak=0.3 / number) for number in range(1, 9))
    waveform = (tone + 0.03 * noise() + click(at=2000)).astype(np.float32)
    model, _, report = from_note.analysed(waveform)
    assert report['resynthesis_db'] > 40
    other = from_note.note_of(note_analysis.AnalysedModel(note_analysis.analyse(tone.astype(np.float32)))).waveform
    assert np.abs(from_note.note_of(model).waveform[1990:2010]).max() > 2 * np.abs(other[1990:2010]).max()


def test_breath_of_a_short_note_is_there_at_every_step():
    """The ascent moves a note's noise by frames; most frames of a second in four are silent."""
    tone = sum(sine(220.0 * number, peak=0.3 / number) for number in range(1, 9)) + 0.03 * noise()
    controls = note_analysis.analyse(np.where(TIME < 1, tone, 0).astype(np.float32))
    model = note_analysis.AnalysedModel(controls)
    z, hz = tf.zeros((1, N_PARAMETERS)), tf.constant([model.hz])
    here, moved = (model.spectra_of(model.controls(z, hz), model.phase, shift) for shift in (0, 100))
    np.testing.assert_allclose(here, moved, atol=1e-5)


def test_noise_of_an_analysed_note_has_a_level_of_1_in_its_bands():
    tone = sum(sine(220.0 * number, peak=0.3 / number) for number in range(1, 9))
    residual = note_analysis.analyse((tone + 0.03 * noise()).astype(np.float32))['residual'][10:-10]
    loud = np.abs(residual) ** 2 / np.sum(np.hanning(1025)[:-1] ** 2)
    assert residual.shape == (231, 513) and 0.5 < np.median(loud[:, 200:]) / np.log(2) < 2  # an exponential's median


def test_a_note_in_strong_noise_is_no_single_note():
    waveform = sum(sine(220.0 * number, peak=0.3 / number) for number in range(1, 9)) + 0.3 * noise()
    with pytest.raises(BadInput, match=r'no single note.*--as texture \(partials over the rest: .* dB, of a note at'):
        from_note.analysed(waveform.astype(np.float32))


def test_a_chord_is_no_single_note_of_the_pitch_that_both_are_multiples_of():
    waveform = sum(sine(hz * number, peak=0.3 / number) for number in range(1, 9) for hz in (220.0, 311.1))
    with pytest.raises(BadInput, match='no single note of a steady pitch: give --as texture'):
        note_analysis.fundamental_hz(waveform)


@pytest.fixture(scope='session')
def own_notes(tmp_path_factory):
    """Two notes that die away, of 233 and 311 Hz, and noise."""
    folder, fade = tmp_path_factory.mktemp('own'), np.exp(-TIME).astype(np.float32)
    def tone(hz, slope):
        return fade * sum(sine(hz * number, peak=0.4 * number ** -slope) for number in range(1, 15))
    write_wav(folder / 'dull.wav', tone(233.1, 2.0) + 0.001 * noise())
    write_wav(folder / 'bright.wav', tone(311.1, 1.0) + 0.001 * noise())
    write_wav(folder / 'hiss.wav', noise())
    return folder


@pytest.mark.thorough
def test_deep_of_a_note_stays_one_and_is_the_resynthesis_at_strength_0(small_data, dream_run, own_notes):  # noqa: F811
    times = []
    for strength in (0, 1):
        assert stage_dream('deep', small_data, dream_run, own_notes / 'dull.wav', '--as', 'note', '--steps', 15,
                           '--strength', strength) == 0
        report = read(dream_run, f'deep_dull_conv3_{strength}_note')
        assert report['hz'] == pytest.approx(233.1, abs=0.2) and report['resynthesis_db'] > 20
        times.append(report['layer_times'])
    assert times[0] == pytest.approx(1) and times[1] > 1.05


@pytest.mark.thorough
def test_notes_between_two_have_pitches_between(small_data, dream_run, own_notes):  # noqa: F811
    assert stage_dream('style', small_data, dream_run, own_notes / 'dull.wav', '--style', own_notes / 'bright.wav',
                       '--as', 'note', '--steps-between', 2, '--steps', 5) == 0
    hz = [read(dream_run, f'style_dull_bright_note{ending}')['hz'] for ending in ('', '_between1', '_between2')]
    assert hz == pytest.approx(np.geomspace(233.1, 311.1, 4)[:3], rel=1e-3)


def test_no_note_is_said_to_be_none(small_data, dream_run, own_notes, capsys):  # noqa: F811
    assert stage_dream('deep', small_data, dream_run, own_notes / 'hiss.wav', '--as', 'note') == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert 'hiss.wav' in line and 'no single note' in line and '--as texture' in line


# The atlas.

@pytest.fixture(scope='session')
def atlas(small_data, dream_run):  # noqa: F811
    assert stage_dream('atlas', small_data, dream_run, '--layers', 'fc3', '--steps', 3) == 0
    return dream_run

def test_atlas_plays_the_note_first_and_a_button_switches(atlas, open_page):
    page = open_page(atlas / 'atlas/index.html', '#unit=fc3_2')
    rows = page.js('UNITS.get("fc3_2").dreams')
    assert rows['note']['row'] != rows['texture']['row'] and 'hz' in rows['note']
    for kind, other in (('note', 'texture'), ('texture', 'note')):
        assert page.page.locator('#kind').inner_text() == f'Show {other}s'
        page.page.click('#unit .play')
        page.wait_for_sound()
        assert page.page.locator('#status').inner_text() == f'fc3_02_organ_{kind}'
        page.page.keyboard.press('Escape')
        page.wait_for_silence()
        page.page.click('#kind')
    assert page.js('location.hash') == '#unit=fc3_2'


def test_keyboard_plays_the_nearest_key_at_the_pitch(open_page, atlas):
    page = open_page(atlas / 'atlas/index.html', '#unit=fc3_2')
    keys = '[{pitch: 57, row: 7}, {pitch: 60, row: 8}, {pitch: 63, row: 9}]'
    assert page.js(f'startOctave({keys})') == 5
    assert page.js(f'pianoKey({keys}, "a", 5)') == {'row': 8, 'rate': 1}
    played = page.js(f'pianoKey({keys}, "f", 5)')  # F, a fourth above C
    assert played['row'] == 9 and played['rate'] == pytest.approx(2 ** (2 / 12))
    assert page.js(f'pianoKey({keys}, "q", 5)') is None


@pytest.mark.thorough
def test_instrument_is_played_on_the_atlas(small_data, atlas, organ, open_page):
    assert stage_dream('atlas', small_data, atlas, '--layers', 'fc3', '--steps', 3) == 0
    page = open_page(atlas / 'atlas/index.html', '#unit=fc3_2')
    assert 'A to P' in page.page.locator('#instrument').inner_text()
    page.page.keyboard.press('a')
    page.wait_for_sound()
    assert page.page.locator('#status').inner_text().startswith('fc3_02_organ_instrument_')
