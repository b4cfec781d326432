"""Agglomerative clustering of embeddings, average linkage on cosine distance, where some must not be
together.

Source: average linkage by the update of G. N. Lance and W. T. Williams (1967); a pair that must stay apart
keeps its clusters apart for good. O(n²) memory and, with the nearest neighbour of each kept, about O(n²)
time.
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from wallflower.speakers.embedding import similarities

_APART = np.float32(np.inf)


def cluster(
    embeddings: NDArray[np.float32], weights: NDArray[np.float32], groups: NDArray[np.intp], limit: float
) -> NDArray[np.intp]:
    """The cluster of each of `embeddings` [n, 192], numbered from 0 in the order of their first members.

    weights: how much each counts. groups: two of the same group are two people. limit: clusters farther apart
    than this (1 − cosine) are not joined.
    """
    count = len(embeddings)
    distances = similarities(embeddings, embeddings)
    np.subtract(1, distances, out=distances)  # of an hour they are 20 MB: once is enough
    distances[groups[:, np.newaxis] == groups[np.newaxis]] = _APART
    np.fill_diagonal(distances, _APART)
    mass = weights.astype(np.float32).copy()
    label = np.arange(count)
    nearest = distances.argmin(axis=1) if count else np.zeros(0, np.intp)
    closest = distances[np.arange(count), nearest]
    while count and closest.min() < limit:
        kept = int(closest.argmin())
        gone = int(nearest[kept])
        share = mass[kept] / (mass[kept] + mass[gone])
        joined = share * distances[kept] + (1 - share) * distances[gone]
        joined[kept] = joined[gone] = _APART
        mass[kept] += mass[gone]
        label[label == gone] = kept
        distances[kept], distances[:, kept] = joined, joined
        distances[gone], distances[:, gone] = _APART, _APART
        closest[gone] = _APART
        # Whose nearest was one of the two looks again; to others the joined cluster is no nearer.
        stale = np.flatnonzero(np.isin(nearest, (kept, gone)) & (closest < _APART))
        for index in (*stale.tolist(), kept):
            nearest[index] = distances[index].argmin()
            closest[index] = distances[index, nearest[index]]
    _, first, numbers = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.intp)
    rank[np.argsort(first)] = np.arange(len(first))
    result: NDArray[np.intp] = rank[numbers]
    return result


def assign_apart(likeness: NDArray[np.float32]) -> list[int]:
    """The best column for each of up to three rows, no column twice; -1 for rows that get none because there
    are fewer columns. likeness: [rows, columns].

    All ways over the best few columns of each row are tried: the best way uses no others.
    """
    rows, columns = likeness.shape
    free = likeness.argmax(axis=1).tolist() if columns else []
    if len(set(free)) == rows:
        return free
    candidates = [np.argsort(-likeness[row])[:rows].tolist() for row in range(rows)]
    must = min(rows, columns)
    best: tuple[int, float, list[int]] = (-1, -np.inf, [-1] * rows)
    for way in product(*([*each, -1] for each in candidates)):
        taken = [column for column in way if column >= 0]
        if len(set(taken)) == len(taken) <= must:
            total = sum(float(likeness[row, column]) for row, column in enumerate(way) if column >= 0)
            best = max(best, (len(taken), total, list(way)))
    return best[2]
