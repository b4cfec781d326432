"""Incremental clustering: each turn is given to the nearest speaker heard so far, or to a new one."""

import numpy as np
from numpy.typing import NDArray

from wallflower.speakers.embedding import SIZE, Embedding, similarities, unit
from wallflower.speakers.settings import Diarizing


class Centroids:
    """The speakers of one session, numbered in the order in which they were first heard."""

    def __init__(self, settings: Diarizing) -> None:
        self._settings = settings
        self._sums = np.zeros((0, SIZE), np.float32)

    def __len__(self) -> int:
        return len(self._sums)

    @property
    def _anybody(self) -> bool:
        """Whether anybody is known who was not forgotten."""
        return bool(self._sums.any())

    def of(self, speaker: int) -> Embedding:
        """What this speaker sounds like."""
        return unit(self._sums[speaker])

    def distances(self, embedding: Embedding) -> NDArray[np.float32]:
        """1 − cosine to each speaker; infinite to who is forgotten."""
        distances = np.float32(1) - similarities(unit(self._sums), embedding[np.newaxis])[:, 0]
        distances[~self._sums.any(axis=1)] = np.inf
        return distances

    def nearest(self, embedding: Embedding) -> int | None:
        """Who this most likely is, without learning anything; None when that is a new speaker, or nobody is
        known.
        """
        if not self._anybody:
            return None
        distances = self.distances(embedding)
        nearest = int(distances.argmin())
        return nearest if distances[nearest] < self._settings.new_speaker_distance else None

    def assign(self, embedding: Embedding, seconds: float) -> int | None:
        """Who speaks a turn of this length; None when it is too short to tell and nobody is known."""
        settings = self._settings
        speaker = self.nearest(embedding)
        if speaker is None:
            enough = settings.new_speaker_seconds if self._anybody else settings.first_speaker_seconds
            if seconds >= enough and len(self) < settings.most_speakers:
                self._sums = np.concatenate([self._sums, np.zeros((1, SIZE), np.float32)])
                speaker = len(self) - 1
            elif self._anybody:
                speaker = int(self.distances(embedding).argmin())
            else:
                return None
        if seconds >= settings.update_seconds or not self._sums[speaker].any():
            self._sums[speaker] += embedding * np.float32(min(seconds, settings.heaviest_turn))
        return speaker

    def relearn(self, speakers: dict[int, Embedding]) -> None:
        """Take over what these speakers sound like after a revision: vectors whose length is how many seconds
        they stand for. Numbers may be new; the others stay known as they were.
        """
        known = max(speakers, default=-1) + 1
        if known > len(self):
            more = np.zeros((known - len(self), SIZE), np.float32)
            self._sums = np.concatenate([self._sums, more])
        for speaker, total in speakers.items():
            self._sums[speaker] = total

    def forget(self, speaker: int) -> None:
        """Know nothing of this speaker any more; the number is not given again."""
        self._sums[speaker] = 0
