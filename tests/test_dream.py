"""Stage 8: what the dreams are made with, what is written, its faults, and the atlas in a real, headless Chromium."""

import json
import shutil

import librosa
import numpy as np
import pytest
import soundfile
from conftest import SMALL_LABELS, noise, sine, stage, write_wav

import dream
import train
from data_provider import prepare_data
from deepdream.artifacts import BadInput
from deepdream.audio import load_waveform
from deepdream.backend import tf
from deepdream.dreams import ascent, thin_style, writer
from deepdream.dreams.activations import (
    CONVOLUTIONAL,
    activations,
    note_activations,
    pre_activations,
)
from deepdream.dreams.names import LAYERS, parse_units, unit_name
from deepdream.dreams.read_back import check_read_back, compare_with_notes, with_read_back
from deepdream.dreams.writer import Dreamer
from deepdream.map.atlas import families
from deepdream.spectrum import log_spectrum, magnitude
from deepdream.spectrum_tf import finish, flatness, istft, log_spectra, maximum, stft, window
from model import NETWORKS, get_model, load_model

STEPS = ('--steps', 3)
FC2 = 256


def read(run, name):
    return json.loads((run / 'dreams' / f'{name}.json').read_text(encoding='utf-8'))


def read_wav(run, name):
    waveform, rate = soundfile.read(run / 'dreams/audio' / f'{name}.wav')
    assert rate == 16_000
    return waveform


@pytest.fixture(scope='session')
def dream_run(trained, tmp_path_factory):
    """A run folder to dream in."""
    return shutil.copytree(trained, tmp_path_factory.mktemp('dream') / 'run')


# The front end.

