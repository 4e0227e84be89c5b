"""predict.py on any sound: what it hears of it, what it says, and what it adds to the map."""

import csv
import io
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browser import Opened
from conftest import ODD_NOTES, SMALL_LABELS, damaged_copy, edit_json, noise, sine, stage, write_wav
from threadpoolctl import threadpool_limits

import activation
import evaluate
import predict
import sound_map
from deepdream.audio import load_from_onset
from deepdream.embedding import fit_maps, fit_pca
from deepdream.map.data import OWN_COLOUR, VIEWS, gather, load_views
from deepdream.map.user_sounds import place_sounds
from deepdream.neighbours import Neighbourhood, nearest_notes
from deepdream.run_folder import model_digest

BASS, FLUTE = 'bass_acoustic_020-048-100', 'flute_synthetic_021-048-100'


@pytest.fixture(scope='module')
def ready(trained, small_data, tmp_path_factory):
    """A run with predictions, activations and embeddings."""
    run = damaged_copy(trained, tmp_path_factory.mktemp('ready') / 'run')
    assert stage(evaluate, small_data, run, '--no-baseline') == 0
    assert stage(activation, small_data, run) == 0
    pca, _ = fit_pca(np.load(run / 'activation.npy'), 36, 0)
    with threadpool_limits(1):
        maps = fit_maps(pca, 35 / 3, 0)
    for view, array in ({'pca': pca} | maps).items():
        np.save(run / VIEWS[view], array)
    (run / 'tsne.json').write_text(json.dumps({
        'model': model_digest(run), 'purity_k': 10, 'evaluated_notes': 36, 'purity': {'fc2': 0.8},
        'trustworthiness': {'tsne_2d': 0.9, 'tsne_3d': 0.9}}))
    return run


@pytest.fixture
def run(ready, tmp_path):
    return damaged_copy(ready, tmp_path / 'run')


@pytest.fixture
def note_of(small_data):
    """A function that reads a test note."""
    return lambda note: soundfile.read(small_data / f'test/audio/{note}.wav', dtype='float32')[0]


def predict_json(run, *arguments, status=0):
    """The rows of `predict.py --json`, written to a file."""
    output = run / 'out.json'
    output.unlink(missing_ok=True)
    assert predict.main([*map(str, arguments), '--run', str(run), '--json', '--output', str(output)]) == status
    return json.loads(output.read_text(encoding='utf-8'))


def write_sound(path, waveform, rate=16_000, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, waveform, rate, **options)
    return path


def values(row):
    return np.array(list(row['probabilities'].values()))


# What it says.

def test_notes_of_the_run_are_answered_as_evaluate_did_and_are_their_own_neighbours(ready, small_data):
    with open(ready / 'predictions.csv', encoding='utf-8', newline='') as file:
        expected = {row['note']: row for row in csv.DictReader(file)}
    rows = predict_json(ready, small_data / 'test/audio')
    assert len(rows) == len(expected) == 36
    for row in rows:
        note = Path(row['file']).stem
        assert list(row['probabilities']) == list(SMALL_LABELS)
        np.testing.assert_allclose(values(row), [float(expected[note][label]) for label in SMALL_LABELS], atol=0.01)
        assert row['label'] == max(row['probabilities'], key=row['probabilities'].get)
        assert (row['start'], row['nearest'][0], len(set(row['nearest']))) == (0, note, 5)
        assert row['out_of_distribution'] == (row['log_odds'] > row['limit'] + 0.001)
    assert sum(row['out_of_distribution'] for row in rows) <= 5  # beyond the farthest of 22 valid notes are 1 in 23


def test_any_make_level_rate_and_number_of_channels(ready, note_of, tmp_path):
    waveform = note_of(FLUTE)
    write_sound(tmp_path / 'a/plain.wav', waveform)
    write_sound(tmp_path / 'a/quiet.wav', 0.02 * waveform, subtype='FLOAT')
    write_sound(tmp_path / 'a/loud.WAV', 20 * waveform, subtype='FLOAT', format='WAV')
    write_sound(tmp_path / 'b/stereo.flac', np.stack([waveform, waveform], axis=1))
    write_sound(tmp_path / 'b/vorbis.ogg', waveform)
    write_sound(tmp_path / 'b/layer.mp3', waveform, format='MP3')
    write_sound(tmp_path / 'c/fast.aiff', np.repeat(waveform, 3), 48_000, subtype='PCM_24')
    (tmp_path / 'c/read me.txt').write_text('no sound')
    write_sound(tmp_path / 'c/.hidden.wav', waveform)
    rows = predict_json(ready, tmp_path, tmp_path / 'a/plain.wav')
    names = [str(Path(row['file']).relative_to(tmp_path)) for row in rows]
    assert names == ['a/loud.WAV', 'a/plain.wav', 'a/quiet.wav', 'b/layer.mp3', 'b/stereo.flac', 'b/vorbis.ogg',
                     'c/fast.aiff']
    assert {row['label'] for row in rows} == {rows[1]['label']}
    for row, tolerance in zip(rows, (0.01, 0, 0.01, 0.2, 0.01, 0.2, 0.2), strict=True):
        np.testing.assert_allclose(values(row), values(rows[1]), atol=tolerance, err_msg=row['file'])


