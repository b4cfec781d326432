"""Words from tokens."""

import math

from hypothesis import given
from hypothesis import strategies as st

from wallflower.engines.words import TimedToken, words_of

_TIMES = st.floats(-5, 40, allow_nan=False)
_TOKEN = st.builds(
    TimedToken,
    st.binary(max_size=5) | st.sampled_from([b" a", b"b", b","]),
    _TIMES,
    _TIMES,
    st.floats(-20, 0),
)


def _tokens(*spellings: bytes) -> list[TimedToken]:
    return [TimedToken(s, n, n + 1.0, -1.0) for n, s in enumerate(spellings)]


def test_a_space_begins_a_word() -> None:
    words = words_of(_tokens(b" It", b" was", b" wis", b"dom", b","), language="en", seconds=10)
    assert [(word.text, word.start, word.end) for word in words] == [
        ("It", 0, 1),
        ("was", 1, 2),
        ("wisdom,", 2, 5),
    ]
    assert words[0].confidence == math.exp(-1)


def test_characters_are_words_where_there_are_no_spaces() -> None:
    kitchen = "台所".encode()
    words = words_of(_tokens(kitchen[:2], kitchen[2:3], kitchen[3:]), language="ja", seconds=10)
    assert [(word.text, word.start, word.end) for word in words] == [("台", 0, 2), ("所", 2, 3)]


@given(
    st.lists(_TOKEN, max_size=12), st.sampled_from(["en", "ja"]), st.floats(0, 30).map(lambda x: round(x, 3))
)
def test_words_follow_each_other_inside_the_segment(
    tokens: list[TimedToken], language: str, seconds: float
) -> None:
    words = words_of(tokens, language=language, seconds=seconds)
    marks = [0.0] + [time for word in words for time in (word.start, word.end)] + [seconds]
    assert marks == sorted(marks)
    assert all(word.text == word.text.strip() != "" for word in words)
    assert all(word.confidence is not None and 0 <= word.confidence <= 1 for word in words)
