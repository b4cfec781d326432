"""Which words of a decoding stand in a text that was joined and repaired since, with their times."""

from collections.abc import Sequence
from dataclasses import replace

from wallflower.engines.base import Word
from wallflower.languages import WITHOUT_SPACES
from wallflower.speech.pieces import same_key, split_pieces


def placed_words(text: str, language: str, words: Sequence[Word]) -> list[Word]:
    """The words of `text` as it writes them, with the times of those that say the same; none where one of
    them has no counterpart. Words that the text leaves out do not matter: an overlap has some twice.
    """
    if language in WITHOUT_SPACES:
        whole = same_key("".join(word.text for word in words)) == same_key(text)
        return list(words) if whole else []
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
