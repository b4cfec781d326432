"""Looking again at what was heard: local segmentation with overlap, and all embeddings clustered anew.

Windows of 10 s, each cut into up to three local speakers, of which each has an embedding of where they speak
alone. Average linkage joins those of one person; two of one window stay apart. Then each window's local
speakers are given to the clusters, one each, and the windows are put together again. Source: the scheme of H.
Bredin, "pyannote.audio 2.1 speaker diarization pipeline" (2023), with another clustering.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wallflower.speakers.clustering import assign_apart, cluster
from wallflower.speakers.embedding import SIZE, similarities, unit
from wallflower.speakers.segmentation import FIRST_SECONDS, FRAME_SECONDS, LOCAL_SPEAKERS, WINDOW_SECONDS
from wallflower.speakers.settings import Revising

GRID_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Window:
    """What is kept of one window: 4 kB. start: seconds. activity: [frames, 3], of 255. embeddings: [3, 192],
    zero where nobody speaks alone for long enough to tell. alone: seconds that each speaks alone.
    """

    start: float
    activity: NDArray[np.uint8]
    embeddings: NDArray[np.float16]
    alone: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Revision:
    """stretches: in order of start. centroids: [speakers, 192], of length 1. seconds: [speakers], alone."""

    stretches: list["Stretch"]
    centroids: NDArray[np.float32]
    seconds: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of one speaker, in seconds; those of two speakers may overlap."""

    start: float
    end: float
    speaker: int


def revise(
    windows: Sequence[Window], settings: Revising, speech: Sequence[tuple[float, float]] = ()
) -> Revision:
    """Who speaks when in `windows`, which are in order of start, one at least. Speakers are numbered from 0
    as they are first found.

    speech: where the VAD hears speech, start and end in seconds; what the windows leave out of that is given
    to who speaks nearby. Blocking: about 0.1 s for an hour.
    """
    embeddings = np.stack([window.embeddings for window in windows]).astype(np.float32)
    alone = np.stack([window.alone for window in windows])
    active = np.stack([window.activity.max(axis=0) for window in windows]) >= 255 * settings.least_activity
    known = np.abs(embeddings).max(axis=2) > 0
    centroids = _centroids(embeddings, alone, known, settings)
    if not len(centroids):
        return Revision([], centroids, np.zeros(0, np.float32))
    owners = np.full((len(windows), LOCAL_SPEAKERS), -1)
    for _ in range(settings.rounds):
        owners = _owners(embeddings, active & known, centroids)
        centroids = _moved(centroids, embeddings, alone, owners, settings)
    stretches = _rendered(windows, owners, len(centroids), speech, settings)
    seconds = np.array([alone[owners == each].sum() for each in range(len(centroids))], np.float32)
    return Revision(stretches, centroids, seconds)


def _centroids(
    embeddings: NDArray[np.float32],
    alone: NDArray[np.float32],
    known: NDArray[np.bool_],
    settings: Revising,
) -> NDArray[np.float32]:
    """What each speaker sounds like, [speakers, 192]: of all clusters that last long enough, else of the
    largest.
    """
    window, local = np.nonzero(known & (alone >= settings.least_alone))
    if not len(window):
        window, local = np.nonzero(known)
    if not len(window):
        return np.zeros((0, SIZE), np.float32)
    points, seconds = embeddings[window, local], alone[window, local]
    labels = cluster(points, seconds, window, settings.join_below)
    lasting = np.bincount(labels, weights=seconds)
    kept = np.flatnonzero(lasting >= max(settings.least_cluster, settings.least_share * lasting.sum()))
    if not len(kept):
        kept = np.array([lasting.argmax()])
    kept = np.sort(kept[np.argsort(-lasting[kept])[: settings.most_speakers]])
    means = [(points[labels == each] * seconds[labels == each, np.newaxis]).sum(axis=0) for each in kept]
    return unit(np.stack(means).astype(np.float32))


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


