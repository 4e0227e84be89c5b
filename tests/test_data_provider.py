"""data_provider.py: what it hands out, and what it refuses."""

import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ODD_NOTES, SMALL_LABELS, damaged_copy, edit_json, make_data, prepare, small_names

import data_provider
from data_provider import prepare_data
from deepdream.artifacts import BadInput
from deepdream.augmentation import bin_frequencies, draw_variations, knot_weights, noise_magnitudes, vary
from deepdream.pipeline import name_damaged_files
from deepdream.spectrum import npy_size

ROOT = Path(data_provider.__file__).parent
SHAPE = (251, 513)


def provider_of(data, **options):
    return prepare_data(data, data / 'labels.txt', **options)


@pytest.fixture
def data(tiny_data, tmp_path):
    """A copy of the tiny data folder, to damage."""
    return damaged_copy(tiny_data, tmp_path / 'data')


@pytest.fixture
def refused(data):
    """A function: prepare_data has to refuse the folder in one line that holds all of `words`."""
    def check(*words, error=(BadInput, FileNotFoundError), **options):
        with pytest.raises(error) as caught:
            provider_of(data, **options)
        for word in words:
            assert str(word) in str(caught.value)
    return check


def spectrum_file(data, split='train', i=0):
    return sorted((data / split / 'spectrum').glob('*.npy'))[i]


def batches_of(provider, split, order=None, variations=None):
    spectra, indices = zip(*provider.dataset(split, order, variations).as_numpy_iterator(), strict=True)
    return [len(batch) for batch in indices], np.concatenate(spectra), np.concatenate(indices)


def one_by_one(provider, split, order):
    spectra, indices = zip(*(provider.get_sample_at(split, i) for i in order), strict=True)
    return np.stack(spectra)[..., np.newaxis], np.array(indices)


# What it hands out.

def test_import_and_help_do_not_load_tensorflow():
    code = ('import sys, data_provider\n'
            'for name in "train evaluate activation tsne gather_information extract_spectrum".split():\n'
            '    try: __import__(name).main(["--help"])\n'
            '    except SystemExit as stop: assert stop.code == 0\n'
            'print(sorted({"tensorflow", "keras", "sklearn", "librosa", "matplotlib"} & set(sys.modules)))')
    result = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == '[]'


def test_sample_has_shape_dtype_and_class_index(tiny_data):
    provider = provider_of(tiny_data)
    for spectrum, index in (provider.get_sample_at('test', 5), provider.get_random_sample('train')):
        assert spectrum.shape == SHAPE and spectrum.dtype == np.float32
        assert isinstance(index, int) and 0 <= index < len(SMALL_LABELS)


def test_class_index_is_the_line_of_the_label(tiny_data):
    provider = provider_of(tiny_data)
    for split, notes in provider.notes.items():
        labels = [provider.labels[provider.get_sample_at(split, i)[1]] for i in range(len(notes))]
        assert [note.startswith(label + '_') for note, label in zip(notes, labels, strict=True)] == [True] * len(notes)


def test_batch_has_shape_and_dtype(tiny_data):
    spectra, indices = provider_of(tiny_data, batch_size=5).get_random_batch('train')
    assert spectra.shape == (5, *SHAPE, 1) and spectra.dtype == np.float32
    assert indices.shape == (5,) and np.issubdtype(indices.dtype, np.integer)


def test_normalisation_is_that_of_the_design(tiny_data):
    stored = np.load(spectrum_file(tiny_data, 'valid', 2)).astype(np.float64)
    mean, std = (np.load(tiny_data / f'data_{name}.npy').astype(np.float64) for name in ('mean', 'std'))
    normalised, _ = provider_of(tiny_data).get_sample_at('valid', 2)
    np.testing.assert_allclose(normalised, (stored - mean) / (std + 0.0001), rtol=1e-4, atol=1e-4)


def test_normalised_train_split_has_mean_0_and_std_1(tiny_data):
    provider = provider_of(tiny_data)
    spectra, _ = one_by_one(provider, 'train', range(provider.n_notes('train')))
    assert np.abs(spectra.mean(axis=0)).max() < 0.05
    lively = provider.std > 0.1
    np.testing.assert_allclose(spectra.std(axis=0)[..., 0][lively], 1, atol=0.02)


