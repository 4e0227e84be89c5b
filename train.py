"""Stage 3: train the network on the train split, keep the last model, or the one that does best on the valid split.

Reads the lists, spectra and statistics of DATA; writes RUN/model.keras, RUN/history.csv, RUN/config.json, copies of
the labels and statistics, TensorBoard logs and, in the end, RUN/calibration.json and RUN/novelty.npz. Killed at any
time and started again, it goes on from the last validation and ends with the same model.
"""

import argparse
import functools
from dataclasses import fields
from pathlib import Path

import numpy as np

from deepdream.artifacts import BadInput, atomic
from deepdream.command_line import at_least, command, end, parser, progress, random_seed, share_below_one
from deepdream.notes import instrument_indices
from deepdream.training_run import (
    HISTORY,
    TrainingSettings,
    describe_network,
    describe_run,
    load_state,
    save_state,
    start_run,
)


def parse_arguments(argv):
    options = parser(__doc__.splitlines()[0], 'data', 'run')
    options.add_argument('--labels', default='labels.txt', help='the labels, one a line')
    training = options.add_argument_group('training')
    training.add_argument('--network', default='harmonic', choices=['harmonic', 'tutorial'], help='see model.py')
    training.add_argument('--augmentation', action=argparse.BooleanOptionalAction, default=True,
                          help='vary the train notes, see deepdream/augmentation.py, or show them as they are')
    training.add_argument('--steps', type=at_least(1), default=20_000, help='batches to train on, at most')
    training.add_argument('--batch-size', type=at_least(1), default=32, help='notes a step')
    training.add_argument('--optimizer', default='adamw', choices=['adamw', 'adam', 'sgd', 'adadelta'],
                          help='the tutorial took adadelta with --learning-rate 0.01 --schedule constant')
    training.add_argument('--learning-rate', type=at_least(1e-12, float), default=0.001, help='at its highest')
    training.add_argument('--schedule', default='cosine', choices=['cosine', 'constant'],
                          help='cosine: the learning rate falls to 0 at the last step')
    training.add_argument('--weight-decay', type=at_least(0, float), default=0.3,
                          help='of adamw: the share of each weight, times the learning rate, that a step takes away')
    training.add_argument('--balance', default='instruments', choices=['instruments', 'weights', 'none'],
                          help='instruments: draw every label as often, and within it instruments of many notes little '
                               'more often; weights: the loss counts every label the same; none: notes as they come')
    training.add_argument('--label-smoothing', type=share_below_one, default=0.1, metavar='SHARE',
                          help='the probability that the targets share out evenly among all labels')
    training.add_argument('--validate-every', type=at_least(1), default=250, metavar='STEPS',
                          help='validate and write a checkpoint after so many steps')
    training.add_argument('--patience', type=at_least(1), default=20, metavar='VALIDATIONS',
                          help='stop after so many validations without a better model')
    training.add_argument('--keep', default='last', choices=['best', 'last'],
                          help='the model that is best on valid, or that of the last step, without early stop')
    training.add_argument('--seed', type=random_seed, default=0,
                          help='of all that is random; on CPUs, the same seed gives the same model')
    options.add_argument('--outliers', nargs='+', type=Path, default=[], metavar='SOUND',
                         help='sound files, or folders with them, of no label (drums, effects, speech): predict.py '
                              'then finds such sounds out of distribution; the network does not learn from them')
    options.add_argument('--replace', action='store_true',
                         help='train anew where RUN was trained otherwise (other settings, data or code)')
    return options.parse_args(argv)


def build_model(settings, provider):
    """Return a compiled, untrained model, on all GPUs or on the CPU."""
    from deepdream.backend import GPUS, keras
    from deepdream.spectrum import EPSILON
    from model import get_model
    rate = settings.learning_rate
    if settings.schedule == 'cosine':
        rate = keras.optimizers.schedules.CosineDecay(rate, settings.steps)
    optimizer = {'adamw': functools.partial(keras.optimizers.AdamW, weight_decay=settings.weight_decay),
                 'adam': keras.optimizers.Adam, 'sgd': keras.optimizers.SGD,
                 'adadelta': keras.optimizers.Adadelta}[settings.optimizer](rate)
    model = get_model(provider.n_labels, settings.network, provider.mean, provider.std + EPSILON)
    on_several = strategy().num_replicas_in_sync > 1
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = on_several  # statistics over the whole batch, as on one device
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=settings.label_smoothing)
    accuracy = keras.metrics.CategoricalAccuracy('accuracy')  # for one label Keras' own is that of a yes-no question
    model.compile(optimizer, loss, metrics=[accuracy],
                  jit_compile=bool(GPUS) and not on_several)  # XLA fails on several, and is slower on CPUs: 62 ms to 52
    return faster(model)


