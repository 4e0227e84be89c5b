"""tsne.py: shapes, seeds and quality of the maps; coordinates are never checked."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import disk_full, edit_json, stage
from threadpoolctl import threadpool_limits

import tsne
from data_provider import prepare_data
from deepdream import embedding as embedding_part
from deepdream import neighbours
from deepdream.embedding import choose_engine, fit_maps, fit_pca, fit_tsne, place_among, project
from deepdream.map.data import unit_box
from deepdream.map.places import place_sounds
from deepdream.metrics import PURITIES, measure_map, measure_purity
from deepdream.neighbours import nearest_rows
from deepdream.run_folder import model_digest

MAPS = {'act_pca': None, 'act_tsne': 2, 'act_tsne_3d': 3}


def write_activation(data, run, split, spread=0.3, seed=0):
    """Write the statistics and a made-up activation: a cluster in 256 dimensions for each label."""
    run.mkdir(exist_ok=True)
    for name in ('data_mean.npy', 'data_std.npy'):
        shutil.copy(data / name, run / name)
    suffix = '' if split == 'test' else f'_{split}'
    indices = np.loadtxt(data / f'{split}_labels.txt', dtype=int)
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(indices.max() + 1, 256))[indices] + spread * rng.normal(size=(len(indices), 256))
    np.save(run / f'activation{suffix}.npy', np.maximum(rows, 0).astype(np.float32))
    (run / 'model.keras').write_bytes(b'a model')
    (run / f'activation{suffix}.json').write_text(json.dumps({'model': model_digest(run)}))
    shutil.copy(data / f'{split}_samples.txt', run / f'activation_samples{suffix}.txt')
    return run


def maps_of(run, split='_train'):
    return {name: np.load(run / f'{name}{split}.npy') for name in MAPS}


@pytest.fixture(scope='module', autouse=True)
def one_thread():
    """OpenMP's threads wait for each other in a busy loop: on a machine at work that takes ten times as long."""
    with threadpool_limits(1), pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding_part, 'N_THREADS', 1)
        yield


@pytest.fixture(scope='module')
def mapped(small_data, tmp_path_factory):
    """The maps of 64 clustered train notes."""
    run = write_activation(small_data, tmp_path_factory.mktemp('mapped') / 'run', 'train')
    assert stage(tsne, small_data, run, '--split', 'train') == 0
    return run


def test_maps_have_the_shapes_of_the_design(mapped):
    shapes = {name: array.shape for name, array in maps_of(mapped).items()}
    assert shapes == {'act_pca': (64, 50), 'act_tsne': (64, 2), 'act_tsne_3d': (64, 3)}
    for array in maps_of(mapped).values():
        assert array.dtype == np.float32 and np.isfinite(array).all()


def test_quality_figures(mapped):
    quality = json.loads((mapped / 'tsne_train.json').read_text())
    assert set(quality) == {'model', 'n_notes', 'perplexity', 'n_components', 'explained_variance', 'evaluated_notes',
                            'trustworthiness_k', 'trustworthiness',
                            *(f'{name}{end}' for name in PURITIES for end in ('', '_chance', '_notes', '_k'))}
    for name in PURITIES:
        assert set(quality[name]) == {'raw_spectra', 'fc2', 'pca', 'tsne_2d', 'tsne_3d'}
        assert (quality[f'{name}_notes'], quality[f'{name}_k']) == (64, 10)
    assert quality['purity_chance'] == pytest.approx(15 / 63)  # 64 notes: four instruments a label, four notes each
    assert quality['purity_other_instruments_chance'] == pytest.approx(12 / 60)
    assert set(quality['trustworthiness']) == {'pca', 'tsne_2d', 'tsne_3d'}
    assert (quality['n_notes'], quality['evaluated_notes'], quality['n_components']) == (64, 64, 50)
    assert all(0 <= value <= 1 for name in PURITIES for value in quality[name].values())
    assert 0.9 < quality['explained_variance'] <= 1.0001


