"""split_notes.py: where the files go, the same every time, and the libraries it refuses; README's example, run."""

import os
import re
import shlex
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, contents, write_wav
from joblib.externals.loky import get_reusable_executor

import gather_information
import split_notes
from deepdream.artifacts import SPLITS
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
        raise OSError(split_notes.errno.EXDEV, 'another disk')

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
    assert '6 files count as an instrument each' in printed and 'left out: 1 files' in printed
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
    ([*by_folder(), 'stray'], 'both folders and .wav'),
    ([*by_folder(), 'kick/stray'], 'both folders and .wav'),
    ([*by_folder(), 'kick/maker 0/deeper/stray'], 'move its files up'),
    ([f'{one}/audio/snare_{i}' for one in SPLITS for i in range(3)], 'divided into splits already'),
    ([f'synth/lead_{i}' for i in range(3)] + [f'synth_lead/{i}' for i in range(3)], "'synth_lead_0'"),
    (['snare/1', 'snare/2', 'snare/3', 'snare/snare_1'], 'would both be named'),
    ([' snare/1', ' snare/2', ' snare/3'], 'cannot be a label'),
    (['snare_1', 'snare_2', 'snare_3'], '--labels'),
    ([], 'neither folders nor .wav'),
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
