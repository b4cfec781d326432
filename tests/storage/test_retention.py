"""No more is kept of a source than is wanted, by age and by size."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.storage.conftest import Fill
from tests.storage.made import NOON, alert, bytes_of, heard, opened, texts
from wallflower.storage.alerts import list_alerts
from wallflower.storage.database import writing
from wallflower.storage.retention import Keep, Limits, keep_within, retain

HOUR = timedelta(hours=1)


async def test_by_age_source_by_source(path: Path, fill: Fill) -> None:
    for number in range(5):
        await fill(
            heard(f"kitchen {number}", at=3600 * number),
            heard(f"hall {number}", at=3600 * number + 1, source="hall"),
            alert(f"alert {number}", at=3600 * number),
        )
    now = NOON + 5 * HOUR
    async with writing(path) as db:
        assert await retain(db, now, Limits(Keep(age=3 * HOUR), {"hall": Keep(age=HOUR / 2)})) == 7
        assert [one.summary for one in await list_alerts(db)] == ["alert 4", "alert 3", "alert 2"]
        assert await retain(db, now, Limits(Keep(age=3 * HOUR), {"hall": Keep()})) == 0
    assert texts(path) == ["kitchen 2", "kitchen 3", "kitchen 4"]


async def test_without_a_limit_nothing_goes(path: Path, fill: Fill) -> None:
    await fill(heard("old"), alert())
    async with writing(path) as db:
        assert await retain(db, NOON + 10_000 * HOUR, Limits()) == 0
    assert texts(path) == ["old"]


async def test_by_size_the_oldest_go_and_no_more_than_must(path: Path, fill: Fill) -> None:
    await fill(
        *(heard("x" * 100, at=number) for number in range(1000)),
        *(heard("y" * 100, at=number, source="hall") for number in range(10)),
    )
    async with writing(path) as db:
        assert await retain(db, NOON, Limits(Keep(size=25_050), {"hall": Keep(size=1000)})) == 750
        assert await retain(db, NOON, Limits(Keep(size=25_050), {"hall": Keep(size=1000)})) == 0
    with opened(path) as db:
        assert db.execute("SELECT min(id) >> 20 FROM utterances WHERE source = 2").fetchone() == (
            int((NOON + timedelta(seconds=750)).timestamp() * 1000),
        )
        assert db.execute("SELECT slug, bytes FROM sources ORDER BY slug").fetchall() == [
            ("hall", 1000),
            ("kitchen", 25_000),
        ]


async def test_sizes_follow_revisions(path: Path, fill: Fill) -> None:
    first = heard("a long sentence")
    await fill(first)
    await fill(heard("é", id=first.id, revision=1))
    with opened(path) as db:
        assert db.execute("SELECT bytes FROM sources").fetchone() == (2,)


async def test_it_goes_on_by_itself_also_after_a_fault(path: Path, fill: Fill, tmp_path: Path) -> None:
    limits = Limits(Keep(age=HOUR))
    task = asyncio.create_task(keep_within(path, tmp_path / "sounds", lambda: limits, every=0.01))
    await asyncio.sleep(0.1)  # there is no database
    await fill(heard("xylophonist"))
    while b"xylophonist" in bytes_of(path):
        await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert texts(path) == []
