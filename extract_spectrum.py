"""Stage 2: turn every listed note into a log-magnitude spectrum, and take the statistics of the train split.

Reads DATA/{split}_samples.txt and the wavs; writes DATA/{split}/spectrum/{note}.npy, DATA/data_mean.npy,
DATA/data_std.npy, DATA/spectrum.json (settings) and DATA/{split}_rejected.txt (note, tab, reason).
Run again, it does only what is missing or whose wav is newer.
"""

import argparse
import os
from collections import Counter

import numpy as np

from deepdream.artifacts import (
    SPLITS,
    BadInput,
    check_disk,
    list_path,
    load_json,
    load_lines,
    require,
    save_json,
    save_npy,
    save_text,
    spectrum_path,
)
from deepdream.cluster import scheduler
from deepdream.command_line import at_least, command, parser, process_count, progress
from deepdream.extraction import ListedNote, extract_chunk, merge_moments
from deepdream.notes import find_wavs, notes_digest
from deepdream.spectrum import npy_size, spectrum_settings, with_version

CHUNK = 32  # notes a task: large against the cost of a task, small in memory; fixes the order of the sums, too


def is_own_library(data):
    """Whether split_notes.py made the data: it asks for aligned onsets in DATA/split.json."""
    path = data / 'split.json'
    return path.exists() and load_json(path, 'split_notes.py', align_onset=bool)['align_onset']


def load_rejected(data, split):
    """Return ({note: reason}, when it was written in ns) of DATA/{split}_rejected.txt."""
    path = list_path(data, split, 'rejected')
    if not path.exists():
        return {}, 0
    lines = load_lines(path, 'extract_spectrum.py')
    return dict(line.split('\t', 1) for line in lines if '\t' in line), path.stat().st_mtime_ns


def find_whole(folder, dtype):
    """Return {file name: when it was written, in ns} of the spectra in a folder that have the size of a whole one."""
    if not folder.is_dir():
        return {}
    size = npy_size(dtype)
    with os.scandir(folder) as entries:
        stats = ((entry.name, entry.stat()) for entry in entries)
        return {name: stat.st_mtime_ns for name, stat in stats if stat.st_size == size}


def list_notes(data, split, dtype):
    """Return ([ListedNote], {name: reason of those rejected before}) of a split.

    A note is done when its spectrum is there, whole and not older than its wav. Raises BadInput where one that is to do
    has no wav.
    """
    samples = list_path(data, split, 'samples')
    wavs = find_wavs(data, split)
    rejected, rejected_at = load_rejected(data, split)
    folder = spectrum_path(data, split, '').parent
    written = find_whole(folder, dtype)
    notes = []
    for name in load_lines(samples, 'gather_information.py'):
        wav, written_at = wavs.get(name, ''), written.get(f'{name}.npy')
        changed = os.stat(wav).st_mtime_ns if wav else 0
        if name in rejected and (not wav or max(changed, os.stat(wav).st_ctime_ns) <= rejected_at):
            state = 'rejected'
        elif written_at is not None and changed <= written_at:
            state = 'done'
        elif wav:
            state = 'to do'
        else:
            raise BadInput(f'{samples} names {name!r}, but there is no such wav: '
                           'run `python gather_information.py` again')
        notes.append(ListedNote(name, wav, f'{folder}/{name}.npy', state, written_at))
    return notes, {note.name: rejected[note.name] for note in notes if note.state == 'rejected'}


def extract_all(notes, dtype, align_onset, jobs, with_moments):
    """Extract in parallel. `notes` is {split: [ListedNote]}.

    Returns ({split: {name: reason of rejection}}, Counter of remarks, moments of train or None). The chunks and the
    order in which their moments are merged depend on the list alone: the same bits for any number of jobs or
    interruptions.
    """
    from joblib import Parallel, delayed
    chunks = [(split, some[i:i + CHUNK]) for split, some in notes.items() for i in range(0, len(some), CHUNK)]
    chunks = [(split, chunk) for split, chunk in chunks
              if (with_moments and split == 'train') or any(note.state == 'to do' for note in chunk)]
    rejected, remarks, total = {split: {} for split in notes}, Counter(), None
    if not chunks:
        return rejected, remarks, total
    results = Parallel(n_jobs=jobs, return_as='generator')(
        delayed(extract_chunk)(chunk, dtype, align_onset, with_moments and split == 'train')
        for split, chunk in chunks)
    with progress(total=sum(len(chunk) for _, chunk in chunks), description='spectra') as bar:
        for (split, chunk), (chunk_remarks, chunk_rejected, part) in zip(chunks, results, strict=True):
            remarks.update(chunk_remarks)
            rejected[split] |= chunk_rejected
            total = merge_moments(total, part) if total and part else total or part
            bar.update(len(chunk))
    return rejected, remarks, total


def start_settings(data, dtype, align_onset):
    """Return the content of spectrum.json; where its settings are not today's, first delete what was made with them."""
    wanted, path = spectrum_settings(dtype, align_onset), data / 'spectrum.json'
    stored = with_version(load_json(path, 'extract_spectrum.py')) if path.exists() else {}
    if {key: stored.get(key) for key in wanted} == wanted:
        return wanted | stored
    old = {split: list(spectrum_path(data, split, '').parent.glob('*.npy')) for split in SPLITS}
    freed = sum(made.stat().st_size for some in old.values() for made in some)
    n_old = sum(map(len, old.values()))
    check_disk(data, n_old * npy_size(dtype) - freed, f'{n_old:,} spectra as {dtype}, instead of what is there,')
    for split, some in old.items():
        if some:
            print(f'{path}: other settings: {len(some):,} spectra of {split} are made again')
        for made in [*some, list_path(data, split, 'rejected')]:
            made.unlink(missing_ok=True)
    save_json(path, wanted)
    return wanted


