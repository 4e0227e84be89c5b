"""The places of the sounds of a folder, computed anew only where the set of sounds has changed."""

import hashlib

import numpy as np

from deepdream.artifacts import load_json, load_npy, save_json, save_npy
from deepdream.embedding import MIN_NOTES, fit_pca, fit_tsne
from deepdream.map.data import VIEWS
from deepdream.metrics import measure_trustworthiness

N_COMPONENTS, PERPLEXITY, SEED = 50, 30, 0  # the defaults of tsne.py
QUALITY_NOTES = 2000
EMBEDDING_VERSION = 1  # raise it when the same activations get other places


def embed_sounds(out, keys, activation, digest):
    """Write activation.npy, act_pca.npy, act_tsne.npy, act_tsne_3d.npy and tsne.json into OUT; return what they hold.

    They are computed anew only where the rows, whose `keys` tell the sounds, are others. Returns ({view: (n, 2, 3 or
    50)}, content of tsne.json).
    """
    about = '\n'.join([*keys, f'{N_COMPONENTS} {PERPLEXITY} {SEED} {EMBEDDING_VERSION}'])
    rows = hashlib.sha256(about.encode()).hexdigest()[:16]
    path = out / 'tsne.json'
    if path.exists() and (quality := load_json(path, 'sound_map.py')).get('rows') == rows:
        return {view: load_npy(out / name, 'sound_map.py') for view, name in VIEWS.items()}, quality
    path.unlink(missing_ok=True)  # until its arrays are there
    places, quality = place_sounds(activation)
    save_npy(out / 'activation.npy', activation)
    for view, name in VIEWS.items():
        save_npy(out / name, places[view])
    quality |= {'model': digest, 'rows': rows}
    save_json(path, quality)
    return places, quality


def place_sounds(activation):
    """Return ({view: places (n, ...)}, the figures of quality) of activations (n, 256).

    Four sounds or fewer, and sounds that are all the same, stand where PCA puts them.
    """
    n_sounds = len(activation)
    differ = np.ptp(activation, axis=0).any()
    one_place = np.zeros((n_sounds, 1), np.float32), 0.0
    pca, explained = fit_pca(activation, min(N_COMPONENTS, n_sounds), SEED) if differ else one_place
    quality = {'n_notes': n_sounds, 'n_components': pca.shape[1], 'explained_variance': explained}
    if n_sounds < MIN_NOTES or not differ:
        padded = np.pad(pca, ((0, 0), (0, 3)))
        return {'pca': pca, 'tsne_2d': padded[:, :2], 'tsne_3d': padded[:, :3]}, quality | {
            'evaluated_notes': 0, 'trustworthiness': {}}
    perplexity = min(PERPLEXITY, (n_sounds - 1) / 3)
    places = {'pca': pca} | {f'tsne_{n}d': fit_tsne(pca, n, perplexity, SEED) for n in (2, 3)}
    chosen = np.sort(np.random.default_rng(SEED).permutation(n_sounds)[:QUALITY_NOTES])
    spaces = {'fc2': activation} | places
    return places, quality | {'perplexity': perplexity, 'evaluated_notes': len(chosen), **measure_trustworthiness(
        {space: vectors[chosen] for space, vectors in spaces.items()})}
