"""Train the network of pretrained/ on sound fonts and recordings, or measure it on recordings of other sources.

    python benchmarks/train_pretrained.py --fonts A.sf2 B.sf2 C.sf2 --other-fonts D.sf2 E.sf2 [--more-fonts DIR ...]
        --recordings DIR ... [--more-recordings DIR ...] [--valid DIR ...] [--outliers DIR ...] [--nsynth DIR]
        [--seeds 0 1 2] [--fold PREFIX ...] [--options ...]

Trained on: the train instruments of `--fonts`, what `--other-fonts` have that sounds like nothing in these, what
`--more-fonts` have that is new (more_fonts.py), and all recordings, single notes named
{family}_{source}_{instrument}--{anything}. `--valid` are recordings of other sources, which calibrate the
probabilities, beside the valid instruments of `--fonts`.

With `--fold` it trains twice for each seed: without the recordings whose source begins with one of the prefixes, and
without all others. It prints accuracy by note, by instrument, and the expected calibration error, in %, on those of
`--recordings` that were left out, and the mean over the folds. `--more-recordings` are never measured on; those of the
sources that are left out are left out, too. Without `--fold` it trains with the first seed, and writes pretrained/.
Either way it measures the test instruments of the fonts, TimGM6mb and NSynth, too; all of these are held for 3 s.
A training of 20,000 steps takes 22 minutes on one core.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

import numpy as np
from bench_learning import FONTS, render_others, run_stage
from more_fonts import render_more

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import extract_spectrum
import gather_information
import render_notes
import train
from data_provider import prepare_data
from deepdream.artifacts import SPLITS, save_json, save_npy, save_text
from deepdream.calibration import calibrated, expected_calibration_error, load_calibration, write_calibration
from deepdream.conversion import fill
from deepdream.inference import get_activation, predict_logits
from deepdream.metrics import accuracy_by
from deepdream.notes import instrument_of
from deepdream.novelty import write_novelty
from deepdream.run_folder import PRETRAINED, model_digest
from deepdream.sound_font import default_font
from model import load_model

SOUNDS = {'.wav', '.flac', '.mp3', '.ogg'}
N_NEIGHBOURS = 900  # train notes whose activations are shipped: 256 float16 of each


# Notes.

def find_recordings(folders):
    return [path for folder in folders for path in sorted(folder.rglob('*')) if path.suffix in SOUNDS]


def source_of(recording):
    """Return {source} of {family}_{source}_{instrument}--{anything}."""
    return recording.stem.split('_')[1]


def render(args, recordings):
    """Render the fonts; return {name: wavs}. No program of `--more-fonts` is a copy of a recording."""
    folder, varied = args.folder, ('--varied', '0')
    run_stage(render_notes, '--data', folder / 'fonts', '--soundfont', *args.fonts, '--pitches', args.pitches)
    run_stage(render_notes, '--data', folder / 'held', '--soundfont', *args.fonts, '--pitches', args.pitches, *varied)
    run_stage(render_notes, '--data', folder / 'rendered', *varied)
    render_others(folder / 'other_fonts', args.other_fonts, [default_font(), *args.fonts], args.pitches, varied=0.5)

    known = [default_font(), *args.fonts, *args.other_fonts]
    render_more(folder / 'more_fonts', args.more_fonts, known, recordings, args.more_pitches)

    def wavs(name, *splits):
        return [wav for split in splits for wav in sorted((folder / name / split / 'audio').glob('*.wav'))]

    return {'train': wavs('fonts', 'train') + wavs('other_fonts', 'test') + wavs('more_fonts', 'test'),
            'valid': wavs('fonts', 'valid'), 'fonts test': wavs('held', 'test'),
            'held-out font': wavs('rendered', *SPLITS)}


def put_notes(data, splits, spectra=None):
    """Fill a data folder with {split: sound files}, and run stages 1 and 2; `spectra` are those of the same notes."""
    for split, sounds in splits.items():
        _, failed = fill({data / split / 'audio' / f'{sound.stem}.wav': sound for sound in sounds}, False, -1)
        if failed:
            raise SystemExit(f'unreadable: {failed}')
        if spectra:
            (data / split / 'spectrum').mkdir(parents=True, exist_ok=True)
            shutil.copy2(spectra / 'spectrum.json', data / 'spectrum.json')
            for sound in sounds:
                target = data / split / 'spectrum' / f'{sound.stem}.npy'
                if not target.exists():
                    os.link(spectra / split / 'spectrum' / target.name, target)
    run_stage(gather_information, '--data', data)
    run_stage(extract_spectrum, '--data', data)


# Trainings and scores.

def train_network(args, data, run, seed):
    outliers = ['--outliers', *args.outliers] if args.outliers else []
    run_stage(train, '--data', data, '--run', run, '--seed', seed, '--steps', args.steps, *args.options, *outliers)
    return load_model(run / 'model.keras')


def scores(model, data, run):
    """Return (accuracy by note, by instrument, expected calibration error) in % on the test split of a data folder."""
    provider = prepare_data(data, splits=['test'], statistics=run)
    logits, true = predict_logits(model, provider, 'test'), provider.class_indices['test']
    right = logits.argmax(axis=1) == true
    instruments = accuracy_by(right, [instrument_of(note) for note in provider.notes['test']])
    error = expected_calibration_error(calibrated(logits, load_calibration(run)['temperature']), true)
    return 100 * np.array([right.mean(), np.mean([one['accuracy'] for one in instruments.values()]), error])


def measure_columns(model, folder, run):
    return {name: scores(model, folder / name, run) for name in ('fonts test', 'held-out font', 'nsynth')
            if (folder / name / 'test').exists()}


def print_row(name, columns):
    """Print accuracy by note, by instrument and calibration error of each column."""
    cells = [f'{column}: ' + ', '.join(f'{figure:.1f}' for figure in figures) for column, figures in columns.items()]
    print(f'| {name} | {" | ".join(cells)} |', flush=True)


def divide(recordings, more, prefixes):
    """Return {fold: (recordings to measure, all that its network must not hear)}."""
    def is_first(path):
        return path.stem.split('_', 1)[1].startswith(tuple(prefixes))

    first, others = ([path for path in recordings if is_first(path) == wanted] for wanted in (True, False))
    sources = {source_of(path) for path in others}
    return {'first': (first, {*first, *filter(is_first, more)}),
            'others': (others, {*others, *(one for one in more if not is_first(one) and source_of(one) in sources)})}


def measure_folds(args, notes, recordings, more):
    """Train without the recordings of some sources, and measure on them, two-fold."""
    folds = divide(recordings, more, args.fold)
    for name, (held_out, unheard) in folds.items():
        kept = [path for path in recordings + more if path not in unheard]
        put_notes(args.folder / f'without {name}', {'train': notes['train'] + kept, 'valid': notes['valid']},
                  args.folder / 'all')
        put_notes(args.folder / f'left out {name}', {'test': held_out})
    means = []
    for seed in args.seeds:
        rows = []
        for name in folds:
            run = args.folder / f'run without {name} {seed}'
            model = train_network(args, args.folder / f'without {name}', run, seed)
            rows.append(scores(model, args.folder / f'left out {name}', run))
            print_row(f'seed {seed}, without {name}',
                      {'left out': rows[-1], **measure_columns(model, args.folder, run)})
        means.append(np.mean(rows, axis=0))
        print_row(f'seed {seed}, mean of both', {'left out': means[-1]})
    print_row('mean', {'left out': np.mean(means, axis=0)})


def ship(data, run, output, outliers):
    """Write what `output` needs of a run: the model without its optimiser, and what belongs to it."""
    output.mkdir(exist_ok=True)
    for name in ('config.json', 'labels.txt', 'data_mean.npy', 'data_std.npy'):
        shutil.copy2(run / name, output / name)
    model = load_model(run / 'model.keras')
    model.save(output / 'model.keras')
    provider = prepare_data(data, statistics=output)
    for name in ('calibration.json', 'novelty.npz'):
        (output / name).unlink(missing_ok=True)
    write_calibration(output, provider)
    write_novelty(output, provider, outliers)
    chosen = np.sort(np.random.default_rng(0).permutation(provider.n_notes('train'))[:N_NEIGHBOURS])
    save_npy(output / 'activation.npy', get_activation(model, provider, 'train', chosen).astype(np.float16))
    save_text(output / 'activation_samples.txt', ''.join(f'{provider.notes["train"][i]}\n' for i in chosen))
    save_json(output / 'activation.json', {'model': model_digest(output)})


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('--folder', type=Path, default='pretraining')
    options.add_argument('--fonts', nargs='+', type=Path, default=FONTS, metavar='SF2')
    options.add_argument('--other-fonts', nargs='+', type=Path, default=(), metavar='SF2')
    options.add_argument('--more-fonts', nargs='+', type=Path, default=(), metavar='SF2')
    options.add_argument('--more-pitches', type=int, default=16, help='of each instrument of --more-fonts')
    options.add_argument('--recordings', nargs='+', type=Path, required=True, metavar='DIR')
    options.add_argument('--more-recordings', nargs='+', type=Path, default=(), metavar='DIR', help='not to measure on')
    options.add_argument('--valid', nargs='+', type=Path, default=(), metavar='DIR')
    options.add_argument('--outliers', nargs='+', type=Path, default=[], metavar='DIR', help='sounds of no family')
    options.add_argument('--options', nargs=argparse.REMAINDER, default=[], help='the rest: options of train.py')
    options.add_argument('--nsynth', type=Path, metavar='DIR', help='wavs of NSynth, to measure')
    options.add_argument('--pitches', type=int, default=30)
    options.add_argument('--steps', type=int, default=20_000)
    options.add_argument('--seeds', nargs='+', type=int, default=[0])
    options.add_argument('--fold', nargs='+', metavar='PREFIX', help='the sources of one of two folds: phil_ gs_ ...')
    options.add_argument('--output', type=Path, default=PRETRAINED)
    args = options.parse_args()

    recordings, more = find_recordings(args.recordings), find_recordings(args.more_recordings)
    notes = render(args, [*recordings, *find_recordings([args.nsynth] if args.nsynth else [])])
    notes['valid'] += find_recordings(args.valid)
    put_notes(args.folder / 'all', {'train': notes['train'] + recordings + more, 'valid': notes['valid']})
    for name in ('fonts test', 'held-out font'):
        put_notes(args.folder / name, {'test': notes[name]})
    if args.nsynth:
        put_notes(args.folder / 'nsynth', {'test': find_recordings([args.nsynth])})
    if args.fold:
        measure_folds(args, notes, recordings, more)
        return
    run = args.folder / f'run {args.seeds[0]}'
    model = train_network(args, args.folder / 'all', run, args.seeds[0])
    print_row('all', measure_columns(model, args.folder, run))
    ship(args.folder / 'all', run, args.output, args.outliers)


if __name__ == '__main__':
    main()
