"""Stage 3: train the network on the train split, keep the model that does best on the whole valid split, or the last.

Reads the lists, spectra and statistics of DATA; writes RUN/model.keras, RUN/history.csv, RUN/config.json, copies of
the labels and statistics, TensorBoard logs and, in the end, RUN/calibration.json and RUN/novelty.npz. Killed at any
time and started again, it goes on from the last validation and ends with the same model.
"""

import functools
import hashlib
import json
import platform
import shutil
from importlib.metadata import version

import numpy as np

from deepdream import spectrum
from deepdream.artifacts import BadInput, atomic, load_json, save_csv, save_json, save_npy, save_text
from deepdream.command_line import at_least, command, parser, progress, random_seed

HISTORY = ('step', 'learning_rate', 'train_loss', 'train_accuracy', 'valid_loss', 'valid_accuracy')
TRAINING_VERSION = 1  # raise it when the same data and settings end in another model: older runs are then refused
DIGEST_BEFORE_VERSIONS = '7c960e3f2d5d31ec'  # what config.json had as 'digests.code' when it was the same as version 1


def parse_arguments(argv):
    options = parser(__doc__.splitlines()[0], 'data', 'run')
    options.add_argument('--labels', default='labels.txt', help='the labels, one a line')
    training = options.add_argument_group('training')
    training.add_argument('--network', default='tutorial', choices=['tutorial', 'harmonic'], help='see model.py')
    training.add_argument('--augmentation', action='store_true',
                          help='show the train notes at varied pitch and timbre, not as they are')
    training.add_argument('--steps', type=at_least(1), default=10_000, help='batches to train on, at most')
    training.add_argument('--batch-size', type=at_least(1), default=32, help='notes a step')
    training.add_argument('--optimizer', default='adamw', choices=['adamw', 'adam', 'sgd', 'adadelta'],
                          help='the tutorial took adadelta with --learning-rate 0.01 --schedule constant')
    training.add_argument('--learning-rate', type=at_least(1e-12, float), default=0.001, help='at its highest')
    training.add_argument('--schedule', default='cosine', choices=['cosine', 'constant'],
                          help='cosine: the learning rate falls to 0 at the last step')
    training.add_argument('--weight-decay', type=at_least(0, float), default=0.004,
                          help='of adamw: the share of each weight, times the learning rate, that a step takes away')
    training.add_argument('--class-balance', default='weights', choices=['weights', 'none'],
                          help='weights: the loss counts every label that has notes the same')
    training.add_argument('--validate-every', type=at_least(1), default=100, metavar='STEPS', help='and checkpoint')
    training.add_argument('--patience', type=at_least(1), default=20, metavar='VALIDATIONS',
                          help='stop after so many without a better one')
    training.add_argument('--keep', default='best', choices=['best', 'last'],
                          help='the model that is best on valid, or that of the last step, without early stop')
    training.add_argument('--seed', type=random_seed, default=0,
                          help='of weights and order; same seed, same result on CPUs')
    options.add_argument('--replace', action='store_true',
                         help='train anew where RUN was trained otherwise (other settings, data or code)')
    return options.parse_args(argv)


def describe_run(args, provider):
    """Return the content of config.json: all that the result depends on, for its reader and to tell runs apart."""
    data = hashlib.sha256(provider.mean.tobytes() + provider.std.tobytes())
    for split in ('train', 'valid'):
        data.update('\n'.join(provider.notes.get(split, [])).encode())
    settings = {name: value for name, value in vars(args).items() if name not in ('data', 'run', 'labels', 'replace')}
    versions = {name: version(name) for name in ('tensorflow', 'keras', 'numpy')}
    return {'version': TRAINING_VERSION, 'labels': provider.labels, 'settings': settings, 'signal': provider.signal,
            'n_train': len(provider.notes['train']), 'n_valid': len(provider.notes.get('valid', [])),
            'digests': {'data': data.hexdigest()[:16]},
            'versions': versions | {'python': platform.python_version()}}


