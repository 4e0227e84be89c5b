"""How the train notes of each family sound: bounds and start of the parameters of dreamed notes, and their levels."""

from contextlib import suppress

import numpy as np

from data_provider import read_lists
from deepdream.artifacts import DAMAGED, atomic, list_path
from deepdream.audio import load_waveform
from deepdream.command_line import progress
from deepdream.dreams.band_levels import band_levels, fit_levels
from deepdream.dreams.measures import (
    WHITE_NOISE_DB,
    attack_seconds,
    decay_db_per_second,
    harmonic_to_noise_db,
    noise_levels_db,
    partial_levels_db,
    release_seconds,
)
from deepdream.dreams.note_controls import FORMANT_DB, NOISE_DB, mel_weights
from deepdream.dreams.note_parameters import (
    GENERAL,
    MEASURED,
    N_BANDS,
    N_FORMANTS,
    N_LEVEL_BANDS,
    N_PARAMETERS,
    N_PARTS,
    NO_LEVELS,
    SIZES,
    Prior,
)
from deepdream.notes import find_wavs, note_attributes, notes_digest
from deepdream.pitch import UNKNOWN, hertz
from deepdream.spectrum import log_spectrum

VERSION = 2  # raise it when the measures give other numbers
N_EACH = 60  # notes of a family that are measured, 10 ms each
LEAST_NOTES = 20  # of a family; with fewer, the general bounds hold
PERCENTILES = (5, 95, 50)  # low, high, start
# An envelope that rises as a squared sine is from 20 to 2 dB below its top in half of its time, and a note that
# starts within the 16 ms in which the level is measured has none.
ATTACK_TIMES, SHORTEST_ATTACKS = 2.0, (0.004, 0.01, 0.006)  # seconds: low, high, start
# Harmonic to noise, of real notes that count: with less, a note sounds at another pitch than its name says, as half of
# the demo's organs do, an octave lower, or at none.
LEAST_RATIO_DB = 6.0
MOST_START = 0.8  # of its range, that the start of a formant or of a noise band may take
BAND_EDGES_HZ = 700 * np.expm1(np.linspace(np.log1p(40 / 700), np.log1p(8000 / 700), N_BANDS + 1))


def measure(waveform, hz):
    """What is measured of a note (64000,): the MEASURED, N_FORMANTS formants and N_BANDS of noise, both in dB.

    A formant is what the partials near a knot have above the line of their slope; NaN where there are none.
    """
    at, levels = partial_levels_db(waveform, hz)
    octave = np.log2(np.arange(1, 1 + len(levels)))
    line = np.polyfit(octave, levels, 1) if len(levels) >= 6 else np.full(2, np.nan)
    weights = mel_weights(at, N_FORMANTS)
    with np.errstate(invalid='ignore', divide='ignore'):
        formants = (levels - np.polyval(line, octave)) @ weights / weights.sum(axis=0)
    noise = noise_levels_db(waveform, hz, BAND_EDGES_HZ) - levels.max() + WHITE_NOISE_DB
    return np.r_[attack_seconds(waveform), decay_db_per_second(waveform), line[0], harmonic_to_noise_db(waveform, hz),
                 release_seconds(waveform), formants, noise]


