"""The rules of the layout: what may import what, and what nothing imports before it is needed."""

import ast
import sys
from graphlib import TopologicalSorter

import pytest
from conftest import ROOT, run_python

PARTS_IN_ROOT = {'data_provider', 'model'}
HEAVY = {'tensorflow', 'keras', 'librosa', 'sklearn', 'scipy', 'matplotlib', 'joblib', 'distributed', 'dask'}


def module_name(path):
    return '.'.join(path.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__')


MODULES = {module_name(path): path for path in [*ROOT.glob('*.py'), *(ROOT / 'deepdream').rglob('*.py')]}
STAGES = sorted(name for name in MODULES if '.' not in name and name not in {'deepdream', *PARTS_IN_ROOT})


def imports_of(path):
    """The project's own modules that a file imports, at its top or within a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f'{node.module}.{alias.name}' for alias in node.names)}
    return (found & MODULES.keys()) - {'deepdream', 'deepdream.dreams', 'deepdream.map'}  # these hold a docstring each


GRAPH = {name: imports_of(path) for name, path in MODULES.items()}


def test_the_root_holds_the_stages_and_two_parts():
    assert {'gather_information', 'extract_spectrum', 'train', 'activation', 'tsne', 'sound_map'} <= set(STAGES)
    assert len(STAGES) + len(PARTS_IN_ROOT) <= 18
    for stage in STAGES:
        assert "if __name__ == '__main__':" in MODULES[stage].read_text(encoding='utf-8'), f'{stage}.py cannot be run'


def test_nothing_imports_a_stage():
    wrong = {name: sorted(imported & set(STAGES)) for name, imported in GRAPH.items() if imported & set(STAGES)}
    assert not wrong


def test_nothing_imports_in_a_circle():
    assert len(list(TopologicalSorter(GRAPH).static_order())) == len(MODULES)  # CycleError names the circle


def test_every_part_is_imported():
    imported = set().union(*GRAPH.values())
    parts = {name for name, path in MODULES.items() if name not in STAGES and path.name != '__init__.py'}
    assert parts <= imported


@pytest.mark.parametrize('stage', STAGES)
def test_help_answers_without_anything_heavy(stage, tmp_path):
    result = run_python('-X', 'importtime', MODULES[stage], '--help', cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f'usage: {stage}.py')
    imported = {line.rsplit('|')[-1].strip().split('.')[0] for line in result.stderr.splitlines() if '|' in line}
    assert 'argparse' in imported
    assert not imported & HEAVY
    assert list(tmp_path.iterdir()) == []


def test_only_the_backend_imports_tensorflow_and_keras():
    for name, path in MODULES.items():
        if name == 'deepdream.backend':
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            modules = ([alias.name for alias in node.names] if isinstance(node, ast.Import)
                       else [node.module or ''] if isinstance(node, ast.ImportFrom) else [])
            assert not {module.split('.')[0] for module in modules} & {'tensorflow', 'keras'}, name


def test_every_import_is_required():
    """What the code imports stands in requirements.txt, or is an extra."""
    packages = {'sklearn': 'scikit-learn', 'PIL': 'pillow', 'mpl_toolkits': 'matplotlib'}
    listed = {line.split('~')[0].split('=')[0].split('>')[0].strip().replace('-', '_')
              for file in ('requirements.txt', 'requirements_no_deps.txt', 'requirements_cluster.txt')
              for line in (ROOT / file).read_text(encoding='utf-8').splitlines() if line and not line.startswith('#')}
    own = {name.split('.')[0] for name in MODULES}
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            modules = ([alias.name for alias in node.names] if isinstance(node, ast.Import)
                       else [node.module] if isinstance(node, ast.ImportFrom) and node.module else [])
            for module in {module.split('.')[0] for module in modules} - own - sys.stdlib_module_names:
                assert packages.get(module, module).replace('-', '_') in listed, f'{name} imports {module}'
