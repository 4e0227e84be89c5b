"""split_notes.py: where the files go, the same every time, and the libraries it refuses; README's example, run."""

import errno
import json
import os
import re
import shlex
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import ROOT, contents, error_line, mtimes, noise, run_python, sine, write_wav
from joblib.externals.loky import get_reusable_executor

import gather_information
import split_notes
from deepdream.artifacts import SPLITS
from deepdream.audio import load_waveform
from deepdream.notes import instrument_of

OWN_SAMPLES = (ROOT / 'docs' / 'own_samples.md').read_text(encoding='utf-8')
EXAMPLE = re.search(r'## An example\n(.*?)\n## ', OWN_SAMPLES, re.DOTALL)[1]


def write_library(folder, names):
    """Write a wav of its own for every path without suffix; returns the folder."""
    for i, name in enumerate(names):
        write_wav(folder / f'{name}.wav', np.full(50, 0.001 * (i + 1)))
    return folder


def by_folder(labels=('kick', 'snare'), n_instruments=8, n_hits=2):
    return [f'{label}/maker {i}/{label}_{hit}' for label in labels for i in range(n_instruments)
            for hit in range(n_hits)]


def split(library, data, *options):
    return split_notes.main([str(library), '--data', str(data), *map(str, options)])


def notes_of(data):
    """{split: names of the notes}."""
    return {one: sorted(path.stem for path in (data / one / 'audio').iterdir()) for one in SPLITS}


def all_notes(data):
    return sorted(note for notes in notes_of(data).values() for note in notes)


def splits_by(data):
    """{instrument, as the later stages see it: splits that hold a note of it}."""
    found = defaultdict(set)
    for one, notes in notes_of(data).items():
        for note in notes:
            found[instrument_of(note)].add(one)
    return found


@pytest.fixture
def refused(tmp_path, capfd):
    """A function that splits, expects one line on stderr and nothing written, and returns the line."""
    def run(library, *options):
        data = tmp_path / 'data'
        before = contents(data) if data.exists() else {}
        capfd.readouterr()
        assert split(library, data, *options) == 1
        assert (contents(data) if data.exists() else {}) == before
        line, = capfd.readouterr().err.splitlines()
        return line
    return run


# Where the files go.

def test_folders_of_instruments_are_divided_by_label(tmp_path):
    library = write_library(tmp_path / 'mine', by_folder())
    before = contents(library)
    assert split(library, tmp_path / 'data') == 0
    assert contents(library) == before
    notes = notes_of(tmp_path / 'data')
    assert sum(map(len, notes.values())) == 32
    assert {one: len(some) for one, some in notes.items()} == {'train': 24, 'valid': 4, 'test': 4}
    assert all({note.split('_')[0] for note in some} == {'kick', 'snare'} for some in notes.values())
    instruments = splits_by(tmp_path / 'data')
    assert sorted(instruments) == sorted(f'{label}_maker {i}' for label in ('kick', 'snare') for i in range(8))
    assert all(len(splits) == 1 for splits in instruments.values())
    assert (tmp_path / 'data/labels.txt').read_text() == 'kick\nsnare\n'
    assert 'kick_maker 0--0' in all_notes(tmp_path / 'data')
    assert gather_information.main(['--data', f'{tmp_path}/data', '--labels', f'{tmp_path}/data/labels.txt']) == 0


def test_same_command_gives_the_same_and_another_seed_another(tmp_path):
    library = write_library(tmp_path / 'mine', by_folder())
    for data in ('a', 'b'):
        assert split(library, tmp_path / data) == 0
    first = contents(tmp_path / 'a')
    assert split(library, tmp_path / 'a') == 0
    assert contents(tmp_path / 'a') == contents(tmp_path / 'b') == first
    assert split(library, tmp_path / 'c', '--seed', 1) == 0
    assert contents(tmp_path / 'c') != first


