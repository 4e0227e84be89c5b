"""A run that is being trained: its settings, what it depends on, its checkpoint and its history."""

import hashlib
import json
import platform
import shutil
from dataclasses import asdict, dataclass
from importlib.metadata import version

from deepdream import spectrum
from deepdream.artifacts import BadInput, atomic, load_json, save_csv, save_json, save_npy, save_text

TRAINING_VERSION = 2  # raise it when the same data and settings end in another model: older runs are then refused
TRAINING_DIGEST_BEFORE_VERSIONS = '7c960e3f2d5d31ec'  # 'digests.code' in config.json when it was as version 1
HISTORY = ('step', 'learning_rate', 'train_loss', 'train_accuracy', 'valid_loss', 'valid_accuracy')


@dataclass(frozen=True)
class TrainingSettings:
    """How to train, as train.py's options of the same names tell."""

    network: str
    augmentation: bool
    steps: int
    batch_size: int
    optimizer: str
    learning_rate: float
    schedule: str
    weight_decay: float
    balance: str
    label_smoothing: float
    validate_every: int
    patience: int
    keep: str
    seed: int


# What the result depends on.

def describe_run(settings, provider, network):
    """Return the content of config.json: all that the result depends on, for its reader and to tell runs apart.

    `network` is the digest of `describe_network`.
    """
    data = hashlib.sha256(provider.mean.tobytes() + provider.std.tobytes())
    for split in ('train', 'valid'):
        data.update('\n'.join(provider.notes.get(split, [])).encode())
    versions = {name: version(name) for name in ('tensorflow', 'keras', 'numpy')}
    return {'version': TRAINING_VERSION, 'labels': provider.labels, 'settings': asdict(settings),
            'signal': provider.signal, 'n_train': len(provider.notes['train']),
            'n_valid': len(provider.notes.get('valid', [])),
            'digests': {'data': data.hexdigest()[:16], 'network': network},
            'versions': versions | {'python': platform.python_version()}}


def describe_network(model):
    """Return a digest of a network's layers: another network in model.py is another run, whatever the version says."""
    layers = [[layer.name, type(layer).__name__, str(layer.output.shape),
               [str(weight.shape) for weight in layer.weights]] for layer in model.layers]
    return hashlib.sha256(json.dumps(layers).encode()).hexdigest()[:16]


def with_version(config, network):
    """Return the content of a config.json with a version, also where it was written before there were versions.

    `network` is the digest for one that says nothing of its network.
    """
    digests = config.get('digests')
    if 'signal' in config:
        config = config | {'signal': spectrum.with_version(config['signal'])}
    if not isinstance(digests, dict) or digests.get('code') != TRAINING_DIGEST_BEFORE_VERSIONS:
        return config
    return {'version': 1} | config | {'digests': {'data': digests.get('data'), 'network': network}}


def differences(old, new, prefix=''):
    """Return where two nested dictionaries differ, as 'settings.seed was 0, now 1'."""
    found = []
    for key in sorted({*old, *new}):
        was, now = old.get(key), new.get(key)
        if isinstance(was, dict) and isinstance(now, dict):
            found += differences(was, now, f'{prefix}{key}.')
        elif was != now:
            found.append(f'{prefix}{key} was {was}, now {now}')
    return found


def start_run(run, config, provider, replace):
    """Make the run folder, or take up the one that is there; refuse one that was trained otherwise."""
    path = run / 'config.json'
    if path.exists() or (run / 'model.keras').exists():
        old = load_json(path, 'train.py --replace', signal=dict) if path.exists() else {}
        old = with_version(old, config['digests']['network'])
        changed = differences(old | {'versions': config['versions']}, config)
        if changed and not replace:
            raise BadInput(f'{path}: this run was trained otherwise ({"; ".join(changed)}): choose another --run, '
                           'or give --replace to train it anew')
        if changed:
            shutil.rmtree(run / 'checkpoint', ignore_errors=True)
            shutil.rmtree(run / 'tensorboard', ignore_errors=True)
            for name in ('model.keras', 'history.csv', 'calibration.json', 'novelty.npz'):
                (run / name).unlink(missing_ok=True)
    save_npy(run / 'data_mean.npy', provider.mean)
    save_npy(run / 'data_std.npy', provider.std)
    save_text(run / 'labels.txt', ''.join(f'{label}\n' for label in provider.labels))
    save_json(path, config)


# The checkpoint. Keras' BackupAndRestore, EarlyStopping, ModelCheckpoint and CSVLogger do not do it: EarlyStopping
# forgets its count when the training goes on, ModelCheckpoint knows no second criterion between two models of the same
# accuracy, and none of them writes its file whole or not at all, so that a kill could leave them at different steps.

def load_state(run):
    """Return the state of the training: rows of history.csv, the checkpoint's file name, whether it is finished."""
    path = run / 'checkpoint' / 'state.json'
    if path.exists():
        state = load_json(path, 'train.py', history=list, finished=bool)
        checkpoint = path.parent / (state.get('file') or '')
        if (run / 'model.keras').exists() and state['history'] and (state['finished'] or checkpoint.is_file()):
            return state
        print(f'{run}: the best or the last model is gone: starting anew')
    return {'history': [], 'file': None, 'finished': False}


def save_state(run, model, history, finished):
    """Write a checkpoint. It counts from the moment state.json names it: a kill before leaves the one before."""
    folder = run / 'checkpoint'
    name = None if finished else f'step-{history[-1]["step"]:06}.keras'
    if name:
        with atomic(folder / name) as temporary:
            model.save(temporary)
    save_csv(run / 'history.csv', [HISTORY, *([row.get(column, '') for column in HISTORY] for row in history)])
    save_text(folder / 'state.json', json.dumps({'history': history, 'file': name, 'finished': finished}))
    for old in folder.glob('*.keras'):
        if old.name != name:
            old.unlink()
