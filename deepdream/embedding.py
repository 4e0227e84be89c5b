"""Places of notes on a map, from their activations: PCA, then t-SNE by scikit-learn or openTSNE; and of later sounds.

openTSNE: P. Poličar, M. Stražar, B. Zupan 2024, "openTSNE: A Modular Python Library for t-SNE Dimensionality Reduction
and Embedding". Its gradient by FFT: G. Linderman et al. 2019, "Fast interpolation-based t-SNE".
"""

import contextlib
import re

import numpy as np

from deepdream.command_line import progress
from deepdream.neighbours import nearest_notes

MIN_NOTES = 5  # that t-SNE can place
PERPLEXITY = 30
N_ITERATIONS = 1000  # of scikit-learn
N_THREADS = -1  # one on each core

ENGINES = ('auto', 'scikit-learn', 'opentsne')
# Notes from which openTSNE is faster. Processor seconds of one thread in 2-D, scikit-learn and openTSNE: 22 and 30 for
# 5,000 notes, 65 and 33 for 10,000, 207 and 47 for 20,000. Trustworthiness: 0.9993 and 0.9993, 0.9988 and 0.9985,
# 0.9990 and 0.9990.
OPENTSNE_FROM = 10_000
FFT_FROM = 10_000  # notes
DEEP_BELOW = 50_000  # notes that are placed in 3-D without being asked for
OPENTSNE_ITERATIONS = 250, 500  # with early exaggeration and without
ITERATIONS_AGAIN = 250  # of either, from the places of an earlier map
CALLBACK_STEPS = 10  # iterations between two reports of openTSNE

# Among 744 notes and among 2,158 recordings, 100 iterations place later sounds as well as 500. Among 20 and 36 notes,
# the mean place keeps as many of the nearest notes or more, and puts a copy of a note on it: see docs/experiments.md.
PLACING_ITERATIONS = 100
PLACING_FROM = 100  # notes
N_AROUND = 5  # notes whose mean place it is, or whose median place the iterations start from


def fit_pca(activation, n_components, seed):
    """Return (embedding, share of the variance it explains); as many components as notes and neurons allow."""
    from sklearn.decomposition import PCA
    possible = min(n_components, *activation.shape)
    if possible < n_components:
        print(f'PCA to {possible} dimensions instead of {n_components}: there are {activation.shape[0]} notes '
              f'of {activation.shape[1]} neurons')
    pca = PCA(possible, svd_solver='full', random_state=seed)
    embedding = pca.fit_transform(activation).astype(np.float32)
    return embedding, float(np.nan_to_num(pca.explained_variance_ratio_.sum()))


def views_for(n_notes, deep=False):
    """Return {view: number of dimensions} of the maps of t-SNE; from DEEP_BELOW notes on, in 3-D only with `deep`."""
    return {'tsne_2d': 2} | ({'tsne_3d': 3} if n_notes < DEEP_BELOW or deep else {})


def fit_maps(pca, perplexity, seed, engine='auto', deep=False, starts=None):
    """Return {view: float32 (n_notes, 2 or 3)} of `views_for`; `starts`, of the same form, as far as there are any."""
    views, starts = views_for(len(pca), deep), starts or {}
    if 'tsne_3d' not in views:
        print(f'no t-SNE in 3-D of {len(pca):,} notes, which would take several times as long: --3d makes it')
    return {view: fit_tsne(pca, n_dimensions, perplexity, seed, engine, starts.get(view))
            for view, n_dimensions in views.items()}


def fit_tsne(embedding, n_dimensions, perplexity, seed, engine='auto', start=None):
    """Return the t-SNE map, float32 of shape (n_notes, n_dimensions), by one of ENGINES.

    It starts from the principal components, or from the places `start` (n_notes, n_dimensions) of an earlier map,
    which then keeps its form. The same seed gives the same map on as many cores.
    """
    fit = {'scikit-learn': fit_scikit_learn, 'opentsne': fit_opentsne}[choose_engine(engine, len(embedding))]
    return fit(embedding, n_dimensions, perplexity, seed, start).astype(np.float32)


def choose_engine(engine, n_notes):
    """Return 'scikit-learn' or 'opentsne' for one of ENGINES."""
    if engine == 'auto':
        return 'opentsne' if n_notes >= OPENTSNE_FROM else 'scikit-learn'
    return engine


def early_exaggeration(n_notes):
    """Return 12, as both libraries take, and less below 144 notes.

    At 12, 6 of 18 3-D maps of 20, 30 and 48 notes by scikit-learn fell into one place.
    """
    return max(1, min(12, n_notes / 12))


class _Iterations:
    """A stream that moves a progress bar by scikit-learn's verbose lines, its only report while it works."""

    def __init__(self, bar):
        self.bar = bar

    def write(self, text):
        if match := re.search(r'Iteration (\d+): error = ([\d.]+)', text):
            self.bar.set_postfix(KL=match[2], refresh=False)
            self.bar.update(int(match[1]) - self.bar.n)

    def flush(self):
        pass


