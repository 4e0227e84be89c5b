"""How the dreamed notes do against their bars, beside the textures: activation, listeners, notehood. One line a bar.

    python benchmarks/bench_notes.py [--data data] [--run run] [--second RUN] [--neurons 24] [--textures]

It dreams what RUN/dreams lacks. `--second` is another network, which hears the dreams of the classes, as the baseline
does: MFCC statistics and a support vector machine, fitted to the train notes. `--textures` does the same for textures.
"""

import argparse
import sys
from pathlib import Path

import librosa
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from data_provider import read_statistics
from deepdream.artifacts import load_json, spectrum_path
from deepdream.audio import load_waveform
from deepdream.baseline import extract_features, fit_baseline
from deepdream.dreams.activations import families, pre_activations
from deepdream.dreams.ascent import Settings
from deepdream.dreams.measures import attack_seconds, clicks, decay_db_per_second, harmonic_to_noise_db
from deepdream.dreams.names import dream_name
from deepdream.dreams.note_ascent import NoteSettings
from deepdream.dreams.units import dream_missing, dream_missing_notes
from deepdream.dreams.writer import Dreamer
from deepdream.notes import find_wavs
from deepdream.pitch import hertz
from deepdream.run_folder import open_data
from deepdream.spectrum import SAMPLE_RATE, log_spectrum, normalise
from model import load_model

MEASURES = {'harmonic-to-noise ratio (dB)': 'harmonic_to_noise_db', 'attack (s)': 'attack_seconds',
            'decay (dB/s)': 'decay_db_per_second'}
TONAL_DB = 5.0  # a dream whose partials stand less above the noise is not asked for its pitch


def names_of(dreamer, layer, units, kind):
    """The names of the dreams of units, after dreaming those that are missing."""
    if kind == 'note':
        dream_missing_notes(dreamer, layer, units, NoteSettings())
    else:
        dream_missing(dreamer, layer, units, Settings())
    return [dream_name(layer, unit, dreamer.labels, kind) for unit in units]


def bar_activation(dreamer, layer, names):
    scores = [dreamer.report(name)['read_back'] for name in names]
    beaten = np.mean([score['beats_strongest_note'] for score in scores])
    kept, times = (np.array([score[key] or 0 for score in scores]) for key in ('kept', 'times_strongest_note'))
    print(f'1. {layer}, {len(names)} dreams: {beaten:.0%} beat the strongest note (median '
          f'{np.median(times):.2f} times); {np.mean(kept >= 0.9):.0%} keep 90 % (least {kept.min():.0%})')


def heard_by(run, spectra):
    """The class indices that a network hears in log spectra (n, 251, 513)."""
    mean, std = read_statistics(run, 'train.py')
    return pre_activations(load_model(run / 'model.keras'), normalise(spectra, mean, std))['fc3'].numpy().argmax(axis=1)


def bar_listeners(dreamer, names, second, baseline):
    own = [dreamer.report(name)['probabilities'][label] for name, label in zip(names, dreamer.labels, strict=True)]
    spectra = np.stack([log_spectrum(load_waveform(dreamer.path('audio') / f'{name}.wav')[0]) for name in names])
    heard = {'the baseline': baseline.predict(extract_features([spectrum_path(dreamer.run, 'dreams', name)
                                                                for name in names]))}
    if second:
        heard['the second network'] = heard_by(second, spectra)
    print(f'2. {sum(one > 0.9 for one in own)} of {len(own)} classes over 0.9 (least {min(own):.3f})')
    for listener, found in heard.items():
        wrong = [f'{label} as {dreamer.labels[one]}' for i, (label, one) in
                 enumerate(zip(dreamer.labels, found, strict=True)) if i != one]
        print(f'2. {listener} hears {len(own) - len(wrong)} of {len(own)}' + (f', {", ".join(wrong)}' if wrong else ''))


def real_measures(provider, step):
    """{class index: {measure: (1st, 99th percentile)}} of every `step`-th train note whose pitch is known."""
    examples, wavs = load_json(provider.data / 'train' / 'examples.json', 'render_notes.py'), find_wavs(provider.data,
                                                                                                      'train')
    found = {}
    for note, family in list(zip(provider.notes['train'], provider.class_indices['train'], strict=True))[::step]:
        waveform, hz = load_waveform(wavs[note])[0], hertz(examples[note]['pitch'])
        found.setdefault(int(family), []).append(
            (harmonic_to_noise_db(waveform, hz), attack_seconds(waveform), decay_db_per_second(waveform)))
    return {family: dict(zip(MEASURES.values(), np.percentile(rows, [1, 99], axis=0).T, strict=True))
            for family, rows in found.items()}


