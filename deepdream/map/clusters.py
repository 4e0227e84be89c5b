"""Clusters of a sound map, found by themselves, and named by what they hold."""

from collections import Counter

import numpy as np

from deepdream.pitch import UNKNOWN

# Found on the 2-D map, where the reader sees them, and not on the 50 components of the PCA. Against the 18 instruments
# of the demo's 744 test notes, the adjusted mutual information is 0.82 there (0.74), and 3 % of the notes belong to no
# cluster (18 %). Against the 39 of 2,158 recordings it is 0.62 (0.53).
LEAST_SHARE, LEAST_NOTES = 1 / 50, 5  # that make a cluster
# HDBSCAN compares all notes with each other: 60,000 made-up ones took 12.7 s of processor time, 20,000 of them 1.2 s,
# with as many clusters and an adjusted Rand index of 0.99 against those (10,000 of them: 0.88).
MOST_CLUSTERED = 20_000
NONE = -1
MOST = 0.6  # the share of a cluster that may name it
MIDDLE = (5, 95)  # percentiles of the pitches that a name tells
NOTE_NAMES = ('C', 'C♯', 'D', 'D♯', 'E', 'F', 'F♯', 'G', 'G♯', 'A', 'A♯', 'B')


def find_clusters(points):
    """Return the number of the cluster of each point (n, 2), int16; NONE for points between the clusters.

    Of more than MOST_CLUSTERED points, so many are drawn, and the others belong where the nearest of these belongs.
    HDBSCAN: R. Campello, D. Moulavi, J. Sander 2013, "Density-based clustering based on hierarchical density
    estimates".
    """
    if len(points) > MOST_CLUSTERED:
        drawn = np.random.default_rng(0).permutation(len(points))[:MOST_CLUSTERED]
        from sklearn.neighbors import NearestNeighbors
        nearest = NearestNeighbors(n_neighbors=1).fit(points[drawn]).kneighbors(points, return_distance=False)[:, 0]
        return find_clusters(points[drawn])[nearest]
    from sklearn.cluster import HDBSCAN
    n_least = max(LEAST_NOTES, round(LEAST_SHARE * len(points)))
    if len(points) < 2 * n_least:
        return np.full(len(points), NONE, np.int16)
    return HDBSCAN(min_cluster_size=n_least, min_samples=5, copy=True).fit_predict(points).astype(np.int16)


def describe_clusters(cluster, columns, families, middle_octave):
    """Return (what the page says of each cluster, the number of each note's cluster in that list, int16).

    `cluster` (n,) is that of `find_clusters`; `columns` hold class_index, source, program and pitch of these notes.
    Clusters of one family follow each other, the largest first.
    """
    columns = columns if len({*columns['source']}) > 1 else columns | {'source': np.full(len(cluster), '', object)}
    found = []
    for one in np.unique(cluster[cluster != NONE]):
        rows = np.flatnonzero(cluster == one)
        family = Counter(columns['class_index'][rows].tolist()).most_common(1)[0][0]
        found.append((family, -len(rows), rows))
    numbers, described = np.full(len(cluster), NONE, np.int16), []
    for number, (family, _, rows) in enumerate(sorted(found, key=lambda each: each[:2])):
        numbers[rows] = number
        of_cluster = {name: columns[name][rows] for name in ('class_index', 'source', 'program', 'pitch')}
        described.append({'name': cluster_name(of_cluster, families, middle_octave), 'size': len(rows),
                          'family': family})
    return described, numbers


def cluster_name(columns, families, middle_octave):
    """Return 'flute · Pan Flute · C4 to A5' for the columns of one cluster: what most of its notes have in common."""
    words = [common([families[one] for one in columns['class_index']]) or 'mixed families',
             common(columns['program']) or common(columns['source'])]
    pitch = columns['pitch'][columns['pitch'] != UNKNOWN]
    if len(pitch) >= MOST * len(columns['pitch']):
        low, high = (pitch_name(int(np.rint(value)), middle_octave) for value in np.percentile(pitch, MIDDLE))
        words.append(low if low == high else f'{low} to {high}')
    return ' · '.join(word for word in words if word)


def common(words):
    """Return the word that most of `words` are; else the two that most of them are; else '': they are mixed."""
    counts = Counter(words).most_common(2)
    for named in (counts[:1], counts):
        if sum(count for _, count in named) >= MOST * len(words):
            return ' and '.join(str(word) for word, _ in named if word)
    return ''


def pitch_name(pitch, middle_octave=4):
    """Return the name of a pitch as the page writes it: 61 -> 'C♯4', or 'C♯3' where the middle C is C3."""
    return f'{NOTE_NAMES[pitch % 12]}{pitch // 12 - 5 + middle_octave}'
