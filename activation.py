"""Stage 5: the activations of the second-to-last layer (fc2) for every note of a split.

Reads RUN/model.keras, the lists and spectra of DATA. Writes RUN/activation.npy, float32 of shape (n_notes, 256),
RUN/activation_samples.txt, whose line i names the note of row i, and RUN/activation.json, which model made them.
"""

from deepdream.artifacts import SPLITS, run_path, save_json, save_npy, save_text
from deepdream.cluster import scheduler
from deepdream.command_line import command, end, parser


def activate(data, run, labels, split, on_workers):
    """Write and describe the activations of a split; `on_workers` lets joblib's workers compute them."""
    from deepdream.inference import get_activation, get_activation_in_chunks
    from deepdream.run_folder import model_digest, open_run
    model, provider = open_run(run, data, labels, [split])
    activation = (get_activation_in_chunks(run, provider, split) if on_workers
                  else get_activation(model, provider, split))
    save_text(run_path(run, 'activation_samples.txt', split), ''.join(f'{note}\n' for note in provider.notes[split]))
    path = run_path(run, 'activation.npy', split)
    save_npy(path, activation)
    save_json(run_path(run, 'activation.json', split), {'model': model_digest(run)})
    n_dead = int((activation.max(axis=0) <= 0).sum())
    print(f'{path}: {activation.shape[0]:,} notes x {activation.shape[1]} neurons; no note excites {n_dead} of them')


@command
def main(argv=None):
    options = parser(__doc__.splitlines()[0], 'data', 'run', 'scheduler')
    options.add_argument('--labels', default='labels.txt', help='the labels, one a line')
    options.add_argument('--split', default='test', choices=SPLITS, help='whose activations to compute')
    args = options.parse_args(argv)
    with scheduler(args.scheduler, args.data, args.run) as (data, run):
        activate(data, run, args.labels, args.split, on_workers=args.scheduler is not None)


if __name__ == '__main__':
    end(main())
