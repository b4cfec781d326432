"""Texts of words that were decoded before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.engines.spellings import Spellings

_VOCABULARY = [
    b" turn",
    b" on",
    b" the",
    b" light",
    b"s",
    b".",
    b" in",
    b"side",
    "今天".encode(),
    b"\xe5\xa4",
    b"\xa9",
]


def _decode(tokens: list[int] | tuple[int, ...]) -> str:
    return b"".join(_VOCABULARY[token] for token in tokens).decode("utf-8", "replace")


def _after(*texts: list[int], spaces: bool = True) -> Spellings:
    spellings = Spellings(_decode)  # type: ignore[arg-type]
    for tokens in texts:
        spellings.remember(tokens, spaces=spaces)
    return spellings


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (" turn on", [0, 1]),
        (" the lights.", [2, 3, 4, 5]),
        (" light", None),  # only " lights." was decoded
        (" in", [6]),
        (" inside", [6, 7]),
        ("", []),
    ],
)
def test_words_in_any_order(text: str, tokens: list[int] | None) -> None:
    assert _after([0, 1, 2, 3, 4, 5], [6, 7], [6]).tokens_of(text) == tokens


def test_a_character_of_several_tokens() -> None:
    spellings = _after([8, 9, 10, 8], spaces=False)
    assert spellings.tokens_of("天今天") == [9, 10, 8]
    assert _after([9], spaces=False).tokens_of("�") is None


def test_the_oldest_are_forgotten() -> None:
    words = [f" {number}" for number in range(2001)]
    spellings = Spellings(lambda tokens: "".join(words[token] for token in tokens))
    spellings.remember(range(2001), spaces=True)
    assert spellings.tokens_of(" 0") is None
    assert spellings.tokens_of(" 2000 1") == [2000, 1]


@given(st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=8), min_size=1, max_size=5), st.booleans())
def test_what_is_found_spells_the_text(texts: list[list[int]], spaces: bool) -> None:
    spellings = _after(*texts, spaces=spaces)
    for tokens in texts:
        found = spellings.tokens_of(_decode(tokens))
        assert found is not None
        assert _decode(found) == _decode(tokens)