def with_version(config):
    """Return the content of a config.json with a version, also where it was written before there were versions."""
    digests = config.get('digests')
    if not isinstance(digests, dict) or digests.get('code') != DIGEST_BEFORE_VERSIONS:
        return config
    return {'version': 1} | config | {'digests': {'data': digests.get('data')},
                                      'signal': spectrum.with_version(config['signal'])}


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


def open_run(run, config, provider, replace):
    """Make the run folder, or take up the one that is there; refuse one that was trained otherwise."""
    path = run / 'config.json'
    if path.exists() or (run / 'model.keras').exists():
        old = with_version(load_json(path, 'train.py --replace', signal=dict)) if path.exists() else {}
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


def build_model(args, provider):
    """Return a compiled, untrained model."""
    from deepdream.backend import GPUS, keras
    from deepdream.spectrum import EPSILON
    from model import get_model
    rate = args.learning_rate
    if args.schedule == 'cosine':
        rate = keras.optimizers.schedules.CosineDecay(rate, args.steps)
    optimizer = {'adamw': functools.partial(keras.optimizers.AdamW, weight_decay=args.weight_decay),
                 'adam': keras.optimizers.Adam, 'sgd': keras.optimizers.SGD,
                 'adadelta': keras.optimizers.Adadelta}[args.optimizer](rate)
    model = get_model(provider.n_labels, args.network, provider.mean, provider.std + EPSILON)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=['accuracy'],
                  jit_compile=bool(GPUS))  # on CPUs XLA is slower: 62 ms against 52
    return model


def set_up_devices(seed):
    """Seed and make deterministic; return the strategy: all GPUs, in mixed precision, or the CPU."""
    from deepdream.backend import GPUS, keras, tf
    keras.utils.set_random_seed(seed)
    if not GPUS:
        tf.config.experimental.enable_op_determinism()
        return tf.distribute.get_strategy()
    keras.mixed_precision.set_global_policy('mixed_float16')
    return tf.distribute.MirroredStrategy() if len(GPUS) > 1 else tf.distribute.get_strategy()


