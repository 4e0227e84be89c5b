"""sound_map.py --sounds: any folder of sounds becomes a map, without labels, and again in no time."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import ROOT, contents, error_line, mtimes, noise, sine, write_wav
from test_sound_map import MapPage, make_map
from threadpoolctl import threadpool_limits

import sound_map
from deepdream import embedding
from deepdream.map import folder_map, page, places, store
from deepdream.map.clusters import NONE, describe_clusters, find_clusters
from deepdream.map.folder_map import MOST_FOLDERS, OTHER_FOLDERS, folder_tags
from deepdream.map.store import key_of, shorter_preview
from deepdream.run_folder import PRETRAINED

KINDS, N_EACH = ('hum', 'hiss', 'bell'), 8
N_SOUNDS = len(KINDS) * N_EACH + 2  # and a loop and a note of another pack
ARRAYS = {'activation.npy': 256, 'act_pca.npy': N_SOUNDS, 'act_tsne.npy': 2, 'act_tsne_3d.npy': 3}


@pytest.fixture(scope='module', autouse=True)
def quick():
    """t-SNE in few steps and, since OpenMP's threads wait in a busy loop, in one thread."""
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        patch.setattr(embedding, 'N_ITERATIONS', 260)
        patch.setattr(embedding, 'N_THREADS', 1)
        yield


def sound_of(kind, i):
    time = np.arange(8000) / 16_000
    if kind == 'hum':
        return sine(110 * 2 ** (i / 12), 0.5) * np.exp(-2 * time)
    if kind == 'hiss':
        return noise(i, 0.5) * np.exp(-8 * time)
    return (sine(1800 + 40 * i, 0.5, peak=0.4) + sine(2900 + 65 * i, 0.5, peak=0.4)) * np.exp(-12 * time)


def write_library(folder):
    """Write 26 sounds in nested folders, of three formats, and four files that are none."""
    for kind in KINDS:
        for i in range(N_EACH):
            write_wav(folder / f'synth pack/{kind}/{kind} {i}.wav', sound_of(kind, i))
    quiet_and_loud = np.concatenate([0.01 * noise(1, 5), noise(2, 4)])
    write_wav(folder / 'loops/deep/er/loop.wav', np.stack([quiet_and_loud] * 2, axis=1), rate=16_000)
    write_wav(folder / 'other/piano #1 C♯4.wav', sine(277.2, 1, rate=44_100), rate=44_100)
    (folder / 'broken.wav').write_text('no sound')
    write_wav(folder / 'silent.wav', np.zeros(4000))
    (folder / 'readme.txt').write_text('text')
    (folder / 'song.m4a').write_bytes(b'\0\0\0\x20ftypM4A ')
    return folder


def map_sounds(out, *sounds, options=()):
    """Run the stage on folders with the network that ships; return its status."""
    return sound_map.main(['--sounds', *map(str, sounds), '--run', str(PRETRAINED), '--output', str(out),
                           *map(str, options)])


def table(out):
    with open(out / 'sounds.csv', newline='', encoding='utf-8') as file:
        return list(csv.DictReader(file))


def content_of(out):
    text = (out / 'data.js').read_text(encoding='utf-8')
    return json.loads(text.removeprefix('receiveMap(').removesuffix(');\n'))


@pytest.fixture(scope='module')
def mapped(tmp_path_factory):
    """(folder of sounds, its map), made in one go; pretrained/ is as before."""
    folder = write_library(tmp_path_factory.mktemp('library') / 'my sounds')
    out, before = folder.parent / 'out', mtimes(PRETRAINED)
    assert map_sounds(out, folder) == 0
    assert mtimes(PRETRAINED) == before
    return folder, out


@pytest.fixture
def copied(mapped, tmp_path):
    """The same to change: the sounds are linked, so that their times are as before, and their paths are, too."""
    folder, out = mapped
    shutil.copytree(out, tmp_path / 'out')
    return folder, tmp_path / 'out'


def test_every_sound_below_the_folder_is_in_the_table(mapped):
    folder, out = mapped
    rows = {Path(row['path']).relative_to(folder).as_posix(): row for row in table(out)}
    assert len(rows) == N_SOUNDS and 'broken.wav' not in rows and 'silent.wav' not in rows
    assert float(rows['loops/deep/er/loop.wav']['start']) == pytest.approx(5, abs=0.05)
    assert float(rows['loops/deep/er/loop.wav']['seconds']) == pytest.approx(4, abs=0.05)
    assert rows['other/piano #1 C♯4.wav']['pitch'] == '61'
    assert rows['synth pack/hum/hum 0.wav']['pitch'] == ''
    assert all(0 < float(row['probability']) <= 1 for row in rows.values())
    assert {row['out_of_distribution'] for row in rows.values()} <= {'True', 'False'}
    for name, n_columns in ARRAYS.items():
        assert np.load(out / name).shape == (N_SOUNDS, n_columns)


