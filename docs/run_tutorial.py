"""Run the blocks of docs/tutorial.md in order, and write what they print into the texts of both languages.

    python docs/run_tutorial.py --folder DIR [--write]

DIR becomes a copy of the repository's files, whose packages are those of the Python that runs this. A shell block goes
to bash, and all Python blocks to one namespace, as in one session. A `text` block behind a block holds what that
prints; its line `...` stands for the lines that are left out, so that a new output is cut in the same way.
"""

import argparse
import ast
import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TEXTS = ('docs/tutorial.md', 'docs/tutorial.ko.md')
BLOCK = re.compile(r'^```(\w+)\n(.*?)^```$', re.MULTILINE | re.DOTALL)
NOT_COPIED = re.compile(r'(data|run).*|\..*cache|\.git|\.venv|__pycache__')  # folders; .gitignore names them, too
LEFT_OUT = '...\n'


class Block(NamedTuple):
    """A block of code: 'sh' or 'python', its lines, and what the text says it prints ('' where the text says nothing).

    `line` is its line number in the text.
    """

    language: str
    code: str
    output: str
    line: int


def read_blocks(text):
    """Return the Blocks of a text, in order."""
    blocks = []
    for match in BLOCK.finditer(text):
        language, content = match.groups()
        if language != 'text':
            blocks.append(Block(language, content, '', text.count('\n', 0, match.start()) + 1))
        elif blocks and not blocks[-1].output:
            blocks[-1] = blocks[-1]._replace(output=content)
        else:
            raise ValueError(f'line {text.count(chr(10), 0, match.start()) + 1}: no code stands before this output')
    return blocks


def set_up(folder, data=None, run=None):
    """Make FOLDER a copy of the repository in which `python` is this one; take DATA and RUN along where given."""
    folder.mkdir(parents=True)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy2(path, folder)
        elif not NOT_COPIED.fullmatch(path.name):
            shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns('__pycache__'))
    for source, name in ((data, 'data'), (run, 'run')):
        if source:
            shutil.copytree(source, folder / name)
    (folder / '.venv' / 'bin').mkdir(parents=True)
    python = folder / '.venv' / 'bin' / 'python'
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (folder / '.venv' / 'bin' / 'activate').write_text('PATH="$PWD/.venv/bin:$PATH"\n')
    (folder / '.venv' / 'installed').touch()


def run_shell(code):
    """Run a shell block in the current folder as its reader does, with the packages activated; return its stdout."""
    environment = os.environ | {'PATH': f'{Path(".venv/bin").resolve()}:{os.environ["PATH"]}'}
    result = subprocess.run(['bash', '-e', '-c', code], env=environment, stdout=subprocess.PIPE, text=True)
    if result.returncode:
        raise RuntimeError(f'exit status {result.returncode}')
    return result.stdout


def run_python(code, namespace):
    """Run a Python block in `namespace`, which it changes; return its stdout.

    It runs as at Python's prompt, which prints the value of every expression that stands alone.
    """
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        for statement in ast.parse(code).body:
            exec(compile(ast.Interactive([statement]), 'docs/tutorial.md', 'single'), namespace)
    return stdout.getvalue()


def run_blocks(blocks, shell=run_shell):
    """Run Blocks in the current folder, the shell blocks by `shell`; yield (Block, stdout)."""
    namespace = {}
    for block in blocks:
        try:
            yield block, shell(block.code) if block.language == 'sh' else run_python(block.code, namespace)
        except Exception as error:
            raise RuntimeError(f'docs/tutorial.md, the block in line {block.line}: {error}') from error


def cut(output, shown):
    """Return an output with as many lines at its start and its end as `shown` has around its line `...`."""
    lines = output.splitlines(keepends=True)
    if LEFT_OUT not in shown.splitlines(keepends=True):
        return output
    first, last = (part.count('\n') for part in f'\n{shown}'.split(f'\n{LEFT_OUT}', 1))
    return output if len(lines) <= first + last else ''.join([*lines[:first], LEFT_OUT, *lines[len(lines) - last:]])


def with_outputs(text, outputs):
    """Return a text in which each `text` block holds its part of `outputs`, the stdout of every Block in order."""
    remaining = iter(outputs)

    def replace(match):
        nonlocal output
        if match[1] != 'text':
            output = next(remaining)
            return match[0]
        return f'```text\n{cut(output, match[2])}```'

    output = ''
    return BLOCK.sub(replace, text)


def main(argv=None):
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('--folder', type=Path, required=True, help='where to run them; it must not exist')
    options.add_argument('--data', type=Path, help='data of `make demo`, to be copied instead of being made again')
    options.add_argument('--run', type=Path, help='its run, likewise')
    options.add_argument('--write', action='store_true', help='write the outputs into the texts')
    args = options.parse_args(argv)
    set_up(args.folder, args.data, args.run)
    sys.path.insert(0, str(args.folder.resolve()))
    blocks, outputs = read_blocks((ROOT / TEXTS[0]).read_text(encoding='utf-8')), []
    with contextlib.chdir(args.folder):
        for block, stdout in run_blocks(blocks):
            print(f'{block.code}{stdout}', flush=True)
            outputs.append(stdout)
    for path in (ROOT / text for text in TEXTS if args.write):
        path.write_text(with_outputs(path.read_text(encoding='utf-8'), outputs), encoding='utf-8')


if __name__ == '__main__':
    main()