def note_order(n_notes, seed, start, count):
    """Return the numbers of the notes `start` to `start + count` of an endless sequence of shuffled epochs.

    It depends on nothing else, so that a training that goes on sees what it would have seen.
    """
    epochs = range(start // n_notes, (start + count - 1) // n_notes + 1)
    sequence = np.concatenate([np.random.default_rng([seed, epoch]).permutation(n_notes) for epoch in epochs])
    return sequence[start % n_notes:][:count]


def class_weights(class_indices, n_labels):
    """Return {class index: weight} with which all labels that have notes count the same and notes 1 on average."""
    counts = np.bincount(class_indices, minlength=n_labels)
    weights = counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return {index: float(weight) for index, weight in enumerate(weights)}


def seed_dropouts(model, args, start):
    """Give each dropout the part of the random sequence that is its own from the step `start` on.

    A checkpoint is without their state; seeded alike, all of them would hide the same units.
    """
    from deepdream.backend import keras
    dropouts = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    for number, layer in enumerate(dropouts):
        layer.seed_generator.state.assign([args.seed, number * args.steps + start])


def train_round(model, provider, args, start, bar):
    """Train up to the next validation; return a row of the history."""
    from data_provider import name_damaged_files
    from deepdream.augmentation import draw
    from deepdream.backend import keras

    class Bar(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            bar.update(1)
            if batch % 10 == 0:
                bar.set_postfix(loss=f'{logs["loss"]:.3f}', accuracy=f'{logs["accuracy"]:.3f}', refresh=False)

    n_steps = min(args.validate_every, args.steps - start)
    first, count = start * args.batch_size, n_steps * args.batch_size
    order = note_order(provider.n_notes('train'), args.seed, first, count)
    variation = draw(count, args.seed, first) if args.augmentation else None
    weights = (class_weights(provider.class_indices['train'], provider.n_labels)
               if args.class_balance == 'weights' else None)
    seed_dropouts(model, args, start)
    with name_damaged_files():
        train = model.fit(provider.dataset('train', order, variation), class_weight=weights, shuffle=False, verbose=0,
                          callbacks=[Bar()]).history
    row = {'step': start + n_steps, 'learning_rate': float(model.optimizer.learning_rate),
           'train_loss': train['loss'][0], 'train_accuracy': train['accuracy'][0]}
    if provider.notes.get('valid'):
        with name_damaged_files():
            valid = model.evaluate(provider.dataset('valid'), return_dict=True, verbose=0)
        row |= {'valid_loss': valid['loss'], 'valid_accuracy': valid['accuracy']}
    if not np.isfinite([*row.values(), *(np.sum(weight) for weight in model.get_weights())]).all():
        raise BadInput(f'at step {row["step"]} the loss is {row["train_loss"]:g} and not all weights are finite: '
                       f'give a --learning-rate below {args.learning_rate:g}, and --replace')
    return row


def merit(row, keep='best'):
    """What the kept model has most of: valid accuracy, then less loss; steps without a valid split or for the last."""
    by_valid = keep == 'best' and 'valid_accuracy' in row
    return (row['valid_accuracy'], -row['valid_loss']) if by_valid else (row['step'], 0)


def is_finished(history, args):
    best = max(range(len(history)), key=lambda i: merit(history[i], args.keep))
    return history[-1]['step'] >= args.steps or len(history) - 1 - best >= args.patience


def train(args, provider):
    """Train, or go on, until the last step or early stop; return the history."""
    from deepdream.backend import tf
    from model import load_model
    state = load_state(args.run)
    history = state['history']
    if state['finished']:
        print(f'{args.run} is trained already: nothing to do')
        return history
    with set_up_devices(args.seed).scope():
        model = (load_model(args.run / 'checkpoint' / state['file'], compile=True) if state['file']
                 else build_model(args, provider))
    if history:
        print(f'going on from step {history[-1]["step"]:,}')
    board = tf.summary.create_file_writer(str(args.run / 'tensorboard'))
    with progress(total=args.steps, initial=history[-1]['step'] if history else 0,
                  description='training', unit='step') as bar:
        while not state['finished']:
            row = train_round(model, provider, args, history[-1]['step'] if history else 0, bar)
            if not history or merit(row, args.keep) > max(merit(earlier, args.keep) for earlier in history):
                with atomic(args.run / 'model.keras') as temporary:
                    model.save(temporary)
            history.append(row)
            state['finished'] = is_finished(history, args)
            save_state(args.run, model, history, state['finished'])
            with board.as_default(step=row['step']):
                for name in HISTORY[1:]:
                    if name in row:
                        tf.summary.scalar(name, row[name])
            bar.write(' '.join(f'{name} {row[name]:.4g}' for name in HISTORY if name in row))
    return history


@command
def main(argv=None):
    args = parse_arguments(argv)
    from data_provider import prepare_data
    from deepdream.calibration import calibrate
    from deepdream.novelty import measure_novelty
    provider = prepare_data(args.data, args.labels, batch_size=args.batch_size)
    if not provider.n_notes('train'):
        raise BadInput(f'{args.data}: the train split has no usable notes: add some, run stages 1 and 2 again')
    if not provider.notes.get('valid'):
        print('no valid split: no early stop, and the last model is kept instead of the best')
    open_run(args.run, describe_run(args, provider), provider, args.replace)
    history = train(args, provider)
    best = max(history, key=lambda row: merit(row, args.keep))
    print(f'{args.run}/model.keras: step {best["step"]:,}'
          + (f', accuracy on valid {best["valid_accuracy"]:.1%}' if 'valid_accuracy' in best else ''))
    calibrate(args.run, provider)
    measure_novelty(args.run, provider)


if __name__ == '__main__':
    raise SystemExit(main())
