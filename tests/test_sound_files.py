"""Which sound files are found in messy folders, what is said of the rest, and what other formats become as wavs."""

import os
import time

import numpy as np
import pytest
import soundfile
from conftest import contents, disk_full, noise, sine, write_wav

import predict
from deepdream import conversion
from deepdream.artifacts import BadInput
from deepdream.audio import load_waveform
from deepdream.sound_files import EXTENSIONS, UNREADABLE, by_extension, describe_left_out, find_sounds, search

JUNK = ['__MACOSX/kick/._a.wav', '__MACOSX/b.wav', '.DS_Store', '._a.wav', 'kick/Thumbs.db', 'kick/desktop.ini',
        'Desktop.ini', '.hidden/c.wav', 'Icon\r']


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def names_below(folder):
    """The sound files that are found below a folder, as text, relative to it."""
    return [str(path.relative_to(folder)) for path in search(folder).sounds]


# What is found.

def test_sounds_and_other_files_below_a_folder_are_told_apart(tmp_path):
    touch(tmp_path, 'b.WAV', 'a.aif', 'deep/er/c.Flac', 'read me.txt', 'deep/cover.jpg', 'd.m4a', 'no extension', *JUNK)
    found = search(tmp_path)
    assert [path.name for path in found.sounds] == ['a.aif', 'b.WAV', 'c.Flac']
    assert sorted(path.name for path in found.others) == ['cover.jpg', 'd.m4a', 'no extension', 'read me.txt']
    assert [path.name for path in found.unreadable] == ['d.m4a']
    assert found.links == found.errors == []


def test_a_hidden_folder_that_is_named_is_searched(tmp_path):
    touch(tmp_path, '.hidden/a.wav', '.hidden/.b.wav')
    assert names_below(tmp_path / '.hidden') == ['a.wav']


def test_linked_folders_are_followed_each_real_folder_once(tmp_path):
    touch(tmp_path, 'mine/real/a.wav', 'elsewhere/b.wav', 'elsewhere/deep/c.wav')
    (tmp_path / 'mine/a link to real').symlink_to(tmp_path / 'mine/real')  # its name comes before the real one
    (tmp_path / 'mine/far').symlink_to(tmp_path / 'elsewhere')
    (tmp_path / 'mine/far again').symlink_to('../elsewhere')
    assert names_below(tmp_path / 'mine') == ['real/a.wav', 'far/b.wav', 'far/deep/c.wav']
    assert {path.name for path in search(tmp_path / 'mine').links} == {'a link to real', 'far again'}
    assert names_below(tmp_path / 'mine/far') == ['b.wav', 'deep/c.wav']


def test_circles_end_and_links_that_lead_back_bring_in_nothing(tmp_path):
    touch(tmp_path, 'mine/a.wav', 'mine/deep/b.wav', 'beside.wav', 'other/c.wav')
    (tmp_path / 'mine/deep/circle').symlink_to('..')
    (tmp_path / 'mine/up').symlink_to(tmp_path)
    (tmp_path / 'mine/itself').symlink_to('itself')
    (tmp_path / 'mine/far').symlink_to('../other')
    (tmp_path / 'other/back').symlink_to('../mine')
    (tmp_path / 'mine/inner').mkdir()
    (tmp_path / 'other/over').symlink_to('../mine')
    found = search(tmp_path / 'mine')
    assert [path.name for path in found.sounds] == ['a.wav', 'b.wav', 'c.wav']
    assert {path.name for path in found.links} == {'circle', 'up', 'back', 'over'}
    (tmp_path / 'mine/inner/d.wav').touch()
    (tmp_path / 'mine/inner/far').symlink_to('../../other')  # which leads to what holds the folder that is searched
    assert sorted(path.name for path in search(tmp_path / 'mine/inner').sounds) == ['c.wav', 'd.wav']


def test_files_given_twice_or_by_a_link_are_found_once(tmp_path):
    touch(tmp_path, 'a.wav', 'b.wav')
    (tmp_path / 'c.wav').symlink_to('a.wav')
    sounds, left_out = find_sounds([str(tmp_path), str(tmp_path / 'b.wav'), str(tmp_path)])
    assert sorted(os.path.realpath(path) for path in sounds) == [f'{tmp_path}/a.wav', f'{tmp_path}/b.wav']
    assert left_out == []


# What is said.

