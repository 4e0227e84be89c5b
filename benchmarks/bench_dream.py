"""How the dreams do against their bars: activation, classes, sounds, tools, time. One line a bar.

    python benchmarks/bench_dream.py [--data data] [--run run] [--second RUN] [--neurons 256] [--pairs 8]
        [--thin-pairs 120]

It dreams what RUN/dreams lacks. `--second` is a run trained with another seed, which hears the dreams of the classes.
Notes whose normalised spectrum has a value beyond 100 (a click where the train split is silent) count as outliers: the
numbers are given with and without them.
"""

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import dream
from data_provider import read_statistics
from deepdream.artifacts import BadInput
from deepdream.audio import load_waveform
from deepdream.dreams.activations import pre_activations
from deepdream.dreams.ascent import Settings
from deepdream.dreams.from_sound import N_STRONGEST, deep_dream, deep_style, thin_dream
from deepdream.dreams.names import KINDS, dream_name
from deepdream.dreams.read_back import describe_sound
from deepdream.dreams.units import dream_missing
from deepdream.dreams.writer import Dreamer, load_sound
from deepdream.notes import find_wavs
from deepdream.spectrum import log_spectrum, normalise
from deepdream.spectrum_tf import finish
from model import load_model

OUTLIER = 100  # standard deviations


def dreams_of(dreamer, layer, units, settings):
    """Return the reports of units, dreaming those that are missing."""
    dream_missing(dreamer, layer, units, settings)
    return [dreamer.report(dream_name(layer, unit, dreamer.labels, 'texture')) for unit in units]


def ordinary_notes(dreamer):
    """Which notes of the test split have no value beyond OUTLIER in their normalised spectrum."""
    return np.array([np.abs(dreamer.provider.get_sample_at('test', i)[0]).max() < OUTLIER
                     for i in range(len(dreamer.notes))])


def bar_activation(dreamer, layer, units, reports, ordinary):
    reached = np.array([report['read_back']['activation'] for report in reports])
    kept = np.array([report['read_back']['kept'] for report in reports])
    of_notes = dreamer.note_activations[layer][:, units]
    print(f'1. {layer}, {len(units)} live units: beat the strongest note {np.mean(reached > of_notes.max(0)):.1%}, '
          f'the strongest of the {ordinary.sum()} that are no outliers '
          f'{np.mean(reached > of_notes[ordinary].max(0)):.1%} ({(~ordinary).sum()} are); '
          f'keep 80 % of the optimised value {np.mean(kept >= 0.8):.1%} (least {kept.min():.1%})')


def bar_classes(dreamer, reports, second):
    hits = [report['probabilities'][label] > 0.9 for label, report in zip(dreamer.labels, reports, strict=True)]
    print(f'2. classes heard with probability over 0.9 by the network itself: {sum(hits)} of {len(hits)}')
    if not second:
        return
    mean, std = read_statistics(second, 'train.py')
    model = load_model(second / 'model.keras')
    names = [dream_name('fc3', unit, dreamer.labels, 'texture') for unit in range(len(dreamer.labels))]
    wavs = [dreamer.path('audio') / f'{name}.wav' for name in names]
    spectra = np.stack([normalise(log_spectrum(load_waveform(wav)[0]), mean, std) for wav in wavs])
    heard = np.argmax(pre_activations(model, spectra)['fc3'], axis=1)
    print(f'2. by the second network: {np.sum(heard == np.arange(len(wavs)))} of {len(wavs)}: '
          + ', '.join(f'{label} as {dreamer.labels[one]}' for label, one in zip(dreamer.labels, heard, strict=True)))


def bar_sounds(dreamer, reports):
    wavs = list(find_wavs(dreamer.provider.data, 'test').values())[::4]
    waveforms = [load_waveform(wav)[0] for wav in wavs]
    real = [describe_sound(waveform, log_spectrum(waveform)) for waveform in waveforms]
    for name in ('flatness', 'crest_factor', 'dc'):
        low, high = np.percentile([abs(one[name]) for one in real], [1, 99])
        low = 0 if name == 'dc' else low
        ours = np.abs([report['sound'][name] for report in reports])
        print(f'3. {name}: real notes {low:.2g} to {high:.2g} (1st to 99th percentile); dreams {ours.min():.2g} to '
              f'{ours.max():.2g}, {np.mean((ours >= low) & (ours <= high)):.1%} within')


def bar_deep(dreamer, sounds):
    for sound in sounds:
        source, decibels, times = finish(sound), [], []
        for strength in (0, 0.25, 0.5, 1):
            dreamed, report = deep_dream(dreamer, sound, 'conv3', strength)
            decibels.append(-20 * np.log10(np.linalg.norm(dreamed - source) / np.linalg.norm(source) + 1e-9))
            times.append(report['layer_times'])
        print(f'4. deep at strength 0, 0.25, 0.5, 1: source over change {np.round(decibels, 1)} dB, '
              f'conv3 {np.round(times, 2)} times')


