"""The files of DATA and RUN: where they lie, how they are written whole or not at all, and read with a check."""

import csv
import io
import json
import os
import shutil
import tokenize
import zipfile
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

SPLITS = ('train', 'valid', 'test')
# What reading a damaged .npy or .npz raises, whichever byte of it is another.
DAMAGED = (ValueError, TypeError, KeyError, EOFError, SyntaxError, tokenize.TokenError, RuntimeError, MemoryError,
           zipfile.BadZipFile, zlib.error)


class BadInput(ValueError):
    """Something the user can mend. The message names the file, the value and the remedy."""


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


def check_disk(folder, n_bytes, what):
    """Raise BadInput where the disk of a folder, which need not be there yet, has not `n_bytes` free for `what`.

    Prints how much it takes where that is a GB or more.
    """
    there = next(path for path in (Path(folder).absolute(), *Path(folder).absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    text = f'{what} take {n_bytes / 1e9:.1f} GB of disk, {free / 1e9:.1f} GB are free'
    if n_bytes > free:
        raise BadInput(f'{folder}: {text}: make room, or move the folder to another disk and name it with --data')
    if n_bytes >= 1e9:
        print(text, flush=True)


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


def load_lines(path, made_by):
    """Return the lines of a UTF-8 text file without their line ends."""
    try:
        text = require(path, made_by).read_bytes().decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise BadInput(f'{path} is not UTF-8 text ({error}): run `python {made_by}` again') from error
    return text.replace('\r\n', '\n').removesuffix('\n').split('\n') if text else []