def test_what_a_kill_left_out_is_added(tmp_path):
    library = write_library(tmp_path / 'mine', by_folder())
    assert split(library, tmp_path / 'a') == 0
    expected = contents(tmp_path / 'a')
    for path in list((tmp_path / 'a').rglob('*.wav'))[::2]:
        path.unlink()
    (tmp_path / 'a/train/audio/.tmp.kick_maker 0--0.wav').write_bytes(b'half')
    (tmp_path / 'a/labels.txt').unlink()
    assert split(library, tmp_path / 'a') == 0
    assert {name: content for name, content in contents(tmp_path / 'a').items() if '.tmp' not in name} == expected


def test_new_label_leaves_the_others_where_they_are(tmp_path):
    library = write_library(tmp_path / 'mine', by_folder(('kick', 'snare')))
    assert split(library, tmp_path / 'a') == 0
    write_library(library, by_folder(('clap',)))
    assert split(library, tmp_path / 'b') == 0
    kept = {name for name in contents(tmp_path / 'b') if 'clap' not in name}
    assert kept == set(contents(tmp_path / 'a'))


def test_files_are_linked_or_copied(tmp_path, monkeypatch):
    library = write_library(tmp_path / 'mine', by_folder())
    assert split(library, tmp_path / 'linked') == 0
    assert split(library, tmp_path / 'copied', '--copy') == 0
    links = {path.stat().st_nlink for path in (tmp_path / 'linked').rglob('*.wav')}
    assert links == {2}

    def refuse(*_):
        raise OSError(errno.EXDEV, 'another disk')

    monkeypatch.setattr(os, 'link', refuse)
    assert split(library, tmp_path / 'other disk') == 0
    for data in ('copied', 'other disk'):
        assert {path.stat().st_nlink for path in (tmp_path / data).rglob('*.wav')} == {1}
        assert contents(tmp_path / data) == contents(tmp_path / 'linked')


def test_names_like_nsynths_tell_the_instrument(tmp_path):
    names = [f'{label}_acoustic_{i:03}-{pitch:03}-100' for label in ('bass', 'bass_drum') for i in range(5)
             for pitch in (40, 50)]
    library = write_library(tmp_path / 'mine', names)
    (tmp_path / 'labels.txt').write_text('bass\nbass_drum\n')
    assert split(library, tmp_path / 'data', '--labels', tmp_path / 'labels.txt') == 0
    assert all_notes(tmp_path / 'data') == sorted(names)
    instruments = splits_by(tmp_path / 'data')
    assert len(instruments) == 10 and all(len(splits) == 1 for splits in instruments.values())


def test_pattern_tells_the_instrument(tmp_path):
    library = write_library(tmp_path / 'mine', [f'snare/{maker}-{hit}' for maker in 'abcdefg' for hit in range(3)])
    assert split(library, tmp_path / 'data', '--instrument', '^([a-z])-') == 0
    instruments = splits_by(tmp_path / 'data')
    assert len(instruments) == 7 and all(len(splits) == 1 for splits in instruments.values())


def test_first_group_of_the_pattern_that_matches_is_the_instrument(tmp_path):
    library = write_library(tmp_path / 'mine', [f'kick/{maker}_v{i}' for maker in ('acme', 'korg', 'zeno')
                                                for i in range(4)])
    assert split(library, tmp_path / 'data', '--instrument', '^(?:(x)|([a-z]+))_v([0-9]+)') == 0
    assert splits_by(tmp_path / 'data').keys() == {'kick_acme', 'kick_korg', 'kick_zeno'}


def test_instruments_that_the_stages_would_take_for_one_are_refused(tmp_path, refused):
    library = write_library(tmp_path / 'mine', [f'kick/a--{maker}/1' for maker in 'bcd'])
    assert "'a--b' and 'a--c' for one instrument, 'kick_a'" in refused(library)


