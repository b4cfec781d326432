"""From Whisper's tokens to text and back."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wallflower.engines.base import EngineError
from wallflower.engines.whisper_tokens import whisper_tokens
from wallflower.models.conversion.vocabulary import byte_of_letter

if TYPE_CHECKING:
    import tokenizers


class WhisperText:
    """The vocabulary of a `tokenizer.json`. tokens: those with a meaning of their own.

    Kept is a table of the tokens' bytes, 0.6 MB. The library that makes tokens of text needs 20 MB, and is
    loaded when there is text for the first time: few requests have a prompt.
    """

    def __init__(self, path: Path) -> None:
        """Raises EngineError when the file cannot be loaded, is not Whisper's, or the library is missing."""
        self._path = path
        self._tokenizer: tokenizers.Tokenizer | None = None
        tokenizer = _open_tokenizer(path)
        self.tokens = whisper_tokens(tokenizer)
        # Text has no tokens from the end on.
        pieces = [tokenizer.id_to_token(token) or "" for token in range(self.tokens.end)]
        letters = {ord(letter): byte for letter, byte in byte_of_letter().items()}
        try:
            self._bytes = "".join(pieces).translate(letters).encode("latin-1")
        except UnicodeEncodeError as error:
            raise EngineError(f"{path} has a token that is not of bytes; fetch the model again") from error
        self._ends = np.cumsum([0, *map(len, pieces)], dtype=np.uint32)

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of `tokens`; those of no text are left out. What is not UTF-8 becomes U+FFFD."""
        ends = self._ends
        said = [token for token in tokens if token < self.tokens.end]
        pieces = [self._bytes[ends[token] : ends[token + 1]] for token in said]
        return b"".join(pieces).decode("utf-8", "replace")

    def encode(self, text: str) -> list[int]:
        """The tokens of `text`. Raises EngineError when the file is gone."""
        if self._tokenizer is None:
            self._tokenizer = _open_tokenizer(self._path)
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        # A special token spelled out in the text would be taken for one.
        return [token for token in ids if token < self.tokens.end]


def _open_tokenizer(path: Path) -> "tokenizers.Tokenizer":
    try:
        import tokenizers
    except ImportError as error:
        raise EngineError(
            f"tokenizers cannot be loaded ({error}); get it with: pip install wallflower[openvino]"
        ) from error
    try:
        return tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception
        raise EngineError(f"cannot load {path}: {error}; try: wallflower models verify") from error
