"""What stages 1 to 7 take on as many notes as NSynth has: time, memory and disk, the first time and with nothing to do.

    python benchmarks/rehearse_nsynth.py --notes 100000 --steps 1000 [--test 4096] [--split train] [--folder DIR]

The notes are rendered ones under new names, hard links each of a few hundred wavs, or of the notes of a data folder
(--notes-of). They lie in train, valid and test as NSynth's do. Their spectra are computed and stored one by one, so
that 100,000 notes take 26 GB of disk. All that is made is removed in the end, unless --keep is given.
"""

import argparse
import contextlib
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from deepdream.artifacts import SPLITS, load_json, save_json  # noqa: E402 (the root is on the path now)
from deepdream.spectrum import npy_size  # noqa: E402

NSYNTH = {'train': 289_205, 'valid': 12_678, 'test': 4_096}
WITH_NOTHING_TO_DO = ('gather_information.py', 'extract_spectrum.py', 'train.py', 'sound_map.py')


def count_notes(n_notes, n_test):
    """Return {split: number of notes}, in NSynth's proportions; `n_test` of test where it is given."""
    counts = {split: round(n_notes * share / sum(NSYNTH.values())) for split, share in NSYNTH.items()}
    if n_test:
        counts['test'] = n_test
    return counts | {'train': n_notes - counts['valid'] - counts['test']}


def copied_name(note, copy):
    """Return the name of a copy of a note: it is of an instrument of its own, as 'bass_synthetic_0001033-045-100'."""
    return re.sub(r'_(\d+-\d{3}-\d{3})$', rf'_{copy:04}\1', note)


