"""Small sounds (MP3) and spectrum pictures (WebP) of the notes for the map's page: made once, in parallel, kept in
`DATA/{split}/preview/` and made again only where the wav or the spectrum is newer."""

import base64
import os
from pathlib import Path

import numpy as np
import soundfile
from joblib import Parallel, delayed
from PIL import Image

from deepdream.artifacts import atomic, load_npy, save_text, spectrum_path
from deepdream.audio import load_note
from deepdream.command_line import progress
from deepdream.notes import find_wavs
from deepdream.spectrum import SAMPLE_RATE, has_aligned_onsets

FULL_SECONDS = 4.0
# libsndfile's scale, with variable bit rate: 7.6 kB a note of NSynth, 46 MB of page for 4,096; the spectrum is 32 dB
# above its error (22 dB at the same size with a constant or an average rate).
COMPRESSION = 0.8
TAIL_PEAK = 1e-3  # -60 dB of full scale: what follows the last louder sample is cut; 82 % of NSynth's end in zeros
MP3_PADDING_SECONDS = 0.1  # the most by which an MP3 lasts longer than what was encoded
PICTURE_BANDS, PICTURE_FRAMES = 80, 125
CHUNK_NOTES = 32   # notes in one file of the page: 0.3 MB, read and decoded in some 20 ms
MOST_CHUNKS = 4096  # files; of more than 131,072 notes, each holds more: of NSynth's 305,979 0.7 MB