def faster(model):
    """Have XLA compute the bands of the harmonic network on the CPU: 6 ms a batch instead of 19."""
    from deepdream.backend import GPUS, tf
    if not GPUS and any(layer.name == 'bands' for layer in model.layers):
        bands = model.get_layer('bands')
        bands.call = tf.function(bands.call, jit_compile=True)
    return model


def with_targets(dataset, n_labels):
    """(spectra, class indices) batches -> (spectra, probabilities (batch, n_labels)), which label smoothing takes."""
    from deepdream.backend import tf
    return dataset.map(lambda spectra, class_indices: (spectra, tf.one_hot(class_indices, n_labels)))


def set_up_devices(seed):
    """Seed; make the CPU deterministic, or have GPUs compute in mixed precision."""
    from deepdream.backend import GPUS, keras, tf
    keras.utils.set_random_seed(seed)
    if GPUS:
        keras.mixed_precision.set_global_policy('mixed_float16')
    else:
        tf.config.experimental.enable_op_determinism()


@functools.cache
def strategy():
    """Return the strategy of the training: all GPUs, or the one device that there is."""
    from deepdream.backend import GPUS, tf
    return tf.distribute.MirroredStrategy() if len(GPUS) > 1 else tf.distribute.get_strategy()


def check_batch_size(batch_size, n_devices):
    """Raise BadInput where a batch cannot be shared out evenly: TensorFlow fails with a device that gets no note."""
    if batch_size % n_devices:
        raise BadInput(f'--batch-size {batch_size} cannot be shared evenly by {n_devices} GPUs: give a multiple of '
                       f'{n_devices}, or name fewer GPUs, as in CUDA_VISIBLE_DEVICES=0')


def on_one_device(model):
    """Return the model, or a copy on one device of one that lies on several.

    The last batch of valid may be too small for all of them, with which TensorFlow fails.
    """
    from deepdream.backend import keras
    if strategy().num_replicas_in_sync == 1:
        return model
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.compile_from_config(model.get_compile_config())
    return copy


