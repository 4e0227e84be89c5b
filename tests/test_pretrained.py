"""The network that comes with the repository: its files, their size and licences, its answers to known sounds."""

import csv
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from conftest import ROOT, SHIPPED, noise, sine, write_wav
from test_export import ask_saved_model

import export
import predict
from deepdream.run_folder import PRETRAINED, load_activation
from deepdream.sound_font import default_font, is_audible, render, to_level
from deepdream.trained import open_network

MOST_BYTES = 4_000_000
LICENCE = re.compile(r'\b(MIT|GPL|LGPL|CC0|CC BY|CC Sampling Plus|public domain|GeneralUser GS License'
                     r"|FatBoy's terms)\b")
PER_FAMILY = 3  # rendered notes
LEAST_RIGHT = 0.6  # of the rendered notes; chance is 0.09


def check_size(paths):
    n_bytes = sum(path.stat().st_size for path in paths)
    assert n_bytes <= MOST_BYTES, f'{n_bytes:,} bytes are more than the {MOST_BYTES:,} of a network that ships'


def unlicensed(text):
    """Return the rows of a PROVENANCE.md's tables, source | ..., that name no licence."""
    lines = text.splitlines()
    heads = {j for i, line in enumerate(lines) if re.fullmatch(r'\|[|:\s-]+', line) for j in (i - 1, i)}
    return [line for i, line in enumerate(lines)
            if line.startswith('|') and i not in heads and not LICENCE.search(line)]


def ask(*arguments, tmp_path):
    """The rows of predict.py --json."""
    output = tmp_path / 'out.json'
    assert predict.main([*map(str, arguments), '--run', str(PRETRAINED), '--json', '--output', str(output)]) == 0
    return json.loads(output.read_text(encoding='utf-8'))


# The files.

def test_all_files_are_there_and_small():
    assert PRETRAINED == ROOT / 'pretrained'
    check_size([PRETRAINED / name for name in SHIPPED])


def test_a_folder_that_is_too_large_is_refused(tmp_path):
    sizes = {'model.keras': MOST_BYTES - 1000, 'novelty.npz': 1000}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(bytes(size))
    check_size(tmp_path.iterdir())
    (tmp_path / 'labels.txt').write_bytes(b'a')
    with pytest.raises(AssertionError, match='4,000,001 bytes'):
        check_size(tmp_path.iterdir())


@pytest.mark.skipif(not shutil.which('git') or not (ROOT / '.git').exists(), reason='no clone of git')
def test_git_holds_these_files_alone():
    listed = subprocess.run(['git', 'ls-files', '--cached', '--others', '--exclude-standard', 'pretrained'], cwd=ROOT,
                            check=True, capture_output=True, text=True).stdout.splitlines()
    assert listed == [f'pretrained/{name}' for name in SHIPPED]


def test_every_source_has_a_licence():
    text = (PRETRAINED / 'PROVENANCE.md').read_text(encoding='utf-8')
    assert 'TimGM6mb' in text and LICENCE.search(text)
    assert unlicensed(text) == []


def test_a_source_without_a_licence_is_found():
    text = '| font | licence |\n|---|---|\n| TimGM6mb | GPL 2 |\n| another | its own licence |\n'
    assert unlicensed(text) == ['| another | its own licence |']


def test_labels_are_those_of_the_demo():
    """So that `make dream RUN=pretrained` can compare with the demo's notes."""
    labels = (ROOT / 'labels.txt').read_text(encoding='utf-8')
    assert (PRETRAINED / 'labels.txt').read_text(encoding='utf-8') == labels
    assert json.loads((PRETRAINED / 'config.json').read_text(encoding='utf-8'))['labels'] == labels.split()


# The answers.

def test_neighbours_are_of_this_network():
    notes, activation = load_activation(PRETRAINED)
    assert len(set(notes)) == len(notes) == len(activation) >= 500
    assert np.load(PRETRAINED / 'activation.npy').dtype == np.float16


def test_digital_noise_is_out_of_distribution(tmp_path):
    wavs = [write_wav(tmp_path / f'noise {seed}.wav', noise(seed)) for seed in range(3)]
    assert [row['out_of_distribution'] for row in ask(*wavs, tmp_path=tmp_path)] == [True] * 3


def test_a_sine_has_probabilities(tmp_path):
    row, = ask(write_wav(tmp_path / 'sine.wav', sine(440)), tmp_path=tmp_path)
    shares = np.array(list(row['probabilities'].values()))
    assert np.isfinite(shares).all() and (shares >= 0).all() and shares.sum() == pytest.approx(1)
    assert len(row['nearest']) == 5 and np.isfinite([row['log_odds'], row['limit']]).all()


def rendered_notes():
    """(families, waveforms (n, 64000)) of General MIDI programs of each family, in the middle of their ranges."""
    with open(ROOT / 'deepdream/general_midi.csv', encoding='utf-8', newline='') as file:
        rows = list(csv.DictReader(file))
    families, waveforms = [], []
    for row in rows:
        pitch = (int(row['lowest']) + int(row['highest'])) // 2
        waveform = render(default_font(), int(row['program']), pitch, 100)
        if families.count(row['family']) < PER_FAMILY and is_audible(waveform):
            families.append(row['family'])
            waveforms.append(to_level(waveform, 0.8) / np.float32(2**15))
    return families, np.stack(waveforms)


def test_rendered_notes_are_recognised():
    network, (families, waveforms) = open_network(PRETRAINED), rendered_notes()
    assert set(families) == set(network.labels)
    probabilities, *_ = network.predict(waveforms)
    right = [network.labels[share.argmax()] == family for family, share in zip(families, probabilities, strict=True)]
    assert np.mean(right) >= LEAST_RIGHT


def test_export_equals_predict(tmp_path):
    copy = shutil.copytree(PRETRAINED, tmp_path / 'run', ignore=shutil.ignore_patterns('dreams', 'atlas', 'export'))
    assert export.main(['--run', str(copy)]) == 0
    waveforms = np.stack([sine(440), noise(), *rendered_notes()[1][::8]]).astype(np.float32)
    probabilities, *_ = open_network(PRETRAINED).predict(waveforms)
    answer = ask_saved_model(copy / 'export/saved_model', waveforms)
    np.testing.assert_allclose(answer['probabilities'], probabilities, atol=1e-3)
