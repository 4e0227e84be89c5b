"""Stored spectra to normalised batches by tf.data, which reads and decodes in parallel without Python or its lock."""

import io
import re
from contextlib import contextmanager

import numpy as np

from deepdream.artifacts import BadInput
from deepdream.augmentation import bin_frequencies, knot_weights, noise_magnitudes, vary
from deepdream.backend import tf
from deepdream.spectrum import N_BINS, N_FRAMES, NPY_HEADER, normalise, npy_size

plain = tf.autograph.experimental.do_not_convert  # nothing to translate, for which it would look for 0.3 s
N_READERS = 2  # files read at once; more of them only take the cores from the training


def make_normaliser(mean, std):
    """Return a function of (stored spectra (batch, 251, 513), their Variations or None) -> (batch, 251, 513, 1).

    XLA compiles it, and does all in one pass over the batch. Several datasets of one such function compile it once.
    The maxima are TensorFlow's: XLA takes 9 ms for those of 32 notes as float16, and as much for all the rest.
    """
    to_levels, noise = knot_weights(bin_frequencies()), noise_magnitudes()

    @tf.function(jit_compile=True, autograph=False)
    def compiled(spectra, loudest, variations):
        return normalise(vary(spectra, loudest, variations, to_levels, noise), mean, std)[..., tf.newaxis]

    @tf.function(jit_compile=True, autograph=False)
    def as_stored(spectra):
        return normalise(tf.cast(spectra, tf.float32), mean, std)[..., tf.newaxis]

    def normalised(spectra, variations=None):
        return compiled(spectra, tf.reduce_max(spectra, axis=(1, 2)), variations) if variations else as_stored(spectra)

    return normalised


def make_dataset(paths, class_indices, variations, signal_dtype, normalised, batch_size):
    """Return a tf.data.Dataset of (spectra, class indices) batches.

    `paths` are those of the stored spectra, of type `signal_dtype`; `class_indices` (n,) and `variations`, an
    `augmentation.Variations` or None, belong to them one by one; `normalised` is of `make_normaliser`. The spectra come
    as float32 (batch, 251, 513, 1).
    """
    columns = {'path': paths, 'class_index': class_indices} | ({'variations': variations} if variations else {})

    @plain
    def with_spectrum(note):
        return {'spectrum': read_spectrum(note['path'], signal_dtype), **note}

    @plain
    def as_batch(notes):
        return normalised(notes['spectrum'], notes.get('variations')), notes['class_index']

    options = tf.data.Options()
    options.autotune.enabled = False  # its thread, asleep for up to a minute, holds up the end of every data set
    notes = tf.data.Dataset.from_tensor_slices(columns).map(with_spectrum, num_parallel_calls=N_READERS)
    return notes.batch(batch_size).map(as_batch).prefetch(2).with_options(options)


def read_spectrum(path, dtype):
    """Return a stored spectrum, (251, 513) of type `dtype`; `name_damaged_files` turns what fails into BadInput."""
    contents = tf.io.read_file(path)
    intact = tf.strings.substr(contents, 0, NPY_HEADER) == npy_header(dtype)
    intact &= tf.strings.length(contents) == npy_size(dtype)
    with tf.control_dependencies([tf.debugging.Assert(intact, ['no intact spectrum:', path])]):
        numbers = tf.io.decode_raw(tf.strings.substr(contents, NPY_HEADER, -1), tf.as_dtype(dtype))
    return tf.reshape(numbers, (N_FRAMES, N_BINS))


def npy_header(dtype):
    """Return the bytes with which the .npy of every spectrum starts."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {'descr': np.lib.format.dtype_to_descr(np.dtype(dtype)),
                                                  'fortran_order': False, 'shape': (N_FRAMES, N_BINS)})
    return header.getvalue()


@contextmanager
def name_damaged_files():
    """Turn TensorFlow's errors about a spectrum that it cannot read into BadInput."""
    try:
        yield
    except tf.errors.OpError as error:
        fault = re.search(r'(?:{{.*?}} )?(.*\.npy.*)', error.message)
        if not fault:
            raise
        raise BadInput(f'{fault[1]}: delete it and run `python extract_spectrum.py` again') from error
