"""How long the sound map takes: writing its page, the first time and again, and loading it in headless Chromium.

`python benchmarks/bench_map.py [--notes 4096] [--folder DIR]`; the notes are made up: 64 decaying tones in many copies.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import librosa
import numpy as np
import soundfile
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from deepdream.artifacts import save_csv, save_json  # noqa: E402 (the root is on the path now)
from deepdream.map.previews import FULL_SECONDS, make_both  # noqa: E402
from deepdream.run_folder import PRETRAINED, model_digest  # noqa: E402

N_TONES = 64
LIMITS = {'first': 60, 'again': 10, 'load': 3}  # seconds, for 4,096 notes on two cores
MOST_DELAY = 100  # milliseconds until a note sounds
HOVER = 300  # milliseconds for which the pointer is over a note before it is pressed


def write_tones(folder, rng):
    """Write the distinct wavs and spectra of which the notes are copies."""
    seconds = np.arange(64_000) / 16_000
    for i in range(N_TONES):
        partials = sum(np.sin(2 * np.pi * 110 * 2 ** (i / 16) * k * seconds) / k for k in range(1, 8))
        tone = 0.3 * partials * np.exp(-seconds * rng.uniform(0.3, 2)) * (seconds < 3.4)
        soundfile.write(folder / f'{i}.wav', tone, 16_000)
        np.save(folder / f'{i}.npy', spectrum(tone).astype(np.float16))


def spectrum(waveform):
    return np.log(1 + 1000 * np.abs(librosa.stft(waveform, n_fft=1024, hop_length=256)).T)


def write_inputs(root, n_notes, rng):
    data, run, tones = root / 'data', root / 'run', root / 'tones'
    for folder in (data / 'test/audio', data / 'test/spectrum', tones):
        folder.mkdir(parents=True)
    shutil.copytree(PRETRAINED, run, ignore=shutil.ignore_patterns('act*', 'PROVENANCE.md'))
    labels = json.loads((run / 'config.json').read_text())['labels']
    write_tones(tones, rng)
    # Instruments of unequal size, 90 a family, as in NSynth.
    instrument = np.sort((90 * len(labels) * rng.random(n_notes) ** 1.5).astype(int))
    family = instrument // 90
    nth = np.arange(n_notes) - np.searchsorted(instrument, instrument)
    notes = [f'{labels[one]}_acoustic_{number:03d}-{24 + k % 84:03d}-{1 + k // 84:03d}'
             for one, number, k in zip(family, instrument, nth, strict=True)]
    for i, note in enumerate(notes):
        os.link(tones / f'{i % N_TONES}.wav', data / f'test/audio/{note}.wav')
        os.link(tones / f'{i % N_TONES}.npy', data / f'test/spectrum/{note}.npy')
    (data / 'test_samples.txt').write_text(''.join(f'{note}\n' for note in notes))
    (data / 'test_labels.txt').write_text(''.join(f'{one}\n' for one in family))
    write_results(run, notes, family, instrument, labels, rng)


def write_results(run, notes, family, instrument, labels, rng):
    """Write what stages 4 to 6 would."""
    def around(size, shares):
        return sum(share * rng.normal(size=(groups.max() + 1, size))[groups] for share, groups in shares)

    alone = np.arange(len(notes))
    in_few = around(20, [(1, family), (1, instrument), (0.5, alone)])  # activations have far fewer dimensions than 256
    activation = np.maximum(0, in_few @ rng.normal(size=(20, 256)) + 0.1 * rng.normal(size=(len(notes), 256)))
    np.save(run / 'activation.npy', activation.astype(np.float32))
    (run / 'activation_samples.txt').write_text(''.join(f'{note}\n' for note in notes))
    for name, size in (('act_pca', 50), ('act_tsne', 2), ('act_tsne_3d', 3)):
        np.save(run / f'{name}.npy', around(size, [(5, family), (2, instrument), (0.5, alone)]).astype(np.float32))
    probabilities = rng.dirichlet(np.ones(len(labels)), len(notes))
    save_csv(run / 'predictions.csv', [['note', 'label', 'predicted', *labels], *(
        [note, labels[one], labels[row.argmax()], *(f'{share:.6f}' for share in row)]
        for note, one, row in zip(notes, family, probabilities, strict=True))])
    model = {'model': model_digest(run)}
    save_json(run / 'activation.json', model)
    save_json(run / 'metrics.json', model)
    save_json(run / 'tsne.json', model | {'evaluated_notes': 0, 'trustworthiness': {'tsne_2d': 0.0, 'tsne_3d': 0.0}})


def seconds_to_write(root, *arguments):
    """Run sound_map.py as a process of its own; return the seconds by the clock and of processor time."""
    start, before = time.perf_counter(), processor_seconds()
    subprocess.run([sys.executable, ROOT / 'sound_map.py', '--data', root / 'data', '--run', root / 'run', *arguments],
                   check=True)
    return time.perf_counter() - start, processor_seconds() - before


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def make_all_previews(root):
    """Make the previews: those of the tones, of which all others are hard links; return how long the making took."""
    start, tones, folder = time.perf_counter(), root / 'tones', root / 'data/test'
    for i in range(N_TONES):
        make_both(tones / f'{i}.wav', tones / f'{i}.npy', tones / f'{i}.mp3', tones / f'{i}.webp', False, FULL_SECONDS)
    seconds = time.perf_counter() - start
    (folder / 'preview').mkdir()
    for i, note in enumerate((root / 'data/test_samples.txt').read_text().split()):
        for ending in ('mp3', 'webp'):
            os.link(tones / f'{i % N_TONES}.{ending}', folder / f'preview/{note}.{ending}')
    return seconds / N_TONES


def measure_delay(page):
    """Return the milliseconds from the press on a note to the start of its sound, the median of five notes."""
    page.evaluate('''() => {
        window.delays = [];
        const add = app.sound.add;  // of every voice that has been started
        app.sound.add = function (...voice) {
            delays.push(performance.now() - window.pressed);
            return add.apply(this, voice);
        };
        addEventListener('pointerdown', () => window.pressed = performance.now(), true);
    }''')
    for number in range(1, 6):
        place = page.evaluate('''note => {
            const {left, top} = byId('stage').getBoundingClientRect();
            return [left + app.stage.camera.x[note], top + app.stage.camera.y[note]];
        }''', 100 * number)
        page.mouse.move(*place)
        page.wait_for_timeout(HOVER)
        page.mouse.click(*place)
        page.wait_for_function(f'delays.length >= {number}')
    return float(np.median(page.evaluate('delays')))


def measure_page(path):
    """Return seconds until the page is drawn and until the activations are read, the frames a second of a turn by the
    mouse and the share of the notes that the last one shows, milliseconds until a note sounds, and milliseconds of
    script (the graphics processor's work comes on top) of a recolouring, of a step of a turn in 3-D and of finding the
    note under the mouse."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which('chromium'), args=['--no-sandbox'])
        page = browser.new_page(viewport={'width': 1400, 'height': 900})
        start = time.perf_counter()
        page.goto(path.resolve().as_uri())
        page.wait_for_function('typeof app !== "undefined" && !app.stage.requested')
        load = time.perf_counter() - start
        start = time.perf_counter()
        page.evaluate('app.readActivation()')
        page.wait_for_function('MAP.activation')
        activation = time.perf_counter() - start
        delay = measure_delay(page)
        timed = 'deed => { const start = performance.now(); for (let i = 0; i < 20; i++) eval(deed);' \
                ' return (performance.now() - start) / 20; }'
        page.evaluate('app.stage.camera.show("tsne_3d")')
        deeds = ('app.store.change({colour: "neuron", neuron: i}); app.stage.paint()',
                 'app.stage.camera.turn(9, 0, -1); app.stage.paint()',
                 'app.input.pick([9 * i, 400])')
        milliseconds = [page.evaluate(timed, deed) for deed in deeds]
        page.evaluate('app.store.change({view: "tsne_3d"})')  # so that a drag turns
        frames, share = page.evaluate('''() => new Promise(resolve => {
            const n = 60;
            let start = 0;
            const drag = left => {
                if (left === n) start = performance.now();  // after the first third, which finds the pace
                if (!left) return resolve([1000 * n / (performance.now() - start), app.stage.pace.share]);
                app.stage.turnOrPan(9, 0);
                requestAnimationFrame(() => drag(left - 1));
            };
            drag(1.5 * n);
        })''')
        browser.close()
    return load, activation, frames, share, delay, *milliseconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--notes', type=int, default=4096)
    parser.add_argument('--folder', help='where to make the notes; a temporary folder otherwise')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        root = Path(folder)
        write_inputs(root, args.notes, np.random.default_rng(0))
        preview = make_all_previews(root)
        (first, first_cpu), (again, again_cpu) = seconds_to_write(root), seconds_to_write(root)
        figures, load = {'first': first, 'again': again}, os.getloadavg()[0]
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
        index = root / 'run/map/index.html'
        figures['load'], activation, frames, share, delay, recolour, turn, pick = measure_page(index)
        embedded = seconds_to_write(root, '--embed')[0] if args.notes <= 4096 else 0
        size = sum(path.stat().st_size for path in (root / 'run/map').rglob('*') if path.is_file())
        one_file = (root / 'run/map_embed.html').stat().st_size if embedded else 0
        n_chunks = len(list((root / 'run/map/previews').iterdir()))
    for name, value in figures.items():
        print(f'{name:6} {value:6.2f} s  (at most {LIMITS[name]} s for 4,096 notes)')
    print(f'first and again are without making the previews, {1000 * preview:.0f} ms a note on one core; they took '
          f'{first_cpu:.0f} and {again_cpu:.0f} s of processor time, at a load of {load:.0f}, and at most {memory:.0f} '
          f'MB of memory; the activations are read in {activation:.1f} s; '
          f'a turn by the mouse: {frames:.0f} frames a second, of {share:.0%} of the notes (no graphics processor)')
    print(f'script time: a recolouring {recolour:.1f} ms, a step of a turn {turn:.1f} ms, '
          f'finding the note under the mouse {pick:.2f} ms')
    print(f'a note sounds {delay:.0f} ms after the press on it (at most {MOST_DELAY} ms)')
    print(f'page {size / 1e6:.1f} MB, {n_chunks:,} files of previews; '
          f'embedded {one_file / 1e6:.1f} MB, written in {embedded:.1f} s')
    slow = args.notes == 4096 and any(figures[name] > limit for name, limit in LIMITS.items())
    return int(slow or delay > MOST_DELAY)


if __name__ == '__main__':
    raise SystemExit(main())