def test_the_vectors_of_spectra_are_as_far_apart_as_the_spectra(small_data):
    provider = prepare_data(small_data, small_data / 'labels.txt', ['train'])
    chosen = [0, 5, 5, 20, 63]
    vectors = tsne.place_spectra(provider, 'train', chosen)
    spectra = np.stack([provider.stored_spectrum('train', i).ravel() for i in chosen]).astype(np.float64)
    apart, known = (np.linalg.norm(each[:, np.newaxis] - each, axis=2) for each in (vectors, spectra))
    np.testing.assert_allclose(apart, known, rtol=1e-3, atol=1e-3 * known.max())
    assert known[0, 1] > 0


def test_separate_clusters_stay_separate(mapped):
    quality = json.loads((mapped / 'tsne_train.json').read_text())
    for name in PURITIES:
        assert quality[name]['fc2'] == quality[name]['pca'] == 1
        assert quality[name]['tsne_2d'] > 0.95
    assert quality['trustworthiness']['pca'] > 0.95
    assert quality['trustworthiness']['tsne_2d'] > 0.9


def test_separate_clusters_stay_separate_in_three_dimensions(mapped):
    quality = json.loads((mapped / 'tsne_train.json').read_text())
    assert quality['purity']['tsne_3d'] > 0.95
    assert quality['trustworthiness']['tsne_3d'] > 0.9


@pytest.mark.parametrize('engine', ['scikit-learn', 'opentsne'])
@pytest.mark.parametrize('n_dimensions', [2, 3])
def test_what_has_so_few_dimensions_is_mapped_faithfully(n_dimensions, engine):
    from sklearn.manifold import trustworthiness
    vectors = np.random.default_rng(0).uniform(size=(60, n_dimensions)).astype(np.float32)
    coordinates = fit_tsne(vectors, n_dimensions, 59 / 3, 0, engine)
    assert coordinates.shape == (60, n_dimensions)
    assert trustworthiness(vectors, coordinates, n_neighbors=10) > 0.95


@pytest.fixture
def few_steps(monkeypatch):
    monkeypatch.setattr(embedding_part, 'N_ITERATIONS', 300)
    monkeypatch.setattr(embedding_part, 'OPENTSNE_ITERATIONS', (50, 50))


@pytest.mark.parametrize('engine', ['scikit-learn', 'opentsne'])
def test_same_seed_same_maps(tiny_data, tmp_path, few_steps, engine):
    runs = [write_activation(tiny_data, tmp_path / name, 'train') for name in ('run', 'same')]
    for run in runs:
        assert stage(tsne, tiny_data, run, '--split', 'train', '--engine', engine) == 0
    for name, array in maps_of(runs[0]).items():
        np.testing.assert_array_equal(maps_of(runs[1])[name], array)


def test_six_notes_work_and_say_so(tiny_data, tmp_path, capfd):
    run = write_activation(tiny_data, tmp_path / 'run', 'test')
    assert stage(tsne, tiny_data, run) == 0
    printed = capfd.readouterr()
    assert 'PCA to 6 dimensions instead of 50' in printed.out
    title, *rows = printed.out.splitlines()[2:9]
    assert re.split('  +', title.strip()) == ['purity, other instruments', 'purity, all notes', 'trustworthiness']
    assert rows[-1].split() == ['chance', '0.200', '0.200']  # two notes a label, each of an instrument of its own
    assert 'whose label another instrument has' in printed.out
    for name, expected in MAPS.items():
        array = np.load(run / f'{name}.npy')
        assert array.shape == (6, expected or 6) and np.isfinite(array).all()
    for bar in ('t-SNE 2-D', 't-SNE 3-D'):  # progress, though stderr is no terminal
        assert any(line.startswith(bar) and '/1000' in line for line in printed.err.splitlines())
    assert '\r' not in printed.err


@pytest.mark.parametrize('engine', ['scikit-learn', 'opentsne'])
@pytest.mark.parametrize('n_notes', [5, 20, 48])
def test_few_notes_do_not_fall_into_one_place(n_notes, engine):
    vectors = np.random.default_rng(1).normal(size=(n_notes, 6)).astype(np.float32)
    for n_dimensions in (2, 3):
        assert np.ptp(fit_tsne(vectors, n_dimensions, (n_notes - 1) / 3, 0, engine), axis=0).max() > 1