def test_files_alone_are_instruments_and_other_files_are_left_out_which_is_said(tmp_path, capfd):
    library = write_library(tmp_path / 'mine', [f'snare/{i}' for i in range(6)])
    (library / 'snare/read me.txt').touch()
    (library / 'snare/._0.wav').touch()
    (library / '.DS_Store').touch()
    assert split(library, tmp_path / 'data') == 0
    printed = capfd.readouterr().out
    assert '6 files count as an instrument each' in printed and 'left out: 1 other file (.txt 1)' in printed
    assert all_notes(tmp_path / 'data') == [f'snare_{i}' for i in range(6)]


@pytest.mark.parametrize('share', [0.01, 0.4, 0.99])
@pytest.mark.parametrize('n', [3, 4, 30])
def test_every_split_gets_an_instrument(share, n):
    found = split_notes.divide([f'i{i}' for i in range(n)], 'label', (share, share), 0)
    assert len(found) == n and set(found.values()) == set(SPLITS)


# What it refuses.

@pytest.mark.parametrize(('names', 'words'), [
    ([f'snare/{i}' for i in range(2)], "'snare' has 2 instruments"),
    (['snare/a/1', 'snare/a/2', 'snare/a/3'], "'snare' has 1 instruments"),
    ([*by_folder(), 'stray'], 'both folders and sound files (stray.wav)'),
    ([*by_folder(), 'kick/stray'], 'both folders and sound files (stray.wav)'),
    ([*by_folder(), 'kick/maker 0/deeper/stray'], 'move its files up'),
    ([f'{one}/audio/snare_{i}' for one in SPLITS for i in range(3)], 'divided into splits already'),
    ([f'synth/lead_{i}' for i in range(3)] + [f'synth_lead/{i}' for i in range(3)], "'synth_lead_0'"),
    (['snare/1', 'snare/2', 'snare/3', 'snare/snare_1'], 'would both be named'),
    ([' snare/1', ' snare/2', ' snare/3'], 'cannot be a label'),
    (['snare_1', 'snare_2', 'snare_3'], '--labels'),
    ([], 'holds no sound files'),
])
def test_library_that_cannot_be_divided_is_refused(tmp_path, refused, names, words):
    (tmp_path / 'mine').mkdir()
    assert words in refused(write_library(tmp_path / 'mine', names))


def test_names_without_a_label_are_refused(tmp_path, refused):
    library = write_library(tmp_path / 'mine', ['kick_1', 'snare_1', 'snarl_1'])
    (tmp_path / 'labels.txt').write_text('kick\nsnare\n')
    line = refused(library, '--labels', tmp_path / 'labels.txt')
    assert 'snarl_1.wav' in line and 'labels.txt' in line


def test_other_content_of_the_data_folder_is_refused_and_kept(tmp_path, refused):
    library = write_library(tmp_path / 'mine', by_folder())
    assert split(library, tmp_path / 'data') == 0
    assert 'would put there' in refused(library, '--seed', 1)
    stranger = write_wav(tmp_path / 'data/valid/audio/stranger.wav', np.ones(9))
    assert 'stranger.wav' in refused(library)
    stranger.unlink()
    (tmp_path / 'data/labels.txt').write_text('snare\n')
    assert 'labels.txt holds other labels' in refused(library)
    (tmp_path / 'data/labels.txt').unlink()
    (tmp_path / 'data/split.json').write_text('{"align_onset"')
    assert 'split.json is not intact JSON' in refused(library)
    (tmp_path / 'data/split.json').unlink()
    changed = next((tmp_path / 'data').rglob('*.wav'))
    changed.unlink()
    write_wav(changed, np.ones(9))
    assert changed.name in refused(library)


