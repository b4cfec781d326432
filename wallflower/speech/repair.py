"""Names that were misheard, put right in the text: what sounds and looks much like a name becomes that name.

No engine is needed for it. It is careful, since there is no dictionary to say which words are ordinary: a
single word must be very close; a name of several words may differ more in one when others were heard. A
word that is part of another name was heard rightly.
Candidates are found by deletions on both sides, as in SymSpell (Garbe, github.com/wolfgarbe/SymSpell,
2012), on the consonants: the time grows with the text, less with the number of names.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from wallflower.speech.sounds import difference, edits, plain, skeleton, sound

_WORD = re.compile(r"[^\W_]+")
_JOIN = re.compile(r"\s+|['’‐‑-]")  # what may stand inside a name as it is heard; no other punctuation

_SHORTEST = 5
"""Letters. A shorter name is left alone: "Ina" would be found in every "in a"."""
_LONGEST_WORDS = 8
"""A longer name is not looked for."""
_PART_HEARD = 1 / 3
"""From this share of its letters on, in whole words, the name is partly heard: the rest may differ more."""
_WHOLE = 0.12, 0.25
_REST = 0.25, 0.5
"""The most that sounds and letters may differ, as a share of the name's: of all of it, of its rest."""
_OTHER_WORDS = 0.05
"""The most that the sounds may differ where the name is heard as another number of words."""


@dataclass(frozen=True, slots=True)
class _Name:
    """A name as it is compared. words: plain; letters, sounds: of all of them together."""

    text: str
    words: tuple[str, ...]
    letters: str
    sounds: str


@dataclass(frozen=True, slots=True)
class _Names:
    """Names, made ready. by_consonants: those that have such consonants, but for one."""

    by_words: dict[tuple[str, ...], _Name]
    by_letters: dict[str, _Name]
    by_consonants: dict[str, list[_Name]]
    words: frozenset[str]
    most_words: int
    letters: range


@dataclass(frozen=True, slots=True)
class _Match:
    """Words [first, end) of the text that are, or are taken for, a name. cost: 0 for the name itself."""

    cost: float
    first: int
    end: int
    name: _Name


def repair_names(text: str, names: Collection[str]) -> str:
    """`text` with near misses of `names` replaced by them; all else stays as it is, letter by letter.

    A name that is there already is left in the case it has. Never across punctuation.
    """
    ready = _made_ready(tuple(names))
    if not ready.by_words:
        return text
    places = [match.span() for match in _WORD.finditer(text)]
    words = [plain(text[start:end]) for start, end in places]
    joined = [_JOIN.fullmatch(text, end, start) is not None for (_, end), (start, _) in pairwise(places)]
    taken = [False] * len(words)
    repairs = []
    # What is certain comes first, and of equals what explains more words.
    for match in sorted(_matches(words, joined, ready), key=lambda each: (each.cost, each.first - each.end)):
        if any(taken[match.first : match.end]):
            continue
        taken[match.first : match.end] = [True] * (match.end - match.first)
        if tuple(words[match.first : match.end]) != match.name.words:
            repairs.append(match)
    for match in sorted(repairs, key=lambda each: each.first, reverse=True):
        start, end = places[match.first][0], places[match.end - 1][1]
        text = text[:start] + _written(match.name.text, text[start]) + text[end:]
    return text


def _written(name: str, first: str) -> str:
    """`name`, with a capital where the words it replaces began with one."""
    return name[0].upper() + name[1:] if first.isupper() and name[0].upper().lower() == name[0] else name


