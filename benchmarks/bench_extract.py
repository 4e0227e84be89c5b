"""How much faster extract_spectrum.py is than the plain loop; both sides run in turn on the same notes.

    python benchmarks/bench_extract.py [--wavs data/train/audio] [--notes 3000] [--repeat 3]

Each side is a process of its own, timed from its start to its end as who calls it waits for it.

The plain loop is the tutorial's: one process, librosa.load, stft, magphase, log, float32 .npy, running sums.
The limit is the work on the notes alone (read, transform, convert, write) in as many processes as there are cores:
nothing to hand out one by one, no statistics. Two cores are seldom twice as fast as one: it shows that, too.
"""

import argparse
import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import librosa
import numpy as np
from joblib import Parallel, delayed

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import extract_spectrum
import gather_information
from deepdream.artifacts import save_npy
from deepdream.audio import load_waveform
from deepdream.extraction import keep_memory
from deepdream.spectrum import log_spectrum


def plain_loop(data):
    """The tutorial's extraction."""
    total, squares = np.zeros((251, 513)), np.zeros((251, 513))
    wavs = sorted((data / 'train' / 'audio').iterdir())
    (data / 'plain').mkdir()
    for wav in wavs:
        waveform, _ = librosa.load(wav, sr=16_000)
        magnitude, _ = librosa.magphase(librosa.stft(waveform, n_fft=1024, hop_length=256))
        spectrum = np.log(1 + 1000 * magnitude.T)
        np.save(data / 'plain' / f'{wav.stem}.npy', spectrum)
        total += spectrum
        squares += spectrum ** 2
    np.save(data / 'plain_mean.npy', total / len(wavs))


def work_alone(data, wavs):
    """One note after the other through our own functions."""
    keep_memory()
    for wav in wavs:
        waveform, _ = load_waveform(wav)
        save_npy(data / 'limit' / f'{wav.stem}.npy', log_spectrum(waveform).astype(np.float16))


def limit(data):
    wavs, n_cores = sorted((data / 'train' / 'audio').iterdir()), os.cpu_count()
    Parallel(n_jobs=n_cores)(delayed(work_alone)(data, wavs[core::n_cores]) for core in range(n_cores))


def run_quietly(main, argv):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        if main(argv):
            raise SystemExit(f'{main.__module__} failed')


def copy_notes(wavs, folder, n_notes):
    """Fill DATA/train/audio with `n_notes` files, the given ones again and again under new names."""
    audio = folder / 'train' / 'audio'
    audio.mkdir(parents=True)
    for i in range(n_notes):
        wav = wavs[i % len(wavs)]
        shutil.copy(wav, audio / f'{wav.stem.split("-")[0]}-{i:06}.wav')
    run_quietly(gather_information.main, ['--data', str(folder)])


def put_aside(data):
    """Move away what the sides have written. Not deleted: ext4 slows down for minutes after thousands of deletions."""
    aside = Path(tempfile.mkdtemp(dir=data))
    for old in ('plain', 'limit', 'train/spectrum', 'spectrum.json'):
        if (data / old).exists():
            (data / old).rename(aside / Path(old).name)


def seconds(script, *arguments):
    """How long a script runs, once the disk has taken what the side before has written."""
    os.sync()
    start = time.perf_counter()
    subprocess.run([sys.executable, script, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('--wavs', type=Path, default='data/train/audio')
    options.add_argument('--notes', type=int, default=3000)
    options.add_argument('--repeat', type=int, default=3)
    options.add_argument('--side', nargs=2, metavar=('SIDE', 'DATA'), help='used by itself: plain_loop or limit')
    args = options.parse_args()
    if args.side:
        return {'plain_loop': plain_loop, 'limit': limit}[args.side[0]](Path(args.side[1]))
    wavs = sorted(args.wavs.glob('*.wav'))
    if not wavs:
        raise SystemExit(f'{args.wavs} holds no wav: run `make demo` first or give --wavs')

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        copy_notes(wavs, data, args.notes)
        for _ in range(args.repeat):
            put_aside(data)
            row = [seconds(__file__, '--side', side, data) for side in ('plain_loop', 'limit')]
            row += [seconds(extract_spectrum.__file__, '--data', data) for _ in range(2)]
            rows.append([1000 * value / args.notes for value in row])
            plain, least, ours, idle = rows[-1]
            print(f'plain {plain:.2f} ms a note, limit {least:.2f}, ours {ours:.2f}, nothing to do {idle:.3f}; '
                  f'ours {plain / ours:.2f} times the plain loop', flush=True)
    limits, ours, idle = (median(row[0] / row[side] for row in rows) for side in (1, 2, 3))
    print(f'median of the rounds: ours {ours:.2f} times the plain loop, nothing to do {idle:.0f} times')
    print(f'limit on {os.cpu_count()} cores: {limits:.2f} times; ours reaches {ours / limits:.0%} of it')


if __name__ == '__main__':
    main()
