"""Utterances are found by words, source, speaker, language and time, a page at a time."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.storage.conftest import Fill
from tests.storage.made import ANNA, BEN, NOON, heard
from wallflower.storage.database import reading
from wallflower.storage.expressions import label_expression, match_expression
from wallflower.storage.search import MARK_END, MARK_START, Query, search, search_ranked, source_slugs, stream

HOSTILE = [
    '"', '""', '"""', "'", "'; DROP TABLE utterances; --", "(", ")", "*", "**", "a*b", "^kettle", "-kettle",
    "kettle AND", "AND", "OR", "NOT", "NEAR(kettle boils)", "NEAR", "text:kettle", "labels:s1", "{text}:x",
    "kettle OR secret", "🫖", "🫖 kettle", "👩‍👩‍👧", "\x00", "kettle\x00", "\ud800", "é", "e\u0301", "%", "_",
    "\\", "—", "…", "kettle" * 1667, "k " * 5000, '"' * 10_000, "🫖" * 10_000, "(" * 10_000, "a*" * 5000,
    "kettle " * 1500, "\u202ekettle", "ﬁ", "İstanbul", "٣", "日本語", "สวัสดี", "+", "a+b", "#", "?", "@",
]  # fmt: skip


async def found(path: Path, text: str = "", **others: object) -> list[str]:
    async with reading(path) as db:
        return [hit.heard.text for hit in (await search(db, Query(text, **others))).hits]  # type: ignore[arg-type]


@pytest.fixture
async def filled(path: Path, fill: Fill) -> Path:
    await fill(
        heard("The kettle boils.", at=0),
        heard("Der Kessel kocht, Käse schmilzt", at=60, language="de", speaker=ANNA),
        heard("is the kettle on", at=120, source="hall", speaker=BEN),
        heard("boils the kettle", at=180, source="hall"),
        heard("日本語を話します", at=240, source="hall", language="ja"),
        heard("it's 21.5 degrees", at=300),
    )
    return path


async def test_words_in_any_order_and_case_newest_first(filled: Path) -> None:
    assert await found(filled, "BOILS kettle") == ["boils the kettle", "The kettle boils."]
    assert await found(filled, "kettle teapot") == []


async def test_a_phrase_a_prefix_and_marks_left_out(filled: Path) -> None:
    assert await found(filled, '"kettle boils"') == ["The kettle boils."]
    assert await found(filled, '"kettle boils') == ["The kettle boils."]
    assert await found(filled, "kett* is") == ["is the kettle on"]
    assert await found(filled, "kett") == []
    assert await found(filled, "kase") == ["Der Kessel kocht, Käse schmilzt"]
    assert await found(filled, "it's 21.5") == ["it's 21.5 degrees"]


async def test_what_is_written_without_spaces_is_found_by_its_beginning(filled: Path) -> None:
    assert await found(filled, "日本") == ["日本語を話します"]


async def test_by_source_speaker_and_language(filled: Path) -> None:
    assert await found(filled, source="hall", text="kettle") == ["boils the kettle", "is the kettle on"]
    assert await found(filled, source="hall", speaker="ben") == ["is the kettle on"]
    for who in ("Änne", "äNNE", "A\u0308nne", "1"):
        assert await found(filled, speaker=who) == ["Der Kessel kocht, Käse schmilzt"]
    assert await found(filled, language="ja") == ["日本語を話します"]
    assert await found(filled, speaker="anne") == []
    assert await found(filled, source="nowhere") == []
    assert len(await found(filled, speaker="")) == 4


async def test_by_time(filled: Path) -> None:
    minute = timedelta(minutes=1)
    assert await found(filled, since=NOON + 3 * minute) == [
        "it's 21.5 degrees", "日本語を話します", "boils the kettle",
    ]  # fmt: skip
    assert await found(filled, "kettle", since=NOON + minute, until=NOON + 3 * minute) == ["is the kettle on"]
    assert await found(filled, source="kitchen", until=NOON + minute) == ["The kettle boils."]


async def test_all_without_a_question_and_nothing_for_punctuation(filled: Path) -> None:
    assert len(await found(filled)) == 6
    assert await found(filled, "!?") == []


