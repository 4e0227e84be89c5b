"""Draw the pictures of docs/tutorial.md from what its blocks have left in a folder.

    python docs/run_tutorial.py --folder DIR && python docs/pictures/make.py --folder DIR

They have a white background of their own, so that they can be read in the dark as well. dreams.png and map_2d.png are
of the README: benchmarks/plot_dreams.py and sound_map.py draw them; sound_map.png is a photograph of the page.
"""

import argparse
import csv
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from data_provider import prepare_data
from deepdream.artifacts import load_json, load_lines, load_npy, spectrum_path
from deepdream.audio import load_waveform
from deepdream.augmentation import bin_frequencies, draw_variations, knot_weights, noise_magnitudes, vary
from deepdream.figures import make_figure, save_figure
from deepdream.map.data import family_colours
from deepdream.spectrum import HOP_LENGTH, N_FFT, N_SAMPLES, SAMPLE_RATE, log_spectrum, magnitude

BLUE, ORANGE = '#3465a4', '#d9730d'
EXTENT = (0, N_SAMPLES / SAMPLE_RATE, 0, SAMPLE_RATE / 2000)  # s, kHz
LOUDEST = 10  # log magnitude at which the colours end
DPI = 100


def draw_spectrum(axes, spectrum, title, top_khz=5, **options):
    """Draw a log spectrum (251, 513); `options` are those of imshow."""
    options = {'cmap': 'magma', 'vmin': 0, 'vmax': LOUDEST} | options
    image = axes.imshow(np.asarray(spectrum, np.float32).T, origin='lower', aspect='auto', extent=EXTENT,
                        interpolation='nearest', **options)
    axes.set_title(title, fontsize=10)
    axes.set(ylim=(0, top_khz), xlabel='time (s)')
    return image