def test_the_network_says_what_predict_says(mapped, tmp_path):
    import predict
    folder, out = mapped
    assert predict.main([str(folder / 'synth pack'), '--run', str(PRETRAINED), '--csv', '--output',
                         str(tmp_path / 'told.csv')]) == 0
    with open(tmp_path / 'told.csv', newline='', encoding='utf-8') as file:
        told = {row['file']: row for row in csv.DictReader(file)}
    rows = [row for row in table(out) if 'synth pack' in row['path']]
    assert len(rows) == len(told) == len(KINDS) * N_EACH
    for row in rows:
        assert row['predicted'] == told[row['path']]['label']
        assert row['out_of_distribution'] == told[row['path']]['out_of_distribution']


def test_what_cannot_be_used_is_named_and_the_rest_is_mapped(copied, capfd):
    folder, out = copied
    assert map_sounds(out, folder) == 0
    said = capfd.readouterr().err
    assert f'sound_map.py: {folder}/broken.wav: unreadable' in said
    assert f'{folder}/silent.wav: silent' in said
    assert '.m4a 1' in said and '.txt 1' in said


def test_nothing_is_computed_twice(copied, monkeypatch):
    folder, out = copied
    for name in ('broken.wav', 'silent.wav'):
        assert (folder / name).exists()
    before = contents(out), mtimes(out / 'computed'), mtimes(out, 'act_*')
    read = []
    monkeypatch.setattr(store, 'windows_of', lambda path, every: read.append(path.name) or iter_nothing(path))
    assert map_sounds(out, folder) == 0
    assert sorted(read) == ['broken.wav', 'silent.wav']  # which have left nothing
    assert (contents(out), mtimes(out / 'computed'), mtimes(out, 'act_*')) == before


def iter_nothing(path):
    raise store.BadInput(f'{path}: unreadable')
    yield


def test_only_new_and_changed_sounds_are_computed_and_removed_ones_disappear(tmp_path):
    folder, out = write_library(tmp_path / 'sounds'), tmp_path / 'out'
    assert map_sounds(out, folder) == 0
    before = mtimes(out / 'computed', '*.npy')
    (folder / 'synth pack/hum/hum 0.wav').unlink()
    write_wav(folder / 'synth pack/hiss/hiss 1.wav', sound_of('bell', 3))
    write_wav(folder / 'new.wav', sound_of('hum', 5))
    assert map_sounds(out, folder) == 0
    after = mtimes(out / 'computed', '*.npy')
    assert len(after) == N_SOUNDS and len(before.items() & after.items()) == N_SOUNDS - 2
    names = {Path(row['path']).name for row in table(out)}
    assert 'new.wav' in names and 'hum 0.wav' not in names
    assert {path.name.partition('-')[0].partition('.')[0] for path in (out / 'computed').iterdir()} == {
        'network', *(name.removesuffix('.npy') for name in after)}