def test_what_is_left_out_is_counted_by_extension_with_the_remedy(tmp_path):
    touch(tmp_path, 'a.wav', 'b.m4a', 'c.M4A', 'd.wma', 'x/e.rx2', 'f.txt', 'g.TXT', 'h.nki', 'i.sfz', 'README', *JUNK)
    (tmp_path / 'x/up').symlink_to(tmp_path)
    sounds, left_out = find_sounds([str(tmp_path), str(tmp_path)])
    assert sounds == [tmp_path / 'a.wav']
    assert left_out == [
        'left out: 4 files that cannot be read here (.m4a 2, .rx2 1, .wma 1): convert them to .wav or .flac',
        'left out: 5 other files (.txt 2, .nki 1, .sfz 1, no extension 1)',
        f'left out: 1 linked folder whose files are found elsewhere, or which leads back ({tmp_path}/x/up)']


def test_one_file_is_one_file_and_many_extensions_are_cut_short(tmp_path):
    assert describe_left_out(search(touch(tmp_path / 'one', 'a.ape'))) == [
        'left out: 1 file that cannot be read here (.ape 1): convert it to .wav or .flac']
    many = search(touch(tmp_path / 'many', *(f'a.x{i}' for i in range(20)))).others
    assert by_extension(many).count('.x') == 8 and by_extension(many).endswith(', ...')


def test_odd_extensions_are_one_line(tmp_path):
    line, = describe_left_out(search(touch(tmp_path, 'a.t\nx\x1b[31mt', os.fsdecode(b'b.\xff'))))
    assert line.isprintable() and line.startswith('left out: 2 other files')


def test_predict_names_what_it_leaves_out_and_succeeds(trained, tmp_path, capfd):
    write_wav(tmp_path / 'snd/a.wav', sine())
    touch(tmp_path, 'snd/b.m4a', 'snd/deep/c.wma', 'snd/d.txt', *(f'snd/{name}' for name in JUNK))
    assert predict.main([str(tmp_path / 'snd'), '--run', str(trained)]) == 0
    out, err = capfd.readouterr()
    assert 'a.wav' in out and 'left out' not in out
    assert ('predict.py: left out: 2 files that cannot be read here (.m4a 1, .wma 1): convert them to .wav or .flac\n'
            'predict.py: left out: 1 other file (.txt 1)\n') in err
    assert predict.main([str(tmp_path / 'snd/b.m4a'), '--run', str(trained)]) == 1
    assert 'b.m4a: cannot be read here: convert it to .wav or .flac\n' in capfd.readouterr().err


# Conversion: what libsndfile reads becomes a wav that reads the same.

FORMATS = [  # extension, format, subtype -> subtype of the wav
    ('aif', 'AIFF', 'PCM_S8', 'PCM_16'), ('aiff', 'AIFF', 'PCM_16', 'PCM_16'), ('aif', 'AIFF', 'PCM_24', 'PCM_24'),
    ('aif', 'AIFF', 'PCM_32', 'PCM_32'), ('aifc', 'AIFF', 'FLOAT', 'FLOAT'), ('aifc', 'AIFF', 'DOUBLE', 'DOUBLE'),
    ('aifc', 'AIFF', 'ULAW', 'PCM_16'), ('aifc', 'AIFF', 'IMA_ADPCM', 'PCM_16'), ('au', 'AU', 'PCM_16', 'PCM_16'),
    ('caf', 'CAF', 'ALAC_16', 'PCM_16'), ('caf', 'CAF', 'ALAC_24', 'PCM_24'), ('caf', 'CAF', 'FLOAT', 'FLOAT'),
    ('flac', 'FLAC', 'PCM_S8', 'PCM_16'), ('flac', 'FLAC', 'PCM_16', 'PCM_16'), ('flac', 'FLAC', 'PCM_24', 'PCM_24'),
    ('w64', 'W64', 'PCM_24', 'PCM_24'), ('rf64', 'RF64', 'PCM_16', 'PCM_16'), ('snd', 'MPC2K', 'PCM_16', 'PCM_16'),
    ('voc', 'VOC', 'PCM_U8', 'PCM_16'), ('8svx', 'SVX', 'PCM_S8', 'PCM_16'), ('sph', 'NIST', 'PCM_16', 'PCM_16'),
    ('avr', 'AVR', 'PCM_16', 'PCM_16'), ('paf', 'PAF', 'PCM_24', 'PCM_24'), ('ircam', 'IRCAM', 'PCM_32', 'PCM_32'),
    ('pvf', 'PVF', 'PCM_16', 'PCM_16'), ('sds', 'SDS', 'PCM_S8', 'PCM_16')]


