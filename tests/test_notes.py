"""What a note's name, its wav, examples.json and its sound say of its pitch and velocity."""

import json
import os
import struct

import numpy as np
import pytest
from conftest import noise, sine, write_wav

from deepdream.artifacts import BadInput
from deepdream.map import heard_pitch as heard_pitch_module
from deepdream.map.data import instrument_names
from deepdream.map.heard_pitch import heard_pitch, with_heard_pitches
from deepdream.notes import (
    UNKNOWN,
    from_name,
    instrument_of,
    midi_number,
    named_pitch,
    note_attributes,
    root_key,
    source_of,
)

RATE = 16_000

# Names of NSynth's form.


def test_a_name_of_nsynths_form_tells_pitch_velocity_source_and_instrument():
    note = 'bass_synthetic_033-045-100'
    assert from_name(note) == {'pitch': 45, 'velocity': 100, 'instrument_source_str': 'synthetic'}
    assert instrument_of(note) == 'bass_synthetic_033'


@pytest.mark.parametrize('note', ['low-000-000', 'high-127-127'])
def test_the_ends_of_midis_range_are_numbers(note):
    pitch = int(note[-3:])
    assert from_name(note) == {'pitch': pitch, 'velocity': pitch, 'instrument_source_str': ''}
    assert instrument_of(note) == note[:-8]


@pytest.mark.parametrize('note', [
    'door slam', 'kick pack10-140-140', 'kick-128-100', 'kick-060-128', 'kick-60-100', '-060-100', 'kick-٠٦٠-100',
    'bass_synthetic_033-999-999'])
def test_other_names_are_not_of_nsynths_form(note):
    assert from_name(note) == {}
    assert instrument_of(note) == note
    assert source_of(note) == ''


def test_instruments_of_the_page_are_named_by_the_note_or_by_the_family():
    notes = np.array(['bass_synthetic_033-045-100', 'snare_ludwig--hit 1', 'door slam', 'my--sound.wav'], dtype=object)
    names = instrument_names(notes, [0, 1, 1, 2], ['bass', 'snare', 'your sound'], 3)
    assert names.tolist() == ['bass_synthetic_033', 'snare_ludwig', 'snare', 'your sound']


# examples.json.

def attributes(tmp_path, notes, examples=None, **options):
    (tmp_path / 'test').mkdir(exist_ok=True)
    if examples is not None:
        (tmp_path / 'test/examples.json').write_text(json.dumps(examples))
    return note_attributes(tmp_path, 'test', notes, **options)


@pytest.mark.parametrize(('value', 'number'), [
    (0, 0), (127, 127), (60.0, 60), (128, -1), (-1, -1), (60.5, -1), (float('nan'), -1), (float('inf'), -1),
    (1e300, -1), (True, -1), (None, -1), ('60', -1), ('C4', -1), ([60], -1), ({}, -1)])
def test_only_whole_numbers_from_0_to_127_are_numbers_of_midi(tmp_path, value, number):
    assert midi_number(value) == number
    columns = attributes(tmp_path, ['door slam'], {'door slam': {'pitch': value, 'velocity': value}})
    assert columns['pitch'].tolist() == columns['velocity'].tolist() == [number]
    assert columns['pitch'].dtype == columns['velocity'].dtype == np.int16


def test_examples_are_trusted_more_than_names_where_they_say_something(tmp_path):
    notes = ['a_acoustic_000-040-050', 'a_acoustic_000-041-050', 'a_acoustic_000-042-050']
    columns = attributes(tmp_path, notes, {
        notes[0]: {'pitch': 60, 'velocity': 70, 'instrument_source_str': 'electronic'},
        notes[1]: {'pitch': 300, 'velocity': 'loud', 'instrument_source_str': 7}})
    assert columns['pitch'].tolist() == [60, 41, 42]
    assert columns['velocity'].tolist() == [70, 50, 50]
    assert columns['source'].tolist() == ['electronic', 'acoustic', 'acoustic']


