"""Words to expect: from the names and terms of a client or of the house to what an engine is asked.

An engine with hotwords of its own takes the list as it is; Whisper takes it in its prompt. Of several ways
to write names there, a list with commas and a full stop at its end did best. A command for each name ran
over the prompt's room and made Whisper invent words. Few names do better than many, the first ones better
than the last.
"""

from bisect import bisect
from collections.abc import Iterable, Iterator

PROMPT_COST = 223
"""What a list may cost, in Whisper's tokens: half of its places for text."""

_LONGEST = 64  # characters; no one says more at once
_LETTER_COST_FROM = 0, 0x80, 0x900  # ASCII; other alphabets; what is written in syllables or signs
_LETTER_COST = 0.37, 0.9, 1.7
_MOST = 2000  # words that are looked at: a client may send any number


def expected_words(*groups: Iterable[str], most: int = PROMPT_COST) -> tuple[str, ...]:
    """The words to expect, from `groups` in falling order of importance: names before terms.

    Each stands there once, whatever its case, on one line. What costs more than `most` tokens is left out,
    the last ones first. The cost is an estimate: only the engine knows its tokens.
    """
    words = []
    left = float(most - 1)  # the full stop
    for word in _distinct(groups):
        left -= token_cost(word)
        if left < 0:
            break
        words.append(word)
    return tuple(words)


def token_cost(word: str) -> float:
    """About how many of Whisper's tokens a word of a list takes with its comma, rather more than fewer.

    Measured: 2.8 letters a token in English, German and French, 2.2 in Polish, 2.3 in Russian, 1.2 in Korean,
    0.6 in Chinese.
    """
    return sum(_LETTER_COST[bisect(_LETTER_COST_FROM, ord(letter)) - 1] for letter in f"{word}, ")


def _distinct(groups: Iterable[Iterable[str]]) -> Iterator[str]:
    seen: set[str] = set()
    for number, word in enumerate(each for group in groups for each in group):
        if number == _MOST:
            return
        tidy = " ".join("".join(each if each.isprintable() else " " for each in word).split())
        if tidy and len(tidy) <= _LONGEST and tidy.casefold() not in seen:
            seen.add(tidy.casefold())
            yield tidy
