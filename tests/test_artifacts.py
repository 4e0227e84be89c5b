"""artifacts.py: whole files or none, messages that name the stage, help that answers at once."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, error_line, run_python
from joblib import Parallel, delayed

from deepdream import artifacts
from deepdream.command_line import command, parser, progress, silent_stderr
from deepdream.notes import instrument_of


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


# Writing.

def test_an_atomic_block_writes_the_file_and_leaves_nothing_else(tmp_path):
    with artifacts.atomic(tmp_path / 'new' / 'a.txt') as temporary:
        temporary.write_text('whole')
        assert not (tmp_path / 'new' / 'a.txt').exists()
    assert names_in(tmp_path / 'new') == ['a.txt']
    assert (tmp_path / 'new' / 'a.txt').read_text() == 'whole'


@pytest.mark.parametrize('error', [KeyError('x'), KeyboardInterrupt(), OSError(28, 'No space left on device')])
def test_an_error_within_an_atomic_block_keeps_the_old_content(tmp_path, error):
    path = tmp_path / 'a.txt'
    path.write_text('old')
    with pytest.raises(type(error)), artifacts.atomic(path) as temporary:
        temporary.write_text('ha')
        raise error
    assert names_in(tmp_path) == ['a.txt']
    assert path.read_text() == 'old'


def test_a_kill_within_an_atomic_block_keeps_the_old_content_and_the_next_run_cleans_up(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_text('old')
    killed = run_python('-c', f'''
import os, signal
from deepdream import artifacts
with artifacts.atomic({str(path)!r}) as temporary:
    temporary.write_text('a half that is longer than what comes next')
    os.kill(os.getpid(), signal.SIGKILL)''')
    assert killed.returncode == -signal.SIGKILL
    assert path.read_text() == 'old'
    artifacts.save_text(path, 'new')
    assert names_in(tmp_path) == ['a.txt']
    assert path.read_text() == 'new'


@pytest.mark.parametrize('name', ['a b.npy', "it's \"a\".npy", '피아노.npy'])
def test_odd_names_are_written_and_read(tmp_path, name):
    artifacts.save_npy(tmp_path / name, np.arange(3))
    assert artifacts.load_npy(tmp_path / name, 'x.py').tolist() == [0, 1, 2]
    assert names_in(tmp_path) == [name]


def test_an_array_of_objects_is_never_saved(tmp_path):
    with pytest.raises(ValueError, match='allow_pickle'):
        artifacts.save_npy(tmp_path / 'a.npy', np.array([{}], dtype=object))
    assert names_in(tmp_path) == []


@pytest.mark.parametrize('write', ["save_npy(path, numpy.zeros(100_000))", "save_text(path, 'x' * 800_000)",
                                   "save_json(path, ['x'] * 100_000)"])
def test_a_full_disk_is_one_line_and_leaves_the_old_file(tmp_path, write):
    path = tmp_path / 'a.out'
    path.write_text('old')
    result = run_python('-c', f'''
import numpy, sys
from deepdream.artifacts import *
from deepdream.command_line import command
path = {str(path)!r}
@command
def main(argv=None):
    {write}
main.__wrapped__.__globals__['__file__'] = 'full.py'
sys.modules['__main__'].__file__ = 'full.py'
sys.exit(main())''', max_file_bytes=50_000)
    assert result.returncode == 1
    assert 'cannot write' in error_line(result.stderr, path)
    assert names_in(tmp_path) == ['a.out']
    assert path.read_text() == 'old'


def test_paths_that_cannot_be_files_are_named(tmp_path):
    (tmp_path / 'a.txt').touch()
    with pytest.raises(OSError, match=r"cannot write: .*'\S+/a\.txt/b\.txt'"):
        artifacts.save_text(tmp_path / 'a.txt' / 'b.txt', 'x')
    with pytest.raises(artifacts.BadInput, match='names a folder'):
        artifacts.save_text('.', 'x')


def test_text_is_utf8_with_plain_line_ends(tmp_path):
    artifacts.save_text(tmp_path / 'a.txt', '현\nb\n')
    assert (tmp_path / 'a.txt').read_bytes() == '현\nb\n'.encode()
    assert artifacts.load_lines(tmp_path / 'a.txt', 'x.py') == ['현', 'b']


# Reading.

def test_require_names_the_file_and_the_stage(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'data_mean\.npy is missing.*python extract_spectrum\.py'):
        artifacts.require(tmp_path / 'data_mean.npy', 'extract_spectrum.py')
    assert artifacts.require(str(tmp_path), 'x.py') == tmp_path


def test_a_pickle_is_refused_and_its_code_not_run(tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / 'was run'),)

    np.save(tmp_path / 'a.npy', np.array([Hostile()], dtype=object), allow_pickle=True)
    with pytest.raises(artifacts.BadInput, match=r'a\.npy.*delete it and run `python extract_spectrum\.py`'):
        artifacts.load_npy(tmp_path / 'a.npy', 'extract_spectrum.py')
    assert not (tmp_path / 'was run').exists()


@pytest.mark.parametrize('n_bytes', [0, 5, 60, 128, 500])
def test_a_truncated_npy_is_refused_with_the_remedy(tmp_path, n_bytes):
    path = tmp_path / 'a.npy'
    np.save(path, np.arange(100.0))
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(artifacts.BadInput, match=r'a\.npy.*delete it and run `python tsne\.py`'):
        artifacts.load_npy(path, 'tsne.py')


def test_an_npy_with_any_bit_of_its_header_flipped_is_read_or_refused(tmp_path):
    path = tmp_path / 'a.npy'
    np.save(path, np.arange(100.0))
    intact, n_refused = path.read_bytes(), 0
    for bit in range(8 * 128):
        content = bytearray(intact)
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        try:
            assert artifacts.load_npy(path, 'tsne.py').dtype.kind in 'biuf'
        except artifacts.BadInput as error:
            assert str(path) in str(error)
            n_refused += 1
    assert n_refused > 200


@pytest.mark.parametrize('write', [lambda file: np.save(file, ['text']), lambda file: np.savez(file, a=np.ones(3))])
def test_what_holds_no_array_of_numbers_is_refused(tmp_path, write):
    with open(tmp_path / 'a.npy', 'wb') as file:
        write(file)
    with pytest.raises(artifacts.BadInput, match=r'a\.npy.*delete it and run `python tsne\.py`'):
        artifacts.load_npy(tmp_path / 'a.npy', 'tsne.py')


@pytest.mark.parametrize('content', [b'', b'{"a": 1', b'\xff\xfe', b'[]', b'[' * 100_000])
def test_broken_json_is_refused_with_the_remedy(tmp_path, content):
    (tmp_path / 'a.json').write_bytes(content)
    with pytest.raises(artifacts.BadInput, match=r'a\.json.*run `python train\.py`'):
        artifacts.load_json(tmp_path / 'a.json', 'train.py')


@pytest.mark.parametrize('content', [{}, {'labels': None}, {'labels': 'bass'}])
def test_json_without_what_is_needed_is_refused_with_the_remedy(tmp_path, content):
    artifacts.save_json(tmp_path / 'a.json', content)
    assert artifacts.load_json(tmp_path / 'a.json', 'train.py') == content
    with pytest.raises(artifacts.BadInput, match=r'a\.json.*labels is.*run `python train\.py`'):
        artifacts.load_json(tmp_path / 'a.json', 'train.py', labels=list)


def test_json_comes_back(tmp_path):
    content = {'label': '피아노', 'n': [1, 2.5, None]}
    artifacts.save_json(tmp_path / 'a.json', content)
    assert artifacts.load_json(tmp_path / 'a.json', 'x.py') == content
    assert '피아노' in (tmp_path / 'a.json').read_text(encoding='utf-8')
    assert json.loads((tmp_path / 'a.json').read_bytes()) == content


@pytest.mark.parametrize(('content', 'lines'), [(b'', []), (b'a\n', ['a']), (b'a', ['a']), (b'a\r\nb\r\n', ['a', 'b']),
                                                (b'a\n\nb\n', ['a', '', 'b']), ('a\u2028b\n'.encode(), ['a\u2028b'])])
def test_lines_are_split_at_line_ends_only(tmp_path, content, lines):
    (tmp_path / 'a.txt').write_bytes(content)
    assert artifacts.load_lines(tmp_path / 'a.txt', 'x.py') == lines


def test_a_list_that_is_not_utf8_names_the_stage(tmp_path):
    (tmp_path / 'a.txt').write_bytes(b'bass\xff\n')
    with pytest.raises(artifacts.BadInput, match=r'a\.txt is not UTF-8.*gather_information\.py'):
        artifacts.load_lines(tmp_path / 'a.txt', 'gather_information.py')


@pytest.mark.parametrize(('note', 'instrument'), [('bass_synthetic_033-045-100', 'bass_synthetic_033'),
                                                  ('a-b-045-100', 'a-b'), ('my note', 'my note')])
def test_the_instrument_of_a_note(note, instrument):
    assert instrument_of(note) == instrument


# The command line.

def test_the_parser_defaults_and_leaves_out_what_is_not_asked_for():
    both = parser('x', 'data', 'run').parse_args([])
    assert (both.data, both.run) == (Path('data'), Path('run'))
    assert not hasattr(parser('x', 'data').parse_args([]), 'run')


def test_only_expected_errors_become_a_line(capsys):
    def failing_with(error):
        def main(argv=None):
            raise error
        return command(main)

    assert failing_with(artifacts.BadInput('a.txt:\n  bad'))() == 1
    assert 'a.txt: bad' in error_line(capsys.readouterr().err)
    assert failing_with(KeyboardInterrupt())() == 130
    assert 'run it again' in capsys.readouterr().err
    with pytest.raises(ZeroDivisionError):
        failing_with(ZeroDivisionError())()


PRINTS = '''from deepdream.command_line import command
@command
def main(argv=None):
    print("an answer")
raise SystemExit(main())'''


def test_a_reader_who_has_enough_is_no_error(tmp_path):
    (tmp_path / 'prints.py').write_text(PRINTS)
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run([sys.executable, tmp_path / 'prints.py'], stdout=writer, stderr=subprocess.PIPE, text=True,
                            env=os.environ | {'PYTHONPATH': str(ROOT)}, timeout=60)
    os.close(writer)
    assert (result.returncode, result.stderr) == (1, '')


def test_an_answer_that_finds_no_room_is_one_line(tmp_path):
    (tmp_path / 'prints.py').write_text(PRINTS)
    with open('/dev/full', 'w') as full:
        result = subprocess.run([sys.executable, tmp_path / 'prints.py'], stdout=full, stderr=subprocess.PIPE,
                                text=True, env=os.environ | {'PYTHONPATH': str(ROOT)}, timeout=60)
    assert result.returncode == 1
    assert 'No space left' in error_line(result.stderr)


def test_a_name_that_the_terminal_cannot_show_is_escaped(tmp_path):
    (tmp_path / 'prints.py').write_text(PRINTS.replace('an answer', '\\U0001f941'))
    result = run_python(tmp_path / 'prints.py',
                        env=os.environ | {'PYTHONPATH': str(ROOT), 'PYTHONIOENCODING': 'latin-1'})
    assert (result.returncode, result.stdout) == (0, '\\U0001f941\n')


def test_a_killed_worker_is_one_line_with_the_remedy(capsys):
    @command
    def main(argv):
        Parallel(n_jobs=2)(delayed(exec)('import os; os.kill(os.getpid(), 9)') for _ in range(2))

    assert main([]) == 1
    error_line(capsys.readouterr().err, 'killed', '--jobs')


def test_progress_is_plain_lines_where_there_is_no_terminal(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, 'stderr', stream)
    assert list(progress(range(500), description='spectra')) == list(range(500))
    lines = stream.getvalue().splitlines()
    assert '\r' not in stream.getvalue() and '\x1b' not in stream.getvalue()
    assert all(line.startswith('spectra: ') for line in lines)
    assert '500/500' in lines[-1] and 'note/s' in lines[-1]
    assert len(lines) < 10  # not one for every note


def test_what_libraries_write_to_stderr_is_dropped_within_the_block_only(capfd):
    with silent_stderr():
        os.write(2, b'noise')
    os.write(2, b'news')
    assert capfd.readouterr().err == 'news'
