"""render_notes.py with a few programs a family: the tree, the sound, what is refused, what is kept."""

import csv
import json
import re
import shutil
from collections import defaultdict
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from conftest import LABELS, RATE, ROOT, contents, error_line, mtimes, run_python, sine, write_wav

import gather_information
import render_notes
from deepdream import sound_font
from deepdream.sound_font import RENDER_RATE_HZ, default_font, synthesizer, to_level
from render_notes import SPLITS, VELOCITIES, load_programs

ALL_PROGRAMS = load_programs()
N_PROGRAMS = 3  # a family, just enough for three splits


def reduced(per_family=N_PROGRAMS, families=LABELS, programs=ALL_PROGRAMS):
    """The last programs of each family: there are fewer duplicates among them than among the first."""
    by_family = defaultdict(list)
    for row in programs:
        by_family[row['family']].append(row)
    return [row for family in families for row in by_family[family][-per_family:]]


def write_programs(path, rows):
    with open(path, 'w', encoding='utf-8', newline='') as file:
        writer = csv.DictWriter(file, ALL_PROGRAMS[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


def render(data, *options):
    return render_notes.main(['--data', str(data), '--pitches', '5', '--jobs', '1', *map(str, options)])


def wavs_of(data, split=None):
    return sorted(data.glob(f'{split or "*"}/audio/*.wav'))


def examples_of(data, split):
    return json.loads((data / split / 'examples.json').read_text(encoding='utf-8'))


@pytest.fixture(scope='module', autouse=True)
def few_programs(tmp_path_factory):
    """Three programs a family instead of all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(render_notes, 'PROGRAMS',
                      write_programs(tmp_path_factory.mktemp('programs') / 'few.csv', reduced()))
        yield patch


@pytest.fixture
def three_families(monkeypatch, tmp_path):
    """Even fewer: three programs of three families, for tests that render more than once."""
    rows = reduced(3, ('bass', 'flute', 'organ'))
    monkeypatch.setattr(render_notes, 'PROGRAMS', write_programs(tmp_path / 'three.csv', rows))
    return rows


@pytest.fixture(scope='module')
def rendered(few_programs, tmp_path_factory):
    """A finished folder, not to be changed."""
    data = tmp_path_factory.mktemp('rendered') / 'data'
    assert render(data) == 0
    return data


@pytest.fixture
def data(rendered, tmp_path):
    return shutil.copytree(rendered, tmp_path / 'data')


@pytest.fixture(scope='module')
def font():
    return default_font()


def power_of(waveform):
    """(power, frequencies in Hz) of the part from 0.1 to 2.9 s."""
    held = np.asarray(waveform, float)[RATE // 10:int(2.9 * RATE)]
    return np.abs(np.fft.rfft(held * np.hanning(len(held)), 2**17)) ** 2, np.fft.rfftfreq(2**17, 1 / RATE)


def play(font, program, pitch):
    return sound_font.render(font, program, pitch, 100)


# The tree.

def test_the_names_are_nsynths(rendered):
    families, sources = '|'.join(LABELS), '|'.join(render_notes.SOURCES)
    velocities = '|'.join(f'{velocity:03}' for velocity in VELOCITIES)
    assert wavs_of(rendered)
    for path in wavs_of(rendered):
        assert re.fullmatch(rf'({families})_({sources})_\d{{3}}-\d{{3}}-({velocities})\.wav', path.name)


def test_nothing_else_is_written(rendered):
    names = {name for name in contents(rendered) if not name.endswith('.wav')}
    assert names == {'render.json', *(f'{split}/examples.json' for split in SPLITS)}


@pytest.mark.parametrize('split', SPLITS)
def test_every_family_is_in_the_split(rendered, split):
    assert {note['instrument_family_str'] for note in examples_of(rendered, split).values()} == set(LABELS)


def test_no_instrument_is_in_two_splits(rendered):
    instruments = [{path.name.split('-')[0] for path in wavs_of(rendered, split)} for split in SPLITS]
    assert sum(map(len, instruments)) == len(set().union(*instruments))


@pytest.mark.parametrize('n_members', [3, 4, 8, 30])
def test_most_instruments_of_a_family_are_in_train(n_members):
    instruments = [{'instrument': i, 'instrument_family_str': LABELS[i % 3]} for i in range(3 * n_members)]
    splits = render_notes.split_instruments(instruments, seed=4)
    for label in LABELS[:3]:
        counts = [sum(member['instrument_family_str'] == label for member in splits[split]) for split in SPLITS]
        assert sum(counts) == n_members
        assert min(counts) >= 1 and counts[0] == max(counts)
    assert {member['instrument'] for some in splits.values() for member in some} == set(range(3 * n_members))


def test_stage_1_takes_the_tree_without_a_warning(data, capsys):
    assert gather_information.main(['--data', str(data), '--labels', str(ROOT / 'labels.txt')]) == 0
    assert 'warning' not in ''.join(capsys.readouterr())
    notes = (data / 'train_samples.txt').read_text().splitlines()
    assert notes == sorted(examples_of(data, 'train'))


@pytest.mark.parametrize('split', SPLITS)
def test_examples_json_agrees_with_the_names(rendered, split):
    examples = examples_of(rendered, split)
    assert set(examples) == {path.stem for path in wavs_of(rendered, split)}
    for name, note in examples.items():
        assert note['note_str'] == name
        assert name == f'{note["instrument_str"]}-{note["pitch"]:03}-{note["velocity"]:03}'
        assert note['instrument_str'] == \
            f'{note["instrument_family_str"]}_{note["instrument_source_str"]}_{note["instrument"]:03}'
        assert LABELS[note['instrument_family']] == note['instrument_family_str']
        assert ('acoustic', 'electronic', 'synthetic')[note['instrument_source']] == note['instrument_source_str']
        assert note['sample_rate'] == RATE


def test_pitches_are_within_the_range_of_the_program(rendered):
    ranges = {row['name']: (int(row['lowest']), int(row['highest'])) for row in ALL_PROGRAMS}
    families = {row['name']: (row['family'], row['source']) for row in ALL_PROGRAMS}
    for split in SPLITS:
        for note in examples_of(rendered, split).values():
            lowest, highest = ranges[note['program_name']]
            assert lowest <= note['pitch'] <= highest
            assert families[note['program_name']] == (note['instrument_family_str'], note['instrument_source_str'])


def test_an_instrument_has_as_many_pitches_as_asked_each_at_one_velocity(three_families, tmp_path):
    assert render(tmp_path / 'data', '--pitches', 3) == 0
    pitches = defaultdict(list)
    for split in SPLITS:
        for note in examples_of(tmp_path / 'data', split).values():
            pitches[note['instrument_str']].append(note['pitch'])
    assert len(pitches) == 9
    assert all(len(some) == len(set(some)) == 3 for some in pitches.values())


def test_more_pitches_than_the_range_has_are_all_of_them():
    instrument = {'instrument': 3, 'instrument_str': 'bass_acoustic_003', 'range': (40, 44), 'font': 'f'}
    notes = render_notes.list_notes(instrument, 12, seed=0, varied=0.5)
    assert {note['pitch'] for note in notes} == {40, 41, 42, 43, 44}


def test_the_table_of_programs_is_sound():
    assert {row['family'] for row in ALL_PROGRAMS} == set(LABELS)
    assert {row['source'] for row in ALL_PROGRAMS} <= {'acoustic', 'electronic', 'synthetic'}
    assert len({row['program'] for row in ALL_PROGRAMS}) == len(ALL_PROGRAMS)
    assert all(0 <= int(row['program']) < 128 and 21 <= int(row['lowest']) < int(row['highest']) <= 108
               for row in ALL_PROGRAMS)


# The sound.

def test_wavs_are_4_seconds_of_16_khz_mono_16_bit(rendered):
    for path in wavs_of(rendered):
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.frames, info.subtype) == (16_000, 1, 64_000, 'PCM_16')


def test_every_note_peaks_between_half_and_095_whatever_its_velocity(rendered):
    peaks = defaultdict(list)
    for path in wavs_of(rendered):
        peaks[path.stem[-3:]].append(np.abs(soundfile.read(path)[0]).max())
    assert set(peaks) == {f'{velocity:03}' for velocity in VELOCITIES}
    assert all(0.5 - 2**-14 <= peak <= 0.95 + 2**-14 for some in peaks.values() for peak in some)
    means = [np.mean(some) for some in peaks.values()]
    assert np.ptp(means) < 0.06  # by velocity: loud ones are no louder
    assert np.ptp([peak for some in peaks.values() for peak in some]) > 0.2


def test_most_notes_end_in_digital_silence_and_all_without_a_click(rendered):
    endings = [soundfile.read(path, dtype='int16')[0][-RATE // 10:] for path in wavs_of(rendered)]
    assert np.mean([not ending.any() for ending in endings]) > 0.6
    assert all(abs(int(ending[-1])) < 100 for ending in endings)


def test_notes_start_at_once_and_are_released(rendered):
    """After 3 s, or 3.5 at most."""
    n_released = 0
    for path in wavs_of(rendered):
        waveform = np.abs(soundfile.read(path)[0])
        assert waveform[:RATE].max() > 0.01, path.name
        n_released += waveform[-RATE // 4:].max() < 0.1 * waveform.max()
    assert n_released > 0.8 * len(wavs_of(rendered))


def test_no_note_is_a_constant(rendered):
    for path in wavs_of(rendered):
        power, frequency = power_of(soundfile.read(path)[0])
        assert power[frequency < 20].sum() < 0.8 * power.sum(), path.name


@pytest.mark.parametrize('row', reduced(2), ids=lambda row: row['name'])
def test_the_highest_notes_are_to_be_heard(font, row):
    power, frequency = power_of(play(font, int(row['program']), int(row['highest'])))
    assert power[frequency < 20].sum() < 0.8 * power.sum()


# Piano, celesta, bass, viola, sections, flute, ocarina, square lead: samples with root keys of their own among them.
@pytest.mark.parametrize('pitch', [45, 57, 69, 76])
@pytest.mark.parametrize('program', [0, 8, 32, 41, 44, 73, 79, 80])
def test_a_note_has_its_pitch(font, program, pitch):
    power, frequency = power_of(play(font, program, pitch))
    audible = np.where(frequency > 30, power, 0)
    partial = frequency[audible.argmax()] / (440 * 2 ** ((pitch - 69) / 12))
    assert 1 <= round(partial) <= 4
    assert abs(partial / round(partial) - 1) < 0.025  # 43 cents


@pytest.mark.parametrize('program', [73, 80])
def test_an_octave_up_is_twice_the_frequency(font, program):
    peaks = []
    for pitch in (69, 81):
        power, frequency = power_of(play(font, program, pitch))
        peaks.append(frequency[np.where(frequency > 30, power, 0).argmax()])
    assert abs(peaks[1] / peaks[0] - 2) < 0.04


@pytest.mark.parametrize('program', [72, 73, 80])
def test_a_high_note_has_its_energy_at_multiples_of_its_fundamental(font, program):
    power, frequency = power_of(play(font, program, 93))
    fundamental = frequency[(power * ((frequency > 1600) & (frequency < 1940))).argmax()]
    multiple = np.round(frequency / fundamental)
    near = (multiple >= 1) & (np.abs(frequency - multiple * fundamental) < 60)
    assert power[near].sum() > 0.97 * power[frequency > 20].sum()


def test_what_is_above_8_khz_does_not_come_back(font, monkeypatch):
    synth, _ = synthesizer(font)
    whistle = np.repeat(sine(11_000, 5, RENDER_RATE_HZ).astype(np.float32), 2)
    monkeypatch.setattr(synth, 'generate', lambda n_samples: whistle[:2 * n_samples].tobytes())
    waveform = sound_font.render(font, 0, 60, 100)
    assert np.abs(waveform[1000:2 * RATE]).max() < 1e-3


def level_at(waveform, seconds):
    return 20 * np.log10(np.sqrt(np.mean(waveform[int(seconds * RATE):][:RATE // 5] ** 2)))


@pytest.mark.parametrize('program', [0, 6, 12, 24, 33, 45], ids=lambda n: ALL_PROGRAMS[n]['name'])
def test_what_is_struck_or_plucked_dies_away(font, program):
    waveform = play(font, program, 60)
    assert level_at(waveform, 2.5) < level_at(waveform, 0.1) - 10  # dB


@pytest.mark.parametrize('program', [19, 40, 56, 68, 73])
def test_what_is_bowed_or_blown_lasts(font, program):
    waveform = play(font, program, 70)
    assert level_at(waveform, 2.5) > level_at(waveform, 0.2) - 6


def test_a_note_does_not_depend_on_the_one_before_it(font):
    alone = play(font, 73, 60)
    play(font, 0, 40)
    np.testing.assert_array_equal(play(font, 73, 60), alone)


def test_a_program_that_the_font_lacks_is_silent(font, monkeypatch):
    monkeypatch.setattr(synthesizer(font)[0], 'sfpreset_name', lambda *_: None)
    waveform = sound_font.render(font, 0, 60, 100)
    assert waveform.shape == (64_000,) and not waveform.any()


def test_the_level_is_exact_and_the_end_faded():
    samples = to_level(1e-3 * sine(440), 0.7)
    assert samples.dtype == np.int16
    assert np.abs(samples).max() == round(0.7 * 32767)
    assert samples[-1] == 0
    assert not to_level(np.r_[sine(440, 1), np.zeros(48_000)], 0.7)[RATE:].any()  # no dither


# How long it is held.

INSTRUMENT = {'instrument': 3, 'instrument_str': 'flute_acoustic_003', 'range': (21, 108), 'font': 'f'}


def held_seconds(varied, seed=0):
    """Of the 88 notes of an instrument."""
    return np.array([note['held_seconds'] for note in render_notes.list_notes(INSTRUMENT, 88, seed, varied)])


def test_the_share_varied_is_held_for_a_time_of_its_own():
    assert (held_seconds(0) == 3).all()
    drawn = np.concatenate([held_seconds(1, seed) for seed in range(10)])
    assert not (drawn == 3).any()
    assert 0.1 <= drawn.min() < 0.15 and 3.45 < drawn.max() <= 3.5
    np.testing.assert_allclose(np.quantile(drawn, [0.25, 0.5, 0.75]), [0.95, 1.8, 2.65], atol=0.15)
    half = np.concatenate([held_seconds(0.5, seed) for seed in range(10)])
    assert np.mean(half != 3) == pytest.approx(0.5, abs=0.05)
    np.testing.assert_array_equal(half[half != 3], drawn[half != 3])  # those that vary do as where all vary


def test_pitches_and_velocities_do_not_depend_on_it():
    lists = [[(note['note_str'], note['pitch'], note['velocity'])
              for note in render_notes.list_notes(INSTRUMENT, 30, 4, varied)] for varied in (0, 0.3, 1)]
    assert lists[0] == lists[1] == lists[2]


@pytest.mark.parametrize('seconds', [0.1, 0.141, 1.234, 3.5])  # 0.141: samples at 48 kHz are lost to rounding
def test_a_sustained_note_falls_silent_where_it_is_released(font, seconds):
    waveform = sound_font.render(font, 16, 60, 100, seconds)  # an organ
    assert waveform.shape == (64_000,)
    held, released = waveform[int(0.05 * RATE):int(seconds * RATE)], waveform[int((seconds + 0.3) * RATE):]
    assert np.sqrt(np.mean(held ** 2)) > 100 * np.sqrt(np.mean(released ** 2))
    same = int((min(seconds, 3) - 0.01) * RATE)
    np.testing.assert_allclose(waveform[:same], sound_font.render(font, 16, 60, 100)[:same], atol=1e-4)


@pytest.mark.parametrize('split', SPLITS)
def test_examples_json_says_for_how_long(rendered, split):
    """An organ is as loud until then, and silent soon after."""
    notes = examples_of(rendered, split)
    assert all(note['held_seconds'] == 3 or 0.1 <= note['held_seconds'] <= 3.5 for note in notes.values())
    organs = [note for note in notes.values() if note['instrument_family_str'] == 'organ']
    for note in organs:
        waveform = soundfile.read(rendered / split / 'audio' / f'{note["note_str"]}.wav')[0]
        end = note['held_seconds']
        before, after = waveform[int((end - 0.08) * RATE):int(end * RATE)], waveform[int((end + 0.4) * RATE):]
        assert np.sqrt(np.mean(before ** 2)) > 10 * np.sqrt(np.mean(after ** 2)), note


@pytest.mark.parametrize('varied', [0, 1])
def test_none_or_all_are_varied(three_families, tmp_path, varied):
    assert render(tmp_path / 'data', '--varied', varied) == 0
    times = [note['held_seconds'] for split in SPLITS for note in examples_of(tmp_path / 'data', split).values()]
    assert len(times) > 30 and [seconds != 3 for seconds in times] == [bool(varied)] * len(times)


def test_another_share_replaces_the_notes(three_families, tmp_path):
    assert render(tmp_path / 'data', '--varied', 1) == 0
    all_varied = contents(tmp_path / 'data')
    assert render(tmp_path / 'data', '--varied', 0) == 0
    assert render(tmp_path / 'fresh', '--varied', 0) == 0
    assert contents(tmp_path / 'data') == contents(tmp_path / 'fresh')
    same_names = all_varied.keys() & contents(tmp_path / 'data').keys()
    wavs = [name for name in same_names if name.endswith('.wav')]
    assert len(wavs) > 30 and all(all_varied[name] != (tmp_path / 'data' / name).read_bytes() for name in wavs)
    assert json.loads((tmp_path / 'data/render.json').read_text())['varied'] == 0


# Silent notes, duplicates, families that are too small.

@pytest.fixture
def without_25(monkeypatch):
    """A synthesiser that plays nothing at velocity 25."""
    real = sound_font.render
    monkeypatch.setattr(sound_font, 'render', lambda font, program, pitch, velocity, *held_seconds: real(
        font, program, pitch, velocity, *held_seconds) * (velocity != 25))


def test_silent_notes_are_left_out_of_audio_and_examples(three_families, without_25, tmp_path):
    assert render(tmp_path / 'data') == 0
    for split in SPLITS:
        examples = examples_of(tmp_path / 'data', split)
        assert {note['velocity'] for note in examples.values()} == {50, 75, 100, 127}
        assert set(examples) == {path.stem for path in wavs_of(tmp_path / 'data', split)}


@pytest.mark.parametrize('silence', [0.0, 1e-5, np.nan])
def test_a_font_that_plays_nothing_is_an_error(three_families, monkeypatch, tmp_path, capsys, silence):
    monkeypatch.setattr(render_notes, 'render', lambda *_: np.full(64_000, silence, np.float32))
    assert render(tmp_path / 'data') == 1
    error_line(capsys.readouterr().err, 'TimGM6mb.sf2')


def test_duplicates_are_found(font):
    flute, organ = ({'program': '73'}, {'program': '16'})
    pairs = [(font, row) for row in (flute, organ, flute, organ, {'program': '0'}, flute)]
    assert list(render_notes.find_duplicates(pairs)) == [False, False, True, True, False, True]


def test_duplicates_are_no_instruments_of_their_own(three_families, monkeypatch, tmp_path):
    rows = [*three_families, *({**row, 'name': 'Again'} for row in three_families)]
    monkeypatch.setattr(render_notes, 'PROGRAMS', write_programs(tmp_path / 'twice.csv', rows))
    assert render(tmp_path / 'data') == 0
    notes = [note for split in SPLITS for note in examples_of(tmp_path / 'data', split).values()]
    assert len({note['instrument_str'] for note in notes}) == 9
    assert 'Again' not in {note['program_name'] for note in notes}


@pytest.mark.parametrize('n_programs', [1, 2])
def test_a_family_too_small_for_three_splits_is_refused(three_families, monkeypatch, tmp_path, capsys, n_programs):
    rows = [*three_families, *reduced(n_programs, ['vocal'])]
    monkeypatch.setattr(render_notes, 'PROGRAMS', write_programs(tmp_path / 'small.csv', rows))
    assert render(tmp_path / 'data') == 1
    error_line(capsys.readouterr().err, 'vocal')
    assert wavs_of(tmp_path / 'data') == []


# The same again, and something else.

def test_the_same_seed_gives_the_same_bytes_for_any_number_of_jobs(three_families, tmp_path):
    for jobs in (1, 2):
        assert render(tmp_path / str(jobs), '--jobs', jobs) == 0
    assert contents(tmp_path / '1') == contents(tmp_path / '2')


def test_another_seed_gives_another_split_and_other_levels(three_families, tmp_path):
    for seed in (0, 1):
        assert render(tmp_path / str(seed), '--seed', seed) == 0
    first, second = contents(tmp_path / '0'), contents(tmp_path / '1')
    assert first.keys() != second.keys()
    assert not any(second[name] == first[name] for name in first.keys() & second.keys() if name.endswith('.wav'))


def test_rendered_again_it_does_nothing(data, capsys):
    before = mtimes(data)
    capsys.readouterr()
    assert render(data) == 0
    assert 'nothing to do' in capsys.readouterr().out
    assert mtimes(data) == before


def test_a_deleted_note_is_not_called_there(three_families, tmp_path):
    data = tmp_path / 'data'
    assert render(data) == 0
    whole = contents(data)
    wavs_of(data, 'test')[0].unlink()
    assert render(data) == 0
    assert contents(data) == whole


def test_a_rendering_that_did_not_finish_is_done_again(three_families, tmp_path):
    data = tmp_path / 'data'
    assert render(data) == 0
    whole, settings = contents(data), json.loads((data / 'render.json').read_text())
    assert settings['finished'] is True
    (data / 'render.json').write_text(json.dumps(settings | {'finished': False}))
    wavs_of(data)[0].write_bytes(b'half')
    wavs_of(data)[-1].unlink()
    (data / 'train' / 'examples.json').unlink()
    assert render(data) == 0
    assert contents(data) == whole


def test_other_settings_leave_no_stale_notes(three_families, tmp_path):
    assert render(tmp_path / 'data', '--pitches', 2) == 0
    assert render(tmp_path / 'data', '--seed', 5) == 0
    assert render(tmp_path / 'fresh', '--seed', 5) == 0
    assert contents(tmp_path / 'data') == contents(tmp_path / 'fresh')


def test_other_programs_are_other_settings(three_families, monkeypatch, tmp_path):
    assert render(tmp_path / 'data') == 0
    rows = reduced(3, ('brass', 'reed', 'string'))
    monkeypatch.setattr(render_notes, 'PROGRAMS', write_programs(tmp_path / 'others.csv', rows))
    assert render(tmp_path / 'data') == 0
    assert {path.name.split('_')[0] for path in wavs_of(tmp_path / 'data')} == {'brass', 'reed', 'string'}


def test_a_note_of_ones_own_survives_another_rendering(three_families, tmp_path):
    assert render(tmp_path / 'data') == 0
    own = write_wav(tmp_path / 'data' / 'train' / 'audio' / 'bass_mine.wav', sine())
    content = own.read_bytes()
    render(tmp_path / 'data', '--seed', 1)  # refused or done
    assert own.read_bytes() == content


# What is refused.

def test_a_disk_without_room_for_the_notes_stops_it_before_the_first(three_families, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(shutil, 'disk_usage', lambda _: SimpleNamespace(free=128_044))
    assert render(tmp_path / 'data') == 1
    error_line(capsys.readouterr().err, tmp_path / 'data', 'wavs take', '--data')
    assert not list(tmp_path.rglob('*.wav'))


def test_only_notes_that_are_not_there_need_room(tmp_path):
    plan = {'train': [({}, [{'note_str': 'bass_a'}, {'note_str': 'bass_b'}])]}
    assert render_notes.count_new(plan, tmp_path) == 2
    (tmp_path / 'train/audio').mkdir(parents=True)
    (tmp_path / 'train/audio/bass_b.wav').touch()
    assert render_notes.count_new(plan, tmp_path) == 1


@pytest.mark.parametrize('split', SPLITS)
def test_a_folder_with_other_notes_is_refused_and_not_touched(tmp_path, capsys, split):
    write_wav(tmp_path / split / 'audio' / 'bass_synthetic_033-045-100.wav', sine())
    before = contents(tmp_path), mtimes(tmp_path)
    assert render(tmp_path) == 1
    error_line(capsys.readouterr().err, tmp_path / split / 'audio', '--data')
    assert (contents(tmp_path), mtimes(tmp_path)) == before
    assert {path.name for path in tmp_path.iterdir()} == {split}


REAL_FONT = default_font()


@pytest.mark.parametrize('content', [
    b'', b'I am no font\n', b'RIFF\x10\0\0\0WAVEfmt ', b'RIFF\x10\0\0\0sfbkshdr', lambda font: font[:len(font) // 2],
    lambda font: font[:-1000]], ids=['empty', 'text', 'wav', 'stub', 'half', 'nearly whole'])
def test_a_file_that_is_no_sound_font_is_refused(tmp_path, capsys, content):
    path = tmp_path / 'a font.sf2'
    path.write_bytes(content(REAL_FONT.read_bytes()) if callable(content) else content)
    assert render(tmp_path / 'data', '--soundfont', path) == 1
    error_line(capsys.readouterr().err, path, '.sf2')
    assert wavs_of(tmp_path / 'data') == []


@pytest.mark.parametrize('table', [b'phdr', b'ibag', b'shdr'])
def test_a_sound_font_with_garbage_in_its_tables_is_refused(tmp_path, capsys, table):
    content = bytearray(REAL_FONT.read_bytes())
    start = content.rindex(table) + 8
    size = int.from_bytes(content[start - 4:start], 'little')
    content[start:start + size] = np.random.default_rng(0).bytes(size)
    (tmp_path / 'garbage.sf2').write_bytes(content)
    assert render(tmp_path / 'data', '--soundfont', tmp_path / 'garbage.sf2') == 1
    error_line(capsys.readouterr().err, tmp_path / 'garbage.sf2', 'give another')
    assert not (tmp_path / 'data').exists()


def test_a_folder_with_a_file_for_each_program_is_a_font(tmp_path):
    font = tmp_path / 'a font'
    font.mkdir()
    (font / '016.sf3').symlink_to(REAL_FONT)
    np.testing.assert_array_equal(sound_font.render(font, 16, 60, 100), sound_font.render(REAL_FONT, 16, 60, 100))
    assert not sound_font.render(font, 17, 60, 100).any()


@pytest.mark.parametrize(('name', 'content'), [('readme.txt', b''), ('000.sf3', b'I am no font')])
def test_a_folder_without_whole_fonts_is_refused(tmp_path, capsys, name, content):
    font = tmp_path / 'a font'
    font.mkdir()
    (font / name).write_bytes(content)
    assert render(tmp_path / 'data', '--soundfont', font) == 1
    error_line(capsys.readouterr().err, font, '.sf2')
    assert not (tmp_path / 'data').exists()


def test_a_missing_sound_font_is_named_with_the_remedy(tmp_path, capsys):
    assert render(tmp_path / 'data', '--soundfont', tmp_path / 'none.sf2') == 1
    line = error_line(capsys.readouterr().err, tmp_path / 'none.sf2')
    assert re.search('give|--soundfont|install', line), line
    assert not (tmp_path / 'data').exists()


def test_without_the_synthesiser_it_is_the_package_that_is_named_and_not_the_font(tmp_path, monkeypatch, capsys):
    find_spec = render_notes.find_spec
    monkeypatch.setattr(render_notes, 'find_spec', lambda name: None if name == 'tinysoundfont' else find_spec(name))
    assert render(tmp_path / 'data') == 1
    line = error_line(capsys.readouterr().err, 'tinysoundfont', 'requirements_no_deps.txt')
    assert 'sf2' not in line and not (tmp_path / 'data').exists()


def test_a_refused_font_leaves_a_finished_folder_as_it_is(data, rendered, tmp_path):
    (tmp_path / 'text.sf2').write_text('no font')
    assert render(data, '--soundfont', tmp_path / 'text.sf2') == 1
    assert contents(data) == contents(rendered)


def test_two_fonts_of_one_name_both_count_or_are_refused(three_families, tmp_path, capsys):
    for folder in ('a', 'b'):
        (tmp_path / folder).mkdir()
        shutil.copy(REAL_FONT, tmp_path / folder / 'font.sf2')
    with open(tmp_path / 'b' / 'font.sf2', 'ab') as file:
        file.write(bytes(2))
    if render(tmp_path / 'data', '--soundfont', tmp_path / 'a' / 'font.sf2', tmp_path / 'b' / 'font.sf2') == 1:
        error_line(capsys.readouterr().err, 'font.sf2')
    else:
        assert len(json.loads((tmp_path / 'data' / 'render.json').read_text())['soundfonts']) == 2


@pytest.mark.parametrize('options', [['--pitches', '0'], ['--seed', '-1'], ['--jobs', '0'], ['--pitches', 'x'],
                                     ['--varied', '-0.1'], ['--varied', '1.1'], ['--varied', 'half']])
def test_options_that_make_no_sense_are_no_traceback(tmp_path, options):
    result = run_python('render_notes.py', '--data', tmp_path / 'data', '--pitches', 1, *options)
    assert result.returncode != 0
    assert 'Traceback' not in result.stderr and options[0] in result.stderr.splitlines()[-1]


FULL = '''
import resource, sys
from pathlib import Path
import render_notes
render_notes.PROGRAMS = Path(sys.argv[1])
render_all = render_notes.render_all

def with_a_full_disk(*arguments):
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    return render_all(*arguments)

render_notes.render_all = with_a_full_disk
sys.exit(render_notes.main(['--data', sys.argv[2], '--pitches', '1', '--jobs', '1']))
'''


def test_a_full_disk_is_an_error_and_leaves_no_half_note(three_families, tmp_path):
    data = tmp_path / 'data'
    result = run_python('-c', FULL, tmp_path / 'three.csv', data)
    assert result.returncode == 1
    error_line(result.stderr, data, '.wav', 'cannot write')
    assert [path for path in data.rglob('*') if path.is_file()] == [data / 'render.json']
    assert render(data) == 0
    assert render(tmp_path / 'fresh') == 0
    assert contents(data) == contents(tmp_path / 'fresh')
