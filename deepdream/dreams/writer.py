"""A run opened for dreaming, and how a dream is written: sound, spectrum, picture, and a report with the scores."""

from dataclasses import asdict

import matplotlib
import numpy as np
import soundfile
from matplotlib.figure import Figure

from deepdream.artifacts import BadInput, atomic, load_json, save_json, save_npy, spectrum_path
from deepdream.audio import load_waveform
from deepdream.backend import tf
from deepdream.dreams.activations import LAYERS, answers, answers_to_notes, digest, pre_activations
from deepdream.dreams.ascent import ascend, starting_noise
from deepdream.dreams.objectives import unit_objective
from deepdream.dreams.read_back import compare, describe_sound, spectral_convergence
from deepdream.run_folder import open_run
from deepdream.spectrum import N_SAMPLES, SAMPLE_RATE, log_spectrum
from deepdream.spectrum_tf import FULL_SCALE, log_spectra, sounding_frames

matplotlib.rcParams['text.parse_math'] = False  # a label may hold a dollar
BATCH = 16  # sounds at once


class Dreamer:
    """The network, the data, and what the network's units answer to the notes of the test split."""

    def __init__(self, args):
        self.model, self.provider = open_run(args, ['test'])
        self.run, self.labels, self.notes = args.run, self.provider.labels, self.provider.notes['test']
        self.frames = sounding_frames(self.provider.std).astype(np.float32)[:, np.newaxis]  # that the network knows
        self.digest = digest(self.model)
        self.of_notes = answers_to_notes(self.model, self.provider, 'test', self.path('answers_test.npz'))

    def path(self, name):
        return self.run / 'dreams' / name

    def answers(self, spectra):
        """{layer: (n, units)} to log spectra (n, 251, 513)."""
        found = answers(pre_activations(self.model, self.provider.normalise(spectra)))
        return {layer: value.numpy() for layer, value in found.items()}

    def heard(self, waveform):
        """{layer: (1, units)}: the answers to a sound, as far as real notes sound."""
        return self.answers(log_spectrum(waveform)[np.newaxis] * self.frames)

    def normalised(self, waveform):
        """(64000,) -> (1, 251, 513)."""
        return self.provider.normalise(log_spectrum(waveform))[np.newaxis]

    # Units.

    def key(self, layer, unit, settings, answer=0, n_answers=1):
        """What a unit's dream depends on."""
        return {'layer': layer, 'unit': unit, 'answer': answer, 'n_answers': n_answers, 'model': self.digest,
                **asdict(settings)}

    def is_dreamed(self, name, key):
        path = self.path(f'{name}.json')
        return path.exists() and load_json(path, 'dream.py').get('key') == key

    def dream_units(self, layer, units, settings):
        """Return the waveforms (len(units), 64000) to which units of a layer answer most.

        A unit that comes several times gets answers that differ.
        """
        seeds = [(settings.seed, LAYERS.index(layer), unit, units[:i].count(unit)) for i, unit in enumerate(units)]
        objective = unit_objective(self.model, layer, units, self.of_notes[layer], settings.diversity)
        return ascend(starting_noise(self.provider.mean, self.provider.std, seeds), objective, self.provider, settings)

    def write_units(self, layer, units, names, settings):
        """Dream a batch of units, write it and return the reports."""
        waveforms, reports = self.dream_units(layer, units, settings), []
        for i, (unit, name) in enumerate(zip(units, names, strict=True)):
            key = self.key(layer, unit, settings, units[:i].count(unit), units.count(unit))
            reports.append(self.write(name, waveforms[i], {'key': key}, layer, unit))
        return reports

    # Writing.

    def write(self, name, waveform, report, layer, unit=slice(None)):
        """Write a dream; return its report, completed by what the wav, read back, is and does to a unit.

        Without a unit the honesty score is about the mean answer of the layer. The .json comes last: a dream that has
        it is whole.
        """
        self.path(f'{name}.json').unlink(missing_ok=True)
        wav = self.path('audio') / f'{name}.wav'
        write_wav(wav, waveform)
        read_back, _ = load_waveform(wav)
        spectrum, claimed_spectrum = log_spectrum(read_back), log_spectra(waveform[np.newaxis])[0].numpy()
        heard, claimed = (self.answers(one[np.newaxis]) for one in (spectrum, claimed_spectrum))
        probabilities = tf.nn.softmax(heard['fc3'][0]).numpy()
        score = compare(*(float(one[layer][0, unit].mean()) for one in (heard, claimed)),
                        self.of_notes[layer][:, unit].reshape(len(self.notes), -1).mean(axis=1), self.notes)
        report |= {'honesty': score | {'layer': layer}, 'sound': describe_sound(read_back, spectrum),
                   'spectral_convergence': spectral_convergence(spectrum, claimed_spectrum),
                   'probabilities': dict(zip(self.labels, map(float, probabilities), strict=True))}
        save_npy(spectrum_path(self.run, 'dreams', name), spectrum.astype(self.provider.signal['dtype']))
        draw_spectrum(self.path(f'{name}.png'), spectrum, name)
        save_json(self.path(f'{name}.json'), report)
        return report


def write_wav(path, waveform):
    """Write 16-bit samples; `as_written` has rounded to them, so that nothing is lost."""
    with atomic(path) as temporary:
        soundfile.write(temporary, np.rint(waveform * FULL_SCALE).astype(np.int16), SAMPLE_RATE, format='WAV')


def draw_spectrum(path, spectrum, title):
    figure = Figure(figsize=(5, 3.2), layout='constrained')
    axes = figure.add_subplot(title=title, xlabel='time (s)', ylabel='frequency (kHz)')
    axes.imshow(spectrum.T.astype(np.float32), origin='lower', aspect='auto', cmap='magma', interpolation='nearest',
                extent=(0, N_SAMPLES / SAMPLE_RATE, 0, SAMPLE_RATE / 2000))
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=100, format='png')


def load_sound(path):
    """Return a user's sound as extract_spectrum.py takes it, (64000,); BadInput for one that is silent."""
    if not path.is_file():
        raise BadInput(f'{path}: there is no such sound file')
    waveform, remarks = load_waveform(path)
    if np.abs(waveform).max() < 1e-4:
        raise BadInput(f'{path}: its first 4 s are silent: give a sound that can be heard')
    if remarks:
        print(f'{path}: {", ".join(remarks)}')
    return waveform