def steady_share(waveform, hz):
    """The share of voiced frames within 30 cents of `hz` in the 2.5 s of a note that sound first."""
    part = waveform[:5 * SAMPLE_RATE // 2]
    found, voiced, _ = librosa.pyin(part, fmin=max(hz / 2.5, 25), fmax=min(hz * 4.5, 4186), sr=SAMPLE_RATE,
                                    frame_length=4096 if hz < 80 else 2048)
    return np.mean(np.abs(1200 * np.log2(found[voiced] / hz)) < 30) if voiced.any() else 0.0


def bar_notes(dreamer, names, family, real):
    reports = [dreamer.report(name) for name in names]
    waveforms = [load_waveform(dreamer.path('audio') / f'{name}.wav')[0] for name in names]
    tonal = [i for i, report in enumerate(reports) if report['harmonic_to_noise_db'] > TONAL_DB]
    shares = np.array([steady_share(waveforms[i], reports[i]['hz']) for i in tonal])
    off = [f'{names[i]} {share:.0%}' for i, share in zip(tonal, shares, strict=True) if share < 0.9]
    print(f'3. {len(tonal)} of {len(names)} are tonal; {np.mean(shares >= 0.9):.0%} of these have the asked pitch in '
          f'90 % of the voiced frames; not: {", ".join(off) or "none"}')
    for title, key in MEASURES.items():
        inside = [real[one][key][0] <= report[key] <= real[one][key][1]
                  for report, one in zip(reports, family, strict=True)]
        out = [f'{name} {report[key]:.3g} of {real[one][key][0]:.3g} to {real[one][key][1]:.3g}'
               for name, report, one, ok in zip(names, reports, family, inside, strict=True) if not ok]
        print(f'3. {title} within that of the family: {np.mean(inside):.0%}; not: {", ".join(out) or "none"}')
    print(f'3. largest DC {max(abs(one.mean()) for one in waveforms):.1e}, largest step at an end '
          f'{max(map(clicks, waveforms)):.1e} of the peak')


def bar_instruments(dreamer):
    """The instruments that are there: whether neighbouring keys are alike in fc2, and what the SFZ files hold."""
    for sfz in sorted(dreamer.path('sfz').glob('*.sfz')):
        names = [Path(line.partition('=')[2]).stem for line in sfz.read_text(encoding='utf-8').splitlines()
                 if line.startswith('sample=')]
        spectra = np.stack([log_spectrum(load_waveform(dreamer.path('audio') / f'{name}.wav')[0]) for name in names])
        keys, notes = dreamer.activations(spectra)['fc2'], dreamer.note_activations['fc2']
        to_notes = np.linalg.norm(keys[:, np.newaxis] - notes, axis=2).min(axis=1)
        apart = np.linalg.norm(np.diff(keys, axis=0), axis=1)
        near = apart < np.minimum(to_notes[:-1], to_notes[1:])
        kept = [dreamer.report(name)['read_back']['kept'] for name in names]
        loops = sfz.read_text(encoding='utf-8').count('loop_continuous')
        print(f'4. {sfz.stem}: {near.mean():.0%} of {len(near)} pairs of neighbours are nearer to each other than to '
              f'any test note; the keys keep {min(kept):.0%} or more; {loops} of {len(names)} have a loop')


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('--data', type=Path, default='data')
    options.add_argument('--run', type=Path, default='run')
    options.add_argument('--labels', default='labels.txt')
    options.add_argument('--second', type=Path, help='another network')
    options.add_argument('--neurons', type=int, default=24, help='of fc2, at most')
    options.add_argument('--textures', action='store_true', help='measure the textures, too')
    args = options.parse_args()

    dreamer = Dreamer(args.run)
    dreamer.open_notes(args.data, args.labels)
    of_neurons = dreamer.note_activations['fc2']
    live = np.flatnonzero(of_neurons.max(axis=0) > 0)
    live = sorted(map(int, np.random.default_rng(0).permutation(live)[:args.neurons]))
    provider = open_data(args.run, dreamer.labels, args.data, args.labels, ['train'])
    features = extract_features([provider.path('train', i) for i in range(provider.n_notes('train'))])
    baseline = fit_baseline(features, provider.class_indices['train'])
    real = real_measures(provider, 2)
    family = families(of_neurons, dreamer.provider.class_indices['test'], len(dreamer.labels))[0]
    for kind in ('note', 'texture')[:1 + args.textures]:
        print(f'{kind}s:')
        classes = names_of(dreamer, 'fc3', list(range(len(dreamer.labels))), kind)
        neurons = names_of(dreamer, 'fc2', live, kind) if live else []
        bar_activation(dreamer, 'fc3', classes)
        if neurons:
            bar_activation(dreamer, 'fc2', neurons)
        bar_listeners(dreamer, classes, args.second, baseline)
        if kind == 'note':
            bar_instruments(dreamer)
            bar_notes(dreamer, classes + neurons, [*range(len(classes)), *family[live]], real)


if __name__ == '__main__':
    main()