def test_data_in_the_library_missing_folder_and_fruitless_pattern_are_refused(tmp_path, capfd):
    library = write_library(tmp_path / 'mine', by_folder())
    for arguments, words in (([library, '--data', library / 'data'], 'outside'),
                             ([tmp_path / 'none', '--data', tmp_path / 'data'], 'is missing'),
                             ([library, '--data', tmp_path / 'data', '--instrument', 'xyz'], 'finds nothing')):
        assert split_notes.main(list(map(str, arguments))) == 1
        assert words in capfd.readouterr().err
    assert not (tmp_path / 'data').exists()


@pytest.mark.parametrize('option', [('--instrument', '('), ('--valid', '1'), ('--test', 'nan'), ('--seed', '-1')])
def test_nonsense_options_are_refused(tmp_path, option, capfd):
    with pytest.raises(SystemExit):
        split(tmp_path, tmp_path / 'data', *option)
    assert f'argument {option[0]}' in capfd.readouterr().err


# Libraries as people have them.

FORMATS = {'aif': 'AIFF', 'flac': 'FLAC', 'mp3': 'MP3', 'ogg': 'OGG', 'wav': 'WAV'}


def write_sounds(folder, extensions, labels=('kick', 'snare', 'tom'), makers='abcd'):
    """Write a tone of its own for each maker of each label, in the formats in turn; returns the folder."""
    for i, (label, maker) in enumerate((label, maker) for label in labels for maker in makers):
        extension = extensions[i % len(extensions)]
        (folder / label / maker).mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / label / maker / f'hit.{extension}', sine(100 + 40 * i, 0.5, 22_050), 22_050,
                        format=FORMATS[extension])
    return folder


def find_source(library, note):
    """The sound file of the library that a note comes from: 'kick_a--hit'."""
    label, maker = note.removesuffix('--hit').split('_')
    return next((library / label / maker).iterdir())


@pytest.mark.parametrize('extensions', [['aif'], ['flac'], ['mp3'], ['ogg'], ['wav', 'aif', 'flac', 'mp3', 'ogg']])
def test_labels_of_any_format_can_be_trained_on(tmp_path, extensions, capfd):
    library = write_sounds(tmp_path / 'mine', extensions)
    before = contents(library)
    assert split(library, tmp_path / 'data') == 0
    assert contents(library) == before
    assert {one: len(some) for one, some in notes_of(tmp_path / 'data').items()} == {'train': 6, 'valid': 3, 'test': 3}
    for wav in (tmp_path / 'data').rglob('*.wav'):
        source = find_source(library, wav.stem)
        assert soundfile.info(wav).format == 'WAV' and soundfile.info(wav).samplerate == 22_050
        np.testing.assert_allclose(load_waveform(str(wav))[0], load_waveform(str(source))[0], rtol=0, atol=1e-4)
    out, err = capfd.readouterr()
    assert 'left out' not in out + err
    assert ('converted to .wav: ' in out) == (extensions != ['wav'])
    if extensions == ['aif']:
        assert 'converted to .wav: 12 files (.aif 12)' in out
    assert gather_information.main(['--data', f'{tmp_path}/data', '--labels', f'{tmp_path}/data/labels.txt']) == 0


def test_the_format_does_not_change_the_split(tmp_path):
    for extension in ('wav', 'aif', 'mp3'):
        assert split(write_sounds(tmp_path / f'mine {extension}', [extension]), tmp_path / extension) == 0
    assert notes_of(tmp_path / 'wav') == notes_of(tmp_path / 'aif') == notes_of(tmp_path / 'mp3')


