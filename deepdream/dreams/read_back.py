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


def check_read_back(activation, optimised):
    """Return the read-back check of one dream, ready for JSON; it is passed with 80 % of the optimised value.

    `activation` is that of the wav read back, `optimised` what the ascent reached.
    """
    return {'activation': activation, 'optimised': optimised,
            'kept': activation / optimised if optimised > 0 else 0.0,
            'passed': optimised > 0 and activation >= PASSED * optimised}


def compare_with_notes(activation, of_notes, notes):
    """Return how the activation of a dream compares with those of real notes, `of_notes` (n_notes,), ready for JSON.

    `notes` are their names; without any, there is nothing but their number, 0.
    """
    if not notes:
        return {'n_notes': 0}
    strongest = int(of_notes.argmax())
    highest = float(of_notes[strongest])
    return {'n_notes': len(notes), 'strongest_note': notes[strongest], 'strongest_note_activation': highest,
            'percentile_99': float(np.percentile(of_notes, 99)), 'average_note_activation': float(of_notes.mean()),
            'times_strongest_note': activation / highest if highest > 0 else None,
            'beats_strongest_note': activation > highest}


def with_read_back(report):
    """Return the report of a dream under today's names, also where it has those of before."""
    if 'honesty' not in report:
        return report
    score = dict(report['honesty'])
    score |= {'optimised': score.pop('claimed'), 'passed': score.pop('survives')}
    return {name: value for name, value in report.items() if name != 'honesty'} | {'read_back': score}


def print_read_back(name, report):
    score, sound = report['read_back'], report['sound']
    times = score.get('times_strongest_note')
    against = ('compared with no notes' if not score['n_notes'] else
               f'{times:.2f} times the strongest note ({score["strongest_note"]})' if times and times > 0
               else 'less than the strongest note' if times else 'no note excites it')
    note = f'; {report["hz"]:.1f} Hz' if report.get('kind') == 'note' else ''
    print(f'{name}: {score["layer"]} activation {score["activation"]:.3g}, {score["kept"]:.0%} of the optimised value, '
          f'{against}; flatness {sound["flatness"]:.1e}, crest {sound["crest_factor"]:.1f}{note}'
          + ('' if score['passed'] else '; READ-BACK CHECK FAILED'))