def test_a_killed_run_ends_the_same(mapped, tmp_path):
    folder, whole = mapped
    out = tmp_path / 'out'
    process = subprocess.Popen([sys.executable, ROOT / 'sound_map.py', '--sounds', folder, '--run', PRETRAINED,
                                '--output', out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and len(list(out.glob('computed/*.npy'))) < 3:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(list(out.glob('computed/*.npy'))) < N_SOUNDS and not (out / 'index.html').exists()
    (out / 'computed/.tmp.left-0.mp3').touch()
    assert map_sounds(out, folder) == 0
    assert contents(out) == contents(whole)


@pytest.mark.thorough
@pytest.mark.parametrize('written', [True, False], ids=['before places.npz', 'before tsne.json'])
def test_a_growing_map_ends_the_same_when_it_is_stopped(copied, tmp_path, monkeypatch, written):
    folder, out = copied
    whole = shutil.copytree(out, tmp_path / 'whole')
    new = write_wav(tmp_path / 'new/bell.wav', sound_of('bell', 9))

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(places, 'fit_maps' if written else 'save_json', stop)
        assert map_sounds(out, folder, new) == 130
    for one in (out, whole):
        assert map_sounds(one, folder, new) == 0
    arrays = ('places.npz', 'tsne.json', *ARRAYS)
    assert [(out / name).read_bytes() for name in arrays] == [(whole / name).read_bytes() for name in arrays]


def test_damaged_places_are_named(copied, capfd):
    folder, out = copied
    (out / 'places.npz').write_bytes((out / 'places.npz').read_bytes()[:200])
    (out / 'tsne.json').unlink()
    assert map_sounds(out, folder) == 1
    error_line(capfd.readouterr().err, 'places.npz is damaged', 'delete it')


def test_a_page_without_a_3_d_map_offers_none(tmp_path, open_page, monkeypatch, capfd):
    monkeypatch.setattr(embedding, 'DEEP_BELOW', 6)
    for i in range(6):
        write_wav(tmp_path / f'sounds/{i}.wav', sound_of(KINDS[i % 3], i))
    for options, made in (((), False), (['--3d'], True), ((), False)):
        assert map_sounds(tmp_path / 'out', tmp_path / 'sounds', options=options) == 0
        assert (tmp_path / 'out/act_tsne_3d.npy').exists() == made
    assert len([line for line in capfd.readouterr().out.splitlines() if '6 notes' in line and '--3d' in line]) == 1
    opened = open_page(tmp_path / 'out/index.html')
    assert opened.page.locator('#views button:visible').all_inner_texts() == ['t-SNE 2-D', 'PCA']
    for key, view in (('2', 'tsne_2d'), ('3', 'pca'), ('2', 'pca'), ('1', 'tsne_2d')):
        opened.page.keyboard.press(key)
        assert opened.js('app.store.state.view') == view
    assert 'tsne_3d' not in opened.js('csvText([0])')


def test_the_map_of_a_folder_may_lie_in_it(mapped, tmp_path):
    folder = tmp_path / 'sounds'
    write_wav(folder / 'a.wav', sine(220, 1))
    for _ in range(2):
        assert map_sounds(folder / 'map', folder) == 0
        assert [Path(row['path']).name for row in table(folder / 'map')] == ['a.wav']


@pytest.mark.parametrize('n_sounds', [1, 2, 4])
def test_few_sounds_have_a_page(tmp_path, open_page, n_sounds):
    for i in range(n_sounds):
        write_wav(tmp_path / f'sounds/{i}.wav', sound_of(KINDS[i % 3], i))
    assert map_sounds(tmp_path / 'out', tmp_path / 'sounds') == 0
    assert np.load(tmp_path / 'out/act_tsne_3d.npy').shape == (n_sounds, 3)
    opened = open_page(tmp_path / 'out/index.html')
    assert opened.page.inner_text('#subtitle') == (
        '1 sound of sounds.' if n_sounds == 1 else f'{n_sounds} sounds of sounds.')
    assert opened.js('MAP.clusters.length') == 0


def test_without_a_sound_there_is_one_line(tmp_path, capfd):
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'text').mkdir()
    (tmp_path / 'text/readme.txt').touch()
    for folder in ('empty', 'text', 'missing'):
        assert map_sounds(tmp_path / 'out', tmp_path / folder) == 1
        error_line(capfd.readouterr().err, 'there is no sound to map', tmp_path / folder)
        assert not (tmp_path / 'out/index.html').exists()


def test_nothing_is_written_where_other_things_lie(tmp_path, capfd):
    write_wav(tmp_path / 'sounds/a.wav', sine(220, 1))
    before = contents(tmp_path), mtimes(PRETRAINED)
    for out, words in ((tmp_path / 'sounds', 'no map of sounds'), (PRETRAINED, 'only read'),
                       (PRETRAINED / 'map', 'only read')):
        assert map_sounds(out, tmp_path / 'sounds') == 1
        error_line(capfd.readouterr().err, words, '--output')
    assert (contents(tmp_path), mtimes(PRETRAINED)) == before


def test_without_run_and_output_they_are_found(tmp_path, monkeypatch, capfd):
    write_wav(tmp_path / 'my sounds/a.wav', sine(220, 1))
    monkeypatch.chdir(tmp_path)
    assert sound_map.main(['--sounds', 'my sounds/']) == 0
    said = capfd.readouterr()
    assert 'my sounds_map/index.html' in said.out and 'pretrained' in said.err
    assert {path.name for path in tmp_path.iterdir()} == {'my sounds', 'my sounds_map'}


def test_every_window_of_a_long_sound_is_a_point(tmp_path):
    write_wav(tmp_path / 'sounds/long.wav', sine(220, 9.5))
    assert map_sounds(tmp_path / 'out', tmp_path / 'sounds', options=['--windows']) == 0
    assert [float(row['start']) for row in table(tmp_path / 'out')] == [0, 4, 8]
    content = content_of(tmp_path / 'out')
    assert content['notes'] == [f'long.wav from {start} s' for start in ('0.0', '4.0', '8.0')]
    assert content['originals'] == ['long.wav'] * 3


def test_pitches_that_nothing_tells_are_estimated_on_request(tmp_path, monkeypatch):
    write_wav(tmp_path / 'sounds/thing.wav', sine(220, 1))
    write_wav(tmp_path / 'sounds/thing C4.wav', sine(220, 1))
    monkeypatch.setattr(folder_map, 'hear_pitches', lambda files, align_onset: {
        row: 57 for row, (path, _) in files.items() if path.name == 'thing.wav' and align_onset})
    for options, pitches in (((), ['60', '']), (('--estimate-pitch',), ['60', '57'])):
        assert map_sounds(tmp_path / 'out', tmp_path / 'sounds', options=options) == 0
        assert [row['pitch'] for row in table(tmp_path / 'out')] == pitches


def test_a_key_tells_the_file_as_it_is_and_the_network(tmp_path):
    path = write_wav(tmp_path / 'a.wav', sine(220, 1))
    key = key_of(path, 'model', False)
    assert key == key_of(path, 'model', False)
    others = [key_of(path, 'other', False), key_of(path, 'model', True)]
    os.utime(path, ns=(0, 1))
    others.append(key_of(path, 'model', False))
    others.append(key_of(write_wav(tmp_path / 'b.wav', sine(220, 1)), 'model', False))
    assert len({key, *others}) == 5 and key_of(tmp_path / 'c.wav', 'model', False) == ''


# Folders as tags, clusters and their names.

def test_folders_become_tags_of_two_levels():
    assert folder_tags(['', 'a', 'a/b', 'a/b/c']) == ['./', 'a/', 'a/b/', 'a/b/']
    assert folder_tags(['pack/a/x', 'pack/b/x/y']) == ['a/x/', 'b/x/']
    assert folder_tags(['pack/a', 'pack/a']) == ['./', './']


def test_many_folders_become_few_tags():
    many = [f'wide/{i}' for i in range(60)] + [f'narrow/{i}' for i in range(5)]
    assert folder_tags(many) == ['wide/'] * 60 + [f'narrow/{i}/' for i in range(5)]
    tags = folder_tags([f'{i}' for i in range(100)] + ['7'])
    assert len({*tags}) == MOST_FOLDERS and tags[7] == '7/' and tags.count(OTHER_FOLDERS) > 50


def blobs(n_each=40):
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(size=(n_each, 2)) + centre for centre in ([0, 0], [30, 0], [0, 30])])


