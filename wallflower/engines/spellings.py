"""How words that were decoded lately are spelled in tokens: so that a text of them needs no tokenizer."""

from collections import OrderedDict
from collections.abc import Callable, Sequence

_WORDS = 2000
_LONGEST = 32  # characters


class Spellings:
    """Remembers the last 2000 words. decode: the text of tokens; what is not UTF-8 in it becomes U+FFFD."""

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._words: OrderedDict[str, tuple[int, ...]] = OrderedDict()

    def remember(self, tokens: Sequence[int], *, spaces: bool) -> None:
        """Take the tokens of a text, in a language whose words are parted by spaces or not."""
        word: list[int] = []
        for token in tokens:
            complete = self._decode([token]).startswith(" ") if spaces else _is_whole(self._decode(word))
            if word and complete:
                self._keep(word)
                word = []
            word.append(token)
        self._keep(word)

    def tokens_of(self, text: str) -> list[int] | None:
        """The tokens of a text, its space before it included; None when it has a word that is not known."""
        tokens: list[int] = []
        at = 0
        while at < len(text):
            ends = range(min(len(text), at + _LONGEST), at, -1)
            end = next((end for end in ends if text[at:end] in self._words), None)
            if end is None:
                return None
            tokens += self._words[text[at:end]]
            at = end
        return tokens

    def _keep(self, word: Sequence[int]) -> None:
        text = self._decode(word)
        if not text or not _is_whole(text):
            return
        self._words[text] = tuple(word)
        self._words.move_to_end(text)
        if len(self._words) > _WORDS:
            self._words.popitem(last=False)


def _is_whole(text: str) -> bool:
    return "\N{REPLACEMENT CHARACTER}" not in text