@pytest.mark.parametrize('waveform', [sine(440), noise(), sine(3000, peak=1e-3)])
def test_stft_agrees_with_librosa(waveform):
    expected = librosa.stft(waveform, n_fft=1024, hop_length=256).T
    np.testing.assert_allclose(stft(waveform[np.newaxis])[0], expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize('waveform', [sine(440), noise(), np.zeros(64_000, np.float32)])
def test_spectra_agree_with_the_extraction(waveform):
    ours, expected = log_spectra(waveform[np.newaxis])[0].numpy(), log_spectrum(waveform)
    ours, expected = magnitude(ours), magnitude(expected)
    np.testing.assert_allclose(ours, expected, atol=5e-6 * expected.max() + 1e-9)


def test_istft_inverts_stft():
    waveform = noise()
    np.testing.assert_allclose(istft(stft(waveform[np.newaxis]))[0], waveform, atol=1e-5)


def test_gradient_is_finite_in_silence():
    waveform = tf.constant(np.pad(sine(seconds=1), (0, 48_000))[np.newaxis])
    with tf.GradientTape() as tape:
        tape.watch(waveform)
        total = tf.reduce_sum(log_spectra(waveform))
    assert np.isfinite(tape.gradient(total, waveform)).all()


def test_compiled_gradient_of_the_bands_is_that_of_tensorflow():
    """With tf.reduce_max, XLA's has a cosine of 0.94 to it: see `maximum`."""
    mean, std = (np.full((251, 513), value, np.float32) for value in (0.3, 1.7))
    bands = get_model(11, 'harmonic', mean, std).get_layer('bands')
    note = sum(sine(220 * k, peak=0.5 / k) for k in range(1, 9)) * np.exp(-np.arange(64_000) / 16_000)
    spectrum = tf.constant(((log_spectrum(note.astype(np.float32)) - mean) / std)[np.newaxis, ..., np.newaxis])
    weights = tf.constant(np.random.default_rng(0).normal(size=(1, 125, 80, 5)), tf.float32)

    def gradient(spectra):
        with tf.GradientTape() as tape:
            tape.watch(spectra)
            value = tf.reduce_sum(bands(spectra, maximum=maximum) * weights)
        return tape.gradient(value, spectra)

    plain, compiled = (tf.function(gradient, jit_compile=compile_it, autograph=False)(spectrum).numpy().ravel()
                       for compile_it in (False, True))
    assert np.linalg.norm(plain) > 1
    assert compiled @ plain > 0.999 * np.linalg.norm(compiled) * np.linalg.norm(plain)


def test_gradient_of_a_maximum_goes_to_the_first_of_the_largest():
    x = tf.constant([[[1.0, 5.0], [5.0, 2.0]], [[3.0, 3.0], [0.0, 3.0]]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        of_all, of_rows = maximum(x, axis=(1, 2), keepdims=True), maximum(x, axis=2)
        value = tf.reduce_sum(of_rows)
    assert of_all.numpy().ravel().tolist() == [5, 3] and of_rows.numpy().tolist() == [[5, 5], [3, 3]]
    assert tape.gradient(value, x).numpy().tolist() == [[[0, 1], [1, 0]], [[1, 0], [0, 1]]]


def test_nothing_is_lost_on_the_way_to_the_file(tmp_path):
    waveform = finish(noise())
    writer.write_wav(tmp_path / 'x.wav', waveform)
    np.testing.assert_array_equal(load_waveform(tmp_path / 'x.wav')[0], waveform)
    assert np.abs(waveform).max() == pytest.approx(0.9, abs=1e-4)
    assert abs(waveform[0]) < 1e-3 and abs(waveform[-1]) < 1e-3


def test_window_is_silent_where_real_notes_are():
    frames = np.arange(251) < 190
    spectrum = log_spectrum(noise() * window(frames))
    assert spectrum[:185].min(axis=1).max() > 0
    assert not spectrum[190:].any()


def test_noise_to_start_from_is_seeded_and_no_hiss(small_data):
    mean, std = (np.load(small_data / f'data_{name}.npy') for name in ('mean', 'std'))
    first, again, other = (ascent.starting_noise(mean, std, [seed])[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.3
    assert abs(first.mean()) < 1e-3
    assert flatness(log_spectrum(first)[np.newaxis])[0] < 0.1


# The network, layer by layer.

@pytest.mark.parametrize('network', NETWORKS)
def test_layers_agree_with_the_model(network):
    model, n_filters = get_model(5, network), {'tutorial': (64, 64, 128, 128), 'harmonic': (16, 32, 64, 128)}[network]
    spectra = np.random.default_rng(0).normal(size=(2, 251, 513)).astype(np.float32)
    found = activations(pre_activations(model, spectra))
    np.testing.assert_allclose(found['fc3'], model(spectra[..., np.newaxis]), atol=1e-4)
    assert tuple(found[layer].shape[1] for layer in CONVOLUTIONAL) == n_filters
    assert [found[layer].shape[1] for layer in ('fc1', 'fc2', 'fc3')] == [256, 256, 5]


def test_units_are_named_safely():
    assert (*CONVOLUTIONAL, 'fc1', 'fc2', 'fc3') == LAYERS
    assert unit_name('fc3', 0, ['../a b']) == 'fc3_00_---a-b'
    assert unit_name('conv1', 7, []) == 'conv1_007'
    assert parse_units('fc3', ['bass', '2'], 3, ['bass', 'a', 'b']) == [0, 2]


# Scores.

def test_flatness_tells_a_tone_from_noise():
    tone, hiss = flatness(np.stack([log_spectrum(one) for one in (sine(), noise())]))
    assert tone < 1e-4 < 0.4 < hiss < 0.7


@pytest.mark.parametrize(('activation', 'passed', 'beats'), [(10, True, True), (7, False, True), (0, False, False)])
def test_read_back_check(activation, passed, beats):
    score = check_read_back(float(activation), 10.0)
    assert (score['passed'], score['kept']) == (passed, activation / 10)
    score = compare_with_notes(float(activation), np.array([0.0, 2, 4]), ['a', 'b', 'c'])
    assert (score['beats_strongest_note'], score['times_strongest_note']) == (beats, activation / 4)
    assert (score['n_notes'], score['strongest_note'], score['average_note_activation']) == (3, 'c', 2)


def test_score_of_a_dead_unit():
    assert not check_read_back(0.0, 0.0)['passed']
    assert compare_with_notes(0.0, np.zeros(3), ['a', 'b', 'c'])['times_strongest_note'] is None
    assert compare_with_notes(1.0, None, []) == {'n_notes': 0}


def test_a_report_of_before_is_read_under_todays_names():
    old = {'key': 1, 'honesty': {'claimed': 2.0, 'survives': True, 'kept': 1.0}}
    assert with_read_back(old) == {'key': 1, 'read_back': {'optimised': 2.0, 'passed': True, 'kept': 1.0}}
    assert with_read_back(with_read_back(old)) == with_read_back(old)


# Dreams.

@pytest.fixture(scope='session')
def two_dreams(small_data, dream_run):
    arguments = ('--as', 'texture', '--layer', 'fc3', '--unit', 'bass', 'organ', '--steps', 100)
    assert stage_dream('neuron', small_data, dream_run, *arguments) == 0
    return dream_run


def stage_dream(tool, data, run, *arguments):
    return dream.main([tool, '--data', str(data), '--labels', str(data / 'labels.txt'), '--run', str(run),
                       *map(str, arguments)])


def test_dream_excites_its_unit_and_passes_the_read_back_check(two_dreams):
    for name, label in (('fc3_00_bass_texture', 'bass'), ('fc3_02_organ_texture', 'organ')):
        report = read(two_dreams, name)
        assert report['read_back']['kept'] == pytest.approx(1, abs=0.01)
        assert report['probabilities'][label] > 0.9
        assert report['spectral_convergence'] < 1e-3


def test_dream_is_a_whole_sound(two_dreams):
    waveform = read_wav(two_dreams, 'fc3_00_bass_texture')
    assert np.abs(waveform).max() == pytest.approx(0.9, abs=1e-3)
    assert abs(waveform.mean()) < 1e-3
    assert not waveform[0] and not waveform[-1]
    assert read(two_dreams, 'fc3_00_bass_texture')['sound']['flatness'] < 0.2
    spectrum = np.load(two_dreams / 'dreams/spectrum/fc3_00_bass_texture.npy')
    np.testing.assert_allclose(spectrum, log_spectrum(waveform.astype(np.float32)), atol=0.01)
    assert (two_dreams / 'dreams/fc3_00_bass_texture.png').stat().st_size > 1000


def test_same_seed_same_sound(small_data, dream_run):
    def dreamed(*arguments):
        assert stage_dream('neuron', small_data, dream_run, '--as', 'texture', '--unit', 3, *STEPS, *arguments) == 0
        return (dream_run / 'dreams/audio/fc2_003_texture.wav').read_bytes()
    first = dreamed()
    assert dreamed() == first
    assert dreamed('--seed', 1) != first


def test_diversity_gives_dreams_that_differ(small_data, dream_run):
    assert stage_dream('neuron', small_data, dream_run, '--as', 'texture', '--unit', 5, '--diversity', 2, *STEPS) == 0
    first, second = (read_wav(dream_run, name) for name in ('fc2_005_texture', 'fc2_005_texture_answer2'))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.9


@pytest.fixture
def sounds(tmp_path):
    """A stereo sound at 44.1 kHz of 1.5 s and a 4 s note."""
    tone = sine(330, seconds=1.5, rate=44_100, peak=0.5) * np.linspace(1, 0.1, 66_150, dtype=np.float32)
    fade = np.exp(-np.arange(64_000) / 20_000).astype(np.float32)
    tone = tone + noise(seed=1, seconds=1.5, rate=44_100, peak=0.02)
    return (write_wav(tmp_path / 'ton é.wav', np.stack([tone, tone], axis=1), rate=44_100),
            write_wav(tmp_path / 'other.wav', fade * (sine(200, peak=0.4) + sine(1200, peak=0.2) + noise(peak=0.02))))


def test_deep_returns_the_sound_at_strength_0_and_more_with_more(small_data, dream_run, sounds):
    source = finish(load_waveform(sounds[0])[0])
    changes, times = [], []
    for strength in (0, 0.25, 0.5, 1):
        assert stage_dream('deep', small_data, dream_run, sounds[0], '--strength', strength, '--steps', 15) == 0
        name = f'deep_ton é_conv3_{strength:g}'
        changes.append(np.linalg.norm(read_wav(dream_run, name) - source) / np.linalg.norm(source))
        times.append(read(dream_run, name)['layer_times'])
    assert changes[0] < 0.01  # 40 dB
    assert changes == sorted(changes)
    assert times == sorted(times) and times[0] == pytest.approx(1, abs=0.02)


def test_style_comes_near_and_content_stays(small_data, dream_run, sounds):
    assert stage_dream('style', small_data, dream_run, sounds[1], '--style', sounds[0], '--steps', 60) == 0
    report = read(dream_run, 'style_other_ton é')
    assert report['style_distance'] < 0.2
    assert report['strongest_kept'] >= 5


def test_style_starts_from_the_content_with_a_noise_that_can_be_amplified(small_data, dream_run, sounds, tmp_path):
    content = np.pad(sine(seconds=2), (0, 32_000))  # silent in the end
    write_wav(tmp_path / 'early.wav', content)
    assert stage_dream('style', small_data, dream_run, tmp_path / 'early.wav', '--style', sounds[0],
                       '--steps', 1, '--rate', 1e-9) == 0
    waveform = read_wav(dream_run, 'style_early_ton é')
    added = waveform - finish(content)
    assert 0 < np.abs(waveform[-30_000:]).max() < 0.002
    assert np.linalg.norm(added) < 0.003 * np.linalg.norm(waveform)  # 50 dB


def test_thin_matches_the_bands(small_data, dream_run, sounds):
    assert stage_dream('thin', small_data, dream_run, sounds[1], '--style', sounds[0]) == 0
    error = read(dream_run, 'thin_other_ton é')['statistics_error']
    assert error['after'] < 0.05 < error['before']


def test_thin_of_a_sound_with_itself_changes_nothing():
    waveform = sine() + noise(peak=0.1)
    shaped, finished = thin_style.thin_style(waveform, waveform, finish), finish(waveform)
    assert np.linalg.norm(shaped - finished) < 0.1 * np.linalg.norm(finished)


@pytest.mark.parametrize('hertz', [125, 234, 250])
def test_thin_divides_no_partial_in_two(hertz):
    """Some of the partials lie where octaves would meet, at 125, 250, 500 ... Hz."""
    partials = np.arange(hertz, 8_000, hertz)
    edges = thin_style.band_edges(log_spectrum(sum(sine(one, peak=0.01) for one in partials)))
    assert np.abs(edges[1:-1, np.newaxis] - partials / 15.625).min() >= 2
    assert (np.diff(np.log2(edges)) > 0.5).all()


def test_thin_of_a_sound_of_three_frames_matches_the_mean():
    burst = np.zeros(64_000, np.float32)
    burst[32_000:32_040] = noise()[:40]
    other = np.cumsum(noise(seed=1), dtype=np.float32)  # falls by 6 dB an octave
    other = 0.8 * (other - other.mean()) / np.abs(other).max()
    shaped = thin_style.thin_style(burst, other, finish)
    _, frames, bands, wanted = thin_style.common_ground(burst, other)
    assert frames.sum() < thin_style.FEWEST_FRAMES and len(wanted) == 1 and bands.sum() > 3
    assert thin_style.statistics_error(burst, burst, other) > 0.05 > thin_style.statistics_error(shaped, burst, other)


@pytest.mark.thorough
def test_every_tool_takes_the_harmonic_network(small_data, tmp_path, sounds):
    run = tmp_path / 'run'
    assert stage(train, small_data, run, '--network', 'harmonic', '--steps', 300, '--batch-size', 8) == 0
    note = min((small_data / 'test/audio').glob('*.wav'))
    assert stage_dream('neuron', small_data, run, '--as', 'texture', '--layer', 'conv2', '--unit', 1,
                       '--steps', 30) == 0
    assert stage_dream('deep', small_data, run, note, '--steps', 200) == 0
    assert stage_dream('style', small_data, run, sounds[1], '--style', sounds[0], '--steps', 30) == 0
    assert read(run, 'conv2_001_texture')['read_back']['kept'] == pytest.approx(1, abs=0.02)
    assert read(run, f'deep_{note.stem}_conv3_1')['layer_times'] > 1.2
    assert read(run, 'style_other_ton é')['style_distance'] < 0.8


# Faults.

@pytest.mark.parametrize(('arguments', 'message'), [
    (('neuron', '--layer', 'fc2', '--unit', '256'), '0 to 255'),
    (('neuron', '--layer', 'fc3', '--unit', 'kazoo'), 'synth_lead'),
    (('neuron', '--layer', 'fc9'), 'conv1'),
    (('neuron', '--steps', '0'), '--steps'),
    (('neuron', '--rate', 'nan'), '--rate'),
    (('deep', 'no such.wav'), 'no such file'),
    (('deep', 'silent.wav'), 'silent'),
    (('deep', 'empty.wav'), 'empty'),
    (('style', 'low.wav', '--style', 'low.wav'), 'low.wav, low.wav: the two sounds have the same style'),
    (('thin', 'low.wav', '--style', 'high.wav'), 'low.wav, high.wav: the two sounds have no frequency band in common'),
    (('thin', 'text.wav', '--style', 'text.wav'), 'unreadable')])
def test_faults_are_one_line(arguments, message, small_data, dream_run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_wav(tmp_path / 'silent.wav', np.zeros(16_000))
    write_wav(tmp_path / 'empty.wav', np.zeros(0))
    write_wav(tmp_path / 'low.wav', sine(440))
    write_wav(tmp_path / 'high.wav', sine(4000))
    (tmp_path / 'text.wav').write_text('no sound')
    try:
        status = stage_dream(arguments[0], small_data, dream_run, *arguments[1:])
    except SystemExit as error:  # argparse's
        status = error.code
    last = capsys.readouterr().err.splitlines()[-1]
    assert status and 'error: ' in last and message in last


@pytest.mark.parametrize('content', [b'', b'PK', b'text'])
def test_damaged_activations_of_the_notes_are_made_anew(small_data, trained, tmp_path, content):
    provider, path = prepare_data(small_data, small_data / 'labels.txt'), tmp_path / 'activations.npz'
    model = load_model(trained / 'model.keras')
    expected = note_activations(model, provider, 'valid', path)
    path.write_bytes(content)
    for _ in ('anew', 'kept'):
        found = note_activations(model, provider, 'valid', path)
        assert found.keys() == expected.keys()
        for layer in expected:
            np.testing.assert_array_equal(found[layer], expected[layer])


def test_run_without_a_model(small_data, tmp_path, capsys):
    assert stage_dream('neuron', small_data, tmp_path) == 1
    assert 'train.py' in capsys.readouterr().err


def cost(waveform, **weights):
    """What a waveform costs, whose bins are all as loud as in real notes."""
    spectrum = log_spectrum(waveform)
    limits = ascent.Limits(spectrum, np.ones_like(spectrum), ascent.Settings(**weights))
    return float(limits.cost(waveform[np.newaxis], np.expm1(spectrum)[np.newaxis])[0])


def test_only_a_crest_factor_beyond_the_limit_costs():
    click, tone = np.eye(1, 64_000, 32_000, dtype=np.float32)[0], sine()
    assert cost(tone, crest=1) == cost(tone, crest=0)
    assert cost(click, crest=2) - cost(click, crest=0) == pytest.approx(
        2 * np.log(64_000 ** 0.5 / ascent.MAX_CREST), rel=0.01)


def test_only_a_flatness_below_the_limit_costs():
    tone, hiss = sine(), noise()
    expected = float(flatness(log_spectrum(tone)[np.newaxis])[0])
    assert cost(hiss, flatness=1) == cost(hiss, flatness=0)
    assert expected < ascent.MIN_FLATNESS
    assert cost(tone, flatness=2) - cost(tone, flatness=0) == pytest.approx(
        2 * np.log(ascent.MIN_FLATNESS / expected), rel=0.01)


def test_gains_lie_on_straight_lines_between_every_eighth_frame():
    nodes = np.random.default_rng(0).normal(size=(2, 33, 513)).astype(np.float32)
    gains = ascent.between(tf.constant(nodes)).numpy()
    np.testing.assert_allclose(gains[1, :, 7], np.interp(np.arange(251), np.arange(0, 257, 8), nodes[1, :, 7]),
                               atol=1e-5)


def test_jitter_is_seeded_and_ends_before_the_ascent():
    first, again, other = (list(ascent.jitters(ascent.Settings(steps=10, seed=seed))) for seed in (0, 0, 1))
    for (shift, bins, gains), (shift_again, bins_again, gains_again) in zip(first, again, strict=True):
        assert (shift, bins) == (shift_again, bins_again) and gains.shape == (513,)
        np.testing.assert_array_equal(gains, gains_again)
    assert first[0][2].std() > 0 and not np.array_equal(first[0][2], other[0][2])
    assert all(shift == bins == 0 and not gains.any() for shift, bins, gains in first[8:])


def test_ascent_that_leaves_the_numbers_stops_with_the_remedy(dream_run, small_data):
    provider = prepare_data(small_data, small_data / 'labels.txt', ['test'], statistics=dream_run)
    with pytest.raises(BadInput, match=r'step 1 of 5.*--rate below 0\.04'):
        ascent.Ascent(lambda spectra: tf.math.log(-tf.reduce_sum(spectra ** 2, axis=(1, 2))), 1,
                      provider.mean, provider.std, ascent.Settings(steps=5)).climb(sine()[np.newaxis])


# The atlas.

@pytest.fixture(scope='session')
def atlas(small_data, two_dreams):
    """The atlas of the five classes; the map's page is said to be there."""
    (two_dreams / 'map').mkdir(exist_ok=True)
    (two_dreams / 'map/index.html').write_text('<title>map</title>')
    arguments = ('atlas', small_data, two_dreams, '--layers', 'fc3', '--steps', 3)
    assert stage_dream(*arguments) == 0
    return two_dreams


def test_atlas_goes_on_where_it_was_stopped(small_data, atlas, monkeypatch):
    written = {path: path.stat().st_mtime_ns for path in (atlas / 'dreams').glob('fc3_0*_texture.json')}
    (atlas / 'dreams/fc3_03_synth_lead_texture.json').unlink()
    dreamed = []
    ours = Dreamer.write_units
    monkeypatch.setattr(Dreamer, 'write_units',
                        lambda self, layer, units, *rest: dreamed.extend(units) or ours(self, layer, units, *rest))
    assert stage_dream('atlas', small_data, atlas, '--layers', 'fc3', '--steps', 3) == 0
    assert dreamed == [3]
    changed = [path.name for path, time in written.items() if path.stat().st_mtime_ns != time]
    assert changed == ['fc3_03_synth_lead_texture.json']


def test_selectivity():
    of_notes = np.array([[1.0, 1], [1, 1], [0, 1]])
    preferred, selectivity = families(of_notes, np.array([0, 0, 1]), 2)
    assert preferred.tolist() == [0, 0] and selectivity.tolist() == [1, 0]


@pytest.fixture
def page(atlas, open_page):
    return open_page(atlas / 'atlas/index.html')


def test_every_kind_of_sound_on_the_atlas_plays(page):
    page.page.click('#card-fc3_2')
    page.wait_for_sound()
    page.page.keyboard.press('Escape')
    page.wait_for_silence()
    page.page.click('#unit .play')
    page.wait_for_sound()
    page.page.keyboard.press('Escape')
    page.wait_for_silence()
    assert page.page.locator('#unit .note').count() == 9
    page.page.click('#unit .note >> nth=0')
    page.wait_for_sound()


def test_panel_shows_the_read_back_check(page):
    page.page.click('#card-fc3_0')
    passed = page.js('UNITS.get("fc3_0").dreams.note.read_back.passed')
    assert page.page.locator('#unit h3').first.inner_text() == f'Read-back check {"passed" if passed else "failed"}'
    labels = page.page.locator('#unit .bar-label').all_inner_texts()
    assert labels == ['optimised', 'read back', 'strongest note', 'average note']


def test_odd_names_are_text(page):
    page.page.click('#card-fc3_4')
    names = page.page.locator('#unit .note .name').all_inner_texts()
    assert set(names) <= set(page.js('MAP.notes'))
    assert page.js('document.querySelectorAll("#unit img, #unit script").length') == 0


def test_units_are_sorted_and_filtered(page):
    page.page.select_option('#sort', 'selectivity')
    shown = page.js('shownUnits(atlas.choice).map(unit => unit.selectivity)')
    assert shown == sorted(shown, reverse=True) and len(shown) == 5
    page.page.select_option('#family', '0')
    assert page.js('shownUnits(atlas.choice).every(unit => unit.family === 0)')
    page.page.select_option('#dead', 'only')
    assert page.page.locator('#units .none').is_visible()
    assert 'dead=only' in page.js('location.hash')


def test_address_opens_a_unit_and_links_to_the_map(atlas, open_page):
    page = open_page(atlas / 'atlas/index.html', '#unit=fc3_1&layer=nonsense')
    assert page.page.locator('#unit h2').inner_text() == SMALL_LABELS[1]
    address = page.page.locator('#unit a').get_attribute('href')
    assert address.startswith('../map/index.html#sel=')
    assert '../atlas/index.html' in (atlas / 'map/atlas.js').read_text()


def test_pictures_are_drawn(page):
    assert page.page.wait_for_function('''[...document.querySelectorAll(".unit canvas")].every(canvas =>
        new Set(canvas.getContext("2d").getImageData(0, 0, 125, 80).data).size > 20)''')
