"""The places of the sounds of a folder, computed anew only where the set of sounds has changed.

OUT/places.npz holds the places on the maps of t-SNE, and whose they are. Where sounds come or go, the others start from
there, so that the map keeps its form.
"""

import hashlib

import numpy as np

from deepdream.artifacts import DAMAGED, BadInput, atomic, load_json, load_npy, save_json, save_npy
from deepdream.embedding import MIN_NOTES, PERPLEXITY, fit_maps, fit_pca, place_among, views_for
from deepdream.map.data import VIEWS
from deepdream.metrics import measure_trustworthiness

N_COMPONENTS, SEED = 50, 0  # the defaults of tsne.py
QUALITY_NOTES = 2000
EMBEDDING_VERSION = 2  # raise it when the same activations get other places
LEAST_KNOWN = 0.5  # the share of the sounds that an earlier map must hold for a new one to start from it


def embed_sounds(out, keys, activation, digest, deep=False):
    """Write activation.npy, act_pca.npy, act_tsne.npy, act_tsne_3d.npy and tsne.json into OUT; return what they hold.

    They are computed anew only where the rows, whose `keys` tell the sounds, are others. Of many sounds, the 3-D map of
    t-SNE is made only with `deep`. Returns ({view: (n, 2, 3 or 50)}, content of tsne.json).
    """
    views = views_for(len(keys), deep)
    about = '\n'.join([*keys, f'{N_COMPONENTS} {PERPLEXITY} {SEED} {EMBEDDING_VERSION} {", ".join(views)}'])
    rows = hashlib.sha256(about.encode()).hexdigest()[:16]
    path = out / 'tsne.json'
    if path.exists() and (quality := load_json(path, 'sound_map.py')).get('rows') == rows:
        return {view: load_npy(out / VIEWS[view], 'sound_map.py') for view in ('pca', *views)}, quality
    for name in ('tsne.json', VIEWS['tsne_3d']):  # until the new ones are there
        (out / name).unlink(missing_ok=True)
    differ = np.ptp(activation, axis=0).any()
    one_place = np.zeros((len(keys), 1), np.float32), 0.0
    pca, explained = fit_pca(activation, min(N_COMPONENTS, len(keys)), SEED) if differ else one_place
    placed = differ and len(keys) >= MIN_NOTES
    maps = place_sounds(out / 'places.npz', keys, activation, pca, deep) if placed else {
        view: np.pad(pca, ((0, 0), (0, 3)))[:, :n_dimensions] for view, n_dimensions in views.items()}
    places = {'pca': pca} | maps
    quality = {'n_notes': len(keys), 'n_components': pca.shape[1], 'explained_variance': explained,
               **(measure(activation, places) if placed else {'evaluated_notes': 0, 'trustworthiness': {}})}
    save_npy(out / 'activation.npy', activation)
    for view, array in places.items():
        save_npy(out / VIEWS[view], array)
    save_json(path, quality | {'model': digest, 'rows': rows})
    return places, quality | {'model': digest, 'rows': rows}


def measure(activation, places):
    """Return what tsne.json says of the quality of `places`, {view: (n, ...)}, of activations (n, 256)."""
    chosen = np.sort(np.random.default_rng(SEED).permutation(len(activation))[:QUALITY_NOTES])
    spaces = {'fc2': activation} | places
    return {'perplexity': perplexity_of(len(activation)), 'evaluated_notes': len(chosen),
            **measure_trustworthiness({space: vectors[chosen] for space, vectors in spaces.items()})}


def perplexity_of(n_sounds):
    return min(PERPLEXITY, (n_sounds - 1) / 3)


# The maps of t-SNE.

def place_sounds(path, keys, activation, pca, deep=False):
    """Return {view: places (n, 2 or 3)} of the sounds of `keys`, whose activations (n, 256) have the components `pca`.

    `path` holds those of the last time. They are the same for the same sounds, so that a stopped run, which may have
    written them or not, ends the same.
    """
    earlier = load_places(path)
    if earlier and earlier['keys'].tolist() == keys and {*views_for(len(keys), deep)} < {*earlier}:
        return {view: earlier[view] for view in views_for(len(keys), deep)}
    maps = fit_maps(pca, perplexity_of(len(keys)), SEED, deep=deep, starts=starts_from(earlier, keys, activation))
    with atomic(path) as temporary, open(temporary, 'wb') as file:
        np.savez(file, version=EMBEDDING_VERSION, keys=np.array(keys), **maps)
    return maps


def load_places(path):
    """Return what `place_sounds` has written, or {} where there is nothing of this version."""
    try:
        with np.load(path, allow_pickle=False) as file:
            content = dict(file)
        return content if content['version'] == EMBEDDING_VERSION else {}
    except FileNotFoundError:
        return {}
    except DAMAGED as error:
        raise BadInput(f'{path} is damaged ({error}): delete it and run `python sound_map.py` again') from error


def starts_from(earlier, keys, activation):
    """Return {view: places (n, 2 or 3) to start from}: those of an earlier map, and for new sounds places among them.

    {} where it holds too few of the sounds, so that the map is made afresh.
    """
    row_of = {key: row for row, key in enumerate(earlier['keys'].tolist())} if earlier else {}
    known = np.array([key in row_of for key in keys])
    if known.sum() < max(MIN_NOTES, LEAST_KNOWN * len(keys)):
        return {}
    rows, starts = [row_of[key] for key in keys if key in row_of], {}
    for view in earlier.keys() & {'tsne_2d', 'tsne_3d'}:
        starts[view] = np.zeros((len(keys), earlier[view].shape[1]), np.float32)
        starts[view][known] = earlier[view][rows]
        if not known.all():
            starts[view][~known] = place_among(activation[known], earlier[view][rows], activation[~known])
    return starts
