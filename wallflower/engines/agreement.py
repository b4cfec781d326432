"""How far two models agree on what is said: pure functions of their texts.

Similarity is 1 − the character error rate of the normalised texts, pooled over all clips: edits in all clips
divided by characters in all clips. The distance is Levenshtein's, a row at a time in NumPy: 10 lines, quick
enough for what is compared here (0.2 s for 5,000 characters), where a library would be one more to install.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wallflower.engines.known import precision_of
from wallflower.models.catalog import ConvertSource, Model

LIMIT_TO_UNQUANTISED = 0.95
"""A conversion must be more like the unquantised one of its engine than this."""

LIMIT_BETWEEN_ENGINES = 0.90
"""Any two others must be more alike than this."""

_UNQUANTISED = ("f32", "fp32", "f16", "fp16")
"""The best first."""

_APOSTROPHES = str.maketrans("", "", "'’‘ʼ`´")
_FORMS = {"ggml", "openvino", "onnx"}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models to compare. reference: the id that counts as right; empty when neither does. limit: they
    must be more alike than this.
    """

    first: str
    second: str
    reference: str
    limit: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How alike two models are. similarity: 0 to 1."""

    pair: Pair
    similarity: float

    @property
    def good(self) -> bool:
        """Whether they are alike enough."""
        return self.similarity > self.pair.limit


def normalised(text: str) -> str:
    """Compatibility characters as plain ones, lower case, no punctuation or symbols, white space folded.

    Apostrophes go, other punctuation parts words.
    """
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = text.translate(_APOSTROPHES)
    letters = (" " if unicodedata.category(letter)[0] in "PSZC" else letter for letter in text)
    return " ".join("".join(letters).split())


def edit_distance(first: str, second: str) -> int:
    """Characters to insert, delete or replace to make one of the other.

    Source: Wagner and Fischer, "The String-to-String Correction Problem", 1974. Insertions run along a row,
    one more for each place: a running minimum of the costs, less their places, has them all at once.
    """
    letters = _codes(second)
    places = np.arange(len(letters) + 1)
    row = places.copy()
    for letter in _codes(first):
        above = np.empty_like(row)
        above[0] = row[0] + 1
        np.minimum(row[1:] + 1, row[:-1] + (letters != letter), out=above[1:])
        row = np.minimum.accumulate(above - places) + places
    return int(row[-1])


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def similarity(first: Sequence[str], second: Sequence[str], *, symmetric: bool = True) -> float:
    """1 − the pooled character error rate of the texts of `second`, clip by clip, at least 0.

    symmetric: divide by the longer text of each clip; else by that of `first`, which is taken for right. Of
    two that are silent throughout, 1.
    """
    pairs = [(normalised(one), normalised(other)) for one, other in zip(first, second, strict=True)]
    edits = sum(edit_distance(one, other) for one, other in pairs)
    characters = sum(max(len(one), len(other)) if symmetric else len(one) for one, other in pairs)
    if not characters:
        return 0.0 if edits else 1.0
    return max(0.0, 1 - edits / characters)


def pairs_of(models: Iterable[Model]) -> list[Pair]:
    """Who is compared with whom: each conversion with the unquantised one of its engine, if there is one, and
    every two models of different engines.
    """
    by_engine: dict[str, list[Model]] = {}
    for model in models:
        by_engine.setdefault(model.engine, []).append(model)
    pairs = [pair for those in by_engine.values() for pair in _within(those)]
    engines = list(by_engine.values())
    pairs += [
        Pair(one.id, other.id, "", LIMIT_BETWEEN_ENGINES)
        for place, those in enumerate(engines)
        for others in engines[place + 1 :]
        for one in those
        for other in others
    ]
    return pairs


def _within(models: Sequence[Model]) -> list[Pair]:
    """The pairs of one engine; without an unquantised one, each with each."""
    ranked = [model for kind in _UNQUANTISED for model in models if precision_of(model) == kind]
    if ranked:
        best = ranked[0].id
        return [Pair(best, each.id, best, LIMIT_TO_UNQUANTISED) for each in models if each.id != best]
    return [
        Pair(one.id, other.id, "", LIMIT_BETWEEN_ENGINES)
        for place, one in enumerate(models)
        for other in models[place + 1 :]
    ]


def agreements(pairs: Iterable[Pair], texts: Mapping[str, Sequence[str]]) -> list[Agreement]:
    """How alike the models of each pair are. texts: of all clips, by the model's id."""
    return [
        Agreement(pair, similarity(texts[pair.first], texts[pair.second], symmetric=not pair.reference))
        for pair in pairs
    ]


def family(model: Model) -> str:
    """What all conversions of one checkpoint share: its id, or theirs without engine and precision."""
    sources = [model.made, *(source for file in model.files for source in file.sources)]
    made_of = next((source.model for source in sources if isinstance(source, ConvertSource)), "")
    if made_of:
        return made_of
    words = model.id.split("-")
    return "-".join(word for word in words if word not in _FORMS and word != precision_of(model)) or model.id