def link_notes(source, data, counts):
    """Make the splits of DATA: each note of `source` as often as it takes, as hard links, and examples.json."""
    for split, n_notes in counts.items():
        examples, made = load_json(source / split / 'examples.json', 'render_notes.py'), {}
        notes, folder = random.Random(0).sample(list(examples), len(examples)), data / split / 'audio'
        folder.mkdir(parents=True)
        for i in range(n_notes):
            note = notes[i % len(notes)]
            first, name = folder / f'{copied_name(note, 0)}.wav', copied_name(note, i // len(notes))
            if i < len(notes):
                shutil.copyfile(source / split / 'audio' / f'{note}.wav', first)
            else:
                os.link(first, folder / f'{name}.wav')
            made[name] = examples[note] | {'note_str': name, 'instrument_str': name.rsplit('-', 2)[0]}
        save_json(data / split / 'examples.json', made)


# What a stage takes.

def processes_of(pid):
    """Return the process and all below it that run now."""
    found = [pid]
    for one in found:
        for children in Path(f'/proc/{one}/task').glob('*/children'):
            with contextlib.suppress(OSError):  # it has ended
                found += map(int, children.read_text().split())
    return found


def watch_memory(pid, peaks):
    """Put the most resident memory (VmHWM, MB) of a process and of all below it into `peaks`, until it ends."""
    while Path(f'/proc/{pid}/status').exists():
        for one in processes_of(pid):
            try:
                match = re.search(r'VmHWM:\s+(\d+)', Path(f'/proc/{one}/status').read_text(encoding='utf-8'))
            except OSError:
                continue
            if match:
                peaks[one] = max(peaks.get(one, 0), int(match[1]) / 1024)
        time.sleep(0.2)


def disk_mb(*folders):
    """Return the size of all files below the folders but for the wavs of the notes, which are links."""
    return sum(os.stat(os.path.join(path, name)).st_size for folder in folders for path, _, names in os.walk(folder)
               for name in names if os.path.basename(path) != 'audio') / 1e6


def measure(script, arguments, folders):
    """Run a stage as a process of its own; return what it took, as a row of the table."""
    before, disk, start, peaks = resource.getrusage(resource.RUSAGE_CHILDREN), disk_mb(*folders), time.monotonic(), {}
    print(f'\n== {script} {" ".join(map(str, arguments))}', flush=True)
    with subprocess.Popen([sys.executable, ROOT / script, *map(str, arguments)], cwd=ROOT) as process:
        watcher = threading.Thread(target=watch_memory, args=(process.pid, peaks), daemon=True)
        watcher.start()
    if process.returncode:
        raise SystemExit(process.returncode)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    own = peaks.pop(process.pid, 0)
    return {'stage': script, 'wall_s': wall,
            'cpu_s': after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            'memory_mb': own, 'children_mb': sum(sorted(peaks.values())[-os.cpu_count():]),
            'disk_mb': disk_mb(*folders) - disk, 'load': os.getloadavg()[0]}


def foretold(counts, split, steps):
    """Return {script: seconds} as docs/nsynth.md estimates them for two idle cores."""
    return {'extract_spectrum.py': sum(counts.values()) * 1.4e-3,
            'train.py': steps * 40e-3 + steps / 250 * counts['valid'] * 0.44e-3,
            'evaluate.py': (min(counts['train'], 10_000) + counts[split]) / 300,
            'tsne.py': 180 * counts[split] / 4096, 'sound_map.py': counts[split] / 57}


def print_table(title, rows, estimates):
    print(f'\n{title}\n\n| stage | docs | wall | processor | memory | of its processes | disk | load |')
    print('|---|---|---|---|---|---|---|---|')
    for row in rows:
        said = f'{estimates[row["stage"]]:,.0f} s' if row['stage'] in estimates else ''
        print(f'| `{row["stage"]}` | {said} | {row["wall_s"]:,.0f} s | {row["cpu_s"]:,.0f} s | {row["memory_mb"]:,.0f} '
              f'MB | {row["children_mb"]:,.0f} MB | {row["disk_mb"]:,.0f} MB | {row["load"]:.1f} |', flush=True)


def rehearse(folder, args, counts):
    """Make the notes in `folder`, run the stages twice, and print the two tables."""
    data, run, source = folder / 'data', folder / 'run', args.notes_of
    if not source:
        source = folder / 'rendered'
        subprocess.run([sys.executable, ROOT / 'render_notes.py', '--data', source, '--pitches', '8'], check=True)
    start = time.monotonic()
    link_notes(source, data, counts)
    print(f'{sum(counts.values()):,} notes ({", ".join(f"{n:,} {split}" for split, n in counts.items())}) in '
          f'{time.monotonic() - start:.0f} s', flush=True)
    split = ['--data', data, '--run', run, '--split', args.split]
    stages = {'gather_information.py': ['--data', data], 'extract_spectrum.py': ['--data', data],
              'train.py': ['--data', data, '--run', run, '--steps', args.steps], 'evaluate.py': split,
              'activation.py': split, 'tsne.py': split, 'sound_map.py': split}
    rows = [measure(script, stages[script], (data, run)) for script in list(stages)[:args.stages]]
    print_table('The first time', rows, foretold(counts, args.split, args.steps))
    again = [measure(script, stages[script], (data, run)) for script in list(stages)[:args.stages]
             if script in WITH_NOTHING_TO_DO]
    print_table('With nothing to do', again, {})
    (folder / 'figures.json').write_text(json.dumps({'first': rows, 'again': again}, indent=2), encoding='utf-8')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('--notes', type=int, default=100_000, help='how many, in all splits')
    parser.add_argument('--test', type=int, help='notes of the test split, instead of its share in NSynth')
    parser.add_argument('--split', choices=SPLITS, default='test', help='which stages 4 to 7 are about')
    parser.add_argument('--steps', type=int, default=1000, help='of the training')
    parser.add_argument('--stages', type=int, default=7, help='run only so many')
    parser.add_argument('--notes-of', type=Path, metavar='DATA', help='take the notes of this folder, render none')
    parser.add_argument('--folder', type=Path, help='where to make all; a temporary folder otherwise')
    parser.add_argument('--keep', action='store_true', help='leave the notes, the spectra and the run there')
    args = parser.parse_args()

    folder = Path(tempfile.mkdtemp(dir=args.folder, prefix='rehearsal_'))
    needed, free = args.notes * npy_size('float16') * 1.1, shutil.disk_usage(folder).free
    try:
        if needed > free:
            raise SystemExit(f'{folder}: it takes {needed / 1e9:.0f} GB of disk, {free / 1e9:.0f} are free')
        rehearse(folder, args, count_notes(args.notes, args.test))
    finally:
        if not args.keep:
            shutil.rmtree(folder)
    print(folder if args.keep else f'{folder} is removed')


if __name__ == '__main__':
    main()