def test_clusters_are_found_and_named_by_what_they_hold():
    cluster = find_clusters(np.concatenate([blobs(), [[300, 300]]]))
    assert cluster[-1] == NONE and len({*cluster[:40]}) == 1 and len({*cluster[:120]}) == 3
    columns = {'class_index': np.repeat([1, 0, 2, 0], [40, 40, 40, 1]), 'program': np.full(121, '', object),
               'source': np.repeat(np.array(['a/', 'b/', 'c/', 'a/'], object), [40, 40, 40, 1]),
               'pitch': np.r_[np.full(40, 61), np.full(40, -1), np.full(41, 48)].astype(np.int16)}
    described, numbers = describe_clusters(cluster, columns, ['bass', 'flute', 'organ'], 3)
    assert described == [{'name': 'bass · b/', 'size': 40, 'family': 0},
                         {'name': 'flute · a/ · C♯3', 'size': 40, 'family': 1},
                         {'name': 'organ · c/ · C2', 'size': 40, 'family': 2}]
    assert numbers.tolist() == [1] * 40 + [0] * 40 + [2] * 40 + [NONE]


@pytest.mark.parametrize('n_points', [1, 9, 10])
def test_few_points_have_no_clusters(n_points):
    assert find_clusters(np.zeros((n_points, 2), np.float32)).shape == (n_points,)


# The page.

@pytest.fixture
def page_class():
    return MapPage


