"""The tutorial: every block runs, in order, on a few notes; both languages hold the same blocks and pictures.

`make tutorial-test` runs the blocks as a reader does, with all notes of the demo.
"""

import codeop
import contextlib
import importlib
import importlib.util
import io
import re
import shlex
import sys
from pathlib import Path

import matplotlib.image
import pytest
from conftest import ROOT
from joblib.externals.loky import get_reusable_executor
from threadpoolctl import threadpool_limits

from deepdream.backend import tf

sys.path.insert(0, str(ROOT / 'docs'))
import run_tutorial
from run_tutorial import TEXTS, cut, read_blocks, run_blocks, run_shell, set_up, with_outputs

ENGLISH, KOREAN = ((ROOT / path).read_text(encoding='utf-8') for path in TEXTS)
BLOCKS = read_blocks(ENGLISH)
PICTURE = re.compile(r'^!\[(.*)\]\((.*)\)$', re.MULTILINE)
# What the short form runs instead, so that it takes seconds: two notes of each instrument, and a few steps.
SHORT = {r'make demo\n\. \.venv/bin/activate\n':
             'python render_notes.py --pitches 2\npython gather_information.py\npython extract_spectrum.py\n'
             'python train.py --steps 3\npython activation.py\n',
         r'--steps 1000 --validate-every 100': '--steps 2 --validate-every 1',
         r'n_steps=300': 'n_steps=2',
         r'range\(30\)': 'range(2)',
         r'dream\.py (neuron|deep|style) (.*)': r'dream.py \1 \2 --steps 2'}


def sections(text):
    """The parts of a text that start with '## '."""
    return re.split(r'^## ', text, flags=re.MULTILINE)[1:]


def structure(text):
    """The marks of headings, pictures, links, blocks and lists of a text, in order; what differs between languages
    is left out."""
    prose = re.sub(r'^```\w+\n.*?^```$', '[block](block)', text, flags=re.MULTILINE | re.DOTALL)
    marks = re.findall(r'^#+ |^\d+\. |^- |\]\([^)#]+\)', prose, flags=re.MULTILINE)
    return [mark for mark in marks if not mark.startswith('](tutorial')]


# The text.

def test_both_languages_hold_the_same_blocks_with_the_same_outputs():
    assert len(BLOCKS) >= 25
    assert [block._replace(line=0) for block in read_blocks(KOREAN)] == [block._replace(line=0) for block in BLOCKS]


def test_both_languages_have_the_same_structure():
    assert structure(KOREAN) == structure(ENGLISH)
    assert len(sections(ENGLISH)) == 16
    assert KOREAN.count('**') == ENGLISH.count('**')


def test_each_section_ends_with_what_one_sees_and_what_to_try():
    for text, words in ((ENGLISH, ('**What you see.**', '**Try it yourself.**')),
                        (KOREAN, ('**무엇이 보이나요?**', '**직접 해 보세요.**'))):
        for section in sections(text)[:-1]:  # the last one names papers
            see, attempt = (section.find(word) for word in words)
            assert 0 < see < attempt, section[:40]
            assert '\n#' not in section[attempt:] and '```' not in section[attempt:], section[:40]


def test_the_tables_of_contents_lead_to_the_headings():
    for text in (ENGLISH, KOREAN):
        anchors = re.findall(r'^\d+\. \[.*\]\(#(.*)\)$', text, flags=re.MULTILINE)
        headings = [section.splitlines()[0] for section in sections(text)]
        assert anchors == [re.sub(r'[^\w -]', '', heading.lower()).replace(' ', '-') for heading in headings]


def test_outputs_hold_no_date_and_no_path_of_a_machine():
    for block in BLOCKS:
        assert not re.search(r'/tmp|/home|/root|20\d\d-\d\d|\d\d:\d\d', block.output), block.line


def test_python_blocks_can_be_typed_line_by_line():
    """Python's own prompt wants an empty line after an indented part, and none within it."""
    compiler = codeop.CommandCompiler()
    for block in BLOCKS:
        typed = ''
        for line in [*block.code.splitlines(), ''] if block.language == 'python' else []:
            typed += line
            try:
                typed = f'{typed}\n' if compiler(typed, symbol='single') is None else ''
            except SyntaxError as error:
                pytest.fail(f'the block in line {block.line}, at {line!r}: {error}')
        assert not typed, block.line


# The pictures.

def test_each_picture_is_there_and_described():
    for text in (ENGLISH, KOREAN):
        pictures = PICTURE.findall(text)
        assert len(pictures) == text.count('![') >= 10
        for description, path in pictures:
            assert len(description) > 20 and (ROOT / 'docs' / path).is_file(), path


def test_pictures_are_small_and_bring_their_own_background():
    pictures = sorted((ROOT / 'docs/pictures').glob('*.png'))
    assert sum(path.stat().st_size for path in pictures) <= 6 * 2**20
    for path in pictures:
        image = matplotlib.image.imread(path)
        assert image.shape[2] == 3 or image[..., 3].min() == 1, f'{path} is transparent: unreadable in the dark'


# The blocks.