def test_of_a_long_sound_the_loudest_four_seconds(ready, note_of, tmp_path):
    rate, start = 44_100, 17
    long = noise(seconds=30, rate=rate, peak=1e-6)
    long[start * rate:][:4 * rate] += np.interp(np.arange(4 * rate) / rate, np.arange(64_000) / 16_000, note_of(BASS))
    plain = write_sound(tmp_path / 'plain.wav', note_of(BASS))
    row, expected = predict_json(ready, write_sound(tmp_path / 'long.flac', long, rate, subtype='PCM_24'), plain)
    assert row['start'] == pytest.approx(start, abs=0.11)
    assert row['label'] == expected['label']


def test_every_four_seconds_that_sound(ready, note_of, tmp_path):
    silence = np.zeros(64_000, np.float32)
    song = np.concatenate([note_of(BASS), silence, note_of(FLUTE), note_of(BASS)[:32_000], silence[:1000]])
    song = write_sound(tmp_path / 'song.wav', song)
    rows = predict_json(ready, song, '--windows')
    assert [row['start'] for row in rows] == [0, 8, 12]
    alone = predict_json(ready, *(write_sound(tmp_path / f'{note}.wav', note_of(note)) for note in (BASS, FLUTE)))
    for row, expected in zip(rows, alone, strict=False):
        np.testing.assert_allclose(values(row), values(expected), atol=1e-4)


def test_table_csv_and_json_say_the_same(ready, small_data, capfd):
    sound = str(small_data / f'test/audio/{BASS}.wav')
    row, = predict_json(ready, sound)
    printed = {}
    for form in ([], ['--csv'], ['--json']):
        capfd.readouterr()
        assert predict.main([sound, '--run', str(ready), *form]) == 0
        printed[''.join(form)] = capfd.readouterr().out
    assert json.loads(printed['--json']) == [row]
    line, = csv.DictReader(io.StringIO(printed['--csv']))
    assert (line['file'], line['label'], line['nearest_1']) == (sound, row['label'], BASS)
    np.testing.assert_allclose([float(line[label]) for label in SMALL_LABELS], values(row), atol=1e-6)
    assert sound in printed[''] and f'{row["label"]} {100 * values(row).max():.0f} %' in printed['']
    assert f'nearest: {", ".join(row["nearest"])}' in printed['']


def test_names_are_text_of_one_line(ready, small_data, tmp_path, capfd):
    for name in ('a\nb\x1b[31m.wav', os.fsdecode(b'\xff.wav'), 'c\n.wav'):
        shutil.copy(small_data / f'test/audio/{BASS}.wav', tmp_path / name)
    (tmp_path / 'c\n.wav').write_bytes(b'nothing')
    assert predict.main([str(tmp_path), '--run', str(ready)]) == 1
    out, err = capfd.readouterr()
    assert '\x1b' not in out + err and len(out.splitlines()) == 2 and 'a\\nb' in out
    assert '\\udcff.wav: its name is not UTF-8' in err and 'c\\n.wav: unreadable' in err


# Faults.