@pytest.mark.parametrize('strange', [3, 'C4', [1], None])
def test_an_entry_that_describes_nothing_is_refused_in_one_line(tmp_path, strange):
    with pytest.raises(BadInput, match=r"examples\.json does not describe 'door slam'.* mend or remove it"):
        attributes(tmp_path, ['door slam'], {'door slam': strange})


@pytest.mark.parametrize('content', ['', '[]', '{"a": ', '3', '\xff'])
def test_examples_that_are_no_json_are_refused_in_one_line(tmp_path, content):
    (tmp_path / 'test').mkdir()
    (tmp_path / 'test/examples.json').write_text(content, encoding='latin-1')
    with pytest.raises(BadInput, match=r'examples\.json is not intact JSON'):
        attributes(tmp_path, ['door slam'])


# The root key in a wav.

FORMAT = b'fmt ' + struct.pack('<IHHIIHH', 16, 1, 1, RATE, 2 * RATE, 2, 16)
SOUND = b'data' + struct.pack('<I', 2000) + bytes(2000)


def smpl(key, n_bytes=36):
    return b'smpl' + struct.pack('<I', n_bytes) + struct.pack('<9I', 0, 0, 62_500, key, 0, 0, 0, 0, 0)[:n_bytes]


def write_chunks(path, *chunks, form=b'RIFF', kind=b'WAVE'):
    body = kind + b''.join(chunks)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(form + struct.pack('<I', len(body)) + body)
    return path


@pytest.mark.parametrize('chunks', [
    (FORMAT, smpl(61), SOUND), (FORMAT, SOUND, smpl(61)), (smpl(61), FORMAT, SOUND),
    (FORMAT, b'LIST' + struct.pack('<I', 5) + b'INFOx\0', smpl(61), SOUND)])
def test_the_root_key_is_read_wherever_its_chunk_stands(tmp_path, chunks):
    assert root_key(write_chunks(tmp_path / 'a.wav', *chunks)) == 61


@pytest.mark.parametrize(('key', 'pitch'), [(1, 1), (127, 127), (0, UNKNOWN), (128, UNKNOWN), (2**32 - 1, UNKNOWN)])
def test_a_root_key_is_a_pitch_above_0(tmp_path, key, pitch):
    assert root_key(write_chunks(tmp_path / 'a.wav', FORMAT, smpl(key), SOUND)) == pitch


@pytest.mark.parametrize('content', [
    b'', b'RIFF', b'RIFF\0\0\0\0WAVE', b'RIFF\0\0\0\0WAVEsmpl', b'RIFF\0\0\0\0WAVEsmpl\x24\0\0\0\0\0',
    b'RIFF\0\0\0\0WAVE' + smpl(61, 8), b'RIFF\0\0\0\0WAVEdata\xff\xff\xff\xff' + bytes(100), b'no wav at all, but text',
    b'RIFF\0\0\0\0WAVE' + bytes(100_000)])
def test_garbage_has_no_root_key(tmp_path, content):
    (tmp_path / 'a.wav').write_bytes(content)
    assert root_key(tmp_path / 'a.wav') == UNKNOWN


def test_other_files_have_no_root_key(tmp_path):
    for form, kind in ((b'RIFX', b'WAVE'), (b'RIFF', b'AVI '), (b'FORM', b'AIFF')):
        assert root_key(write_chunks(tmp_path / 'a.wav', FORMAT, smpl(61), SOUND, form=form, kind=kind)) == UNKNOWN
    assert root_key(tmp_path / 'missing.wav') == UNKNOWN
    assert root_key(tmp_path) == UNKNOWN


def test_any_bytes_give_a_pitch_or_none():
    rng = np.random.default_rng(0)
    whole = b'RIFF\0\0\0\0WAVE' + FORMAT + smpl(61) + SOUND
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(len(whole), size=8):
            damaged[place] = rng.integers(256)
        file = os.memfd_create('wav')
        os.write(file, damaged[:rng.integers(len(whole))])
        assert root_key(f'/proc/self/fd/{file}') in range(-1, 128)
        os.close(file)


# Note names.

