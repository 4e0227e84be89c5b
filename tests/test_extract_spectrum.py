"""extract_spectrum.py on known signals, on odd and broken wavs, and interrupted at every kind of place."""

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from conftest import (
    RATE,
    ROOT,
    click,
    contents,
    copy_aged,
    error_line,
    mtimes,
    noise,
    run_python,
    sine,
    write_notes,
    write_wav,
)

import extract_spectrum
import gather_information
from deepdream.artifacts import check_disk
from deepdream.audio import load_waveform
from deepdream.spectrum import (
    HOP_LENGTH,
    N_BINS,
    N_FFT,
    N_FRAMES,
    N_SAMPLES,
    log_spectrum,
    magnitude,
    npy_size,
    to_float16,
    to_float32,
)
from extract_spectrum import CHUNK

SIGNALS = {'bass_sine': sine(440), 'bass_click': click(32_000),
           'bass_noise': noise(1), 'bass_on_bin': sine(28 * RATE / N_FFT, peak=0.5)}
NPY_BYTES = npy_size('float16')
BIN_440 = round(440 * N_FFT / RATE)
FULL = slice(3, -3)  # frames that the signal fills


def wav_of(data, split, note):
    return data / split / 'audio' / f'{note}.wav'


def npy_of(data, split, note):
    return data / split / 'spectrum' / f'{note}.npy'


def gather(data):
    assert gather_information.main(['--data', str(data), '--labels', str(ROOT / 'labels.txt')]) == 0


def extract(data, *options):
    return extract_spectrum.main(['--data', str(data), '--jobs', '1', *map(str, options)])


def rejected_in(data, split='train'):
    """{note: reason} of the list; None where there is no list."""
    path = data / f'{split}_rejected.txt'
    return dict(line.split('\t') for line in path.read_text().splitlines()) if path.exists() else None


def stored_train(data, notes):
    return np.stack([np.load(npy_of(data, 'train', note)) for note in notes]).astype(np.float64)


