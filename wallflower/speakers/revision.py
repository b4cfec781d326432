"""Looking again at what was heard: local segmentation with overlap, and all embeddings clustered anew.

Windows of 10 s, each cut into up to three local speakers, of which each has an embedding of where they speak
alone; and the embeddings of the turns that were told online. Average linkage joins those of one person; two
of one window stay apart. Then each window's local speakers are given to the clusters, one each, and the
windows are put together again (`rendering`). Source: the scheme of H. Bredin, "pyannote.audio 2.1 speaker
diarization pipeline" (2023), with another clustering; the turns are ours: where many speak within one window,
segmentation takes two for one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wallflower.speakers.clustering import assign_apart, cluster
from wallflower.speakers.embedding import SIZE, Embedding, similarities, unit
from wallflower.speakers.rendering import Rendering
from wallflower.speakers.segmentation import LOCAL_SPEAKERS
from wallflower.speakers.settings import Revising
from wallflower.speakers.windows import Window

HeardTurn = tuple[float, float, Embedding | None]
"""A turn as it was told online: start and end in seconds, and its embedding."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of one speaker, in seconds; those of two speakers may overlap."""

    start: float
    end: float
    speaker: int


@dataclass(frozen=True, slots=True)
class Revision:
    """stretches: in order of start. centroids: [speakers, 192], of length 1. seconds: [speakers], heard alone
    in all windows and turns together.
    """

    stretches: list[Stretch]
    centroids: NDArray[np.float32]
    seconds: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Points:
    """Embeddings [n, 192] of one voice each, the seconds that each stands for, and its group: no two of one
    group are one person.
    """

    embeddings: NDArray[np.float32]
    seconds: NDArray[np.float32]
    groups: NDArray[np.intp]


def revise(windows: Sequence[Window], settings: Revising, turns: Sequence[HeardTurn] = ()) -> Revision:
    """Who speaks when in `windows`, which are in order of start, one at least. Speakers are numbered from 0
    as they are first found.

    turns: what was told online of the same time. What the windows leave out of them is given to who speaks
    nearby; a turn in which the windows hear one alone tells who that is. Blocking: about 0.3 s for an hour.
    """
    embeddings = np.stack([window.embeddings for window in windows]).astype(np.float32)
    alone = np.stack([window.alone for window in windows])
    active = np.stack([window.activity.max(axis=0) for window in windows]) >= 255 * settings.least_activity
    known = np.abs(embeddings).max(axis=2) > 0
    spoken = _of_turns(turns, len(windows), settings)
    centroids = _centroids(_of_windows(embeddings, alone, known, settings), spoken, settings)
    owners, speakers = np.full((len(windows), LOCAL_SPEAKERS), -1), np.zeros(len(spoken.seconds), np.intp)
    if not len(centroids):
        return Revision([], centroids, np.zeros(0, np.float32))
    for _ in range(settings.rounds):
        owners = _owners(embeddings, active & known, centroids)
        speakers = similarities(spoken.embeddings, centroids).argmax(axis=1)
        sums = np.zeros_like(centroids)
        good = (owners >= 0) & (alone >= settings.least_alone)
        np.add.at(sums, owners[good], embeddings[good] * alone[good][:, np.newaxis])
        np.add.at(sums, speakers, spoken.embeddings * spoken.seconds[:, np.newaxis])
        given = np.abs(sums).max(axis=1) > 0
        centroids = unit(np.where(given[:, np.newaxis], sums, centroids))
    seconds = np.zeros(len(centroids), np.float32)
    np.add.at(seconds, owners[owners >= 0], alone[owners >= 0])
    np.add.at(seconds, speakers, spoken.seconds)
    rendering = Rendering(windows, owners, len(centroids), settings)
    rendering.fill([(start, end) for start, end, _ in turns])
    for start, end, embedding in turns:
        if embedding is not None and end - start >= settings.least_turn:
            rendering.witness(start, end, similarities(centroids, embedding[np.newaxis])[:, 0])
    stretches = [Stretch(*each) for each in rendering.stretches()]
    return Revision(stretches, centroids, seconds)


def _of_windows(
    embeddings: NDArray[np.float32],
    alone: NDArray[np.float32],
    known: NDArray[np.bool_],
    settings: Revising,
) -> _Points:
    window, local = np.nonzero(known & (alone >= settings.least_alone))
    if not len(window):
        window, local = np.nonzero(known)
    return _Points(embeddings[window, local], alone[window, local], window)


def _of_turns(turns: Sequence[HeardTurn], first_group: int, settings: Revising) -> _Points:
    good = [(embedding, end - start) for start, end, embedding in turns if embedding is not None]
    good = [(embedding, seconds) for embedding, seconds in good if seconds >= settings.least_turn]
    return _Points(
        np.array([embedding for embedding, _ in good], np.float32).reshape(-1, SIZE),
        np.array([seconds for _, seconds in good], np.float32),
        first_group + np.arange(len(good)),
    )


def _centroids(windows: _Points, turns: _Points, settings: Revising) -> NDArray[np.float32]:
    """What each speaker sounds like, [speakers, 192]: of all clusters that last long enough, else of the
    largest.
    """
    points = np.concatenate([windows.embeddings, turns.embeddings])
    seconds = np.concatenate([windows.seconds, turns.seconds])
    if not len(points):
        return np.zeros((0, SIZE), np.float32)
    labels = cluster(points, seconds, np.concatenate([windows.groups, turns.groups]), settings.join_below)
    lasting = np.bincount(labels, weights=seconds)
    sums = np.zeros((len(lasting), SIZE), np.float32)
    np.add.at(sums, labels, points * seconds[:, np.newaxis])
    means = unit(sums)
    kept = np.flatnonzero(lasting >= max(settings.least_cluster, settings.least_share * lasting.sum()))
    if not len(kept):
        kept = np.array([lasting.argmax()])
    alike = similarities(means[kept], means[kept]) > 1 - settings.join_below
    less = lasting[kept][:, np.newaxis] < settings.stray_share * lasting[kept]
    kept = kept[~(alike & less).any(axis=1)]
    return means[np.sort(kept[np.argsort(-lasting[kept])[: settings.most_speakers]])]


def _owners(
    embeddings: NDArray[np.float32], active: NDArray[np.bool_], centroids: NDArray[np.float32]
) -> NDArray[np.intp]:
    """The cluster of each window's local speakers [windows, 3], -1 for who does not speak."""
    flat = embeddings.reshape(-1, SIZE)
    likeness = similarities(flat, centroids).reshape(len(embeddings), LOCAL_SPEAKERS, -1)
    owners = np.full(active.shape, -1)
    for index, speaks in enumerate(active):
        here = np.flatnonzero(speaks)
        if len(here):
            owners[index, here] = assign_apart(likeness[index, here])
    return owners
