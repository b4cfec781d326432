"""Windows of 10 s for the revision: segmented, and an embedding of each local speaker."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.speakers.embedding import POOLED_SAMPLES, SIZE, Embedder, Embedding, similarities
from wallflower.speakers.segmentation import FIRST_SECONDS, FRAME_SECONDS, LOCAL_SPEAKERS, Segmentation

_LEAST_ALONE = 0.2
_LEAST_SAMPLES = 4000


@dataclass(frozen=True, slots=True)
class Window:
    """What is kept of one window: 4 kB. start: seconds. activity: [frames, 3], of 255. embeddings: [3, 192],
    zero where nobody speaks alone for long enough to tell. alone: seconds that each speaks alone.
    """

    start: float
    activity: NDArray[np.uint8]
    embeddings: NDArray[np.float16]
    alone: NDArray[np.float32]


def look_at(
    samples: NDArray[np.int16], start: float, segmentation: Segmentation, embedder: Embedder
) -> Window | None:
    """The window of `samples`, which begin at `start` seconds; None when they are less than 0.25 s.

    Blocking: about 0.1 s for 10 s.
    """
    if len(samples) < _LEAST_SAMPLES:
        return None
    activity, alone = segmentation.activity(samples)
    seconds = (alone > 0.5).sum(axis=0).astype(np.float32) * np.float32(FRAME_SECONDS)
    embeddings = np.zeros((LOCAL_SPEAKERS, SIZE), np.float16)
    active = activity.max(axis=0) > 0.5
    # Who never speaks alone for long is known by all that they say.
    shares = np.where(seconds >= _LEAST_ALONE, np.where(alone > 0.5, alone, 0), activity)
    here = np.flatnonzero(active)
    if len(here):
        places = np.arange(len(samples) // POOLED_SAMPLES + 1) * POOLED_SAMPLES / SAMPLE_RATE - FIRST_SECONDS
        frames = np.clip(np.rint((places + 0.02) / FRAME_SECONDS).astype(int), 0, len(activity) - 1)
        embeddings[here] = embedder.embed_each(samples, shares[frames][:, here].T.copy())
    return Window(start, np.rint(activity * 255).astype(np.uint8), embeddings, seconds)


def forget_in(
    windows: Iterable[Window], voice: Embedding, turns: Sequence[tuple[float, float]], near: float
) -> None:
    """Drop the embeddings in `windows` of who sounds like `voice`, nearer than `near` (1 − cosine), and of
    who speaks mostly in `turns` (start and end in seconds).
    """
    for window in windows:
        times = window.start + FIRST_SECONDS + np.arange(len(window.activity)) * FRAME_SECONDS
        theirs = np.zeros(len(times), bool)
        for start, end in turns:
            theirs |= (times >= start) & (times < end)
        speaks = window.activity > 127
        likeness = similarities(window.embeddings.astype(np.float32), voice[np.newaxis])[:, 0]
        mostly = 2 * (speaks & theirs[:, np.newaxis]).sum(axis=0) > speaks.sum(axis=0)
        window.embeddings[(likeness > 1 - near) | mostly] = 0
