"""Which words of a decoding stand in a text that was joined and repaired since, with their times."""

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from wallflower.engines.base import Word
from wallflower.languages import WITHOUT_SPACES
from wallflower.speech.pieces import same_key, split_pieces

_SAME_SHARE = 2 / 3
"""Of the words of a text, so many are in the decoding, or it is another text."""


def placed_words(text: str, language: str, words: Sequence[Word]) -> list[Word]:
    """The words of `text` as it writes them, with the times of those that say the same; what is written
    otherwise ("1" for "one") has the time between its neighbours. None where too little says the same.
    Words that the text leaves out do not matter: an overlap has some twice.
    """
    if language in WITHOUT_SPACES:
        whole = same_key("".join(word.text for word in words)) == same_key(text)
        return list(words) if whole else []
    return _in_order(text, language, words) or _between_the_same(text, language, words)


def _in_order(text: str, language: str, words: Sequence[Word]) -> list[Word]:
    """Where each has a counterpart."""
    placed: list[Word] = []
    rest = iter(words)
    earliest = 0.0
    for piece in split_pieces(text, language):
        key = same_key(piece)
        if not key and placed:  # a dash between spaces is no word
            placed[-1] = replace(placed[-1], text=placed[-1].text + piece)
            continue
        word = next((each for each in rest if same_key(each.text) == key), None)
        if word is None:
            return []
        start = max(word.start, earliest)
        placed.append(replace(word, text=piece.strip(), start=start, end=max(word.end, start)))
        earliest = start
    return placed


def _between_the_same(text: str, language: str, words: Sequence[Word]) -> list[Word]:
    pieces: list[str] = []
    for piece in split_pieces(text, language):
        if same_key(piece):
            pieces.append(piece)
        elif pieces:
            pieces[-1] += piece
        else:
            return []
    keys, heard = [same_key(piece) for piece in pieces], [same_key(word.text) for word in words]
    changes = SequenceMatcher(None, heard, keys, autojunk=False).get_opcodes()
    same = sum(end - begin for tag, _, _, begin, end in changes if tag == "equal")
    if same < _SAME_SHARE * len(keys):
        return []
    placed: list[Word] = []
    for tag, first, last, begin, end in changes:
        if tag == "equal":
            found = list(words[first:last])
        else:
            earliest = placed[-1].end if placed else 0.0
            spread = (words[first].start, words[last - 1].end) if last > first else (earliest, earliest)
            found = _spread(end - begin, *spread)
        placed += [
            replace(word, text=piece.strip())
            for word, piece in zip(found, pieces[begin:end], strict=tag == "equal")
        ]
    return _forwards(placed)


def _spread(count: int, start: float, end: float) -> list[Word]:
    """Words that share a time among them; nothing is known of them but that."""
    step = (max(start, end) - start) / max(1, count)
    return [Word("", start + step * number, start + step * (number + 1)) for number in range(count)]


def _forwards(placed: Sequence[Word]) -> list[Word]:
    """With times that never go back."""
    ordered: list[Word] = []
    for word in placed:
        start = max(word.start, ordered[-1].start) if ordered else word.start
        ordered.append(replace(word, start=start, end=max(word.end, start)))
    return ordered