@pytest.mark.parametrize(('n_dimensions', 'fft_from'), [(2, 0), (2, 10_000), (3, 0)], ids=['FFT', 'Barnes-Hut', '3-D'])
def test_opentsne_keeps_separate_clusters_separate(monkeypatch, n_dimensions, fft_from):
    monkeypatch.setattr(embedding_part, 'FFT_FROM', fft_from)
    monkeypatch.setattr(embedding_part, 'OPENTSNE_ITERATIONS', (100, 100))
    vectors, labels = gaussians(20)
    coordinates = fit_tsne(vectors, n_dimensions, 15, 0, 'opentsne')
    assert coordinates.shape == (60, n_dimensions) and coordinates.dtype == np.float32
    assert purities(coordinates, labels, np.arange(60))['purity'][0] == 1


def test_auto_takes_opentsne_for_many_notes_only():
    least = embedding_part.OPENTSNE_FROM
    assert [choose_engine('auto', n) for n in (5, least - 1, least)] == ['scikit-learn', 'scikit-learn', 'opentsne']
    for engine in ('scikit-learn', 'opentsne'):
        assert {choose_engine(engine, n) for n in (5, least)} == {engine}


def test_opentsne_shows_its_progress_as_lines(tiny_data, tmp_path, capfd):
    run = write_activation(tiny_data, tmp_path / 'run', 'train')
    assert stage(tsne, tiny_data, run, '--split', 'train', '--engine', 'opentsne') == 0
    error = capfd.readouterr().err
    for bar in ('t-SNE 2-D', 't-SNE 3-D'):
        lines = [line for line in error.splitlines() if line.startswith(bar)]
        assert '0/750' in lines[0] and '750/750' in lines[-1] and 'KL=' in lines[-1]
    assert '\r' not in error


def test_many_notes_are_placed_in_3_d_only_on_request(tiny_data, tmp_path, few_steps, monkeypatch, capfd):
    run = write_activation(tiny_data, tmp_path / 'run', 'train')
    assert stage(tsne, tiny_data, run, '--split', 'train') == 0  # of few notes, without being asked
    assert (run / 'act_tsne_3d_train.npy').exists() and '--3d' not in capfd.readouterr().out
    monkeypatch.setattr(embedding_part, 'DEEP_BELOW', 8)
    for options, made in (((), False), (('--3d',), True), ((), False)):
        assert stage(tsne, tiny_data, run, '--split', 'train', *options) == 0
        printed = capfd.readouterr().out
        assert (run / 'act_tsne_3d_train.npy').exists() == made
        assert ('tsne_3d' in json.loads((run / 'tsne_train.json').read_text())['trustworthiness']) == made
        assert any('8 notes' in line and '--3d' in line for line in printed.splitlines()) != made


def test_four_notes_are_too_few(tiny_data, tmp_path, fails):
    run = write_activation(tiny_data, tmp_path / 'run', 'valid')
    line = fails(tsne, tiny_data, run, '--split', 'valid')
    assert '4 notes are too few' in line and 'activation_valid.npy' in line


# Parts.

def purities(vectors, labels, instruments):
    """Return {id of PURITIES: [purity, chance, number of notes]} of vectors, as far as they are measured."""
    quality = measure_purity({'fc2': vectors}, np.array(labels), np.array(instruments))
    return {name: [quality[name]['fc2'], quality[f'{name}_chance'], quality[f'{name}_notes']]
            for name in PURITIES if name in quality}


def clusters(centres, sizes, seed=0):
    """Return points (n, 2) around places on a line."""
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, (sum(sizes), 2))
    return noise + np.repeat(centres, sizes)[:, np.newaxis] * [1, 0]


