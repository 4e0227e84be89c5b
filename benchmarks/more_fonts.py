"""The programs of many sound fonts that are new: like none of the fonts that are there, and no copy of a recording.

`render_notes.py` finds one instrument under two names: the same onset, sample by sample, at one pitch. This is too
little here: free fonts share samples with each other and with free recordings, and a program that sounds like one
that is kept for a test would make the test easy; so these are left out before anything is trained. On copies of three
fonts whose samples went through Vorbis, the likeness of a program to its original was 0.99 or more; the nearest other
program of a font has 0.69 in the median, and 0.93 for one in ten.
"""

import sys
from pathlib import Path

import numpy as np
import soundfile
from joblib import Parallel, delayed

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import render_notes
from deepdream.notes import instrument_of, load_labels
from deepdream.sound_font import is_audible, render
from deepdream.spectrum import SAMPLE_RATE

N_SAMPLES = SAMPLE_RATE // 2
N_FFT = 2**14  # more than twice as long: any shift fits
PITCHES = (48, 60, 72)
SAME_PROGRAM = 0.9  # median over the pitches
SAME_RECORDING = 0.99
FIRST_NUMBER = 1000  # of their instruments, so that no name is taken


def unit_spectra(onsets):
    """Transform (n, 8000) onsets to complex64 (n, 8193) whose inner products are those of the onsets, at length 1."""
    spectra = np.fft.rfft(onsets, N_FFT).astype(np.complex64)
    spectra[:, 1:-1] *= np.sqrt(2)
    return spectra / (np.linalg.norm(spectra, axis=1, keepdims=True) + 1e-9)


def likeness(onsets, others, at_least):
    """Return (n, m) highest correlations at any shift, 0 where they are below `at_least`: float32 from 0 to 1.

    The correlation is at most the inner product of the magnitudes, so that few pairs have to be shifted.
    """
    spectra, other_spectra = unit_spectra(onsets), unit_spectra(others)
    bound = np.abs(spectra) @ np.abs(other_spectra).T
    found = np.zeros_like(bound)
    for i in range(len(onsets)):
        js = np.flatnonzero(bound[i] >= at_least)
        products = spectra[i] * other_spectra[js].conj()
        products[:, 1:-1] /= 2  # irfft counts these twice
        found[i, js] = np.abs(np.fft.irfft(products, N_FFT)).max(axis=1, initial=0) * N_FFT
    return np.where(found >= at_least, found, 0)


def program_onsets(font, row):
    return np.stack([render(font, int(row['program']), pitch, 100, 0.5)[:N_SAMPLES] for pitch in PITCHES])


def recording_onset(path):
    waveform, _ = soundfile.read(path, dtype='float32', frames=N_SAMPLES)
    return np.pad(waveform, (0, N_SAMPLES - len(waveform)))


def find_new(pairs, n_known):
    """Return which (font, row of general_midi.csv) are new; the first `n_known` count as there already."""
    onsets = np.stack(Parallel(n_jobs=-1, batch_size=20)(delayed(program_onsets)(*pair) for pair in pairs))
    alike = np.median([likeness(one, one, SAME_PROGRAM) for one in onsets.transpose(1, 0, 2)], axis=0)
    kept = list(range(n_known))
    for i in range(n_known, len(pairs)):
        if is_audible(onsets[i]) and not (alike[i, kept] > SAME_PROGRAM).any():
            kept.append(i)
    return kept[n_known:]


def without_recordings(folder, recordings):
    """Delete the notes of instruments of which one note is the copy of a recording; print them."""
    notes = sorted((folder / 'test' / 'audio').glob('*.wav'))
    others = np.stack([recording_onset(path) for path in recordings])
    copied = {}
    for start in range(0, len(notes), 500):
        some = notes[start:start + 500]
        alike = likeness(np.stack([recording_onset(path) for path in some]), others, SAME_RECORDING)
        copied |= {instrument_of(some[i].stem): recordings[j].stem for i, j in zip(*np.nonzero(alike), strict=True)}
    for note in notes:
        if instrument_of(note.stem) in copied:
            note.unlink()
    for instrument, recording in copied.items():
        print(f'{instrument} is left out: it has the sound of {recording}')


def render_more(folder, fonts, known, recordings, n_pitches):
    """Render into FOLDER/test what the fonts have that is new, half of it held for 0.1 to 3.5 s."""
    if not fonts:
        return
    rows = render_notes.load_programs()
    pairs = [(font, row) for font in (*known, *fonts) for row in rows]
    families = load_labels(Path(render_notes.__file__).parent / 'labels.txt')
    plan = []
    for number, i in enumerate(find_new(pairs, len(known) * len(rows)), FIRST_NUMBER):
        font, row = pairs[i]
        instrument = render_notes.describe(number, font, row, families)
        plan.append((instrument, render_notes.list_notes(instrument, n_pitches, 0, varied=0.5)))
    (folder / 'test' / 'audio').mkdir(parents=True, exist_ok=True)
    render_notes.render_all({'test': plan}, folder, seed=0, jobs=-1)
    without_recordings(folder, recordings)
