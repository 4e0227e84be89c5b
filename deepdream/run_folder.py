"""What RUN holds, opened and checked: the model, the data that fit it, the activations."""

import hashlib
import os
import sys
from pathlib import Path

import numpy as np

from deepdream.artifacts import BadInput, load_json, load_lines, load_npy, require, run_path
from deepdream.spectrum import check_settings, with_version

PRETRAINED = Path(__file__).resolve().parents[1] / 'pretrained'  # the network that comes with the repository


def choose_run(run, script):
    """Return the folder of a trained network: `run`; without one, ``run`` if it holds a model, else PRETRAINED.

    Says on stderr when it is PRETRAINED. Raises FileNotFoundError where there is no model; a `run` that is given never
    gives way to another.
    """
    chosen, pretrained = Path('run') if run is None else run, as_shown(PRETRAINED)
    if (chosen / 'model.keras').exists():
        return chosen
    if run is not None:
        raise FileNotFoundError(f'{run}/model.keras is missing: run `python train.py` first, '
                                f'or give --run {pretrained}')
    if not (pretrained / 'model.keras').exists():
        raise FileNotFoundError(f'run/model.keras is missing, and so is {pretrained}/model.keras: '
                                'run `python train.py` first, or give the --run of a trained network')
    print(f'{script}: no run/model.keras here, so the network is {pretrained}/', file=sys.stderr)
    return pretrained


def is_pretrained(run):
    """Whether a folder is the one that comes with the repository."""
    return run.resolve() == PRETRAINED


def as_shown(folder):
    """Return the path of a folder from the current one, where it lies in that."""
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


def check_writable(run, name):
    """Raise PermissionError where RUN/{name}/ cannot be written, before the work of a minute is lost."""
    folder = run / name if (run / name).exists() else run
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f'{run / name}/ cannot be written: copy {run}/ to where you may write, '
                              'and give the copy as --run')


def model_digest(run):
    """Return a digest of RUN/model.keras."""
    return hashlib.sha256(require(Path(run) / 'model.keras', 'train.py').read_bytes()).hexdigest()[:16]


def check_model(run, path, digest, made_by):
    """Raise BadInput unless `digest`, which `path` holds, is that of RUN/model.keras: the rest would be mixed up."""
    if digest != model_digest(run):
        raise BadInput(f'{path} is of another model than {run}/model.keras: run `python {made_by}` again')


def check_version(path, version, expected, made_by):
    """Raise BadInput unless `path` was made by this version of its stage: the numbers in it mean something else."""
    if version != expected:
        raise BadInput(f'{path} has version {version}, this program reads version {expected}: '
                       f'run `python {made_by}` again')


def check_stage(run, name, made_by, split):
    """Raise BadInput unless RUN/{name}, which a stage writes last, names the model that is there now."""
    path, made_by = run_path(run, name, split), made_by + (f' --split {split}' if split != 'test' else '')
    check_model(run, path, load_json(path, made_by).get('model'), made_by)


def open_config(run):
    """Return the content of RUN/config.json; BadInput where the spectra of the training were not today's."""
    config = load_json(run / 'config.json', 'train.py', labels=list, signal=dict)
    check_settings(with_version(config['signal']), run / 'config.json', 'train.py --replace')
    return config


def open_model(run):
    """Return (content of config.json, keras.Model) of a run; BadInput as in `open_config`, or where they do not fit."""
    config = open_config(run)
    require(run / 'model.keras', 'train.py')
    from model import load_model
    model = load_model(run / 'model.keras')
    if model.output_shape != (None, len(config['labels'])):
        raise BadInput(f'{run}/model.keras has outputs of shape {model.output_shape}, but config.json has '
                       f'{len(config["labels"])} labels: it belongs to another run, so run `python train.py --replace`')
    return config, model


def open_run(run, data, labels, splits):
    """Return (keras.Model, DataProvider with the run's statistics), as `open_model` and `open_data` do.

    `run` is a Path. The model gives logits (batch, n_labels) for the batches of the provider.

    >>> model, provider = open_run(Path('run'), 'data', 'labels.txt', ['test'])
    >>> model.output_shape == (None, provider.n_labels), list(provider.notes)
    (True, ['test'])
    """
    config, model = open_model(run)
    return model, open_data(run, config['labels'], data, labels, splits)


def open_data(run, trained_labels, data, labels, splits):
    """Return the DataProvider of a run's network, which was trained on `trained_labels`, with the run's statistics.

    `labels` is the path of labels.txt. Raises BadInput where the data do not fit the model, or the first of `splits`
    has no notes.
    """
    from data_provider import prepare_data
    provider = prepare_data(data, labels, splits, statistics=run)
    if provider.labels != trained_labels:
        raise BadInput(f'{run}/model.keras was trained on the labels {", ".join(trained_labels)}, '
                       f'{labels} has {", ".join(provider.labels)}: give the --labels of the training '
                       f'({run}/labels.txt), or train again')
    if not provider.n_notes(splits[0]):
        raise BadInput(f'{data}: the {splits[0]} split has no usable notes: choose another --split')
    return provider


def load_activation(run, split='test'):
    """Return (names of the notes, activation (n_notes, 256)) of a split; BadInput where another model made them."""
    listed, made_by = run_path(run, 'activation_samples.txt', split), f'activation.py --split {split}'
    notes = load_lines(listed, made_by)
    if not notes:
        raise BadInput(f'{listed} names no note: run `python {made_by}` again')
    check_stage(run, 'activation.json', 'activation.py', split)
    return notes, load_rows(run_path(run, 'activation.npy', split), made_by, len(notes))


def load_rows(path, made_by, n_notes):
    """Return the float32 array (n_notes, ...) in `path`; BadInput where it is of other notes or not finite."""
    array = load_npy(path, made_by).astype(np.float32, copy=False)
    if array.ndim != 2 or len(array) != n_notes or not np.isfinite(array).all():
        raise BadInput(f'{path} of shape {array.shape} is not finite, or no table of {n_notes} rows, '
                       f'one per line of activation_samples.txt: run `python {made_by}` again')
    return array
