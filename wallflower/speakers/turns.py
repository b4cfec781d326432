"""Turns: stretches of speech of one person, by the VAD and by where the voice changes.

The end of a turn is a pause, a change of voice, or the longest that a turn may last. A change is where two
windows of sound side by side have the least similar embeddings, and those are dissimilar enough.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.speakers.embedding import Embedding
from wallflower.speakers.settings import Diarizing
from wallflower.speech.vad import FRAME_SAMPLES

FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE

Embed = Callable[[float, float], Embedding | None]
"""The embedding of the sound between two times."""

_NEIGHBOURS = 2
"""On each side of a change, this many places are less of one."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Who speaks does so from start to end, in seconds from the session's start."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.end - self.start


class TurnFinder:
    """Finds the turns of one session, from speech probabilities that come in order, one a frame."""

    def __init__(self, settings: Diarizing, embed: Embed) -> None:
        self._settings = settings
        self._embed = embed
        self._hop = max(1, round(settings.change_hop / FRAME_SECONDS))
        self._span = max(1, round(settings.change_window / settings.change_hop))  # hops in a window
        self._pause = max(1, round(settings.pause / FRAME_SECONDS))
        self._frame = 0  # the next to come
        self._start: int | None = None  # the first frame of the turn under way
        self._free = 0.0  # before this no turn begins
        self._last = 0  # the last frame of speech
        self._windows: dict[int, Embedding | None] = {}  # by the frame where each ends
        self._origin = 0  # the frame where the hops were begun to count
        self._likeness: list[tuple[int, float]] = []  # a place, and how similar its two sides are

    @property
    def under_way(self) -> Turn | None:
        """The turn under way, up to now; None while nobody speaks."""
        if self._start is None:
            return None
        return Turn(self._begin(self._start), (self._last + 1) * FRAME_SECONDS)

    def feed(self, probabilities: Iterable[float]) -> list[Turn]:
        """Take the probabilities of the next frames; the turns that are complete with these."""
        done: list[Turn] = []
        for probability in probabilities:
            done += self._step(probability)
        return done

    def finish(self) -> list[Turn]:
        """End the stream: the turn under way, or what is in it, if there is one."""
        return [] if self._start is None else self._close()

    def _step(self, probability: float) -> list[Turn]:
        here = self._frame
        self._frame += 1
        if self._start is None:
            if probability >= self._settings.onset:
                self._open(here)
            return []
        if probability >= self._settings.offset:
            self._last = here
        elif here - self._last >= self._pause:
            return self._close()
        if (self._frame - self._origin) % self._hop == 0:
            self._look()
            if change := self._change(final=False):
                return self._cut(change)
        if (self._frame - self._start) * FRAME_SECONDS >= self._settings.longest_turn:
            return self._cut(self._frame)
        return []

    def _open(self, frame: int) -> None:
        self._start = self._last = self._origin = frame
        self._windows, self._likeness = {}, []

    def _look(self) -> None:
        """Compare the window that ends here with the one before it, once there is one."""
        middle = self._frame - self._span * self._hop
        if middle - self._span * self._hop < self._origin:
            return
        before, after = self._window(middle), self._window(self._frame)
        if before is not None and after is not None:
            self._likeness.append((middle, float(np.add.reduce(before * after))))

    def _window(self, end: int) -> Embedding | None:
        """The embedding of the window that ends at this frame; of most turns none is ever asked for."""
        if end not in self._windows:
            start = end - self._span * self._hop
            self._windows[end] = self._embed(start * FRAME_SECONDS, end * FRAME_SECONDS)
        return self._windows[end]

    def _change(self, *, final: bool) -> int | None:
        """The frame of the first change that is certain; at the end of speech, of one that may still be."""
        assert self._start is not None
        shortest = self._settings.shortest_between_changes
        for index, (frame, value) in enumerate(self._likeness):
            around = self._likeness[max(0, index - _NEIGHBOURS) : index + 1 + _NEIGHBOURS]
            if (
                value < self._settings.change_below
                and value <= min(each for _, each in around)
                and (final or index + _NEIGHBOURS < len(self._likeness))
                and (frame - self._start) * FRAME_SECONDS >= shortest
            ):
                return frame
        return None

    def _cut(self, frame: int) -> list[Turn]:
        """End a turn at `frame`, where the next one begins."""
        assert self._start is not None
        turn = Turn(self._begin(self._start), frame * FRAME_SECONDS)
        self._start, self._free = frame, turn.end
        self._likeness = [each for each in self._likeness if each[0] > frame]
        return [turn]

    def _close(self) -> list[Turn]:
        turns = []
        while (change := self._change(final=True)) is not None:
            turns += self._cut(change)
        assert self._start is not None
        margin = self._settings.margin
        end = min((self._last + 1) * FRAME_SECONDS + margin, self._frame * FRAME_SECONDS)
        last = Turn(self._begin(self._start), end)
        if (self._last + 1 - self._start) * FRAME_SECONDS >= self._settings.shortest_turn or turns:
            turns.append(last)
        self._start, self._free = None, last.end
        return turns

    def _begin(self, frame: int) -> float:
        return max(self._free, frame * FRAME_SECONDS - self._settings.margin, 0.0)
