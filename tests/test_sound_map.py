"""Stage 7: what Python writes, and what the page does with it in a real, headless Chromium."""

import base64
import csv
import io
import itertools
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browser import Opened
from conftest import edit_json
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D, proj3d
from PIL import Image

import deepdream.map.page as page_module
import sound_map
from deepdream.audio import load_waveform
from deepdream.map import clusters, data, previews
from deepdream.map.clusters import find_clusters
from deepdream.map.data import (
    OWN_COLOUR,
    PALETTE,
    cluster_anchors,
    family_colours,
    map_order,
    neighbour_rows,
    pack,
    pack_activation,
    unit_box,
)
from deepdream.map.page import PAGES, call, copy_page_files, link_atlas, page_files, remarks, write_embedded
from deepdream.map.pictures import caption, draw_map, name_clusters, plain_axes
from deepdream.map.user_sounds import add_to_map, store_sound
from deepdream.pitch import UNKNOWN
from deepdream.run_folder import model_digest

LABELS = ['bass', 'flute', 'organ']
EVIL = '<img src=x onerror="document.title=1">'
N_NOTES = 48
MISSING, UPPER_CASE, SPACED = 5, 6, 7  # rows of the note without a wav, of the one in `.WAV`, of the one with a blank


# A small run, made up: three families in three clusters, tones of the right pitch.

def note_names():
    names = [f'{LABELS[i % 3]}_acoustic_{i:03d}-{48 + i % 24:03d}-{(25, 75, 127)[i % 2]:03d}' for i in range(N_NOTES)]
    names[SPACED] = 'organ_acoustic_007 b-055-075'
    return [*names[:-1], EVIL]


def write_lines(path, lines):
    path.write_text(''.join(f'{line}\n' for line in lines), encoding='utf-8')


def write_notes(data, names, rng):
    (data / 'test/audio').mkdir(parents=True)
    (data / 'test/spectrum').mkdir()
    seconds = np.arange(16_000) / 16_000
    for i, name in enumerate(names):
        pitch = 440 * 2 ** ((48 + i % 24 - 69) / 12)
        ending = '.WAV' if i == UPPER_CASE else '.wav'
        if i != MISSING:
            soundfile.write(data / f'test/audio/{name}{ending}', 0.5 * np.sin(2 * np.pi * pitch * seconds), 16_000)
        np.save(data / f'test/spectrum/{name}.npy', rng.random((251, 513)).astype(np.float16) * 4)
    write_lines(data / 'test_samples.txt', names)
    write_lines(data / 'test_labels.txt', [i % 3 for i in range(len(names))])


def write_run(run, names, rng, n_neurons=256):
    run.mkdir(parents=True)
    family = np.arange(len(names)) % 3
    activation = np.maximum(0, rng.normal(size=(len(names), n_neurons)) + rng.normal(size=(3, n_neurons))[family])
    activation[:, 9] = 0
    np.save(run / 'activation.npy', activation.astype(np.float32))
    write_lines(run / 'activation_samples.txt', names)
    for name, size in (('act_pca', min(50, len(names))), ('act_tsne', 2), ('act_tsne_3d', 3)):
        centres = 4 * rng.normal(size=(3, size))
        np.save(run / f'{name}.npy', (centres[family] + rng.normal(size=(len(names), size))).astype(np.float32))
    (run / 'config.json').write_text(json.dumps({'labels': LABELS}))
    (run / 'model.keras').write_bytes(b'a model')
    model, spaces = {'model': model_digest(run)}, {'tsne_2d': 0.9, 'tsne_3d': 0.95}
    (run / 'activation.json').write_text(json.dumps(model))
    (run / 'tsne.json').write_text(json.dumps(model | {
        'n_notes': len(names), 'perplexity': 10.0, 'explained_variance': 0.9, 'evaluated_notes': len(names),
        'purity': {'raw_spectra': 0.5, 'fc2': 0.8, 'pca': 0.8, **spaces}, 'purity_chance': 0.33, 'purity_k': 10,
        'purity_notes': len(names), 'purity_other_instruments': {'raw_spectra': 0.4, 'fc2': 0.6, 'pca': 0.6, **spaces},
        'purity_other_instruments_chance': 0.29, 'purity_other_instruments_k': 9, 'purity_other_instruments_notes': 41,
        'trustworthiness': {'pca': 0.99, **spaces}}))
    return family