def assert_statistics_of(data, notes):
    spectra = stored_train(data, notes)
    np.testing.assert_allclose(np.load(data / 'data_mean.npy'), spectra.mean(axis=0), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(np.load(data / 'data_std.npy'), spectra.std(axis=0), rtol=1e-6, atol=1e-9)


def results_of(data):
    """All that stage 2 writes: relative path -> bytes."""
    return {name: content for name, content in contents(data).items() if not name.endswith('.wav')}


@pytest.fixture(scope='module')
def signals(tmp_path_factory):
    """The known signals by dtype: {dtype: {note: spectrum as stored}}, {'waveform': {note: as 16 bits hold it}}."""
    spectra = {}
    for dtype in ('float16', 'float32'):
        data = tmp_path_factory.mktemp('signals')
        for note, waveform in SIGNALS.items():
            write_wav(wav_of(data, 'train', note), waveform)
        gather(data)
        assert extract(data, '--dtype', dtype) == 0
        spectra[dtype] = {note: np.load(npy_of(data, 'train', note)) for note in SIGNALS}
    spectra['waveform'] = {note: soundfile.read(wav_of(data, 'train', note), dtype='float32')[0] for note in SIGNALS}
    return spectra


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """A finished data folder, not to be changed: 5 train, 2 valid, 2 test notes."""
    data = tmp_path_factory.mktemp('made') / 'data'
    for seed, (split, n_notes) in enumerate({'train': 5, 'valid': 2, 'test': 2}.items()):
        write_notes(data, split, [f'reed_{split}_{i}' for i in range(n_notes)], seed)
    gather(data)
    assert extract(data) == 0
    return data


@pytest.fixture
def data(made, tmp_path):
    """A copy of `made` to change; its files look 100 s old."""
    return copy_aged(made, tmp_path / 'data')


@pytest.fixture
def unmade(made, tmp_path):
    """A copy of `made` before stage 2."""
    data = copy_aged(made, tmp_path / 'data')
    for path in [*data.rglob('*.npy'), data / 'spectrum.json']:
        path.unlink()
    return data


TRAIN = [f'reed_train_{i}' for i in range(5)]


# The signal.

@pytest.mark.parametrize('dtype', ['float16', 'float32'])
def test_shape_and_dtype(signals, dtype):
    for spectrum in signals[dtype].values():
        assert spectrum.shape == (251, 513) == (N_FRAMES, N_BINS)
        assert spectrum.dtype == dtype
        assert np.isfinite(spectrum).all() and (spectrum >= 0).all()


@pytest.mark.parametrize('dtype', ['float16', 'float32'])
def test_a_sine_peaks_in_its_bin_in_every_frame(signals, dtype):
    assert (signals[dtype]['bass_sine'].argmax(axis=1) == BIN_440).all()


def test_the_level_of_a_sine_follows_from_the_window(signals):
    level = magnitude(signals['float32']['bass_on_bin'])[FULL, 28]
    np.testing.assert_allclose(level, 0.5 * N_FFT / 4, rtol=0.005)  # the mean of the window is 1/2, half goes to -f


def test_silence_is_all_zeros():
    assert not log_spectrum(np.zeros(N_SAMPLES, np.float32)).any()


def test_a_click_is_flat_and_in_the_frames_that_overlap_it_only(signals):
    spectrum = signals['float32']['bass_click']
    inside = np.abs(np.arange(N_FRAMES) * HOP_LENGTH - 32_000) < N_FFT // 2
    assert inside.sum() == 3
    assert not spectrum[~inside].any()
    assert (spectrum[inside] > 1).all()
    assert np.ptp(spectrum[inside], axis=1).max() < 1e-3


def test_noise_is_roughly_flat(signals):
    power = np.square(magnitude(signals['float32']['bass_noise'])).mean(axis=0)[2:-2]
    assert power.max() < 2 * np.median(power) < 4 * power.min()


@pytest.mark.parametrize(('dtype', 'tolerance'), [('float16', 2.0**-11), ('float32', 2.0**-22)])
def test_it_is_the_log_of_librosas_stft(signals, dtype, tolerance):
    import librosa
    for note in ('bass_noise', 'bass_click'):
        stft = librosa.stft(signals['waveform'][note], n_fft=1024, hop_length=256)
        expected = np.log(1 + 1000 * np.abs(stft)).T
        np.testing.assert_allclose(signals[dtype][note], expected, rtol=tolerance, atol=0.002)


def test_magnitudes_are_librosas_to_a_millionth_of_the_frames_largest():
    import librosa
    for waveform in (sine(440), noise(2), sine(3000) * np.linspace(1, 0, N_SAMPLES, dtype=np.float32)):
        expected = np.abs(librosa.stft(waveform.astype(np.float64), n_fft=1024, hop_length=256)).T
        error = np.abs(magnitude(log_spectrum(waveform)) - expected)
        assert (error <= 3e-6 * expected.max(axis=1, keepdims=True)).all()


def test_float16_is_what_numpy_makes_of_it():
    rng = np.random.default_rng(0)
    halves = np.arange(2**15 - 2**10, dtype=np.uint16).view(np.float16).astype(np.float32)  # from 0 to the highest
    ties = (halves[:-1] + halves[1:]) / 2
    values = np.concatenate([halves, ties, rng.uniform(0, 12, 10_000), rng.uniform(0, 2e-4, 10_000)])
    values = values.astype(np.float32).reshape(-1, 1)
    half = to_float16(values)
    np.testing.assert_array_equal(half, values.astype(np.float16))
    np.testing.assert_array_equal(to_float32(half), half.astype(np.float32))


def test_magnitude_is_the_inverse_of_the_logarithm():
    levels = np.geomspace(1e-9, 512, 1000)
    np.testing.assert_allclose(magnitude(np.log1p(1000 * levels)), levels, rtol=1e-12)
    assert magnitude(np.zeros(3)).tolist() == [0, 0, 0]


def test_magnitude_takes_a_spectrum_as_it_is_stored(signals):
    stored = signals['float16']['bass_on_bin']
    level = magnitude(stored)
    assert np.isfinite(level).all()  # e^12 is more than float16 holds
    np.testing.assert_allclose(level[FULL, 28], 128, rtol=0.01)


# Wavs of every kind.

ODD = {  # note: (waveform, rate, subtype, what the report counts)
    'bass_plain': (sine(440), 16_000, 'PCM_16', []),
    'bass_44100': (sine(440, rate=44_100), 44_100, 'PCM_16', ['resampled']),
    'bass_48000': (sine(440, rate=48_000), 48_000, 'PCM_24', ['resampled']),
    'bass_22050': (sine(440, 3.9, rate=22_050), 22_050, 'PCM_16', ['resampled', 'padded']),
    'bass_8000': (sine(440, rate=8_000), 8_000, 'PCM_16', ['resampled']),
    'bass_stereo': (np.stack([sine(440), 0.5 * sine(440)], axis=1), 16_000, 'PCM_16', ['mixed down']),
    'bass_6_channels': (np.stack([sine(440)] * 6, axis=1), 16_000, 'PCM_24', ['mixed down']),
    'bass_short': (sine(440, 1), 16_000, 'PCM_16', ['padded']),
    'bass_one_sample_short': (sine(440)[:-1], 16_000, 'PCM_16', ['padded']),
    'bass_long': (sine(440, 6), 16_000, 'PCM_16', ['cut']),
    'bass_long_44100_stereo': (np.stack([sine(440, 6, 44_100)] * 2, axis=1), 44_100, 'PCM_16',
                               ['cut', 'mixed down', 'resampled']),
    'bass_8_bit': (sine(440), 16_000, 'PCM_U8', []),
    'bass_24_bit': (sine(440), 16_000, 'PCM_24', []),
    'bass_32_bit': (sine(440), 16_000, 'PCM_32', []),
    'bass_float': (sine(440), 16_000, 'FLOAT', []),
    'bass_double': (sine(440), 16_000, 'DOUBLE', []),
}


@pytest.fixture(scope='module')
def odd(tmp_path_factory):
    data = tmp_path_factory.mktemp('odd')
    for note, (waveform, rate, subtype, _) in ODD.items():
        write_wav(wav_of(data, 'train', note), waveform, rate, subtype)
    gather(data)
    result = run_python('extract_spectrum.py', '--data', data, '--jobs', 1, '--dtype', 'float32')
    assert result.returncode == 0, result.stderr
    return data, result.stdout


@pytest.mark.parametrize('note', ODD)
def test_a_sine_of_any_make_peaks_in_its_bin_at_its_level(odd, note):
    spectrum = np.load(npy_of(odd[0], 'train', note))
    frames = slice(3, 58) if 'short' in note and 'one' not in note else slice(3, 240)
    assert (spectrum[frames].argmax(axis=1) == BIN_440).all()
    plain = np.load(npy_of(odd[0], 'train', 'bass_plain'))[frames, BIN_440]
    level = np.log(0.75) if note == 'bass_stereo' else 0  # the mean of 1 and a half
    np.testing.assert_allclose(spectrum[frames, BIN_440], plain + level, atol=0.02)


def test_the_report_counts_what_was_done_to_the_wavs(odd):
    for remark in ('resampled', 'mixed down', 'padded', 'cut'):
        assert f'{sum(remark in remarks for *_, remarks in ODD.values())} {remark}' in odd[1]


def test_a_short_note_ends_in_silence_and_a_long_one_after_4_seconds(odd):
    short, plain, long = (np.load(npy_of(odd[0], 'train', f'bass_{name}')) for name in ('short', 'plain', 'long'))
    assert not short[RATE // HOP_LENGTH + 3:].any()
    np.testing.assert_array_equal(long, plain)


def test_nothing_above_the_nyquist_frequency_folds_back(tmp_path):
    write_wav(wav_of(tmp_path, 'train', 'bass_1'), sine(12_000, rate=44_100), 44_100)
    gather(tmp_path)
    assert extract(tmp_path) == 0
    assert magnitude(np.load(npy_of(tmp_path, 'train', 'bass_1')).astype(float))[FULL].max() < 0.1


def test_a_wav_that_was_streamed_and_has_no_length_is_read(tmp_path):
    wav = write_wav(wav_of(tmp_path, 'train', 'bass_1'), sine())
    content = bytearray(wav.read_bytes())
    at = content.index(b'data') + 4
    content[at:at + 4] = content[4:8] = struct.pack('<I', 2**32 - 1)
    wav.write_bytes(content)
    gather(tmp_path)
    assert extract(tmp_path) == 0
    assert (np.load(npy_of(tmp_path, 'train', 'bass_1')).argmax(axis=1) == BIN_440).all()


@pytest.mark.parametrize('note', ["bass_it's \"a\"  note", 'bass_피아노', 'bass_a%20b'])
def test_odd_names(tmp_path, note):
    write_wav(wav_of(tmp_path, 'train', note), sine())
    write_wav(tmp_path / 'train' / 'audio' / 'bass_upper.WAV', sine())
    gather(tmp_path)
    assert extract(tmp_path) == 0
    assert npy_of(tmp_path, 'train', note).exists() and npy_of(tmp_path, 'train', 'bass_upper').exists()


# Wavs that are none.

def cut_to(path, n_bytes):
    path.write_bytes(path.read_bytes()[:n_bytes])


def not_a_number():
    waveform = sine()
    waveform[1000] = np.nan
    return waveform


BROKEN = {  # note: (how to write it, a word of the reason)
    'reed_truncated': (lambda path: cut_to(write_wav(path, sine()), 100_000), 'truncated'),
    'reed_truncated_float': (lambda path: cut_to(write_wav(path, sine(), subtype='FLOAT'), 100_000), 'truncated'),
    'reed_header_only': (lambda path: cut_to(write_wav(path, sine()), 44), ''),
    'reed_half_a_header': (lambda path: cut_to(write_wav(path, sine()), 20), 'unreadable'),
    'reed_no_bytes': (lambda path: path.write_bytes(b''), 'empty'),
    'reed_no_samples': (lambda path: write_wav(path, np.zeros(0)), 'empty'),
    'reed_text': (lambda path: path.write_text('I am no wav\n'), 'unreadable'),
    'reed_nan': (lambda path: write_wav(path, not_a_number(), subtype='FLOAT'), 'finite'),
    'reed_inf': (lambda path: write_wav(path, np.full(N_SAMPLES, np.inf), subtype='DOUBLE'), 'finite'),
}


@pytest.fixture(scope='module')
def broken(made, tmp_path_factory):
    """`made` with broken wavs in train and one in test; the outcome of stage 2."""
    data = copy_aged(made, tmp_path_factory.mktemp('broken') / 'data')
    for note, (write, _) in BROKEN.items():
        write(wav_of(data, 'train', note))
    wav_of(data, 'test', 'reed_text').write_text('nor am I\n')
    gather(data)
    return data, run_python('extract_spectrum.py', '--data', data, '--jobs', 1, '--max-rejected', 60)


@pytest.fixture
def with_broken(broken, tmp_path):
    return copy_aged(broken[0], tmp_path / 'data')


@pytest.mark.parametrize('note', BROKEN)
def test_a_broken_wav_is_rejected_with_the_reason(broken, note):
    reason = rejected_in(broken[0])[note]
    assert reason and BROKEN[note][1] in reason
    assert str(broken[0]) not in reason
    assert not npy_of(broken[0], 'train', note).exists()


def test_broken_wavs_do_not_stop_the_run(broken):
    data, result = broken
    assert result.returncode == 0, result.stderr
    assert set(rejected_in(data)) == set(BROKEN)
    assert set(rejected_in(data, 'test')) == {'reed_text'}
    assert not rejected_in(data, 'valid')
    assert 'test/reed_text' in result.stdout and 'train_rejected.txt' in result.stdout
    assert_statistics_of(data, TRAIN)


def test_rejected_notes_are_named_in_the_order_of_the_list(broken):
    assert list(rejected_in(broken[0])) == sorted(BROKEN)


def mend_unnoticed(data):
    """Repair train/reed_text, but let the list of rejected notes be newer than that."""
    write_wav(wav_of(data, 'train', 'reed_text'), sine())
    later = time.time_ns() + 10**9
    for path in data.glob('*_rejected.txt'):
        os.utime(path, ns=(later, later))


def test_a_rejected_note_is_not_read_again(with_broken, capsys):
    mend_unnoticed(with_broken)
    before = mtimes(with_broken)
    assert extract(with_broken, '--max-rejected', 60) == 0
    assert '0 of 19 notes were to do' in capsys.readouterr().out
    assert mtimes(with_broken) == before
    assert set(rejected_in(with_broken)) == set(BROKEN)


def test_rejected_notes_run_after_run_change_nothing(with_broken, capsys):
    assert extract(with_broken, '--max-rejected', 60) == 0
    before = mtimes(with_broken)
    capsys.readouterr()
    assert extract(with_broken, '--max-rejected', 60) == 0
    assert '0 of 19 notes were to do' in capsys.readouterr().out
    assert mtimes(with_broken) == before


def test_a_repaired_note_is_taken_up(with_broken):
    write_wav(wav_of(with_broken, 'train', 'reed_text'), sine())
    assert extract(with_broken, '--max-rejected', 60) == 0
    assert set(rejected_in(with_broken)) == set(BROKEN) - {'reed_text'}
    assert_statistics_of(with_broken, [*TRAIN, 'reed_text'])


def test_the_last_repaired_note_leaves_no_rejected_ones(with_broken):
    write_wav(wav_of(with_broken, 'test', 'reed_text'), sine())
    assert extract(with_broken, '--max-rejected', 60) == 0
    assert not rejected_in(with_broken, 'test')
    assert npy_of(with_broken, 'test', 'reed_text').exists()


def test_a_note_repaired_by_an_older_file_is_taken_up(with_broken, made):
    wav = wav_of(with_broken, 'train', 'reed_text')
    good = write_wav(with_broken / 'good.wav', sine())
    os.utime(good, ns=(10**18, 10**18))  # 2001, as from a backup: cp -p, mv and tar keep the time
    good.replace(wav)
    assert extract(with_broken, '--max-rejected', 60) == 0
    assert 'reed_text' not in rejected_in(with_broken)


def test_a_wav_that_breaks_later_loses_its_spectrum(data):
    write_wav(wav_of(data, 'train', TRAIN[0]), not_a_number(), subtype='FLOAT')
    assert extract(data, '--max-rejected', 20) == 0
    assert set(rejected_in(data)) == {TRAIN[0]}
    assert not npy_of(data, 'train', TRAIN[0]).exists()
    assert_statistics_of(data, TRAIN[1:])


def test_a_float_wav_of_absurd_values_is_rejected_or_its_spectrum_is_finite(data):
    write_wav(wav_of(data, 'train', TRAIN[0]), np.full(N_SAMPLES, 3e38), subtype='FLOAT')
    assert extract(data, '--max-rejected', 20) == 0
    assert np.isfinite(np.load(data / 'data_mean.npy')).all() and np.isfinite(np.load(data / 'data_std.npy')).all()


@pytest.mark.parametrize(('limit', 'status'), [(22.3, 0), (22.2, 1), (0, 1), (100, 0)])
def test_more_rejected_than_allowed_is_an_error(data, capsys, limit, status):
    for note in TRAIN[:2]:
        wav_of(data, 'train', note).write_bytes(b'')  # 2 of 9
    capsys.readouterr()
    assert extract(data, '--max-rejected', limit) == status
    stderr = capsys.readouterr().err
    if status:
        error_line(stderr, '2 of 9', f'{limit:g} %', '--max-rejected', '_rejected.txt', data)
    assert set(rejected_in(data)) == set(TRAIN[:2])


def test_one_percent_is_what_is_allowed_unless_said(data, capsys):
    wav_of(data, 'valid', 'reed_valid_0').write_bytes(b'')
    assert extract(data) == 1
    error_line(capsys.readouterr().err, '1 of 9', '1 %')


def test_too_many_rejected_lose_nothing_and_stay_an_error(data, capsys):
    wav_of(data, 'train', TRAIN[0]).write_bytes(b'')
    npy_of(data, 'train', TRAIN[1]).unlink()
    assert extract(data) == 1
    assert np.load(npy_of(data, 'train', TRAIN[1])).shape == (N_FRAMES, N_BINS)
    assert extract(data) == 1
    assert extract(data, '--max-rejected', 20) == 0
    assert_statistics_of(data, TRAIN[1:])


def test_all_of_train_rejected_gives_no_statistics(unmade, capsys):
    for note in TRAIN:
        wav_of(unmade, 'train', note).write_bytes(b'')
    assert extract(unmade, '--max-rejected', 100) == 0
    assert 'no statistics' in capsys.readouterr().out
    assert not (unmade / 'data_mean.npy').exists()


# Statistics.

def test_statistics_are_numpys_over_the_stored_train_spectra_only(made):
    assert_statistics_of(made, TRAIN)
    for name in ('data_mean.npy', 'data_std.npy'):
        assert np.load(made / name).shape == (N_FRAMES, N_BINS)
        assert np.load(made / name).dtype == np.float32
    everything = np.mean([np.load(path) for path in made.glob('*/spectrum/*.npy')], axis=0, dtype=np.float64)
    assert not np.allclose(np.load(made / 'data_mean.npy'), everything, atol=1e-3)


def test_bins_that_do_not_vary_have_exactly_no_deviation(tmp_path):
    for i in range(5):
        write_wav(wav_of(tmp_path, 'train', f'bass_{i}'), noise(3))
    gather(tmp_path)
    assert extract(tmp_path) == 0
    assert not np.load(tmp_path / 'data_std.npy').any()


@pytest.mark.parametrize('chunk', [1, 2, CHUNK])
def test_bins_that_hardly_vary_do_not_cancel(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(extract_spectrum, 'CHUNK', chunk)
    for i in range(5):
        write_wav(wav_of(tmp_path, 'train', f'bass_{i}'), sine(peak=0.9 * (1 + i * 1e-6)), subtype='FLOAT')
    gather(tmp_path)
    assert extract(tmp_path, '--dtype', 'float32') == 0
    std = np.load(tmp_path / 'data_std.npy')
    assert np.isfinite(std).all() and 0 < std[:, BIN_440].max() < 1e-5
    expected = stored_train(tmp_path, [f'bass_{i}' for i in range(5)]).std(axis=0)
    np.testing.assert_allclose(std, expected, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize('chunk', [1, 2, 3, 4])
def test_statistics_of_many_chunks(unmade, monkeypatch, chunk):
    monkeypatch.setattr(extract_spectrum, 'CHUNK', chunk)
    assert extract(unmade) == 0
    assert_statistics_of(unmade, TRAIN)


def test_the_same_bytes_for_any_number_of_jobs(unmade, monkeypatch, tmp_path):
    monkeypatch.setattr(extract_spectrum, 'CHUNK', 2)
    other = copy_aged(unmade, tmp_path / 'other')
    assert extract(unmade) == 0
    assert extract_spectrum.main(['--data', str(other), '--jobs', '2']) == 0
    assert results_of(unmade) == results_of(other)


def test_no_train_split_gives_spectra_and_no_statistics(unmade, capsys):
    for name in ('samples', 'labels'):
        (unmade / f'train_{name}.txt').unlink()
    assert extract(unmade) == 0
    assert 'no statistics' in capsys.readouterr().out
    assert len(list(unmade.rglob('*.npy'))) == 4
    assert not (unmade / 'data_mean.npy').exists()


def test_a_note_that_leaves_the_train_list_leaves_the_statistics(data):
    wav_of(data, 'train', TRAIN[4]).unlink()
    gather(data)
    assert extract(data) == 0
    assert_statistics_of(data, TRAIN[:4])


def test_a_note_more_is_all_there_is_to_do(data, capsys):
    write_notes(data, 'train', ['bass_new'], seed=9)
    gather(data)
    before = mtimes(data / 'train', 'reed*.npy')
    capsys.readouterr()
    assert extract(data) == 0
    assert '1 of 10 notes were to do' in capsys.readouterr().out
    assert mtimes(data / 'train', 'reed*.npy') == before
    assert_statistics_of(data, ['bass_new', *TRAIN])


# Run again.

def test_run_again_it_does_nothing(data, capsys):
    before = mtimes(data)
    assert extract(data) == 0
    assert '0 of 9 notes were to do' in capsys.readouterr().out
    assert mtimes(data) == before


def test_deleted_spectra_come_back_with_the_same_statistics(data, made, monkeypatch):
    for note in (TRAIN[1], TRAIN[4]):
        npy_of(data, 'train', note).unlink()
    npy_of(data, 'test', 'reed_test_1').unlink()
    before = mtimes(data, 'reed*.npy')
    assert extract(data) == 0
    assert results_of(data) == results_of(made)
    assert before.items() <= mtimes(data, 'reed*.npy').items()


@pytest.mark.parametrize('name', ['data_mean.npy', 'data_std.npy', 'spectrum.json'])
def test_a_deleted_result_comes_back(data, made, name):
    (data / name).unlink()
    assert extract(data) == 0
    assert results_of(data) == results_of(made)


def test_a_newer_wav_is_redone_and_no_other(data):
    before = mtimes(data)
    write_wav(wav_of(data, 'train', TRAIN[2]), sine())
    assert extract(data) == 0
    changed = {name for name, mtime in mtimes(data).items() if before[name] != mtime}
    assert changed == {f'train/audio/{TRAIN[2]}.wav', f'train/spectrum/{TRAIN[2]}.npy', 'data_mean.npy',
                       'data_std.npy', 'spectrum.json'}
    assert (np.load(npy_of(data, 'train', TRAIN[2])).argmax(axis=1) == BIN_440).all()
    assert_statistics_of(data, TRAIN)


def test_a_newer_test_wav_leaves_the_statistics(data):
    before = mtimes(data)
    write_wav(wav_of(data, 'test', 'reed_test_0'), sine())
    assert extract(data) == 0
    assert {name for name, mtime in mtimes(data).items() if before[name] != mtime} == \
        {'test/audio/reed_test_0.wav', 'test/spectrum/reed_test_0.npy'}


@pytest.mark.parametrize('n_bytes', [0, 100, 200_000])
def test_a_truncated_spectrum_is_redone(data, made, n_bytes):
    cut_to(npy_of(data, 'train', TRAIN[3]), n_bytes)
    cut_to(npy_of(data, 'test', 'reed_test_0'), n_bytes)
    assert extract(data) == 0
    assert results_of(data) == results_of(made)


def test_a_corrupt_spectrum_is_named_with_a_remedy_that_helps(data, made, capsys):
    npy = npy_of(data, 'train', TRAIN[3])
    npy.write_bytes(bytes(npy.stat().st_size))
    (data / 'data_mean.npy').unlink()
    assert extract(data) == 1
    error_line(capsys.readouterr().err, npy, 'delete it', 'extract_spectrum.py')
    npy.unlink()
    assert extract(data) == 0
    assert results_of(data) == results_of(made)


def test_another_dtype_does_everything_again(data, made, capsys):
    assert extract(data, '--dtype', 'float32') == 0
    assert 'made again' in capsys.readouterr().out
    assert {np.load(path).dtype.name for path in data.glob('*/spectrum/*.npy')} == {'float32'}
    assert len(list(data.glob('*/spectrum/*.npy'))) == 9
    assert_statistics_of(data, TRAIN)
    assert extract(data) == 0
    assert results_of(data) == results_of(made)


@pytest.mark.parametrize('key', ['hop_length', 'log_scale', 'sample_rate', 'version'])
def test_other_settings_do_everything_again(data, made, key):
    path = data / 'spectrum.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: 7}))
    before = mtimes(data, '*.npy')
    assert extract(data) == 0
    assert all(mtime > before[name] for name, mtime in mtimes(data, '*.npy').items())
    assert results_of(data) == results_of(made)


def test_other_settings_do_a_split_again_that_was_not_listed_then(data, made):
    path, listed = data / 'spectrum.json', data / 'test_samples.txt'
    path.write_text(json.dumps(json.loads(path.read_text()) | {'version': 0}))
    npy = npy_of(data, 'test', 'reed_test_0')
    npy.write_bytes(npy_of(data, 'test', 'reed_test_1').read_bytes())  # what the old settings made
    listed.rename(data / 'away')
    assert extract(data) == 0
    (data / 'away').rename(listed)
    assert extract(data) == 0
    assert npy.read_bytes() == npy_of(made, 'test', 'reed_test_0').read_bytes()


def test_rejected_notes_get_another_chance_with_other_settings(with_broken):
    mend_unnoticed(with_broken)
    assert extract(with_broken, '--max-rejected', 60, '--dtype', 'float32') == 0
    assert set(rejected_in(with_broken)) == set(BROKEN) - {'reed_text'}


# What is refused.

def test_no_list_names_the_stage_before(tmp_path, capsys):
    assert extract(tmp_path) == 1
    error_line(capsys.readouterr().err, tmp_path / 'train_samples.txt', 'gather_information.py')
    assert list(tmp_path.iterdir()) == []


def test_a_listed_note_without_a_wav(unmade, capsys):
    wav_of(unmade, 'valid', 'reed_valid_1').unlink()
    assert extract(unmade) == 1
    error_line(capsys.readouterr().err, unmade / 'valid_samples.txt', "'reed_valid_1'", 'gather_information.py')
    gather(unmade)
    assert extract(unmade) == 0


def test_the_remedy_for_a_split_that_is_gone_helps(data, capsys):
    for path in sorted((data / 'test').rglob('*'), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (data / 'test').rmdir()
    if extract(data):
        error_line(capsys.readouterr().err, 'test_samples.txt', 'gather_information.py')
        gather(data)
        assert extract(data) == 0


def test_spectra_without_wavs_are_enough(data, made):
    for path in data.rglob('*.wav'):
        path.unlink()
    (data / 'data_mean.npy').unlink()
    assert extract(data) == 0
    assert results_of(data) == results_of(made)


@pytest.mark.parametrize(('name', 'content'), [
    ('train_samples.txt', b'reed_\xff\n'), ('train_samples.txt', b'reed_train_0\nreed_tr'), ('spectrum.json', b'{'),
    ('spectrum.json', b'[]'), ('train_rejected.txt', b'\xff')])
def test_a_corrupt_list_or_settings_file_is_refused_and_nothing_lost(data, capsys, name, content):
    before = mtimes(data, '*.npy')
    (data / name).write_bytes(content)
    assert extract(data) == 1
    error_line(capsys.readouterr().err, data / name, 'run `python ')
    assert mtimes(data, '*.npy') == before


# Killed, or no room left.

KILLED = '''
import os, signal, sys
import numpy as np
import extract_spectrum
save, n_left = np.save, int(sys.argv[1])

def save_or_die(file, array, **options):
    global n_left
    n_left -= 1
    if n_left < 0:
        file.write(array.tobytes()[:1000])
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    save(file, array, **options)

np.save = save_or_die
extract_spectrum.CHUNK = 2
extract_spectrum.main(['--data', sys.argv[2], '--jobs', '1'])
'''


@pytest.mark.parametrize('n_saved', [0, 3, 7, 9, 10])  # 9 spectra, then mean, then std
def test_killed_while_saving_and_run_again_it_gives_the_same_files(unmade, made, n_saved):
    killed = run_python('-c', KILLED, n_saved, unmade)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert all(np.load(path).shape == (N_FRAMES, N_BINS) for path in unmade.rglob('*.npy') if path.name[0] != '.')
    assert len([path for path in unmade.rglob('*.npy') if path.name[0] != '.']) == n_saved
    assert extract(unmade) == 0
    assert results_of(unmade) == results_of(made)


def test_killed_between_new_mean_and_old_std_it_mends_both(data):
    write_wav(wav_of(data, 'train', TRAIN[2]), sine())
    killed = run_python('-c', KILLED, 2, data)  # the spectrum and the mean
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert extract(data) == 0
    assert_statistics_of(data, TRAIN)


def set_free(monkeypatch, n_bytes):
    monkeypatch.setattr(shutil, 'disk_usage', lambda _: SimpleNamespace(free=n_bytes))


def test_a_disk_without_room_for_the_spectra_stops_it_before_the_first(unmade, monkeypatch, capsys):
    set_free(monkeypatch, 9 * NPY_BYTES - 1)
    assert extract(unmade) == 1
    error_line(capsys.readouterr().err, unmade, '9 spectra take', '--data')
    assert not list(unmade.rglob('spectrum/*'))
    set_free(monkeypatch, 9 * NPY_BYTES)
    assert extract(unmade) == 0


def test_only_spectra_that_are_not_there_need_room(data, monkeypatch):
    npy_of(data, 'train', TRAIN[1]).unlink()
    write_wav(wav_of(data, 'train', TRAIN[2]), sine())  # its spectrum is replaced
    set_free(monkeypatch, NPY_BYTES - 1)
    assert extract(data) == 1
    set_free(monkeypatch, NPY_BYTES)
    assert extract(data) == 0
    set_free(monkeypatch, 0)
    assert extract(data) == 0


def test_a_disk_without_room_for_another_dtype_loses_nothing(data, monkeypatch, capsys):
    before = contents(data)
    set_free(monkeypatch, 9 * 2 * N_FRAMES * N_BINS - 1)  # float32 takes two bytes more a number
    assert extract(data, '--dtype', 'float32') == 1
    error_line(capsys.readouterr().err, data, '9 spectra as float32')
    assert contents(data) == before
    set_free(monkeypatch, 9 * npy_size('float32'))
    assert extract(data, '--dtype', 'float32') == 0


def test_much_disk_is_said_before_it_starts(monkeypatch, capsys):
    set_free(monkeypatch, 3 * 10**10)
    check_disk('no such folder', 25.8e9, '100,000 spectra')
    check_disk('no such folder', 1e8, '300 spectra')
    assert capsys.readouterr().out == '100,000 spectra take 25.8 GB of disk, 30.0 GB are free\n'


def test_a_parallel_run_killed_from_outside_goes_on(tmp_path):
    data = tmp_path / 'killed'
    write_notes(data, 'train', [f'reed_{i}' for i in range(4)])
    for i in range(4, 3 * CHUNK):
        os.link(wav_of(data, 'train', f'reed_{i % 4}'), wav_of(data, 'train', f'reed_{i}'))
    gather(data)
    whole = copy_aged(data, tmp_path / 'whole')
    process = subprocess.Popen([sys.executable, 'extract_spectrum.py', '--data', data, '--jobs', '2'],
                               cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not any(data.glob('train/spectrum/reed*')):
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert extract(data) == 0
    assert extract(whole) == 0
    assert results_of(data) == results_of(whole)


@pytest.mark.parametrize(('max_bytes', 'kept'), [(100_000, 0), (300_000, 9)])  # a spectrum has 257,654, the mean more
def test_a_full_disk_is_an_error_and_leaves_no_half_file(unmade, made, max_bytes, kept):
    result = run_python('extract_spectrum.py', '--data', unmade, '--jobs', 1, max_file_bytes=max_bytes)
    assert result.returncode == 1
    error_line(result.stderr, '.npy', unmade, 'cannot write')
    assert sum(path.is_file() for path in unmade.rglob('*.npy')) == kept
    assert extract(unmade) == 0
    assert results_of(unmade) == results_of(made)


def test_a_full_disk_in_a_worker_is_one_line_too(unmade):
    result = run_python('extract_spectrum.py', '--data', unmade, '--jobs', 2, max_file_bytes=100_000)
    assert result.returncode == 1
    error_line(result.stderr, '.npy', unmade, 'cannot write')


@pytest.mark.parametrize('options', [['--jobs', '0'], ['--dtype', 'int8'], ['--max-rejected', 'many']])
def test_options_that_make_no_sense_are_no_traceback(unmade, options):
    result = run_python('extract_spectrum.py', '--data', unmade, *options)
    assert result.returncode != 0
    assert 'Traceback' not in result.stderr and options[0] in result.stderr.splitlines()[-1]


# Real notes.

@pytest.mark.skipif(not (ROOT.parent / 'shared' / 'nsynth').is_dir(), reason='no ../shared/nsynth')
def test_most_real_notes_peak_at_a_partial_of_their_pitch():
    notes = sorted((ROOT.parent / 'shared' / 'nsynth' / 'test' / 'audio').glob('keyboard_*.wav'))[::3]
    frequencies = [440 * 2 ** ((int(path.stem.split('-')[1]) - 69) / 12) for path in notes]
    notes = [(path, frequency) for path, frequency in zip(notes, frequencies, strict=True) if 200 < frequency < 4000]
    assert len(notes) > 5
    n_right = 0
    for path, frequency in notes:
        spectrum = log_spectrum(load_waveform(path)[0])
        partial = spectrum[20:100].mean(axis=0).argmax() * RATE / N_FFT / frequency
        n_right += abs(partial - round(partial)) * frequency < RATE / N_FFT
    assert n_right > 0.8 * len(notes)  # by chance 0.1
