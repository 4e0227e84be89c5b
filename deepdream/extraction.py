"""What a process of extract_spectrum.py does with a chunk of notes: their spectra, and the moments of these."""

import ctypes
import functools
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from deepdream.artifacts import BadInput, load_npy, save_npy
from deepdream.audio import SILENT_PEAK, load_note
from deepdream.spectrum import N_BINS, N_FRAMES, log_spectrum, to_float16, to_float32

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h


@dataclass
class ListedNote:
    """A note of DATA/{split}_samples.txt, and how far it is.

    'to do': there is no spectrum of the wav as it is; 'done': there is one; 'rejected': the wav is unusable and has not
    changed since it was found to be. `wav` is '' where there is none, which only a note that is not to do may lack.
    `written_at` is when the spectrum was written, in ns; None where there is none, or a damaged one.
    """

    name: str
    wav: str
    npy: str
    state: Literal['to do', 'done', 'rejected']
    written_at: int | None


@functools.cache
def keep_memory():
    """Let this process keep the memory of large arrays that it has freed.

    glibc hands it back to the system, which maps and zeroes it anew: 1.85 ms a note instead of 1.15, and on a Dask
    worker, whose environment asks for it, three times the processor time within the system.
    """
    with suppress(OSError, AttributeError):  # another C library
        libc = ctypes.CDLL(None)
        libc.mallopt(M_TRIM_THRESHOLD, 2**27)
        libc.mallopt(M_MMAP_THRESHOLD, 2**26)


def extract_chunk(notes, dtype, align_onset, with_moments):
    """Extract the notes of a chunk that are to do, and take the chunk's moments while its spectra are in memory.

    Returns (Counter of remarks, {name: reason of rejection}, moments or None).
    """
    keep_memory()
    remarks, rejected, spectra = Counter(), {}, []
    for note in notes:
        if note.state == 'to do':
            try:
                spectra.append(extract_note(note, dtype, align_onset, remarks))
            except BadInput as error:
                Path(note.npy).unlink(missing_ok=True)  # a spectrum of what the wav once was
                rejected[note.name] = str(error).removeprefix(f'{note.wav}: ')
        elif note.state == 'done' and with_moments:
            spectra.append(load_npy(note.npy, 'extract_spectrum.py'))
    return remarks, rejected, moments(spectra) if with_moments and spectra else None


def extract_note(note, dtype, align_onset, remarks):
    """Write the spectrum of a note and return it; count in `remarks` what its wav took to be read."""
    waveform, how = load_note(note.wav, align_onset)
    if np.abs(waveform).max() < SILENT_PEAK:
        raise BadInput(f'{note.wav}: silent (its peak is below -80 dB)')
    remarks.update(how)
    spectrum = log_spectrum(waveform)
    spectrum = to_float16(spectrum) if dtype == 'float16' else spectrum
    save_npy(note.npy, spectrum)
    return spectrum


def moments(spectra):
    """Return (n, mean, sum of squared deviations), the two float64 of shape (251, 513), of a list of spectra."""
    mean, squares = np.empty((N_FRAMES, N_BINS)), np.empty((N_FRAMES, N_BINS))
    for i in range(0, N_FRAMES, 8):  # 8 frames of all spectra fit the processor's cache
        block = np.stack([spectrum[i:i + 8] for spectrum in spectra])
        block = (to_float32(block) if block.dtype == np.float16 else block).astype(np.float64)
        block.mean(axis=0, out=mean[i:i + 8])
        block -= mean[i:i + 8]
        np.einsum('nfb,nfb->fb', block, block, out=squares[i:i + 8])
    return len(spectra), mean, squares


def merge_moments(a, b):
    """Merge two (n, mean, sum of squared deviations) without cancellation.

    Chan, Golub, LeVeque 1979, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", eq. 2.1.
    """
    n = a[0] + b[0]
    delta = b[1] - a[1]
    return n, a[1] + delta * (b[0] / n), a[2] + b[2] + np.square(delta) * (a[0] * b[0] / n)
