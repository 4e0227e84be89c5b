"""Libraries as people have them, through the stages: predict.py hears exactly what the training saw."""

import csv
import functools
import json

import numpy as np
import pytest
import soundfile
from conftest import PLAIN, stage

import activation
import dream
import evaluate
import extract_spectrum
import gather_information
import predict
import split_notes
import train
from deepdream.map.previews import make_previews, preview_files

TRAINING = (*PLAIN, '--steps', 30, '--batch-size', 8, '--validate-every', 15)


def hit(label, tuning, rate, seconds=0.5):
    """A drum or a bass note: a decaying sine, which leaves most of the spectrum empty."""
    pitch, decay = {'kick': (55, 9), 'tom': (140, 9), 'bass': (80, 2)}[label]
    time = np.arange(round(seconds * rate)) / rate
    sound = np.sin(2 * np.pi * pitch * tuning * time) * np.exp(-decay * time)
    n_fade = rate // 100
    sound[-n_fade:] *= np.linspace(1, 0, n_fade)
    return sound


def noisy(label, tuning, rate):
    """The same on a floor of noise, with six seconds of nothing but the floor before it."""
    sound = np.pad(hit(label, tuning, rate), (6 * rate, 0))
    return sound + np.random.default_rng(round(1000 * tuning)).normal(size=len(sound)) * 0.002


LIBRARIES = {'dark': (44_100, hit), 'at 8 kHz': (8000, hit), 'late': (22_050, noisy),
             'short': (44_100, lambda label, tuning, rate: hit(label, tuning, rate, 0.05))}


CASES = [pytest.param(('dark', 'tutorial'), id='dark tutorial'),
         pytest.param(('at 8 kHz', 'harmonic'), id='at 8 kHz harmonic', marks=pytest.mark.thorough),
         pytest.param(('short', 'harmonic'), id='short harmonic'),
         pytest.param(('late', 'tutorial'), id='late tutorial')]


@pytest.fixture(scope='module')
def libraries(tmp_path_factory):
    """A function of name and network: (DATA, RUN) of a library of three labels after train.py, made when wanted."""
    return functools.cache(lambda *case: make_library(tmp_path_factory.mktemp('library'), *case))


@pytest.fixture(params=CASES)
def library(request, libraries):
    return libraries(*request.param)


@pytest.fixture
def dark(libraries):
    """The library to dream of."""
    return libraries('dark', 'tutorial')


def make_library(root, name, network):
    rate, make = LIBRARIES[name]
    rng = np.random.default_rng(0)
    for label in ('kick', 'tom', 'bass'):
        for maker in 'abcdef':
            folder = root / 'mine' / label / maker
            folder.mkdir(parents=True)
            for number in range(4):
                sound = make(label, rng.uniform(0.97, 1.03), rate)
                soundfile.write(folder / f'hit {number}.wav', rng.uniform(0.5, 0.9) * sound, rate)
    data, run = root / 'data', root / 'run'
    assert split_notes.main([str(root / 'mine'), '--data', str(data)]) == 0
    assert gather_information.main(['--data', str(data), '--labels', str(data / 'labels.txt')]) == 0
    assert extract_spectrum.main(['--data', str(data), '--jobs', '1']) == 0
    assert stage(train, data, run, *TRAINING, '--network', network) == 0
    return data, run


def predicted(run, folder, capfd):
    """{note: row of predict.py --json} of the wavs in a folder."""
    capfd.readouterr()
    assert predict.main([str(folder), '--json', '--run', str(run)]) == 0
    return {row['file'].rsplit('/', 1)[-1].removesuffix('.wav'): row for row in json.loads(capfd.readouterr().out)}


def test_predict_gives_the_answers_of_evaluate(library, capfd):
    data, run = library
    assert stage(evaluate, data, run, '--no-baseline') == 0
    with open(run / 'predictions.csv', encoding='utf-8', newline='') as file:
        expected = list(csv.DictReader(file))
    rows = predicted(run, data / 'test' / 'audio', capfd)
    assert len(expected) == len(rows) == 12
    apart = [abs(rows[one['note']]['probabilities'][label] - float(one[label]))
             for one in expected for label in ('kick', 'tom', 'bass')]
    assert np.mean([rows[one['note']]['label'] == one['predicted'] for one in expected]) == 1
    assert max(apart) < 0.02  # of notes softer or louder than all of train


