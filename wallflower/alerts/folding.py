"""Texts as they are compared: words without case, accents and punctuation."""

import unicodedata
from functools import lru_cache
from typing import NamedTuple

_ACCENTS = ("LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW", "ARMENIAN", "GEORGIAN")
"""Scripts in which a mark above or below a letter is an accent. In others it makes another letter of it."""
_WITHOUT_SPACES = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")
"""Scripts of the languages that are written without spaces between words."""


class FoldedWord(NamedTuple):
    """A word. text: folded, never empty. start, end: its place in the text, in characters."""

    text: str
    start: int
    end: int


def words_of(text: str) -> list[FoldedWord]:
    """The words of `text`; an apostrophe or a hyphen parts two."""
    words: list[FoldedWord] = []
    begin: int | None = None
    for place, sign in enumerate(f"{text} "):
        if _is_letter(sign):
            begin = place if begin is None else begin
        elif begin is not None:
            if folded := fold(text[begin:place]):
                words.append(FoldedWord(folded, begin, place))
            begin = None
    return words


@lru_cache(4096)
def fold(word: str) -> str:
    """`word` without case, width and accents; `ß` is `ss`."""
    kept: list[str] = []
    accented = False
    decomposed = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", word).casefold())
    for sign in decomposed:
        if unicodedata.category(sign) == "Mn":
            if accented:
                continue
        else:
            accented = _script_of(sign) in _ACCENTS
        kept.append(sign)
    return unicodedata.normalize("NFC", "".join(kept))


def without_spaces(text: str) -> bool:
    """Whether `text` has letters of a script that is written without spaces."""
    return any(_script_of(sign) in _WITHOUT_SPACES for sign in text)


@lru_cache(4096)
def _is_letter(sign: str) -> bool:
    return sign.isalnum() or unicodedata.category(sign)[0] == "M"


@lru_cache(4096)
def _script_of(sign: str) -> str:
    return unicodedata.name(sign, "").partition(" ")[0]