def known_signals(flute):
    """Return {name: waveform (64000,)}, the signals of section 5."""
    click = np.zeros(N_SAMPLES, np.float32)
    click[N_SAMPLES // 2] = 0.9
    sine = 0.8 * np.sin(2 * np.pi * 440 * np.arange(N_SAMPLES) / SAMPLE_RATE)
    return {'sine, 440 Hz': sine.astype(np.float32), 'click': click, 'flute': flute}


def draw_frame(path, flute):
    """A frame of the flute, from its numbers to the logarithm of its magnitudes."""
    start = N_SAMPLES // 4
    frame = flute[start:start + N_FFT]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
    spectrum = log_spectrum(flute)[(start + N_FFT // 2) // HOP_LENGTH]
    milliseconds, khz = 1000 * np.arange(N_FFT) / SAMPLE_RATE, bin_frequencies() / 1000
    figure = make_figure(figsize=(11, 2.8))
    first, second, third, fourth = figure.subplots(1, 4)
    first.plot(milliseconds, frame, color=BLUE, linewidth=0.8)
    first.set_title('1. a frame of 64 ms', fontsize=10)
    second.plot(milliseconds, frame * window, color=BLUE, linewidth=0.8)
    second.plot(milliseconds, window * np.abs(frame).max(), color=ORANGE)
    second.set_title('2. times the window', fontsize=10)
    third.plot(khz, magnitude(spectrum), color=BLUE, linewidth=1)
    third.set_title('3. magnitude', fontsize=10)
    fourth.plot(khz, spectrum, color=BLUE, linewidth=1)
    fourth.set_title('4. log(1 + 1000 × magnitude)', fontsize=10)
    for axes, label in ((first, 'time (ms)'), (second, 'time (ms)'), (third, 'kHz'), (fourth, 'kHz')):
        axes.set_xlabel(label)
        axes.grid(alpha=0.3)
    save_figure(figure, path, dpi=DPI)


def draw_signals(path, flute):
    figure = make_figure(figsize=(11, 5))
    signals = known_signals(flute)
    seconds = np.arange(N_SAMPLES) / SAMPLE_RATE
    for (above, below), (name, waveform) in zip(figure.subplots(2, len(signals), sharex=True).T, signals.items(),
                                                strict=True):
        above.plot(seconds, waveform, color=BLUE, linewidth=0.4)
        above.set_title(name, fontsize=10)
        above.set_ylim(-1, 1)
        image = draw_spectrum(below, log_spectrum(waveform), '', vmax=8)
        below.set_ylabel('kHz')
    figure.colorbar(image, ax=figure.axes[-1], label='log(1 + 1000 × magnitude)')
    save_figure(figure, path, dpi=DPI)


def draw_normalisation(path, provider, flute):
    spectrum = log_spectrum(flute)
    figure = make_figure(figsize=(11, 2.9))
    panels = figure.subplots(1, 4, sharey=True)
    for axes, values, title, options in zip(
            panels, (provider.mean, provider.std, spectrum, provider.normalise(spectrum)),
            ('mean of the train notes', 'standard deviation', 'a flute', 'the flute, normalised'),
            ({'vmax': 5}, {'vmax': 2.5}, {'vmax': 8}, {'cmap': 'RdBu_r', 'vmin': -3, 'vmax': 3}), strict=True):
        figure.colorbar(draw_spectrum(axes, values, title, 8, **options), ax=axes)
    panels[0].set_ylabel('kHz')
    save_figure(figure, path, dpi=DPI)


def draw_variations_of(path, flute):
    spectrum = log_spectrum(flute)
    some = draw_variations(3, seed=2, start=0)
    spectra = np.stack([spectrum] * 3)
    varied = vary(spectra, spectra.max(axis=(1, 2)), some, knot_weights(bin_frequencies()), noise_magnitudes())
    figure = make_figure(figsize=(11, 2.9))
    for axes, values, title in zip(figure.subplots(1, 4, sharey=True), [spectrum, *varied],
                                   ['as it is', *(f'{12 * np.log2(pitch):+.1f} semitones, tempo {tempo:.2f}'
                                                  for pitch, tempo in zip(some.pitch, some.tempo, strict=True))],
                                   strict=True):
        draw_spectrum(axes, values, title)
    figure.axes[0].set_ylabel('kHz')
    save_figure(figure, path, dpi=DPI)


def read_rows(path):
    """Return the rows of a CSV as dictionaries."""
    with open(path, encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file))


def draw_curves(path, folder):
    figure = make_figure(figsize=(11, 3.6))
    for axes, run, title in zip(figure.subplots(1, 3, sharey=True), ('run_plain', 'run_varied', 'run_original'),
                                ('harmonic network, notes as they are', 'harmonic network, varied notes',
                                 'the first version, mended'), strict=True):
        rows = read_rows(folder / run / 'history.csv')
        for split, colour in (('train', BLUE), ('valid', ORANGE)):
            axes.plot([int(row['step']) for row in rows], [100 * float(row[f'{split}_accuracy']) for row in rows],
                      color=colour, marker='o', markersize=3, label=split)
        axes.set_title(title, fontsize=10)
        axes.set(xlabel='step', ylim=(0, 100))
        axes.grid(alpha=0.3)
        axes.legend(loc='upper left')
    figure.axes[0].set_ylabel('accuracy (%)')
    save_figure(figure, path, dpi=DPI)


def draw_ten_batches(path, folder):
    """How ten random batches would have judged one network, 2,000 times."""
    true, probabilities = read_predictions(folder / 'run_original' / 'predictions_valid.csv')
    correct = probabilities.argmax(axis=1) == true
    n_right = correct[np.random.default_rng(0).integers(len(correct), size=(2000, 320))].sum(axis=1)
    edges = np.arange(n_right.min(), n_right.max() + 3, 2) - 0.5  # whole notes, so that each bar has as many of them
    figure = make_figure(figsize=(7, 3))
    axes = figure.subplots()
    axes.hist(100 * n_right / 320, bins=100 * edges / 320, color=BLUE, alpha=0.7)
    axes.axvline(100 * correct.mean(), color=ORANGE, linewidth=2, label='whole valid split')
    axes.set(xlabel='accuracy by ten random batches (%)', ylabel='draws')
    axes.legend()
    save_figure(figure, path, dpi=DPI)


def read_predictions(path):
    """Return (class indices (n,), probabilities (n, n_labels)) of a predictions.csv."""
    rows = read_rows(path)
    labels = [name for name in rows[0] if name not in ('note', 'label', 'predicted')]
    return (np.array([labels.index(row['label']) for row in rows]),
            np.array([[float(row[label]) for label in labels] for row in rows]))


def draw_test(path, folder):
    """The confusion matrix of the test split, and its reliability diagram (Guo et al. 2017, figure 1)."""
    true, probabilities = read_predictions(folder / 'run' / 'predictions.csv')
    labels, predicted = load_lines(folder / 'labels.txt', ''), probabilities.argmax(axis=1)
    confusion = np.zeros((len(labels), len(labels)))
    np.add.at(confusion, (true, predicted), 1)
    figure = make_figure(figsize=(11, 5))
    left, right = figure.subplots(1, 2, width_ratios=(1.2, 1))
    left.imshow(confusion / confusion.sum(axis=1, keepdims=True), cmap='Blues', vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(confusion):
        if count:
            dark = count > confusion[row].sum() / 2
            left.text(column, row, f'{count:.0f}', ha='center', va='center', fontsize=8,
                      color='white' if dark else 'black')
    left.set_xticks(range(len(labels)), labels, rotation=45, ha='right')
    left.set_yticks(range(len(labels)), labels)
    left.set(xlabel='predicted', ylabel='label')
    confidence, correct = probabilities.max(axis=1), predicted == true
    bins = np.digitize(confidence, np.linspace(0, 1, 11)[1:-1])
    shares = [(100 * confidence[bins == i].mean(), 100 * correct[bins == i].mean(), (bins == i).sum())
              for i in range(10) if (bins == i).any()]
    right.plot([0, 100], [0, 100], color='gray', linestyle='--', label='perfectly calibrated')
    x, y, n = zip(*shares, strict=True)
    right.plot(x, y, color=BLUE, zorder=1)
    right.scatter(x, y, s=np.array(n) * 2, color=BLUE, label='test notes; area: how many')
    right.set(xlabel='probability that the network gives (%)', ylabel='share that is right (%)', xlim=(0, 100),
              ylim=(0, 100))
    right.grid(alpha=0.3)
    right.legend(loc='upper left', markerscale=0.5)
    save_figure(figure, path, dpi=DPI)


def draw_perplexities(path, folder):
    labels = load_lines(folder / 'labels.txt', '')
    indices = np.array([int(line) for line in load_lines(folder / 'data' / 'test_labels.txt', '')])
    colours = family_colours(len(labels))
    figure = make_figure(figsize=(11, 4.2))
    for axes, run, perplexity in zip(figure.subplots(1, 3), ('run_perplexity_5', 'run', 'run_perplexity_150'),
                                     (5, 30, 150), strict=True):
        points = load_npy(folder / run / 'act_tsne.npy', 'tsne.py')
        for index, label in enumerate(labels):
            axes.scatter(*points[indices == index].T, s=12, color=colours[index], label=label)
        axes.set_title(f'perplexity {perplexity}', fontsize=10)
        axes.set(xticks=[], yticks=[], aspect='equal', adjustable='datalim')
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc='outside lower center', ncols=len(labels),
                  frameon=False, fontsize=8, columnspacing=1, handletextpad=0.2)
    save_figure(figure, path, dpi=DPI)


def draw_tools(path, folder):
    dreams = folder / 'run' / 'dreams'
    sounds = [(f'{name}.wav', log_spectrum(load_waveform(folder / 'data' / f'{name}.wav')[0]))
              for name in ('flute', 'keyboard')]
    names = ('deep_flute_conv3_1', 'style_flute_keyboard', 'thin_flute_keyboard', 'fc3_02_flute_texture',
             'fc3_00_bass_texture')
    titles = ('Deep Dream of the flute', 'Deep Style', 'Thin Style', 'dream of the class flute',
              'dream of the class bass')
    sounds += [(title, load_npy(spectrum_path(folder / 'run', 'dreams', name), 'dream.py'))
               for name, title in zip(names, titles, strict=True)]
    note = load_json(dreams / 'fc3_02_flute_texture.json', 'dream.py')['read_back']['strongest_note']
    sounds.append(('the note that says flute most',
                   load_npy(spectrum_path(folder / 'data', 'test', note), 'extract_spectrum.py')))
    order = (0, 1, 7, 5, 2, 3, 4, 6)
    figure = make_figure(figsize=(11, 5))
    for axes, number in zip(figure.subplots(2, 4, sharex=True, sharey=True).flat, order, strict=True):
        draw_spectrum(axes, sounds[number][1], sounds[number][0])
    for axes in figure.axes[::4]:
        axes.set_ylabel('kHz')
    for axes in figure.axes[:4]:
        axes.set_xlabel('')
    save_figure(figure, path, dpi=DPI)


def draw_all(folder, out):
    """Draw every picture into the folder `out`."""
    flute, _ = load_waveform(folder / 'data' / 'flute.wav')
    draw_frame(out / 'frame.png', flute)
    draw_signals(out / 'signals.png', flute)
    draw_normalisation(out / 'normalisation.png', prepare_data(folder / 'data', folder / 'labels.txt'), flute)
    draw_variations_of(out / 'variations.png', flute)
    draw_curves(out / 'curves.png', folder)
    draw_ten_batches(out / 'ten_batches.png', folder)
    draw_test(out / 'test.png', folder)
    draw_perplexities(out / 'perplexities.png', folder)
    draw_tools(out / 'tools.png', folder)


def main(argv=None):
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('--folder', type=Path, default='.', help='where run_tutorial.py has run the blocks')
    options.add_argument('--out', type=Path, default=Path(__file__).resolve().parent, help='where the pictures go')
    args = options.parse_args(argv)
    draw_all(args.folder, args.out)


if __name__ == '__main__':
    main()
