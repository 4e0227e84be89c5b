"""What a network learns of instruments it has never met, beside a plain baseline on the same notes. A row a trial.

    python benchmarks/bench_learning.py [--folder learn] [--fonts A.sf2 B.sf2 C.sf2] [--other-fonts D.sf2 ...]
        [--nsynth DIR] [--steps 10000] [--seeds 0 1 2] [--trials tutorial harmonic ...]

It renders the fonts (Debian: fluid-soundfont-gm, csound-soundfont, opl3-soundfont), whose instruments are divided into
train, valid and test; TimGM6mb, all of whose notes are a third test; and takes a folder of NSynth's notes as a fourth.
Each column is an accuracy in %, mean and (highest - lowest) / 2 over the seeds. Choose by valid and by other fonts
(Debian: musescore-general-soundfont-lossless; GeneralUser GS), never by the rest: of the other fonts those programs
are taken that sound like none of the fonts above.

All rendered notes are held for 3 s, so that the figures compare with earlier ones. But for its steps, the trial
'default' is train.py as it is; the others spell out what was default before, with the augmentation of today.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import extract_spectrum
import gather_information
import render_notes
import train
from data_provider import prepare_data
from deepdream.artifacts import SPLITS
from deepdream.baseline import extract_features, fit_baseline
from deepdream.inference import predict_logits
from deepdream.sound_font import default_font
from model import load_model

FONTS = tuple(Path(f'/usr/share/sounds/sf2/{name}.sf2') for name in ('FluidR3_GM', 'sf_GMbank', 'OPL-3_FM_128M'))
COLUMNS = {'valid': ('fonts', 'valid'), 'other fonts': ('other_fonts', 'test'), 'test': ('fonts', 'test'),
           'held-out font': ('held_out_font', 'test'), 'NSynth': ('nsynth', 'test')}
EARLIER = ('--network', 'tutorial', '--no-augmentation', '--weight-decay', '0.004', '--balance', 'weights',
           '--label-smoothing', '0', '--validate-every', '100', '--keep', 'best')  # which a later option overrides
TRIALS = {'tutorial': EARLIER, 'tutorial, varied': (*EARLIER, '--augmentation'),
          'harmonic': (*EARLIER, '--network', 'harmonic'),
          'harmonic, varied': (*EARLIER, '--network', 'harmonic', '--augmentation'),
          'harmonic, varied, last': (*EARLIER, '--network', 'harmonic', '--augmentation', '--keep', 'last'),
          'demo': (*EARLIER, '--network', 'harmonic', '--augmentation', '--weight-decay', '0.3', '--keep', 'last'),
          'default': ()}


def run_stage(stage, *arguments):
    if stage.main([*map(str, arguments)]):
        raise SystemExit(f'{stage.__name__} failed')


def link_as_test(folder, wavs):
    """Fill FOLDER/test/audio with links to wavs."""
    audio = folder / 'test' / 'audio'
    audio.mkdir(parents=True, exist_ok=True)
    for wav in wavs:
        if not (audio / wav.name).exists():
            os.symlink(wav.resolve(), audio / wav.name)


def render_others(folder, fonts, known, n_pitches, varied=0):
    """Render into FOLDER/test what the fonts have that sounds like nothing in the known ones.

    `varied` is the share of the notes that are not held for 3 s.
    """
    instruments = [one for one in render_notes.list_instruments([*known, *fonts]) if one['font'] in fonts]
    (folder / 'test' / 'audio').mkdir(parents=True, exist_ok=True)
    plan = {'test': [(one, render_notes.list_notes(one, n_pitches, 0, varied)) for one in instruments]}
    render_notes.render_all(plan, folder, seed=0, jobs=-1)


def prepare(args):
    """Make the notes and spectra of all columns; return {column: (DataProvider, split)} of those that there are."""
    run_stage(render_notes, '--data', args.folder / 'fonts', '--soundfont', *args.fonts, '--pitches', args.pitches,
              '--varied', 0)
    run_stage(render_notes, '--data', args.folder / 'rendered', '--varied', 0)
    link_as_test(args.folder / 'held_out_font', [wav for split in SPLITS
                                              for wav in (args.folder / 'rendered' / split / 'audio').glob('*.wav')])
    if args.other_fonts:
        known = [default_font(), *args.fonts]
        render_others(args.folder / 'other_fonts', args.other_fonts, known, args.pitches)
    if args.nsynth:
        link_as_test(args.folder / 'nsynth', args.nsynth.glob('*.wav'))
    wanted = {'fonts': True, 'held_out_font': True, 'other_fonts': args.other_fonts, 'nsynth': args.nsynth}
    folders = [folder for folder, is_wanted in wanted.items() if is_wanted]
    for folder in folders:
        run_stage(gather_information, '--data', args.folder / folder)
        run_stage(extract_spectrum, '--data', args.folder / folder)
    return {column: (prepare_data(args.folder / folder, splits=[split], statistics=args.folder / 'fonts'), split)
            for column, (folder, split) in COLUMNS.items() if folder in folders}


def features(provider, split):
    return extract_features([provider.path(split, i) for i in range(provider.n_notes(split))])


def score_baseline(folder, columns):
    """Return ({column: accuracy}, seconds) of MFCC statistics and a support vector machine."""
    start = time.perf_counter()
    provider = prepare_data(folder, splits=['train'])
    machine = fit_baseline(features(provider, 'train'), provider.class_indices['train'])
    seconds = time.perf_counter() - start
    return {column: machine.score(features(provider, split), provider.class_indices[split])
            for column, (provider, split) in columns.items()}, seconds


def score_network(folder, run, columns, *arguments):
    """Train; return ({column: accuracy}, seconds)."""
    start = time.perf_counter()
    run_stage(train, '--data', folder, '--run', run, '--replace', *arguments)
    seconds, model = time.perf_counter() - start, load_model(run / 'model.keras')
    scores = {}
    for column, (provider, split) in columns.items():
        predicted = predict_logits(model, provider, split).argmax(axis=1)
        scores[column] = (predicted == provider.class_indices[split]).mean()
    return scores, seconds


def print_row(name, results):
    """Print a row of a Markdown table from [({column: accuracy}, seconds)], one of each seed."""
    cells = []
    for column in results[0][0]:
        values = 100 * np.array([scores[column] for scores, _ in results])
        cells.append(f'{values.mean():.1f}' + (f' ± {np.ptp(values) / 2:.1f}' if len(values) > 1 else ''))
    seconds = np.mean([seconds for _, seconds in results])
    print(f'| {name} | {" | ".join(cells)} | {seconds:.0f} |', flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('--folder', type=Path, default='learn')
    options.add_argument('--fonts', nargs='+', type=Path, default=FONTS, metavar='SF2')
    options.add_argument('--other-fonts', nargs='+', type=Path, default=(), metavar='SF2', help='more to choose by')
    options.add_argument('--nsynth', type=Path, metavar='DIR', help='wavs of NSynth')
    options.add_argument('--pitches', type=int, default=30)
    options.add_argument('--steps', type=int, default=10_000)
    options.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    options.add_argument('--trials', nargs='+', default=list(TRIALS), choices=list(TRIALS))
    args = options.parse_args()

    columns = prepare(args)
    print(f'| trial | {" | ".join(columns)} | seconds |\n|---|{"---|" * (len(columns) + 1)}')
    print_row('MFCC statistics + SVM', [score_baseline(args.folder / 'fonts', columns)])
    for trial in args.trials:
        print_row(trial, [score_network(args.folder / 'fonts', args.folder / f'run_{trial.replace(", ", "_")}_{seed}',
                                        columns, '--steps', args.steps, '--patience', args.steps, '--seed', seed,
                                        *TRIALS[trial])  # so patient: to the end of the cosine
                          for seed in args.seeds])


if __name__ == '__main__':
    main()