@pytest.mark.parametrize(('note', 'pitch'), [
    ('C4', 60), ('A4', 69), ('c4', 60), ('C#3', 49), ('Bb2', 46), ('bb2', 46), ('f#-1', 6), ('Gs2', 44), ('A♯3', 58),
    ('E♭3', 51), ('C0', 12), ('G9', 127), ('piano_C4', 60), ('Grand Piano (F#2)', 42), ('Violin.arco.ff.sulG.A4', 69),
    ('Flute_susNV_A4_v1', 69), ('piano_grand--C#3', 49), ('organ_B3--C4', 60), ('10-A4-soft', 69), ('Juno-106 C3', 48),
    ('C3 (C3)', 48), ('E-Piano C3', 48), ('808 C2', 36), ('guitar A2-3', 45), ('bass_D50 E1', 28)])
def test_a_note_name_is_a_pitch(note, pitch):
    assert named_pitch(note) == pitch
    assert named_pitch(note, 'C3') == (pitch + 12 if pitch + 12 <= 127 else UNKNOWN)


def test_c3_may_be_middle_c():
    assert named_pitch('C3', 'C3') == named_pitch('C4', 'C4') == 60
    assert named_pitch('C#-2', 'C3') == 1
    assert named_pitch('G8', 'C3') == 127


@pytest.mark.parametrize('note', [
    'v2', 'take 3', 'Bass2', 'E-Piano', 'E-Piano 2', 'D50', 'DX7', 'Korg M1', 'A', 'Am', 'C#', 'C minor', 'C10', 'C04',
    'H3', 'Bass#3', 'xC3', 'C3x', 'C3#', 'C#b3', 'Cb3', 'Fb2', 'E#2', 'B#2', 'Hs2', 'A-1', 'piano C-1', '4A', '440Hz',
    'G#9', 'A9', 'C#-2'])
def test_other_words_are_no_note_names(note):
    assert named_pitch(note) == UNKNOWN


@pytest.mark.parametrize('note', [
    'A1 kick', 'kick_A1 kick', 'KICK_A1', 'Snare B2', 'OpenHat2 A1', 'openhat A1', 'hi-hat C3', 'HH A2', 'Tom D2',
    'drum_A1', 'Perc E2', 'cymbal_ludwig--A1', 'fx A2', 'Loop 120bpm A2', '120bpm A2', 'Hammond B3', 'Clavinet D6',
    'take A2', 'mic_B1 close', 'Side A1', 'version B2'])
def test_beside_words_of_other_things_a_note_name_is_no_pitch(note):
    assert named_pitch(note) == UNKNOWN


@pytest.mark.parametrize('note', ['C3-E3', 'A1 C3', 'chord C3 E3 G3', 'organ_B3--slow', 'piano_C3--loud'])
def test_two_note_names_and_the_name_of_the_instrument_say_nothing(note):
    assert named_pitch(note) == UNKNOWN


@pytest.mark.parametrize('note', ['Cosmic A2', 'Tomita A2', 'that A2', 'Pride A2', 'party A2'])
def test_words_that_only_resemble_others_do_no_harm(note):
    assert named_pitch(note) == 45


# The order of trust.

def test_what_is_trusted_more_comes_first(tmp_path):
    notes = ['a-040-050', 'a C#3', 'b C#3', 'c', 'd D4']
    for note in notes[:2]:
        write_chunks(tmp_path / f'test/audio/{note}.wav', FORMAT, smpl(61), SOUND)
    for note in notes[2:4]:
        write_chunks(tmp_path / f'test/audio/{note}.wav', FORMAT, SOUND)
    assert attributes(tmp_path, notes)['pitch'].tolist() == [40, 61, 49, UNKNOWN, 62]
    assert attributes(tmp_path, notes, middle_c='C3')['pitch'].tolist() == [40, 61, 61, UNKNOWN, 74]
    assert attributes(tmp_path, notes, {'a C#3': {'pitch': 70}})['pitch'].tolist() == [40, 70, 49, UNKNOWN, 62]
    assert attributes(tmp_path, notes)['velocity'].tolist() == [50, -1, -1, -1, -1]


