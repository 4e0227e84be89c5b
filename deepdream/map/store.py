"""What is computed of any sound and kept, so that only new and changed files are computed the next time.

Of each sound, OUT/computed/ holds {key}.npy, a row for each window of 4 s: its start and how long it sounds, in s, the
root key in the file, whether it is out of distribution, then the probabilities, then fc2. Of window i it holds the
preview, {key}-{i}.mp3 and {key}-{i}.webp. The key is a digest of the path, the size and the time of the file, and of
the files of RUN that answer. The .npy is written last.
"""

import functools
import hashlib
import io
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from deepdream.artifacts import BadInput, atomic, load_npy, save_npy
from deepdream.audio import load_part, windows_of
from deepdream.command_line import progress
from deepdream.map.previews import FULL_SECONDS, audible, write_picture, write_sound
from deepdream.novelty import open_novelty
from deepdream.pitch import root_key
from deepdream.sound_files import reason_of
from deepdream.spectrum import SAMPLE_RATE, log_spectrum
from deepdream.trained import open_quickly

MP3_RATES = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)  # Hz, of the format
STORE_VERSION = 3  # raise it when the same sound gives other numbers or previews
FOLDER = 'computed'


def key_of(path, digest, every):
    """Return the key of a sound file as it is, for the `files_key` of the network; '' for one that is not there.

    `every` tells whether every 4 s of it count, or the loudest 4 s.
    """
    try:
        stat = path.stat()
    except OSError:
        return ''
    about = f'{path.absolute()}\n{stat.st_size} {stat.st_mtime_ns} {digest} {every} {STORE_VERSION}'
    return hashlib.sha256(about.encode(errors='surrogateescape')).hexdigest()[:20]


@functools.lru_cache(maxsize=1)
def opened(run, folder, digest):
    """Return (Network, Novelty) of RUN, which is only read: network.onnx is kept in `folder`. `digest` tells them."""
    return open_quickly(run, folder), open_novelty(run)


def store_sound(path, target, every, run, digest):
    """Compute and keep a sound; return why it cannot be used, or ''. `target` is OUT/computed/{key}.

    The windows go through the network one at a time: the last bits of batches could depend on what else is in them, and
    the map on when a run was stopped.
    """
    rows, windows, (network, novelty) = [], windows_of(path, every), opened(run, target.parent, digest)
    while True:
        try:
            start, waveform = next(windows)
        except StopIteration:
            break
        except (BadInput, OSError) as error:
            return reason_of(path, error)
        sound, picture = preview_paths(target, len(rows))
        save_encoded(sound, functools.partial(write_sound, waveform=waveform, seconds=FULL_SECONDS))
        save_encoded(picture, functools.partial(write_picture, spectrum=log_spectrum(waveform)))
        probabilities, fc2, features = network.predict(waveform[np.newaxis])
        is_out = bool(novelty) and novelty.are_out(novelty.log_odds(features))[0]
        rows.append([start, len(audible(waveform)) / SAMPLE_RATE, root_key(path), is_out, *probabilities[0], *fc2[0]])
    save_npy(Path(f'{target}.npy'), np.array(rows, np.float32))
    return ''


def save_encoded(path, write):
    """Write what `write(file)` puts into a file in memory: libsndfile does not say that a disk is full."""
    encoded = io.BytesIO()
    write(encoded)
    with atomic(path) as temporary:
        temporary.write_bytes(encoded.getbuffer())


def preview_paths(target, number):
    """Return (sound, picture), the paths of the previews of a window."""
    return target.with_name(f'{target.name}-{number}.mp3'), target.with_name(f'{target.name}-{number}.webp')


def shorter_preview(path, start, target, number, seconds, most_hz):
    """Return the path of a preview of a window at the file's own rate, at most `most_hz`; make it if it is not there.

    It is decoded from the file: the network takes 16 kHz, and a page that is mailed has no other sound than this.
    """
    import soxr
    preview = target.with_name(f'{target.name}-{number}-{round(1000 * seconds)}ms-{most_hz}hz.mp3')
    if preview.exists():
        return preview
    waveform, own_hz = load_part(Path(path), start, seconds)
    rate = min(one for one in MP3_RATES if one >= min(own_hz, most_hz))
    if rate != own_hz:
        waveform = soxr.resample(waveform, own_hz, rate)
    save_encoded(preview, functools.partial(write_sound, waveform=waveform, seconds=seconds, rate=rate))
    return preview


def compute_sounds(sounds, folder, every, run, digest):
    """Compute what is new among the files `sounds`; return ({path: OUT/computed/{key}}, {path: why it is not there}).

    `digest` is the `files_key` of RUN, whose model is opened only where there is something to compute. What is kept of
    files that are not among `sounds` any more, or have changed, is removed.
    """
    keys = {path: key_of(path, digest, every) for path in sounds}
    targets = {path: folder / key for path, key in keys.items() if key}
    missing = [path for path in sounds if path not in targets or not Path(f'{targets[path]}.npy').exists()]
    failed = {}
    if missing:
        run, folder = run.absolute(), folder.absolute()  # a worker has another working directory
        opened(run, folder, digest)  # before several ask for it at a time
        # Threads: libsndfile, NumPy, onnxruntime and libwebp let go of the interpreter, and the network is there once.
        jobs = (delayed(store_sound)(path.absolute(), targets.get(path, folder / 'none').absolute(), every, run, digest)
                for path in missing)
        reasons = Parallel(n_jobs=-1, prefer='threads', return_as='generator')(jobs)
        for path, reason in zip(missing, progress(reasons, len(missing), 'sounds', 'sound'), strict=True):
            if reason:
                failed[path] = reason
    return {path: target for path, target in targets.items() if path not in failed}, failed


def clear_up(folder, targets):
    """Remove what is kept of other sounds than those of `targets`, and what a stopped run left unfinished."""
    keys = {'network', *(target.name for target in targets)}
    for path in folder.iterdir():
        if path.name.partition('.')[0].partition('-')[0] not in keys:
            path.unlink()


def load_sounds(targets, n_labels):
    """Return (number of windows of each sound (n_sounds,), columns of all their windows) of what is kept.

    The columns are start, seconds, root_key and out_of_distribution (n,), probabilities (n, n_labels) and
    activation (n, 256), float32 but for root_key and out_of_distribution.
    """
    stored = [load_npy(Path(f'{target}.npy'), 'sound_map.py') for target in targets]
    rows = np.concatenate(stored)
    return np.array([len(of_one) for of_one in stored]), {
        'start': rows[:, 0], 'seconds': rows[:, 1], 'root_key': rows[:, 2].astype(np.int16),
        'out_of_distribution': rows[:, 3].astype(np.uint8), 'probabilities': rows[:, 4:4 + n_labels],
        'activation': rows[:, 4 + n_labels:]}