def test_what_is_converted_is_not_made_again_unless_its_source_is_newer(tmp_path, capfd):
    library = write_sounds(tmp_path / 'mine', ['flac'])
    assert split(library, tmp_path / 'data') == 0
    first, made = contents(tmp_path / 'data'), mtimes(tmp_path / 'data', '*.wav')
    capfd.readouterr()
    assert split(library, tmp_path / 'data') == 0
    assert mtimes(tmp_path / 'data', '*.wav') == made and contents(tmp_path / 'data') == first
    assert 'converted to' not in capfd.readouterr().out
    for touched in library.rglob('*.flac'):
        os.utime(touched, ns=(2 * 10**18, 2 * 10**18))  # of the year 2033
    assert split(library, tmp_path / 'data') == 0
    assert mtimes(tmp_path / 'data', '*.wav') == made
    changed = library / 'kick/a/hit.flac'
    soundfile.write(changed, noise(seconds=0.5), 22_050)
    os.utime(changed, ns=(2 * 10**18, 2 * 10**18))  # of the year 2033
    assert split(library, tmp_path / 'data') == 0
    assert 'converted to .wav: 1 file (.flac 1)' in capfd.readouterr().out
    differs = {name for name, content in contents(tmp_path / 'data').items() if content != first[name]}
    assert {Path(name).name for name in differs} == {'kick_a--hit.wav'}
    wav, = (tmp_path / 'data').rglob('kick_a--hit.wav')
    np.testing.assert_array_equal(soundfile.read(wav)[0], soundfile.read(changed)[0])


def test_what_a_kill_left_out_is_converted(tmp_path):
    library = write_sounds(tmp_path / 'mine', ['aif', 'mp3', 'wav'])
    assert split(library, tmp_path / 'a') == 0
    expected = contents(tmp_path / 'a')
    for path in sorted((tmp_path / 'a').rglob('*.wav'))[::2]:
        path.rename(path.with_name(f'.tmp.{path.name}'))
    (tmp_path / 'a/labels.txt').unlink()
    assert split(library, tmp_path / 'a') == 0
    assert {name: content for name, content in contents(tmp_path / 'a').items() if '.tmp' not in name} == expected


def test_any_number_of_processes_gives_the_same(tmp_path):
    library = write_sounds(tmp_path / 'mine', ['aif'], makers=[f'm{i}' for i in range(14)])
    assert split(library, tmp_path / 'one', '--jobs', 1) == 0
    assert split(library, tmp_path / 'two', '--jobs', 2) == 0
    assert contents(tmp_path / 'one') == contents(tmp_path / 'two')


def test_another_library_with_the_same_names_is_refused(tmp_path, refused):
    assert split(write_sounds(tmp_path / 'mine', ['aif']), tmp_path / 'data') == 0
    other = write_sounds(tmp_path / 'other', ['flac'])
    for path in other.rglob('*.flac'):
        os.utime(path, ns=(10**18, 10**18))  # of 2001: no newer form of what is there
    assert 'would put there' in refused(other)


def test_a_full_disk_is_one_line_and_the_next_run_goes_on(tmp_path):
    library = write_sounds(tmp_path / 'mine', ['flac'])
    soundfile.write(library / 'tom/d/hit.flac', noise(seconds=30), 22_050)
    done = run_python('split_notes.py', library, '--data', tmp_path / 'data', max_file_bytes=500_000)
    assert done.returncode == 1
    error_line(done.stderr, 'cannot write', 'tom_d--hit.wav')
    assert split(library, tmp_path / 'data') == 0
    assert split(library, tmp_path / 'again') == 0
    assert contents(tmp_path / 'data') == contents(tmp_path / 'again')


@pytest.mark.parametrize('extension', ['wav', 'aif'])
def test_junk_is_no_part_of_the_library(tmp_path, extension, capfd):
    library = write_sounds(tmp_path / 'mine', [extension])
    for name in ('__MACOSX/kick/a/._hit.wav', '__MACOSX/kick/a/deep/x.wav', '.DS_Store', 'kick/.DS_Store',
                 'kick/a/Thumbs.db', 'kick/a/desktop.ini', 'kick/a/._hit.aif', '.git/x.wav', 'kick/__MACOSX/x.wav'):
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_bytes(b'\0\5\x16\7\0\2')
    assert split(library, tmp_path / 'data') == 0
    assert 'left out' not in capfd.readouterr().out
    assert len(all_notes(tmp_path / 'data')) == 12