def test_sounds_that_cannot_be_used_are_listed_and_stop_nothing(ready, small_data, tmp_path, capfd):
    good = small_data / f'test/audio/{ODD_NOTES[0]}.wav'
    (tmp_path / 'corrupt.wav').write_bytes(good.read_bytes()[:30])
    (tmp_path / 'text.flac').write_text('no sound')
    (tmp_path / 'empty.ogg').touch()
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'headless.raw').write_bytes(bytes(1000))
    (tmp_path / 'truncated.wav').write_bytes(good.read_bytes()[:50_000])
    write_wav(tmp_path / 'silent.wav', np.zeros(1000))
    write_wav(tmp_path / 'strange.wav', np.full((100_000, 2), [np.inf, -np.inf]), subtype='FLOAT')
    bad = sorted(tmp_path.iterdir())
    rows = predict_json(ready, *bad, tmp_path / 'none.wav', good, status=1)
    assert [row['file'] for row in rows] == [str(good)]
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith('predict.py: ')]
    assert len(lines) == len(bad) + 1
    reasons = {Path(line.split(': ')[1]).name: line.split(': ', 2)[2] for line in lines}
    assert reasons == {
        'corrupt.wav': reasons['corrupt.wav'], 'empty.ogg': 'empty', 'text.flac': reasons['text.flac'],
        'folder': 'a folder without sound files that may be read', 'none.wav': 'there is no such file',
        'silent.wav': 'silent (its peak is below -80 dB)', 'headless.raw': reasons['headless.raw'],
        'strange.wav': 'not finite', 'truncated.wav': 'truncated'}
    assert all(reasons[name].startswith('unreadable') for name in ('corrupt.wav', 'text.flac'))


def test_paths_that_cannot_be_looked_at_stop_nothing(ready, note_of, tmp_path, capfd, monkeypatch):
    good = write_sound(tmp_path / 'snd/good.wav', note_of(BASS))
    (tmp_path / 'snd/loop_1.wav').symlink_to('loop_2.wav')
    (tmp_path / 'snd/loop_2.wav').symlink_to('loop_1.wav')
    (tmp_path / 'snd/closed').mkdir()
    scandir = os.scandir

    def closed(path):
        if Path(path).name == 'closed':
            raise PermissionError(13, 'Permission denied', str(path))
        return scandir(path)

    monkeypatch.setattr(os, 'scandir', closed)
    rows = predict_json(ready, tmp_path / 'snd', tmp_path / f'{300 * "a"}.wav', status=1)
    assert [row['file'] for row in rows] == [str(good)]
    error = capfd.readouterr().err
    assert 'closed: a folder without sound files that may be read' in error
    assert error.count('there is no such file') == 2 and 'aaa.wav: File name too long' in error


def test_empty_name_is_not_the_folder_one_is_in(ready, capfd):
    assert predict.main(['', '--run', str(ready)]) == 1
    assert 'a SOUND is empty' in capfd.readouterr().err


def test_neighbours_of_another_model_are_refused(run, small_data, capfd):
    edit_json(run / 'activation.json', model='another')
    assert predict.main([str(small_data / f'test/audio/{BASS}.wav'), '--run', str(run)]) == 1
    error = capfd.readouterr().err
    assert 'activation.json is of another model' in error and '`python activation.py` again' in error


def test_nothing_usable_is_an_empty_answer(ready, tmp_path, capfd):
    assert predict_json(ready, tmp_path, status=1) == []
    assert predict.main([str(tmp_path), '--run', str(ready)]) == 1


def test_missing_stages_are_named(run, small_data, tmp_path, capfd):
    sound = str(small_data / f'test/audio/{BASS}.wav')
    assert predict.main([sound, '--run', str(tmp_path)]) == 1
    assert 'run `python train.py` first' in capfd.readouterr().err
    (run / 'activation.npy').unlink()
    row, = predict_json(run, sound)
    assert set(row) == {'file', 'start', 'label', 'probabilities', 'out_of_distribution', 'unlike_anything_seen',
                        'log_odds', 'limit'}
    assert '`python activation.py` writes it' in capfd.readouterr().err
    assert predict.main([sound, '--run', str(run), '--map']) == 1
    assert 'run `python activation.py` first' in capfd.readouterr().err


def test_run_of_another_signal_is_refused(run, small_data, capfd):
    config = json.loads((run / 'config.json').read_text())
    edit_json(run / 'config.json', signal=config['signal'] | {'n_fft': 2048})
    assert predict.main([str(small_data), '--run', str(run)]) == 1
    assert 'n_fft of its spectra is 2048' in capfd.readouterr().err


# The parts.

@pytest.mark.parametrize(('bursts', 'start'), [([6.0], 6.0), ([1.0, 12.0], 12.0), ([0.0], 0.0), ([15.5], 15.5)])
def test_loudest_window_starts_with_the_sound(tmp_path, bursts, start):
    waveform = np.zeros(16 * 11_025, np.float32)
    for i, burst in enumerate(bursts):
        waveform[round(burst * 11_025):][:4000] = (0.3 + 0.1 * i) * (-1) ** np.arange(4000)
    assert load_from_onset(write_sound(tmp_path / 'x.wav', waveform, 11_025))[2] == pytest.approx(start, abs=0.01)


