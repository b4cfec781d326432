"""Recognising people who are enrolled, so that a stranger is a stranger and not the nearest name.

A cosine alone says little: in noise all are low, and some voices are near everybody's. So it is held against
a cohort of people whom nobody here knows: adaptive score normalisation, symmetric, with the nearest 50 of 84.
Source: P. Matějka et al., "Analysis of Score Normalization in Multilingual Speaker Recognition" (2017).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from wallflower.speakers.embedding import SIZE, Embedding, similarities, unit
from wallflower.speakers.voiceprint import Voiceprint

_NEAREST = 50
_STEEPNESS = 1.5  # of confidence over score


@dataclass(frozen=True, slots=True)
class Recognising:
    """When a voice is known. Scores are in standard deviations above the cohort."""

    threshold: float = 3.85
    shortest: float = 1.0
    """Seconds of speech: less says nothing certain."""


class Verdict(StrEnum):
    """What a voice is found to be."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    UNSURE = "unsure"
    """Too short to tell."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """Who it is, or who it is most like. person: 0 when nobody is enrolled. score: see Recognising.
    confidence: 0 to 1, that it is this person.
    """

    verdict: Verdict
    person: int
    score: float
    confidence: float


class Recogniser:
    """Knows the voices of a household. Immutable: make another when they change."""

    def __init__(
        self, voiceprints: Mapping[int, Voiceprint], model: str, settings: Recognising | None = None
    ) -> None:
        """voiceprints: by person. Those of another model than `model` are left out."""
        known = {person: each for person, each in voiceprints.items() if each.model == model}
        self.left_out = tuple(person for person in voiceprints if person not in known)
        self._settings = settings or Recognising()
        self._people = tuple(known)
        centres = [unit(each.embeddings.mean(axis=0)) for each in known.values()]
        self._centres = np.stack(centres) if centres else np.zeros((0, SIZE), np.float32)
        self._means, self._deviations = _against(self._centres, cohort())

    @property
    def threshold(self) -> float:
        """The score from which on a voice is known."""
        return self._settings.threshold

    def identify(self, embedding: Embedding, seconds: float) -> Recognition:
        """Who among the enrolled this is. seconds: of speech that the embedding is made of."""
        if not self._people:
            return Recognition(Verdict.UNKNOWN, 0, -math.inf, 0.0)
        scores = self._scores(embedding)
        best = int(scores.argmax())
        return self._verdict(self._people[best], float(scores[best]), seconds)

    def verify(self, embedding: Embedding, seconds: float, person: int) -> Recognition:
        """Whether this is `person`. Raises KeyError when they are not enrolled."""
        if person not in self._people:
            raise KeyError(person)
        score = float(self._scores(embedding)[self._people.index(person)])
        return self._verdict(person, score, seconds)

    def _scores(self, embedding: Embedding) -> NDArray[np.float32]:
        mean, deviation = _against(embedding[np.newaxis], cohort())
        likeness = similarities(self._centres, embedding[np.newaxis])[:, 0]
        sides = (likeness - self._means) / self._deviations + (likeness - mean) / deviation
        return np.asarray(sides / 2, np.float32)

    def _verdict(self, person: int, score: float, seconds: float) -> Recognition:
        over = score - self._settings.threshold
        confidence = 1 / (1 + math.exp(min(-_STEEPNESS * over, 60.0)))
        if seconds < self._settings.shortest:
            return Recognition(Verdict.UNSURE, person, score, confidence)
        return Recognition(Verdict.KNOWN if over >= 0 else Verdict.UNKNOWN, person, score, confidence)


@cache
def cohort() -> NDArray[np.float32]:
    """Embeddings [84, 192] of people whom no household knows; `cohort.md` tells who."""
    stored = np.load(BytesIO((files("wallflower.speakers") / "cohort.npy").read_bytes()))
    return unit(stored.astype(np.float32))


def _against(
    embeddings: NDArray[np.float32], others: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and deviation of the likeness to the nearest of `others`."""
    nearest = np.sort(similarities(embeddings, others), axis=1)[:, -_NEAREST:]
    return nearest.mean(axis=1), np.maximum(nearest.std(axis=1), np.float32(1e-3))