def audible(waveform, rate=SAMPLE_RATE):
    """Return a waveform without the silence behind; of one that is all silent, 0.1 s."""
    loud = np.flatnonzero(np.abs(waveform) > TAIL_PEAK)
    return waveform[:loud[-1] + 1 if len(loud) else rate // 10]


def write_sound(path, waveform, seconds, rate=SAMPLE_RATE):
    """Write the first `seconds` of a mono waveform as MP3, without the silence behind, faded out."""
    waveform = audible(waveform[:int(seconds * rate)], rate).copy()
    n_fade = min(len(waveform), rate // 20)
    waveform[len(waveform) - n_fade:] *= np.linspace(1, 0, n_fade, dtype=waveform.dtype)
    soundfile.write(path, waveform, rate, format='MP3', bitrate_mode='VARIABLE', compression_level=COMPRESSION)


def write_picture(path, spectrum):
    """Write a spectrum (251, 513) as WebP: time to the right, 80 bands from 47 Hz to 8 kHz upwards, grey."""
    edges = np.geomspace(3, 513, PICTURE_BANDS + 1)
    low = np.floor(edges[:-1]).astype(int)
    high = np.maximum(np.ceil(edges[1:]).astype(int), low + 1)
    frames = spectrum[:2 * PICTURE_FRAMES].astype(np.float32).reshape(PICTURE_FRAMES, 2, -1).max(axis=1)  # (125, 513)
    bands = np.stack([frames[:, a:b].max(axis=1) for a, b in zip(low, high, strict=True)])    # (80, 125)
    grey = bands[::-1] * (255 / max(bands.max(), 1))
    Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(path, 'WEBP', quality=60)


def preview_folder(data, split, seconds=FULL_SECONDS):
    name = 'preview' if seconds == FULL_SECONDS else f'preview_{round(1000 * seconds)}ms'
    return data / split / (f'{name}_from_onset' if has_aligned_onsets(data) else name)


def is_current(target, source):
    """Whether both files are there and the target is not older than its source."""
    try:
        return os.stat(target).st_mtime_ns >= os.stat(source).st_mtime_ns
    except FileNotFoundError:
        return False


def make_preview(source, target, write):
    """Let `write(path, source)` make `target` unless that is newer; True where it is there in the end."""
    if not source or not Path(source).exists():
        return False
    if is_current(target, source):
        return True
    try:
        with atomic(target) as temporary:
            write(temporary, source)
    except ValueError:  # not audio, or no intact .npy: the point stays, silent
        target.unlink(missing_ok=True)
        return False
    return True


def make_both(wav, spectrum, sound, picture, align_onset, seconds):
    """Bring the preview `sound` of a wav and the `picture` of its spectrum up to date; True where it can be heard."""
    make_preview(spectrum, picture,
                 lambda target, source: write_picture(target, load_npy(source, 'extract_spectrum.py')))
    return make_preview(wav, sound,
                        lambda target, source: write_sound(target, load_note(source, align_onset)[0], seconds))


def make_previews(data, split, notes, seconds=FULL_SECONDS):
    """Bring the previews of `notes` up to date; return which of them can be heard (n,)."""
    wavs, align_onset = find_wavs(data, split), has_aligned_onsets(data)
    spectra = spectrum_path(data, split, '').parent
    can_be_heard, to_do = np.zeros(len(notes), bool), {}
    for row, (note, (sound, picture)) in enumerate(zip(notes, preview_files(data, split, notes, seconds), strict=True)):
        wav, spectrum = wavs.get(note, ''), f'{spectra}/{note}.npy'
        can_be_heard[row] = is_current(sound, wav)
        if not (can_be_heard[row] and is_current(picture, spectrum)):
            to_do[row] = wav, spectrum, sound, picture
    # Threads: libsndfile lets go of the interpreter while it encodes, and nothing has to be imported again.
    heard = Parallel(n_jobs=-1, prefer='threads', return_as='generator', batch_size=8)(
        delayed(make_both)(*paths, align_onset, seconds) for paths in to_do.values())
    can_be_heard[list(to_do)] = list(progress(heard, total=len(to_do), description='previews'))
    return can_be_heard


def preview_files(data, split, notes, seconds=FULL_SECONDS):
    """Return [(sound, picture)], the paths of the notes' previews, whether they are there or not."""
    sounds, pictures = preview_folder(data, split, seconds), preview_folder(data, split)
    return [(sounds / f'{note}.mp3', pictures / f'{note}.webp') for note in notes]


def are_shortened(data, split, notes, seconds):
    """Return which of the notes (n,) can be heard for more than `seconds` where their previews are whole."""
    if seconds >= FULL_SECONDS:
        return np.zeros(len(notes), bool)
    make_previews(data, split, notes)
    return np.array([sound.exists() and soundfile.info(sound).duration > seconds + MP3_PADDING_SECONDS
                     for sound, _ in preview_files(data, split, notes)], bool)


def chunk_size(n_notes):
    """Return how many notes one file of a page of so many notes holds."""
    return max(CHUNK_NOTES, -(-n_notes // MOST_CHUNKS))


def chunks(files, place, has_sound, size=CHUNK_NOTES, first=0):
    """Yield (number, script) of what brings the previews in `files` to the page, `size` notes each, numbered from
    `first` on.

    `place` (n,) is their order: notes that are neighbours on the map come in one chunk. `has_sound` (n,) tells which of
    them can be heard.
    """
    in_order = np.argsort(place)
    for start in range(0, len(files), size):
        content = [f'["{base64_of(files[row][0]) if has_sound[row] else ""}", "{base64_of(files[row][1])}"]'
                   for row in in_order[start:start + size]]  # json.dumps would look for what it must escape
        number = first + start // size
        yield number, f'receivePreviews({number}, [{", ".join(content)}]);\n'


def base64_of(path):
    try:
        return base64.b64encode(path.read_bytes()).decode()
    except FileNotFoundError:
        return ''


def write_chunks(folder, scripts):
    """Write the chunks as `folder/{number}.js`, and drop the ones that an earlier, larger map left there.

    What is there already stays: to put a file in the place of an earlier one takes the disk as long as to make it.
    """
    written = set()
    for number, script in scripts:
        path = folder / f'{number}.js'
        if not path.exists() or path.read_bytes() != script.encode():
            save_text(path, script)
        written.add(path.name)
    for path in folder.glob('*.js'):
        if path.name not in written:
            path.unlink()