def test_nearest_notes_come_nearest_first():
    notes = [f'bass_acoustic_{i:03}-040-100' for i in range(20)]
    around = Neighbourhood(np.arange(20.0)[:, np.newaxis] * np.ones(16), notes)
    assert around.nearest(np.full((1, 16), 12.1)) == [[notes[i] for i in (12, 13, 11, 14, 10)]]
    few = Neighbourhood(around.activation[:3], notes[:3])
    assert few.nearest(np.full((1, 16), 3.0)) == [[notes[i] for i in (2, 1, 0)]]


def test_nearest_notes_are_exact_and_of_copies_the_earlier_comes_first():
    rng = np.random.default_rng(0)
    activation = np.maximum(rng.normal(size=(500, 256)), 0).astype(np.float32)
    activation[[7, 90, 499]] = activation[300]
    queries = np.concatenate([activation[:40] + 0.01, activation[300:301]])
    apart = np.linalg.norm(queries[:, np.newaxis].astype(float) - activation, axis=2)
    distances, rows = nearest_notes(activation, 6, queries)
    np.testing.assert_array_equal(rows, apart.argsort(axis=1, kind='stable')[:, :6])
    np.testing.assert_allclose(distances, np.sort(apart, axis=1)[:, :6])
    assert rows[-1, :4].tolist() == [7, 90, 300, 499] and not distances[-1, :4].any()
    assert nearest_notes(activation, 2, queries[-1:])[1].tolist() == [[7, 90]]


# The map.

def add(run, data, *arguments, status=0):
    assert predict.main([*map(str, arguments), '--map', '--run', str(run), '--data', str(data)]) == status
    return json.loads((run / 'added/added.json').read_text(encoding='utf-8'))['sounds']


def columns_of(run, data):
    labels, columns = gather(data, run, 'test')
    return columns, place_sounds(run, columns, load_views(run, 'test', len(columns['note'])), len(labels))


@pytest.fixture
def data(small_data, tmp_path):
    """A copy of the test split, where previews may be written."""
    data = tmp_path / 'data'
    shutil.copytree(small_data / 'test', data / 'test')
    for name in ('test_samples.txt', 'test_labels.txt'):
        shutil.copy(small_data / name, data)
    return data


def test_added_sounds_stand_among_their_nearest_notes(run, data, note_of, tmp_path):
    copy = write_sound(tmp_path / 'copy.wav', 0.3 * note_of(BASS), subtype='FLOAT')
    mix = write_sound(tmp_path / 'mix.wav', note_of(BASS) + note_of(FLUTE), subtype='FLOAT')
    add(run, data, copy, mix)
    columns, placed = columns_of(run, data)
    row = list(columns['note']).index(BASS)
    assert list(placed['note']) == ['copy.wav', 'mix.wav']
    for view in VIEWS:
        np.testing.assert_allclose(placed[view][0], columns[view][row], atol=0.05)
        assert (placed[view][1] <= columns[view].max(axis=0)).all()
        assert (placed[view][1] >= columns[view].min(axis=0)).all()
    page = (run / 'map/data.js').read_text(encoding='utf-8')
    content = json.loads(page.removeprefix('receiveMap(').removesuffix(');\n'))
    assert (content['n_notes'], len(content['notes']), content['families'][-1]) == (36, 38, 'your sound')
    assert any('2, at approximate places' in remark for remark in content['remarks'])


def test_same_sound_again_replaces_the_earlier(run, data, note_of, tmp_path):
    song = write_sound(tmp_path / 'song.wav', np.concatenate([note_of(BASS), note_of(FLUTE)]))
    other = write_sound(tmp_path / 'x/song.wav', note_of(FLUTE))
    assert len(add(run, data, song, other, '--windows')) == 3
    assert len(add(run, data, song, '--windows')) == 3
    assert len(add(run, data, song)) == 2
    names = {entry['id'] for entry in add(run, data, song)}
    for kind in ('audio', 'spectrum', 'preview'):
        assert {path.stem for path in (run / 'added' / kind).iterdir()} == names
    waveform, rate = soundfile.read(run / f'added/audio/{sorted(names)[0]}.wav')
    assert (len(waveform), rate) == (64_000, 16_000)
    assert np.abs(waveform).max() == pytest.approx(0.8, abs=0.01)