def gaussians(n_each, seed=0):
    """Return (points (3 * n_each, 10) around three places far apart, the number of the place of each)."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), n_each)
    return (8 * np.eye(3, 10)[labels] + rng.normal(size=(3 * n_each, 10))).astype(np.float32), labels


@pytest.fixture(scope='module', params=['scikit-learn', 'opentsne'])
def gaussian_map(request, one_thread):
    """Vectors, their labels and {view: places} of 120 notes, by each engine."""
    vectors, labels = gaussians(40)
    pca, _ = fit_pca(vectors, 10, 0)
    return vectors, labels, {'pca': pca} | fit_maps(pca, 30, 0, request.param)


@pytest.mark.parametrize(('view', 'fft_from'), [('tsne_2d', 10_000), ('tsne_3d', 10_000), ('tsne_2d', 0)],
                         ids=['2-D', '3-D', 'FFT'])
def test_a_later_sound_that_is_a_copy_of_a_note_lands_at_it(gaussian_map, monkeypatch, view, fft_from):
    monkeypatch.setattr(embedding_part, 'FFT_FROM', fft_from)
    vectors, labels, maps = gaussian_map
    before = maps[view].copy()
    placed = place_among(vectors, maps[view], vectors[::10])
    distances = np.linalg.norm(placed[:, np.newaxis] - maps[view], axis=2)
    assert distances[np.arange(12), np.arange(0, 120, 10)].max() < 0.06 * np.ptp(maps[view], axis=0).max()
    assert (labels[distances.argmin(axis=1)] == labels[::10]).all()
    np.testing.assert_array_equal(maps[view], before)  # the notes stay


def test_later_sounds_are_placed_each_by_itself(gaussian_map):
    vectors, _, maps = gaussian_map
    later = gaussians(2, seed=1)[0]
    together = place_among(vectors, maps['tsne_2d'], later)
    alone = [place_among(vectors, maps['tsne_2d'], one[np.newaxis])[0] for one in later]
    np.testing.assert_allclose(alone, together, atol=1e-3)


def test_a_later_sound_stands_in_its_cluster_or_at_the_edge_of_the_two_it_is_between(gaussian_map):
    vectors, labels, maps = gaussian_map
    later, of_later = gaussians(5, seed=1)
    points = maps['tsne_2d']
    placed = place_among(vectors, points, np.concatenate([later, 4 * np.eye(3, 10)[:1] + 4 * np.eye(3, 10)[1:2]]))
    centres = np.stack([points[labels == one].mean(axis=0) for one in range(3)])
    distances = np.linalg.norm(placed[:, np.newaxis] - centres, axis=2)
    np.testing.assert_array_equal(distances[:-1].argmin(axis=1), of_later)
    assert distances[-1].argmax() == 2  # not by the third


def test_five_notes_are_enough_to_place_a_later_sound():
    vectors = np.random.default_rng(0).normal(size=(5, 16)).astype(np.float32)
    coordinates = np.random.default_rng(1).normal(size=(5, 2)).astype(np.float32)
    np.testing.assert_allclose(place_among(vectors, coordinates, vectors[:2]), coordinates[:2], atol=0.01)


@pytest.mark.parametrize('n_notes', [8, 120])
def test_notes_that_are_all_the_same_are_enough_to_place_a_later_sound(n_notes):
    assert np.isfinite(place_among(np.zeros((n_notes, 16)), np.zeros((n_notes, 2)), np.zeros((1, 16)))).all()


def test_later_sounds_have_the_components_of_the_pca():
    from sklearn.decomposition import PCA
    vectors = np.maximum(np.random.default_rng(0).normal(size=(90, 30)), 0).astype(np.float32)
    vectors[:, 7] = 0  # a neuron that is dead
    components, _ = fit_pca(vectors[:60], 10, 0)
    expected = PCA(10, svd_solver='full').fit(vectors[:60]).transform(vectors[60:])
    np.testing.assert_allclose(project(vectors[:60], components, vectors[60:]), expected, atol=1e-4)
    np.testing.assert_allclose(project(vectors[:60], -components, vectors[60:]), -expected, atol=1e-4)


@pytest.mark.parametrize('engine', ['scikit-learn', 'opentsne'])
def test_a_map_that_starts_from_an_earlier_one_keeps_its_form(engine):
    vectors, _ = gaussians(40)
    first = fit_tsne(vectors, 2, 30, 0, engine) @ np.array([[0, -1], [1, 0]], np.float32)  # turned
    again = fit_tsne(vectors, 2, 30, 0, engine, first)
    moved = np.linalg.norm(unit_box(again) - unit_box(first), axis=1)  # as the page shows it, from -1 to 1
    assert np.median(moved) < 0.1


def test_the_sounds_of_a_folder_keep_their_places_when_others_come_and_go(tmp_path):
    rng = np.random.default_rng(0)
    vectors = (rng.uniform(size=(90, 2)) @ rng.normal(size=(2, 10))).astype(np.float32)
    maps = []
    for rows in (np.r_[:50, 60:90], np.r_[2:90], np.r_[2:90]):  # ten come, two go; nothing more
        pca, _ = fit_pca(vectors[rows], 10, 0)
        maps.append(place_sounds(tmp_path / 'places.npz', [str(row) for row in rows], vectors[rows], pca))
    first, then = unit_box(maps[0]['tsne_2d'])[2:], unit_box(maps[1]['tsne_2d'])[np.r_[:48, 58:88]]
    assert np.median(np.linalg.norm(first - then, axis=1)) < 0.1
    for view in ('tsne_2d', 'tsne_3d'):
        np.testing.assert_array_equal(maps[1][view], maps[2][view])


def test_both_purities_are_one_for_a_cluster_a_label():
    labels = np.repeat([0, 1, 2], 24)
    figures = purities(clusters([0, 10, 20], [24] * 3), labels, np.arange(72) // 12)
    assert figures == {'purity_other_instruments': [1, pytest.approx(12 / 60), 72],
                       'purity': [1, pytest.approx(23 / 71), 72]}


def test_a_cluster_an_instrument_is_pure_but_not_among_other_instruments():
    """On a line: two instruments of label 0, the only one of label 1, the third of label 0. The nearest notes of other
    instruments are of label 0 for the first two, of label 1 for the third; the one of label 1 does not count."""
    sizes = [12, 12, 24, 12]
    figures = purities(clusters([0, 10, 30, 45], sizes), np.repeat([0, 0, 1, 0], sizes), np.repeat(np.arange(4), sizes))
    assert figures['purity_other_instruments'] == pytest.approx([2 / 3, 24 / 48, 36])
    assert figures['purity'] == pytest.approx([1, (36 * 35 + 24 * 23) / 60 / 59, 60])


def test_fewer_than_ten_notes_of_the_label_limit_the_purity():
    sizes = [12, 4, 8]
    figures = purities(clusters([0, 10, 30], sizes), np.repeat([0, 0, 1], sizes), np.repeat(np.arange(3), sizes))
    of_first, of_second = 4 / 10, 10 / 10  # of its label are 4 and 12 notes, of the other label 8
    assert figures['purity_other_instruments'][0] == pytest.approx((12 * of_first + 4 * of_second) / 16)


def test_random_vectors_have_the_purities_of_chance():
    rng = np.random.default_rng(0)
    instruments = rng.integers(40, size=3000) ** 2 // 40  # some large, some small
    labels = np.arange(40)[instruments] % 7
    for purity, chance, _ in purities(rng.normal(size=(3000, 8)), labels, instruments).values():
        assert purity == pytest.approx(chance, abs=0.01)


def test_an_instrument_a_note_makes_both_purities_equal():
    rng = np.random.default_rng(0)
    figures = purities(rng.normal(size=(60, 4)), np.repeat([0, 1, 2], 20), rng.permutation(60))
    assert figures['purity_other_instruments'] == figures['purity']


@pytest.mark.parametrize(('labels', 'instruments', 'measured'), [
    ([0] * 6, [0] * 6, ['purity']), ([0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1], ['purity']), (range(6), range(6), [])],
    ids=['one instrument', 'an instrument a label', 'a note a label'])
def test_a_purity_that_no_note_can_have_is_not_measured(labels, instruments, measured):
    assert list(purities(np.eye(6), labels, instruments)) == measured


@pytest.mark.parametrize('batch_cells', [700, 4_000_000])
def test_nearest_rows_are_exact_whatever_the_size_of_an_instrument(monkeypatch, batch_cells):
    monkeypatch.setattr(neighbours, 'BATCH_CELLS', batch_cells)
    rng = np.random.default_rng(0)
    instruments = rng.permutation(np.r_[np.zeros(140, int), np.arange(60) // 4 + 1])
    vectors = rng.normal(size=(200, 6)).astype(np.float32)
    distances = np.linalg.norm(vectors[:, np.newaxis] - vectors, axis=2)
    for rows, left_out in zip(nearest_rows(vectors, instruments, 10),
                              (np.eye(200, dtype=bool), instruments[:, np.newaxis] == instruments), strict=True):
        np.testing.assert_array_equal(rows, np.where(left_out, np.inf, distances).argsort(axis=1)[:, :10])


@pytest.mark.parametrize('share', [0, 0.7], ids=['as they are', 'one instrument with most of the notes'])
def test_nearest_rows_of_many_notes_are_nearly_exact(monkeypatch, share):
    rng = np.random.default_rng(0)
    instruments = np.arange(4000) // 40
    places = rng.normal(size=(100, 6))[instruments] + 0.3 * rng.normal(size=(4000, 6))
    vectors = (places @ rng.normal(size=(6, 30))).astype(np.float32)
    instruments[np.linalg.norm(places, axis=1).argsort()[:int(share * 4000)]] = 7  # a crowd in the middle
    exact = nearest_rows(vectors, instruments, 8)
    monkeypatch.setattr(neighbours, 'MOST_EXACT', 3999)
    monkeypatch.setattr(neighbours, 'N_COMPARED', 600)
    for found, known, own in zip(nearest_rows(vectors, instruments, 8), exact, (np.arange(4000), instruments),
                                 strict=True):
        assert np.mean([np.isin(row, truth).mean() for row, truth in zip(found, known, strict=True)]) > 0.98
        assert not (own[found] == own[:, np.newaxis]).any()
        distances = np.linalg.norm(vectors[found] - vectors[:, np.newaxis], axis=2)
        assert (np.diff(distances, axis=1) > -1e-3).all()


def test_nearest_rows_of_many_notes_are_no_more_than_there_are(monkeypatch):
    monkeypatch.setattr(neighbours, 'MOST_EXACT', 100)
    instruments = np.array([0] * 197 + [1] * 3)
    of_all, of_others = nearest_rows(np.random.default_rng(0).normal(size=(200, 4)), instruments, 8)
    assert (of_all >= 0).all()
    assert (np.sort(of_others[:197]) == [-1] * 5 + [197, 198, 199]).all()
    alone = nearest_rows(np.random.default_rng(0).normal(size=(200, 4)), np.zeros(200, int), 8)[1]
    assert (alone == -1).all()


@pytest.mark.parametrize('n_columns', [5, 8, 300, 1030])
def test_the_least_of_groups_are_the_least_of_all(n_columns):
    distances = np.random.default_rng(0).normal(size=(40, n_columns)).astype(np.float32)
    distances[:20, 4:] = np.inf
    distances[7, -2:] = -3  # the columns that make no group
    columns = neighbours.least_columns(distances, 8)
    assert all(len({*row}) == len(row) for row in columns.tolist())
    least = np.sort(np.take_along_axis(distances, columns, axis=1), axis=1)
    np.testing.assert_array_equal(least, np.sort(distances, axis=1)[:, :8])


def test_nearest_rows_are_no_more_than_there_are():
    of_all, of_others = nearest_rows(np.arange(5)[:, np.newaxis], np.array([0, 0, 0, 0, 1]), 10)
    assert of_all[0].tolist() == [1, 2, 3, 4]
    assert of_others.tolist() == [[4, -1, -1, -1]] * 4 + [[3, 2, 1, 0]]


def test_a_note_is_not_its_own_neighbour():
    for rows in nearest_rows(np.zeros((40, 2)), np.arange(40) // 2, 10):
        assert not (rows == np.arange(40)[:, np.newaxis]).any()
        assert (np.diff(np.sort(rows), axis=1) > 0).all()


def test_trustworthiness_tells_a_faithful_map_from_a_random_one():
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(80, 5)), np.arange(80) % 2
    spaces = {'fc2': rows, 'same': rows * 2, 'random': rng.normal(size=(80, 2))}
    figures = measure_map(spaces, labels, np.arange(80))['trustworthiness']
    assert figures['same'] == pytest.approx(1)
    assert figures['random'] < 0.7


def test_pca_explains_all_with_as_many_components_as_dimensions():
    rows = np.random.default_rng(0).normal(size=(40, 7)).astype(np.float32)
    embedding, explained = fit_pca(rows, 50, 0)
    assert embedding.shape == (40, 7) and explained == pytest.approx(1)
    assert fit_pca(rows, 3, 0)[1] < 0.9
    np.testing.assert_allclose(np.linalg.norm(embedding[0] - embedding[9]), np.linalg.norm(rows[0] - rows[9]),
                               rtol=1e-4)


# What it refuses.

@pytest.fixture
def run(tiny_data, tmp_path):
    return write_activation(tiny_data, tmp_path / 'run', 'test')


def test_missing_activation_names_the_stage(tiny_data, tmp_path, fails):
    assert 'run `python activation.py' in fails(tsne, tiny_data, tmp_path)


def test_activation_and_list_of_different_length_are_refused(tiny_data, run, fails):
    np.save(run / 'activation.npy', np.load(run / 'activation.npy')[:-1])
    line = fails(tsne, tiny_data, run)
    assert '(5, 256)' in line and '6 rows' in line and 'activation.py' in line


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_activation_that_is_not_finite_is_refused(tiny_data, run, fails, value):
    rows = np.load(run / 'activation.npy')
    rows[2, 7] = value
    np.save(run / 'activation.npy', rows)
    line = fails(tsne, tiny_data, run)
    assert 'not finite' in line and 'activation.npy' in line and 'activation.py' in line
    assert not (run / 'act_pca.npy').exists()


def test_truncated_activation_is_refused(tiny_data, run, fails):
    (run / 'activation.npy').write_bytes((run / 'activation.npy').read_bytes()[:999])
    assert 'activation.npy is not an intact .npy file' in fails(tsne, tiny_data, run)


def test_activation_of_another_list_is_refused(tiny_data, run, fails):
    path = run / 'activation_samples.txt'
    path.write_text(''.join(reversed(path.read_text().splitlines(keepends=True))))
    line = fails(tsne, tiny_data, run)
    assert 'activation_samples.txt' in line and 'activation.py' in line


def test_constant_activation_of_a_dead_network_is_refused(tiny_data, run):
    """All notes in one place: scikit-learn's t-SNE then crashes the process, hence one of its own."""
    np.save(run / 'activation.npy', np.zeros((6, 256), np.float32))
    result = subprocess.run(
        [sys.executable, tsne.__file__, '--data', tiny_data, '--labels', tiny_data / 'labels.txt', '--run', run],
        capture_output=True, text=True)
    assert result.returncode == 1
    assert 'Traceback' not in result.stderr
    assert 'activation.npy' in result.stderr.splitlines()[-1]
    assert not (run / 'act_tsne.npy').exists()


