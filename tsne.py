"""Stage 6: place the activations on a map: PCA to 50 dimensions, then t-SNE to 2 and to 3.

Reads RUN/activation.npy with its list, and the lists and spectra of DATA. Writes RUN/act_pca.npy (n, 50),
RUN/act_tsne.npy (n, 2), RUN/act_tsne_3d.npy (n, 3) and RUN/tsne.json, which measures how far to trust the maps.
From 50,000 notes on, there is an act_tsne_3d.npy only with --3d.
"""

import numpy as np

from deepdream.artifacts import BadInput, run_path, save_json, save_npy
from deepdream.command_line import at_least, command, parser, random_seed
from deepdream.embedding import DEEP_BELOW, ENGINES, MIN_NOTES, OPENTSNE_FROM, PERPLEXITY, fit_maps, fit_pca
from deepdream.map.data import VIEWS
from deepdream.metrics import PURITIES, SPACES, measure_map
from deepdream.notes import instrument_indices
from deepdream.run_folder import load_activation, model_digest
from deepdream.spectrum import N_FRAMES

FRAMES_AT_ONCE = 32  # of the spectra of all chosen notes: 131 MB as float32 for 2,000 of them


def check_spread(path, activation):
    """Raise BadInput for fewer than five notes, or where all have the same activation (n_notes, 256)."""
    if len(activation) < MIN_NOTES:
        raise BadInput(f'{path}: {len(activation)} notes are too few for a map, which takes {MIN_NOTES}: add notes, or '
                       'give another --split to `python activation.py`, `python tsne.py` and `python sound_map.py`')
    if not np.ptp(activation, axis=0).any():
        raise BadInput(f'{path}: all notes have the same activation, so that there is nothing to place: the network '
                       'has not learned; run `python train.py --replace` with other settings')


def place_spectra(provider, split, chosen):
    """Return vectors (n_chosen, n_chosen), float32, that are as far apart as the stored spectra of the chosen notes.

    They have the inner products of the spectra, which are summed over a few frames of all notes at a time: all frames
    of 2,000 spectra take 1.0 GB as float32, and three times as much while the nearest are looked for.
    """
    products = np.zeros((len(chosen), len(chosen)))
    for start in range(0, N_FRAMES, FRAMES_AT_ONCE):
        frames = slice(start, start + FRAMES_AT_ONCE)
        mean = provider.mean[frames]
        part = np.empty((len(chosen), mean.size), np.float32)
        for row, i in enumerate(chosen):
            part[row] = (provider.stored_spectrum(split, i)[frames] - mean).ravel()  # small numbers have small errors
        products += part @ part.T
    variances, axes = np.linalg.eigh(products)
    return (axes * np.sqrt(np.maximum(variances, 0))).astype(np.float32)


def open_provider(run, data, labels, split, notes):
    """Return the DataProvider of a split; BadInput where its notes are not those of the activations."""
    from data_provider import prepare_data
    provider = prepare_data(data, labels, [split], statistics=run)
    if provider.notes[split] != notes:
        raise BadInput(f'{run_path(run, "activation_samples.txt", split)} is not the list of {data} any more: '
                       f'run `python activation.py --split {split}` again')
    return provider


def table_row(title, values):
    cells = [value if isinstance(value, str) else '' if value is None else f'{value:.3f}' for value in values]
    return f'{title:14}{"".join(f"{cell:>27}" for cell in cells)}'.rstrip()


def print_quality(quality):
    """Print the figures of tsne.json, the purity among other instruments first: a row for each space, then chance."""
    titles = {name: title for name, title in PURITIES.items() if name in quality}
    print('\n' + table_row('', [*titles.values(), 'trustworthiness']))
    for space, title in SPACES.items():
        print(table_row(title, [quality[name].get(space) for name in (*titles, 'trustworthiness')]))
    print(table_row('chance', [quality[f'{name}_chance'] for name in titles]))
    for name, title in titles.items():
        whose, who = (' of other instruments', 'instrument') if name == 'purity_other_instruments' else ('', 'note')
        print(f'{title}: share of a note\'s {quality[f"{name}_k"]} nearest notes{whose} that have its label, for the '
              f'{quality[f"{name}_notes"]:,} notes whose label another {who} has')
    print(f'trustworthiness: 1 when every neighbour on the map is one in fc2 ({quality["evaluated_notes"]:,} notes)')
    print(f'PCA explains {quality["explained_variance"]:.1%} of the variance')


@command
def main(argv=None):
    options = parser(__doc__.splitlines()[0], 'data', 'run')
    options.add_argument('--labels', default='labels.txt', help='the labels, one a line')
    options.add_argument('--split', default='test', choices=['train', 'valid', 'test'],
                         help='whose notes to place')
    options.add_argument('--perplexity', type=at_least(1, float), default=PERPLEXITY,
                         help='about how many neighbours count for a note')
    options.add_argument('--components', type=at_least(3), default=50, help='dimensions of the PCA')
    options.add_argument('--engine', choices=ENGINES, default='auto',
                         help=f'library of the t-SNE; auto is opentsne from {OPENTSNE_FROM:,} notes on, and '
                              'scikit-learn below')
    options.add_argument('--3d', dest='deep', action='store_true',
                         help=f'place {DEEP_BELOW:,} notes and more in 3-D, too; fewer are without it')
    options.add_argument('--quality-notes', type=at_least(MIN_NOTES), default=2000,
                         help='drawn for the quality figures, at most')
    options.add_argument('--seed', type=random_seed, default=0)
    args = options.parse_args(argv)

    notes, activation = load_activation(args.run, args.split)
    check_spread(run_path(args.run, 'activation.npy', args.split), activation)
    chosen = np.sort(np.random.default_rng(args.seed).permutation(len(notes))[:args.quality_notes])
    provider = open_provider(args.run, args.data, args.labels, args.split, notes)
    spectra = place_spectra(provider, args.split, chosen)
    pca, explained = fit_pca(activation, args.components, args.seed)
    perplexity = min(args.perplexity, (len(notes) - 1) / 3)
    maps = fit_maps(pca, perplexity, args.seed, args.engine, args.deep)

    quality = {'model': model_digest(args.run), 'n_notes': len(notes), 'perplexity': perplexity,
               'n_components': pca.shape[1], 'explained_variance': explained, 'evaluated_notes': len(chosen)}
    quality |= measure_map({'raw_spectra': spectra, 'fc2': activation[chosen], 'pca': pca[chosen],
                            **{view: coordinates[chosen] for view, coordinates in maps.items()}},
                           provider.class_indices[args.split][chosen],
                           instrument_indices([notes[i] for i in chosen]))
    # Until all is written, nothing of an earlier map is left that could be taken for a part of this one.
    for name in ('tsne.json', VIEWS['tsne_3d']):
        run_path(args.run, name, args.split).unlink(missing_ok=True)
    for view, array in ({'pca': pca} | maps).items():
        save_npy(run_path(args.run, VIEWS[view], args.split), array)
    save_json(run_path(args.run, 'tsne.json', args.split), quality)
    print_quality(quality)


if __name__ == '__main__':
    raise SystemExit(main())
