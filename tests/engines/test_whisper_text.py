"""Tokens and text, beside the library that the vocabulary was written for."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from wallflower.engines.base import EngineError
from wallflower.engines.whisper_text import WhisperText

END = 50257


@pytest.fixture(scope="session")
def library(whisper_base: dict[str, Path]) -> Tokenizer:
    """The library with Whisper's vocabulary."""
    return Tokenizer.from_file(str(whisper_base["tokenizer.json"]))


@pytest.fixture(scope="session")
def text(whisper_base: dict[str, Path]) -> WhisperText:
    """Ours."""
    return WhisperText(whisper_base["tokenizer.json"])


def test_each_token(library: Tokenizer, text: WhisperText) -> None:
    for token in range(END):
        assert text.decode([token]) == library.decode([token])


@settings(max_examples=500, deadline=None)
@given(st.lists(st.integers(0, 50363), max_size=8))
def test_any_tokens(library: Tokenizer, text: WhisperText, tokens: list[int]) -> None:
    """They may end inside a letter, and may mean something of their own."""
    assert text.decode(tokens) == library.decode(tokens, skip_special_tokens=True)


@settings(deadline=None)
@given(st.text(max_size=20))
def test_there_and_back(text: WhisperText, said: str) -> None:
    assert text.decode(text.encode(said)) == said


def test_special_tokens_cannot_be_spelled(text: WhisperText) -> None:
    assert text.encode("a<|endoftext|>b") == [*text.encode("a"), *text.encode("b")]


def test_tokens_of_no_bytes_are_refused(tmp_path: Path) -> None:
    special = ("endoftext", "startoftranscript", "translate", "transcribe", "startofprev", "nospeech")
    names = ["é😀", *(f"<|{name}|>" for name in (*special, "notimestamps"))]
    tokenizer = Tokenizer(
        models.WordLevel({name: token for token, name in enumerate(names)}, unk_token="é😀")
    )
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(EngineError, match="not of bytes"):
        WhisperText(tmp_path / "tokenizer.json")