@pytest.mark.parametrize('arguments', [
    ('--components', 0), ('--components', -2), ('--perplexity', 0), ('--perplexity', 'nan'), ('--quality-notes', 0),
    ('--seed', -1), ('--seed', 2 ** 32), ('--engine', 'umap')], ids=' '.join(['{}']).format)
def test_nonsense_numbers_are_refused(tiny_data, run, fails, arguments):
    line = fails(tsne, tiny_data, run, *arguments)
    assert arguments[0].strip('-').split('-')[0] in line
    assert not (run / 'act_tsne.npy').exists()


def test_activation_of_another_model_is_refused(tiny_data, run, fails):
    edit_json(run / 'activation.json', model='another')
    line = fails(tsne, tiny_data, run)
    assert 'activation.json is of another model' in line and 'python activation.py' in line
    assert not (run / 'act_tsne.npy').exists()


def test_two_components_are_enough_or_refused(tiny_data, run, capfd, monkeypatch):
    """scikit-learn starts a 3-D map from as many principal components."""
    monkeypatch.setattr(embedding_part, 'N_ITERATIONS', 300)
    try:
        status = stage(tsne, tiny_data, run, '--components', 2)
    except SystemExit as error:
        status = error.code
    if status == 0:
        assert np.load(run / 'act_tsne_3d.npy').shape == (6, 3)
    else:
        assert 'components' in capfd.readouterr().err.splitlines()[-1]


def test_disk_full_leaves_no_half_file(small_data, tmp_path, fails, monkeypatch):
    run = write_activation(small_data, tmp_path / 'run', 'train')
    monkeypatch.setattr(embedding_part, 'fit_tsne', lambda embedding, n_dimensions, *_: embedding[:, :n_dimensions])
    with disk_full(8000):  # act_pca takes 12,928 bytes
        line = fails(tsne, small_data, run, '--split', 'train')
    assert 'cannot write' in line and 'act_pca_train.npy' in line
    assert not [path for path in run.iterdir() if path.name.startswith(('act_', '.tmp'))]
