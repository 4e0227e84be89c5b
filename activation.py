"""Stage 5: what the second-to-last layer (fc2) answers to every note of a split.

Reads RUN/model.keras, the lists and spectra of DATA; writes RUN/activation.npy, float32 of shape (n_notes, 256), and
RUN/activation_samples.txt, whose line i names the note of row i, and RUN/activation.json, which model it is of.
"""

import numpy as np

from artifacts import (
    BadInput,
    check_stage,
    command,
    load_lines,
    load_npy,
    model_digest,
    parser,
    progress,
    run_path,
    save_json,
    save_npy,
    save_text,
)


def get_activation(model, provider, split, order=None):
    """Return fc2 of every note in list order, or of the notes whose numbers `order` holds: float32 (n_notes, 256)."""
    from data_provider import name_damaged_files
    from model import get_last_minus_one
    fc2 = get_last_minus_one(model)
    activation = np.empty((provider.n_notes(split) if order is None else len(order), fc2.output_shape[1]), np.float32)
    done = 0
    with progress(total=len(activation), description=f'{split} notes') as bar, name_damaged_files():
        for spectra, _ in provider.dataset(split, order):
            activation[done:done + len(spectra)] = fc2.predict_on_batch(spectra)
            done += len(spectra)
            bar.update(len(spectra))
    return activation


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
    array = load_npy(path, made_by).astype(np.float32)
    if array.ndim != 2 or len(array) != n_notes or not np.isfinite(array).all():
        raise BadInput(f'{path} of shape {array.shape} is not finite, or no table of {n_notes} rows, '
                       f'one per line of activation_samples.txt: run `python {made_by}` again')
    return array


@command
def main(argv=None):
    options = parser(__doc__.splitlines()[0], 'data', 'run')
    options.add_argument('--labels', default='labels.txt', help='the labels, one a line')
    options.add_argument('--split', default='test', choices=['train', 'valid', 'test'])
    args = options.parse_args(argv)

    from evaluate import open_run
    model, provider = open_run(args, [args.split])
    activation = get_activation(model, provider, args.split)
    save_text(run_path(args.run, 'activation_samples.txt', args.split),
              ''.join(f'{note}\n' for note in provider.notes[args.split]))
    path = run_path(args.run, 'activation.npy', args.split)
    save_npy(path, activation)
    save_json(run_path(args.run, 'activation.json', args.split), {'model': model_digest(args.run)})
    n_dead = int((activation.max(axis=0) <= 0).sum())
    print(f'{path}: {activation.shape[0]:,} notes x {activation.shape[1]} neurons, {n_dead} of them answer to none')


if __name__ == '__main__':
    raise SystemExit(main())