def shortened(code):
    """Return a block with fewer notes and steps."""
    for pattern, replacement in SHORT.items():
        code = re.sub(pattern, replacement, code)
    return code


def run_here(code):
    """Run a shell block, its scripts in this process, which has imported TensorFlow already; return its stdout."""
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        for line in code.replace('\\\n', ' ').splitlines():
            command, _, file = line.partition(' > ')
            words = shlex.split(command, comments=True)
            if words[0] != 'python':
                print(run_shell(line), end='')
                continue
            with contextlib.redirect_stdout(io.StringIO()) as printed, threadpool_limits(1):
                status = importlib.import_module(words[1].removesuffix('.py')).main(words[2:])
            assert status == 0, line
            if file:
                with open(file, 'w', encoding='utf-8') as to:
                    to.write(printed.getvalue())
            else:
                print(printed.getvalue(), end='')
    return stdout.getvalue()


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Where the blocks run: a copy of the repository."""
    folder = tmp_path_factory.mktemp('tutorial') / 'clone'
    set_up(folder)
    return folder


@pytest.fixture(scope='module')
def outputs(folder):
    """What each block prints, run in order; without graphs, which take longer to build than two steps take without."""
    blocks = [block._replace(code=shortened(block.code)) for block in BLOCKS]
    tf.config.run_functions_eagerly(True)
    get_reusable_executor().shutdown()  # joblib's processes stay where they began: they would write into ROOT/data
    try:
        with contextlib.chdir(folder):
            return [stdout for _, stdout in run_blocks(blocks, run_here)]
    finally:
        get_reusable_executor().shutdown()
        tf.config.run_functions_eagerly(False)


def test_every_block_runs_and_prints_what_the_text_shows(outputs):
    assert len(outputs) == len(BLOCKS)
    for block, stdout in zip(BLOCKS, outputs, strict=True):
        assert bool(block.output) == bool(stdout) or 'activate' in block.code, f'line {block.line}: {stdout}'


def test_the_pictures_are_drawn_from_what_the_blocks_leave(outputs, folder, tmp_path):
    script = importlib.util.spec_from_file_location('make', ROOT / 'docs/pictures/make.py')
    make = importlib.util.module_from_spec(script)
    script.loader.exec_module(make)
    make.main(['--folder', str(folder), '--out', str(tmp_path)])
    drawn = {path.name for path in tmp_path.iterdir()}
    shown = {Path(path).name for _, path in PICTURE.findall(ENGLISH)}
    assert len(drawn) >= 9 and shown - drawn == {'dreams.png', 'sound_map.png'}  # as in the README
    assert drawn <= shown


def test_all_that_is_shortened_is_in_the_text():
    code = ''.join(block.code for block in BLOCKS)
    assert not [pattern for pattern in SHORT if not re.search(pattern, code)]


# What writes the outputs into the texts.

TEXT = 'Look:\n\n```sh\nls\n```\n\n```text\nold\n...\nlast\n```\n\nAnd\n\n```python\nprint(1)\n```\n\n```text\n0\n```\n'


def test_outputs_are_written_into_their_blocks_and_cut_as_before():
    written = with_outputs(TEXT, ['a\nb\nc\nd\n', '1\n'])
    assert [block.output for block in read_blocks(written)] == ['a\n...\nd\n', '1\n']
    assert with_outputs(written, ['a\nb\nc\nd\n', '1\n']) == written
    assert cut('a\nb\n', '...\n') == '...\n' and cut('a\nb\n', 'x\n...\ny\n') == 'a\nb\n'


def test_both_texts_are_written(tmp_path, monkeypatch):
    repository, folder = tmp_path / 'repository', tmp_path / 'folder'
    (repository / 'docs').mkdir(parents=True)
    (repository / 'data').mkdir()
    for path, heading in zip(TEXTS, ('Look', '보기'), strict=True):
        (repository / path).write_text(TEXT.replace('Look', heading).replace('ls', 'ls; python -c "print(2)"'))
    monkeypatch.setattr(run_tutorial, 'ROOT', repository)
    monkeypatch.setattr(sys, 'path', [*sys.path])
    run_tutorial.main(['--folder', str(folder), '--write'])
    for path, heading in zip(TEXTS, ('Look', '보기'), strict=True):
        text = (repository / path).read_text()
        assert [block.output for block in read_blocks(text)] == ['docs\n2\n', '1\n'] and text.startswith(heading)
    assert not (folder / 'data').exists()


def test_an_output_without_a_block_is_a_fault_of_the_text():
    with pytest.raises(ValueError, match='line 3: no code stands before this output'):
        read_blocks('Look:\n\n```text\n1\n```\n')


def test_a_block_that_fails_is_named_by_its_line():
    with pytest.raises(RuntimeError, match=r'the block in line 15: division by zero'):
        list(run_blocks(read_blocks(TEXT.replace('print(1)', '1 / 0')), lambda code: ''))
    with pytest.raises(RuntimeError, match='the block in line 3: exit status 1'):
        list(run_blocks(read_blocks(TEXT.replace('ls', 'false'))))
