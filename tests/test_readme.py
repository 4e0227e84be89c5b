"""The READMEs: short, the same in both languages, and true of the files that they name."""

import re

import pytest
from conftest import ROOT

CODE_BLOCK = re.compile(r'^```.*?^```$', re.MULTILINE | re.DOTALL)
LINK = re.compile(r'\[[^\]]*\]\(([^)\s]+)\)')
PAGES = ['README.md', 'README.ko.md', 'CONTRIBUTING.md', 'benchmarks/README.md',
         *sorted(f'docs/{path.name}' for path in (ROOT / 'docs').glob('*.md'))]
PARTS = sorted((path.relative_to(ROOT / 'deepdream') for path in (ROOT / 'deepdream').rglob('*.py')
                if path.name != '__init__.py'), key=str)


def read(page):
    return (ROOT / page).read_text(encoding='utf-8')


def links(page):
    """The addresses of the links and pictures of a page, code aside."""
    prose = re.sub(r'`[^`]*`', 'code', CODE_BLOCK.sub('', read(page)))
    return LINK.findall(prose)


def file_tree():
    """The lines of README.md's code block that lists the files."""
    return next(block for block in CODE_BLOCK.findall(read('README.md')) if 'labels.txt  ' in block).splitlines()


def stage_table():
    """The second column of README.md's table of stages."""
    rows = [line.split('|') for line in read('README.md').splitlines() if line.startswith('|')]
    return [row[2] for row in rows if '.py`' in row[2] and len(row) == 6]


@pytest.mark.parametrize(('page', 'n_lines'), [('README.md', 150), ('CONTRIBUTING.md', 60)])
def test_the_pages_are_short(page, n_lines):
    assert len(read(page).splitlines()) <= n_lines


def test_both_languages_have_the_same_code_blocks():
    assert len(CODE_BLOCK.findall(read('README.md'))) >= 5
    assert CODE_BLOCK.findall(read('README.ko.md')) == CODE_BLOCK.findall(read('README.md'))


def test_both_languages_link_each_other():
    assert 'README.ko.md' in links('README.md')
    assert 'README.md' in links('README.ko.md')


@pytest.mark.parametrize('page', PAGES)
def test_every_link_leads_to_a_file(page):
    files = [address.split('#')[0] for address in links(page) if not re.match(r'https?:|mailto:|#', address)]
    assert not [file for file in files if not ((ROOT / page).parent / file).is_file()]


def test_the_scripts_of_the_tree_and_of_the_table_exist():
    named = set(re.findall(r'[\w/]+\.py\b', '\n'.join([*file_tree(), *stage_table()])))
    assert len(named) >= 14
    assert not [script for script in sorted(named) if not (ROOT / script).is_file()]


def test_the_tree_names_every_script_and_every_part():
    lines = file_tree()
    column = lines[1].index('stage 0')  # where the explanations start; those of dreams/ and map/ start after a colon
    scripts = {path.name for path in ROOT.glob('*.py')}
    assert scripts <= set(' '.join(line[:column] for line in lines if not line.startswith(' ')).split())
    for part in PARTS:
        if len(part.parts) == 1:
            names = [line[:column] for line in lines if re.match(r' +[\w.]+ ', line)]
        else:
            names = [line.partition(':')[0] for line in lines if line.strip().startswith(f'{part.parent}/ ')]
        assert part.stem in re.findall(r'\w+', ' '.join(names)), f'deepdream/{part}'
