"""How close training from files, and from files with augmentation, comes to training on one batch in memory.

    python benchmarks/bench_train.py [--data data] [--network harmonic] [--steps 200] [--repeat 5]

They run in turn. Prints the time of a step and the ratios of the speeds, which are to be above 85 %.
"""

import argparse
import sys
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from data_provider import prepare_data
from deepdream.augmentation import draw_variations
from deepdream.backend import GPUS, keras, tf
from deepdream.spectrum import EPSILON
from model import NETWORKS, get_model
from train import faster, note_order


def compiled_model(provider, network):
    model = get_model(provider.n_labels, network, provider.mean, provider.std + EPSILON)
    model.compile(keras.optimizers.AdamW(0.001), keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                  metrics=['accuracy'], jit_compile=bool(GPUS))
    return faster(model)


def milliseconds(function, n_steps):
    start = time.perf_counter()
    function()
    return 1000 * (time.perf_counter() - start) / n_steps


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('--data', type=Path, default='data')
    options.add_argument('--network', default='harmonic', choices=NETWORKS)
    options.add_argument('--steps', type=int, default=200)
    options.add_argument('--repeat', type=int, default=5)
    args = options.parse_args()

    provider = prepare_data(args.data)
    model = compiled_model(provider, args.network)
    without_autotune = tf.data.Options()
    without_autotune.autotune.enabled = False  # as in DataProvider.dataset
    memory = tf.data.Dataset.from_tensors(provider.get_random_batch('train')).repeat(args.steps)
    memory = memory.with_options(without_autotune)
    n_notes = args.steps * provider.batch_size
    order = note_order(provider.n_notes('train'), 0, 0, n_notes)
    files = provider.dataset('train', order)
    varied = provider.dataset('train', order, draw_variations(n_notes, 0, 0))
    inputs = (memory, files, varied)
    for warm_up in inputs:
        model.fit(warm_up.take(5), verbose=0)

    rows = []
    for _ in range(args.repeat):
        rows.append([milliseconds(lambda notes=notes: model.fit(notes, verbose=0), args.steps) for notes in inputs]
                    + [milliseconds(lambda: files.reduce(0, lambda n, _: n + 1), args.steps)])
        print('one batch in memory {:.1f} ms a step, from files {:.1f}, varied {:.1f}; reading alone {:.1f}'.format(
            *rows[-1]))
    in_memory, from_files, with_augmentation, reading = (median(column) for column in zip(*rows, strict=True))
    print(f'{args.network} network, {len(GPUS)} GPUs: training from files runs at {in_memory / from_files:.0%} of the '
          f'speed in memory, with augmentation at {from_files / with_augmentation:.0%} of that without; '
          f'reading alone would take {reading / in_memory:.0%} of a step')


if __name__ == '__main__':
    main()
