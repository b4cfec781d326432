from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from wallflower.events import HeardWord
from wallflower.speakers.attribution import Nearby, attribute
from wallflower.speakers.revision import Stretch


def _words(*times: tuple[float, float]) -> list[HeardWord]:
    return [HeardWord(f"w{index}", start, end) for index, (start, end) in enumerate(times)]


def _parts(
    words: Sequence[HeardWord], stretches: Sequence[Stretch], offset: float = 0.0
) -> list[tuple[int | None, str]]:
    return [
        (part.speaker, " ".join(word.text for word in part.words) + "!" * part.overlapped)
        for part in attribute(words, offset, stretches)
    ]


def test_an_utterance_is_split_where_the_speaker_changes() -> None:
    words = _words((0, 0.4), (0.5, 0.9), (1.1, 1.5), (1.6, 2))
    assert _parts(words, [Stretch(10, 11, 0), Stretch(11, 12, 1)], 10) == [(0, "w0 w1"), (1, "w2 w3")]


def test_a_word_is_of_whom_it_shares_most_time_with() -> None:
    words = _words((0.5, 1.3), (0.8, 1.6))
    assert _parts(words, [Stretch(0, 1, 0), Stretch(1, 2, 1)]) == [(0, "w0"), (1, "w1")]


def test_of_two_that_share_as_much_it_is_who_spoke_before() -> None:
    words = _words((0, 1), (1, 2))
    assert _parts(words, [Stretch(0, 2, 3), Stretch(1, 2, 1)]) == [(3, "w0"), (3, "w1!")]
    assert _parts(words, [Stretch(0, 2, 1), Stretch(1, 2, 3)]) == [(1, "w0"), (1, "w1!")]


def test_overlapping_speech_is_marked() -> None:
    words = _words((0, 1), (1, 2), (2, 3))
    found = _parts(words, [Stretch(0, 3, 0), Stretch(1.2, 2.1, 1)])
    assert found == [(0, "w0"), (0, "w1!"), (0, "w2")]


def test_a_word_in_a_pause_is_of_who_speaks_nearby_and_else_of_nobody() -> None:
    words = _words((1.2, 1.4), (5, 5.5))
    assert _parts(words, [Stretch(0, 1, 0)]) == [(0, "w0"), (None, "w1")]
    assert _parts(words, []) == [(None, "w0 w1")]


_TIMES = st.lists(st.tuples(st.floats(0, 50), st.floats(0, 5)), max_size=12)


@given(_TIMES, st.lists(st.tuples(st.floats(0, 50), st.floats(0.1, 9), st.integers(0, 3)), max_size=8))
def test_no_word_is_lost(times: list[tuple[float, float]], stretches: list[tuple[float, float, int]]) -> None:
    words = _words(*((start, start + length) for start, length in sorted(times)))
    heard = [Stretch(start, start + length, who) for start, length, who in sorted(stretches)]
    parts = attribute(words, 0.0, heard)
    assert [word for part in parts for word in part.words] == words
    assert all(part.words for part in parts)
    assert {part.speaker for part in parts} <= {None, *(stretch.speaker for stretch in heard)}


@given(
    st.lists(st.tuples(st.integers(0, 80), st.integers(1, 40), st.integers(0, 3))),
    st.lists(st.tuples(st.integers(0, 8), st.integers(1, 6)), min_size=1, max_size=6),
    st.integers(0, 80),
)
def test_the_stretches_nearby_tell_as_much_as_all(
    spoken: list[tuple[int, int, int]], lengths: list[tuple[int, int]], begin: int
) -> None:
    stretches = [Stretch(start / 4, (start + length) / 4, who) for start, length, who in sorted(spoken)]
    words, place = [], 0.0
    for pause, length in lengths:
        words.append(HeardWord("w", place + pause / 4, place + (pause + length) / 4))
        place = words[-1].end
    offset = begin / 4
    near = Nearby(stretches).between(offset, offset + place)
    assert attribute(words, offset, near) == attribute(words, offset, stretches)
