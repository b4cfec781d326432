"""No more is kept of a source than is wanted, by age and by size."""

from datetime import timedelta
from pathlib import Path

from tests.storage.conftest import Fill
from tests.storage.made import NOON, alert, heard, opened, texts
from wallflower.storage.alerts import list_alerts
from wallflower.storage.database import writing
from wallflower.storage.retention import Keep, retain

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
        assert await retain(db, now, Keep(age=3 * HOUR), {"hall": Keep(age=HOUR / 2)}) == 7
        assert [one.summary for one in await list_alerts(db)] == ["alert 4", "alert 3", "alert 2"]
        assert await retain(db, now, Keep(age=3 * HOUR), {"hall": Keep()}) == 0
    assert texts(path) == ["kitchen 2", "kitchen 3", "kitchen 4"]


async def test_without_a_limit_nothing_goes(path: Path, fill: Fill) -> None:
    await fill(heard("old"), alert())
    async with writing(path) as db:
        assert await retain(db, NOON + 10_000 * HOUR, Keep()) == 0
    assert texts(path) == ["old"]


async def test_by_size_the_oldest_go_and_no_more_than_must(path: Path, fill: Fill) -> None:
    await fill(
        *(heard("x" * 100, at=number) for number in range(1000)),
        *(heard("y" * 100, at=number, source="hall") for number in range(10)),
    )
    async with writing(path) as db:
        assert await retain(db, NOON, Keep(size=25_050), {"hall": Keep(size=1000)}) == 750
        assert await retain(db, NOON, Keep(size=25_050), {"hall": Keep(size=1000)}) == 0
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