def test_what_is_left_out_is_counted_by_extension(tmp_path, capfd):
    library = write_sounds(tmp_path / 'mine', ['aif'])
    for name in ('kick/a/x.m4a', 'kick/a/y.wma', 'snare/b/z.rx2', 'kick/a/read me.txt', 'license.pdf', 'kick/cover.jpg',
                 'kick/a/k.nki', 'kick/a/k.sfz', 'Docs/deep/deeper/manual.pdf', 'Loops/l.rx2'):
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).touch()
    (library / 'empty').mkdir()
    (library / 'kick/a/gone.wav').symlink_to('nowhere.wav')
    assert split(library, tmp_path / 'data') == 0
    assert capfd.readouterr().out.splitlines()[:4] == [
        'left out: 4 files that cannot be read here (.rx2 2, .m4a 1, .wma 1): convert them to .wav or .flac',
        'left out: 6 other files (.pdf 2, .jpg 1, .nki 1, .sfz 1, .txt 1)',
        f'left out: 1 link to a file that is missing ({library}/kick/a/gone.wav)',
        f'left out: 3 folders without a sound file that can be read ({library}/Docs, {library}/Loops, '
        f'{library}/empty)']
    assert (tmp_path / 'data/labels.txt').read_text() == 'kick\nsnare\ntom\n'


def test_a_library_that_cannot_be_read_is_named_with_its_extensions(tmp_path, refused):
    library = tmp_path / 'mine'
    for i in range(4):
        (library / f'kick/{i}').mkdir(parents=True)
        (library / f'kick/{i}/x.m4a').touch()
    line = refused(library)
    assert f'{library} holds no sound files that can be read here (.m4a 4): convert them to .wav or .flac' in line


def test_a_label_that_is_too_small_without_its_m4a_files_tells_of_them(tmp_path, capfd):
    library = write_sounds(tmp_path / 'mine', ['aif'])
    (library / 'kick/a/hit.aif').rename(library / 'kick/a/hit.m4a')
    (library / 'kick/b/hit.aif').rename(library / 'kick/b/hit.m4a')
    assert split(library, tmp_path / 'data') == 1
    out, err = capfd.readouterr()
    assert 'left out: 2 files that cannot be read here (.m4a 2)' in out and "'kick' has 2 instruments" in err


def test_two_files_that_would_become_one_wav_are_one_line(tmp_path, refused):
    library = write_sounds(tmp_path / 'mine', ['aif'])
    write_wav(library / 'kick/b/hit.wav', sine())
    line = refused(library)
    assert f'{library}/kick/b/hit.aif and {library}/kick/b/hit.wav would both be named kick_b--hit.wav' in line
    assert '(1 such pair): rename or remove one' in line
    for label in ('snare', 'tom'):
        write_wav(library / f'{label}/b/hit.wav', sine())
    assert '(3 such pairs)' in refused(library)


def test_files_that_turn_out_to_be_damaged_are_named_and_left_out(tmp_path, capfd):
    library = write_sounds(tmp_path / 'mine', ['flac'], makers='abcdefgh')
    (library / 'kick/a/second.flac').write_bytes(b'no sound')
    (library / 'kick/b/second.mp3').touch()
    assert split(library, tmp_path / 'data') == 0
    printed = capfd.readouterr().out
    assert f'left out: {library}/kick/a/second.flac: unreadable' in printed
    assert f'left out: {library}/kick/b/second.mp3: empty' in printed
    assert '24 files (.flac 24)' in printed and len(all_notes(tmp_path / 'data')) == 24
    assert '18 notes in train, 3 notes in valid, 3 notes in test' in printed
    first = contents(tmp_path / 'data')
    assert split(library, tmp_path / 'data') == 0
    assert contents(tmp_path / 'data') == first


