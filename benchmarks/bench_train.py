"""How close training from files comes to training on one batch held in memory; both run in turn.

    python benchmarks/bench_train.py [--data data] [--steps 200] [--repeat 5]

Prints the time of a step and the ratio of the speeds, which train.py wants above 85 %.
"""

import argparse
import sys
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from data_provider import prepare_data
from model import GPUS, get_model, keras, tf
from train import note_order


def compiled_model(n_labels):
    model = get_model(n_labels)
    model.compile(keras.optimizers.AdamW(0.001), keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                  metrics=['accuracy'], jit_compile=bool(GPUS))
    return model


def milliseconds(function, n_steps):
    start = time.perf_counter()
    function()
    return 1000 * (time.perf_counter() - start) / n_steps


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('--data', type=Path, default='data')
    options.add_argument('--steps', type=int, default=200)
    options.add_argument('--repeat', type=int, default=5)
    args = options.parse_args()

    provider = prepare_data(args.data)
    model = compiled_model(provider.n_labels)
    without_autotune = tf.data.Options()
    without_autotune.autotune.enabled = False  # as in DataProvider.dataset
    memory = tf.data.Dataset.from_tensors(provider.get_random_batch('train')).repeat(args.steps)
    memory = memory.with_options(without_autotune)
    order = note_order(provider.n_notes('train'), 0, 0, args.steps * provider.batch_size)
    files = provider.dataset('train', order)
    for warm_up in (memory, files):
        model.fit(warm_up.take(5), verbose=0)

    rows = []
    for _ in range(args.repeat):
        rows.append((milliseconds(lambda: model.fit(memory, verbose=0), args.steps),
                     milliseconds(lambda: model.fit(files, verbose=0), args.steps),
                     milliseconds(lambda: files.reduce(0, lambda n, _: n + 1), args.steps)))
        print('one batch in memory {:.1f} ms a step, from files {:.1f}; reading alone {:.1f}'.format(*rows[-1]))
    in_memory, from_files, reading = (median(column) for column in zip(*rows, strict=True))
    print(f'{len(GPUS)} GPUs; training from files runs at {in_memory / from_files:.0%} of the speed in memory; '
          f'reading alone would take {reading / in_memory:.0%} of a step')


if __name__ == '__main__':
    main()
