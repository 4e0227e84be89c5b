"""The page of the sound map against predict.py: the same sounds, their probabilities, nearest notes, marks and time.

    python benchmarks/bench_listener.py FOLDER_OR_FILE ... [--run run] [--sounds 100] [--rate 44100]

RUN needs its map (`python sound_map.py`). With --rate the sounds are first written anew at another rate, as stereo, so
that both have to resample them. The time is that of Chromium's main thread, from the bytes of a file to its nearest
notes; the first sound, for which everything is compiled, is given apart.
"""

import argparse
import base64
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).parents[1]))

from deepdream.audio import load_from_onset
from deepdream.neighbours import open_neighbourhood
from deepdream.novelty import open_novelty
from deepdream.sound_files import find_sounds
from deepdream.trained import open_network

ASK = '''async sounds => {
    if (!MAP.network) await loadScript('network.js');
    window.unpacked ||= unpackNetwork(MAP.network);
    const answers = [];
    for (const sound of sounds) {
        const bytes = bytesOf(sound).buffer;
        const start = performance.now();
        const buffer = await decodeSound(bytes);
        const decoded = performance.now();
        const {waveform} = loudestWindow(buffer);
        const heard = performance.now();
        const {probabilities, fc2, isOut} = askNetwork(unpacked, waveform);
        const nearest = nearestNotes(unpacked, fc2, 5).map(({row}) => MAP.notes[row]);
        const end = performance.now();
        answers.push({probabilities, fc2: [...fc2], isOut, nearest,
                      times: [decoded - start, heard - decoded, end - heard, end - start]});
    }
    return answers;
}'''


def ask_page(page, paths):
    """Return what the page says of every sound."""
    from playwright.sync_api import sync_playwright
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which('chromium'), args=['--no-sandbox'])
        tab = browser.new_page()
        tab.goto(page.resolve().as_uri())
        answers = [answer for start in range(0, len(paths), 20) for answer in tab.evaluate(
            ASK, [base64.b64encode(path.read_bytes()).decode() for path in paths[start:start + 20]])]
        browser.close()
    return answers


def ask_python(run, paths):
    """Return (probabilities, fc2, marks, nearest notes) as predict.py has them."""
    network, novelty, neighbourhood = open_network(run), open_novelty(run), open_neighbourhood(run)
    waveforms = np.stack([load_from_onset(path)[0] for path in paths])
    batches = [network.predict(waveforms[i:i + 32]) for i in range(0, len(waveforms), 32)]
    probabilities, fc2, features = map(np.concatenate, zip(*batches, strict=True))
    out = novelty.are_out(novelty.log_odds(features)) if novelty else np.zeros(len(fc2), bool)
    return probabilities, fc2, out, neighbourhood.nearest(fc2)


def write_anew(paths, rate, folder):
    """Write the sounds as 16-bit stereo at another rate, the second channel 6 dB softer; return the new paths."""
    import soxr
    written = []
    for i, path in enumerate(paths):
        waveform, own = soundfile.read(path, always_2d=True, dtype='float32')
        waveform = 0.9 * soxr.resample(waveform[:, 0], own, rate)
        written.append(folder / f'{i:04}.wav')
        soundfile.write(written[-1], np.stack([waveform, waveform / 2], axis=1), rate)
    return written


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('sources', nargs='+')
    options.add_argument('--run', type=Path, default=Path('run'))
    options.add_argument('--sounds', type=int, default=100, help='how many, drawn at random')
    options.add_argument('--rate', type=int, help='write them anew at this sample rate first')
    args = options.parse_args()
    paths, _ = find_sounds(args.sources)
    chosen = np.sort(np.random.default_rng(0).permutation(len(paths))[:args.sounds])
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(paths[i]) for i in chosen]
        paths = write_anew(paths, args.rate, Path(folder)) if args.rate else paths
        probabilities, fc2, out, nearest = ask_python(args.run, paths)
        answers = ask_page(args.run / 'map/index.html', paths)
    apart = np.abs(np.array([answer['probabilities'] for answer in answers]) - probabilities).max(axis=1)
    fc2_apart = np.abs(np.array([answer['fc2'] for answer in answers]) - fc2).max(axis=1)
    times = np.array([answer['times'] for answer in answers])
    same = [answer['nearest'] == names for answer, names in zip(answers, nearest, strict=True)]
    same_sets = [set(answer['nearest']) == set(names) for answer, names in zip(answers, nearest, strict=True)]
    print(f'{len(paths)} sounds, {args.run}: probabilities differ by at most {apart.max():.6f} '
          f'(median {np.median(apart):.6f}, 95 % below {np.percentile(apart, 95):.6f}); fc2, which reaches '
          f'{fc2.max():.1f}, by at most {fc2_apart.max():.6f}')
    print(f'the same five nearest notes in the same order for {np.mean(same):.1%}, in any order for '
          f'{np.mean(same_sets):.1%}; the same mark for {np.mean([a["isOut"] for a in answers] == out):.1%}, '
          f'{out.sum()} of them out of distribution')
    print('ms a sound, median (decoding, window, network and neighbours, all): '
          + ', '.join(f'{time:.0f}' for time in np.median(times[1:], axis=0))
          + f'; the fastest {times[1:, -1].min():.0f}, the slowest {times[1:, -1].max():.0f}, '
          f'the first {times[0, -1]:.0f}')


if __name__ == '__main__':
    main()