def _moved(
    centroids: NDArray[np.float32],
    embeddings: NDArray[np.float32],
    alone: NDArray[np.float32],
    owners: NDArray[np.intp],
    settings: Revising,
) -> NDArray[np.float32]:
    """The centroids of what was given to each; of those that got nothing, as they were."""
    sums = np.zeros_like(centroids)
    good = (owners >= 0) & (alone >= settings.least_alone)
    np.add.at(sums, owners[good], embeddings[good] * alone[good][:, np.newaxis])
    empty = np.abs(sums).max(axis=1) == 0
    sums[empty] = centroids[empty]
    return unit(sums)


def _rendered(
    windows: Sequence[Window],
    owners: NDArray[np.intp],
    speakers: int,
    speech: Sequence[tuple[float, float]],
    settings: Revising,
) -> list[Stretch]:
    """The windows put together, each counting most in its middle, as stretches."""
    first = windows[0].start
    cells = int((windows[-1].start + WINDOW_SECONDS - first) / GRID_SECONDS) + 1
    activity = np.zeros((cells, speakers), np.float32)
    total = np.zeros(cells, np.float32)
    for window, owner in zip(windows, owners, strict=True):
        length = len(window.activity) * FRAME_SECONDS + 2 * FIRST_SECONDS - FRAME_SECONDS
        begin = round((window.start - first) / GRID_SECONDS)
        inside = (np.arange(int(length / GRID_SECONDS)) + 0.5) * GRID_SECONDS
        frame = np.clip(
            np.rint((inside - FIRST_SECONDS) / FRAME_SECONDS).astype(int), 0, len(window.activity) - 1
        )
        weight = 0.05 + np.minimum(1.0, np.minimum(inside, length - inside) / settings.ramp).astype(
            np.float32
        )
        end = min(begin + len(inside), cells)
        total[begin:end] += weight[: end - begin]
        for local in np.flatnonzero(owner >= 0):
            heard = window.activity[frame, local] * (weight / 255)
            activity[begin:end, owner[local]] += heard[: end - begin]
    activity /= np.maximum(total, 1e-6)[:, np.newaxis]
    speaks = activity > settings.threshold
    _fill(speaks, [(start - first, end - first) for start, end in speech], settings.filled_nearby)
    found = [
        Stretch(first + start, first + end, speaker)
        for speaker in range(speakers)
        for start, end in _stretches(speaks[:, speaker], settings)
    ]
    return sorted(found, key=lambda stretch: (stretch.start, stretch.end))


def _fill(speaks: NDArray[np.bool_], speech: Sequence[tuple[float, float]], nearby: float) -> None:
    """Give speech of nobody to who speaks next to it, within `nearby` seconds, if that is one alone."""
    heard = np.zeros(len(speaks), bool)
    for start, end in speech:
        heard[max(0, round(start / GRID_SECONDS)) : max(0, round(end / GRID_SECONDS))] = True
    somebody = speaks.any(axis=1)
    places, missing = np.flatnonzero(somebody), np.flatnonzero(heard & ~somebody)
    if not len(places) or not len(missing):
        return
    after = (
        np.clip(np.searchsorted(places, missing), 1, len(places) - 1) if len(places) > 1 else np.zeros(1, int)
    )
    before = np.maximum(after - 1, 0)
    nearest = np.where(
        np.abs(places[after] - missing) < np.abs(places[before] - missing), places[after], places[before]
    )
    close = (np.abs(nearest - missing) * GRID_SECONDS <= nearby) & (speaks[nearest].sum(axis=1) == 1)
    speaks[missing[close]] = speaks[nearest[close]]


def _stretches(speaks: NDArray[np.bool_], settings: Revising) -> list[tuple[float, float]]:
    """Where one speaker speaks; short pauses are filled, short sounds left out."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], speaks, [0]])))
    found: list[tuple[float, float]] = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        begin, stop = start * GRID_SECONDS, end * GRID_SECONDS
        if found and begin - found[-1][1] < settings.filled_pause:
            found[-1] = (found[-1][0], stop)
        else:
            found.append((begin, stop))
    return [(start, end) for start, end in found if end - start >= settings.shortest]
