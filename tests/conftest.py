"""Known signals and small data folders for the tests."""

import contextlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browser import chromium, open_page, page_class  # noqa: F401 (fixtures)
from firefox import firefox  # noqa: F401 (fixture)

sys.path.insert(0, str(Path(__file__).parent.parent))

LABELS = ('bass', 'brass', 'flute', 'guitar', 'keyboard', 'mallet', 'organ', 'reed', 'string', 'synth_lead', 'vocal')
RATE = 16_000


def pytest_addoption(parser):
    parser.addoption('--write-golden', action='store_true', help='store the numbers of raised versions')


@pytest.fixture(autouse=True, scope='session')
def few_outliers():
    """Make 20 sounds of no label at the end of each training, not 500: they take 10 ms each."""
    from deepdream import novelty
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(novelty, 'N_ARTIFICIAL', 20)
        yield


def sine(frequency=440.0, seconds=4.0, rate=RATE, peak=0.8):
    """A sine, float32 of shape (seconds * rate,)."""
    return (peak * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def noise(seed=0, seconds=4.0, rate=RATE, peak=0.8):
    return np.random.default_rng(seed).uniform(-peak, peak, round(seconds * rate)).astype(np.float32)


def click(at=32_000):
    waveform = np.zeros(64_000, np.float32)
    waveform[at] = 0.9
    return waveform


def write_wav(path, waveform, rate=RATE, subtype='PCM_16'):
    """Write a waveform of shape (n,) or (n, channels); returns the path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, waveform, rate, subtype=subtype, format='WAV')
    return path


def write_notes(data, split, names, seed=0):
    """Write a decaying harmonic tone for every note name, another timbre for another label."""
    rng = np.random.default_rng(seed)
    time = np.arange(4 * RATE) / RATE
    for name in names:
        label = next((i for i, label in enumerate(LABELS) if name.startswith(label + '_')), 0)
        frequency = 110 * 2 ** rng.uniform(0, 2)
        tone = sum(np.sin(2 * np.pi * frequency * k * time) / k ** (0.3 + 0.25 * label) for k in range(1, 9))
        tone *= np.exp(-time * rng.uniform(0.2, 1.5))
        write_wav(data / split / 'audio' / f'{name}.wav', 0.8 * tone / np.abs(tone).max())


@pytest.fixture
def labels_txt(tmp_path):
    """A labels.txt with NSynth's eleven families."""
    path = tmp_path / 'labels.txt'
    path.write_text('\n'.join(LABELS) + '\n', encoding='utf-8')
    return path


# Small data folders and runs for the stages after extract_spectrum.py.

SMALL_LABELS = ('bass', 'flute', 'organ', 'synth_lead', 'vocal')  # synth_lead has no notes, as in NSynth's valid, test
ODD_NOTES = ('bass_it\'s "odd" [1]* 한국어', 'flute_100% {a}, b; $(c) #', 'organ_trailing space ', 'vocal_[!x]?~')
PLAIN = ('--network', 'tutorial', '--no-augmentation', '--weight-decay', 0.004, '--balance', 'weights',
         '--label-smoothing', 0, '--keep', 'best')  # few steps are enough for few notes as they are, and quick
TINY_TRAINING = (*PLAIN, '--batch-size', 4, '--validate-every', 2)
SMALL_TRAINING = (*PLAIN, '--steps', 30, '--batch-size', 8, '--validate-every', 10, '--learning-rate', 0.002)


def small_names(first_instrument, n_instruments, n_pitches):
    """Note names of NSynth's form, for each label of SMALL_LABELS that has notes."""
    return [f'{label}_{source}_{number:03}-{48 + 2 * pitch:03}-100'
            for label in SMALL_LABELS if label != 'synth_lead'
            for number in range(first_instrument, first_instrument + n_instruments)
            for source in (('acoustic', 'synthetic')[number % 2],)
            for pitch in range(n_pitches)]


def write_easy_notes(data, split, names, seed=0):
    """Write a decaying tone for every note name, in a frequency range of its label's own: 30 steps learn that."""
    rng = np.random.default_rng(seed)
    time = np.arange(4 * RATE) / RATE
    for name in names:
        label = next(i for i, label in enumerate(SMALL_LABELS) if name.startswith(label + '_'))
        frequency = 150 * 2.3 ** label * rng.uniform(1, 1.3)
        tone = sum(np.sin(2 * np.pi * frequency * k * time) / k for k in (1, 2)) * np.exp(-time * rng.uniform(0.2, 1.5))
        write_wav(data / split / 'audio' / f'{name}.wav', 0.8 * tone / np.abs(tone).max())


def make_data(data, splits, labels=SMALL_LABELS, dtype='float16'):
    """Write the notes of `splits`, {split: names}, and DATA/labels.txt, then run stages 1 and 2."""
    for seed, (split, names) in enumerate(splits.items()):
        write_easy_notes(data, split, names, seed)
    (data / 'labels.txt').write_text('\n'.join(labels) + '\n', encoding='utf-8')
    prepare(data, dtype)
    return data


def prepare(data, dtype='float16'):
    """Stages 1 and 2 on a folder as of `make_data`."""
    import extract_spectrum
    import gather_information
    assert gather_information.main(['--data', str(data), '--labels', str(data / 'labels.txt')]) == 0
    assert extract_spectrum.main(['--data', str(data), '--jobs', '1', '--dtype', dtype, '--max-rejected', '20']) == 0


def stage(script, data, run, *arguments):
    """Run the `main` of a stage after the second; return its status."""
    return script.main(['--data', str(data), '--labels', str(data / 'labels.txt'), '--run', str(run),
                        *map(str, arguments)])


def damaged_copy(folder, target):
    """Copy a folder without its wavs for a test to damage."""
    return Path(shutil.copytree(folder, target, ignore=shutil.ignore_patterns('audio')))


def edit_json(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text(encoding='utf-8')) | changes), encoding='utf-8')


