"""What a worker of a Dask cluster must have before it computes anything."""

import functools
import hashlib
import importlib.metadata
import os
import platform
from pathlib import Path

from deepdream.artifacts import BadInput

ROOT = Path(__file__).resolve().parents[1]
# Whose versions decide which bits come out, and whether one machine understands what another one sends.
LIBRARIES = ('numpy', 'scipy', 'soundfile', 'soxr', 'librosa', 'pillow', 'tensorflow', 'keras', 'onnxruntime', 'joblib',
             'cloudpickle', 'dask', 'distributed')


@functools.cache  # of a worker that has run before a change of the code, which it does not read again
def versions():
    """Return ((name, version)) of what must be the same on all machines: this repository, Python, libraries."""
    files = [ROOT / 'model.py', ROOT / 'data_provider.py', *sorted((ROOT / 'deepdream').rglob('*.py'))]
    code = hashlib.sha256(b''.join(file.read_bytes() for file in files)).hexdigest()[:12]
    return ('this repository', code), ('Python', platform.python_version()), *zip(LIBRARIES, map(installed, LIBRARIES),
                                                                                  strict=True)


def installed(library):
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return 'not installed'


@functools.cache
def check_worker(name, wanted, marks):
    """Raise BadInput unless this process, the worker called `name`, has the versions `wanted` and sees the `marks`."""
    for (what, here), (_, there) in zip(versions(), wanted, strict=True):
        if here != there:
            raise BadInput(f'{name} has another version of {what} ({here}) than this machine ({there}): install the '
                           'same there, and start the worker again')
    for mark in marks:
        if not os.path.exists(mark):
            raise BadInput(f'{name} does not see the files in {os.path.dirname(mark)}: share that folder with its '
                           'machine under the same path')
