"""The pictures of the sound map: families in colours that the colour-blind tell apart, and named at their clusters."""

import numpy as np
from mpl_toolkits.mplot3d import proj3d

from deepdream.figures import make_figure, save_figure
from deepdream.map.data import PALETTE, cluster_anchors, family_colours
from deepdream.metrics import SPACES

MARKERS = 'o^sDv'  # of the first 24 families, of the next 24, whose colours are the same, and so on
PURITY_TITLES = {'purity_other_instruments': 'Same family among the {} nearest notes of other instruments',
                 'purity': 'Same family among the {} nearest of all notes'}


def draw_map(path, points, class_index, labels, caption):
    """Draw one picture of the map, families in colour and named at their clusters; 3-D if `points` have depth."""
    deep = bool(points[:, 2].any())
    across, up = np.ptp(points[:, :2], axis=0)
    figure = make_figure(figsize=(10, 7.2 if deep else 1.2 + 8 * np.clip(up / max(across, 1e-9), 0.5, 1.1)))
    axes = figure.add_subplot(**({'projection': '3d', 'computed_zorder': False} if deep else {}))
    shown = points if deep else points[:, :2]
    size = np.clip(40_000 / len(points), 4, 32)
    colours = family_colours(len(labels))
    for one in np.unique(class_index):
        of_family = class_index == one
        axes.scatter(*shown[of_family].T, s=size, color=colours[one], linewidths=0.15, edgecolors='white',
                     marker=MARKERS[one // len(PALETTE) % len(MARKERS)], label=f'{labels[one]} ({of_family.sum():,})')
    plain_axes(axes, points, deep)
    figure.legend(loc='outside right center', frameon=False, markerscale=(60 / size) ** 0.5, title='family (notes)')
    figure.supxlabel(caption, fontsize=10, wrap=True)
    name_clusters(axes, points, class_index, labels)
    save_figure(figure, path, dpi=150, bbox_inches='tight')


def name_clusters(axes, points, class_index, labels):
    """Write the families' names at their clusters, wherever these are seen."""
    anchors, colours = cluster_anchors(points, class_index), family_colours(len(labels))
    axes.figure.draw_without_rendering()  # settles the layout, and in 3-D the view
    places = points[[row for _, row in anchors]]
    if points[:, 2].any():
        places = np.stack(proj3d.proj_transform(*places.T, axes.get_proj()), axis=1)
    (left, _), (right, _) = axes.transData.transform([[0, 0], [1, 0]])
    places = apart(places[:, :2], [labels[one] for one, _ in anchors], axes.figure.dpi / (right - left))
    for (one, _), place in zip(anchors, places, strict=True):
        axes.annotate(labels[one], place, ha='center', va='center', fontsize=11, weight='bold', zorder=10,
                      bbox={'boxstyle': 'round,pad=0.25', 'facecolor': 'white', 'alpha': 0.85,
                            'edgecolor': colours[one]})


def apart(places, names, inch):
    """Return the places (n, 2) of names of letters of 11 points, moved down where one would cover another."""
    order = np.argsort(-places[:, 1])
    for rank, one in enumerate(order):
        for other in order[:rank]:
            reach = (0.056 * (len(names[one]) + len(names[other])) + 0.12) * inch
            if abs(places[one, 0] - places[other, 0]) < reach and places[other, 1] - places[one, 1] < 0.34 * inch:
                places[one, 1] = places[other, 1] - 0.34 * inch
    return places


def plain_axes(axes, points, deep):
    """t-SNE's coordinates mean nothing by themselves: no ticks, no numbers, equal scales."""
    ticks = {'xticks': [], 'yticks': []} | ({'zticks': []} if deep else {})
    axes.set(**ticks)
    if deep:
        axes.view_init(elev=18, azim=-58)
        axes.set_box_aspect(np.maximum(np.ptp(points, axis=0), 0.1), zoom=1.15)
    else:
        axes.set_aspect('equal')
        axes.spines[:].set_visible(False)


def caption(n_notes, split, quality, view):
    """Return the lines under a picture: what it shows and, as stage 6 measured it, how far to trust it."""
    purities = [f'{title.format(quality[f"{name}_k"])}: {purity_text(quality, name, view)}.'
                for name, title in PURITY_TITLES.items() if name in quality]
    return '\n'.join([f'{SPACES[view]} of the fc2 activations of {n_notes:,} notes of the {split} split.', *purities,
                      f'Trustworthiness of the {SPACES[view]}: {quality["trustworthiness"][view]:.3f}'
                      f' (measured on {quality["evaluated_notes"]:,} notes).'])


def purity_text(quality, name, view):
    """Return a purity in the spaces that lead to a view, and by chance, as text."""
    figures = [f'{SPACES[space]} {quality[name][space]:.2f}' for space in ('raw_spectra', 'fc2', view)
               if space in quality[name]]
    if f'{name}_chance' in quality:  # an older tsne.json has none
        figures.append(f'chance {quality[f"{name}_chance"]:.2f}')
    return ', '.join(figures)
