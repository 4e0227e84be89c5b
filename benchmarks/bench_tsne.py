"""Time of scikit-learn's t-SNE against openTSNE's (pip install openTSNE) on made-up activations.

    python benchmarks/bench_tsne.py [--notes 4000 20000]
"""

import argparse
import time

import numpy as np


def made_up(n_notes, seed=0):
    """Return 100 clusters in 50 dimensions, float32 of shape (n_notes, 50)."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(100, 50))[rng.integers(100, size=n_notes)] * 2 + rng.normal(size=(n_notes, 50))).astype(
        np.float32)


def seconds(function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('--notes', nargs='+', type=int, default=[4000, 20000])
    args = options.parse_args()
    import openTSNE
    from sklearn.manifold import TSNE
    for n_notes in args.notes:
        embedding = made_up(n_notes)
        ours = {n: seconds(TSNE(n, init='pca', n_jobs=-1, random_state=0).fit_transform, embedding) for n in (2, 3)}
        theirs = seconds(openTSNE.TSNE(2, n_jobs=-1, random_state=0).fit, embedding)
        print(f'{n_notes:,} notes: scikit-learn 2-D {ours[2]:.1f} s, 3-D {ours[3]:.1f} s; openTSNE 2-D {theirs:.1f} s, '
              f'{ours[2] / theirs:.1f} times as fast', flush=True)


if __name__ == '__main__':
    main()
