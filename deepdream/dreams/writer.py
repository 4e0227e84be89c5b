"""A run opened for dreaming, and how a dream is written: sound, spectrum, picture, and a report with the scores."""

from dataclasses import asdict

import numpy as np
import soundfile

from data_provider import read_statistics
from deepdream.artifacts import atomic, list_path, load_json, save_json, save_npy, spectrum_path
from deepdream.audio import check_name, load_from_onset, load_waveform
from deepdream.backend import tf
from deepdream.dreams.activations import activations, note_activations, pre_activations, weights_digest
from deepdream.dreams.ascent import Ascent, starting_noise
from deepdream.dreams.names import LAYERS
from deepdream.dreams.objectives import unit_objective
from deepdream.dreams.read_back import (
    check_read_back,
    compare_with_notes,
    describe_sound,
    spectral_convergence,
    with_read_back,
)
from deepdream.figures import make_figure, save_figure
from deepdream.notes import notes_digest
from deepdream.run_folder import open_data, open_model
from deepdream.spectrum import N_SAMPLES, SAMPLE_RATE, log_spectrum, normalise
from deepdream.spectrum_tf import FULL_SCALE, log_spectra
from deepdream.trained import as_network, with_features

DREAMS_AT_ONCE = 16  # sounds at once
DREAM_VERSION = 6  # raise it when the same settings give other dreams of units


class Dreamer:
    """The network of RUN, opened to dream.

    The dreams of units, and the atlas, need real notes, too: `open_notes` fills `provider`, `notes`, and
    `note_activations`, {layer: (n_notes, units)}.
    """

    def __init__(self, run):
        config, self.model = open_model(run)
        self.run, self.labels = run, config['labels']
        self.mean, self.std = read_statistics(run, 'train.py')
        self.network = as_network(run, config, with_features(self.model), self.mean, self.std)
        self.digest = weights_digest(self.model)
        self.provider, self.notes, self.note_activations = None, [], {}
        self.ascents = {}

    def open_notes(self, data, labels):
        """Open the test split of DATA and compute its activations; raise where it is missing or does not fit RUN."""
        listed = list_path(data, 'test', 'samples')
        if not listed.exists():
            raise FileNotFoundError(f'{listed} is missing: run `python render_notes.py`, `python gather_information.py`'
                                    ' and `python extract_spectrum.py` first, or give the --data of other notes')
        self.provider = open_data(self.run, self.labels, data, labels, ['test'])
        stored = self.path('note_activations_test.npz')
        self.note_activations = note_activations(self.model, self.provider, 'test', stored)
        self.notes = self.provider.notes['test']

    def path(self, name):
        return self.run / 'dreams' / name

    def activations(self, spectra):
        """{layer: (n, units)} for log spectra (n, 251, 513)."""
        found = activations(pre_activations(self.model, normalise(spectra, self.mean, self.std)))
        return {layer: value.numpy() for layer, value in found.items()}

    def activations_of(self, waveform):
        """{layer: (1, units)} for a sound (64000,)."""
        return self.activations(log_spectrum(waveform)[np.newaxis])

    def normalised(self, waveform):
        """(64000,) -> (1, 251, 513)."""
        return normalise(log_spectrum(waveform), self.mean, self.std)[np.newaxis]

    def predict(self, wav):
        """{label: calibrated probability} of a written wav, as predict.py gives it."""
        waveform, _, _ = load_from_onset(wav)
        probabilities, *_ = self.network.predict(waveform[np.newaxis])
        return dict(zip(self.labels, map(float, probabilities[0]), strict=True))

    # Units.

    def key(self, layer, unit, settings, dream=0, n_dreams=1):
        """Return what the `dream`-th of several dreams of a unit depends on."""
        return {'layer': layer, 'unit': unit, 'answer': dream, 'n_answers': n_dreams, 'model': self.digest,
                'version': DREAM_VERSION, **asdict(settings)}

    def note_key(self, layer, unit, settings, pitches=(), dream=0, n_dreams=1):
        """As `key`, of a note; without `pitches`, they depend on the test notes."""
        return self.key(layer, unit, settings, dream, n_dreams) | {
            'kind': 'note', 'pitches': list(pitches) or notes_digest(self.notes)}

    def is_dreamed(self, name, key):
        path = self.path(f'{name}.json')
        return path.exists() and load_json(path, 'dream.py').get('key') == key

    def report(self, name):
        """Return the report of a dream that is there."""
        return with_read_back(load_json(self.path(f'{name}.json'), 'dream.py'))

    def dream_units(self, layer, units, settings):
        """Return the waveforms (len(units), 64000) that excite units of a layer most.

        A unit that comes several times gets dreams that differ.
        """
        seeds = [(settings.seed, LAYERS.index(layer), unit, units[:i].count(unit)) for i, unit in enumerate(units)]
        key = layer, len(units), settings
        if key not in self.ascents:
            objective = unit_objective(self.model, layer, self.note_activations[layer], settings.diversity)
            self.ascents[key] = Ascent(objective, len(units), self.mean, self.std, settings)
        return self.ascents[key].climb(starting_noise(self.mean, self.std, seeds), np.int32(units))

    def write_units(self, layer, units, names, settings):
        """Dream a batch of units, write it and return the reports."""
        waveforms, reports = self.dream_units(layer, units, settings), []
        for i, (unit, name) in enumerate(zip(units, names, strict=True)):
            key = self.key(layer, unit, settings, units[:i].count(unit), units.count(unit))
            reports.append(self.write(name, waveforms[i], {'key': key}, layer, unit))
        return reports

    def write_notes(self, notes_of, layer, units, names):
        """Dream a batch of units with `notes_of`, a UnitNotes; write the best notes of each; return {name: report}.

        `names` has those of every unit's notes, [[name]].
        """
        reports, n_best = {}, len(names[0])
        for unit, notes, of_unit in zip(units, notes_of.dream(units, n_best), names, strict=True):
            for rank, (note, name) in enumerate(zip(notes, of_unit, strict=False)):
                key = self.note_key(layer, unit, notes_of.settings, notes_of.pitches, rank, n_best)
                reports[name] = self.write(name, note.waveform, {'key': key} | note.report(), layer, unit,
                                           note.spectrum)
        return reports

    # Writing.

    def write(self, name, waveform, report, layer, unit=None, optimised_spectrum=None):
        """Write a dream; return its report, completed by what the wav, read back, is and does to a unit.

        Without a unit the read-back check is about the mean activation of the layer. `optimised_spectrum` is what the
        ascent scored, where that is not the spectrum of the waveform. The .json comes last: a dream that has it is
        whole.
        """
        self.path(f'{name}.json').unlink(missing_ok=True)
        wav = self.path('audio') / f'{name}.wav'
        write_wav(wav, waveform)
        read_back, _ = load_waveform(wav)
        spectrum = log_spectrum(read_back)
        if optimised_spectrum is None:
            optimised_spectrum = log_spectra(waveform[np.newaxis])[0].numpy()
        both = self.activations(np.stack([spectrum, optimised_spectrum]))
        found, optimised = ({layer: values[i] for layer, values in both.items()} for i in (0, 1))
        probabilities = tf.nn.softmax(found['fc3']).numpy()
        report |= {'read_back': self.score(layer, unit, found, optimised), 'sound': describe_sound(read_back, spectrum),
                   'spectral_convergence': spectral_convergence(spectrum, optimised_spectrum),
                   'probabilities': dict(zip(self.labels, map(float, probabilities), strict=True)),
                   'calibrated_probabilities': self.predict(wav)}
        save_npy(spectrum_path(self.run, 'dreams', name), spectrum.astype(self.network.dtype))
        draw_spectrum(self.path(f'{name}.png'), spectrum, name)
        save_json(self.path(f'{name}.json'), report)
        return report

    def score(self, layer, unit, found, optimised):
        """Return the read-back check of a dream, and how it compares with the notes, from {layer: (units,)} of it."""
        activation, optimised_value = (float(of_unit(one[layer], unit)) for one in (found, optimised))
        of_notes = of_unit(self.note_activations[layer], unit) if self.notes else None
        compared = compare_with_notes(activation, of_notes, self.notes)
        return check_read_back(activation, optimised_value) | compared | {'layer': layer}


