"""What a process of extract_spectrum.py does with a chunk of notes: their spectra, and the moments of these."""

from collections import Counter
from pathlib import Path

import numpy as np

from deepdream.artifacts import BadInput, load_npy, save_npy
from deepdream.audio import load_waveform
from deepdream.spectrum import N_BINS, N_FRAMES, log_spectrum, to_float16, to_float32


def extract_chunk(chunk, dtype, with_moments):
    """Extract the notes of a chunk that have a wav to read, and take the chunk's moments while they are in memory.

    `chunk` is a list as of `list_notes`. Returns (Counter of remarks, {note: reason of rejection}, moments or None).
    """
    remarks, rejected, spectra = Counter(), {}, []
    for note, wav, npy in chunk:
        if wav:
            try:
                spectra.append(extract_note(wav, npy, dtype, remarks))
            except BadInput as error:
                Path(npy).unlink(missing_ok=True)  # a spectrum of what the wav once was
                rejected[note] = str(error).removeprefix(f'{wav}: ')
        elif npy and with_moments:
            spectra.append(load_npy(npy, 'extract_spectrum.py'))
    return remarks, rejected, moments(spectra) if with_moments and spectra else None


def extract_note(wav, npy, dtype, remarks):
    waveform, how = load_waveform(wav)
    remarks.update(how)
    spectrum = log_spectrum(waveform)
    spectrum = to_float16(spectrum) if dtype == 'float16' else spectrum
    save_npy(npy, spectrum)
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
