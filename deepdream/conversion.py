"""How the sound files of a library come into DATA: wavs are linked or copied, other formats converted to wavs.

A converted wav holds the whole sound, at its own rate, with its own channels and bits.
"""

import errno
import filecmp
import hashlib
import os
import shutil

import numpy as np
import soundfile

from deepdream.artifacts import BadInput, atomic
from deepdream.audio import load_waveform, open_sound
from deepdream.command_line import progress_from_first

WAVS = {'.wav', '.wave', '.bwf'}  # what is linked or copied as it is
NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP)  # another disk, or one that knows no hard links
BLOCK = 1 << 16  # frames in memory at a time
MOST_BYTES = 2**32 - 2**16  # what the header of a wav can tell
# The bits of a wav for what a source has; 16 bits hold all else, 8 bits and the lossy formats, too.
SUBTYPES = {'PCM_24': 'PCM_24', 'PCM_32': 'PCM_32', 'FLOAT': 'FLOAT', 'DOUBLE': 'DOUBLE', 'ALAC_20': 'PCM_24',
            'ALAC_24': 'PCM_24', 'ALAC_32': 'PCM_32', 'DWVW_24': 'PCM_24'}
BYTES = {'PCM_16': 2, 'PCM_24': 3, 'PCM_32': 4, 'FLOAT': 4, 'DOUBLE': 8}
MADE = 'converted by split_notes.py from sha256 '
FEW = 32  # so many files take less time than the start of other processes


def fill(targets, copy, jobs):
    """Link, copy or convert what is not there yet; return (sound files converted, {sound file: why it cannot be})."""
    to_convert = {}
    for target, sound in targets.items():
        if target.exists() and (not is_newer(sound, target) or is_current(target, sound)):
            continue
        if sound.suffix.lower() in WAVS:
            put(sound, target, copy)
        else:
            to_convert[target] = sound
    failed = {targets[target]: reason for target, reason in convert_all(to_convert, jobs).items()}
    return [sound for sound in to_convert.values() if sound not in failed], failed


def put(wav, target, copy):
    """Link `target` to `wav`; copy it where `copy` asks for it or the disk allows no link. Raises OSError."""
    with atomic(target) as temporary:
        temporary.unlink(missing_ok=True)
        if not copy:
            try:
                os.link(wav.resolve(), temporary)
                return
            except OSError as error:
                if error.errno not in NO_LINKS:
                    raise
        shutil.copyfile(wav, temporary)


def is_of(found, sound):
    """Whether a wav of DATA is a sound file of the library: the same file, a copy, or its conversion.

    A conversion says in the comment of its header what it was made of: it is not decoded again to be compared. It may
    be of an earlier content of a sound file that is newer.
    """
    if is_current(found, sound):
        return True
    return sound.suffix.lower() not in WAVS and is_newer(sound, found) and comment_of(found).startswith(MADE)


def is_current(found, sound):
    """Whether a wav of DATA is a sound file of the library as it is now."""
    if sound.suffix.lower() in WAVS:
        return found.samefile(sound) or filecmp.cmp(found, sound, shallow=False)
    return comment_of(found) == MADE + digest_of(sound)


def comment_of(wav):
    try:
        with soundfile.SoundFile(str(wav)) as file:
            return file.comment
    except soundfile.LibsndfileError:
        return ''


def is_newer(path, other):
    return path.stat().st_mtime_ns > other.stat().st_mtime_ns


# Conversion.

def digest_of(path):
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def convert_all(sources, jobs):
    """Convert {wav: source}, in parallel where there are many; return {wav: reason} of those that cannot be read."""
    if len(sources) <= FEW:
        reasons = [convert(source, wav) for wav, source in sources.items()]
    else:
        from joblib import Parallel, delayed
        results = Parallel(n_jobs=jobs, return_as='generator')(
            delayed(convert)(source, wav) for wav, source in sources.items())
        reasons = progress_from_first(results, len(sources), 'conversion')
    return {wav: reason for wav, reason in zip(sources, reasons, strict=True) if reason}


def convert(source, wav):
    """Write `source` as `wav`; return '', or why it cannot be read, and then there is no `wav`."""
    try:
        load_waveform(str(source))  # refuses what the later stages would refuse
        with atomic(wav) as temporary:
            if not write_wav(source, temporary):
                write_wav(source, temporary, 'FLOAT')
        return ''
    except BadInput as error:
        wav.unlink(missing_ok=True)  # of an earlier source
        return str(error).removeprefix(f'{source}: ')


def write_wav(source, path, subtype=None):
    """Write a sound file as a wav; return whether its bits hold all: a lossy format may decode to peaks above 1."""
    peak = 0
    with open_sound(source) as sound:
        subtype = subtype or SUBTYPES.get(sound.file.subtype, 'PCM_16')
        try:
            with soundfile.SoundFile(str(path), 'w', sound.rate, sound.channels, subtype, format='WAV') as wav:
                wav.comment = MADE + digest_of(source)
                for block in blocks_of(sound, MOST_BYTES // (sound.channels * BYTES[subtype])):
                    wav.write(block)
                    peak = max(peak, np.abs(block).max())
        except (soundfile.LibsndfileError, AssertionError) as error:
            raise OSError('not all of it was written') from error
        sound.check_end()
    if subtype not in ('FLOAT', 'DOUBLE'):
        return peak <= 1
    forget_time(path)
    return True


def blocks_of(sound, most_frames):
    """Yield all frames of an open Sound."""
    n_frames = 0
    try:
        while len(block := sound.read(BLOCK)):
            n_frames += len(block)
            if n_frames > most_frames:
                raise BadInput(f'{sound.path}: longer than a wav can be, {MOST_BYTES / 2**30:.0f} GiB: cut it')
            yield block
    except soundfile.LibsndfileError as error:
        raise BadInput(f'{sound.path}: unreadable: {error.error_string}') from error
    sound.check_end()


def forget_time(wav):
    """Set the time that libsndfile notes in the PEAK chunk of floats to 0: the same sound gives the same file."""
    with open(wav, 'r+b') as file:
        chunk = file.read(4096).find(b'PEAK')
        if chunk >= 0:
            file.seek(chunk + 12)  # behind name, size and version
            file.write(bytes(4))
