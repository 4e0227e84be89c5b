"""Which sound files there are in folders of any kind."""

import os
from pathlib import Path

from deepdream.artifacts import BadInput

EXTENSIONS = {'.aif', '.aifc', '.aiff', '.au', '.caf', '.flac', '.mp3', '.oga', '.ogg', '.opus', '.rf64', '.w64',
              '.wav', '.wave'}


def printable(path):
    """Return a file name as text that can be shown and written: escaped where a terminal or UTF-8 would stumble."""
    text = str(path)
    return text if text.isprintable() else repr(text)[1:-1]


def find_sounds(paths):
    """Return the files among `paths` as they are, and of each folder all sound files below it, sorted, each once.

    A folder without any stands for itself, as does one that may not be read: `windows_of` then refuses it.
    """
    found = {}
    for path in paths:
        if not path:
            raise BadInput('a SOUND is empty: name a file or a folder, . for this one')
        unreadable = []
        inside = [Path(folder, name) for folder, _, names in os.walk(path, onerror=unreadable.append)
                  for name in names if Path(name).suffix.lower() in EXTENSIONS and not name.startswith('.')]
        inside += [Path(error.filename) for error in unreadable]
        found |= {os.path.realpath(one): one for one in sorted(inside) or [Path(path)]}
    return list(found.values())