def test_random_batches_are_seeded(tiny_data):
    first, again, other = (provider_of(tiny_data, seed=seed, batch_size=6).get_random_batch('train')
                           for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_random_batches_reach_every_note(tiny_data):
    provider = provider_of(tiny_data, batch_size=80)
    _, indices = provider.get_random_batch('train')
    assert set(indices) == set(provider.class_indices['train'])


@pytest.mark.parametrize('dtype', ['float16', 'float32'])
def test_dataset_yields_every_note_once_in_list_order(tiny_data, tmp_path, dtype):
    data = tiny_data
    if dtype == 'float32':
        data = shutil.copytree(tiny_data, tmp_path / 'data')
        prepare(data, dtype)
    assert np.load(spectrum_file(data)).dtype == dtype
    provider = provider_of(data, batch_size=4)
    for split, sizes in (('test', [4, 2]), ('train', [4, 4]), ('valid', [4])):
        found, spectra, indices = batches_of(provider, split)
        expected, expected_indices = one_by_one(provider, split, range(provider.n_notes(split)))
        assert found == sizes
        assert spectra.dtype == np.float32
        np.testing.assert_allclose(spectra, expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(indices, expected_indices)


def test_dataset_respects_order(tiny_data):
    provider, order = provider_of(tiny_data, batch_size=3), [5, 0, 0, 3, 7, 1, 5]
    sizes, spectra, indices = batches_of(provider, 'train', order)
    expected, expected_indices = one_by_one(provider, 'train', order)
    assert sizes == [3, 3, 1]
    np.testing.assert_allclose(spectra, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(indices, expected_indices)


def test_dataset_varies_each_note_as_its_row_says(tiny_data):
    provider, order = provider_of(tiny_data, batch_size=4), [5, 0, 0, 3, 7, 1]
    variations = draw_variations(6, 0, 12)
    sizes, spectra, indices = batches_of(provider, 'train', order, variations)
    stored = np.stack([provider.stored_spectrum('train', i) for i in order])
    to_levels = knot_weights(bin_frequencies())
    expected = vary(stored, stored.max(axis=(1, 2)), variations, to_levels, noise_magnitudes()).numpy()
    assert sizes == [4, 2]
    np.testing.assert_allclose(spectra[..., 0], provider.normalise(expected), atol=2e-3)
    np.testing.assert_array_equal(indices, provider.class_indices['train'][order])
    assert not np.allclose(spectra[1], spectra[2], atol=0.1)  # a note that comes twice is varied twice


def test_odd_names_work(tmp_path):
    names = [*ODD_NOTES, 'bass_combining 한', 'bass_new "quotes" \'n\' <tags> & `ticks`', 'vocal_-rf', 'organ_\\n']
    provider = provider_of(make_data(tmp_path / 'my data [1]', {'train': names}), batch_size=3)
    assert sorted(provider.notes['train']) == sorted(names)
    _, spectra, indices = batches_of(provider, 'train')
    expected, expected_indices = one_by_one(provider, 'train', range(len(names)))
    np.testing.assert_allclose(spectra, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(indices, expected_indices)


def test_current_folder_as_data(data, monkeypatch):
    monkeypatch.chdir(data)
    provider = prepare_data('.')
    assert batches_of(provider, 'valid')[0] == [4]
    assert provider.get_sample_at('valid', 0)[0].shape == SHAPE


def test_label_without_notes_is_fine(tiny_data):
    provider = provider_of(tiny_data)
    assert provider.n_labels == len(SMALL_LABELS)
    assert SMALL_LABELS.index('synth_lead') not in provider.class_indices['train']


def test_rejected_notes_are_left_out(tmp_path):
    data = make_data(tmp_path / 'data', {'train': small_names(0, 2, 1)})
    whole = provider_of(data)
    bad = whole.notes['train'][2]
    (data / 'train' / 'audio' / f'{bad}.wav').write_bytes(b'no wav')
    prepare(data)
    provider = provider_of(data)
    assert provider.notes['train'] == [note for note in whole.notes['train'] if note != bad]
    for i, note in enumerate(provider.notes['train']):
        j = whole.notes['train'].index(note)
        np.testing.assert_array_equal(provider.stored_spectrum('train', i), whole.stored_spectrum('train', j))
        assert provider.class_indices['train'][i] == whole.class_indices['train'][j]


# What it refuses.

@pytest.mark.parametrize('i', [-1, 8, 1000])
def test_index_out_of_range(tiny_data, i):
    with pytest.raises(IndexError, match=rf'train has notes 0 to 7, not {i}'):
        provider_of(tiny_data).get_sample_at('train', i)


def test_unknown_split(refused):
    refused("'tests'", 'train, valid, test', splits=['tests'])


@pytest.mark.parametrize('verb', ['get_random_sample', 'get_random_batch', 'n_notes', 'dataset'])
def test_split_that_is_not_there(tiny_data, verb):
    provider = provider_of(tiny_data, splits=['train'])
    with pytest.raises(ValueError, match="no split 'test'"):
        getattr(provider, verb)('test')


def test_split_that_has_no_list(data, refused):
    (data / 'valid_samples.txt').unlink()
    refused('valid_samples.txt is missing', 'gather_information.py', splits=['train', 'valid'])


def test_empty_folder_names_the_first_stage(tmp_path, tiny_data):
    with pytest.raises(FileNotFoundError, match=r'train_samples.txt is missing: run `python gather_information.py`'):
        prepare_data(tmp_path, tiny_data / 'labels.txt')


def test_missing_labels_txt_names_a_command_that_exists(data, refused):
    (data / 'labels.txt').unlink()
    with pytest.raises(FileNotFoundError, match=r'labels\.txt is missing') as caught:
        provider_of(data)
    assert 'python git' not in str(caught.value)


@pytest.mark.parametrize('kind', ['samples', 'labels'])
def test_lists_of_different_lengths(data, refused, kind):
    path = data / f'test_{kind}.txt'
    path.write_text(''.join(path.read_text().splitlines(keepends=True)[:-1]))
    refused('test_samples.txt', 'test_labels.txt', '6', '5', 'gather_information.py')


def test_missing_list_of_class_indices(data, refused):
    (data / 'test_labels.txt').unlink()
    refused('test_labels.txt is missing', 'gather_information.py')


@pytest.mark.parametrize('line', ['4', '-1', 'bass', '', '0.0'])
def test_class_index_that_disagrees_with_labels_txt(data, refused, line):
    path = data / 'train_labels.txt'
    path.write_text(f'{line}\n' + ''.join(path.read_text().splitlines(keepends=True)[1:]))
    refused('line 1 of', 'train_labels.txt', repr(line), 'labels.txt', 'gather_information.py')


@pytest.mark.parametrize('labels', [
    ('flute', 'bass', 'organ', 'synth_lead', 'vocal'), ('bass', 'organ', 'synth_lead', 'vocal'),
    ('flute', 'organ', 'synth_lead', 'vocal'), (*SMALL_LABELS, 'bass_acoustic')],
    ids=['reordered', 'second removed', 'first removed', 'longer one added'])
def test_labels_txt_edited_afterwards(data, refused, labels):
    (data / 'labels.txt').write_text('\n'.join(labels))
    refused('line ', 'labels.txt', 'gather_information.py', error=BadInput)


@pytest.mark.parametrize('content', [b'', b'bass\nbass\n', b'\xff\xfeb\x00'])
def test_unusable_labels_txt(data, refused, content):
    (data / 'labels.txt').write_bytes(content)
    refused('labels.txt', error=BadInput)


def test_list_that_is_no_text(data, refused):
    (data / 'train_samples.txt').write_bytes(b'\x80\x81\n' * 8)
    refused('train_samples.txt', 'UTF-8', 'gather_information.py', error=BadInput)


@pytest.mark.parametrize('name', ['data_mean.npy', 'data_std.npy', 'spectrum.json'])
def test_missing_file_names_the_stage(data, refused, name):
    (data / name).unlink()
    refused(f'{name} is missing', 'extract_spectrum.py', error=FileNotFoundError)


@pytest.mark.parametrize('content', [b'', b'{"dtype": "flo', b'\xff', b'{}', b'[]', b'{"dtype": "float17"}'])
def test_damaged_spectrum_json(data, refused, content):
    (data / 'spectrum.json').write_bytes(content)
    refused('spectrum.json', 'extract_spectrum.py', error=BadInput)


@pytest.mark.parametrize('name', ['data_mean.npy', 'data_std.npy'])
@pytest.mark.parametrize('damage', ['empty', 'truncated', 'other shape', 'no values', 'nan'])
def test_damaged_statistics(data, refused, name, damage):
    path, array = data / name, np.load(data / name)
    if damage == 'other shape':
        np.save(path, array.T)
    elif damage == 'no values':
        np.save(path, array[:0])
    elif damage == 'nan':
        array[3, 4] = np.nan
        np.save(path, array)
    else:
        path.write_bytes(b'' if damage == 'empty' else path.read_bytes()[:1000])
    refused(name, 'extract_spectrum.py', error=BadInput)


def test_missing_spectrum(data, refused):
    path = spectrum_file(data, 'test', 3)
    path.unlink()
    refused(path.name, 'is missing', 'extract_spectrum.py', error=FileNotFoundError)


def test_missing_spectrum_folder(data, refused):
    shutil.rmtree(data / 'test' / 'spectrum')
    refused('spectrum is missing', 'extract_spectrum.py', error=FileNotFoundError)


@pytest.mark.parametrize('n_bytes', [0, 100, 200_000])
def test_truncated_spectrum(data, refused, n_bytes):
    path = spectrum_file(data)
    path.write_bytes(path.read_bytes()[:n_bytes])
    refused(path.name, 'damaged', f'{n_bytes:,} bytes', 'extract_spectrum.py', error=BadInput)


def test_spectrum_of_another_shape(data, refused):
    np.save(spectrum_file(data), np.zeros((250, 513), np.float16))
    refused(spectrum_file(data).name, 'extract_spectrum.py', error=BadInput)


def other_header(kind, marker):
    """Bytes of a .npy of the right size that holds no spectrum; reading the pickle would make the file `marker`."""
    import io

    class Hostile:
        def __reduce__(self):
            return open, (str(marker), 'w')

    file = io.BytesIO()
    if kind == 'pickle':
        np.save(file, np.array([Hostile()], dtype=object), allow_pickle=True)
    elif kind == 'transposed':
        np.save(file, np.ones((513, 251), np.float16))
    elif kind == 'column order':
        np.save(file, np.asfortranarray(np.ones((251, 513), np.float16)))
    elif kind == 'integers':
        np.save(file, np.ones((251, 513), np.int16))
    return file.getvalue().ljust(npy_size('float16'), b'\0')


def test_the_hostile_pickle_of_these_tests_would_work(tmp_path):
    content = other_header('pickle', tmp_path / 'executed')
    pickle.loads(content[128:])
    assert (tmp_path / 'executed').exists()


@pytest.mark.parametrize('kind', ['pickle', 'transposed', 'zeros'])
def test_spectrum_of_the_right_size_but_no_spectrum_is_not_handed_out(data, tmp_path, kind):
    path = spectrum_file(data)
    path.write_bytes(other_header(kind, tmp_path / 'executed'))
    with pytest.raises(BadInput, match=r'run `python extract_spectrum.py` again') as caught:
        provider_of(data).get_sample_at('train', 0)
    assert path.name in str(caught.value)
    assert not (tmp_path / 'executed').exists()


@pytest.mark.parametrize('kind', ['pickle', 'transposed', 'column order', 'integers', 'zeros'])
def test_dataset_does_not_take_other_bytes_for_a_spectrum(data, tmp_path, kind):
    spectrum_file(data, i=5).write_bytes(other_header(kind, tmp_path / 'executed'))
    with pytest.raises(Exception, match=spectrum_file(data, i=5).name):
        batches_of(provider_of(data, splits=['train']), 'train')
    assert not (tmp_path / 'executed').exists()


def test_pickled_statistics_are_not_executed(data, tmp_path, refused):
    (data / 'data_mean.npy').write_bytes(other_header('pickle', tmp_path / 'executed'))
    refused('data_mean.npy', 'extract_spectrum.py', error=BadInput)
    assert not (tmp_path / 'executed').exists()


def test_spectrum_removed_after_the_check_is_named(data):
    provider, path = provider_of(data, splits=['train']), spectrum_file(data, i=2)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r'extract_spectrum\.py'):
        provider.get_sample_at('train', 2)
    with pytest.raises(Exception, match=path.name):
        batches_of(provider, 'train')


def test_spectra_of_another_dtype_than_spectrum_json_says(data, refused):
    edit_json(data / 'spectrum.json', dtype='float32')
    refused('damaged', 'extract_spectrum.py', error=BadInput)


@pytest.mark.parametrize('n_bytes', [0, 60, 200_000, 257_653])
def test_spectrum_truncated_after_the_check_is_named(data, n_bytes):
    provider, path = provider_of(data, splits=['train']), spectrum_file(data, i=2)
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(BadInput, match=f'{path.name}.*extract_spectrum.py'), name_damaged_files():
        batches_of(provider, 'train')
