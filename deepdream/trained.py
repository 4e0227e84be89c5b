"""A trained network that listens to waveforms: front end, network and calibration, without a data folder.

It runs on TensorFlow, or on onnxruntime, which starts in a fraction of the time: TensorFlow's import alone takes longer
than all else that predict.py does. network.onnx is RUN/model.keras for onnxruntime, made once for each model.
"""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from data_provider import read_statistics
from deepdream.artifacts import atomic
from deepdream.calibration import calibrated, load_calibration
from deepdream.command_line import silent_stderr
from deepdream.run_folder import model_digest, open_config, open_model
from deepdream.spectrum import log_spectrum, normalise, to_float16, to_float32

ONNX_VERSION = '3'  # raise it when the same model gives another network.onnx


@dataclass
class Network:
    """A run opened to listen to waveforms; `model.predict_on_batch` gives what `with_features` tells.

    `peaks` are the lowest, the median and the highest peak of the train notes, `dtype` is that of their stored spectra.
    """

    labels: list
    model: object
    mean: np.ndarray
    std: np.ndarray
    temperature: float
    peaks: tuple
    dtype: str

    def level(self, waveforms):
        """Bring (n, 64000) waveforms that are softer or louder than all train notes to the median of their peaks."""
        lowest, median, highest = self.peaks
        peak = np.abs(waveforms).max(axis=1, keepdims=True)
        return waveforms * np.where((lowest <= peak) & (peak <= highest), 1, median / peak).astype(np.float32)

    def normalise(self, spectra):
        """(n, 251, 513) log spectra -> (n, 251, 513, 1), what `model` takes; of NumPy or of TensorFlow."""
        return normalise(spectra, self.mean, self.std)[..., np.newaxis]

    def as_stored(self, spectrum):
        """A log spectrum (251, 513), rounded as those of the training are."""
        return to_float32(to_float16(spectrum)) if self.dtype == 'float16' else spectrum

    def predict(self, waveforms):
        """Return (calibrated probabilities (n, n_labels), fc2 (n, 256), features) of (n, 64000) waveforms of any level.

        The features (n, n_features) are those of `with_features`.
        """
        spectra = np.stack([self.as_stored(log_spectrum(waveform)) for waveform in self.level(waveforms)])
        fc2, logits, features = self.model.predict_on_batch(self.normalise(spectra))
        return calibrated(logits, self.temperature), fc2, features


def open_network(run):
    """Return the Network of a run; BadInput where a file of it is damaged, or of another model or version."""
    config, model = open_model(run)
    return as_network(run, config, with_features(model), *read_statistics(run, 'train.py'))


def with_features(model):
    """Return the keras.Model that gives [fc2 (n, 256), logits (n, n_labels), features (n, n_features)].

    The features, from which novelty.py tells what is no note, are the mean and the maximum of each filter, of all
    convolutions in turn, and fc2: 736 in the harmonic network. They are no layers of the model, but operations.
    """
    from deepdream.backend import keras
    fc2 = model.get_layer('fc2').output
    filters = [layer.output for layer in model.layers if isinstance(layer, keras.layers.ReLU)]
    pooled = [pool(values, axis=tuple(range(1, len(values.shape) - 1)))
              for values in filters for pool in (keras.ops.mean, keras.ops.max)]
    return keras.Model(model.input, [fc2, model.output, keras.ops.concatenate([*pooled, fc2], axis=1)], name='network')


def as_network(run, config, model, mean, std):
    """Return the Network of a run whose config.json, model of `with_features` and statistics are open already."""
    found = load_calibration(run)
    return Network(config['labels'], model, mean, std, found['temperature'], tuple(found['peaks']),
                   config['signal']['dtype'])


# On onnxruntime.

class OnnxModel:
    """The model of a `trained.Network`: normalised spectra (n, 251, 513, 1) -> what `with_features` tells."""

    def __init__(self, session):
        self.session = session

    def predict_on_batch(self, spectra):
        return self.session.run(None, {self.session.get_inputs()[0].name: spectra})


def open_quickly(run, folder=None):
    """Return the Network of a run as `open_network` does; its probabilities are within 1e-4 of TensorFlow's.

    network.onnx is kept in `folder`, which is RUN, or another where RUN is only read, and made where it is missing,
    damaged or of another model. Where it cannot be written, TensorFlow answers. Raises BadInput where another file of
    the run is damaged.
    """
    config, path, key = open_config(run), (folder or run) / 'network.onnx', f'{ONNX_VERSION}-{model_digest(run)}'
    if model := open_onnx(path, key):
        return as_network(run, config, model, *read_statistics(run, 'train.py'))
    network = open_network(run)
    with suppress(OSError):  # a folder that is only read
        write_onnx(path, network.model, key)
    network.model = open_onnx(path, key) or network.model
    return network


def open_onnx(path, key):
    """Return the OnnxModel in `path`; None where there is none that is intact and was written with this key."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as errors
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what fails raises an exception, too
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')  # its threads do not wait in a loop
    with suppress(errors.NoSuchFile, errors.InvalidProtobuf, errors.InvalidGraph, errors.Fail, errors.InvalidArgument):
        session = onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
        if session.get_modelmeta().custom_metadata_map.get('key') == key:
            return OnnxModel(session)
    return None


def write_onnx(path, model, key):
    """Write a keras.Model as ONNX, with `key` among what the file says of itself: the same model, the same bytes."""
    import onnx
    model(np.zeros((1, *model.input_shape[1:]), np.float32))  # only a model that was called is converted
    with atomic(path) as temporary:
        with silent_stderr():  # the converter tells its steps
            model.export(str(temporary), format='onnx', verbose=False)
        written = onnx.load(temporary)
        sort_nodes(written.graph)
        rename_parts(written.graph)
        onnx.helper.set_model_props(written, {'key': key})
        temporary.write_bytes(written.SerializeToString(deterministic=True))


def sort_nodes(graph):
    """Put what the outputs of an ONNX graph need before them, depth first: the converter's order depends on hashes."""
    makers = {end: number for number, node in enumerate(graph.node) for end in node.output}
    ordered = {}  # a set that keeps its order

    def visit(end):
        if (number := makers.get(end)) is not None and number not in ordered:
            for needed in graph.node[number].input:
                visit(needed)
            ordered[number] = None

    for end in graph.output:
        visit(end.name)
    nodes = [graph.node[number] for number in ordered]
    del graph.node[:]
    graph.node.extend(nodes)


def rename_parts(graph):
    """Number the parts of an ONNX graph in their order: the converter names them otherwise in each run."""
    names = {end.name: end.name for end in (*graph.input, *graph.output)}
    for node in graph.node:
        node.name = ''
        for ends in (node.input, node.output):
            ends[:] = [end and names.setdefault(end, f'part{len(names)}') for end in ends]
    for weights in graph.initializer:
        weights.name = names[weights.name]
    graph.initializer.sort(key=lambda weights: weights.name)
    graph.doc_string = ''
    for end in (*graph.input, *graph.output):
        end.type.tensor_type.shape.dim[0].dim_param = 'batch'
    del graph.value_info[:]
