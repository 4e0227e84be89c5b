"""What every script has at the terminal: shared options, errors as one line, progress."""

import argparse
import functools
import gc
import itertools
import os
import sys
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from tqdm import tqdm

from deepdream.artifacts import BadInput

# Python looks for garbage after 700 new objects (3.11), which makes up a quarter of the time that TensorFlow's import
# takes.
gc.set_threshold(50_000, 20, 20)


class Help(argparse.ArgumentDefaultsHelpFormatter):
    """Names the default of every option that has one."""

    def _get_help_string(self, action):
        return action.help if action.default is None else super()._get_help_string(action)


def parser(description, *shared):
    """An ArgumentParser with the shared options: ``--data``, ``--run`` and ``--scheduler`` where `shared` names them.

    'network' in the place of 'run' is for scripts that only need a trained network: their ``--run`` is None where it is
    not given, and `run_folder.choose_run` finds one.
    """
    result = argparse.ArgumentParser(description=description, formatter_class=Help)
    if 'data' in shared:
        result.add_argument('--data', type=Path, default='data', metavar='DIR', help='notes, lists and spectra')
    if 'run' in shared:
        result.add_argument('--run', type=Path, default='run', metavar='DIR', help='model and all that depends on it')
    if 'network' in shared:
        result.add_argument('--run', type=Path, metavar='DIR',
                            help='model and all that depends on it (default: run where it holds a model, else '
                                 'pretrained, which comes with these scripts)')
    if 'scheduler' in shared:
        result.add_argument('--scheduler', type=scheduler_address, metavar='ADDRESS',
                            help='of a Dask cluster that does what else the cores of this machine do, as in '
                                 'tcp://host:8786: see docs/cluster.md')
    return result


def at_least(lowest, kind=int):
    """The type of an option that is a number, `lowest` or more."""
    def convert(text):
        if not kind(text) >= lowest:  # so that nan is refused, too
            raise argparse.ArgumentTypeError(f'{text} is less than {lowest}')
        return kind(text)
    convert.__name__ = kind.__name__  # what argparse calls it
    return convert


def share(text):
    """The type of an option that is a share, 0 to 1."""
    if not 0 <= float(text) <= 1:
        raise argparse.ArgumentTypeError(f'{text} is not a share: give 0 to 1')
    return float(text)


def share_below_one(text):
    """The type of an option that is a share of which 1 would leave nothing."""
    if not 0 <= float(text) < 1:
        raise argparse.ArgumentTypeError(f'{text} is not a share: give 0 or more, and less than 1')
    return float(text)


def random_seed(text):
    """The type of ``--seed``: 0 to 4294967295, which is what scikit-learn and Keras take."""
    if not 0 <= int(text) < 2 ** 32:
        raise argparse.ArgumentTypeError(f'{text} is not between 0 and {2 ** 32 - 1}')
    return int(text)


def process_count(text):
    """The type of ``--jobs``, in joblib's sense: -1 is one process for each core."""
    if int(text) == 0:
        raise argparse.ArgumentTypeError('give -1 for a process on each core, or a number above 0')
    return int(text)


def scheduler_address(text):
    """The type of ``--scheduler``: protocol, host and port."""
    try:
        address = urlsplit(text)
        complete = address.scheme in ('tcp', 'tls') and address.hostname and address.port
    except ValueError:  # a port that is no number, or too large
        complete = False
    if not complete or text != f'{address.scheme}://{address.netloc}':
        raise argparse.ArgumentTypeError(f'{text!r} is not the address of a scheduler: give one as tcp://host:8786')
    return text


def command(main):
    """Turn the expected errors of a script's `main` into one line on stderr and exit status 1 (130 when stopped)."""
    @functools.wraps(main)
    def wrapped(argv=None):
        script = Path(sys.modules[main.__module__].__file__).name
        with suppress(AttributeError):  # of what stands in for it in another program
            sys.stdout.reconfigure(errors='backslashreplace')  # for names that its encoding lacks
        try:
            status = main(argv) or 0
            sys.stdout.flush()
            return status
        except BrokenPipeError:  # whoever reads the output has enough, as `head` has
            return 1
        except (BadInput, OSError) as error:
            print(f'{script}: error: {" ".join(str(error).split())}', file=sys.stderr)
            return 1
        except BrokenExecutor:
            print(f'{script}: error: one of its processes was killed, as happens where memory runs out; what is '
                  'written is kept: close other programs, or give a smaller --jobs where there is one, '
                  'and run it again', file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print(f'\n{script}: stopped; what is written is kept, run it again to go on', file=sys.stderr)
            return 130
        finally:
            drop_unwritten_output()
    return wrapped


def end(status):
    """End a script that uses TensorFlow, without Python's last look for garbage where all went well.

    TensorFlow's import alone makes 300,000 objects, none of them garbage: to look through all takes 0.8 s. After a
    failure joblib's semaphores are given back by it.
    """
    if not status:
        gc.freeze()
    raise SystemExit(status)


def drop_unwritten_output():
    """Send stdout nowhere once it takes no more: else Python would flush it again as it ends, and print a traceback."""
    try:
        sys.stdout.flush()
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


@contextmanager
def silent_stderr():
    """Drop what libraries write to the process's stderr (file descriptor 2) within the block; exceptions pass."""
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


class _Lines:
    """A stream for tqdm where there is no terminal: a line each time instead of a carriage return."""

    def write(self, text):
        if text.strip():
            sys.stderr.write(text.strip() + '\n')

    def flush(self):
        sys.stderr.flush()


def progress(iterable=None, total=None, description='', unit='note', **options):
    """A tqdm bar with rate and time left; plain lines every ten seconds where stderr is not a terminal."""
    if not sys.stderr.isatty():
        options |= {'file': _Lines(), 'mininterval': 10, 'ncols': 0, 'miniters': 1, 'maxinterval': 10}
    return tqdm(iterable, total=total, desc=description, unit=unit, dynamic_ncols=sys.stderr.isatty(), **options)


def progress_from_first(results, total, description):
    """Yield the results of other processes under a bar that appears with the first one.

    Until then the processes start, which takes seconds and says nothing of the time left.
    """
    results = iter(results)
    first = list(itertools.islice(results, 1))  # none where there is nothing to do
    yield from first
    yield from progress(results, total=total, initial=len(first), description=description)
