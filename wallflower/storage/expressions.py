"""What people type, as an FTS5 expression that is always valid.

Words must all occur, in any order; "words in quotes" in this order, one after the other; a word with * at its
end stands for all words that begin so. Nothing else has a meaning: AND, brackets and the like are text.
Source of the syntax: https://www.sqlite.org/fts5.html#full_text_query_syntax
"""

import re
import unicodedata

_MOST_CHARACTERS = 1000
_MOST_PIECES = 32
_PIECE = re.compile(r'"([^"]*)"?|([^\s"]+)')
# What the tokenizer unicode61 takes for a part of a word.
_LETTERS = ("L", "N", "Co")
# Written without spaces: a run of these is one token, so only its beginning can be found.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def match_expression(typed: str) -> str | None:
    """The expression for what was typed; None when there is nothing in it to look for.

    Looks at the first 1,000 characters and the first 32 pieces.
    """
    pieces = []
    for quoted, bare in _PIECE.findall(typed[:_MOST_CHARACTERS]):
        text = _searchable(quoted or bare)
        if text is None:
            continue
        begins = bool(bare and bare.endswith("*")) or bool(_UNSPACED.search(text))
        pieces.append(f'"{text}"*' if begins else f'"{text}"')
    return " ".join(pieces[:_MOST_PIECES]) or None


def label_expression(source: int | None, language: str | None, speaker: str | None) -> str | None:
    """The expression for the tokens in `labels` (migrations/0001); None when nothing is asked for.

    speaker: as utterances have it, an id as text or empty.
    """
    labels = [] if source is None else [f"s{source}"]
    if language is not None:
        labels.append("l" + _hex(language))
    if speaker is not None:
        labels.append("p" + _hex(speaker))
    return " ".join(labels) or None


def _searchable(text: str) -> str | None:
    kept = "".join(" " if unicodedata.category(c) in {"Cc", "Cs"} else c for c in text)
    return kept if any(unicodedata.category(c).startswith(_LETTERS) for c in kept) else None


def _hex(text: str) -> str:
    return text.encode("utf-8", "replace").hex()