def measured_notes(data, labels, path):
    """Return (class indices (n,), what `measure` gives (n, ...), octaves above A4 (n,), band levels (n, N_PARTS,
    N_LEVEL_BANDS)) of train notes of known pitch; keep them in `path`.

    They are at most N_EACH of a family, evenly over the list. There are none where DATA has no train wavs.
    """
    if not list_path(data, 'train', 'samples').exists():
        return np.empty(0, int), np.empty((0, 0)), np.empty(0), np.empty((0, N_PARTS, N_LEVEL_BANDS))
    notes, family = read_lists(data, 'train', labels, 'labels.txt')
    key = f'{VERSION}{notes_digest(notes)}'
    with suppress(FileNotFoundError, *DAMAGED), np.load(path, allow_pickle=False) as stored:
        if str(stored['key']) == key:
            return tuple(stored[name] for name in ('family', 'measures', 'octaves', 'levels'))
    wavs, pitches = find_wavs(data, 'train'), note_attributes(data, 'train', notes)['pitch']
    known = np.flatnonzero([note in wavs and pitch != UNKNOWN for note, pitch in zip(notes, pitches, strict=True)])
    rows = [row for one in range(len(labels)) for row in spread(known[family[known] == one])]
    measures, levels = [], []
    for row in progress(rows, description='train notes'):
        waveform = load_waveform(wavs[notes[row]])[0]
        measures.append(measure(waveform, hertz(float(pitches[row]))))
        levels.append(band_levels(log_spectrum(waveform)[np.newaxis])[0])
    found = {'family': family[rows], 'measures': np.array(measures), 'octaves': (pitches[rows] - 69) / 12,
             'levels': np.array(levels)}
    with atomic(path) as temporary, open(temporary, 'wb') as file:
        np.savez(file, key=key, **found)
    return tuple(found.values())


def spread(rows):
    """At most N_EACH of the rows, evenly."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(N_EACH, len(rows))).round().astype(int))]


def family_priors(family, measures, octaves, levels, n_labels):
    """The Prior of each family, from `measured_notes`; the general one for families with less than LEAST_NOTES."""
    limits, start = np.repeat(GENERAL[np.newaxis], n_labels, axis=0), np.zeros((n_labels, N_PARAMETERS), np.float32)
    fitted = np.repeat(NO_LEVELS[np.newaxis], n_labels, axis=0)
    for one in range(n_labels):
        of_family = measures[family == one]
        if len(of_family) >= LEAST_NOTES:
            limits[one, :len(MEASURED)] = family_limits(of_family[:, :len(MEASURED)])
            start[one] = family_start(*np.split(mean_known(of_family[:, len(MEASURED):]), [N_FORMANTS]))
            fitted[one] = fit_levels(levels[family == one], octaves[family == one])
    return Prior(limits, start, fitted)


def mean_known(values):
    """(n, columns) -> (columns,): the mean without the NaN; NaN where there is nothing else."""
    known = np.isfinite(values)
    total = np.where(known, values, 0).sum(axis=0)
    return np.divide(total, known.sum(axis=0), out=np.full(values.shape[1], np.nan), where=known.any(axis=0))


def family_limits(measures):
    """(len(MEASURED), 3): low, high and start, from the MEASURED (n, len(MEASURED)) of a family's notes."""
    attack, decay, slope, _, release = np.nanpercentile(measures, PERCENTILES, axis=0).T
    ratio = measures[:, MEASURED.index('harmonic_to_noise_db')]
    tonal = ratio[ratio >= LEAST_RATIO_DB]
    ratio = np.percentile(tonal, PERCENTILES) if len(tonal) else GENERAL[MEASURED.index('harmonic_to_noise_db')]
    attack = np.log(np.maximum(ATTACK_TIMES * attack, SHORTEST_ATTACKS))
    low, high = GENERAL[MEASURED.index('release_seconds'), :2]
    release = np.clip(np.log(release), [low, low + 0.1, low], [high - 0.1, high, high])
    return attack, widened(decay), widened(slope), widened(ratio), release


def widened(values):
    """Limits at least 1 apart."""
    low, high, start = values
    return low, max(high, low + 1), start


def family_start(formants, noise):
    """z (N_PARAMETERS,) whose formants and noise bands are the given ones in dB, as far as their bounds allow."""
    low, high = np.array(NOISE_DB)
    share = np.clip((np.nan_to_num(noise, nan=-80) - low) / (high - low), 1 - MOST_START, MOST_START)
    bands = 1 + np.log(share / (1 - share))
    shape = np.clip(np.nan_to_num(formants) / FORMANT_DB, -MOST_START, MOST_START)
    parts = {name: np.zeros(size) for name, size in SIZES.items()} | {'formants': np.arctanh(shape), 'noise': bands}
    return np.concatenate(list(parts.values()))