def write_evaluation(run, names, family, rng):
    probabilities = rng.dirichlet(np.ones(3), len(names))
    with open(run / 'predictions.csv', 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(['note', 'label', 'predicted', *LABELS])
        for name, one, row in zip(names, family, probabilities, strict=True):
            writer.writerow([name, LABELS[one], LABELS[row.argmax()], *row])
    (run / 'metrics.json').write_text(json.dumps({'model': model_digest(run)}))
    return probabilities.argmax(axis=1)


def make_map(root, names, *arguments, evaluated=True):
    """Write a data tree and a run under `root`, run stage 7 and return (folder, predicted class indices)."""
    rng = np.random.default_rng(0)
    write_notes(root / 'data', names, rng)
    family = write_run(root / 'run', names, rng)
    predicted = write_evaluation(root / 'run', names, family, rng) if evaluated else None
    assert sound_map.main(['--data', str(root / 'data'), '--run', str(root / 'run'), *arguments]) == 0
    return root, predicted


@pytest.fixture(scope='session')
def made(tmp_path_factory):
    return make_map(tmp_path_factory.mktemp('map'), note_names())


# Python's side.

def test_pictures_are_written(made):
    for name in ('map_2d.png', 'map_3d.png'):
        assert min(Image.open(made[0] / 'run' / name).size) > 800


def test_caption_gives_the_figures():
    quality = {'purity_k': 10, 'purity': {'fc2': 0.8}, 'trustworthiness': {'tsne_2d': 0.9}, 'evaluated_notes': 7}
    assert caption(7, 'test', quality, 'tsne_2d').splitlines()[1:] == [
        'Same family among the 10 nearest of all notes: fc2 0.80.',
        'Trustworthiness of the t-SNE 2-D: 0.900 (measured on 7 notes).']
    quality |= {'purity_chance': 0.3, 'purity_other_instruments': {'raw_spectra': 0.2, 'fc2': 0.4, 'tsne_2d': 0.5},
                'purity_other_instruments_chance': 0.1, 'purity_other_instruments_k': 9}
    assert caption(7, 'test', quality, 'tsne_2d').splitlines()[1:3] == [
        'Same family among the 9 nearest notes of other instruments: '
        'raw spectra 0.20, fc2 0.40, t-SNE 2-D 0.50, chance 0.10.',
        'Same family among the 10 nearest of all notes: fc2 0.80, chance 0.30.']


def test_text_cannot_end_a_script_element():
    script = call('f', ['</script><script>alert(1)</script>', '<!--'])
    assert '<' not in script
    assert json.loads(script[2:-3]) == ['</script><script>alert(1)</script>', '<!--']


@pytest.mark.parametrize('name', ['map', 'atlas'])
def test_a_page_loads_all_its_files_and_no_others(name):
    files = page_files(name)
    loaded = re.findall(r'(?:href|src)="([\w.]+)"', files.pop('index.html').read_text(encoding='utf-8'))
    assert sorted(loaded) == sorted([*files, 'data.js'])


def test_no_page_has_a_file_of_a_shared_name():
    shared = {path.name for path in (PAGES / 'shared').iterdir()}
    assert not any((PAGES / page / name).exists() for page in ('map', 'atlas') for name in shared)


@pytest.mark.parametrize('name', ['map', 'atlas'])
def test_no_name_is_declared_in_two_scripts_of_a_page(name):
    """Of two functions of one name the second would silently take the place of the first."""
    scripts = [path.read_text() for file, path in page_files(name).items() if file.endswith('.js')]
    names = [declared for script in scripts for declared in
             re.findall(r'^(?:async )?(?:const|let|class|function) (\w+)', script, re.MULTILINE)]
    assert len(names) > 20
    assert sorted(names) == sorted(set(names))


def test_pack_keeps_every_value():
    array = np.arange(12, dtype=np.float32).reshape(3, 4) / 7
    packed = pack(array)
    unpacked = np.frombuffer(base64.b64decode(packed['base64']), '<f4').reshape(packed['shape'])
    np.testing.assert_array_equal(unpacked, array)


def test_activation_levels_are_shares_of_each_neurons_maximum():
    packed = pack_activation(np.array([[0, 2.0, 0], [0, 1.0, 3.0]], np.float32))
    levels = np.frombuffer(base64.b64decode(packed['levels']['base64']), np.uint8).reshape(3, 2)
    assert levels.tolist() == [[0, 0], [255, 128], [0, 255]]
    assert packed['maxima'] == [0, 2, 3]


def test_nearest_notes_leave_out_the_note_itself_and_its_instrument():
    activation = np.random.default_rng(0).random((20, 256)).astype(np.float32)
    instruments = np.arange(20) // 3
    of_all, of_others = neighbour_rows(activation, instruments)
    assert of_all.shape == of_others.shape == (20, 8)
    assert not (of_all == np.arange(20)[:, None]).any()
    assert not (instruments[of_others] == instruments[:, None]).any()
    assert (instruments[of_all] == instruments[:, None]).any()
    assert [rows.shape for rows in neighbour_rows(activation[:3], np.arange(3))] == [(3, 2)] * 2
    assert [rows.shape for rows in neighbour_rows(activation[:1], np.zeros(1, int))] == [(1, 0)] * 2


def test_a_users_sound_is_nobodys_neighbour_and_of_no_instrument():
    activation = np.random.default_rng(0).random((20, 256)).astype(np.float32)
    of_all, of_others = neighbour_rows(activation, np.arange(18) // 6)
    assert of_all.shape == of_others.shape == (20, 8)
    assert max(of_all.max(), of_others.max()) < 18
    np.testing.assert_array_equal(of_all[18:], of_others[18:])


def test_unit_box_keeps_proportions():
    box = unit_box(np.array([[0.0, 0], [10, 5]], np.float32))
    np.testing.assert_allclose(box, [[-1, -0.5, 0], [1, 0.5, 0]])
    assert np.isfinite(unit_box(np.zeros((1, 2), np.float32))).all()


def test_map_order_keeps_neighbours_together():
    side = np.linspace(-1, 1, 32)
    points = np.array([(x, y) for x in side for y in side])
    in_order = points[map_order(points).argsort()]
    assert sorted(map_order(points)) == list(range(1024))
    assert np.linalg.norm(np.diff(in_order, axis=0), axis=1).mean() < 0.15


def test_family_names_stand_in_their_clusters():
    rng = np.random.default_rng(0)
    clusters = ((-0.8, 60), (0.8, 40), (0, 50))
    points = np.concatenate([rng.normal(centre, 0.02, (size, 3)) for centre, size in clusters])
    anchors = cluster_anchors(points, np.repeat([0, 1], [100, 50]))
    assert [family for family, _ in anchors] == [0, 0, 1]
    assert sorted(points[row, 0].round() for family, row in anchors if family == 0) == [-1, 1]


def test_a_part_of_many_notes_tells_the_clusters_and_the_names_of_all(monkeypatch):
    rng = np.random.default_rng(0)
    truth = np.arange(3000) % 3
    points = rng.normal(3.0 * truth[:, np.newaxis], 0.3, (3000, 2))
    whole, names = find_clusters(points), cluster_anchors(points, truth)
    monkeypatch.setattr(clusters, 'MOST_CLUSTERED', 400)
    monkeypatch.setattr(data, 'MOST_FOR_ANCHORS', 100)
    part, of_part = find_clusters(points), cluster_anchors(points, truth)
    assert len(set(part[part >= 0])) == len(set(whole[whole >= 0])) == 3
    for cluster in range(3):
        most = np.bincount(truth[part == cluster])
        assert most.max() > 0.99 * most.sum()
    assert (part >= 0).mean() > 0.9
    assert [family for family, _ in of_part] == [family for family, _ in names] == [0, 1, 2]
    assert all(np.linalg.norm(points[row] - 3 * family) < 0.4 for family, row in of_part)


@pytest.mark.parametrize(('n_notes', 'size'), [(744, 32), (100_000, 32), (131_072, 32), (131_073, 33), (305_979, 75)])
def test_the_previews_are_files_of_bounded_number_and_size(n_notes, size):
    assert previews.chunk_size(n_notes) == size
    assert -(-n_notes // size) <= 4096


def test_chunks_of_another_size_hold_every_note_once(tmp_path):
    files = [(tmp_path / f'{i}.mp3', tmp_path / f'{i}.webp') for i in range(10)]
    for i, (sound, _) in enumerate(files):
        sound.write_bytes(bytes([i]))
    place = np.random.default_rng(0).permutation(10)
    read = {number: json.loads(script.split(', ', 1)[1].removesuffix(');\n'))
            for number, script in previews.chunks(files, place, np.ones(10, bool), size=4)}
    assert [len(chunk) for chunk in read.values()] == [4, 4, 2]
    for i in range(10):
        assert base64.b64decode(read[place[i] // 4][place[i] % 4][0]) == bytes([i])


def test_chunks_that_are_there_already_are_not_written_again(tmp_path):
    previews.write_chunks(tmp_path, [(i, f'chunk {i}') for i in range(3)])
    kept, changed = (tmp_path / f'{i}.js' for i in range(2))
    written = kept.stat().st_ino, kept.stat().st_mtime_ns
    previews.write_chunks(tmp_path, [(0, 'chunk 0'), (1, 'another')])
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == written
    assert changed.read_text() == 'another'
    assert sorted(path.name for path in tmp_path.iterdir()) == ['0.js', '1.js']


# The least distance in OKLab of any two of the first eleven colours, and of all.
LEAST_APART = {11: {'normal': 0.12, 'deuteranopia': 0.09, 'protanopia': 0.09, 'tritanopia': 0.06},
               24: {'normal': 0.10, 'deuteranopia': 0.05, 'protanopia': 0.05, 'tritanopia': 0.04}}


def linear_light(colours):
    rgb = np.array([[int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)] for colour in colours])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def oklab(linear):
    to_lms = np.array([[.4122, .5363, .0514], [.2119, .6807, .1074], [.0883, .2817, .6300]])
    to_lab = np.array([[.2105, .7936, -.0041], [1.9780, -2.4286, .4506], [.0259, .7828, -.8087]])
    return np.cbrt(np.clip(linear, 0, 1) @ to_lms.T) @ to_lab.T


def test_palette_is_told_apart_by_the_colour_blind():
    machado = {'normal': np.eye(3), 'deuteranopia': [[.367, .861, -.228], [.280, .673, .047], [-.012, .043, .969]],
               'protanopia': [[.152, 1.053, -.205], [.115, .786, .099], [-.004, -.048, 1.052]],
               'tritanopia': [[1.256, -.077, -.179], [-.078, .931, .148], [.005, .691, .304]]}
    for sight, matrix in machado.items():
        lab = oklab(linear_light(PALETTE) @ np.transpose(matrix))
        apart = np.linalg.norm(lab[:, None] - lab, axis=2) + np.eye(len(lab))
        for n_labels, least in LEAST_APART.items():
            assert apart[:n_labels, :n_labels].min() > least[sight], (sight, n_labels)
    assert len(set(PALETTE)) == len(PALETTE) == 24


@pytest.mark.parametrize(('background', 'least_apart', 'contrast'), [('#ffffff', 0.19, 1.7), ('#0e1118', 0.34, 2.6)])
def test_palette_stands_out_from_white_and_from_near_black(background, least_apart, contrast):
    lab, (ground,) = oklab(linear_light(PALETTE)), oklab(linear_light([background]))
    assert np.linalg.norm(lab - ground, axis=1).min() > least_apart
    light, dark = (linear_light(colours) @ [0.2126, 0.7152, 0.0722] for colours in (PALETTE, [background]))
    assert ((np.maximum(light, dark) + 0.05) / (np.minimum(light, dark) + 0.05)).min() > contrast


def test_a_users_sounds_have_a_colour_of_their_own():
    lab, (own,) = oklab(linear_light(PALETTE)), oklab(linear_light([OWN_COLOUR]))
    assert np.linalg.norm(lab - own, axis=1).min() > 0.1


def test_colours_repeat_from_the_25th_family_on():
    assert family_colours(26) == [*PALETTE, *PALETTE[:2]]


@pytest.mark.parametrize('depth', [0, 1])
def test_families_of_one_colour_have_another_shape_in_the_pictures(tmp_path, monkeypatch, depth):
    drawn = []
    axes_class = Axes3D if depth else Axes
    original = axes_class.scatter
    monkeypatch.setattr(axes_class, 'scatter', lambda *coordinates, **options: drawn.append(
        (options['color'], options['marker'])) or original(*coordinates, **options))
    points = np.random.default_rng(0).random((100, 3)) * [1, 1, depth]
    draw_map(tmp_path / 'map.png', points, np.arange(100) % 50, [f'family {i}' for i in range(50)], 'caption')
    assert len(set(drawn)) == 50
    assert len({colour for colour, _ in drawn}) == 24


def test_previews_are_made_once_and_again_for_a_newer_wav(tmp_path):
    write_notes(tmp_path, ['a', 'b'], np.random.default_rng(0))
    assert previews.make_previews(tmp_path, 'test', ['a', 'b']).all()
    sound = tmp_path / 'test/preview/a.mp3'
    first = sound.stat().st_mtime_ns
    previews.make_previews(tmp_path, 'test', ['a', 'b'])
    assert sound.stat().st_mtime_ns == first
    os.utime(tmp_path / 'test/audio/a.wav', ns=(first + 10**9, first + 10**9))
    previews.make_previews(tmp_path, 'test', ['a', 'b'])
    assert sound.stat().st_mtime_ns > first


@pytest.mark.parametrize('sample_rate', [16_000, 44_100])
def test_preview_sounds_like_the_note(tmp_path, sample_rate):
    seconds = np.arange(2 * sample_rate) / sample_rate
    tone = 0.5 * np.sin(2 * np.pi * 440 * seconds) * (seconds < 1)
    soundfile.write(tmp_path / 'tone.wav', np.stack([tone, tone], axis=1), sample_rate)
    previews.write_sound(tmp_path / 'tone.mp3', load_waveform(tmp_path / 'tone.wav')[0], 4)
    waveform, rate = soundfile.read(tmp_path / 'tone.mp3')
    assert rate == 16_000
    assert 0.9 < len(waveform) / rate < 1.3  # the silence behind the tone is gone
    assert abs(np.abs(np.fft.rfft(waveform)).argmax() * rate / len(waveform) - 440) < 3


def test_unreadable_wav_is_silent(tmp_path):
    write_notes(tmp_path, ['a', 'b'], np.random.default_rng(0))
    (tmp_path / 'test/audio/a.wav').write_bytes(b'RIFF no audio')
    assert previews.make_previews(tmp_path, 'test', ['a', 'b', 'c']).tolist() == [False, True, False]


@pytest.mark.parametrize(('limit', 'expected'), [(10_000, (100, 4.0)), (5000, (100, 1.5)), (1000, (30, 1.0))])
def test_embedding_shortens_the_sounds_and_then_drops_notes(tmp_path, monkeypatch, limit, expected):
    tried = []

    def page_of(n_shown, seconds):
        tried.append((n_shown, seconds))
        return 'x' * int(n_shown * (10 + 22 * seconds)),

    monkeypatch.setattr(page_module, 'one_file', str.encode)
    monkeypatch.setattr(page_module, 'EMBED_BYTES', limit)
    write_embedded(tmp_path / 'page.html', page_of, 100)
    assert tried[-1] == expected
    assert (tmp_path / 'page.html').stat().st_size <= limit


def test_page_says_what_is_not_in_it():
    assert remarks(2, np.ones(2, bool), 4.0) == []
    said = ' '.join(remarks(9, np.array([True, False]), 1.5))
    assert '1.5 s' in said and 'sample of 9' in said and '1 cannot be heard' in said
    assert 'The pitch of 3 is estimated' in ' '.join(remarks(2, np.ones(2, bool), 4.0, n_estimated=3))


def test_labels_are_no_formulas(tmp_path):
    draw_map(tmp_path / 'map.png', np.eye(3), np.arange(3), ['$a^', '_b', '<c>'], '$^')
    assert (tmp_path / 'map.png').stat().st_size > 10_000


@pytest.mark.parametrize('depth', [0, 0.02])
def test_names_in_the_picture_do_not_cover_each_other(depth):
    labels = ['bass', 'organ', 'synth_lead', 'flute']
    centres = np.array([[0, 0.02, 0], [0, 0, depth], [0.02, 0.01, -depth], [0.9, 0.9, 45 * depth]])
    class_index = np.repeat(np.arange(4), 30)
    points = centres[class_index] + np.random.default_rng(0).normal(scale=0.01, size=(120, 3)) * [1, 1, depth]
    figure = Figure(figsize=(10, 7.2))
    axes = figure.add_subplot(**({'projection': '3d'} if depth else {}))
    axes.scatter(*(points if depth else points[:, :2]).T)
    plain_axes(axes, points, bool(depth))
    name_clusters(axes, points, class_index, labels)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert sorted(text.get_text() for text in axes.texts) == sorted(labels)
    flute = next(text for text in axes.texts if text.get_text() == 'flute')  # by itself: stays at its cluster
    where = proj3d.proj_transform(*centres[3], axes.get_proj())[:2] if depth else centres[3, :2]
    assert np.ptp(axes.transData.transform([flute.get_position(), where]), axis=0).max() < 20
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_another_split_has_its_own_files(tmp_path):
    rng = np.random.default_rng(0)
    names = note_names()[:12]
    write_notes(tmp_path / 'data', names, rng)
    write_run(tmp_path / 'run', names, rng)
    (tmp_path / 'data/test').rename(tmp_path / 'data/valid')
    for path in (*tmp_path.glob('data/test_*'), *tmp_path.glob('run/[at]*')):
        stem = path.stem.replace('test_', 'valid_') if path.stem.startswith('test_') else f'{path.stem}_valid'
        path.rename(path.with_name(stem + path.suffix))
    assert sound_map.main(['--data', f'{tmp_path}/data', '--run', f'{tmp_path}/run', '--split', 'valid']) == 0
    written = {path.name for path in (tmp_path / 'run').glob('map*')}
    assert written == {'map_valid', 'map_2d_valid.png', 'map_3d_valid.png'}


def test_missing_stage_is_named(tmp_path, capsys):
    assert sound_map.main(['--data', str(tmp_path), '--run', str(tmp_path)]) == 1
    assert 'train.py' in capsys.readouterr().err


def test_rows_of_other_notes_are_refused(made, tmp_path, capsys):
    shutil.copytree(made[0] / 'run', tmp_path / 'run', ignore=shutil.ignore_patterns('map*'))
    np.save(tmp_path / 'run/act_tsne.npy', np.zeros((3, 2)))
    assert sound_map.main(['--data', str(made[0] / 'data'), '--run', str(tmp_path / 'run')]) == 1
    assert 'act_tsne.npy' in capsys.readouterr().err


@pytest.mark.parametrize(('name', 'script'), [
    ('activation.json', 'activation.py'), ('tsne.json', 'tsne.py'), ('metrics.json', 'evaluate.py')])
def test_files_of_another_model_are_refused(made, tmp_path, capsys, name, script):
    """As after a training anew, when not all stages after it have been run again."""
    shutil.copytree(made[0] / 'run', tmp_path / 'run', ignore=shutil.ignore_patterns('map*'))
    arguments = ['--data', str(made[0] / 'data'), '--run', str(tmp_path / 'run')]
    edit_json(tmp_path / 'run' / name, model='another')
    assert sound_map.main(arguments) == 1
    error = capsys.readouterr().err
    assert name in error and 'another model' in error and f'python {script}' in error
    assert not (tmp_path / 'run/map').exists()
    (tmp_path / 'run' / name).unlink()
    assert sound_map.main(arguments) == 1
    assert f'{name} is missing' in capsys.readouterr().err


@pytest.mark.parametrize('content', [b'', b'\xff', b'note,label,predicted,bass\n',
                                     b'note,label,predicted,bass,flute,organ\nx'])
def test_damaged_predictions_are_refused(made, tmp_path, capsys, content):
    shutil.copytree(made[0] / 'run', tmp_path / 'run', ignore=shutil.ignore_patterns('map*'))
    (tmp_path / 'run/predictions.csv').write_bytes(content)
    assert sound_map.main(['--data', str(made[0] / 'data'), '--run', str(tmp_path / 'run')]) == 1
    assert 'predictions.csv does not hold every note and label' in capsys.readouterr().err


# The page in Chromium.

class MapPage(Opened):
    ready = 'typeof app !== "undefined" && MAP.activation && !app.stage.requested'

    def settle(self):
        self.page.wait_for_function('!app.stage.requested && !app.stage.camera.motion')

    def place(self, note):
        """Return where a note stands on the screen."""
        box = self.page.locator('#stage').bounding_box()
        x, y = self.js('note => [app.stage.camera.x[note], app.stage.camera.y[note]]', note)
        return box['x'] + x, box['y'] + y

    def lonely(self, among=None):
        """Return the note (of `among`) that stands farthest from all others on the screen."""
        x, y = (np.array(self.js(f'Array.from(app.stage.camera.{axis})')) for axis in 'xy')
        apart = np.hypot(x[:, None] - x, y[:, None] - y) + 1e9 * np.eye(len(x))
        rows = np.arange(len(x)) if among is None else np.asarray(among)
        return int(rows[apart.min(axis=1)[rows].argmax()])

    def click(self, note):
        self.page.mouse.click(*self.place(note))

    def pixels(self, notes):
        """Return the colours (n, 3) in which the notes are drawn."""
        self.settle()
        self.page.add_style_tag(content='#overlay, #tip, #status { visibility: hidden }')
        picture = np.array(Image.open(io.BytesIO(self.page.screenshot())).convert('RGB')).astype(int)
        return np.array([picture[round(y), round(x)] for x, y in map(self.place, notes)])

    def lit(self):
        return np.flatnonzero(self.js('Array.from(app.lit)')).tolist()

    def download(self, selector):
        with self.page.expect_download() as download:
            self.page.click(selector)
        return Path(download.value.path()).read_text(encoding='utf-8')


@pytest.fixture
def page_class():
    return MapPage


@pytest.fixture
def opened(made, open_page):
    return open_page(made[0] / 'run/map/index.html')


def rgb(hex_colour):
    return [int(hex_colour[i:i + 2], 16) for i in (1, 3, 5)]


def test_every_note_is_drawn_in_its_colour(opened):
    assert opened.js('MAP.count') == N_NOTES
    assert opened.js('app.stage.painter.constructor.name') == 'WebglPainter'
    expected = np.array([rgb(PALETTE[i % 3]) for i in range(N_NOTES)])
    right = (np.abs(opened.pixels(range(N_NOTES)) - expected) < 12).all(axis=1)
    assert right.mean() > 0.8  # the rest is covered by others


def test_without_webgl_the_page_still_draws(made, open_page):
    opened = open_page(made[0] / 'run/map/index.html', script='''
        const original = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
            return kind === 'webgl2' ? null : original.call(this, kind, ...rest);
        };''')
    assert opened.js('app.stage.painter.constructor.name') == 'CanvasPainter'
    note = opened.lonely()
    np.testing.assert_allclose(opened.pixels([note])[0], rgb(PALETTE[note % 3]), atol=12)


def test_click_plays_and_shows_the_card(opened):
    note = opened.lonely(among=[0, 1, 2, 3, 4, 8, 9, 10, 11, 12])
    opened.click(note)
    opened.wait_for_sound()
    before = opened.js('app.sound.context.currentTime')
    opened.page.wait_for_timeout(60)
    assert opened.js('app.sound.context.currentTime') > before
    assert opened.page.inner_text('.note-name') == note_names()[note]
    assert opened.page.locator('.neighbours button').count() == 8
    assert opened.page.locator('.neuron').count() == 5


def test_hover_waits_for_the_first_click_and_then_plays_several_voices(made, open_page):
    # Playwright's own calls count as deeds of a user, so that the page would never see itself blocked.
    opened = open_page(made[0] / 'run/map/index.html', script='''
        let clicked = false;
        addEventListener('pointerdown', () => clicked = true, true);
        Object.defineProperty(Navigator.prototype, 'userActivation', {get: () => ({hasBeenActive: clicked})});''')
    opened.js('() => byId("hover").checked = true')
    opened.page.mouse.move(*opened.place(0))
    opened.page.wait_for_function('byId("status").textContent.includes("first click")', timeout=5000)
    opened.js('() => { byId("poly").checked = byId("loop").checked = true; }')
    opened.click(0)
    opened.wait_for_sound()
    for note in (3, 6, 9, 12, 15, 18):
        opened.page.mouse.move(*opened.place(note))
        opened.page.wait_for_timeout(60)
    assert opened.page.wait_for_function('app.sound.voices.length > 1', timeout=5000)


def test_keyboard_walks_and_repeats(opened):
    opened.page.focus('#stage')
    opened.page.keyboard.press('ArrowRight')
    first = opened.js('app.store.state.note')
    opened.wait_for_sound()
    opened.page.keyboard.press('ArrowDown')
    second = opened.js('app.store.state.note')
    assert first >= 0 and second != first
    y = opened.js('Array.from(app.stage.camera.y)')
    assert y[second] > y[first]
    opened.page.wait_for_function('!app.sound.voices.length', timeout=5000)
    opened.page.keyboard.press(' ')
    opened.page.wait_for_function('app.sound.voices.length === 1')
    opened.page.keyboard.press('Enter')
    assert opened.js('app.store.state.selection') == [second]


def test_neuron_leads_to_its_dream_once_there_is_an_atlas(made, tmp_path, open_page):
    run = shutil.copytree(made[0] / 'run', tmp_path / 'run')
    colour = '#colour=neuron&neuron=7'
    opened = open_page(run / 'map/index.html', colour)
    assert opened.page.locator('#neuron-dream').is_hidden()
    (run / 'atlas').mkdir()
    (run / 'atlas/index.html').write_text('<title>atlas</title>')
    link_atlas(run)
    opened = open_page(run / 'map/index.html', colour)
    assert opened.page.locator('#neuron-dream').get_attribute('href') == '../atlas/index.html#unit=fc2_7'


def test_missing_wav_is_a_silent_point_that_says_so(opened):
    opened.js('note => app.choose(note, {tab: "note"})', MISSING)
    opened.page.wait_for_function('byId("status").textContent.includes("no sound")')
    assert 'There is no sound' in opened.page.inner_text('#panel-note')


def test_names_are_text_and_never_markup(opened):
    opened.js('note => app.choose(note, {tab: "note"})', N_NOTES - 1)
    opened.page.fill('#search', '<img')
    assert opened.lit() == [N_NOTES - 1]
    opened.page.hover('#stage', position=dict(zip('xy', opened.js(
        'note => [app.stage.camera.x[note], app.stage.camera.y[note]]', N_NOTES - 1), strict=True)))
    opened.page.click('#select-filtered')
    assert opened.js('document.querySelectorAll("img").length') == 0
    assert opened.page.title() == 'Sound map'
    assert EVIL in opened.js('byId("panel-note").textContent') and EVIL in opened.js('byId("tip").textContent')


def test_neuron_recolours_the_map_as_the_activations_say(made, opened):
    activation = np.load(made[0] / 'run/activation.npy')
    opened.page.select_option('#colour', 'neuron')
    for neuron in (3, 200):
        opened.page.fill('#neuron-number', str(neuron))
        levels = np.rint(activation[:, neuron] / activation[:, neuron].max() * 255)
        colours = opened.js('Array.from(app.colours)')
        table = opened.js('Array.from(lookupTable(scale()))')
        assert colours == [table[int(level)] for level in levels]
        strongest = int(activation[:, neuron].argmax())
        drawn = opened.pixels([strongest])[0]
        np.testing.assert_allclose(drawn, rgb(opened.js('scale().at(-1)')), atol=14)
    opened.page.fill('#neuron-number', '9')
    assert 'never active' in opened.page.inner_text('#scale-hint')


@pytest.mark.parametrize('colouring', ['source', 'pitch', 'velocity', 'predicted', 'right', 'confidence'])
def test_every_colouring_answers(opened, colouring):
    opened.page.select_option('#colour', colouring)
    assert len(set(opened.js('Array.from(app.colours)'))) >= 1
    assert opened.js('app.store.state.colour') == colouring


def test_filters_dim_the_right_notes(made, opened):
    opened.page.click('#families button:nth-child(2)')
    assert opened.lit() == [i for i in range(N_NOTES) if i % 3 != 1]
    dimmed = opened.lonely(among=range(1, N_NOTES, 3))
    np.testing.assert_allclose(opened.pixels([dimmed])[0], rgb(opened.js('theme().dimmed')), atol=25)
    opened.page.click('#reset')
    opened.js('() => { byId("pitch-low").value = 60; byId("pitch-low").oninput(); }')
    assert opened.lit() == [i for i in range(N_NOTES - 1) if 48 + i % 24 >= 60]
    opened.page.click('#reset')
    opened.page.check('#wrong')
    assert opened.lit() == np.flatnonzero(made[1] != np.arange(N_NOTES) % 3).tolist()


def select_by_box(opened):
    opened.page.keyboard.press('b')
    box = opened.page.locator('#stage').bounding_box()
    opened.page.mouse.move(box['x'] + 3, box['y'] + 3)
    opened.page.mouse.down()
    opened.page.mouse.move(box['x'] + 0.6 * box['width'], box['y'] + box['height'] - 3, steps=4)
    opened.page.mouse.up()
    x = np.array(opened.js('Array.from(app.stage.camera.x)'))
    return np.flatnonzero(x < 0.6 * box['width']).tolist()


def test_box_selects_counts_and_plays_through(opened):
    expected = select_by_box(opened)
    assert opened.js('app.store.state.selection') == expected == opened.lit()
    assert f'{len(expected)} notes selected' in opened.page.inner_text('#panel-selection')
    opened.wait_for_sound()
    opened.page.wait_for_function('note => app.store.state.note === note', arg=expected[1])


def test_lasso_selects_what_it_encloses(opened):
    note = opened.lonely()
    x, y = opened.place(note)
    opened.page.keyboard.press('l')
    opened.page.mouse.move(x - 9, y - 9)
    opened.page.mouse.down()
    for dx, dy in ((9, -9), (9, 9), (-9, 9)):
        opened.page.mouse.move(x + dx, y + dy)
    opened.page.mouse.up()
    assert opened.js('app.store.state.selection') == [note]


def test_list_and_csv_hold_the_selection(opened):
    expected = [note_names()[row] for row in select_by_box(opened)]
    assert opened.download('#save-list').splitlines() == expected
    rows = list(csv.DictReader(io.StringIO(opened.download('#save-csv'))))
    assert [row['note'] for row in rows] == expected
    assert all(row['label'] in LABELS and float(row['tsne_2d_x']) <= 1 for row in rows)


# The SFZ of a selection: two guitars of NSynth's form (row MISSING has no wav), one of notes that take turns, drums.

GUITARS = [f'guitar_acoustic_{note}' for note in (
    '001-040-100', '001-052-050', '001-052-127', '001-064-000', '002-041-100', '002-047-100', '002-052-100')]
OWN = ['guitar_mine--C#3 a', 'guitar_mine--C#3 b', 'guitar_mine--A4', 'kick_ludwig--hit 1', 'kick_ludwig--hit 2',
       'kick pack10-140-140', 'kick_sonor--140']
SAMPLED = GUITARS + OWN
KICK = SAMPLED.index('kick_ludwig--hit 1')


@pytest.fixture(scope='session')
def sampled(tmp_path_factory):
    return make_map(tmp_path_factory.mktemp('sampled'), SAMPLED)[0]


@pytest.fixture
def sampler(sampled, open_page):
    return open_page(sampled / 'run/map/index.html')


def sfz_groups(text):
    """Return {what the comment of a group says: (its opcodes, [opcodes of a region])} of an SFZ, paths whole."""
    groups, folder = {}, ''
    for line in text.splitlines():
        opcodes = dict(re.findall(r'(\w+)=(.+?)(?= \w+=|$)', line))
        if line.startswith('// '):
            title = line.removeprefix('// ')
        elif line.startswith('default_path='):
            folder = opcodes['default_path']
        elif line.startswith('<group>'):
            assert title not in groups
            groups[title] = (opcodes, [])
        elif line.startswith('<region>'):
            groups[title][1].append(opcodes | {'sample': folder + opcodes['sample']})
    return groups


def save_sfz(opened, notes):
    opened.js('notes => { app.select(notes); app.store.change({tab: "selection"}); }', notes)
    return opened.download('#save-sfz')


def test_every_instrument_has_a_group_of_its_own_that_covers_every_key_once(sampler):
    groups = sfz_groups(save_sfz(sampler, list(range(len(SAMPLED)))))
    zones = {title: regions for title, (_, regions) in groups.items() if 'without' not in title}
    assert list(zones) == ['guitar_acoustic_001: 4 notes', 'guitar_acoustic_002: 2 notes', 'guitar_mine: 3 notes']
    for title, regions in zones.items():
        covered = np.zeros((128, 128), int)
        for one in regions:
            assert Path(one['sample']).is_file()
            assert Path(one['sample']).name.startswith(title.split(':')[0])
            assert int(one['lokey']) <= int(one['pitch_keycenter']) <= int(one['hikey'])
            if one.get('seq_position', '1') == '1':
                covered[int(one['lokey']):int(one['hikey']) + 1, int(one['lovel']):int(one['hivel']) + 1] += 1
        assert (covered == 1).all()


def test_velocities_are_layers_and_notes_of_one_velocity_take_turns(sampler):
    groups = sfz_groups(save_sfz(sampler, list(range(len(SAMPLED)))))
    layers = [one for one in groups['guitar_acoustic_001: 4 notes'][1] if one['pitch_keycenter'] == '52']
    assert [(one['lovel'], one['hivel']) for one in layers] == [('0', '88'), ('89', '127')]
    assert [(one['lokey'], one['hikey']) for one in layers] == [('47', '58'), ('47', '58')]
    turns = [one for one in groups['guitar_mine: 3 notes'][1] if one['pitch_keycenter'] == '49']
    assert [(one['seq_length'], one['seq_position']) for one in turns] == [('2', '1'), ('2', '2')]
    assert len({(one['lokey'], one['hikey'], one['lovel'], one['hivel']) for one in turns}) == 1


def test_notes_without_a_pitch_lie_on_a_key_each_as_in_a_drum_kit(sampler):
    text = save_sfz(sampler, list(range(len(SAMPLED))))
    groups = {title: group for title, group in sfz_groups(text).items() if 'without a pitch' in title}
    assert list(groups) == ['bass: 1 note without a pitch',  # the family of 'kick pack10-140-140', of no instrument
                            'kick_ludwig: 2 notes without a pitch', 'kick_sonor: 1 note without a pitch']
    regions = [one for _, regions in groups.values() for one in regions]
    assert [one['key'] for one in regions] == ['36', '37', '38', '39']
    assert all(opcodes['pitch_keytrack'] == '0' for opcodes, _ in groups.values())
    assert all(Path(one['sample']).is_file() for one in regions)
    assert '4 notes without a pitch: one key each, on the keys 36 to 39.' in text
    assert '4 notes without a pitch: one key each' in sampler.page.inner_text('#status')


def test_an_sfz_says_that_its_groups_sound_together_where_they_do(sampler):
    together = 'sound together'
    assert together in save_sfz(sampler, [0, 4])
    assert together in save_sfz(sampler, [0, KICK])
    assert together not in save_sfz(sampler, [0, 1])
    assert together not in save_sfz(sampler, [KICK, KICK + 3])


def test_drums_alone_give_an_sfz_with_a_region_each(sampler):
    groups = sfz_groups(save_sfz(sampler, [KICK, KICK + 1, KICK + 2, KICK + 3]))
    assert [len(regions) for _, regions in groups.values()] == [1, 2, 1]


def test_a_kit_of_more_than_128_notes_wraps_and_then_stops(tmp_path, open_page):
    root, _ = make_map(tmp_path, [f'kick_ludwig--{i:03}' for i in range(131)], evaluated=False)
    opened = open_page(root / 'run/map/index.html')
    text = save_sfz(opened, list(range(131)))
    (_, regions), = sfz_groups(text).values()
    assert [int(one['key']) for one in regions] == [*range(36, 128), *range(36)]
    for said in (text, opened.page.inner_text('#status')):
        assert 'one key each, on the keys 36 to 127 and 0 to 35.' in said
        assert '2 notes left out: without a pitch, and no key is left.' in said
    heard = [row for row in range(131) if row != MISSING]
    assert 'on the keys 36 to 127.' in opened.js('notes => sfzRemarks(notes).join(" ")', heard[:92])
    assert 'on the keys 36 to 127 and 0 to 0.' in opened.js('notes => sfzRemarks(notes).join(" ")', heard[:93])


def test_sfz_leaves_out_what_it_cannot_carry_and_says_so(opened):
    opened.page.click('#select-filtered')
    opened.page.click('#tab-selection')
    text = opened.download('#save-sfz')
    regions = [one for _, regions in sfz_groups(text).values() for one in regions]
    assert len(regions) == N_NOTES - 2  # without the note that has no wav and the one whose name SFZ cannot carry
    assert all(Path(one['sample']).is_file() for one in regions)
    for said in (text, opened.page.inner_text('#status')):
        assert '46 of 48 notes' in said
        assert '1 note left out: the wav is missing' in said
        assert '1 note left out: SFZ cannot carry' in said


def test_there_is_no_sfz_without_a_region(opened):
    opened.js('notes => { app.select(notes); app.store.change({tab: "selection"}); }', [MISSING, N_NOTES - 1])
    opened.js('() => { window.saved = []; save = name => saved.push(name); }')
    opened.page.click('#save-sfz')
    assert 'There is no SFZ file to write.' in opened.page.inner_text('#status')
    assert opened.js('saved') == []


def test_sfz_of_a_folder_that_it_cannot_name_lies_beside_the_wavs(sampler):
    sampler.js('() => { MAP.audio_folder = "/a $b/audio/"; }')
    text = save_sfz(sampler, [0, KICK])
    assert 'default_path' not in text and 'Put this file into the folder of the wavs.' in text
    assert [one['sample'] for _, regions in sfz_groups(text).values() for one in regions] == [
        'guitar_acoustic_001-040-100.wav', 'kick_ludwig--hit 1.wav']


def test_sfz_finds_the_sounds_that_were_added(sampled, tmp_path, open_page):
    data, run = sampled / 'data', Path(shutil.copytree(sampled / 'run', tmp_path / 'run'))
    row = {'start': 0.0, 'probabilities': dict.fromkeys(LABELS, 1 / 3)}
    waveform = np.sin(np.arange(64_000) / 9).astype(np.float32)
    add_to_map(run, [store_sound(run, row, tmp_path / 'my sound.wav', waveform, np.ones(256))])
    assert sound_map.main(['--data', str(data), '--run', str(run)]) == 0
    opened = open_page(run / 'map/index.html')
    added = len(SAMPLED)
    groups = sfz_groups(save_sfz(opened, [0, added]))
    (_, (one,)) = groups['your sound: 1 note without a pitch']
    assert Path(one['sample']).is_file() and Path(one['sample']).parent == (run / 'added/audio').resolve()
    (_, (one,)) = groups['guitar_acoustic_001: 1 note']
    assert Path(one['sample']).parent == (data / 'test/audio').resolve()


def test_confusion_cell_selects_exactly_its_notes(made, opened):
    family = np.arange(N_NOTES) % 3
    opened.page.click('#tab-confusion')
    opened.page.click('[aria-label^="bass taken for organ"]')
    expected = np.flatnonzero((family == 0) & (made[1] == 2)).tolist()
    assert expected and opened.lit() == expected
    opened.wait_for_sound()
    assert opened.js('app.store.state.note') == expected[0]


MANY_LABELS = [f'family {i}' for i in range(26)]
SHARED = ('There are 24 colours for 26 families, so some share one, and only their names tell them apart: '
          'family 0 and family 24; family 1 and family 25.')


@pytest.mark.thorough
def test_map_says_which_families_share_a_colour(tmp_path, opened, open_page):
    rng, names = np.random.default_rng(0), [f'note {i}' for i in range(52)]
    write_notes(tmp_path / 'data', names, rng)
    write_run(tmp_path / 'run', names, rng)
    write_lines(tmp_path / 'data/test_labels.txt', [i % 26 for i in range(52)])
    edit_json(tmp_path / 'run/config.json', labels=MANY_LABELS)
    assert sound_map.main(['--data', f'{tmp_path}/data', '--run', f'{tmp_path}/run']) == 0
    many = open_page(tmp_path / 'run/map/index.html')
    assert many.page.inner_text('#scale-hint') == SHARED
    many.page.select_option('#colour', 'neuron')
    assert 'share' not in many.page.inner_text('#scale-hint')
    assert opened.page.inner_text('#scale-hint') == ''


def test_atlas_says_which_families_share_a_colour(tmp_path, chromium):
    copy_page_files('atlas', tmp_path / 'atlas')
    content = {'units': [], 'layers': [], 'labels': MANY_LABELS, 'colours': family_colours(26), 'split': 'test',
               'map_page': '', 'notes': [], 'arrays': {}}
    (tmp_path / 'atlas/data.js').write_text(call('receiveMap', content))
    atlas = Opened(chromium, tmp_path / 'atlas/index.html')
    assert atlas.page.inner_text('#shared-colours') == SHARED
    assert not atlas.complaints
    atlas.page.close()


def test_address_restores_the_state(made, opened, open_page):
    opened.page.keyboard.press('2')
    opened.settle()
    opened.page.select_option('#colour', 'neuron')
    opened.page.fill('#neuron-number', '17')
    opened.page.click('#families button:nth-child(1)')
    opened.page.fill('#search', 'acoustic')
    opened.js('() => { app.select([1, 2, 4]); app.choose(4); app.stage.zoom(1.5); app.stage.turnOrPan(30, 10); }')
    opened.page.wait_for_timeout(600)
    again = open_page(made[0] / 'run/map/index.html', '#' + opened.page.url.split('#')[1])
    keep = '''() => { const {camera, ...rest} = app.store.state; return rest; }'''
    assert again.js(keep) == opened.js(keep)
    for axis in 'xy':
        np.testing.assert_allclose(again.js(f'Array.from(app.stage.camera.{axis})'),
                                   opened.js(f'Array.from(app.stage.camera.{axis})'), atol=2)


def test_every_selection_survives_the_address(opened):
    rng = np.random.default_rng(0)
    for density in (0, 0.01, 0.3, 0.97, 1):
        rows = np.flatnonzero(rng.random(5000) < density).tolist()
        text = opened.js('rows => writeRows(rows)', rows)
        assert len(text) < 900 and re.fullmatch(r'[\w.~-]*', text)
        assert opened.js('text => readRows(text, 5000)', text) == rows


def test_broken_address_does_no_harm(made, open_page):
    address = ('#view=nowhere&colour=x&neuron=-4&sel=9999-1.a.-3&hide=~%25A&hide-source=~AAAAA&pitch=9-&note=none'
               '&tab=..&camera=1_b')
    assert len(open_page(made[0] / 'run/map/index.html', address).lit()) == N_NOTES


def test_views_morph_and_keep_every_point(opened):
    flat = opened.js('Array.from(app.stage.camera.position)')
    opened.page.click('[data-view=tsne_3d]')
    opened.page.wait_for_timeout(400)
    between = opened.js('Array.from(app.stage.camera.position)')
    opened.settle()
    deep = opened.js('Array.from(app.stage.camera.position)')
    assert deep == opened.js('Array.from(MAP.tsne_3d)')
    low, high = np.minimum(flat, deep) - 1e-5, np.maximum(flat, deep) + 1e-5
    assert (low <= between).all() and (between <= high).all() and between != deep


def test_dark_and_light_follow_the_system(made, open_page):
    opened = open_page(made[0] / 'run/map/index.html', color_scheme='dark')
    dark = opened.js('getComputedStyle(document.body).backgroundColor')
    opened.page.emulate_media(color_scheme='light')
    assert opened.js('getComputedStyle(document.body).backgroundColor') != dark
    assert opened.js('themeName()') == 'light'


def quality_rows(opened):
    """Return the bars of the panel as {label: figure}, one dictionary a heading."""
    opened.page.click('#tab-quality')
    return opened.js('''() => {
        const rows = [];
        for (const one of byId('panel-quality').children) {
            if (one.tagName === 'H3') rows.push({});
            if (one.className === 'bar-row') rows.at(-1)[one.firstChild.textContent] = one.lastChild.textContent;
        }
        return rows.filter(figures => Object.keys(figures).length);
    }''')


def test_quality_panel_gives_the_purity_without_the_own_instrument_first_and_chance(opened):
    others, of_all, trustworthiness = quality_rows(opened)
    spaces = ['raw spectra', 'fc2', 'PCA', 't-SNE 2-D', 't-SNE 3-D']
    assert list(others) == list(of_all) == [*spaces, 'chance']
    assert list(trustworthiness) == spaces[2:]
    assert (others['fc2'], others['chance'], of_all['fc2'], of_all['chance']) == ('0.60', '0.29', '0.80', '0.33')
    text = opened.page.inner_text('#panel-quality')
    assert 'the 9 nearest notes of other instruments' in text and 'the mean of 41 notes' in text
    assert 'missing' not in text


def test_quality_of_an_older_tsne_is_shown_as_far_as_it_goes(made, tmp_path, open_page):
    """Of before there were purities of other instruments, and of before spaces had ids."""
    run = Path(shutil.copytree(made[0] / 'run', tmp_path / 'run', ignore=shutil.ignore_patterns('map*')))
    (run / 'tsne.json').write_text(json.dumps({
        'model': model_digest(run), 'n_notes': N_NOTES, 'evaluated_notes': N_NOTES, 'purity_k': 10,
        'purity': {'raw spectra': 0.5, 'fc2': 0.8, 't-SNE 2-D': 0.7}, 'trustworthiness': {
            'PCA': 0.99, 't-SNE 2-D': 0.9, 't-SNE 3-D': 0.9}}))
    assert sound_map.main(['--data', str(made[0] / 'data'), '--run', str(run)]) == 0
    opened = open_page(run / 'map/index.html')
    of_all, trustworthiness = quality_rows(opened)
    assert of_all == {'raw spectra': '0.50', 'fc2': '0.80', 't-SNE 2-D': '0.70'}
    assert list(trustworthiness) == ['PCA', 't-SNE 2-D', 't-SNE 3-D']
    assert 'This figure is missing. “python tsne.py” measures it' in opened.page.inner_text('#panel-quality')


LEAVE_OUT = 'aside .check input'


def instrument_notes(n_notes=24):
    """Names of notes of two instruments for each label."""
    return [f'{LABELS[i % 3]}_acoustic_{i % 6:03}-{48 + i:03}-100' for i in range(n_notes)]


def nearest_shown(opened):
    return opened.page.locator('.neighbours .name').all_inner_texts()


def nearest_names(activation, names, row, leave_out):
    """The names of the eight notes nearest to one that `leave_out(name)` does not leave out."""
    order = np.linalg.norm(activation - activation[row], axis=1).argsort()
    return [names[i] for i in order if i != row and not leave_out(names[i])][:8]


@pytest.mark.parametrize(('options', 'page'), [([], 'map/index.html'), (['--embed'], 'map_embed.html')])
def test_nearest_notes_without_the_instrument_of_the_note(tmp_path, open_page, options, page):
    names = instrument_notes()
    root, _ = make_map(tmp_path, names, *options)
    activation = np.load(root / 'run/activation.npy')
    opened = open_page(root / 'run' / page)
    opened.js('() => app.choose(4, {tab: "note"})')
    assert nearest_shown(opened) == nearest_names(activation, names, 4, lambda name: False)
    opened.page.focus('button.neuron >> nth=-1')
    opened.page.keyboard.press('Tab')
    opened.page.keyboard.press(' ')
    without = nearest_names(activation, names, 4, lambda name: name.startswith('flute_acoustic_004'))
    assert opened.page.is_checked(LEAVE_OUT) and nearest_shown(opened) == without
    assert opened.js('document.activeElement.matches(".check input")')
    lines = opened.js('''() => {
        const [ends, lineTo] = [[], app.stage.overlay.lineTo];
        app.stage.overlay.lineTo = (x, y) => ends.push(x);
        app.stage.paintNeighbours(4);
        app.stage.overlay.lineTo = lineTo;
        return ends;
    }''')
    assert lines == opened.js('names => names.map(name => app.stage.camera.x[MAP.notes.indexOf(name)])', without)
    opened.js('() => app.choose(5, {tab: "note"})')  # the switch stays
    assert opened.page.is_checked(LEAVE_OUT)
    assert nearest_shown(opened) == nearest_names(activation, names, 5, lambda name: 'organ_acoustic_005' in name)
    opened.page.wait_for_function('location.hash.includes("others=1")')
    opened.page.uncheck(LEAVE_OUT)
    assert nearest_shown(opened) == nearest_names(activation, names, 5, lambda name: False)


def test_fewer_notes_of_other_instruments_than_places(tmp_path, open_page):
    names = [f'bass_acoustic_000-{48 + i:03}-100' for i in range(9)] + ['bass_acoustic_001-060-100', 'flute']
    root, _ = make_map(tmp_path, names, evaluated=False)
    opened = open_page(root / 'run/map/index.html', '#others=1')
    opened.js('() => app.choose(3, {tab: "note"})')
    assert sorted(nearest_shown(opened)) == sorted(names[9:])
    opened.js('() => app.choose(9, {tab: "note"})')
    assert len(nearest_shown(opened)) == 8


@pytest.mark.parametrize('names', [note_names()[:12], [f'bass_acoustic_000-{48 + i:03}-100' for i in range(12)]],
                         ids=['an instrument a note', 'one instrument'])
def test_no_switch_where_there_is_no_instrument_to_leave_out(tmp_path, open_page, names):
    root, _ = make_map(tmp_path, names, evaluated=False)
    opened = open_page(root / 'run/map/index.html', '#others=1')
    opened.js('() => app.choose(1, {tab: "note"})')
    assert opened.page.locator(LEAVE_OUT).count() == 0
    assert len(nearest_shown(opened)) == 8


def test_a_users_sound_has_its_nearest_notes_and_no_switch(tmp_path, open_page):
    names = instrument_notes()
    root, _ = make_map(tmp_path, names)
    run, row = root / 'run', {'start': 0.0, 'probabilities': dict.fromkeys(LABELS, 1 / 3)}
    activation = np.load(run / 'activation.npy')
    waveform = np.sin(np.arange(64_000) / 9).astype(np.float32)
    add_to_map(run, [store_sound(run, row, tmp_path / 'mine.wav', waveform, activation[4])])
    assert sound_map.main(['--data', str(root / 'data'), '--run', str(run)]) == 0
    opened = open_page(run / 'map/index.html', '#others=1')
    opened.js('note => app.choose(note, {tab: "note"})', len(names))
    assert opened.page.locator(LEAVE_OUT).count() == 0
    assert nearest_shown(opened) == [names[4], *nearest_names(activation, names, 4, lambda name: False)[:7]]
    opened.js('() => app.choose(4, {tab: "note"})')
    assert opened.page.is_checked(LEAVE_OUT) and 'mine.wav' not in nearest_shown(opened)


def test_every_control_has_a_name(opened):
    assert opened.js('''() => [...document.querySelectorAll('button, input, select')]
        .filter(one => !one.textContent.trim() && !one.labels?.length && !one.ariaLabel)
        .map(one => one.outerHTML)''') == []


@pytest.mark.parametrize('n_notes', [1, 3])
def test_few_notes_without_evaluation_and_examples(tmp_path, open_page, n_notes):
    root, _ = make_map(tmp_path, [f'thing {i}' for i in range(n_notes)], evaluated=False)
    opened = open_page(root / 'run/map/index.html')
    opened.page.focus('#stage')
    opened.page.keyboard.press('ArrowUp')
    assert opened.js('app.store.state.note') >= 0
    assert 'no predictions yet' in opened.js('byId("panel-confusion").textContent')
    assert opened.js('byId("pitch-box").hidden')
    opened.page.keyboard.press('3')
    opened.settle()


def pitches(root, names, *arguments):
    """Return the pitches that the page of a map holds."""
    make_map(root, names, *arguments, evaluated=False)
    content = (root / 'run/map/data.js').read_text(encoding='utf-8').removeprefix('receiveMap(').removesuffix(');\n')
    packed = json.loads(content)['arrays']['pitch']
    return np.frombuffer(base64.b64decode(packed['base64']), '<i2').tolist()


@pytest.mark.thorough
def test_pitches_are_estimated_on_request(tmp_path, open_page):
    names = [f'thing {i}' for i in range(9)]
    heard = [UNKNOWN if i == MISSING else 48 + i for i in range(9)]
    assert pitches(tmp_path / 'told', names) == [UNKNOWN] * 9
    assert pitches(tmp_path / 'heard', names, '--estimate-pitch') == heard
    opened = open_page(tmp_path / 'heard/run/map/index.html')
    assert 'The pitch of 8 is estimated from the sound.' in opened.page.inner_text('#subtitle')
    assert not opened.js('byId("pitch-box").hidden')


def test_middle_c_may_be_called_c3(tmp_path, open_page):
    names = ['piano C3', 'piano F#3', 'piano_acoustic_000-040-100']
    assert pitches(tmp_path / 'c4', names) == [48, 54, 40]
    assert pitches(tmp_path / 'c3', names, '--middle-c', 'C3') == [60, 66, 40]
    assert open_page(tmp_path / 'c4/run/map/index.html').js('[48, 60].map(pitchName)') == ['C3', 'C4']
    assert open_page(tmp_path / 'c3/run/map/index.html').js('[48, 60].map(pitchName)') == ['C2', 'C3']


def test_embedded_page_is_one_file_that_plays(tmp_path, open_page):
    root, _ = make_map(tmp_path, note_names(), '--embed', '--limit', '30')
    shutil.move(root / 'run/map_embed.html', tmp_path / 'mailed.html')
    shutil.rmtree(root / 'run')
    shutil.rmtree(root / 'data')
    opened = open_page(tmp_path / 'mailed.html')
    assert opened.js('MAP.count') == 30
    assert '30 notes' in opened.page.inner_text('#subtitle')
    assert 'sample of 48' in opened.page.inner_text('#subtitle')
    opened.click(opened.lonely(among=np.flatnonzero(opened.js('Array.from(MAP.has_sound)'))))
    opened.wait_for_sound()
    assert len(opened.requests) == 1


@pytest.mark.thorough
def test_20_000_points_load_and_answer(tmp_path, open_page):
    rng = np.random.default_rng(0)
    names = [f'note {i}' for i in range(20_000)]
    (tmp_path / 'data').mkdir()
    write_lines(tmp_path / 'data/test_samples.txt', names)
    write_lines(tmp_path / 'data/test_labels.txt', [i % 3 for i in range(20_000)])
    write_run(tmp_path / 'run', names, rng)
    assert sound_map.main(['--data', str(tmp_path / 'data'), '--run', str(tmp_path / 'run')]) == 0
    opened = open_page(tmp_path / 'run/map/index.html')
    assert opened.js('MAP.count') == 20_000
    milliseconds = opened.js('''() => {
        const start = performance.now();
        app.store.change({colour: 'neuron', neuron: 5});
        app.stage.paint();
        return performance.now() - start;
    }''')
    assert milliseconds < 500
    opened.click(0)
    assert opened.js('app.store.state.note') >= 0