# The pitch of the sound.

def tone(pitch, seconds=2.0):
    """A decaying tone of eight harmonics."""
    time = np.arange(round(seconds * RATE)) / RATE
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    waves = sum(np.sin(2 * np.pi * k * frequency * time) / k for k in range(1, 9) if k * frequency < RATE / 2)
    return (0.3 * waves * np.exp(-time)).astype(np.float32)


@pytest.mark.parametrize('pitch', [28, 45, 60, 84, 100])
def test_the_pitch_of_a_tone_is_heard(pitch):
    assert heard_pitch(tone(pitch)) == pitch


@pytest.mark.parametrize('waveform', [
    sine(440), sine(440, seconds=0.2), np.concatenate([np.zeros(24_000, np.float32), sine(440, 1)]), 0.001 * sine(440),
    np.concatenate([sine(440, 0.5), np.zeros(56_000, np.float32)]), sine(445)])
def test_the_pitch_does_not_depend_on_level_length_and_silence(waveform):
    assert heard_pitch(waveform) == 69


def glide():
    time = np.arange(2 * RATE) / RATE
    return np.sin(2 * np.pi * (220 * time + 40 * time**2)).astype(np.float32)


def kick():
    time = np.arange(RATE) / RATE
    return (np.sin(2 * np.pi * (50 * time - 8 * np.exp(-20 * time))) * np.exp(-6 * time)).astype(np.float32)


@pytest.mark.parametrize('waveform', [
    noise(), noise(seconds=0.01), glide(), kick(), np.zeros(64_000, np.float32), np.zeros(0, np.float32),
    np.array([0.5], np.float32), np.eye(1, 64_000, 63_999, dtype=np.float32)[0]])
def test_what_has_no_steady_pitch_has_none(waveform):
    assert heard_pitch(waveform) == UNKNOWN


@pytest.fixture
def library(tmp_path):
    """Five notes of unknown pitch, two of them unreadable, and one of a known one."""
    for note, waveform in (('a', tone(60)), ('b', tone(67)), ('known', tone(50)), ('hiss', noise())):
        write_wav(tmp_path / f'test/audio/{note}.wav', waveform)
    (tmp_path / 'test/audio/broken.wav').write_bytes(b'RIFF no audio')
    return tmp_path


NOTES = ['a', 'b', 'known', 'hiss', 'broken', 'missing']
TOLD = np.array([-1, -1, 72, -1, -1, -1], np.int16)


def hear(data, notes=NOTES):
    return with_heard_pitches(data, 'test', notes, TOLD).tolist()


def test_only_unknown_pitches_are_heard_and_once(library, monkeypatch):
    assert hear(library) == [60, 67, 72, -1, -1, -1]
    assert TOLD.tolist() == [-1, -1, 72, -1, -1, -1]
    stored = {path.name: path.read_text() for path in (library / 'test/preview').iterdir()}
    assert stored == {'a.pitch': '60\n', 'b.pitch': '67\n', 'hiss.pitch': '-1\n', 'broken.pitch': '-1\n'}
    monkeypatch.setattr(heard_pitch_module, 'store_heard_pitch', None)
    assert hear(library) == [60, 67, 72, -1, -1, -1]


@pytest.mark.parametrize('damage', ['', 'C4', '300', '-7', '\0'])
def test_a_damaged_pitch_is_heard_again(library, damage):
    hear(library)
    (library / 'test/preview/a.pitch').write_text(damage)
    assert hear(library)[0] == 60
    assert (library / 'test/preview/a.pitch').read_text() == '60\n'


def test_a_newer_wav_is_heard_again(library):
    hear(library)
    write_wav(library / 'test/audio/a.wav', tone(62))
    later = (library / 'test/preview/a.pitch').stat().st_mtime_ns + 10**9
    os.utime(library / 'test/audio/a.wav', ns=(later, later))  # until then, this lies in the future
    assert hear(library)[:2] == [62, 67]


def test_nothing_to_hear_needs_no_process(tmp_path):
    assert hear(tmp_path) == TOLD.tolist()
