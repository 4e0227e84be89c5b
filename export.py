"""The trained network as one file for other programs: a waveform in, calibrated probabilities and fc2 out.

Writes RUN/export/saved_model/ (TensorFlow), RUN/export/model.onnx (ONNX) or RUN/export/model.tflite (LiteRT, formerly
TensorFlow Lite, with its built-in operations only), and RUN/export/labels.txt, whose line i names probability i.

The input 'waveform' is float32 of shape (batch, 64000): 4 s, mono, 16 kHz, any level. The outputs are 'probabilities'
(batch, n_labels) and 'fc2' (batch, 256). Everything that predict.py does to a window is inside: level, spectrum,
normalisation, temperature. Of silence it makes something, too: leave it out before.
"""

import shutil

import numpy as np

from deepdream.artifacts import atomic, save_text
from deepdream.audio import SILENCE
from deepdream.command_line import command, parser, silent_stderr
from deepdream.spectrum import HOP_LENGTH, LOG_SCALE, N_BINS, N_FFT, N_FRAMES, N_SAMPLES

HOPS = N_FFT // HOP_LENGTH  # hops in a frame
OPSET = 18  # of ONNX


def fourier_filters():
    """Return the windowed cosines and sines of the STFT, float32 of shape (4 hops, 256 audio samples, 2 x 513)."""
    time = np.arange(N_FFT)[:, np.newaxis]
    angle = 2 * np.pi * time * np.arange(N_BINS) / N_FFT
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * time / N_FFT)
    return np.concatenate([hann * np.cos(angle), hann * np.sin(angle)], axis=1).astype(np.float32).reshape(
        HOPS, HOP_LENGTH, 2 * N_BINS)


def magnitudes(waveforms):
    """|STFT| of (batch, 64000) waveforms: (batch, 251, 513).

    The Fourier transform is written as a convolution over hops, because no two formats agree on an FFT.
    """
    from deepdream.backend import tf
    hops = tf.reshape(tf.pad(waveforms, [[0, 0], [N_FFT // 2, N_FFT // 2]]), (-1, N_FRAMES + HOPS - 1, HOP_LENGTH))
    parts = tf.nn.conv1d(hops, fourier_filters(), 1, 'VALID')
    return tf.sqrt(tf.square(parts[..., :N_BINS]) + tf.square(parts[..., N_BINS:]))


def as_function(network):
    """Return the tf.function waveform -> {'probabilities', 'fc2'}; the weights are constants in it, not variables."""
    from deepdream.backend import tf
    weights = [[variable.numpy() for variable in variables]
               for variables in (network.model.trainable_variables, network.model.non_trainable_variables)]

    @tf.function(input_signature=[tf.TensorSpec((None, N_SAMPLES), tf.float32, name='waveform')])
    def answer(waveform):
        peak = tf.reduce_max(tf.abs(waveform), axis=1, keepdims=True)
        waveform *= network.peak / tf.maximum(peak, SILENCE)
        spectra = tf.math.log(1 + LOG_SCALE * magnitudes(waveform))
        (fc2, logits), _ = network.model.stateless_call(*weights, network.normalise(spectra), training=False)
        return {'probabilities': tf.nn.softmax(logits / network.temperature), 'fc2': fc2}

    return answer


def write_saved_model(path, answer):
    from deepdream.backend import tf
    module, temporary = tf.Module(), path.with_name(f'.tmp.{path.name}')
    module.answer = answer
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        tf.saved_model.save(module, str(temporary), signatures=answer)
        shutil.rmtree(path, ignore_errors=True)
        temporary.rename(path)
    except tf.errors.OpError as error:
        raise OSError(f'cannot write {path}: {error.message}') from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_onnx(path, answer):
    import tf2onnx
    model, _ = tf2onnx.convert.from_function(answer, input_signature=answer.input_signature, opset=OPSET)
    with atomic(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def write_litert(path, answer):
    from deepdream.backend import tf
    module = tf.Module()
    module.answer = answer
    converter = tf.lite.TFLiteConverter.from_concrete_functions([answer.get_concrete_function()], module)
    model = converter.convert()
    with atomic(path) as temporary:
        temporary.write_bytes(model)


FORMATS = {'saved_model': ('saved_model', write_saved_model), 'onnx': ('model.onnx', write_onnx),
           'litert': ('model.tflite', write_litert)}


@command
def main(argv=None):
    options = parser(__doc__.splitlines()[0], 'run')
    options.add_argument('--format', choices=FORMATS, default='saved_model', help='of the file')
    args = options.parse_args(argv)

    from deepdream.trained import open_network
    network = open_network(args.run)
    name, write = FORMATS[args.format]
    path = args.run / 'export' / name
    save_text(path.with_name('labels.txt'), ''.join(f'{label}\n' for label in network.labels))
    with silent_stderr():  # the converters tell their steps
        write(path, as_function(network))
    print(f'{path}: waveform (batch, {N_SAMPLES}) -> probabilities (batch, {len(network.labels)}), fc2 (batch, 256)')


if __name__ == '__main__':
    raise SystemExit(main())
