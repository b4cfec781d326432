"""Whether words that matter are in a text.

Case, accents and punctuation do not count. A phrase is found as whole words, or anywhere where its script has
no spaces. Near misses are found, if asked for, by letters (Levenshtein) and by sounds (`speech/sounds.py`).
Patterns are RE2's (github.com/google/re2): its time grows with the text alone, whatever the pattern, so that
none can hold the loop up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from wallflower.alerts.folding import FoldedWord, without_spaces, words_of
from wallflower.speech.sounds import difference, edits, sound

_LONGEST_TEXT = 5_000
"""Characters; of a longer text the end is looked at. Half a minute of speech has about 500."""
_LONGEST_PATTERN = 200
_PATTERN_MEMORY = 256 << 10
_SHORTEST_FUZZY = 5
"""Letters. Of a shorter word every other one is a near miss."""
_NEAR_LETTERS = 0.25
_NEAR_SOUNDS = 0.15
"""The most that letters and sounds may differ, as a share of the phrase's."""


class PatternError(ValueError):
    """This is no pattern that RE2 takes."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """text: as it was given. words: folded. letters, sounds: of all of them together."""

    text: str
    words: tuple[str, ...]
    letters: str
    sounds: str
    anywhere: bool
    """Written without spaces: found inside words, too."""


@dataclass(frozen=True, slots=True)
class Found:
    """phrase: the phrase or pattern that was given. heard: what was in the text for it."""

    phrase: str
    heard: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Letters [begin, end) of the folded text, joined. words: of which to which."""

    begin: int
    end: int
    words: tuple[int, int]


class _Folded:
    """A text, made ready to be searched."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words: list[FoldedWord] = words_of(text)
        self.plain = [word.text for word in self.words]
        self.joined = "".join(self.plain)
        self.begins = [0, *accumulate(map(len, self.plain))]

    def heard(self, place: _Place) -> str:
        first, last = place.words
        return self.text[self.words[first].start : self.words[last - 1].end]

    def place(self, first: int, end: int) -> _Place:
        return _Place(self.begins[first], self.begins[end], (first, end))

    def places(self, phrase: Phrase) -> Iterator[_Place]:
        """Where `phrase` is, letter by letter."""
        if phrase.anywhere:
            begin = self.joined.find(phrase.letters)
            while begin >= 0:
                end = begin + len(phrase.letters)
                first = max(n for n, at in enumerate(self.begins) if at <= begin)
                last = next(n for n, at in enumerate(self.begins) if at >= end)
                yield _Place(begin, end, (first, last))
                begin = self.joined.find(phrase.letters, begin + 1)
            return
        count = len(phrase.words)
        for first in range(len(self.words) - count + 1):
            if tuple(self.plain[first : first + count]) == phrase.words:
                yield self.place(first, first + count)

    def near_places(self, phrase: Phrase) -> Iterator[_Place]:
        """Where something is that looks and sounds much like `phrase`."""
        most_letters = int(_NEAR_LETTERS * len(phrase.letters))
        most_sounds = _NEAR_SOUNDS * len(phrase.sounds)
        for first in range(len(self.words)):
            for count in range(max(1, len(phrase.words) - 1), len(phrase.words) + 2):
                end = first + count
                if end > len(self.words):
                    break
                heard = self.joined[self.begins[first] : self.begins[end]]
                if (
                    abs(len(heard) - len(phrase.letters)) <= most_letters
                    and _digits(heard) == _digits(phrase.letters)
                    and edits(heard, phrase.letters) <= most_letters
                    and difference(sound(heard), phrase.sounds, most_sounds) <= most_sounds
                ):
                    yield self.place(first, end)

    def may_become(self, phrase: Phrase, place: _Place) -> bool:
        """Whether more words could make `phrase` of the end of the text, with `place` in it."""
        if phrase.anywhere:
            begins: Sequence[int] = range(max(0, len(self.joined) - len(phrase.letters) + 1), place.end)
            return any(phrase.letters.startswith(self.joined[begin:]) for begin in begins)
        first = max(0, len(self.words) - len(phrase.words) + 1)
        return any(
            tuple(self.plain[begin:]) == phrase.words[: len(self.words) - begin]
            for begin in range(first, place.words[1])
        )


def phrase_of(text: str) -> Phrase | None:
    """`text` made ready; None when it has no letter or digit."""
    words = tuple(word.text for word in words_of(text))
    if not words:
        return None
    letters = "".join(words)
    return Phrase(text.strip(), words, letters, sound(letters), without_spaces(letters))


@dataclass(frozen=True, slots=True)
class Keywords:
    """What to look for. phrases: any of them, but not inside one of `but_not`. pattern: compiled by
    `pattern_of`, or None. fuzzy: near misses of phrases count.
    """

    phrases: tuple[Phrase, ...] = ()
    but_not: tuple[Phrase, ...] = ()
    pattern: Any = None
    fuzzy: bool = False

    def find(self, text: str, *, final: bool = True) -> Found | None:
        """The first that is in `text`, or None.

        final: False when more words may come; then one that those may make part of an exception is left.
        """
        folded = _Folded(text[-_LONGEST_TEXT:])
        exceptions = [place for phrase in self.but_not for place in folded.places(phrase)]
        for phrase in self.phrases:
            for place in self._places(folded, phrase):
                if any(each.begin < place.end and place.begin < each.end for each in exceptions):
                    continue
                if not final and any(folded.may_become(each, place) for each in self.but_not):
                    continue
                return Found(phrase.text, folded.heard(place))
        if self.pattern is not None and (match := self.pattern.search(folded.text)):
            return Found(self.pattern.pattern, match.group())
        return None

    def _places(self, folded: _Folded, phrase: Phrase) -> Iterator[_Place]:
        yield from folded.places(phrase)
        if self.fuzzy and not phrase.anywhere and len(phrase.letters) >= _SHORTEST_FUZZY:
            yield from folded.near_places(phrase)


def pattern_of(text: str) -> Any:
    """`text` as a compiled pattern that ignores case. Raises PatternError."""
    if len(text) > _LONGEST_PATTERN:
        raise PatternError(f"it is longer than {_LONGEST_PATTERN} characters")
    import re2

    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    try:
        compiled = re2.compile(text, options)
    except re2.error as error:
        told = error.args[0] if error.args else ""
        raise PatternError(
            told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
        ) from error
    if compiled.search("") is not None:
        raise PatternError("it is met by a text without words")
    return compiled


def _digits(letters: str) -> str:
    return "".join(filter(str.isdigit, letters))