def fit_scikit_learn(embedding, n_dimensions, perplexity, seed, start=None):
    from sklearn.manifold import TSNE
    # n / 48, as in Belkina et al. 2019, and at least 50, as in scikit-learn, are too much for maps of few notes: 60
    # notes in 3-D come out with a trustworthiness of 0.75 at a rate of 50, and of 0.99 at 5.
    n_notes = len(embedding)
    learning_rate = max(n_notes / 48, min(50, max(2, n_notes / 12)))
    n_iterations = N_ITERATIONS if start is None else ITERATIONS_AGAIN
    tsne = TSNE(n_dimensions, perplexity=perplexity, learning_rate=learning_rate, max_iter=n_iterations,
                init='pca' if start is None else start.astype(np.float32), random_state=seed, n_jobs=N_THREADS,
                early_exaggeration=early_exaggeration(n_notes) if start is None else 1, verbose=2)
    with (progress(total=n_iterations, description=f't-SNE {n_dimensions}-D', unit='step') as bar,
          contextlib.redirect_stdout(_Iterations(bar))):
        coordinates = tsne.fit_transform(embedding)
        bar.update(tsne.n_iter_ + 1 - bar.n)
    return coordinates


def fit_opentsne(embedding, n_dimensions, perplexity, seed, start=None):
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.initialization import rescale
    early, late = OPENTSNE_ITERATIONS if start is None else (0, ITERATIONS_AGAIN)
    title = f't-SNE {n_dimensions}-D'
    with progress(total=early + late, description=f'{title}, nearest notes', unit='step') as bar:
        def report(_, divergence, __):
            bar.set_postfix(KL=f'{divergence:.3f}', refresh=False)
            bar.update(CALLBACK_STEPS)

        affinities = PerplexityBasedNN(embedding, perplexity, n_jobs=N_THREADS, random_state=seed)
        bar.set_description(title)  # a third of the time is over
        begin = rescale(embedding[:, :n_dimensions].astype(float)) if start is None else start.astype(float)
        tsne = TSNEEmbedding(begin, affinities, n_jobs=N_THREADS, negative_gradient_method=gradient_method(begin),
                             callbacks=report, callbacks_every_iters=CALLBACK_STEPS)
        tsne.optimize(early, exaggeration=early_exaggeration(len(begin)), momentum=0.5, inplace=True)
        tsne.optimize(late, momentum=0.8, inplace=True)
        bar.update(early + late - bar.n)
    return np.asarray(tsne)


def gradient_method(coordinates):
    """Return openTSNE's faster way for a map (n_notes, 2 or 3): by FFT, which there is in 2-D, or Barnes-Hut."""
    return 'fft' if coordinates.shape[1] == 2 and len(coordinates) >= FFT_FROM else 'bh'


# Later sounds.

def place_among(activation, coordinates, later):
    """Return places (n, 2 or 3) of later sounds on a t-SNE map that exists: `coordinates` (n_notes, 2 or 3) stay.

    `activation` (n_notes, 256) and `later` (n, 256) are in fc2 space. Each sound is placed by itself, where t-SNE's
    gradient comes to rest, or on a map of fewer than 100 notes at the mean of its nearest notes' places. Of the 10
    nearest notes in fc2, more are then among the 10 nearest on the map than at this mean: 75 instead of 71 % for
    held-out notes of a demo, and 64 instead of 53 % for its held-out instruments.
    """
    if len(activation) < PLACING_FROM:
        return mean_place(activation, coordinates, later)
    from openTSNE.affinity import PrecomputedAffinities, joint_probabilities_nn
    from openTSNE.tsne import PartialTSNEEmbedding, TSNEEmbedding
    from scipy.sparse import csr_matrix
    n_notes = len(activation)
    perplexity = min(PERPLEXITY, n_notes / 10)  # more would draw a copy of a note away from the note
    distances, rows = nearest_notes(activation, int(3 * perplexity), later)
    probabilities = joint_probabilities_nn(rows, distances, [perplexity], symmetrize=False, n_jobs=N_THREADS,
                                           normalization='point-wise', n_reference_samples=n_notes)
    middle = (coordinates.min(axis=0) + coordinates.max(axis=0)) / 2  # openTSNE wants it at 0
    options = {'negative_gradient_method': gradient_method(coordinates), 'n_jobs': N_THREADS}
    unused = PrecomputedAffinities(csr_matrix((n_notes, n_notes)), normalize=False)
    notes = TSNEEmbedding((coordinates - middle).astype(float), unused, **options)
    begin = np.median(np.asarray(notes)[rows[:, :N_AROUND]], axis=1)
    placed = PartialTSNEEmbedding(np.ascontiguousarray(begin), notes, probabilities, **options)
    placed.optimize(PLACING_ITERATIONS, learning_rate=0.1, exaggeration=1, momentum=0.8, max_grad_norm=0.25,
                    inplace=True)
    return (np.asarray(placed) + middle).astype(np.float32)


def mean_place(activation, coordinates, later):
    """Return the mean place (n, 2 or 3) of the 5 nearest notes of `later` (n, 256), weighted by 1 / distance^2."""
    distances, rows = nearest_notes(activation, min(N_AROUND, len(activation)), later)
    weights = 1 / np.maximum(distances, 1e-6) ** 2
    weights /= weights.sum(axis=1, keepdims=True)
    return (weights[..., np.newaxis] * coordinates[rows]).sum(axis=1).astype(np.float32)


def project(activation, pca, later):
    """Return `later` (n, 256) on the axes of `pca` (n_notes, n_components), which is that of `activation`."""
    middle, centre, axes = linear_map(activation, pca)
    return ((later - middle) @ axes + centre).astype(np.float32)


def linear_map(activation, pca):
    """Return (middle (256,), centre (n_components,), axes (256, n_components)) of `project`.

    The axes come from both, so that they have the signs of the file; without the notes' own mean, they are exact.
    """
    middle, centre = activation.mean(axis=0), pca.mean(axis=0)
    return middle, centre, np.linalg.lstsq(activation - middle, pca - centre, rcond=1e-6)[0]