def test_a_split_that_loses_a_label_to_damage_is_refused(tmp_path, capfd):
    library = write_sounds(tmp_path / 'mine', ['flac'])
    for maker in 'abcd':
        (library / f'kick/{maker}/hit.flac').write_bytes(b'no sound')
    assert split(library, tmp_path / 'data') == 1
    line, = capfd.readouterr().err.splitlines()
    assert "hit.flac: unreadable" in line and "has no other 'kick': replace or remove it" in line


def test_linked_folders_are_labels_and_instruments_too(tmp_path, capfd):
    elsewhere = write_sounds(tmp_path / 'elsewhere', ['wav', 'aif'])
    library = tmp_path / 'mine'
    library.mkdir()
    for label in ('kick', 'snare', 'tom'):
        (library / label).symlink_to(elsewhere / label)
    (library / 'again').symlink_to(elsewhere / 'kick')
    (library / 'circle').symlink_to(library)
    assert split(library, tmp_path / 'data') == 0
    assert split(elsewhere, tmp_path / 'direct') == 0
    assert len(all_notes(tmp_path / 'data')) == 12
    out = capfd.readouterr().out
    assert 'left out: 2 linked folders whose files are found elsewhere, or which leads back' in out


def test_a_folder_that_may_not_be_read_is_named(tmp_path, refused, monkeypatch):
    library = write_sounds(tmp_path / 'mine', ['wav'])
    scandir = os.scandir

    def closed(path):
        if Path(path) == library / 'snare/b':
            raise PermissionError(errno.EACCES, 'Permission denied', str(path))
        return scandir(path)

    monkeypatch.setattr(os, 'scandir', closed)
    assert f'{library}/snare/b: Permission denied: ' in refused(library)


def test_wavs_by_another_name_are_linked(tmp_path):
    library = write_library(tmp_path / 'mine', by_folder(('kick',)))
    for i, wav in enumerate(sorted(library.rglob('*.wav'))):
        wav.rename(wav.with_suffix(('.bwf', '.WAVE')[i % 2]))
    assert split(library, tmp_path / 'data') == 0
    assert {path.stat().st_nlink for path in (tmp_path / 'data').rglob('*.wav')} == {2}
    assert len(all_notes(tmp_path / 'data')) == 16


# What later stages read of it.

def test_split_json_tells_the_settings_and_is_the_same_for_the_same_call(tmp_path, refused):
    library = write_library(tmp_path / 'mine', by_folder())
    assert split(library, tmp_path / 'data', '--instrument', '^[a-z]+_[0-9]') == 1  # one instrument for each hit
    assert split(library, tmp_path / 'data') == 0
    assert json.loads((tmp_path / 'data/split.json').read_text()) == {
        'align_onset': True, 'instrument': None, 'valid': 0.15, 'test': 0.15, 'seed': 0}
    line = refused(library, '--valid', 0.16)  # which divides eight instruments in the same way
    assert 'split.json was written with valid 0.15, not 0.16: give another --data, or remove' in line
    (tmp_path / 'data/split.json').unlink()  # as of an earlier version
    first = contents(tmp_path / 'data')
    assert split(library, tmp_path / 'data') == 0
    assert contents(tmp_path / 'data').keys() == first.keys() | {'split.json'}


# The example of docs/own_samples.md, as it stands.

def test_the_example_runs_as_written(tmp_path, monkeypatch):
    get_reusable_executor().shutdown()  # its workers, of another test, stand in the folder they were started in
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r'```\n(.*?)```', EXAMPLE, re.DOTALL)
    program, commands = re.fullmatch(r"python <<'END'\n(.*?)END\n(.*)", blocks[0], re.DOTALL).groups()
    exec(compile(program, 'own_samples.md', 'exec'), {})
    for line in commands.splitlines():
        python, script, *arguments = shlex.split(line)
        assert python == 'python'
        assert import_module(script.removesuffix('.py')).main(arguments) == 0, line
    assert Path('mine_run/metrics.json').exists()
    get_reusable_executor().shutdown()
