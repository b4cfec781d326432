"""How a word sounds, roughly and in any language: its spelling brought to a few classes of sounds.

Of the family of Soundex and Metaphone (Philips, "Hanging on the Metaphone", Computer Language 7 (12), 1990),
but of what the languages in Latin letters have in common, and with the vowels kept. Letters of other scripts
stand for themselves.
"""

import math
import re
import unicodedata
from functools import lru_cache
from itertools import accumulate

_VOWELS = frozenset("aeiouy")
_SPELLINGS = (
    (r"^[kg]n", "n"),
    (r"^wr", "r"),
    (r"^ps", "s"),
    (r"ph", "f"),
    (r"igh", "i"),
    (r"gh", "g"),
    (r"t?sch|tch|[cs]h|sz|cz|[cst]i(?=[oa])", "j"),
    (r"dge?|ge(?=.)|gi|j", "j"),
    (r"th", "t"),
    (r"wh?", "w"),
    (r"ck|qu?|c(?![eiy])", "k"),
    (r"c", "s"),
    (r"x", "ks"),
    (r"z", "s"),
    (r"(?<=[aeiou])h", ""),
    (r"(?<=[^aeiou])e$", ""),  # mute in English and French, weak in German
    (r"(.)\1+", r"\1"),
)
_RULES = tuple((re.compile(pattern), sound) for pattern, sound in _SPELLINGS)
_PAIRS = str.maketrans("bdgvn", "ptkfm")
"""Voiced and voiceless, and the nasals: what microphones and models mix up first."""
_WEAK = frozenset("hw")


def plain(word: str) -> str:
    """`word` without case, accents and whatever is no letter or digit."""
    folded = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in folded if letter.isalnum() and not unicodedata.combining(letter))


@lru_cache(4096)
def sound(letters: str) -> str:
    """The sounds of plain `letters`, a character each."""
    for pattern, replacement in _RULES:
        letters = pattern.sub(replacement, letters)
    return letters


def skeleton(sounds: str) -> str:
    """The consonants that carry a word, those that are easily mixed up made one."""
    return "".join(each for each in sounds if each not in _VOWELS and each not in _WEAK).translate(_PAIRS)


def difference(one: str, other: str, most: float = math.inf) -> float:
    """What it costs to make the sounds `one` into `other`: 1 for a consonant, less for what is alike.

    Levenshtein's distance with such costs; infinite where it is over `most`.
    """
    one, other = _without_same_ends(one, other)
    row = [0.0, *accumulate(map(_presence, other))]
    for here in one:
        presence = _presence(here)
        diagonal, row[0] = row[0], row[0] + presence
        for column, there in enumerate(other, 1):
            diagonal, row[column] = (
                row[column],
                min(
                    row[column] + presence,
                    row[column - 1] + _presence(there),
                    diagonal + _exchange(here, there),
                ),
            )
        if min(row) > most:
            return math.inf
    return row[-1] if row[-1] <= most else math.inf


def edits(one: str, other: str) -> int:
    """The fewest letters to add, drop or exchange to make `one` into `other` (Levenshtein)."""
    one, other = _without_same_ends(one, other)
    row = list(range(len(other) + 1))
    for here in one:
        diagonal, row[0] = row[0], row[0] + 1
        for column, there in enumerate(other, 1):
            diagonal, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, diagonal + (here != there)),
            )
    return row[-1]


def _without_same_ends(one: str, other: str) -> tuple[str, str]:
    """Both from the first character that differs to the last: no distance is in the rest."""
    shorter = min(len(one), len(other))
    begin = next((at for at in range(shorter) if one[at] != other[at]), shorter)
    rest = shorter - begin
    end = next((at for at in range(rest) if one[-1 - at] != other[-1 - at]), rest)
    return one[begin : len(one) - end], other[begin : len(other) - end]


@lru_cache(4096)
def _presence(sound: str) -> float:
    if sound in _WEAK:
        return 0.3
    return 0.5 if sound in _VOWELS else 1.0


@lru_cache(4096)
def _exchange(one: str, other: str) -> float:
    if one == other:
        return 0.0
    if one in _VOWELS and other in _VOWELS:
        return 0.3
    return 0.4 if one.translate(_PAIRS) == other.translate(_PAIRS) else 1.0
