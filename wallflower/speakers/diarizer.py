"""Diarization of one session: who speaks, while it is being said, and looked at again later."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.speakers.centroids import Centroids
from wallflower.speakers.embedding import Embedder, Embedding
from wallflower.speakers.level import Levelling
from wallflower.speakers.recent import RecentSound
from wallflower.speakers.revision import Stretch, revise
from wallflower.speakers.segmentation import WINDOW_SECONDS, Segmentation
from wallflower.speakers.settings import Diarizing, Revising
from wallflower.speakers.stable import stable_numbers
from wallflower.speakers.turns import FRAME_SECONDS, Turn, TurnFinder
from wallflower.speakers.windows import Window, forget_in, look_at
from wallflower.speech.vad import FRAME_SAMPLES, SileroVad, VadState


@dataclass(frozen=True, slots=True)
class SpeakerModels:
    """What diarization runs on, shared by all sessions. Without segmentation nothing is revised."""

    vad: SileroVad
    embedder: Embedder
    segmentation: Segmentation | None = None


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """A turn and who speaks in it. speaker: a number within the session, None when it cannot be told yet.

    provisional: the turn is under way, and ends later than it says. embedding: of a complete turn.
    """

    start: float
    end: float
    speaker: int | None
    provisional: bool = False
    embedding: Embedding | None = None


class Diarizer:
    """Takes the sound of one session in order. Blocking: about 3 % of real time. One thread at a time."""

    def __init__(
        self, models: SpeakerModels, settings: Diarizing | None = None, revising: Revising | None = None
    ) -> None:
        self.thrifty = False
        """Set where the box has no time: no changes of voice are looked for, and no windows for a revision.
        """
        self._models = models
        self._settings = settings or Diarizing()
        self._revising = revising or Revising()
        self._vad = VadState()
        self._levelling = Levelling(self._settings)
        kept = max(self._settings.longest_turn, WINDOW_SECONDS) + self._revising.hop
        self._sound = RecentSound(round(kept * SAMPLE_RATE))
        self._turns = TurnFinder(self._settings, self._embed_for_change)
        self._centroids = Centroids(self._settings)
        self._spoken: deque[SpokenTurn] = deque()
        self._windows: deque[Window] = deque()
        self._next_window = 0.0
        self._told: float | None = None  # the start of the turn of which a provisional label was given
        self._revised: list[Stretch] = []  # by the last revision
        self._revised_to = 0.0
        self._rest = np.zeros(0, np.int16)

    @property
    def clock(self) -> float:
        """Seconds of sound of which it is known who speaks: up to the turn under way."""
        under_way = self._turns.under_way
        return self._sound.end / SAMPLE_RATE if under_way is None else under_way.start

    @property
    def spoken(self) -> Sequence[SpokenTurn]:
        """The complete turns of the last hour."""
        return tuple(self._spoken)

    def feed(self, samples: NDArray[np.int16], *, quiet: bool = False) -> list[SpokenTurn]:
        """Take the next mono 16 kHz sound; the turns complete with it, and a provisional one if it is new.

        quiet: it is known that nobody speaks in it, so it is not listened to.
        """
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // FRAME_SAMPLES * FRAME_SAMPLES
        self._rest = samples[whole:].copy()
        found: list[SpokenTurn] = []
        # In pieces of half a second: what a turn needs of the sound must not have gone by.
        for frames in _pieces(samples[:whole].reshape(-1, FRAME_SAMPLES)):
            self._sound.add(frames.reshape(-1))
            if quiet:
                probabilities = [0.0] * len(frames)
            else:
                levelled = self._levelling.apply(frames, FRAME_SECONDS)
                probabilities = self._models.vad.probabilities(levelled, self._vad).tolist()
            found += [self._complete(turn) for turn in self._turns.feed(probabilities)]
            found += self._provisional()
            self._look_at_windows()
        return found

    def finish(self) -> list[SpokenTurn]:
        """End the sound: the turns that it leaves complete. `revise` may still be called."""
        found = [self._complete(turn) for turn in self._turns.finish()]
        end = self._sound.end / SAMPLE_RATE
        if not self._windows or self._windows[-1].start + WINDOW_SECONDS < end:
            self._look_at_window(max(0.0, end - WINDOW_SECONDS), end)
        return found

    def voice(self, speaker: int) -> Embedding | None:
        """What this speaker sounds like by all that was heard; None when that is not known."""
        return self._centroids.of(speaker) if speaker < len(self._centroids) else None

    def forget(self, speaker: int) -> None:
        """Keep nothing of how this person sounds; when they speak again, they are somebody new."""
        if speaker < len(self._centroids):
            turns = [(turn.start, turn.end) for turn in self._spoken if turn.speaker == speaker]
            self._revised = [each for each in self._revised if each.speaker != speaker]
            forget_in(self._windows, self._centroids.of(speaker), turns, self._revising.join_below)
            self._centroids.forget(speaker)
        self._spoken = deque(
            replace(turn, speaker=None, embedding=None) if turn.speaker == speaker else turn
            for turn in self._spoken
        )

    def revise(self) -> list[Stretch]:
        """Look again at the last hour as far as windows go: who spoke when, overlap included, under the
        numbers that these speakers have. What comes later is told with what was learnt. Empty when there is
        nothing.
        """
        if not self._windows:
            return []
        first, last = self._windows[0].start, self._windows[-1].start + WINDOW_SECONDS
        inside = [turn for turn in self._spoken if turn.end > first and turn.start < last]
        revision = revise(
            self._windows, self._revising, [(turn.start, turn.end, turn.embedding) for turn in inside]
        )
        numbers = stable_numbers(revision.stretches, self._known_before(inside), unused=len(self._centroids))
        self._revised = [Stretch(each.start, each.end, numbers[each.speaker]) for each in revision.stretches]
        self._revised_to = last
        self._centroids.relearn(
            {
                number: revision.centroids[cluster] * revision.seconds[cluster]
                for cluster, number in numbers.items()
                if revision.seconds[cluster] > 0
            }
        )
        return list(self._revised)

    def _known_before(self, turns: Iterable[SpokenTurn]) -> list[Stretch]:
        """Who was found to speak when: by the last revision, and by the turns after it. A speaker whom only a
        revision tells apart has no turn, and is to be the same in the next one.
        """
        later = [
            Stretch(max(turn.start, self._revised_to), turn.end, turn.speaker)
            for turn in turns
            if turn.speaker is not None and turn.end > self._revised_to
        ]
        return [*self._revised, *later]

    def _complete(self, turn: Turn) -> SpokenTurn:
        embedding = self._embed(turn.start, turn.end)
        speaker = None if embedding is None else self._centroids.assign(embedding, turn.seconds)
        spoken = SpokenTurn(turn.start, turn.end, speaker, embedding=embedding)
        self._spoken.append(spoken)
        oldest = turn.end - self._settings.remembered
        while self._spoken[0].end < oldest:
            self._spoken.popleft()
        return spoken

    def _provisional(self) -> Iterable[SpokenTurn]:
        """The turn under way, once, when so much was said that its speaker may be known."""
        turn = self._turns.under_way
        if turn is None or turn.start == self._told or turn.seconds < self._settings.provisional_after:
            return
        self._told = turn.start
        embedding = self._embed(turn.start, turn.end)
        speaker = None if embedding is None else self._centroids.nearest(embedding)
        yield SpokenTurn(turn.start, turn.end, speaker, provisional=True)

    def _embed(self, start: float, end: float) -> Embedding | None:
        return self._models.embedder.embed(self._sound.between(start, end))

    def _embed_for_change(self, start: float, end: float) -> Embedding | None:
        return None if self.thrifty else self._embed(start, end)

    def _look_at_windows(self) -> None:
        end = self._sound.end / SAMPLE_RATE
        while self._next_window + WINDOW_SECONDS <= end:
            start = self._next_window
            self._next_window += self._revising.hop
            if not self.thrifty:
                self._look_at_window(start, start + WINDOW_SECONDS)

    def _look_at_window(self, start: float, end: float) -> None:
        """Keep what is in a window, if anybody speaks in it."""
        if self._models.segmentation is None or not self._has_speech(start, end):
            return
        sound = self._sound.between(start, end)
        window = look_at(sound, start, self._models.segmentation, self._models.embedder)
        if window is not None:
            self._windows.append(window)
            while self._windows[0].start < start - self._settings.remembered:
                self._windows.popleft()

    def _has_speech(self, start: float, end: float) -> bool:
        under_way = self._turns.under_way
        if under_way is not None and under_way.start < end:
            return True
        for turn in reversed(self._spoken):
            if turn.end <= start:
                return False
            if turn.start < end:
                return True
        return False


def _pieces(frames: NDArray[np.int16]) -> Iterable[NDArray[np.int16]]:
    for begin in range(0, len(frames), 16):
        yield frames[begin : begin + 16]