async def test_snippets_mark_what_was_found(path: Path, fill: Fill) -> None:
    await fill(heard("word " * 100 + "needle" + " word" * 100), heard("plain", at=1))
    async with reading(path) as db:
        (hit,) = (await search(db, Query("needle"))).hits
        (plain, _) = (await search(db, Query())).hits
    assert f"{MARK_START}needle{MARK_END}" in hit.snippet
    assert len(hit.snippet) < 200
    assert hit.snippet.startswith("…")
    assert plain.snippet == "plain"


async def test_marks_in_what_was_said_mark_nothing(path: Path, fill: Fill) -> None:
    await fill(heard(f"{MARK_START}this{MARK_END} needle"))
    async with reading(path) as db:
        (hit,) = (await search(db, Query("needle"))).hits
    assert hit.snippet == f" this  {MARK_START}needle{MARK_END}"


@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize("query", [Query(), Query("common"), Query(source="kitchen", since=NOON)])
async def test_pages_follow_by_key_without_gap_or_repeat(
    path: Path, fill: Fill, query: Query, oldest_first: bool
) -> None:
    # Several in one millisecond: the order is still that of ids.
    await fill(*(heard(f"common {number}", at=number // 4) for number in range(50)))
    seen: list[int] = []
    after, pages = None, 0
    async with reading(path) as db:
        while True:
            page = await search(db, query, after=after, limit=7, oldest_first=oldest_first)
            seen += [hit.heard.id for hit in page.hits]
            pages += 1
            if page.next_after is None:
                break
            after = page.next_after
    assert pages == 8
    assert seen == sorted(set(seen), reverse=not oldest_first)
    assert len(seen) == 50


async def test_a_page_stays_where_it_is_while_more_is_said(path: Path, fill: Fill) -> None:
    await fill(*(heard(str(number), at=number) for number in range(6)))
    async with reading(path) as db:
        first = await search(db, Query(), limit=3)
        await fill(heard("new", at=99))
        second = await search(db, Query(), limit=3, after=first.next_after)
    assert [hit.heard.text for hit in second.hits] == ["2", "1", "0"]
    assert second.next_after is None


async def test_the_limit_has_limits(path: Path, fill: Fill) -> None:
    await fill(*(heard(str(number), at=number) for number in range(600)))
    async with reading(path) as db:
        assert len((await search(db, Query(), limit=10_000)).hits) == 500
        assert len((await search(db, Query(), limit=0)).hits) == 1


async def test_the_best_come_first(path: Path, fill: Fill) -> None:
    await fill(
        heard("tea " + "and many other words " * 30, at=9),
        heard("tea tea tea", at=0),
        heard("coffee", at=1),
        heard("a tea", at=2),
    )
    async with reading(path) as db:
        ranked = await search_ranked(db, Query("tea"), limit=2)
        assert [hit.heard.text for hit in ranked] == ["tea tea tea", "a tea"]
        assert MARK_START in ranked[0].snippet
        assert [hit.heard.text for hit in await search_ranked(db, Query(), limit=1)] == [
            (await search(db, Query(), limit=1)).hits[0].heard.text
        ]
        assert await search_ranked(db, Query("tea", source="nowhere")) == ()


async def test_streams_all_oldest_first(path: Path, fill: Fill) -> None:
    await fill(*(heard(str(number), at=number) for number in range(1200)))
    async with reading(path) as db:
        assert [one.text async for one in stream(db, Query())] == [str(number) for number in range(1200)]
        assert await source_slugs(db) == ("kitchen",)


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_searches_are_answered(filled: Path, text: str) -> None:
    for query in (Query(text), Query(text, source=text), Query(text, speaker=text, language=text)):
        async with reading(filled) as db:
            await search(db, query)
            await search_ranked(db, query)
    assert len(await found(filled)) == 6


@given(st.text())
def test_an_expression_holds_nothing_but_quoted_strings(typed: str) -> None:
    expression = match_expression(typed)
    if expression is not None:
        assert expression.count('"') % 2 == 0
        for outside in expression.split('"')[::2]:
            assert set(outside) <= {" ", "*"}


def test_labels() -> None:
    assert label_expression(None, None, None) is None
    assert label_expression(3, "en", "") == "s3 l656e p"