@lru_cache(8)
def _made_ready(names: tuple[str, ...]) -> _Names:
    by_words: dict[tuple[str, ...], _Name] = {}
    for text in names:
        words = tuple(filter(None, map(plain, _WORD.findall(text))))
        if 0 < len(words) <= _LONGEST_WORDS:
            letters = "".join(words)
            by_words.setdefault(words, _Name(text.strip(), words, letters, sound(letters)))
    by_letters: dict[str, _Name] = {}
    by_consonants: dict[str, list[_Name]] = {}
    for name in by_words.values():
        if len(name.letters) >= _SHORTEST:
            by_letters.setdefault(name.letters, name)
            for consonants in _but_for_one(skeleton(name.sounds)):
                by_consonants.setdefault(consonants, []).append(name)
    lengths = [len(letters) for letters in by_letters] or [0]
    return _Names(
        by_words,
        by_letters,
        by_consonants,
        frozenset(word for words in by_words for word in words),
        max(map(len, by_words), default=0),
        range(min(lengths) * 3 // 4, max(lengths) * 5 // 4 + 1),
    )


def _but_for_one(consonants: str) -> set[str]:
    """`consonants`, and what is left of them without one; of few, each counts."""
    if len(consonants) < 4:
        return {consonants}
    return {consonants, *(consonants[:at] + consonants[at + 1 :] for at in range(len(consonants)))}


def _matches(words: Sequence[str], joined: Sequence[bool], names: _Names) -> Iterator[_Match]:
    """All windows of words that could be a name; they may overlap."""
    for first in range(len(words)):
        heard, whole = "", True
        for end in range(first + 1, min(first + names.most_words + 1, len(words)) + 1):
            window = tuple(words[first:end])
            whole = whole and (end == first + 1 or joined[end - 2])
            heard += window[-1]
            if (name := names.by_words.get(window)) is not None:
                yield _Match(0.0, first, end, name)  # also with punctuation of its own inside
            elif whole and len(heard) in names.letters:
                yield from _near(window, heard, first, names)


def _near(window: tuple[str, ...], heard: str, first: int, names: _Names) -> Iterator[_Match]:
    """The names that `window` is a near miss of. heard: its letters."""
    end = first + len(window)
    if (name := names.by_letters.get(heard)) is not None:
        yield _Match(0.01, first, end, name)  # only its spaces were heard differently
        return
    sounds = sound(heard)
    seen = set()
    for consonants in _but_for_one(skeleton(sounds)):
        for name in names.by_consonants.get(consonants, ()):
            if name.words in seen:
                continue
            seen.add(name.words)
            if _plausible(window, heard, name, names.words) and _is_near(window, heard, sounds, name):
                yield _Match(0.02 + difference(sounds, name.sounds) / len(name.sounds), first, end, name)


def _plausible(window: tuple[str, ...], heard: str, name: _Name, known: frozenset[str]) -> bool:
    """Whether nothing that is quick to see speaks against it."""
    return (
        abs(len(window) - len(name.words)) <= 1
        and 4 * abs(len(heard) - len(name.letters)) <= len(name.letters) + 3
        and _digits(heard) == _digits(name.letters)
        and not any(word in known and word not in name.words for word in window)
    )


def _is_near(window: tuple[str, ...], heard: str, sounds: str, name: _Name) -> bool:
    heard_rest, name_rest = _without_common(window, name.words)
    if not heard_rest or not name_rest:
        return False  # only words more or fewer: nothing was misheard
    if len(name_rest) <= (1 - _PART_HEARD) * len(name.letters):
        return _differ_at_most(_REST, heard_rest, name_rest, sound(heard_rest), sound(name_rest))
    limits = _WHOLE if len(window) == len(name.words) else (_OTHER_WORDS, _WHOLE[1])
    return _differ_at_most(limits, heard, name.letters, sounds, name.sounds)


def _differ_at_most(
    limits: tuple[float, float], heard: str, name: str, sounds: str, name_sounds: str
) -> bool:
    in_sound, in_letters = limits
    most = in_sound * len(name_sounds)
    return difference(sounds, name_sounds, most) <= most and edits(heard, name) <= in_letters * len(name)


def _without_common(window: Sequence[str], name: Sequence[str]) -> tuple[str, str]:
    """The letters of each whose words the other does not have."""
    heard, left = [], list(name)
    for word in window:
        if word in left:
            left.remove(word)
        else:
            heard.append(word)
    return "".join(heard), "".join(left)


def _digits(letters: str) -> str:
    return "".join(letter for letter in letters if letter.isdigit())
