"""Which network predict.py, dream.py and export.py take: run/, pretrained/ in its place, or what --run gives."""

import json
import os
import shutil

import numpy as np
import pytest
from conftest import ROOT, edit_json, error_line, run_python, sine, write_wav

import dream
import export
import predict
from deepdream import run_folder

SCRIPTS = {'predict.py': (predict, ['my.wav']), 'dream.py': (dream, ['thin', 'my.wav', '--style', 'low.wav']),
           'export.py': (export, ['--format', 'litert'])}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current folder, which holds two sounds and neither a run nor data."""
    folder = tmp_path / 'here'
    write_wav(folder / 'my.wav', sine(440) * np.exp(-np.arange(64_000) / 20_000).astype(np.float32))
    write_wav(folder / 'low.wav', sine(110, peak=0.4) + sine(430, peak=0.2) + sine(870, peak=0.1))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def pretrained(shipped, tmp_path, monkeypatch):
    """The folder that comes with the repository, in another place."""
    folder = shutil.copytree(shipped, tmp_path / 'repository/pretrained')
    monkeypatch.setattr(run_folder, 'PRETRAINED', folder)
    return folder


def line_of(script, pretrained):
    return f'{script}: no run/model.keras here, so the network is {pretrained}/'


def answer(capfd, *arguments):
    """(rows of predict.py --json on stdout, what it says on stderr)."""
    assert predict.main(['my.wav', '--json', *map(str, arguments)]) == 0
    out, err = capfd.readouterr()
    return json.loads(out), err


# Which.

def test_without_a_run_pretrained_answers_and_says_so(here, pretrained, capfd):
    rows, err = answer(capfd)
    assert err.splitlines()[0] == line_of('predict.py', pretrained)
    assert answer(capfd, '--run', pretrained)[0] == rows
    assert sum(rows[0]['probabilities'].values()) == pytest.approx(1)
    assert set(rows[0]['nearest']) <= set((pretrained / 'activation_samples.txt').read_text().split('\n'))


def test_a_run_with_a_model_comes_first(here, pretrained, capfd):
    of_pretrained, _ = answer(capfd)
    shutil.copytree(pretrained, 'run')
    edit_json(here / 'run/calibration.json', temperature=20)
    rows, err = answer(capfd)
    assert 'pretrained' not in err
    assert max(rows[0]['probabilities'].values()) < max(of_pretrained[0]['probabilities'].values())
    (here / 'run/model.keras').unlink()
    rows, err = answer(capfd)
    assert rows == of_pretrained and err.startswith(line_of('predict.py', pretrained))


@pytest.mark.parametrize('script', SCRIPTS)
def test_a_run_that_is_given_gives_way_to_nothing(here, pretrained, capfd, script):
    main, arguments = SCRIPTS[script]
    assert main.main([*arguments, '--run', 'run']) == 1
    error_line(capfd.readouterr().err, 'run/model.keras is missing: run `python train.py` first', f'--run {pretrained}')
    assert not (here / 'run').exists()


@pytest.mark.parametrize('script', SCRIPTS)
def test_missing_everywhere_is_one_line(here, pretrained, capfd, script):
    (pretrained / 'model.keras').unlink()
    main, arguments = SCRIPTS[script]
    assert main.main(arguments) == 1
    error_line(capfd.readouterr().err, 'run/model.keras is missing', f'{pretrained}/model.keras', '`python train.py`',
               '--run')


@pytest.mark.parametrize(('script', 'words'), [(predict, []), (dream, ['thin']), (export, [])])
def test_help_names_it(script, words, capsys):
    with pytest.raises(SystemExit):
        script.main([*words, '--help'])
    out = capsys.readouterr().out
    assert 'pretrained' in out and 'default: None' not in out


def test_it_is_found_beside_the_scripts_from_any_folder(here, shipped, tmp_path):
    """As a user has it: a clone, its own process, and no folder but that of the sound."""
    clone = tmp_path / 'my clone'
    shutil.copytree(ROOT / 'deepdream', clone / 'deepdream', ignore=shutil.ignore_patterns('__pycache__'))
    for script in ROOT.glob('*.py'):
        shutil.copy(script, clone)
    shutil.copytree(shipped, clone / 'pretrained')
    for folder, name in ((here, clone / 'pretrained'), (clone, 'pretrained')):
        result = run_python(clone / 'predict.py', here / 'my.wav', '--json', cwd=folder)
        assert result.returncode == 0, result.stderr
        row, = json.loads(result.stdout)
        assert len(row['nearest']) == 5
        assert result.stderr.splitlines()[0] == line_of('predict.py', name)


# What is written, and what a network alone is not enough for.

def test_export_writes_into_it(here, pretrained, capfd):
    assert export.main(['--format', 'litert']) == 0
    out, err = capfd.readouterr()
    assert out.startswith(f'{pretrained}/export/model.tflite: ') and err.startswith(line_of('export.py', pretrained))
    assert sorted(path.name for path in (pretrained / 'export').iterdir()) == ['labels.txt', 'model.tflite']


@pytest.mark.parametrize(('tool', 'name'), [
    (['deep', 'my.wav', '--steps', '2'], 'deep_my_conv3_1'), (['thin', 'my.wav', '--style', 'low.wav'], 'thin_my_low'),
    (['style', 'my.wav', '--style', 'low.wav', '--steps', '2'], 'style_my_low')])
def test_a_sound_and_a_network_are_enough_to_dream(here, pretrained, capfd, tool, name):
    assert dream.main(tool) == 0
    out, err = capfd.readouterr()
    assert err.splitlines()[:2] == [
        line_of('dream.py', pretrained), 'dream.py: data/test_samples.txt is missing, so the dream is compared with no '
        'notes']
    assert 'compared with no notes' in out
    report = json.loads((pretrained / f'dreams/{name}.json').read_text(encoding='utf-8'))
    assert report['read_back']['n_notes'] == 0 and report['read_back']['kept'] == pytest.approx(1, abs=0.01)
    assert sum(report['calibrated_probabilities'].values()) == pytest.approx(1)


def test_notes_of_other_labels_are_no_hindrance_to_a_sound(here, pretrained, small_data, capfd):
    (here / 'labels.txt').write_text('kick\nsnare\n')
    thin = [*SCRIPTS['dream.py'][1], '--data', str(small_data)]
    assert dream.main(thin) == 0
    assert 'dream.py: the dream is compared with no notes: line 1 of ' in capfd.readouterr().err
    assert dream.main([*thin, '--labels', str(small_data / 'labels.txt')]) == 0
    report = json.loads((pretrained / 'dreams/thin_my_low.json').read_text(encoding='utf-8'))
    assert report['read_back']['n_notes'] == 36


@pytest.mark.parametrize('tool', [['neuron', '--unit', '3'], ['atlas']])
def test_units_need_the_notes(here, pretrained, capfd, tool):
    assert dream.main(tool) == 1
    first, last = capfd.readouterr().err.splitlines()
    assert first == line_of('dream.py', pretrained)
    error_line(last, 'data/test_samples.txt is missing', '`python gather_information.py`', '--data')


def test_it_has_no_map(here, pretrained, capfd):
    assert predict.main(['my.wav', '--map']) == 1
    out, err = capfd.readouterr()
    error_line(err.splitlines()[1], f'{pretrained}/tsne.json is missing', 'run `make demo` first', '--run')
    assert not out and not (pretrained / 'added').exists()


@pytest.mark.parametrize('script', ['dream.py', 'export.py'])
def test_where_it_cannot_be_written_a_copy_can(here, pretrained, capfd, monkeypatch, script):
    access = os.access
    monkeypatch.setattr(os, 'access', lambda path, mode: path != pretrained and access(path, mode))
    main, arguments = SCRIPTS[script]
    assert main.main(arguments) == 1
    error_line(capfd.readouterr().err.splitlines()[1], f'{pretrained}/', 'cannot be written: copy', '--run')
    copy = shutil.copytree(pretrained, here / 'run')
    assert main.main(arguments) == 0
    assert {path.name for path in copy.iterdir()} & {'dreams', 'export'}
