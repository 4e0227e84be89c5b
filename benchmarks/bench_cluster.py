"""extract_spectrum.py on Dask workers of this machine against its own processes: notes a second, and the same bytes.

Takes N of the train notes of DATA, by hard links in a temporary folder beside it. Each way runs once to warm up, as
processes load their libraries with the first chunk; then all ways take turns, and the medians count. Workers have one
thread each. The processor's time, which other jobs disturb less than the clock's, is told apart for this process, which
gathers the statistics, and for the workers; that of joblib's own processes is not seen.

    python benchmarks/bench_cluster.py --data data --notes 800 --repeat 5
"""

import contextlib
import hashlib
import io
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent))

from distributed import Client, LocalCluster

import extract_spectrum
import gather_information
from deepdream.command_line import at_least, command, parser
from deepdream.notes import find_wavs


def extract(data, client, *options):
    """Extract all notes of DATA anew; return (seconds, processor seconds here, those of the workers, digest)."""
    shutil.rmtree(data / 'train' / 'spectrum', ignore_errors=True)
    for name in ('spectrum.json', 'data_mean.npy', 'data_std.npy'):
        (data / name).unlink(missing_ok=True)
    before = clocks(client)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        if extract_spectrum.main(['--data', str(data), *options]):
            raise SystemExit('the extraction failed')
    times = [after - start for after, start in zip(clocks(client), before, strict=True)]
    digest = hashlib.sha256()
    for path in sorted(data.rglob('*.npy')):
        digest.update(path.name.encode() + path.read_bytes())
    return *times, digest.hexdigest()


def clocks(client):
    """Return the clock's time, and the processor time of this process and of the workers of a cluster."""
    return time.perf_counter(), time.process_time(), sum(client.run(time.process_time).values()) if client else 0


def link_notes(source, data, n_notes):
    """Make DATA of hard links to the first train notes of another; return their number."""
    wavs = list(find_wavs(source, 'train').values())[:n_notes]
    (data / 'train' / 'audio').mkdir(parents=True)
    for wav in wavs:
        os.link(wav, data / 'train' / 'audio' / Path(wav).name)
    gather_information.main(['--data', str(data)])
    return len(wavs)


@command
def main(argv=None):
    options = parser(__doc__.splitlines()[0], 'data')
    options.add_argument('--notes', type=at_least(1), default=800, metavar='N', help='how many to extract')
    options.add_argument('--repeat', type=at_least(1), default=5, help='runs of each way')
    args = options.parse_args(argv)
    with tempfile.TemporaryDirectory(dir=args.data.parent) as folder, contextlib.ExitStack() as started:
        data = Path(folder) / 'data'
        n_notes = link_notes(args.data, data, args.notes)
        ways = {f'{n} process{"es" * (n > 1)}': (None, '--jobs', str(n)) for n in (1, 2)}
        for n in (1, 2):
            cluster = started.enter_context(LocalCluster(n_workers=n, threads_per_worker=1, dashboard_address=':0'))
            ways[f'{n} worker{"s" * (n > 1)}'] = (started.enter_context(Client(cluster)), '--scheduler',
                                                  cluster.scheduler_address)
        runs = {name: [] for name in ways}
        for _ in range(1 + args.repeat):
            for name, way in ways.items():
                runs[name].append(extract(data, *way))
    for name, some in runs.items():
        seconds, here, there = (median(column) for column in list(zip(*some[1:], strict=True))[:3])
        print(f'{name:12}{n_notes / seconds:8.0f} notes/s; processor, a note: {1000 * here / n_notes:5.2f} ms here, '
              f'{1000 * there / n_notes:5.2f} ms workers')
    print('all wrote the same bytes' if len({run[-1] for some in runs.values() for run in some}) == 1
          else 'NOT the same bytes')


if __name__ == '__main__':
    raise SystemExit(main())
