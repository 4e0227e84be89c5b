"""How long the sound map takes: writing its page, the first time and again, and loading it in headless Chromium.

`python benchmarks/bench_map.py [--notes 4096] [--folder DIR]`; the notes are made up: 64 decaying tones in many copies.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import librosa
import numpy as np
import soundfile
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import sound_map

N_TONES = 64
N_FAMILIES = 11
LIMITS = {'first': 60, 'again': 10, 'load': 3}  # seconds, for 4,096 notes on two cores


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
    for folder in (data / 'test/audio', data / 'test/spectrum', run, tones):
        folder.mkdir(parents=True)
    write_tones(tones, rng)
    family = np.arange(n_notes) % N_FAMILIES
    notes = [f'family{one}_acoustic_{i:05d}-{24 + i % 84:03d}-{(25, 50, 75, 100, 127)[i % 5]:03d}'
             for i, one in enumerate(family)]
    for i, note in enumerate(notes):
        os.link(tones / f'{i % N_TONES}.wav', data / f'test/audio/{note}.wav')
        os.link(tones / f'{i % N_TONES}.npy', data / f'test/spectrum/{note}.npy')
    lines = ''.join(f'{note}\n' for note in notes)
    (data / 'test_samples.txt').write_text(lines)
    (run / 'activation_samples.txt').write_text(lines)
    (data / 'test_labels.txt').write_text(''.join(f'{one}\n' for one in family))
    (run / 'config.json').write_text(json.dumps({'labels': [f'family{i}' for i in range(N_FAMILIES)]}))
    activation = np.maximum(0, rng.normal(size=(N_FAMILIES, 256))[family] + rng.normal(size=(n_notes, 256)))
    np.save(run / 'activation.npy', activation.astype(np.float32))
    for name, size in (('act_pca', 50), ('act_tsne', 2), ('act_tsne_3d', 3)):
        centres = 5 * rng.normal(size=(N_FAMILIES, size))
        np.save(run / f'{name}.npy', centres[family] + rng.normal(size=(n_notes, size)))


def seconds_to_write(root, *arguments):
    start = time.perf_counter()
    if sound_map.main(['--data', str(root / 'data'), '--run', str(root / 'run'), *arguments]):
        raise SystemExit(1)
    return time.perf_counter() - start


def measure_page(path):
    """Return seconds until the page is drawn, and milliseconds of script (the graphics processor's work comes on top)
    of a recolouring, of a step of a turn in 3-D and of finding the note under the mouse."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which('chromium'), args=['--no-sandbox'])
        page = browser.new_page(viewport={'width': 1400, 'height': 900})
        start = time.perf_counter()
        page.goto(path.resolve().as_uri())
        page.wait_for_function('typeof app !== "undefined" && MAP.activation && !app.stage.requested')
        load = time.perf_counter() - start
        timed = 'deed => { const start = performance.now(); for (let i = 0; i < 20; i++) eval(deed);' \
                ' return (performance.now() - start) / 20; }'
        page.evaluate('app.stage.camera.show("tsne_3d")')
        deeds = ('app.store.change({colour: "neuron", neuron: i}); app.stage.paint()',
                 'app.stage.camera.turn(9, 0); app.stage.paint()',
                 'app.input.pick([9 * i, 400])')
        milliseconds = [page.evaluate(timed, deed) for deed in deeds]
        browser.close()
    return load, *milliseconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--notes', type=int, default=4096)
    parser.add_argument('--folder', help='where to make the notes; a temporary folder otherwise')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        root = Path(folder)
        write_inputs(root, args.notes, np.random.default_rng(0))
        figures = {'first': seconds_to_write(root), 'again': seconds_to_write(root)}
        figures['load'], recolour, turn, pick = measure_page(root / 'run/map/index.html')
        embedded = seconds_to_write(root, '--embed')
        size = sum(path.stat().st_size for path in (root / 'run/map').rglob('*') if path.is_file())
        one_file = (root / 'run/map_embed.html').stat().st_size
    for name, value in figures.items():
        print(f'{name:6} {value:6.2f} s  (at most {LIMITS[name]} s for 4,096 notes)')
    print(f'script time: a recolouring {recolour:.1f} ms, a step of a turn {turn:.1f} ms, '
          f'finding the note under the mouse {pick:.2f} ms')
    print(f'page {size / 1e6:.1f} MB; embedded {one_file / 1e6:.1f} MB, written in {embedded:.1f} s')
    return int(args.notes == 4096 and any(figures[name] > limit for name, limit in LIMITS.items()))


if __name__ == '__main__':
    raise SystemExit(main())