@contextlib.contextmanager
def disk_full(n_bytes):
    """Let no file grow beyond `n_bytes`, which fails as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope='session')
def small_data(tmp_path_factory):
    """64 train, 22 valid, 36 test notes (32 make a batch) of four labels easy to tell; four of test have odd names."""
    return make_data(tmp_path_factory.mktemp('small') / 'data', {
        'train': small_names(0, 4, 4), 'valid': small_names(10, 2, 3)[:-2],
        'test': [*small_names(20, 8, 1), *ODD_NOTES]})


@pytest.fixture(scope='session')
def tiny_data(tmp_path_factory):
    """8 train, 4 valid, 6 test notes."""
    return make_data(tmp_path_factory.mktemp('tiny') / 'data', {
        'train': small_names(0, 2, 1), 'valid': small_names(10, 1, 1), 'test': small_names(20, 2, 1)[:6]})


@pytest.fixture(scope='session')
def trained(small_data, tmp_path_factory):
    """The run folder of 30 steps on `small_data`, with what predict.py makes of its model."""
    import train
    from deepdream.trained import open_quickly
    run = tmp_path_factory.mktemp('trained') / 'run'
    assert stage(train, small_data, run, *SMALL_TRAINING) == 0
    open_quickly(run)
    return run


# The files of pretrained/ that come with the repository.
SHIPPED = ('PROVENANCE.md', 'activation.json', 'activation.npy', 'activation_samples.txt', 'calibration.json',
           'config.json', 'data_mean.npy', 'data_std.npy', 'labels.txt', 'model.keras', 'novelty.npz')


@pytest.fixture(scope='session')
def shipped(small_data, trained, tmp_path_factory):
    """A folder as pretrained/ is, of the network of `trained`."""
    import activation
    run, folder = tmp_path_factory.mktemp('shipped') / 'run', tmp_path_factory.mktemp('shipped') / 'pretrained'
    damaged_copy(trained, run)
    assert stage(activation, small_data, run) == 0
    folder.mkdir()
    for name in SHIPPED[1:]:
        shutil.copy(run / name, folder)
    np.save(folder / 'activation.npy', np.load(run / 'activation.npy').astype(np.float16))
    (folder / 'PROVENANCE.md').write_text('no network to use\n')
    return folder


@pytest.fixture
def fails(capfd):
    """A function that runs a stage, expects it to fail with one line on stderr, and returns that line."""
    def run_failing(script, data, run, *arguments):
        capfd.readouterr()
        try:
            status = stage(script, data, run, *arguments)
        except SystemExit as error:  # argparse's
            status = error.code
        error = capfd.readouterr().err
        assert status not in (0, None)
        assert 'Traceback' not in error
        assert ': error: ' in error.splitlines()[-1], error
        assert error.count(': error: ') == 1
        return error.splitlines()[-1]
    return run_failing


# What runs as a process of its own, and what is left behind.

ROOT = Path(__file__).parent.parent


def run_python(*arguments, max_file_bytes=None, **options):
    """Run Python in a process of its own; no file may grow beyond `max_file_bytes`, which is how a full disk looks."""
    limit = max_file_bytes and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (max_file_bytes, max_file_bytes)))
    return subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, timeout=120,
                          preexec_fn=limit, **{'cwd': ROOT} | options)


def error_line(stderr, *words):
    """The one line of an expected error, progress left aside; each of `words` stands in it."""
    lines = [line for line in stderr.splitlines() if not re.match(r'[\w ]+: +\d+%', line)]
    assert len(lines) == 1, stderr
    assert re.match(r'\w+\.py: error: ', lines[0]), stderr
    for word in words:
        assert str(word) in lines[0], f'{word!r} is not in {lines[0]!r}'
    return lines[0]


def contents(folder):
    """Every file under `folder`, hidden ones too: relative path -> bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob('*') if path.is_file()}


def mtimes(folder, pattern='*'):
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns
            for path in Path(folder).rglob(pattern) if path.is_file()}


def copy_aged(source, target):
    """Copy a folder, all files 100 s older than they were: what is written from now on is newer."""
    shutil.copytree(source, target)
    for path in Path(target).rglob('*'):
        if path.is_file():
            stat = path.stat()
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns - 100 * 10**9))
    return Path(target)