@pytest.fixture
def opened(mapped, open_page):
    return open_page(mapped[1] / 'index.html')


def test_the_page_of_a_folder_shows_no_labels(opened):
    assert opened.page.inner_text('#subtitle') == f'{N_SOUNDS} sounds of my sounds.'
    assert opened.js('MAP.labelled') is False
    tabs = opened.page.locator('[role=tab]').all_inner_texts()
    assert 'Mistakes' not in tabs and 'Clusters' in tabs
    assert opened.js('byId("wrong-box").hidden') and opened.js('document.getElementById("panel-confusion")') is None
    colourings = opened.js('[...byId("colour").options].filter(one => !one.disabled).map(one => one.text)')
    assert not {'predicted family', 'right or wrong'} & {*colourings}
    assert {'family', 'folder', 'out of distribution', 'confidence'} <= {*colourings}
    opened.click(opened.lonely())
    card = opened.page.inner_text('#panel-note')
    assert not re.search(r'\b(right|wrong)\b', card) and 'folder' in card
    opened.wait_for_sound()
    opened.page.goto(opened.page.url.split('#')[0] + '#tab=confusion&colour=right&wrong=1')
    opened.page.reload()
    opened.page.wait_for_function(MapPage.ready)
    assert opened.js('app.store.state.tab') == 'note' and opened.js('app.store.state.colour') == 'family'
    assert len(opened.lit()) == N_SOUNDS


def test_out_of_distribution_sounds_say_so(mapped, opened):
    out = [row['out_of_distribution'] == 'True' for row in table(mapped[1])]
    assert any(out) and opened.js('Array.from(MAP.out_of_distribution)') == [int(one) for one in out]
    opened.js('note => app.choose(note)', out.index(True))
    assert 'Out of distribution' in opened.page.inner_text('#panel-note')
    opened.js('app.store.change({colour: "outside"})')
    assert 'out of distribution' in opened.page.inner_text('#scale-hint')


def test_folders_are_filters_and_colours(opened):
    assert opened.page.inner_text('#sources-title') == 'Folders'
    tags = opened.js('MAP.sources')
    assert {'loops/deep/', 'other/', *(f'synth pack/{kind}/' for kind in KINDS)} == {*tags}
    opened.page.dblclick('#sources .toggle >> text=synth pack/bell/')
    assert opened.lit() == [row for row, one in enumerate(opened.js('Array.from(MAP.source)'))
                            if tags[one] == 'synth pack/bell/']
    opened.page.click('#reset')
    opened.page.select_option('#colour', 'source')
    assert len({*opened.js('COLOURINGS.source.colours()')}) == len(tags)


@pytest.mark.parametrize('view', ['tsne_2d', 'tsne_3d'])
def test_a_click_on_a_cluster_leads_there(opened, view):
    assert opened.js('MAP.clusters.length') >= 2
    opened.js('view => app.show(view)', view)
    opened.settle()
    opened.page.click('#tab-clusters')
    names = opened.page.locator('.cluster .name').all_inner_texts()
    assert names == [one['name'] for one in opened.js('MAP.clusters')]
    before = opened.js('app.stage.camera.zoom')
    opened.page.click('.cluster >> nth=0')  # the others are deep, or so tight that the zoom ends before
    opened.settle()
    x, y, width, height = opened.js('''() => {
        const {camera} = app.stage;
        const notes = [...MAP.cluster.keys()].filter(note => MAP.cluster[note] === 0);
        return [notes.map(note => camera.x[note]), notes.map(note => camera.y[note]), camera.width, camera.height];
    }''')
    assert min(x) >= 0 and max(x) <= width and min(y) >= 0 and max(y) <= height
    assert max(np.ptp(x) / width, np.ptp(y) / height) == pytest.approx(0.92, abs=0.03)
    assert opened.js('app.stage.camera.zoom') > before
    assert len(opened.lit()) == N_SOUNDS and opened.js('app.store.state.selection') == []


def test_the_page_knows_the_original_files(mapped, opened):
    folder, _ = mapped
    rows = table(mapped[1])
    assert opened.js('MAP.notes.map((_, note) => originalUrl(note))') == [
        (folder / row['path']).as_uri() for row in rows]
    assert opened.js('MAP.notes.map((_, note) => originalStart(note))') == pytest.approx(
        [float(row['start']) for row in rows], abs=1e-3)


