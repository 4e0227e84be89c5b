"""audio.py: any sound file is read to its real end, from its onset, without an offset; faults are named."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import noise, sine, write_wav

from deepdream.artifacts import BadInput
from deepdream.audio import load_from_onset, load_waveform, windows_of

RATE = 44_100
MP3_BIT_RATES = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]


def tone(seconds, frequency=220, peak=0.5, rate=RATE):
    return peak * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def encoded(waveform, form, rate=RATE, **options):
    file = io.BytesIO()
    soundfile.write(file, waveform, rate, format=form, **options)
    return file.getvalue()


def write_bytes(path, content):
    path.write_bytes(content)
    return path


def starts(path, every=True):
    return [start for start, _ in windows_of(path, every)]


# Lengths that headers tell wrongly.

def without_xing(mp3):
    """The MP3 without its first frame, which tells its length."""
    size = 144_000 * MP3_BIT_RATES[mp3[2] >> 4] // RATE + (mp3[2] >> 1 & 1)
    assert b'Xing' in mp3[:size] or b'Info' in mp3[:size]
    return mp3[size:]


@pytest.fixture(scope='module')
def mp3s():
    """30 s hardly audible and 10 s of noise at a variable bit rate; a tone of 20 s at a constant one."""
    quiet, loud = tone(30, peak=0.0005), noise(0, 10, RATE, 0.3)
    return {'variable': encoded(np.r_[quiet, loud], 'MP3', bitrate_mode='VARIABLE', compression_level=0.2),
            'reversed': encoded(np.r_[loud, quiet], 'MP3', bitrate_mode='VARIABLE', compression_level=0.2),
            'constant': encoded(tone(20), 'MP3', bitrate_mode='CONSTANT', compression_level=0.5)}


@pytest.mark.parametrize('has_header', [True, False])
def test_mp3_is_read_to_its_real_end(mp3s, tmp_path, has_header):
    for name, loudest in (('variable', 30), ('reversed', 0)):
        content = mp3s[name] if has_header else without_xing(mp3s[name])
        path = write_bytes(tmp_path / 'x.mp3', content)
        assert starts(path) == [4 * i for i in range(10)]
        start, = starts(path, every=False)
        assert loudest - 0.1 <= start <= loudest + 6.1


def test_mp3_with_cover_art_and_two_in_one_file(mp3s, tmp_path):
    art = bytes(400_000)
    frame = b'APIC' + len(art).to_bytes(4, 'big') + b'\0\0' + art
    size = bytes(len(frame) >> shift & 127 for shift in (21, 14, 7, 0))
    tagged = b'ID3\3\0\0' + size + frame + without_xing(mp3s['constant']) + b'TAG' + bytes(125)
    assert len(starts(write_bytes(tmp_path / 'art.mp3', tagged))) == 5
    assert len(starts(write_bytes(tmp_path / 'two.mp3', 2 * mp3s['constant']))) == 10


@pytest.mark.parametrize('name', ['x.mp3', 'no header.mp3', 'x.ogg'])
def test_what_is_cut_off_is_named_behind_its_whole_windows(mp3s, tmp_path, name):
    whole = encoded(tone(20), 'OGG') if name == 'x.ogg' else mp3s['constant']
    content = without_xing(whole)[:-7000] if name == 'no header.mp3' else whole[:len(whole) // 2]
    path, found = write_bytes(tmp_path / name, content), []
    with pytest.raises(BadInput, match='truncated'):
        found.extend(windows_of(path, every=True))
    assert [start for start, _ in found] == [4 * i for i in range(len(found))] and len(found) >= 2
    with pytest.raises(BadInput, match='truncated'):
        load_from_onset(path)
    waveform, _ = load_waveform(path)  # whose first 4 s are whole
    assert np.abs(waveform[-1000:]).max() > 0.3


def wav(size, body, bits=16, tag=1, rate=RATE, extra=b''):
    """A mono wav whose 'data' chunk tells `size` bytes."""
    block = bits // 8
    form = struct.pack('<HHIIHH', tag, 1, rate, rate * block, block, bits) + extra
    return (b'RIFF' + struct.pack('<I', min(size + 20 + len(form), 2**32 - 1)) + b'WAVEfmt '
            + struct.pack('<I', len(form)) + form + b'data' + struct.pack('<I', size) + body)


SAMPLES = np.round(30_000 * tone(1)).astype('<i2').tobytes()


@pytest.mark.parametrize('content', [
    wav(2_000_000_000, SAMPLES), wav(2**30, SAMPLES), wav(0x7F000000, SAMPLES), wav(2**32 - 1, SAMPLES),
    wav(0, SAMPLES), wav(len(SAMPLES) + 44, SAMPLES), wav(len(SAMPLES), SAMPLES[:-2]),
    wav(44_102, bytes(128 + int(100 * value) for value in tone(1, peak=0.9)), bits=8)],
    ids=['two billion', '2^30', '0x7f000000', 'all ones', 'zero', 'header counted', 'last sample missing', 'pad byte'])
def test_a_wav_with_a_wrong_size_is_read_to_its_end(tmp_path, content):
    waveform, remarks = load_waveform(write_bytes(tmp_path / 'x.wav', content))
    assert 'padded' in remarks
    assert np.abs(waveform[15_000:15_900]).max() > 0.4 and not waveform[16_100:].any()


def test_a_wav_cut_in_half_is_refused(tmp_path):
    path = write_bytes(tmp_path / 'x.wav', wav(len(SAMPLES), SAMPLES[:len(SAMPLES) // 2]))
    for load in (load_waveform, load_from_onset, lambda path: list(windows_of(path, every=True))):
        with pytest.raises(BadInput, match='truncated'):
            load(path)


def test_an_ogg_file_in_a_wav_is_read(tmp_path):
    ogg = encoded(tone(1), 'OGG')
    content = wav(len(ogg), ogg, tag=0x674F, extra=b'\0\0')
    waveform, _ = load_waveform(write_bytes(tmp_path / 'x.wav', content))
    assert np.abs(waveform).max() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize('subtype', ['GSM610', 'IMA_ADPCM', 'MS_ADPCM', 'ULAW', 'ALAW', 'PCM_U8', 'PCM_24', 'DOUBLE'])
def test_wavs_of_every_coding_are_read_by_every_stage_alike(tmp_path, subtype):
    path = tmp_path / 'x.wav'
    soundfile.write(path, np.r_[tone(6, rate=8000, peak=0.2), tone(4, rate=8000)], 8000, subtype=subtype)
    assert load_waveform(path)[0].std() > 0.1
    assert load_from_onset(path)[2] == pytest.approx(6, abs=0.3)
    assert starts(path) == [0, 4, 8]


def test_flac_without_a_length_is_read_to_its_end(tmp_path):
    content = bytearray(encoded(tone(9), 'FLAC'))
    content[21] &= 0xF0  # the number of samples of STREAMINFO: 36 bits, 0 for unknown, as a pipe leaves it
    content[22:26] = bytes(4)
    path = write_bytes(tmp_path / 'x.flac', bytes(content))
    assert starts(path) == [0, 4, 8]
    assert load_from_onset(path)[0].std() > 0.2


@pytest.mark.parametrize('rate', [1, 999, 1_000_001])
def test_absurd_sample_rates_are_refused(tmp_path, rate):
    path = write_bytes(tmp_path / 'x.wav', wav(len(SAMPLES), SAMPLES, rate=rate))
    for every in (False, True):
        with pytest.raises(BadInput, match=f'sample rate of {rate:,} Hz'):
            starts(path, every)


# Channels and offsets.

def test_channels_in_opposite_phase_do_not_cancel(tmp_path):
    left = sine(330)
    waveform, remarks = load_waveform(write_wav(tmp_path / 'x.wav', np.stack([left, -0.9 * left], axis=1)))
    assert remarks == ['one channel taken']
    np.testing.assert_allclose(waveform, left, atol=1e-4)
    _, remarks, _ = load_from_onset(tmp_path / 'x.wav')
    assert remarks == ['one channel taken']


@pytest.mark.parametrize('other', [np.zeros(64_000), noise(1)])
def test_other_channels_are_mixed_down(tmp_path, other):
    waveform, remarks = load_waveform(write_wav(tmp_path / 'x.wav', np.stack([sine(330), other], axis=1)))
    assert remarks == ['mixed down']
    np.testing.assert_allclose(waveform, (sine(330) + other) / 2, atol=1e-4)


@pytest.mark.parametrize('offset', [-0.3, 0.05, 0.1, 0.3])
@pytest.mark.parametrize('kind', ['lasting', 'dying away', 'low', 'short'])
def test_a_constant_offset_is_taken_away(tmp_path, offset, kind):
    time = np.arange(64_000) / 16_000
    sound = {'lasting': sine(440, peak=0.5), 'dying away': sine(440, peak=0.5) * np.exp(-3 * time),
             'low': sine(41, peak=0.5) * np.exp(-time), 'short': sine(440, 0.3, peak=0.5)}[kind]
    waveform, _ = load_waveform(write_wav(tmp_path / 'x.wav', sound + offset))
    np.testing.assert_allclose(waveform[:len(sound)], sound, atol=0.02)


def test_an_offset_that_follows_the_envelope_is_a_part_of_the_sound(tmp_path):
    time = np.arange(64_000) / 16_000
    sound = (0.3 * np.sin(2 * np.pi * 220 * time) + 0.2) * np.exp(-2 * time) * (time < 3)
    waveform, _ = load_waveform(write_wav(tmp_path / 'x.wav', sound))
    np.testing.assert_allclose(waveform, sound, atol=1e-4)


# Onsets.

def note(seconds=2.0):
    """A plucked tone."""
    time = np.arange(round(16_000 * seconds)) / 16_000
    tones = sum(np.sin(2 * np.pi * 220 * k * time) / k * np.exp(-k * time) for k in range(1, 8))
    return 0.5 * tones / np.abs(tones).max() * np.minimum(1, (seconds - time) / 0.05)


@pytest.mark.parametrize('seconds', [0.2, 1, 3, 7.3])
@pytest.mark.parametrize('before', ['silence', 'noise that fades in'])
def test_a_note_starts_at_its_onset(tmp_path, seconds, before):
    lead = np.zeros(round(16_000 * seconds))
    if before != 'silence':
        lead = noise(0, seconds, peak=0.005) * np.linspace(0, 1, len(lead))
    path = write_wav(tmp_path / 'x.wav', np.r_[lead, note()])
    waveform, remarks, start = load_from_onset(path)
    assert start == pytest.approx(seconds, abs=0.005)
    assert 'moved to its onset' in remarks
    early = round(16_000 * (seconds - start))
    np.testing.assert_allclose(waveform[100:20_000], np.pad(note(), (100, 0))[200 - early:20_100 - early], atol=0.01)


@pytest.mark.parametrize('attack', [0.001, 0.05, 0.5, 2])
def test_a_slow_attack_is_no_silence(tmp_path, attack):
    time = np.arange(64_000) / 16_000
    path = write_wav(tmp_path / 'x.wav', sine() * np.minimum(1, time / attack))
    _, remarks, start = load_from_onset(path)
    assert start == 0 and remarks == []


def test_the_loudest_four_seconds_start_early_in_the_sound(tmp_path):
    waveform = np.concatenate([tone(5, peak=0.005), tone(2), np.zeros(5 * RATE)])
    path = tmp_path / 'x.wav'
    soundfile.write(path, waveform, RATE)
    assert load_from_onset(path)[2] == pytest.approx(5, abs=0.01)


def test_lasting_sounds_and_loops_keep_their_beginning(tmp_path):
    time = np.arange(10 * 16_000) / 16_000
    lasting = sine(220, 10) * np.minimum(1, time / 0.05)
    loop = noise(0, 10) * np.exp(-10 * (time % 0.5))
    for sound in (lasting, loop):
        assert load_from_onset(write_wav(tmp_path / 'x.wav', sound))[2] == 0


@pytest.mark.parametrize(('form', 'extension'), [('AIFF', 'aif'), ('AU', 'au'), ('W64', 'w64'), ('SVX', '8svx')])
def test_other_containers_cut_in_half_are_refused(tmp_path, form, extension):
    content = encoded(tone(2), form, subtype='PCM_16')
    path = write_bytes(tmp_path / f'x.{extension}', content)
    assert load_waveform(path)[0].std() > 0.1
    with pytest.raises(BadInput, match='truncated'):
        load_waveform(write_bytes(path, content[:len(content) // 2]))


# What is no sound.

@pytest.mark.parametrize(('waveform', 'fault'), [
    (np.zeros(16_000), 'silent'), (np.full(16_000, 0.2), 'silent'), (np.full(1, 0.5), 'shorter than 1 ms'),
    (np.zeros(0), 'empty')])
def test_silence_is_named(tmp_path, waveform, fault):
    path = write_wav(tmp_path / 'x.wav', waveform)
    for every in (False, True):
        with pytest.raises(BadInput, match=fault):
            starts(path, every)


@pytest.mark.parametrize(('waveform', 'fault'), [(np.array([0, np.inf, 0] * 100), 'not finite'),
                                                 (np.array([0, 1e9, 0] * 100), 'peaks at 1e')])
def test_floating_point_numbers_that_are_no_audio(tmp_path, waveform, fault):
    path = write_wav(tmp_path / 'x.wav', waveform, subtype='DOUBLE')
    for load in (load_waveform, load_from_onset):
        with pytest.raises(BadInput, match=fault):
            load(path)


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(OSError):
        load_waveform(Path(tmp_path) / 'none.wav')
