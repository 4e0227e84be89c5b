"""Time and trustworthiness of t-SNE by scikit-learn and by openTSNE, and how well it places later sounds.

    python benchmarks/bench_tsne.py --notes 5000 10000 20000
    python benchmarks/bench_tsne.py --notes 300000 --engines opentsne
    python benchmarks/bench_tsne.py --activation run/activation.npy

With --activation it makes the maps of these activations (n_notes, 256), and then, five times, a map without a seventh
of the notes, which it places as later sounds. Without, it takes made-up vectors.
"""

import argparse
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

sys.path.insert(0, str(Path(__file__).parents[1]))

from deepdream import embedding
from deepdream.embedding import ENGINES, PERPLEXITY, fit_pca, fit_tsne, mean_place, place_among

N_NEAREST = 10
N_MEASURED = 2000  # notes, at most, that the trustworthiness is measured on


def made_up(n_notes, seed=0):
    """Return 100 clusters in 50 dimensions, float32 of shape (n_notes, 50)."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(100, 50))[rng.integers(100, size=n_notes)] * 2 + rng.normal(size=(n_notes, 50))).astype(
        np.float32)


def measure_engine(vectors, n_dimensions, engine):
    start, start_cpu = time.perf_counter(), time.process_time()
    places = fit_tsne(vectors, n_dimensions, PERPLEXITY, 0, engine)
    seconds, processor_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    chosen = np.random.default_rng(0).permutation(len(vectors))[:N_MEASURED]
    print(f'{len(vectors):,} notes in {n_dimensions}-D by {engine}: {seconds:.1f} s, {processor_seconds:.1f} s of '
          f'processor time, trustworthiness {trustworthiness(vectors[chosen], places[chosen], n_neighbors=10):.4f}, '
          f'at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB, load {os.getloadavg()[0]:.1f}',
          flush=True)


def kept(activation, places, later, placed):
    """Return the share of the 10 nearest notes of later sounds in fc2 that are among the 10 nearest on the map."""
    nearest = [NearestNeighbors(n_neighbors=N_NEAREST, algorithm='brute').fit(notes).kneighbors(sounds)[1]
               for notes, sounds in ((activation, later), (places, placed))]
    return np.mean([len({*one} & {*other}) / N_NEAREST for one, other in zip(*nearest, strict=True)])


def measure_placing(activation, n_dimensions):
    shares = []
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(activation))
        later, notes = np.split(activation[order], [len(activation) // 7])
        places = fit_tsne(fit_pca(notes, 50, 0)[0], n_dimensions, PERPLEXITY, 0)
        shares.append([kept(notes, places, later, place(notes, places, later)) for place in (place_among, mean_place)])
    among, mean = np.mean(shares, axis=0)
    print(f'later sounds in {n_dimensions}-D: {among:.3f} of the 10 nearest kept, {mean:.3f} at their mean place',
          flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument('--notes', nargs='+', type=int, default=[5000, 10000])
    options.add_argument('--engines', nargs='+', choices=ENGINES[1:], default=ENGINES[1:])
    options.add_argument('--dimensions', nargs='+', type=int, choices=[2, 3], default=[2])
    options.add_argument('--activation', help='an activation.npy')
    options.add_argument('--threads', type=int, default=-1)
    args = options.parse_args()
    embedding.N_THREADS = args.threads
    activation = np.load(args.activation).astype(np.float32) if args.activation else None
    for vectors in [fit_pca(activation, 50, 0)[0]] if args.activation else map(made_up, args.notes):
        for n_dimensions in args.dimensions:
            for engine in args.engines:
                measure_engine(vectors, n_dimensions, engine)
    if args.activation:
        for n_dimensions in args.dimensions:
            measure_placing(activation, n_dimensions)


if __name__ == '__main__':
    main()