def test_a_mailed_page_has_no_originals(mapped, open_page, tmp_path):
    folder, out = mapped
    shutil.copytree(out, tmp_path / 'out')
    assert map_sounds(tmp_path / 'out', folder, options=['--embed', '--limit', '20']) == 0
    shutil.move(tmp_path / 'out/map_embed.html', tmp_path / 'mailed.html')
    opened = open_page(tmp_path / 'mailed.html')
    assert opened.js('MAP.count') == 20 and opened.js('originalUrl(0)') == ''
    assert str(folder) not in (tmp_path / 'mailed.html').read_text(encoding='utf-8')
    opened.click(opened.lonely())
    opened.wait_for_sound()
    assert len(opened.requests) == 1
    previews = list((tmp_path / 'out/computed').glob('*-4000ms-48000hz.mp3'))
    assert len(previews) == 20  # the first that was tried fits
    assert {soundfile.info(path).samplerate for path in previews} <= {16_000, 44_100}


@pytest.mark.thorough
def test_a_mailed_page_that_is_too_large_has_shorter_sounds(tmp_path, monkeypatch):
    for i in range(5):
        write_wav(tmp_path / f'sounds/{i}.wav', noise(i, 4, rate=44_100), rate=44_100)
    mailed = tmp_path / 'out/map_embed.html'
    assert map_sounds(tmp_path / 'out', tmp_path / 'sounds', options=['--embed']) == 0
    assert 'of each can be heard' not in mailed.read_text(encoding='utf-8')
    most = mailed.stat().st_size - 5 * 15_000  # 4 s of noise take 35 kB, at 16 kHz 16, and 2 s of that 8
    monkeypatch.setattr(page, 'EMBED_BYTES', most)
    assert map_sounds(tmp_path / 'out', tmp_path / 'sounds', options=['--embed']) == 0
    assert mailed.stat().st_size <= most and 'Only the first' not in mailed.read_text(encoding='utf-8')
    monkeypatch.setattr(page, 'EMBED_BYTES', most - 5 * 9_000)
    assert map_sounds(tmp_path / 'out', tmp_path / 'sounds', options=['--embed']) == 0
    assert 'Only the first 2 s' in mailed.read_text(encoding='utf-8')


def test_previews_have_the_rate_of_the_file_as_far_as_mp3_has_it(tmp_path):
    for own_hz, most_hz, rate in ((44_100, 48_000, 44_100), (96_000, 48_000, 48_000), (11_025, 48_000, 16_000),
                                  (44_100, 16_000, 16_000)):
        path = write_wav(tmp_path / f'{own_hz}.wav', sine(1000, 3, rate=own_hz), rate=own_hz)
        preview = shorter_preview(path, 1.0, tmp_path / 'key', own_hz, 1.5, most_hz)
        waveform, found = soundfile.read(preview)
        assert found == rate and len(waveform) / rate == pytest.approx(1.5, abs=0.06)
        spectrum = np.abs(np.fft.rfft(waveform))
        assert spectrum.argmax() * rate / len(waveform) == pytest.approx(1000, abs=5)


def test_the_map_of_a_split_has_originals_clusters_and_programs(tmp_path, open_page):
    names = [f'{label}_acoustic_{i:03}-060-100' for label in ('bass', 'flute', 'organ') for i in range(16)]
    (tmp_path / 'data/test').mkdir(parents=True)
    (tmp_path / 'data/test/examples.json').write_text(json.dumps({names[0]: {'program_name': 'Slap Bass'}}))
    root, _ = make_map(tmp_path, names)
    opened = open_page(root / 'run/map/index.html')
    assert opened.js('MAP.labelled') and opened.js('MAP.sources_title') == 'Sources'
    assert opened.js('MAP.programs[MAP.program[0]]') == 'Slap Bass' and opened.js('MAP.programs[MAP.program[1]]') == ''
    assert opened.js('originalUrl(0)') == (root / f'data/test/audio/{names[0]}.wav').resolve().as_uri()
    assert opened.js('[originalUrl(5), originalStart(0)]') == ['', 0]  # the note without a wav
    assert opened.js('MAP.cluster.length') == len(names)
    assert sum(one['size'] for one in opened.js('MAP.clusters')) <= len(names)


def test_the_network_is_not_opened_where_nothing_is_new(copied, monkeypatch):
    folder, out = copied
    monkeypatch.setattr(store, 'opened', lambda *_: pytest.fail('opened'))
    assert map_sounds(out, *(folder / name for name in ('synth pack', 'loops', 'other'))) == 0
    assert len(table(out)) == N_SOUNDS
