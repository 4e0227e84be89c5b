"""Notes rendered from a sound font, and what a process of render_notes.py does with an instrument."""

import hashlib
import io
import subprocess
import sys
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from deepdream.artifacts import BadInput, atomic
from deepdream.audio import SILENT_PEAK
from deepdream.spectrum import N_SAMPLES, SAMPLE_RATE

HELD_SECONDS = 3.0  # NSynth's own
RENDER_RATE_HZ = 48_000  # what a synthesiser plays above its own Nyquist frequency comes back as wrong pitches
PEAKS = (0.5, 0.95)  # NSynth's notes peak between these whatever their velocity, the most of them near the upper end
FADE_SAMPLES = 160  # 10 ms: a release that is longer than a second ends without a click
LOAD = 'import sys, tinysoundfont; [tinysoundfont.Synth().sfload(path) for path in sys.argv[1:]]'


def default_font():
    return Path(find_spec('pretty_midi').origin).parent / 'TimGM6mb.sf2'


def content_digest(content):
    return hashlib.sha256(content).hexdigest()[:16]


def files_of(font):
    """Return the files of a font: itself, or those of a folder with one for each program, 000.sf2 (or .sf3) to 127."""
    return sorted(font.glob('[01][0-9][0-9].sf[23]')) if font.is_dir() else [font]


def file_of(font, program):
    """Return the file of a font that has a program, None where its folder has none."""
    return next(font.glob(f'{program:03}.sf[23]'), None) if font.is_dir() else font


def read_font(path):
    """Return the bytes of a sound font, or of all files of a folder that is one; raise unless it is whole."""
    if not path.exists():
        raise FileNotFoundError(f'{path} is missing: give an .sf2 file with the General MIDI programs')
    files = files_of(path)
    if not files:
        raise BadInput(f'{path} holds no file 000.sf2 (or .sf3) to 127.sf2, one for each program: give such a folder, '
                       'or an .sf2 file with the General MIDI programs')
    content = b''.join(read_file(file) for file in files)
    if not is_loaded(files):
        damaged = next(file for file in files if not is_loaded([file]))
        raise BadInput(f'{damaged} is a damaged sound font, the synthesiser cannot load it: give another one')
    return content


def read_file(path):
    content = path.read_bytes()
    if content[:4] != b'RIFF' or content[8:12] != b'sfbk' or len(content) < int.from_bytes(content[4:8], 'little') + 8:
        raise BadInput(f'{path} is no whole SoundFont 2 file: give an .sf2 with the General MIDI programs')
    return content


def is_loaded(files):
    """Whether the synthesiser loads these files; in a process of its own, which a damaged one can end."""
    return subprocess.run([sys.executable, '-c', LOAD, *files], capture_output=True).returncode == 0


@lru_cache(maxsize=1)  # FluidR3_GM takes 0.5 s and 0.4 GB
def synthesizer(font):
    """Return (tinysoundfont.Synth, number of the font in it) for a file."""
    from tinysoundfont import Synth
    synth = Synth(samplerate=RENDER_RATE_HZ)
    return synth, synth.sfload(str(font))


def render(font, program, pitch, velocity, held_seconds=HELD_SECONDS):
    """Return a note's waveform at 16 kHz, float32 of shape (64000,), at the font's level; zeros without the program."""
    import soxr
    file = file_of(font, program)
    if file is None:
        return np.zeros(N_SAMPLES, np.float32)
    synth, number = synthesizer(file)
    if synth.sfpreset_name(number, 0, program) is None:
        return np.zeros(N_SAMPLES, np.float32)
    synth.program_select(0, number, 0, program)
    synth.noteon(0, pitch, velocity)
    held = play(synth, held_seconds)
    synth.noteoff(0, pitch)
    waveform = np.concatenate([held, play(synth, N_SAMPLES / SAMPLE_RATE - held_seconds)])
    synth.sounds_off()
    play(synth, 1)  # what is left of it must not be heard in the next one
    return soxr.resample(waveform, RENDER_RATE_HZ, SAMPLE_RATE, quality='VHQ').astype(np.float32)


def play(synth, seconds):
    """Return the next `seconds` of a synthesiser, both channels mixed down."""
    both = np.frombuffer(synth.generate(int(seconds * RENDER_RATE_HZ)), np.float32)
    return (both[::2] + both[1::2]) / 2  # the bits of `mean` over an axis of 2, which takes nine times as long


def is_audible(waveform):
    """Whether a font has a sample for a note."""
    return SILENT_PEAK < np.abs(waveform).max() < np.inf


def to_level(waveform, peak):
    """Return 16-bit samples that peak at `peak`, without dither: what has died away is digital silence."""
    waveform = waveform * (peak / np.abs(waveform).max())
    waveform[-FADE_SAMPLES:] *= np.linspace(1, 0, FADE_SAMPLES, dtype=np.float32)
    return np.round(waveform * (2**15 - 1)).astype(np.int16)


def render_instrument(instrument, notes, folder, seed):
    """Render and write the notes of an instrument; return the entries of those that sound."""
    import soundfile
    sounding = []
    for note in notes:
        waveform = render(instrument['font'], instrument['program'], note['pitch'], note['velocity'],
                          note['held_seconds'])
        path = Path(folder) / f'{note["note_str"]}.wav'
        if not is_audible(waveform):
            path.unlink(missing_ok=True)
            continue
        rng = np.random.default_rng([seed, instrument['instrument'], note['pitch'], note['velocity']])
        samples = to_level(waveform, rng.triangular(PEAKS[0], PEAKS[1], PEAKS[1]))
        content = io.BytesIO()
        soundfile.write(content, samples, SAMPLE_RATE, subtype='PCM_16', format='WAV')
        with atomic(path) as temporary:
            temporary.write_bytes(content.getvalue())
        sounding.append(note)
    return sounding