@pytest.mark.parametrize(('extension', 'format', 'subtype', 'expected'), FORMATS)
def test_lossless_formats_become_wavs_with_the_same_samples(tmp_path, extension, format, subtype, expected):
    source, wav = tmp_path / f'a.{extension}', tmp_path / 'a.wav'
    soundfile.write(source, sine(seconds=0.7, rate=22_050), 22_050, format=format, subtype=subtype)
    before = source.read_bytes()
    assert source.suffix in EXTENSIONS
    assert conversion.convert(source, wav) == ''
    samples, rate = soundfile.read(source, dtype='float64')
    converted, converted_rate = soundfile.read(wav, dtype='float64')
    assert len(samples) >= 0.7 * 22_050 and converted_rate == rate
    np.testing.assert_array_equal(converted, samples)
    np.testing.assert_array_equal(load_waveform(str(wav))[0], load_waveform(str(source))[0])
    assert soundfile.info(wav).format == 'WAV' and soundfile.info(wav).subtype == expected
    assert source.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {source.name, 'a.wav'}


@pytest.mark.parametrize(('extension', 'format', 'subtype'), [
    ('mp3', 'MP3', 'MPEG_LAYER_III'), ('ogg', 'OGG', 'VORBIS'), ('opus', 'OGG', 'OPUS')])
def test_lossy_formats_become_16_bits_or_floats_where_these_would_clip(tmp_path, extension, format, subtype):
    for peak, expected in ((0.5, 'PCM_16'), (1.0, 'FLOAT')):
        source, wav = tmp_path / f'{expected}.{extension}', tmp_path / f'{expected}.wav'
        waveform = np.clip(3 * sine(300, 2, 48_000, peak=peak), -peak, peak) if peak == 1 else sine(300, 2, 48_000, 0.5)
        soundfile.write(source, waveform, 48_000, format=format, subtype=subtype)
        assert conversion.convert(source, wav) == ''
        samples, converted = soundfile.read(source)[0], soundfile.read(wav)[0]
        assert soundfile.info(wav).subtype == expected
        np.testing.assert_allclose(converted, samples, rtol=0, atol=2**-15 if expected == 'PCM_16' else 0)
        assert (np.abs(samples).max() > 1) == (expected == 'FLOAT')


def test_a_flac_that_came_from_a_pipe_is_read_to_its_end(tmp_path):
    soundfile.write(tmp_path / 'whole.flac', noise(seconds=9), 16_000)
    content = bytearray((tmp_path / 'whole.flac').read_bytes())
    content[21] &= 0xf0  # the number of samples, 36 bits: 0, unknown
    content[22:26] = bytes(4)
    (tmp_path / 'piped.flac').write_bytes(content)
    assert conversion.convert(tmp_path / 'piped.flac', tmp_path / 'a.wav') == ''
    np.testing.assert_array_equal(soundfile.read(tmp_path / 'a.wav')[0], soundfile.read(tmp_path / 'whole.flac')[0])


def test_channels_rate_and_length_stay(tmp_path):
    six = np.stack([noise(i, seconds=9, rate=44_100) for i in range(6)], axis=1)
    soundfile.write(tmp_path / 'six.flac', six, 44_100, subtype='PCM_24')
    assert conversion.convert(tmp_path / 'six.flac', tmp_path / 'six.wav') == ''
    info = soundfile.info(tmp_path / 'six.wav')
    assert (info.channels, info.samplerate, info.frames) == (6, 44_100, 9 * 44_100)
    np.testing.assert_allclose(soundfile.read(tmp_path / 'six.wav')[0], six, rtol=0, atol=2**-23)


def test_the_same_source_gives_the_same_wav(tmp_path):
    soundfile.write(tmp_path / 'a.caf', sine(), 16_000, subtype='FLOAT')
    conversion.convert(tmp_path / 'a.caf', tmp_path / '1.wav')
    time.sleep(1.1)  # libsndfile would note the second
    conversion.convert(tmp_path / 'a.caf', tmp_path / '2.wav')
    assert (tmp_path / '1.wav').read_bytes() == (tmp_path / '2.wav').read_bytes()


@pytest.mark.parametrize(('name', 'content', 'reason'), [
    ('text.flac', b'no sound at all', 'unreadable'), ('empty.mp3', b'', 'empty'),
    ('cut early.flac', 60_000, 'unreadable'), ('cut late.flac', 200_000, 'unreadable'),
    ('headless.au', bytes(9000), 'unreadable: it has no header'),
    ('headless.snd', bytes(9000), 'unreadable: it has no header')])
