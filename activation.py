"""Stage 5: the activations of the second-to-last layer (fc2) for every note of a split.

Reads RUN/model.keras, the lists and spectra of DATA. Writes RUN/activation.npy, float32 of shape (n_notes, 256),
RUN/activation_samples.txt, whose line i names the note of row i, and RUN/activation.json, which model made them.
"""

from deepdream.artifacts import SPLITS, run_path, save_json, save_npy, save_text
from deepdream.command_line import command, parser


@command
def main(argv=None):
    options = parser(__doc__.splitlines()[0], 'data', 'run')
    options.add_argument('--labels', default='labels.txt', help='the labels, one a line')
    options.add_argument('--split', default='test', choices=SPLITS, help='whose activations to compute')
    args = options.parse_args(argv)

    from deepdream.inference import get_activation
    from deepdream.run_folder import model_digest, open_run
    model, provider = open_run(args.run, args.data, args.labels, [args.split])
    activation = get_activation(model, provider, args.split)
    save_text(run_path(args.run, 'activation_samples.txt', args.split),
              ''.join(f'{note}\n' for note in provider.notes[args.split]))
    path = run_path(args.run, 'activation.npy', args.split)
    save_npy(path, activation)
    save_json(run_path(args.run, 'activation.json', args.split), {'model': model_digest(args.run)})
    n_dead = int((activation.max(axis=0) <= 0).sum())
    print(f'{path}: {activation.shape[0]:,} notes x {activation.shape[1]} neurons; no note excites {n_dead} of them')


if __name__ == '__main__':
    raise SystemExit(main())
