"""Hands out normalised spectra and class indices: one at a time, in random batches, or as a tf.data.Dataset.

    provider = prepare_data('data')
    spectra, class_indices = provider.get_random_batch('train')

Imported by the stages after extract_spectrum.py. TensorFlow is needed for `dataset` only.
"""

import functools
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepdream.artifacts import SPLITS, BadInput, list_path, load_json, load_lines, load_npy, require, spectrum_path
from deepdream.notes import label_of, load_labels, notes_digest
from deepdream.spectrum import N_BINS, N_FRAMES, check_settings, normalise, npy_size, with_version


@dataclass
class DataProvider:
    """The notes of a data folder. Attributes:

    labels         ['bass', 'brass', ...]; the position is the class index
    notes          {split: [note, ...]}, in list order, without the rejected ones
    class_indices  {split: int64 array of shape (n_notes,)}
    mean, std      float32 of shape (251, 513), over the train split
    signal         settings of the spectra, from spectrum.json
    """

    data: Path
    labels: list
    notes: dict
    class_indices: dict
    mean: np.ndarray
    std: np.ndarray
    signal: dict
    batch_size: int
    rng: np.random.Generator

    @property
    def n_labels(self):
        return len(self.labels)

    def n_notes(self, split):
        """Number of notes of a split, without the rejected.

        Raises BadInput (a ValueError) for an unknown split, or one that the data folder lacks.
        """
        if split not in self.notes:
            raise BadInput(f'{self.data} has no split {split!r}, only {", ".join(self.notes)}: '
                           'choose one of these, or add its wavs and run `python gather_information.py` again')
        return len(self.notes[split])

    def path(self, split, i):
        return spectrum_path(self.data, split, self.notes[split][i])

    def stored_spectrum(self, split, i):
        """Return the spectrum of note `i` as it is stored: log(1 + 1000 magnitude), shape (251, 513).

        Its dtype is `signal['dtype']`, float16 unless extract_spectrum.py was told otherwise. Raises IndexError for a
        number that is not of a note, BadInput for an unknown split or a damaged file.
        """
        if not 0 <= i < self.n_notes(split):
            raise IndexError(f'{split} has notes 0 to {self.n_notes(split) - 1}, not {i}')
        spectrum = load_npy(self.path(split, i), 'extract_spectrum.py')
        if spectrum.shape != (N_FRAMES, N_BINS):
            raise BadInput(f'{self.path(split, i)} has shape {spectrum.shape}, not {(N_FRAMES, N_BINS)}: '
                           'delete it and run `python extract_spectrum.py` again')
        return spectrum

    def normalise(self, spectrum):
        """`spectrum.normalise` by the statistics of the train split: (..., 251, 513), NumPy or TensorFlow."""
        return normalise(spectrum, self.mean, self.std)

    def get_sample_at(self, split, i):
        """Return (normalised spectrum, float32 of shape (251, 513); class index) of note `i`.

        Raises what `stored_spectrum` raises.

        >>> spectrum, class_index = prepare_data().get_sample_at('test', 0)
        >>> spectrum.shape, spectrum.dtype, class_index
        ((251, 513), dtype('float32'), 0)
        """
        spectrum = self.stored_spectrum(split, i).astype(np.float32)
        return self.normalise(spectrum), int(self.class_indices[split][i])

    def get_random_sample(self, split):
        """Return `get_sample_at` of a note drawn at random, each note of the split as likely as another."""
        return self.get_sample_at(split, int(self.rng.integers(self.n_notes(split))))

    def get_random_batch(self, split):
        """Return (spectra, class indices): float32 of shape (batch, 251, 513, 1), int64 of shape (batch,).

        The spectra are normalised. The notes are drawn at random, so that one may come twice, from the provider's own
        sequence: two providers of one seed draw the same batches. Raises what `stored_spectrum` raises.

        >>> spectra, class_indices = prepare_data(batch_size=4).get_random_batch('train')
        >>> spectra.shape, class_indices.shape
        ((4, 251, 513, 1), (4,))
        """
        samples = [self.get_random_sample(split) for _ in range(self.batch_size)]
        spectra, class_indices = zip(*samples, strict=True)
        return np.stack(spectra)[..., np.newaxis], np.array(class_indices)

    def dataset(self, split, order=None, variations=None):
        """Return a tf.data.Dataset of (spectra, class indices) batches, shaped as in `get_random_batch`.

        `order` holds note numbers, each as often as wanted; without it every note comes once, in list order.
        `variations`, from `augmentation.draw_variations`, says how each note of `order` is varied.
        The last batch holds what is left over. Use it within `pipeline.name_damaged_files`.

        >>> provider = prepare_data(batch_size=2)
        >>> [len(class_indices) for _, class_indices in provider.dataset('valid', order=[0, 1, 0])]
        [2, 1]
        """
        from deepdream.pipeline import make_dataset
        order = np.arange(self.n_notes(split)) if order is None else np.asarray(order)
        paths = [str(self.path(split, i)) for i in order]
        return make_dataset(paths, self.class_indices[split][order], variations, self.signal['dtype'], self.normaliser,
                            self.batch_size)

    @functools.cached_property
    def normaliser(self):
        """The part of `dataset` that XLA compiles, once for all data sets of the provider."""
        from deepdream.pipeline import make_normaliser
        return make_normaliser(self.mean, self.std)