def test_what_cannot_be_read_leaves_a_reason_and_no_wav(tmp_path, name, content, reason):
    if isinstance(content, int):  # so many bytes of nine seconds in 290,000
        soundfile.write(tmp_path / name, noise(seconds=9), 16_000)
        content = (tmp_path / name).read_bytes()[:content]
    (tmp_path / name).write_bytes(content)
    (tmp_path / 'a.wav').touch()  # of an earlier source
    found = conversion.convert(tmp_path / name, tmp_path / 'a.wav')
    assert found.startswith(reason) and str(tmp_path) not in found
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_sound_without_a_sample_or_that_is_not_finite_is_no_wav(tmp_path):
    soundfile.write(tmp_path / 'empty.aiff', np.zeros(0), 16_000)
    soundfile.write(tmp_path / 'nan.aiff', np.full(9000, np.nan), 16_000, subtype='FLOAT')
    assert conversion.convert(tmp_path / 'empty.aiff', tmp_path / 'a.wav') == 'empty'
    assert conversion.convert(tmp_path / 'nan.aiff', tmp_path / 'a.wav') == 'not finite'
    assert not (tmp_path / 'a.wav').exists()


def test_a_sound_longer_than_a_wav_can_be_is_named(tmp_path, monkeypatch):
    soundfile.write(tmp_path / 'a.flac', noise(), 16_000)
    monkeypatch.setattr(conversion, 'MOST_BYTES', 100_000)
    assert 'longer than a wav can be' in conversion.convert(tmp_path / 'a.flac', tmp_path / 'a.wav')
    assert not (tmp_path / 'a.wav').exists()


def test_a_full_disk_is_not_taken_for_a_fault_of_the_sound(tmp_path):
    soundfile.write(tmp_path / 'a.flac', noise(seconds=9), 16_000)
    with disk_full(100_000), pytest.raises(OSError, match=r'cannot write.*a\.wav'):
        conversion.convert(tmp_path / 'a.flac', tmp_path / 'a.wav')
    assert [path.name for path in tmp_path.iterdir()] == ['a.flac']


def test_a_wav_tells_of_which_source_it_was_made(tmp_path):
    source, wav = tmp_path / 'a.flac', tmp_path / 'a.wav'
    soundfile.write(source, sine(), 16_000)
    conversion.convert(source, wav)
    assert conversion.is_of(wav, source)
    os.utime(source, ns=(0, 0))
    assert conversion.is_of(wav, source)
    soundfile.write(source, sine(880), 16_000)
    os.utime(source, ns=(0, 0))
    assert not conversion.is_of(wav, source)  # another sound, and no newer one
    os.utime(source)
    os.utime(wav, ns=(0, 0))
    assert conversion.is_of(wav, source) and not conversion.is_current(wav, source)  # what is to be made again
    write_wav(wav, sine())
    os.utime(wav, ns=(0, 0))
    assert not conversion.is_of(wav, source)  # a stranger's
    wav.write_bytes(b'no wav')
    assert not conversion.is_of(wav, source)


def test_many_are_converted_in_parallel_as_one_by_one(tmp_path, monkeypatch):
    sources = {}
    for i in range(conversion.FEW + 8):
        sources[tmp_path / f'parallel/{i}.wav'] = tmp_path / f'{i}.aiff'
        soundfile.write(tmp_path / f'{i}.aiff', sine(100 + i, seconds=0.2), 16_000)
    (tmp_path / '7.aiff').write_bytes(b'nothing')
    reasons = conversion.convert_all(sources, 2)
    assert list(reasons) == [tmp_path / 'parallel/7.wav'] and 'unreadable' in reasons[tmp_path / 'parallel/7.wav']
    monkeypatch.setattr(conversion, 'FEW', 1000)
    again = {tmp_path / 'alone' / wav.name: source for wav, source in sources.items()}
    assert list(conversion.convert_all(again, 2).values()) == list(reasons.values())
    assert contents(tmp_path / 'alone') == contents(tmp_path / 'parallel')


def test_extensions_are_either_readable_or_not():
    assert not EXTENSIONS & UNREADABLE
    assert all(one.startswith('.') and one == one.lower() for one in EXTENSIONS | UNREADABLE)
    with pytest.raises(BadInput, match='a SOUND is empty'):
        find_sounds([''])
