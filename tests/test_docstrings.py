"""The docstrings of what the tutorial uses: each has an example, and every example in the repository runs."""

import doctest
import importlib
import os

import pytest
from conftest import ROOT

MODULES = sorted(str(path.relative_to(ROOT).with_suffix('')).replace(os.sep, '.')
                 for path in [*ROOT.glob('*.py'), *(ROOT / 'deepdream').rglob('*.py')]
                 if '>>> ' in path.read_text(encoding='utf-8'))
WITH_EXAMPLE = {
    'data_provider': ('prepare_data', 'DataProvider.get_sample_at', 'DataProvider.get_random_batch',
                      'DataProvider.dataset'),
    'model': ('get_model', 'get_last_minus_one', 'load_model'),
    'deepdream.spectrum': ('log_spectrum', 'magnitude', 'normalise'),
    'deepdream.spectrum_tf': ('istft',),
    'deepdream.notes': ('label_of', 'instrument_of', 'instrument_indices'),
    'deepdream.inference': ('get_activation',),
    'deepdream.run_folder': ('open_run',)}


@pytest.fixture(scope='module')
def folder(small_data, trained, tmp_path_factory):
    """A folder as the root of the repository is after train.py."""
    root = tmp_path_factory.mktemp('docstrings')
    (root / 'data').symlink_to(small_data)
    (root / 'run').symlink_to(trained)
    (root / 'labels.txt').symlink_to(small_data / 'labels.txt')
    return root


@pytest.mark.parametrize('module', MODULES)
def test_the_examples_run(module, folder, monkeypatch):
    monkeypatch.chdir(folder)
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted and not result.failed


@pytest.mark.parametrize('module', WITH_EXAMPLE)
def test_what_the_tutorial_uses_has_an_example(module):
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = {test.name.removeprefix(f'{module}.') for test in finder.find(importlib.import_module(module), module)
             if test.examples}
    assert set(WITH_EXAMPLE[module]) <= found
