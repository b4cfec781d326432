"""Windows put together again on one grid of time, now that it is known who each local speaker is."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from wallflower.speakers.segmentation import FIRST_SECONDS, FRAME_SECONDS, WINDOW_SECONDS
from wallflower.speakers.settings import Revising
from wallflower.speakers.windows import Window

GRID_SECONDS = 0.02


class Rendering:
    """Who speaks in each 20 ms."""

    def __init__(
        self, windows: Sequence[Window], owners: NDArray[np.intp], speakers: int, settings: Revising
    ) -> None:
        """windows: in order of start, each counting most in its middle. owners: [windows, 3], who each local
        speaker is, of `speakers`; -1 for nobody.
        """
        self._settings = settings
        self._first = windows[0].start
        self._speaks = _activity(windows, owners, speakers, settings) > settings.threshold

    def fill(self, speech: Sequence[tuple[float, float]]) -> None:
        """Give speech (start and end in seconds) of nobody to who speaks next to it, within
        `settings.filled_nearby`, if that is one alone.
        """
        speaks = self._speaks
        heard = np.zeros(len(speaks), bool)
        for start, end in speech:
            heard[self._cells(start, end)] = True
        somebody = speaks.any(axis=1)
        places, missing = np.flatnonzero(somebody), np.flatnonzero(heard & ~somebody)
        if not len(places) or not len(missing):
            return
        after = np.minimum(np.searchsorted(places, missing), len(places) - 1)
        before = np.maximum(after - 1, 0)
        nearest = np.where(
            np.abs(places[after] - missing) < np.abs(places[before] - missing), places[after], places[before]
        )
        near = np.abs(nearest - missing) * GRID_SECONDS <= self._settings.filled_nearby
        close = near & (speaks[nearest].sum(axis=1) == 1)
        speaks[missing[close]] = speaks[nearest[close]]

    def witness(self, start: float, end: float, likeness: NDArray[np.float32]) -> None:
        """Take it from a turn of one voice, as `likeness` [speakers] has it, who speaks from start to end
        (seconds). The windows know better where they hear several there, and where these sound alike.
        """
        here = self._speaks[self._cells(start, end)]
        alone = here.sum(axis=1) == 1
        if not alone.any():
            return
        who = here.argmax(axis=1)
        if np.bincount(who[alone]).max() < self._settings.least_agreement * alone.sum():
            return
        best = likeness.argmax()
        wrong = alone & (likeness[best] - likeness[who] > self._settings.least_advantage)
        here[wrong] = False
        here[wrong, best] = True

    def stretches(self) -> list[tuple[float, float, int]]:
        """Start, end (seconds) and speaker, in order of start; short pauses are filled, short sounds left
        out.
        """
        found = [
            (self._first + start, self._first + end, speaker)
            for speaker in range(self._speaks.shape[1])
            for start, end in self._of_one(self._speaks[:, speaker])
        ]
        return sorted(found)

    def _of_one(self, speaks: NDArray[np.bool_]) -> Iterator[tuple[float, float]]:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], speaks, [0]])))
        joined: list[tuple[float, float]] = []
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            begin, stop = start * GRID_SECONDS, end * GRID_SECONDS
            if joined and begin - joined[-1][1] < self._settings.filled_pause:
                joined[-1] = (joined[-1][0], stop)
            else:
                joined.append((begin, stop))
        return (each for each in joined if each[1] - each[0] >= self._settings.shortest)

    def _cells(self, start: float, end: float) -> slice:
        begin, stop = (max(0, round((at - self._first) / GRID_SECONDS)) for at in (start, end))
        return slice(begin, stop)


def _activity(
    windows: Sequence[Window], owners: NDArray[np.intp], speakers: int, settings: Revising
) -> NDArray[np.float32]:
    """How much each speaks in each cell of the grid, [cells, speakers], 0 to 1."""
    first = windows[0].start
    cells = int((windows[-1].start + WINDOW_SECONDS - first) / GRID_SECONDS) + 1
    activity = np.zeros((cells, speakers), np.float32)
    total = np.zeros(cells, np.float32)
    for window, owner in zip(windows, owners, strict=True):
        length = len(window.activity) * FRAME_SECONDS + 2 * FIRST_SECONDS - FRAME_SECONDS
        begin = round((window.start - first) / GRID_SECONDS)
        inside = (np.arange(int(length / GRID_SECONDS)) + 0.5) * GRID_SECONDS
        frame = np.rint((inside - FIRST_SECONDS) / FRAME_SECONDS).astype(int)
        frame = np.clip(frame, 0, len(window.activity) - 1)
        weight = 0.05 + np.minimum(1, np.minimum(inside, length - inside) / settings.ramp).astype(np.float32)
        end = min(begin + len(inside), cells)
        total[begin:end] += weight[: end - begin]
        for local in np.flatnonzero(owner >= 0):
            heard = window.activity[frame, local] * (weight / 255)
            activity[begin:end, owner[local]] += heard[: end - begin]
    activity /= np.maximum(total, 1e-6)[:, np.newaxis]
    return activity