def test_one_valid_note_in_twenty_is_out_of_distribution(library, capfd):
    data, run = library
    rows = predicted(run, data / 'valid' / 'audio', capfd)
    assert sum(row['out_of_distribution'] for row in rows.values()) <= 1  # of 12


def test_the_map_plays_what_the_network_heard(library):
    data, _ = library
    notes = (data / 'test_samples.txt').read_text().splitlines()
    assert make_previews(data, 'test', notes).all()
    for sound, _ in preview_files(data, 'test', notes):
        waveform, rate = soundfile.read(sound)
        assert np.abs(waveform[:rate // 2]).max() > 0.2


def test_the_library_can_be_dreamed_of(dark):
    data, run = dark
    assert stage(activation, data, run) == 0
    assert dream.main(['neuron', '--layer', 'fc3', '--unit', 'kick', '--steps', '2', '--data', str(data),
                       '--run', str(run), '--labels', str(data / 'labels.txt')]) == 0
    assert len(list((run / 'dreams' / 'audio').glob('fc3_*_kick_note.wav'))) == 1


def test_dreams_on_two_files_of_one_name_are_two_dreams(dark, tmp_path, capfd):
    data, run = dark
    arguments = ['--steps', '2', '--data', str(data), '--run', str(run), '--labels', str(data / 'labels.txt')]
    for label in ('kick', 'bass'):
        (tmp_path / label).mkdir(exist_ok=True)
        soundfile.write(tmp_path / label / 'hit 1.wav', 0.8 * hit(label, 1, 16_000), 16_000)
        capfd.readouterr()
        assert dream.main(['deep', str(tmp_path / label / 'hit 1.wav'), *arguments]) == 0
        said = capfd.readouterr().out
    wavs = sorted((run / 'dreams' / 'audio').glob('deep_hit 1_conv3_1*.wav'))
    assert len(wavs) == 2
    (_, row), = predicted(run, next(wav for wav in wavs if wav.name in said), capfd).items()
    assert f'hears {row["label"]} ({row["probabilities"][row["label"]]:.0%})' in said


def test_a_long_name_is_shortened_before_the_ascent(dark, tmp_path):
    data, run = dark
    sound = tmp_path / f'{"한" * 80}.wav'
    soundfile.write(sound, hit('tom', 1, 16_000), 16_000)
    assert dream.main(['thin', str(sound), '--style', str(sound), '--data', str(data), '--run', str(run),
                       '--labels', str(data / 'labels.txt')]) == 0
    assert len(list((run / 'dreams').glob('thin_한*.json'))) == 1


# Silent notes.

def test_silent_notes_are_named_and_left_out(tmp_path, capfd):
    for label, level in (('kick', 0.8), ('tom', 0.8), ('snare', 0)):
        for maker in 'abcd':
            folder = tmp_path / 'mine' / label / maker
            folder.mkdir(parents=True)
            soundfile.write(folder / 'x.wav', level * hit('tom', 1, 16_000), 16_000)
    data, run = tmp_path / 'data', tmp_path / 'run'
    assert split_notes.main([str(tmp_path / 'mine'), '--data', str(data)]) == 0
    assert gather_information.main(['--data', str(data), '--labels', str(data / 'labels.txt')]) == 0
    assert extract_spectrum.main(['--data', str(data), '--jobs', '1']) == 1
    captured = capfd.readouterr()
    assert 'silent (its peak is below -80 dB)' in captured.out and '4 of 12 notes are unusable' in captured.err
    assert extract_spectrum.main(['--data', str(data), '--jobs', '1', '--max-rejected', '40']) == 0
    assert stage(train, data, run, *TRAINING) == 0
    assert json.loads((run / 'calibration.json').read_text())['peaks'][0] > 0.1
