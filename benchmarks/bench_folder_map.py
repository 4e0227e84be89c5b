"""How long a map of a folder of sounds takes, and how much memory and disk: the first time, and with nothing new.

    python benchmarks/bench_folder_map.py --sounds 2000 [--run pretrained] [--folder DIR]

The sounds are made up: decaying tones and noises of 0.3 to 6 s, at 44.1 kHz, mono and stereo, in nested folders; each
of 500 different ones is there several times, as hard links.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parent.parent
N_DIFFERENT = 500
RATE = 44_100
LIMITS = {2000: 180, 20_000: 1500}  # seconds on two idle cores


def path_of(folder, i):
    return folder / f'pack {i % 7}/kind {i % 50}/sound {i}.wav'


def write_sounds(folder, n_sounds, rng):
    """Write `n_sounds` files in nested folders."""
    for i in range(n_sounds):
        path = path_of(folder, i)
        path.parent.mkdir(parents=True, exist_ok=True)
        if i >= N_DIFFERENT:
            os.link(path_of(folder, i % N_DIFFERENT), path)
            continue
        seconds = np.arange(round(rng.uniform(0.3, 6) * RATE)) / RATE
        pitch_hz = 60 * 2 ** rng.uniform(0, 5)
        tone = sum(np.sin(2 * np.pi * pitch_hz * k * seconds) / k ** rng.uniform(0.5, 2) for k in range(1, 9))
        tone = tone + rng.uniform(0, 1) * rng.normal(size=len(seconds))
        tone *= np.exp(-seconds * rng.uniform(0.3, 6))
        tone *= 0.5 / np.abs(tone).max()
        soundfile.write(path, np.stack([tone] * (1 + i % 2), axis=1), RATE)


def peak_memory_mb(pid, found):
    """Put the most resident memory of a process into found[0], until it ends."""
    while True:
        try:
            status = Path(f'/proc/{pid}/status').read_text(encoding='utf-8')
        except OSError:
            return
        if match := re.search(r'VmHWM:\s+(\d+)', status):
            found[0] = max(found[0], int(match[1]) / 1024)
        time.sleep(0.2)


def measure(folder, out, run):
    """Return (wall s, CPU s, peak MB, {part: s since the start at which its progress first showed})."""
    before, start, memory, starts = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter(), [0.0], {}
    with subprocess.Popen([sys.executable, ROOT / 'sound_map.py', '--sounds', folder, '--output', out, '--run', run],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        threading.Thread(target=peak_memory_mb, args=(process.pid, memory), daemon=True).start()
        for line in process.stdout:
            print(line, end='', file=sys.stderr)
            part = re.match(r'(sounds|t-SNE .-D): +(\d+)%', line)
            if part:
                starts.setdefault(f'{part[1]} {"end" if part[2] == "100" else "start"}', time.perf_counter() - start)
    if process.returncode:
        raise SystemExit(process.returncode)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, cpu, memory[0], starts


def size_mb(paths):
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--sounds', type=int, default=2000, help='how many')
    parser.add_argument('--run', type=Path, default=ROOT / 'pretrained', help='the network')
    parser.add_argument('--folder', help='where to make the sounds; a temporary folder otherwise')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        sounds, out = Path(folder) / 'sounds', Path(folder) / 'out'
        write_sounds(sounds, args.sounds, np.random.default_rng(0))
        figures = {name: measure(sounds, out, args.run) for name in ('first', 'again')}
        kept, page = size_mb((out / 'computed').iterdir()), size_mb([*out.glob('*.js'), *out.glob('previews/*')])
    for name, (wall, cpu, memory, starts) in figures.items():
        parts = ', '.join(f'{part} {seconds:.0f} s' for part, seconds in starts.items())
        print(f'{name:6} {wall:7.1f} s, {cpu:7.1f} s of processor time, at most {memory:5.0f} MB of memory; {parts}')
    print(f'disk: {kept:.1f} MB kept of the sounds, {page:.1f} MB of page; load {os.getloadavg()[0]:.1f}')
    return int(figures['first'][0] > LIMITS.get(args.sounds, float('inf')))


if __name__ == '__main__':
    raise SystemExit(main())