def note_order(n_notes, seed, start, count, chances=None):
    """Return the numbers of the notes `start` to `start + count` of an endless sequence.

    It is of shuffled epochs; or, with `chances` (n_notes,), notes are drawn, from each `start` on anew. It depends on
    nothing else, so that a training that goes on sees what it would have seen.
    """
    if chances is not None:
        return np.random.default_rng([seed, start]).choice(n_notes, count, p=chances)
    epochs = range(start // n_notes, (start + count - 1) // n_notes + 1)
    sequence = np.concatenate([np.random.default_rng([seed, epoch]).permutation(n_notes) for epoch in epochs])
    return sequence[start % n_notes:][:count]


def note_chances(notes, class_indices):
    """Return the chances (n,) with which to draw notes: the same for every label.

    Within a label that of an instrument grows with the square root of its notes.
    """
    instruments = instrument_indices(notes)
    chances = np.bincount(instruments)[instruments] ** -0.5
    chances /= np.bincount(class_indices, chances)[class_indices]
    return chances / chances.sum()


def class_weights(class_indices, n_labels):
    """Return {class index: weight} with which all labels that have notes count the same and notes 1 on average."""
    counts = np.bincount(class_indices, minlength=n_labels)
    weights = counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return {index: float(weight) for index, weight in enumerate(weights)}


def seed_dropouts(model, seed, n_steps, start):
    """Give each dropout the part of the random sequence that is its own from the step `start` of `n_steps` on.

    A checkpoint is without their state; seeded alike, all of them would hide the same units.
    """
    from deepdream.backend import keras
    dropouts = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    for number, layer in enumerate(dropouts):
        layer.seed_generator.state.assign([seed, number * n_steps + start])


def progress_callback(bar):
    """Return a Keras callback that moves a progress bar with every step."""
    from deepdream.backend import keras

    class Bar(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            bar.update(1)
            if batch % 10 == 0:
                bar.set_postfix(loss=f'{logs["loss"]:.3f}', accuracy=f'{logs["accuracy"]:.3f}', refresh=False)

    return Bar()


def train_round(model, provider, settings, chances, start, bar):
    """Train from the step `start` up to the next validation; return a row of the history.

    `chances` (n_notes,), or None, are those of `note_order`.
    """
    from deepdream.augmentation import draw_variations
    from deepdream.pipeline import name_damaged_files
    n_steps = min(settings.validate_every, settings.steps - start)
    first, count = start * settings.batch_size, n_steps * settings.batch_size
    order = note_order(provider.n_notes('train'), settings.seed, first, count, chances)
    variations = draw_variations(count, settings.seed, first) if settings.augmentation else None
    weights = (class_weights(provider.class_indices['train'], provider.n_labels)
               if settings.balance == 'weights' and provider.n_labels > 1 else None)  # Keras fails with one
    seed_dropouts(model, settings.seed, settings.steps, start)
    with name_damaged_files():
        batches = with_targets(provider.dataset('train', order, variations), provider.n_labels)
        train = model.fit(batches, class_weight=weights, shuffle=False, verbose=0,
                          callbacks=[progress_callback(bar)]).history
    row = {'step': start + n_steps, 'learning_rate': float(model.optimizer.learning_rate),
           'train_loss': train['loss'][0], 'train_accuracy': train['accuracy'][0]}
    if provider.notes.get('valid'):
        with name_damaged_files():
            batches = with_targets(provider.dataset('valid'), provider.n_labels)
            valid = on_one_device(model).evaluate(batches, return_dict=True, verbose=0)
        row |= {'valid_loss': valid['loss'], 'valid_accuracy': valid['accuracy']}
    if not all(np.isfinite(numbers).all() for numbers in (list(row.values()), *model.get_weights())):
        raise BadInput(f'at step {row["step"]} the loss is {row["train_loss"]:g} and not all weights are finite: '
                       f'give a --learning-rate below {settings.learning_rate:g}, and --replace')
    return row


def merit(row, keep='best'):
    """What the kept model has most of: valid accuracy, then less loss; steps without a valid split or for the last."""
    by_valid = keep == 'best' and 'valid_accuracy' in row
    return (row['valid_accuracy'], -row['valid_loss']) if by_valid else (row['step'], 0)


def is_finished(history, settings):
    best = max(range(len(history)), key=lambda i: merit(history[i], settings.keep))
    return history[-1]['step'] >= settings.steps or len(history) - 1 - best >= settings.patience


def log_row(board, row):
    """Write a row of the history to TensorBoard."""
    from deepdream.backend import tf
    with board.as_default(step=row['step']):
        for name in HISTORY[1:]:
            if name in row:
                tf.summary.scalar(name, row[name])


def train(run, provider, model, settings):
    """Train a model, or go on with its checkpoint, until the last step or early stop; return the history."""
    from deepdream.backend import tf
    from model import load_model
    state = load_state(run)
    history = state['history']
    if state['finished']:
        print(f'{run} is trained already: nothing to do')
        return history
    if state['file']:
        with strategy().scope():
            model = faster(load_model(run / 'checkpoint' / state['file'], compile=True))
    start = history[-1]['step'] if history else 0
    if history:
        print(f'going on from step {start:,}')
    chances = (note_chances(provider.notes['train'], provider.class_indices['train'])
               if settings.balance == 'instruments' else None)
    board = tf.summary.create_file_writer(str(run / 'tensorboard'))
    with progress(total=settings.steps, initial=start, description='training', unit='step') as bar:
        while not state['finished']:
            row = train_round(model, provider, settings, chances, history[-1]['step'] if history else 0, bar)
            if not history or merit(row, settings.keep) > max(merit(earlier, settings.keep) for earlier in history):
                with atomic(run / 'model.keras') as temporary:
                    model.save(temporary)
            history.append(row)
            state['finished'] = is_finished(history, settings)
            save_state(run, model, history, state['finished'])
            log_row(board, row)
            bar.write(' '.join(f'{name} {row[name]:.4g}' for name in HISTORY if name in row))
    return history


@command
def main(argv=None):
    args = parse_arguments(argv)
    from data_provider import prepare_data
    from deepdream.calibration import write_calibration
    from deepdream.novelty import write_novelty
    settings = TrainingSettings(**{field.name: getattr(args, field.name) for field in fields(TrainingSettings)})
    provider = prepare_data(args.data, args.labels, batch_size=args.batch_size)
    if not provider.n_notes('train'):
        raise BadInput(f'{args.data}: the train split has no usable notes: add some, run stages 1 and 2 again')
    if args.keep == 'best' and not provider.notes.get('valid'):
        print('no valid split: no early stop, and the last model is kept instead of the best')
    set_up_devices(settings.seed)
    check_batch_size(settings.batch_size, strategy().num_replicas_in_sync)
    with strategy().scope():
        model = build_model(settings, provider)
    start_run(args.run, describe_run(settings, provider, describe_network(model)), provider, args.replace)
    history = train(args.run, provider, model, settings)
    best = max(history, key=lambda row: merit(row, args.keep))
    print(f'{args.run}/model.keras: step {best["step"]:,}'
          + (f', accuracy on valid {best["valid_accuracy"]:.1%}' if 'valid_accuracy' in best else ''))
    write_calibration(args.run, provider)
    write_novelty(args.run, provider, args.outliers)


if __name__ == '__main__':
    end(main())