def statistics_are_current(data, stored, notes):
    """Whether data_mean.npy and data_std.npy are those of these very train spectra, and these need no work."""
    files = [data / 'data_mean.npy', data / 'data_std.npy']
    done = [note for note in notes if note.state == 'done']
    if any(note.state == 'to do' for note in notes) or not all(file.exists() for file in files):
        return False
    newest = max((note.written_at for note in done), default=0)
    return (stored.get('statistics_of') == notes_digest(note.name for note in done)
            and all(file.stat().st_mtime_ns >= newest for file in files))


def report(notes, rejected, remarks):
    n_new = sum(note.state == 'to do' for some in notes.values() for note in some)
    print(f'{n_new:,} of {sum(map(len, notes.values())):,} notes were to do'
          + ''.join(f', {n:,} {remark}' for remark, n in remarks.items()))
    for split, reasons in rejected.items():
        for note, reason in list(reasons.items())[:5]:
            print(f'rejected: {split}/{note}: {reason}')
        if len(reasons) > 5:
            print(f'rejected: {len(reasons) - 5} more of {split}: see {split}_rejected.txt')


def check_rejected(data, n_rejected, n_notes, max_rejected):
    if n_rejected * 100 > max_rejected * n_notes:
        raise BadInput(f'{n_rejected:,} of {n_notes:,} notes are unusable, more than the {max_rejected:g} % of '
                       f'--max-rejected: see {data}/*_rejected.txt, replace those wavs and run again')


def write_rejected(data, split, notes, reasons, is_new):
    """Write DATA/{split}_rejected.txt, unless nothing `is_new` and it already has as many lines as `reasons`."""
    lines = [f'{note.name}\t{reasons[note.name]}\n' for note in notes if note.name in reasons]
    if is_new or len(lines) != len(load_rejected(data, split)[0]):
        save_text(list_path(data, split, 'rejected'), ''.join(lines))


def write_statistics(data, stored, usable, moments):
    """Write data_mean.npy, data_std.npy and spectrum.json from the moments of the `usable` train notes."""
    n_train, mean, squares = moments
    save_npy(data / 'data_mean.npy', mean.astype(np.float32))
    save_npy(data / 'data_std.npy', np.sqrt(squares / n_train).astype(np.float32))
    statistics = {'n_train': n_train, 'statistics_of': notes_digest(usable)}
    save_json(data / 'spectrum.json', stored | statistics)
    print(f'statistics of {n_train:,} train notes written to {data}/data_mean.npy and data_std.npy')


def parse_arguments(argv):
    options = parser(__doc__.splitlines()[0], 'data', 'scheduler')
    options.add_argument('--dtype', choices=['float16', 'float32'], default='float16', help='of the stored spectra')
    options.add_argument('--align-onset', action=argparse.BooleanOptionalAction, default=None,
                         help='begin every note at its onset, and long ones at their loudest 4 s, as predict.py does '
                              '(default: for the data of split_notes.py)')
    options.add_argument('--jobs', type=process_count, default=-1, help='processes; -1: one for each core')
    options.add_argument('--max-rejected', type=at_least(0, float), default=1, metavar='PERCENT',
                         help='more unusable wavs than this are an error')
    return options.parse_args(argv)


def extract(data, dtype, align_onset, jobs, max_rejected):
    """Bring the spectra and the statistics of DATA up to date; BadInput where too many wavs are unusable."""
    splits = [split for split in SPLITS if list_path(data, split, 'samples').exists()]
    if not splits:
        require(list_path(data, 'train', 'samples'), 'gather_information.py')
    align_onset = is_own_library(data) if align_onset is None else align_onset
    stored = start_settings(data, dtype, align_onset)
    notes, rejected = {}, {}
    for split in splits:
        notes[split], rejected[split] = list_notes(data, split, dtype)
    n_more = sum(note.state == 'to do' and note.written_at is None for some in notes.values() for note in some)
    check_disk(data, n_more * npy_size(dtype), f'{n_more:,} spectra')
    train = notes.get('train', [])
    with_moments = bool(train) and not statistics_are_current(data, stored, train)
    newly_rejected, remarks, total = extract_all(notes, dtype, align_onset, jobs, with_moments)

    for split in splits:
        rejected[split] |= newly_rejected[split]
        write_rejected(data, split, notes[split], rejected[split], bool(newly_rejected[split]))
    report(notes, rejected, remarks)
    check_rejected(data, sum(map(len, rejected.values())), sum(map(len, notes.values())), max_rejected)
    if total:
        usable = [note.name for note in train if note.name not in rejected['train']]
        write_statistics(data, stored, usable, total)
    elif with_moments or not train:
        print('no usable train notes: no statistics written')


@command
def main(argv=None):
    args = parse_arguments(argv)
    with scheduler(args.scheduler, args.data) as (data,):
        extract(data, args.dtype, args.align_onset, args.jobs, args.max_rejected)


if __name__ == '__main__':
    raise SystemExit(main())
