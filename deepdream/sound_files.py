"""Which sound files there are in folders of any kind, and what else lies there."""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from deepdream.artifacts import BadInput

# What libsndfile reads.
EXTENSIONS = {'.8svx', '.aif', '.aifc', '.aiff', '.au', '.avr', '.bwf', '.caf', '.flac', '.ircam', '.mp1', '.mp2',
              '.mp3', '.nist', '.oga', '.ogg', '.opus', '.paf', '.pvf', '.rf64', '.sds', '.snd', '.sph', '.svx', '.voc',
              '.w64', '.wav', '.wave'}
# Sounds, too, which it does not read.
UNREADABLE = {'.3gp', '.aac', '.ac3', '.alac', '.amr', '.ape', '.dff', '.dsf', '.dts', '.m4a', '.m4b', '.m4p', '.m4r',
              '.mka', '.mp4', '.mpc', '.ncw', '.pcm', '.ra', '.raw', '.rcy', '.rex', '.rx2', '.sd2', '.shn', '.spx',
              '.tak', '.tta', '.webm', '.wma', '.wv'}
REMEDY = 'convert {} to .wav or .flac'
JUNK = {'__macosx', 'thumbs.db', 'desktop.ini', 'icon\r'}  # of macOS and Windows; .DS_Store and ._* are hidden anyway
N_SHOWN = 8


def printable(path):
    """Return a file name as text that can be shown and written: escaped where a terminal or UTF-8 would stumble."""
    text = str(path)
    return text if text.isprintable() else repr(text)[1:-1]


def reason_of(path, error):
    """Return in a few words why a sound file cannot be used, from the BadInput or OSError that says so."""
    reason = getattr(error, 'strerror', None) or str(error).removeprefix(f'{path}: ')
    if path.suffix.lower() in UNREADABLE and reason.startswith(('unreadable', 'empty')):
        return f'cannot be read here: {REMEDY.format("it")}'
    return reason


def is_junk(name):
    """Whether a file or folder of this name is hidden, or what a file manager has put there."""
    return name.startswith('.') or name.lower() in JUNK


@dataclass
class Found:
    """What lies below a folder: sound files that libsndfile reads, other files, linked folders that were not followed,
    and the OSErrors of folders that may not be read."""

    sounds: list = field(default_factory=list)
    others: list = field(default_factory=list)
    links: list = field(default_factory=list)
    errors: list = field(default_factory=list)

    def add(self, path):
        (self.sounds if path.suffix.lower() in EXTENSIONS else self.others).append(path)

    @property
    def unreadable(self):
        """The sound files among the others."""
        return [path for path in self.others if path.suffix.lower() in UNREADABLE]


def search(top, without=()):
    """Return what is Found below a folder, junk left aside, and the folders whose real paths are in `without`.

    Linked folders are followed, since people gather libraries that lie elsewhere in that way. But each real folder is
    read once, and before any link to it: so a circle ends, and no file is found twice. A link to a folder that holds
    the link or `top`, as `..` does, would bring in everything beside it, and is not followed.
    """
    found, seen, links, start = Found(), {*without}, [Path(top)], Path(os.path.realpath(top))
    while links:
        link = links.pop(0)
        if os.path.realpath(link) in seen:
            found.links.append(link)
            continue
        for folder, folders, names in os.walk(link, onerror=found.errors.append):  # does not follow links itself
            real = os.path.realpath(folder)
            folders[:] = [] if real in seen else sorted(name for name in folders if not is_junk(name))
            if real in seen:
                continue
            seen.add(real)
            for path in (Path(folder, name) for name in folders):
                if path.is_symlink():
                    target = os.path.realpath(path)
                    leads_back = Path(real).is_relative_to(target) or start.is_relative_to(target)
                    (found.links if leads_back else links).append(path)
            for name in sorted(names):
                if not is_junk(name):
                    found.add(Path(folder, name))
    return found


def find_sounds(paths, without=()):
    """Return (sound files, lines on what is left out): the files among `paths` as they are, and of each folder all
    sound files below it, sorted, each once; but nothing in the folders whose real paths are in `without`.

    A folder without any stands for itself, as does one that may not be read: `windows_of` then refuses it.
    """
    sounds, left_out = {}, Found()
    for path in paths:
        if not path:
            raise BadInput('a SOUND is empty: name a file or a folder, . for this one')
        found = search(path, without)
        inside = sorted(found.sounds) + [Path(error.filename) for error in found.errors] or [Path(path)]
        sounds |= {os.path.realpath(one): one for one in inside}
        left_out.others += found.others
        left_out.links += found.links
    left_out.others, left_out.links = sorted({*left_out.others}), sorted({*left_out.links})
    return list(sounds.values()), describe_left_out(left_out)


# What is said of them.

def count_of(paths, noun='file'):
    """Return '1 file', '2 files'."""
    return f'{len(paths):,} {noun}' if len(paths) == 1 else f'{len(paths):,} {noun}s'


def by_extension(paths):
    """Return how many of `paths` have which extension, the most frequent first: '.m4a 3, .wma 1'."""
    counts = Counter(printable(path.suffix.lower()) or 'no extension' for path in paths)
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return shown([f'{extension} {n:,}' for extension, n in ordered])


def names_of(paths):
    """Return the first of `paths` as text."""
    return shown([printable(path) for path in paths])


def shown(texts):
    return ', '.join(texts[:N_SHOWN]) + (', ...' if len(texts) > N_SHOWN else '')


def describe_left_out(found):
    """Return a line for each kind of what is Found and not used, with the remedy."""
    lines = []
    if found.unreadable:
        remedy = REMEDY.format('it' if len(found.unreadable) == 1 else 'them')
        lines.append(f'left out: {count_of(found.unreadable)} that cannot be read here '
                     f'({by_extension(found.unreadable)}): {remedy}')
    others = [path for path in found.others if path.suffix.lower() not in UNREADABLE]
    if others:
        lines.append(f'left out: {count_of(others, "other file")} ({by_extension(others)})')
    if found.links:
        lines.append(f'left out: {count_of(found.links, "linked folder")} whose files are found elsewhere, or which '
                     f'leads back ({names_of(found.links)})')
    return lines
