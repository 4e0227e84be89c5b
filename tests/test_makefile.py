"""The Makefile and .gitignore on pretrained/: make dream takes it, nothing trains or removes it, git sees no dreams."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, SHIPPED, contents

# In the place of Python: notes what it is to run, and writes what make looks for.
STAND_IN = '''#!/bin/sh
echo "$*" >> commands.txt
mkdir -p data/train pretrained/atlas
touch data/train/examples.json data/train_samples.txt data/data_mean.npy data/data_std.npy pretrained/atlas/index.html
'''


@pytest.fixture
def clone(tmp_path):
    """A clone, set up, in a folder whose name has a space; what the scripts would do is only noted."""
    folder = tmp_path / 'my clone'
    (folder / '.venv/bin').mkdir(parents=True)
    for path in (*ROOT.glob('*.py'), *ROOT.glob('*.txt'), ROOT / 'Makefile', ROOT / '.gitignore'):
        shutil.copy(path, folder)
    (folder / 'pretrained').mkdir()
    for name in SHIPPED:
        (folder / 'pretrained' / name).write_text('shipped')
    python = folder / '.venv/bin/python'
    python.write_text(STAND_IN)
    python.chmod(0o755)
    (folder / '.venv/installed').touch()
    return folder


def make(clone, *arguments):
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(('MAKE', 'MFLAGS')) and name not in ('DATA', 'RUN', 'NOTES')}
    return subprocess.run(['make', *arguments], cwd=clone, env=environment, capture_output=True, text=True, timeout=60)


def commands(clone):
    """The scripts that make has run, and clear the list."""
    path = clone / 'commands.txt'
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return lines


def test_the_atlas_of_pretrained_takes_no_training(clone):
    before = contents(clone / 'pretrained')
    result = make(clone, 'dream', 'RUN=pretrained')
    assert result.returncode == 0, result.stderr
    assert commands(clone) == ['render_notes.py --data data', 'gather_information.py --data data',
                               'extract_spectrum.py --data data', 'dream.py atlas --data data --run pretrained']
    assert contents(clone / 'pretrained').items() >= before.items()
    assert make(clone, 'dream', 'RUN=pretrained').returncode == 0 and commands(clone) == []
    os.utime(clone / 'train.py')
    assert make(clone, 'dream', 'RUN=pretrained/').returncode == 0 and commands(clone) == []
    os.utime(clone / 'pretrained/model.keras')  # another one came with a pull
    assert make(clone, 'dream', 'RUN=pretrained').returncode == 0
    assert commands(clone) == ['dream.py atlas --data data --run pretrained']


@pytest.mark.parametrize('run', ['pretrained', './pretrained/', Path('my clone/pretrained'), 'link'])
@pytest.mark.parametrize('target', ['demo', 'nsynth', 'clean', 'pretrained/.trained'])
def test_nothing_trains_or_removes_it(clone, run, target):
    (clone / 'link').symlink_to('pretrained')
    before = contents(clone / 'pretrained')
    result = make(clone, target, f'RUN={clone.parent / run if isinstance(run, Path) else run}')
    assert result.returncode != 0
    assert 'comes with the repository' in result.stderr and len(result.stderr.splitlines()) == 1
    assert commands(clone) == [] and contents(clone / 'pretrained') == before


def test_another_run_is_trained(clone):
    assert make(clone, '--dry-run', 'demo').stdout.count('train.py --data data --run run') == 1
    assert make(clone, '--dry-run', 'dream').stdout.count('train.py --data data --run run') == 1


@pytest.mark.parametrize(('sounds', 'arguments'), [
    ('my sounds', 'my sounds'), ('one two', 'one two'), ('~/none', f'{Path.home()}/none')])
def test_a_folder_of_sounds_is_mapped(clone, sounds, arguments):
    (clone / 'my sounds').mkdir()
    assert make(clone, 'map', f'SOUNDS={sounds}').returncode == 0
    assert commands(clone) == [f'sound_map.py --sounds {arguments}']
    before = contents(clone / 'pretrained')
    assert make(clone, 'map', f'SOUNDS={sounds}', 'RUN=pretrained', 'OUT=my map', 'MAPPING=--windows').returncode == 0
    assert commands(clone) == [f'sound_map.py --sounds {arguments} --run pretrained --output my map --windows']
    assert contents(clone / 'pretrained').items() >= before.items()


def test_without_a_folder_there_is_no_map(clone):
    result = make(clone, 'map')
    assert result.returncode != 0 and 'make map SOUNDS=' in result.stderr and commands(clone) == []


@pytest.mark.skipif(not shutil.which('git'), reason='no git')
def test_git_sees_only_what_ships(clone):
    assert make(clone, 'dream', 'RUN=pretrained').returncode == 0
    for name in ('dreams/audio/fc2_001.wav', 'export/labels.txt', 'export/model.onnx', 'added/added.json', '.trained'):
        (clone / 'pretrained' / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / 'pretrained' / name).touch()
    assert (clone / 'pretrained/.dreamed').exists()
    environment = os.environ | {'GIT_CONFIG_GLOBAL': os.devnull, 'GIT_CONFIG_SYSTEM': os.devnull}
    subprocess.run(['git', 'init', '--quiet'], cwd=clone, env=environment, check=True)
    listed = subprocess.run(['git', 'ls-files', '--others', '--exclude-standard', 'pretrained'], cwd=clone,
                            env=environment, check=True, capture_output=True, text=True).stdout.splitlines()
    assert listed == [f'pretrained/{name}' for name in SHIPPED]