def bar_styles(dreamer, pairs):
    styled = [deep_style(dreamer, content, other, dream.CONTENT_WEIGHT)[1] for content, other in pairs]
    print(f'4. style distance lowered by {[round(1 - report["style_distance"], 3) for report in styled]}, of the '
          f'{N_STRONGEST} strongest neurons stay {[report["strongest_kept"] for report in styled]}')


def bar_thin(wavs, n_pairs):
    """Pairs of any notes of the test split."""
    errors, n_refused = [], 0
    for content, other in np.random.default_rng(1).choice(len(wavs), (n_pairs, 2)):
        try:
            _, report = thin_dream(load_sound(wavs[content]), load_sound(wavs[other]))
            errors.append(report['statistics_error']['after'])
        except BadInput:
            n_refused += 1
    errors = np.array(errors)
    print(f'4. thin, {n_pairs} pairs: band statistics off by {np.median(errors):.1%} (median), '
          f'{np.sum(errors <= 0.05)} within 5 %, the others off by {np.sort(errors[errors > 0.05]).round(3).tolist()}; '
          f'{n_refused} refused')


def bar_time(dreamer, settings):
    seconds, waveforms = [], []
    for units in ([0], [0], list(range(16))):
        start = time.perf_counter()
        waveforms.append(dreamer.dream_units('fc2', units, settings))
        seconds.append(time.perf_counter() - start)
    one, sixteen = min(seconds[:2]), seconds[2]
    print(f'5. the same twice: {np.array_equal(*waveforms[:2])}')
    print(f'5. ascent of one neuron {one:.1f} s, of 16 at once {sixteen:.1f} s, {sixteen / one:.1f} times as long; '
          f'256 would take {16 * sixteen / 60:.1f} minutes')


def bar_commands(data, original_run, labels):
    """Time the whole command `dream.py neuron` for both kinds, in a copy of the run that has no dreams."""
    with tempfile.TemporaryDirectory() as run:
        shutil.copytree(original_run, run, dirs_exist_ok=True, ignore=shutil.ignore_patterns('dreams', 'map', 'atlas'))
        command = [sys.executable, dream.__file__, 'neuron', '--data', data, '--run', run, '--labels', labels]
        subprocess.run([*command, '--as', 'note', '--steps', '1'], check=True, capture_output=True)  # real notes
        for kind in KINDS:
            seconds = [seconds_of([*command, '--as', kind, '--unit', *map(str, units)]) for units in ([0], range(16))]
            (wall_one, cpu_one), (wall, cpu) = seconds
            print(f'5. `dream.py neuron --as {kind}` takes {wall_one:.1f} s for one neuron, {wall:.1f} s for 16, '
                  f'{wall / wall_one:.1f} times as long; of processor time {cpu_one:.1f} and {cpu:.1f} s')


def seconds_of(command):
    """(wall time, processor time) of a command, in s."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('--data', type=Path, default='data')
    options.add_argument('--run', type=Path, default='run')
    options.add_argument('--labels', default='labels.txt')
    options.add_argument('--second', type=Path, help='another run, of another seed')
    options.add_argument('--neurons', type=int, default=256, help='of fc2, at most')
    options.add_argument('--pairs', type=int, default=8, help='of real notes, for style')
    options.add_argument('--thin-pairs', type=int, default=120, help='of real notes, for thin')
    args = options.parse_args()

    dreamer, settings = Dreamer(args.run), Settings()
    dreamer.open_notes(args.data, args.labels)
    live = np.flatnonzero(dreamer.note_activations['fc2'].max(axis=0) > 0)
    live = sorted(map(int, np.random.default_rng(0).permutation(live)[:args.neurons]))
    neurons = dreams_of(dreamer, 'fc2', live, settings)
    classes = dreams_of(dreamer, 'fc3', list(range(len(dreamer.labels))), settings)
    ordinary = ordinary_notes(dreamer)
    bar_activation(dreamer, 'fc2', live, neurons, ordinary)
    bar_activation(dreamer, 'fc3', list(range(len(dreamer.labels))), classes, ordinary)
    bar_classes(dreamer, classes, args.second)
    bar_sounds(dreamer, neurons + classes)
    wavs = find_wavs(args.data, 'test')
    chosen = np.random.default_rng(0).choice(np.flatnonzero(ordinary), 2 * args.pairs, replace=False)
    sounds = [load_sound(Path(wavs[dreamer.notes[row]])) for row in chosen]
    bar_deep(dreamer, sounds[:2])
    bar_styles(dreamer, list(zip(sounds[::2], sounds[1::2], strict=True)))
    bar_thin([Path(wavs[note]) for note in dreamer.notes], args.thin_pairs)
    bar_time(dreamer, settings)
    bar_commands(args.data, args.run, args.labels)


if __name__ == '__main__':
    main()