def test_sounds_that_fail_are_not_added_and_the_others_are(run, data, note_of, tmp_path):
    write_sound(tmp_path / 'sounds/good.wav', note_of(BASS))
    (tmp_path / 'sounds/bad.wav').write_bytes(b'nothing')
    assert [entry['file'] for entry in add(run, data, tmp_path / 'sounds', status=1)] == ['good.wav']


def test_what_is_said_of_the_map_stays_out_of_the_answer(run, data, capfd):
    sound = str(data / f'test/audio/{BASS}.wav')
    arguments = [sound, '--map', '--json', '--run', str(run), '--data', str(data)]
    assert predict.main(arguments) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)[0]['file'] == sound and 'map/index.html' in err
    (run / 'act_tsne.npy').unlink()
    assert predict.main(arguments) == 1
    assert 'run `python tsne.py` first' in capfd.readouterr().err


def test_sounds_of_another_model_are_left_out(run, data, note_of, tmp_path, capfd):
    add(run, data, write_sound(tmp_path / 'a.wav', note_of(BASS)))
    edit_json(run / 'added/added.json', model='another')
    assert columns_of(run, data)[1] is None
    assert sound_map.main(['--data', str(data), '--run', str(run)]) == 0
    assert 'of another model' in capfd.readouterr().out
    assert len(add(run, data, write_sound(tmp_path / 'b.wav', note_of(BASS)))) == 1


@pytest.mark.parametrize('content', [[{'id': 'a'}], [{'id': 'a', 'sound': 'b'}], [1], None])
def test_damaged_list_of_added_sounds_is_named(run, data, note_of, tmp_path, capfd, content):
    add(run, data, write_sound(tmp_path / 'a.wav', note_of(BASS)))
    edit_json(run / 'added/added.json', sounds=content)
    assert sound_map.main(['--data', str(data), '--run', str(run)]) == 1
    assert re.search(r'added\.json is (damaged|not intact).*delete it and run `python predict\.py --map`',
                     capfd.readouterr().err)


class MapPage(Opened):
    ready = 'typeof app !== "undefined" && MAP.activation && !app.stage.requested'


@pytest.fixture
def page_class():
    return MapPage


def test_page_plays_rings_and_explains_added_sounds(run, data, note_of, tmp_path, open_page):
    evil = write_sound(tmp_path / '<img src=x onerror=alert(1)>.wav', np.concatenate([note_of(BASS), sine(3000)]))
    add(run, data, evil, '--windows')
    opened = open_page(run / 'map/index.html')
    drawn = opened.js('''() => {
        const rings = [];
        app.stage.ring = (note, radius, width, colour) => rings.push([note, colour]);
        app.stage.paintOverlay();
        return rings;
    }''')
    assert drawn == [[36, OWN_COLOUR], [37, OWN_COLOUR]]
    opened.js('() => app.choose(37, {tab: "note"})')
    opened.wait_for_sound()
    card = opened.page.inner_text('#panel-note')
    assert f'{evil.name} from 4.0 s' in card and 'approximate' in card and 'your sound' in card
    assert 'taken for' in card and 'wrong' not in card
    opened.page.wait_for_selector('#panel-note canvas')
    assert opened.page.locator('.neighbours button').count() == 8
    assert opened.js('document.querySelectorAll("img").length') == 0
    assert opened.js('Math.max(...MAP.neighbours)') < 36  # a note has only notes for neighbours


def test_page_counts_added_sounds_as_no_notes(run, data, note_of, tmp_path, open_page):
    add(run, data, write_sound(tmp_path / 'mine.wav', note_of(BASS)))
    opened = open_page(run / 'map/index.html')
    assert opened.page.inner_text('#subtitle').startswith('36 notes of the test split.')
    assert 'of 36 notes right' in opened.page.text_content('#panel-confusion h2')
    opened.page.click('#families button:last-child')
    assert opened.js('Array.from(app.lit)') == [1] * 36 + [0]
    opened.page.click('#reset')
    opened.page.check('#wrong')
    assert opened.js('app.lit[36]') == 0
    opened.page.click('#reset')
    opened.page.select_option('#colour', 'right')
    assert opened.js('app.colours[36] === pixel(theme().unknown)')
    row = opened.js('csvText([36])').splitlines()[1].split(',')
    assert row[:3] == ['mine.wav', 'mine.wav', 'your sound']
    assert '<region> key=36 ' in opened.js('sfzText([36])')  # without a pitch, as a drum
    assert opened.js('VIEWS.map(view => MAP[view].length)') == [3 * 37] * 3
