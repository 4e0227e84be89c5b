"""Places of notes on a map, from their activations: PCA, then t-SNE."""

import contextlib
import re

import numpy as np

from deepdream.command_line import progress

MIN_NOTES = 5  # that t-SNE can place
N_ITERATIONS = 1000


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


def fit_tsne(embedding, n_dimensions, perplexity, seed):
    """Return the t-SNE map, float32 of shape (n_notes, n_dimensions)."""
    from sklearn.manifold import TSNE
    # n / 48, as in Belkina et al. 2019, and at least 50, as in scikit-learn, are too much for maps of few notes: 60
    # notes in 3-D come out with a trustworthiness of 0.75 at a rate of 50, and of 0.99 at 5.
    n_notes = len(embedding)
    learning_rate = max(n_notes / 48, min(50, max(2, n_notes / 12)))
    tsne = TSNE(n_dimensions, perplexity=perplexity, init='pca', learning_rate=learning_rate,
                max_iter=N_ITERATIONS, random_state=seed, n_jobs=-1, verbose=2)
    with (progress(total=N_ITERATIONS, description=f't-SNE {n_dimensions}-D', unit='step') as bar,
          contextlib.redirect_stdout(_Iterations(bar))):
        coordinates = tsne.fit_transform(embedding)
        bar.update(tsne.n_iter_ + 1 - bar.n)
    return coordinates.astype(np.float32)
