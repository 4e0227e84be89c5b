"""Write the trained network for other programs: from a waveform to calibrated probabilities and fc2.

Writes RUN/export/saved_model/ (TensorFlow), RUN/export/model.onnx (ONNX) or RUN/export/model.tflite (LiteRT, formerly
TensorFlow Lite, with its built-in operations only), and RUN/export/labels.txt, whose line i names probability i.
Without --run, RUN is run/, or pretrained/, which comes with the scripts, where run/ holds no model.

The input 'waveform' is float32 of shape (batch, 64000): 4 s, mono, 16 kHz, any level. The outputs are 'probabilities'
(batch, n_labels) and 'fc2' (batch, 256). Everything that predict.py does to a window is inside: level, spectrum,
normalisation, temperature. It gives a label to silence, too: leave silence out.
"""

import shutil

import numpy as np

from deepdream.artifacts import save_text
from deepdream.audio import SILENT_PEAK
from deepdream.command_line import command, parser, silent_stderr
from deepdream.run_folder import check_writable, choose_run
from deepdream.spectrum import HOP_LENGTH, LOG_SCALE, N_BINS, N_FFT, N_FRAMES, N_SAMPLES

FORMATS = {'saved_model': ('tf_saved_model', 'saved_model'), 'onnx': ('onnx', 'model.onnx'),
           'litert': ('litert', 'model.tflite')}  # Keras' name of the format, the file


def fourier_filters():
    """Return the windowed cosines and sines of the STFT, float32 of shape (4 hops, 256 audio samples, 2 x 513).

    In float64 until the end: keras.layers.STFTSpectrogram takes the angles in float32, which changes probabilities of
    the tutorial's network by up to 0.07.
    """
    time = np.arange(N_FFT)[:, np.newaxis]
    angle = 2 * np.pi * time * np.arange(N_BINS) / N_FFT
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * time / N_FFT)
    filters = np.concatenate([hann * np.cos(angle), hann * np.sin(angle)], axis=1)
    return filters.astype(np.float32).reshape(-1, HOP_LENGTH, 2 * N_BINS)


def stft_magnitudes(waveforms):
    """|STFT| of (batch, 64000) waveforms: (batch, 251, 513).

    The Fourier transform is written as a convolution over hops, because no two formats agree on an FFT.
    """
    from deepdream.backend import keras
    filters = fourier_filters()
    padded = keras.ops.pad(waveforms, ((0, 0), (N_FFT // 2, N_FFT // 2)))
    hops = keras.ops.reshape(padded, (-1, N_FRAMES + len(filters) - 1, HOP_LENGTH))
    parts = keras.ops.conv(hops, filters)
    return keras.ops.sqrt(keras.ops.square(parts[..., :N_BINS]) + keras.ops.square(parts[..., N_BINS:]))


def listening_model(network):
    """Return the keras.Model waveform (batch, 64000) -> {'probabilities', 'fc2'} of a `trained.Network`."""
    from deepdream.backend import keras
    waveform = keras.Input((N_SAMPLES,), name='waveform')
    peak = keras.ops.max(keras.ops.abs(waveform), axis=1, keepdims=True)
    lowest, median, highest = network.peaks
    is_usual = keras.ops.logical_and(peak >= lowest, peak <= highest)
    gain = keras.ops.where(is_usual, 1.0, median / keras.ops.maximum(peak, SILENT_PEAK))
    magnitudes = stft_magnitudes(waveform * gain)
    fc2, logits, _ = network.model(network.normalise(keras.ops.log(1 + LOG_SCALE * magnitudes)))
    probabilities = keras.ops.softmax(logits / network.temperature)
    model = keras.Model(waveform, {'probabilities': probabilities, 'fc2': fc2})
    model(np.zeros((1, N_SAMPLES), np.float32))  # ONNX takes only a model that was called
    return model


def write_export(path, model, form):
    """Write `path`, a file or for SavedModel a folder, whole or not at all."""
    from deepdream.backend import tf
    temporary = path.with_name(f'.tmp.{path.name}')
    remove(temporary)
    try:
        model.export(str(temporary), format=form, verbose=False)
        remove(path)
        temporary.rename(path)
    except tf.errors.OpError as error:
        raise OSError(f'cannot write {path}: {error.message}') from error
    except OSError as error:
        raise OSError(f'cannot write {path}: {error.strerror or error}') from error
    finally:
        remove(temporary)


def remove(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


@command
def main(argv=None):
    options = parser(__doc__.splitlines()[0], 'network')
    options.add_argument('--format', choices=FORMATS, default='saved_model', help='of the file')
    args = options.parse_args(argv)

    run = choose_run(args.run, 'export.py')
    check_writable(run, 'export')
    from deepdream.trained import open_network
    network = open_network(run)
    form, name = FORMATS[args.format]
    path = run / 'export' / name
    save_text(path.with_name('labels.txt'), ''.join(f'{label}\n' for label in network.labels))
    with silent_stderr():  # the converters tell their steps
        write_export(path, listening_model(network), form)
    print(f'{path}: waveform (batch, {N_SAMPLES}) -> probabilities (batch, {len(network.labels)}), fc2 (batch, 256)')


if __name__ == '__main__':
    raise SystemExit(main())
