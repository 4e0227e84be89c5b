"""The read-back check: the wav that was written, read back through the whole front end, against the optimised value."""

import numpy as np

from deepdream.spectrum import N_FFT, SAMPLE_RATE, magnitude
from deepdream.spectrum_tf import flatness

PASSED = 0.8  # of the optimised value


def describe_sound(waveform, spectrum):
    """What tells a sound from a fault: DC, peak, crest factor (peak over RMS), spectral flatness, loudest frequency."""
    rms = float(np.sqrt(np.mean(waveform ** 2)))
    peak = float(np.abs(waveform).max())
    loudest = int(magnitude(spectrum).sum(axis=0).argmax())
    return {'dc': float(waveform.mean()), 'peak': peak, 'crest_factor': peak / max(rms, 1e-9),
            'flatness': float(flatness(spectrum[np.newaxis])[0]), 'loudest_hz': loudest * SAMPLE_RATE / N_FFT}


def spectral_convergence(spectrum, optimised):
    """||M - O|| / ||O|| of the linear magnitudes of two log spectra; 0 is perfect."""
    optimised = magnitude(optimised)
    return float(np.linalg.norm(magnitude(spectrum) - optimised) / max(np.linalg.norm(optimised), 1e-9))


def check_read_back(activation, optimised, of_notes, notes):
    """Return the scores of one dream, ready for JSON.

    `activation` is that of the wav read back, `optimised` what the ascent reached; `of_notes` (n_notes,) holds the
    activations of the real notes, `notes` their names. The check is passed with 80 % of the optimised value.
    """
    strongest = int(of_notes.argmax())
    highest = float(of_notes[strongest])
    return {'activation': activation, 'optimised': optimised,
            'kept': activation / optimised if optimised > 0 else 0.0,
            'strongest_note': notes[strongest], 'strongest_note_activation': highest,
            'percentile_99': float(np.percentile(of_notes, 99)), 'average_note_activation': float(of_notes.mean()),
            'times_strongest_note': activation / highest if highest > 0 else None,
            'beats_strongest_note': activation > highest,
            'passed': optimised > 0 and activation >= PASSED * optimised}


def with_read_back(report):
    """Return the report of a dream under today's names, also where it has those of before."""
    if 'honesty' not in report:
        return report
    score = dict(report['honesty'])
    score |= {'optimised': score.pop('claimed'), 'passed': score.pop('survives')}
    return {name: value for name, value in report.items() if name != 'honesty'} | {'read_back': score}
