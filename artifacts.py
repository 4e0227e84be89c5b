"""What every stage shares: where the artifacts lie, how they are written and read, the options, the messages.

It knows nothing of audio and never imports TensorFlow, so that ``--help`` answers at once.
"""

import argparse
import csv
import functools
import hashlib
import io
import json
import os
import re
import sys
import tokenize
import zipfile
import zlib
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from tqdm import tqdm

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')  # TensorFlow's start-up notes are no news to a user
os.environ.setdefault('TF_CPU_ALLOCATOR_USE_BFC', 'true')  # it keeps its memory: 1.5 times as fast on busy cores

SPLITS = ('train', 'valid', 'test')
NOTE_PATTERN = re.compile(r'(?P<instrument>.+)-(?P<pitch>\d{3})-(?P<velocity>\d{3})')
# What reading a damaged .npy or .npz raises, whichever byte of it is another.
DAMAGED = (ValueError, TypeError, KeyError, EOFError, SyntaxError, tokenize.TokenError, RuntimeError, MemoryError,
           zipfile.BadZipFile, zlib.error)


class BadInput(ValueError):
    """Something the user can mend. The message names the file, the value and the remedy."""


# Artifact names. DATA depends on audio only, RUN on the model too.

def list_path(data, split, kind):
    """``DATA/{split}_{kind}.txt``; `kind` is 'samples' (note names), 'labels' (class indices) or 'rejected'."""
    return Path(data) / f'{split}_{kind}.txt'


def spectrum_path(data, split, note):
    """``DATA/{split}/spectrum/{note}.npy``."""
    return Path(data) / split / 'spectrum' / f'{note}.npy'


def run_path(run, name, split='test'):
    """``RUN/{name}`` for the test split, which has the published names; ``RUN/{stem}_{split}.{ext}`` for another."""
    stem, extension = os.path.splitext(name)
    return Path(run) / (name if split == 'test' else f'{stem}_{split}{extension}')


def instrument_of(note):
    """Return the name of a note's instrument; a note whose name tells none is its own.

    'bass_synthetic_033-045-100' -> 'bass_synthetic_033'; 'snare_ludwig--hit 1', of split_notes.py, -> 'snare_ludwig'.
    """
    instrument, dashes, _ = note.partition('--')
    if dashes:
        return instrument
    match = NOTE_PATTERN.fullmatch(note)
    return match['instrument'] if match else note


# Writing and reading.

@contextmanager
def atomic(path):
    """Yield a temporary path beside `path`; rename it to `path` once the block has ended without an error.

    The temporary name is always the same, so that what a killed run left behind is overwritten by the next one.
    """
    path = Path(path)
    if not path.name:
        raise BadInput(f"'{path}' names a folder: give the name of a file")
    temporary = path.with_name('.tmp.' + path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:  # numpy's own message for a full disk names neither the file nor the reason
        reason = error.strerror or f'{error} (is the disk full?)'
        raise OSError(error.errno or 0, f'cannot write: {reason}', str(path)) from error
    finally:
        with suppress(OSError):  # what is reported is why it could not be written
            temporary.unlink(missing_ok=True)


def save_npy(path, array):
    with atomic(path) as temporary, open(temporary, 'wb') as file:
        np.save(file, array, allow_pickle=False)


def save_text(path, text):
    with atomic(path) as temporary:
        temporary.write_text(text, encoding='utf-8', newline='\n')


def csv_text(rows):
    """Return rows of text and numbers as CSV."""
    text = io.StringIO(newline='')
    csv.writer(text, lineterminator='\n').writerows(rows)
    return text.getvalue()


def save_csv(path, rows):
    save_text(path, csv_text(rows))


def save_json(path, content):
    save_text(path, json.dumps(content, indent=2, ensure_ascii=False) + '\n')


def require(path, made_by):
    """Return `path` as a Path, or raise FileNotFoundError naming the stage that makes it."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f'{path} is missing: run `python {made_by}` first')
    return path


def load_npy(path, made_by):
    """Return the array of numbers in `path`; BadInput where it is no intact .npy (pickles are never loaded)."""
    try:
        with open(require(path, made_by), 'rb') as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
        if array.dtype.kind not in 'biuf':
            raise ValueError(f'it holds {array.dtype}, not numbers')
        return array
    except DAMAGED as error:
        raise BadInput(f'{path} is not an intact .npy file ({error}): delete it and run `python {made_by}` again') \
            from error


def load_json(path, made_by, **kinds):
    """Return the dictionary in a JSON file; BadInput unless it has values of these kinds, as in `labels=list`."""
    try:
        content = dict(json.loads(require(path, made_by).read_text(encoding='utf-8')).items())
        for name, kind in kinds.items():
            if not isinstance(content.get(name), kind):
                raise ValueError(f'{name} is {json.dumps(content.get(name))[:40]}')
        return content
    except (ValueError, AttributeError, RecursionError) as error:
        raise BadInput(f'{path} is not intact JSON ({error}): delete it and run `python {made_by}` again') from error


def model_digest(run):
    """Return a digest of RUN/model.keras."""
    return hashlib.sha256(require(Path(run) / 'model.keras', 'train.py').read_bytes()).hexdigest()[:16]


def check_model(run, path, digest, made_by):
    """Raise BadInput unless `digest`, which `path` holds, is that of RUN/model.keras: the rest would be mixed up."""
    if digest != model_digest(run):
        raise BadInput(f'{path} is of another model than {run}/model.keras: run `python {made_by}` again')


def check_version(path, version, expected, made_by):
    """Raise BadInput unless `path` was made by this version of its stage: the numbers in it mean something else."""
    if version != expected:
        raise BadInput(f'{path} has version {version}, this program reads version {expected}: '
                       f'run `python {made_by}` again')


def check_stage(run, name, made_by, split):
    """Raise BadInput unless RUN/{name}, which a stage writes last, names the model that is there now."""
    path, made_by = run_path(run, name, split), made_by + (f' --split {split}' if split != 'test' else '')
    check_model(run, path, load_json(path, made_by).get('model'), made_by)


def load_lines(path, made_by):
    """Return the lines of a UTF-8 text file without their line ends."""
    try:
        text = require(path, made_by).read_bytes().decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise BadInput(f'{path} is not UTF-8 text ({error}): run `python {made_by}` again') from error
    return text.replace('\r\n', '\n').removesuffix('\n').split('\n') if text else []


# The command line.

def parser(description, *folders):
    """An ArgumentParser with the shared options: ``--data`` and ``--run`` where `folders` names them."""
    result = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    if 'data' in folders:
        result.add_argument('--data', type=Path, default='data', metavar='DIR', help='notes, lists and spectra')
    if 'run' in folders:
        result.add_argument('--run', type=Path, default='run', metavar='DIR', help='model and all that depends on it')
    return result


def at_least(lowest, kind=int):
    """The type of an option that is a number, `lowest` or more."""
    def convert(text):
        if not kind(text) >= lowest:  # so that nan is refused, too
            raise argparse.ArgumentTypeError(f'{text} is less than {lowest}')
        return kind(text)
    convert.__name__ = kind.__name__  # what argparse calls it
    return convert


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


def drop_unwritten_output():
    """Where stdout takes no more, have Python not try again when it ends, and say so in its own words."""
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