def of_unit(layer_activations, unit):
    """(..., units) activations of a layer -> (...): those of a unit, or without one the mean over all units."""
    return layer_activations.mean(axis=-1) if unit is None else layer_activations[..., unit]


def write_wav(path, waveform):
    """Write 16-bit samples; `as_written` has rounded to them, so that nothing is lost."""
    with atomic(path) as temporary:
        soundfile.write(temporary, np.rint(waveform * FULL_SCALE).astype(np.int16), SAMPLE_RATE, format='WAV')


def draw_spectrum(path, spectrum, title):
    figure = make_figure(layout=None, figsize=(5, 3.2))  # a layout that is found takes twice as long
    figure.subplots_adjust(0.11, 0.15, 0.98, 0.91)
    axes = figure.add_subplot(title=title, xlabel='time (s)', ylabel='frequency (kHz)')
    axes.imshow(spectrum.T.astype(np.float32), origin='lower', aspect='auto', cmap='magma', interpolation='nearest',
                extent=(0, N_SAMPLES / SAMPLE_RATE, 0, SAMPLE_RATE / 2000))
    save_figure(figure, path, dpi=100)


def load_sound(path):
    """Return a user's sound as predict.py takes it, (64000,): its loudest 4 s, from the onset on."""
    check_name(path)
    waveform, remarks, _ = load_from_onset(path)
    if remarks:
        print(f'{path}: {", ".join(remarks)}')
    return waveform
