"""Where the chunks of a stage run: in processes of this machine, or on the workers of a Dask cluster."""

import os
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from deepdream.artifacts import BadInput, save_text
from deepdream.worker import versions

INSTALL = 'install it with `python -m pip install -r requirements_cluster.txt -c constraints.txt`'


@contextmanager
def scheduler(address, *folders):
    """Send what joblib runs within the block to the Dask scheduler at `address`; yield `folders` as workers name them.

    Without an address the block runs as it is, and the folders come as they were given. A worker runs nothing before it
    has shown that it sees the folders and has the versions of `versions`. A file among the folders stands for its
    folder, where nothing is written. Raises BadInput or OSError where the packages for it, the scheduler or its workers
    are missing.
    """
    if not address:
        yield folders
        return
    try:
        from deepdream.dask_backend import connected
    except ModuleNotFoundError as error:
        raise BadInput(f'--scheduler needs the package {error.name}: {INSTALL}') from error
    folders = tuple(Path(os.path.abspath(folder)) for folder in folders)  # a worker has another working directory
    written = [folder / f'.seen_by_workers_{uuid4().hex}' for folder in folders if folder.is_dir()]
    try:
        for mark in written:
            save_text(mark, '')
        marks = (*written, *(path for path in folders if path.is_file()))
        with connected(address, versions(), tuple(map(str, marks))):
            yield folders
    finally:
        for mark in written:
            mark.unlink(missing_ok=True)
