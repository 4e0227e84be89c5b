"""Does a dream survive being sound? Scores of the wav that was written, read back through the whole front end."""

import numpy as np

from deepdream.spectrum import N_FFT, SAMPLE_RATE, magnitude
from deepdream.spectrum_tf import flatness


def describe_sound(waveform, spectrum):
    """What tells a sound from a fault: DC, peak, crest factor (peak over RMS), spectral flatness, loudest frequency."""
    rms = float(np.sqrt(np.mean(waveform ** 2)))
    peak = float(np.abs(waveform).max())
    loudest = int(magnitude(spectrum).sum(axis=0).argmax())
    return {'dc': float(waveform.mean()), 'peak': peak, 'crest_factor': peak / max(rms, 1e-9),
            'flatness': float(flatness(spectrum[np.newaxis])[0]), 'loudest_hz': loudest * SAMPLE_RATE / N_FFT}


def spectral_convergence(spectrum, claimed):
    """||M - C|| / ||C|| of two log spectra's linear magnitudes; 0 is perfect."""
    claimed = magnitude(claimed)
    return float(np.linalg.norm(magnitude(spectrum) - claimed) / max(np.linalg.norm(claimed), 1e-9))


def compare(read_back, claimed, of_notes, notes):
    """The honesty score of one dream: what the wav reaches against the claim and against the real notes."""
    strongest = int(of_notes.argmax())
    highest = float(of_notes[strongest])
    survives = claimed > 0 and read_back >= 0.8 * claimed
    return {'activation': read_back, 'claimed': claimed, 'kept': read_back / claimed if claimed > 0 else 0.0,
            'strongest_note': notes[strongest], 'strongest_note_activation': highest,
            'percentile_99': float(np.percentile(of_notes, 99)), 'average_note_activation': float(of_notes.mean()),
            'times_strongest_note': read_back / highest if highest > 0 else None,
            'beats_strongest_note': read_back > highest, 'survives': survives}
