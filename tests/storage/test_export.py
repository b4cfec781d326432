"""Transcripts as files, with the right times across midnight and the changes of summer time."""

import json
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.storage.made import heard
from wallflower.events import Heard, HeardWord, Speaker
from wallflower.storage.export import Form, export
from wallflower.storage.ids import time_of

BERLIN = ZoneInfo("Europe/Berlin")


async def exported(form: Form, *utterances: Heard, **others: object) -> str:
    async def all_of_them() -> AsyncIterator[Heard]:
        for one in utterances:
            yield one

    return "".join([piece async for piece in export(all_of_them(), form, **others)])  # type: ignore[arg-type]


AUTUMN = [  # the clock goes from 03:00 back to 02:00 at 01:00 UTC
    heard("before", at=datetime(2026, 10, 25, 0, 30, tzinfo=UTC), source="hall"),
    heard(
        "after",
        at=datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
        source="hall",
        speaker=Speaker(2, "anna", known=True),
    ),
]


async def test_plain_text_tells_the_hours_of_autumn_apart() -> None:
    assert await exported(Form.TEXT, *AUTUMN, zone=BERLIN) == (
        "2026-10-25 02:30:00+02:00 hall: before\n2026-10-25 02:30:00+01:00 hall anna: after\n"
    )


async def test_subtitles_count_the_hours_that_went_by() -> None:
    assert await exported(Form.SRT, *AUTUMN) == (
        "1\n00:00:00,000 --> 00:00:02,000\nbefore\n\n2\n01:00:00,000 --> 01:00:02,000\nanna: after\n\n"
    )
    # Since 01:30 on the wall, which is an hour and not two before the first and two before the second.
    begin = datetime(2026, 10, 25, 1, 30, tzinfo=BERLIN)
    assert await exported(Form.VTT, *AUTUMN, begin=begin) == (
        "WEBVTT\n\nNOTE 0 is 2026-10-25T01:30:00.000+02:00\n\n"
        "01:00:00.000 --> 01:00:02.000\nbefore\n\n02:00:00.000 --> 02:00:02.000\n<v anna>after\n\n"
    )


async def test_the_hour_that_spring_leaves_out() -> None:
    spring = [
        heard("one", at=datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), seconds=2),
        heard("two", at=datetime(2026, 3, 29, 1, 0, 1, tzinfo=UTC)),
    ]
    assert "00:00:02,000 --> 00:00:04,000\ntwo" in await exported(Form.SRT, *spring)
    assert await exported(Form.TEXT, *spring, zone=BERLIN) == (
        "2026-03-29 01:59:59+01:00 kitchen: one\n2026-03-29 03:00:01+02:00 kitchen: two\n"
    )


async def test_a_cue_takes_some_time() -> None:
    assert "00:00:00.000 --> 00:00:00.001" in await exported(Form.VTT, heard("x", seconds=0))


async def test_across_midnight() -> None:
    late = heard("late", at=datetime(2026, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC))
    early = heard("early", at=datetime(2027, 1, 1, 0, 0, 2, tzinfo=UTC))
    assert await exported(Form.SRT, late, early) == (
        "1\n00:00:00,000 --> 00:00:02,000\nlate\n\n2\n00:00:02,500 --> 00:00:04,500\nearly\n\n"
    )


async def test_json_is_one_document_that_holds_everything() -> None:
    words = (HeardWord("hi", 0.0, 0.5, 0.9), HeardWord("<&>", 0.5, 1.0))
    one = heard(
        'hi "<&>"',
        words=words,
        confidence=0.8,
        engine="e",
        speaker=Speaker(1, "ä", known=True, confidence=0.5),
        revision=2,
    )
    document = json.loads(await exported(Form.JSON, one, heard("two", at=5)))
    assert document[0] == {
        "id": str(one.id), "source": "kitchen", "text": 'hi "<&>"', "language": "en", "speaker": "ä",
        "speaker_id": 1, "speaker_confidence": 0.5, "overlapped": False,
        "start": "2026-03-28T12:00:00.000+00:00", "end": "2026-03-28T12:00:02.000+00:00",
        "confidence": 0.8, "engine": "e", "revision": 2, "audio_start": 0.0, "audio_end": 2.0,
        "words": [["hi", 0.0, 0.5, 0.9], ["<&>", 0.5, 1.0, None]],
    }  # fmt: skip
    assert document[1]["text"] == "two"


@pytest.mark.parametrize(
    ("form", "empty"), [(Form.JSON, "[]\n"), (Form.TEXT, ""), (Form.SRT, ""), (Form.VTT, "WEBVTT\n\n")]
)
async def test_nothing_is_a_valid_file_too(form: Form, empty: str) -> None:
    assert await exported(form) == empty


@pytest.mark.parametrize("form", list(Form))
async def test_it_is_not_built_in_memory(form: Form) -> None:
    async def many() -> AsyncIterator[Heard]:
        for number in range(5_000):
            yield heard("word " * 100, at=time_of(1_800_000_000_000) + timedelta(seconds=number))

    size = 0
    tracemalloc.start()
    async for piece in export(many(), form):
        size += len(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 2_500_000
    assert peak < 500_000
