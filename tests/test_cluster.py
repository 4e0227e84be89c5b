"""--scheduler: the same bytes from the workers of a Dask cluster, and what goes wrong there in one line.

The clusters are real: a scheduler, and workers that are processes of their own.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
from conftest import ROOT, contents, damaged_copy, error_line, prepare, small_names, stage, write_easy_notes
from librosa.filters import mel
from threadpoolctl import threadpool_limits

import activation
import evaluate
import extract_spectrum
import sound_map
from deepdream import baseline, cluster, dask_backend
from deepdream.baseline import extract_features, mfcc_statistics
from deepdream.cluster import scheduler
from deepdream.extraction import extract_chunk
from deepdream.map import store
from deepdream.map.previews import make_previews, preview_files

pytestmark = pytest.mark.thorough

pytest.importorskip('distributed')


@pytest.fixture(autouse=True, scope='module')
def sent_as_code():
    """What is defined here goes to the workers as code, since they do not find this file."""
    import cloudpickle
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


@pytest.fixture(scope='module')
def workers():
    """The address of a scheduler with two workers."""
    from distributed import LocalCluster
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=':0', silence_logs='CRITICAL') as local:
        yield local.scheduler_address


@contextlib.contextmanager
def separate_cluster(folder, working_directory, *worker_options):
    """Start a scheduler and a worker by the commands of docs/cluster.md; yield (address, process of the scheduler)."""
    dask = [sys.executable, '-m', 'dask']
    file = folder / 'scheduler.json'
    options = {'cwd': working_directory, 'stdout': subprocess.DEVNULL, 'stderr': subprocess.DEVNULL,
               'env': {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}}
    started = [subprocess.Popen([*dask, 'scheduler', '--host', '127.0.0.1', '--port', '0', '--no-dashboard',
                                 '--scheduler-file', file], **options)]
    try:
        while not file.exists():
            assert started[0].poll() is None
            time.sleep(0.05)
        started.append(subprocess.Popen([*dask, 'worker', '--scheduler-file', file, '--nworkers', '1',
                                         '--no-dashboard', *worker_options], **options))
        yield json.loads(file.read_text())['address'], started[0]
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(timeout=60)


@pytest.fixture(scope='module')
def listed(tmp_path_factory):
    """36 train and 8 test notes, of which nothing is extracted yet; one wav is no wav."""
    data = tmp_path_factory.mktemp('listed') / 'data'
    write_easy_notes(data, 'train', small_names(0, 3, 3))
    write_easy_notes(data, 'test', small_names(20, 2, 1), seed=1)
    (data / 'train/audio/vocal_acoustic_099-060-100.wav').write_bytes(b'no wav')
    (data / 'labels.txt').write_text('bass\nflute\norgan\nvocal\n')
    prepare(data)
    return data


@pytest.fixture
def data(listed, tmp_path, monkeypatch):
    """A copy of it without what stage 2 wrote, to be extracted in chunks of four notes."""
    monkeypatch.setattr(extract_spectrum, 'CHUNK', 4)
    return unextracted(shutil.copytree(listed, tmp_path / 'data'))


def unextracted(data):
    for path in [*data.rglob('*.npy'), data / 'spectrum.json', *data.glob('*_rejected.txt')]:
        path.unlink()
    return data


def extract(data, *options):
    return extract_spectrum.main(['--data', str(data), '--max-rejected', '20', *map(str, options)])


@pytest.fixture
def expected(data):
    """What this machine alone writes."""
    assert extract(data, '--jobs', 1) == 0
    written = contents(data)
    unextracted(data)
    return written


def counted_chunk(log, notes, *arguments):
    """`extract_chunk`, which notes in a file that it has begun."""
    with open(log, 'a') as file:
        file.write(f'{notes[0].name}\n')
    return extract_chunk(notes, *arguments)


def chunk_that_kills(log, pid, notes, *arguments):
    """Extract a chunk; in the course of the third one, kill a process with a pid, or the worker itself for None."""
    result = counted_chunk(log, notes, *arguments)
    with contextlib.suppress(FileExistsError):
        if len(log.read_text().splitlines()) >= 3:
            log.with_suffix('.killed').touch(exist_ok=False)
            os.kill(pid or os.getpid(), signal.SIGKILL)
            time.sleep(1)
    return result


# The same as from this machine.

def test_spectra_and_statistics_are_the_same_bytes(workers, data, expected, monkeypatch, capfd):
    monkeypatch.chdir(data.parent)  # where no worker is
    assert extract('data', '--scheduler', workers) == 0
    assert contents(data) == expected
    output = capfd.readouterr()
    assert '45 of 45 notes were to do' in output.out and 'rejected: train/vocal_acoustic_099' in output.out
    assert '100% 45/45' in output.err
    assert extract('data', '--scheduler', workers) == 0
    assert '0 of 45 notes were to do' in capfd.readouterr().out


def test_previews_are_the_same_bytes(workers, listed, tmp_path):
    data, notes = shutil.copytree(listed, tmp_path / 'data'), small_names(20, 2, 1)
    assert make_previews(data, 'test', notes).all()
    files = [path for pair in preview_files(data, 'test', notes) for path in pair]
    expected = [path.read_bytes() for path in files]
    for path in files:
        path.unlink()
    with scheduler(workers, data) as (data,):
        assert make_previews(data, 'test', notes).all()
    assert [path.read_bytes() for path in files] == expected


@pytest.mark.parametrize('form', [[], ['--embed']])
def test_a_map_of_a_folder_is_the_same_bytes(workers, listed, trained, tmp_path, monkeypatch, form):
    run, sounds = damaged_copy(trained, tmp_path / 'run'), tmp_path / 'sounds'
    shutil.copytree(listed / 'test/audio', sounds)
    (sounds / 'bad.wav').write_bytes(b'no wav')
    monkeypatch.chdir(tmp_path)  # where no worker is
    arguments = ['--sounds', 'sounds', '--run', 'run', '--output', 'out', *form]
    written = []
    for more in ([], ['--scheduler', workers]):
        store.opened.cache_clear()  # as in a process of its own, which makes network.onnx before the workers ask for it
        assert sound_map.main([*arguments, *more]) == 0
        written.append(contents(tmp_path / 'out'))
        shutil.rmtree(tmp_path / 'out')
    assert written[0] == written[1] and len(written[0]) > 24
    assert not list(sounds.glob('.seen*')) and not list(run.glob('.seen*'))


def test_activations_are_the_same_bytes(workers, small_data, trained, tmp_path, monkeypatch):
    alone, run = damaged_copy(trained, tmp_path / 'alone'), damaged_copy(trained, tmp_path / 'run')
    monkeypatch.setattr('deepdream.inference.CHUNK_BATCHES', 1)  # two chunks
    assert stage(activation, small_data, alone) == 0
    assert stage(activation, small_data, run, '--scheduler', workers) == 0
    assert contents(run) == contents(alone)


def test_the_baseline_learns_from_the_same_bits(workers, small_data, trained, tmp_path, monkeypatch):
    run, seen = damaged_copy(trained, tmp_path / 'run'), {}

    def noted(paths):
        seen.update(paths=paths, features=extract_features(paths))
        return seen['features']

    monkeypatch.setattr(baseline, 'extract_features', noted)
    assert stage(evaluate, small_data, run, '--scheduler', workers) == 0
    assert len(seen['paths']) == 100
    filters = mel(sr=16_000, n_fft=1024)
    with threadpool_limits(1):  # as in each process of joblib where there is one for each core
        np.testing.assert_array_equal(seen['features'], [mfcc_statistics(path, filters) for path in seen['paths']])


# What breaks in the course of it.

def test_a_killed_worker_costs_its_chunk(workers, data, expected, tmp_path, monkeypatch):
    log = tmp_path / 'chunks.txt'
    monkeypatch.setattr(extract_spectrum, 'extract_chunk', partial(chunk_that_kills, log, None))
    assert extract(data, '--scheduler', workers) == 0
    assert contents(data) == expected
    assert log.with_suffix('.killed').exists()
    begun = log.read_text().splitlines()
    assert len(set(begun)) == 12
    assert 1 <= len(begun) - 12 <= 4  # what it was at, and results that were not fetched yet: four tasks are out


def suicide(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_chunk_that_kills_its_workers_is_one_line(data, monkeypatch, capfd):
    import dask
    from distributed import LocalCluster
    monkeypatch.setattr(extract_spectrum, 'extract_chunk', suicide)
    with (dask.config.set({'distributed.scheduler.allowed-failures': 1}),  # of 3: none needs to be started again
          LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=':0', silence_logs='CRITICAL') as local):
        assert extract(data, '--scheduler', local.scheduler_address) == 1
    error_line(capfd.readouterr().err, 'has ended 2 workers', 'memory')


def test_workers_that_do_not_come_back_are_one_line(data, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(extract_spectrum, 'extract_chunk', suicide)
    monkeypatch.setattr(dask_backend, 'WORKERLESS_SECONDS', 1)
    with separate_cluster(tmp_path, ROOT, '--no-nanny') as (address, _):
        assert extract(data, '--scheduler', address) == 1
    error_line(capfd.readouterr().err, 'all workers are gone', 'start workers')


def test_a_scheduler_that_goes_away_is_one_line_and_the_rest_is_done_later(data, expected, tmp_path, monkeypatch,
                                                                          capfd):
    log = tmp_path / 'chunks.txt'
    with separate_cluster(tmp_path, ROOT) as (address, process), monkeypatch.context() as patch:
        patch.setattr(extract_spectrum, 'extract_chunk', partial(chunk_that_kills, log, process.pid))
        assert extract(data, '--scheduler', address) == 1
    error_line(capfd.readouterr().err, address, 'has gone away', 'run this again')
    assert 3 <= len(list(data.rglob('*.npy'))) < len([name for name in expected if name.endswith('.npy')])
    assert not list(data.glob('.seen_by_workers*'))
    assert extract(data, '--jobs', 1) == 0
    assert contents(data) == expected


# What is not there.

@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(dask_backend, 'CONNECT_SECONDS', 1)


def test_no_scheduler(data, impatient, capfd):
    before = contents(data)
    assert extract(data, '--scheduler', 'tcp://127.0.0.1:9') == 1
    error_line(capfd.readouterr().err, 'no scheduler answers at tcp://127.0.0.1:9', 'dask scheduler')
    assert contents(data) == before


def test_no_workers(data, impatient, capfd):
    from distributed import LocalCluster
    with LocalCluster(n_workers=0, dashboard_address=':0') as local:
        assert extract(data, '--scheduler', local.scheduler_address) == 1
    error_line(capfd.readouterr().err, 'has no workers', f'dask worker {local.scheduler_address}')


@pytest.mark.parametrize('address', ['host', 'host:8786', 'tcp://host', 'tcp://host:x', 'tcp://host:99999', 'http://h:1',
                                     'tcp://host:8786/'])
def test_what_is_no_address(data, capfd, address):
    with pytest.raises(SystemExit):
        extract(data, '--scheduler', address)
    assert f'{address!r} is not the address of a scheduler: give one as tcp://host:8786' in capfd.readouterr().err


def test_no_package(data, monkeypatch, capfd):
    monkeypatch.delitem(sys.modules, 'deepdream.dask_backend')
    monkeypatch.setitem(sys.modules, 'distributed', None)
    assert extract(data, '--scheduler', 'tcp://127.0.0.1:9') == 1
    error_line(capfd.readouterr().err, 'needs the package distributed', 'requirements_cluster.txt')


# A worker that would write something else, or elsewhere.

def test_a_worker_without_the_repository_is_named(data, tmp_path, capfd):
    with separate_cluster(tmp_path, tmp_path) as (address, _):
        assert extract(data, '--scheduler', address) == 1
    error_line(capfd.readouterr().err, 'worker tcp://127.0.0.1', 'does not find this repository')


@pytest.mark.parametrize('what', ['this repository', 'numpy'])
def test_a_worker_of_another_version_is_named(workers, data, monkeypatch, capfd, what):
    others = tuple((name, 'another' if name == what else version) for name, version in cluster.versions())
    monkeypatch.setattr(cluster, 'versions', lambda: others)
    assert extract(data, '--scheduler', workers) == 1
    error_line(capfd.readouterr().err, 'worker tcp://127.0.0.1', f'another version of {what}', '(another)')
    assert not list(data.rglob('*.npy'))


def test_a_worker_that_does_not_see_the_folder_is_named(workers, data, monkeypatch, capfd):
    monkeypatch.setattr(cluster, 'save_text', lambda *_: None)  # as of a folder that only this machine has
    assert extract(data, '--scheduler', workers) == 1
    error_line(capfd.readouterr().err, 'worker tcp://127.0.0.1', f'does not see the files in {data}')
    assert not list(data.rglob('*.npy'))
