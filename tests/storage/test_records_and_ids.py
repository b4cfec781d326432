"""Ids are in the order of time, and a row gives back what was heard."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.storage.made import NOON, heard
from wallflower.events import HeardWord, Speaker
from wallflower.storage.ids import first_id, milliseconds_of, new_id, start_of
from wallflower.storage.records import check, clean

TIMES = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001
    max_value=datetime(2240, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=9, minutes=30))]),
)


@given(TIMES, TIMES)
def test_the_order_of_ids_is_the_order_of_times(one: datetime, other: datetime) -> None:
    if milliseconds_of(one) < milliseconds_of(other):
        assert new_id(one) < new_id(other)
    assert first_id(one) <= new_id(one) < first_id(one + timedelta(milliseconds=1))
    assert abs(start_of(new_id(one)) - one) < timedelta(milliseconds=1)
    assert start_of(new_id(one)).tzinfo is UTC


def test_ids_of_one_moment_differ() -> None:
    assert len({new_id(NOON) for _ in range(100)}) == 100


def test_times_without_a_zone_and_before_1970_have_no_id() -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        new_id(datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="before 1970"):
        new_id(datetime(1969, 12, 31, tzinfo=UTC))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"source": ""}, "without a source"),
        ({"id": new_id(NOON + timedelta(hours=1))}, "not of an utterance that starts"),
        ({"id": -1}, "not of an utterance that starts"),
        ({"id": 2**63}, "not of an utterance that starts"),
        ({"end": NOON - timedelta(seconds=1)}, "before it starts"),
        ({"end": NOON + timedelta(days=2)}, "longer than a day"),
        ({"end": datetime(2026, 3, 28)}, "without a time zone"),  # noqa: DTZ001
        ({"revision": -1}, "revision"),
        ({"audio_end": float("inf")}, "no number"),
        ({"confidence": float("nan")}, "no number"),
        ({"speaker": Speaker(0, "a")}, "the speaker 0"),
        ({"speaker": Speaker(2**63, "a")}, "the speaker"),
        ({"speaker": Speaker(1, "a", confidence=float("nan"))}, "no number"),
        ({"words": (HeardWord("a", 0.0, float("nan")),)}, "no number"),
    ],
)
def test_what_no_row_can_hold_is_refused(wrong: dict[str, Any], why: str) -> None:
    check(heard())
    with pytest.raises(ValueError, match=why):
        check(heard(**wrong))


@given(st.text())
def test_clean_text_holds_no_controls_and_can_be_encoded(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert not {chr(code) for code in (*range(0x20), 0x7F)} & set(cleaned)
    assert len(cleaned) == len(text)


def test_lone_surrogates_become_question_marks() -> None:
    assert clean("a\ud800b\x00c") == "a?b c"