def prepare_data(data='data', labels='labels.txt', splits=None, statistics=None, batch_size=32, seed=0):
    """Read and check the lists, the spectra's sizes and the statistics; return a DataProvider.

    `splits` are those needed (default: all that have a list). `statistics` is the folder of data_mean.npy and
    data_std.npy, default `data`; the stages after training give the run folder. Raises FileNotFoundError where a
    stage's output is missing and ValueError (BadInput) where it is damaged or does not fit the rest; each says
    which stage to run.

    >>> provider = prepare_data('data', 'labels.txt', ['train', 'valid'])
    >>> list(provider.notes), provider.mean.shape, provider.labels[0]
    (['train', 'valid'], (251, 513), 'bass')
    """
    data = Path(data)
    if splits is None:
        splits = [split for split in SPLITS if list_path(data, split, 'samples').exists()] or ['train']
    unknown = set(splits) - set(SPLITS)
    if unknown:
        raise BadInput(f'unknown split {unknown.pop()!r}: it is one of {", ".join(SPLITS)}')
    names = load_labels(labels)
    pairs = {split: read_lists(data, split, names, labels) for split in splits}
    signal = with_version(load_json(data / 'spectrum.json', 'extract_spectrum.py'))
    check_settings(signal, data / 'spectrum.json', 'extract_spectrum.py')
    for split, (notes, _) in pairs.items():
        check_spectra(data, split, notes, signal['dtype'])
    train = pairs['train'][0] if 'train' in pairs else []
    if train and not statistics and signal.get('statistics_of') != notes_digest(train):
        raise BadInput(f'{data / "data_mean.npy"} and data_std.npy are not of the notes in '
                       f'{list_path(data, "train", "samples")}: run `python extract_spectrum.py` again')
    mean, std = read_statistics(statistics or data, 'train.py' if statistics else 'extract_spectrum.py')
    return DataProvider(data, names, {split: notes for split, (notes, _) in pairs.items()},
                        {split: indices for split, (_, indices) in pairs.items()}, mean, std, signal, batch_size,
                        np.random.default_rng(seed))


def read_lists(data, split, labels, labels_file):
    """Return (notes, class indices) of a split without the rejected; checks them against labels.txt."""
    stage = 'gather_information.py'
    samples, indices = list_path(data, split, 'samples'), list_path(data, split, 'labels')
    notes, lines = load_lines(samples, stage), load_lines(indices, stage)
    if len(notes) != len(lines):
        raise BadInput(f'{samples} has {len(notes)} lines and {indices} {len(lines)}: run `python {stage}` again')
    position = {label: str(index) for index, label in enumerate(labels)}
    for number, (note, line) in enumerate(zip(notes, lines, strict=True), start=1):
        if line != position.get(label_of(note, labels)):
            raise BadInput(f'line {number} of {indices} is {line!r}, but {labels_file} makes {note!r} '
                           f'{position.get(label_of(note, labels))}: run `python {stage}` again')
    path = list_path(data, split, 'rejected')
    rejected = {line.split('\t')[0] for line in load_lines(path, 'extract_spectrum.py')} if path.exists() else ()
    kept = [i for i, note in enumerate(notes) if note not in rejected]
    return [notes[i] for i in kept], np.array([int(lines[i]) for i in kept], dtype=np.int64)


def check_spectra(data, split, notes, dtype):
    """Raise unless there is a spectrum of the right size for every note of a split."""
    if not notes:
        return
    folder = require(spectrum_path(data, split, '').parent, 'extract_spectrum.py')
    with os.scandir(folder) as entries:
        sizes = {entry.name: entry.stat().st_size for entry in entries}
    for note in notes:
        path, size = folder / f'{note}.npy', sizes.get(f'{note}.npy')
        if size is None:
            raise FileNotFoundError(f'{path} is missing: run `python extract_spectrum.py` again')
        if size != npy_size(dtype):
            raise BadInput(f'{path} is damaged: it has {size:,} bytes, not {npy_size(dtype):,}: '
                           'run `python extract_spectrum.py` again')


def read_statistics(folder, made_by):
    """Return (mean, std), float32 of shape (251, 513)."""
    arrays = []
    for name in ('data_mean.npy', 'data_std.npy'):
        array = load_npy(Path(folder) / name, made_by)
        if array.shape != (N_FRAMES, N_BINS) or not np.isfinite(array).all() or array.min() < 0:
            raise BadInput(f'{Path(folder) / name} is damaged (shape {array.shape}, or values that are not finite or '
                           f'below 0): delete it and run `python {made_by}` again')
        arrays.append(array.astype(np.float32))
    return arrays
