"""A text as pieces that can be compared and put together again: words, or signs where no spaces part them."""

import re
import unicodedata
from collections.abc import Sequence

from wallflower.languages import WITHOUT_SPACES

_WORD = re.compile(r"\s*\S+")


def split_pieces(text: str, language: str) -> list[str]:
    """The pieces of a text, each with the white space before it: joined they are the text, but for white
    space at its end. The first has none before it.
    """
    text = text.strip()
    return list(text) if language in WITHOUT_SPACES else _WORD.findall(text)


def continued(pieces: Sequence[str], language: str) -> list[str]:
    """The same pieces, to stand after other text: the first gets its space."""
    if not pieces or language in WITHOUT_SPACES:
        return list(pieces)
    return [" " + pieces[0].lstrip(), *pieces[1:]]


def same_key(piece: str) -> str:
    """What of a piece is compared: neither case nor punctuation. May be empty."""
    text = unicodedata.normalize("NFKC", piece).casefold()
    return "".join(sign for sign in text if unicodedata.category(sign)[0] in "LNMS")
