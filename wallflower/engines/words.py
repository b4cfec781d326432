"""Words from a model's tokens: where one ends and the next begins, and when it was said."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wallflower.engines.base import Word
from wallflower.languages import WITHOUT_SPACES


@dataclass(frozen=True, slots=True)
class TimedToken:
    """A token of text. spelling: UTF-8, may end inside a character. start, end: seconds.
    log_probability: natural logarithm.
    """

    spelling: bytes
    start: float
    end: float
    log_probability: float


def words_of(tokens: Iterable[TimedToken], *, language: str, seconds: float) -> tuple[Word, ...]:
    """The words of a segment that lasts `seconds`, one after the other and inside it."""
    groups = _by_character(tokens) if language in WITHOUT_SPACES else _by_space(tokens)
    words = []
    earliest = 0.0
    for group in groups:
        text = b"".join(token.spelling for token in group).decode("utf-8", "replace").strip()
        if not text:
            continue
        start = min(max(group[0].start, earliest), seconds)
        earliest = end = min(max(group[-1].end, start), seconds)
        certainty = math.exp(sum(token.log_probability for token in group) / len(group))
        words.append(Word(text, round(start, 3), round(end, 3), min(1.0, certainty)))
    return tuple(words)


def _by_space(tokens: Iterable[TimedToken]) -> Iterator[Sequence[TimedToken]]:
    group: list[TimedToken] = []
    for token in tokens:
        if group and token.spelling.startswith(b" "):
            yield group
            group = []
        group.append(token)
    if group:
        yield group


def _by_character(tokens: Iterable[TimedToken]) -> Iterator[Sequence[TimedToken]]:
    group: list[TimedToken] = []
    for token in tokens:
        group.append(token)
        try:
            b"".join(token.spelling for token in group).decode()
        except UnicodeDecodeError:  # it goes on in the next token
            continue
        yield group
        group = []
    if group:
        yield group
