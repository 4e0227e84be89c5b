"""joblib's tasks on the workers of a Dask cluster."""

import logging
import threading
import time
import weakref
from concurrent.futures import CancelledError
from contextlib import contextmanager

import cloudpickle
import joblib
from distributed import Client
from distributed.scheduler import KilledWorker
from joblib.parallel import ParallelBackendBase

from deepdream.artifacts import BadInput

CONNECT_SECONDS = 10
WORKERLESS_SECONDS = 60  # until the script gives up; a nanny starts a worker that has died again in a few


class ClusterBackend(ParallelBackendBase):
    """What joblib asks of a backend.

    Not joblib's own for Dask: of joblib 1.6 that one waits for ever where a task has killed its workers, and runs
    everything here where there is one worker.
    """

    supports_retrieve_callback = True
    default_n_jobs = -1

    def __init__(self, client=None, run_task=None, n_threads=1, **options):
        super().__init__(**options)
        self.client, self.run_task, self.n_threads = client, run_task, n_threads
        self.futures, self.is_workerless = weakref.WeakSet(), False

    def effective_n_jobs(self, n_jobs):
        """Twice the threads of the workers, of whatever `--jobs` says: so workers that come later find work, too."""
        return 2 * self.n_threads

    def submit(self, func, callback=None):
        future = self.client.submit(self.run_task, cloudpickle.dumps(func), pure=False)
        self.futures.add(future)
        future.add_done_callback(callback)
        return future

    def retrieve_result_callback(self, out):
        try:
            return out.result()
        except ImportError as error:
            raise BadInput(str(error)) from error
        except KilledWorker as error:
            raise BadInput(f'the same chunk of work has ended {error.allowed_failures + 1} workers, as happens where '
                           'memory runs out; what is written is kept: start fewer workers on a machine, and run it '
                           'again') from error
        except (CancelledError, OSError) as error:
            if out.status == 'error':  # of the chunk itself, as where the disk is full
                raise
            if self.is_workerless:
                raise ConnectionError('all workers are gone, and none has come back for '
                                      f'{WORKERLESS_SECONDS} s; what is written is kept: start workers, and run this '
                                      'again') from error
            raise ConnectionError(f'the scheduler at {self.client.scheduler.address} has gone away; what is written is '
                                  'kept: start it and its workers again, and run this again') from error

    def watch_workers(self, ended):
        """Until the event `ended`, look for workers; cancel all tasks once there are none any more.

        Without it the tasks would wait for workers, and the script for the tasks, for ever.
        """
        last_seen = time.monotonic()
        while not ended.wait(1):
            try:
                if self.client.nthreads():
                    last_seen = time.monotonic()
                elif time.monotonic() - last_seen > WORKERLESS_SECONDS:
                    self.is_workerless = True
                    self.client.cancel(list(self.futures))
            except (CancelledError, OSError):  # the scheduler is gone, which the tasks find out, too
                return


def make_task(wanted, marks):
    """Return the function that runs on a worker: it is sent as code, since the worker may lack this repository."""
    def run_task(pickled):
        import pickle
        import socket

        from distributed import get_worker
        name = f'worker {get_worker().address} on {socket.gethostname()}'
        try:
            from deepdream.worker import check_worker
        except ImportError as error:
            raise ImportError(f'{name} does not find this repository, or finds an older one ({error}): start it in the '
                              'folder of the same version') from error
        check_worker(name, wanted, marks)
        return pickle.loads(pickled)()
    return run_task


@contextmanager
def connected(address, wanted, marks):
    """Let joblib send its tasks to the Dask scheduler at `address` within the block."""
    for name in ('distributed', 'distributed.client'):  # tracebacks of what is told in one line here
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except OSError as error:
        raise ConnectionError(f'no scheduler answers at {address}: start one there with `dask scheduler`, or correct '
                              '--scheduler') from error
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            raise ConnectionError(f'the scheduler at {address} has no workers: start some with '
                                  f'`python -m dask worker {address} --nworkers -1`') from error
        backend = ClusterBackend(client, make_task(wanted, marks), sum(client.nthreads().values()))
        ended = threading.Event()
        watcher = threading.Thread(target=backend.watch_workers, args=[ended], daemon=True)
        watcher.start()
        try:
            with joblib.parallel_config(backend):
                yield
        finally:
            ended.set()
            watcher.join()
