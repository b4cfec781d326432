"""What was heard is written within a second, once, and in its latest revision."""

import asyncio
import contextlib
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.storage.made import alert, heard, opened, texts
from wallflower.events import Alert, Happening, HeardWord, Speaker
from wallflower.storage import recorder as recorder_module
from wallflower.storage.alerts import list_alerts
from wallflower.storage.database import connected, reading
from wallflower.storage.errors import StorageError
from wallflower.storage.forgetting import Forget, forget
from wallflower.storage.recorder import Recorder
from wallflower.storage.search import Query, search

SPEAKER = Speaker(7, "Speaker 7")


@asynccontextmanager
async def running(recorder: Recorder) -> AsyncIterator[Recorder]:
    task = asyncio.create_task(recorder.run())
    try:
        yield recorder
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until_written(recorder: Recorder) -> None:
    while recorder.condition.waiting:
        await asyncio.sleep(0.01)


async def test_what_was_heard_is_written_without_being_asked(path: Path, told: list[Happening]) -> None:
    what = heard("hello there", words=(HeardWord("hello", 0.0, 0.5, 0.9), HeardWord("there", 0.5, 1.0)))
    async with running(Recorder(path, told.append)) as recorder:
        await recorder.keep(what)
        await until_written(recorder)
        while not texts(path):
            await asyncio.sleep(0.01)
        async with reading(path) as db:
            page = await search(db, Query())
    assert [hit.heard for hit in page.hits] == [what]
    assert told == []


async def test_batches_follow_each_other(path: Path, told: list[Happening]) -> None:
    async with running(Recorder(path, told.append)) as recorder:
        await recorder.flush()
        for number in range(3):
            await recorder.keep(heard(str(number), at=number))
            await until_written(recorder)
            while len(texts(path)) <= number:
                await asyncio.sleep(0.01)
        for number in range(3, 1200):  # so many are written before the half second is over
            await recorder.keep(heard(str(number), at=number))
        await until_written(recorder)
    assert len(texts(path)) == 1200


async def test_what_waits_at_the_end_is_written(path: Path, told: list[Happening]) -> None:
    recorder = Recorder(path, told.append)
    async with running(recorder):
        await recorder.flush()
        await recorder.keep(heard("last words"))
    assert texts(path) == ["last words"]


async def test_a_later_revision_takes_the_place_of_an_earlier_one(path: Path, told: list[Happening]) -> None:
    recorder = Recorder(path, told.append)
    first = heard("heard wrong")
    for text, revision in (("heard wrong", 0), ("heard right", 2), ("too late", 1), ("again", 2)):
        await recorder.keep(
            heard(text, id=first.id, revision=revision, speaker=SPEAKER if revision else None)
        )
        await recorder.flush()
    assert texts(path) == ["heard right"]
    async with reading(path) as db:
        assert (await search(db, Query(text="wrong"))).hits == ()
        assert len((await search(db, Query(text="right", speaker="speaker 7"))).hits) == 1


async def test_revisions_in_one_batch(path: Path, told: list[Happening]) -> None:
    recorder = Recorder(path, told.append)
    first = heard("one")
    await recorder.keep(heard("two", id=first.id, revision=1))
    await recorder.keep(first)
    await recorder.flush()
    assert texts(path) == ["two"]


async def test_what_no_row_can_hold_is_refused_at_once(path: Path, told: list[Happening]) -> None:
    recorder = Recorder(path, told.append)
    with pytest.raises(ValueError, match="without a source"):
        await recorder.keep(heard(source=""))
    assert recorder.condition.waiting == 0


async def test_a_power_cut_loses_nothing_that_was_committed(path: Path, told: list[Happening]) -> None:
    await Recorder(path, told.append).flush()
    async with connected(path) as db:
        assert list(await db.execute_fetchall("PRAGMA synchronous")) == [(2,)]
        assert list(await db.execute_fetchall("PRAGMA journal_mode")) == [("wal",)]
        assert list(await db.execute_fetchall("PRAGMA secure_delete")) == [(1,)]


async def test_alerts_are_kept_as_they_were_told_last(path: Path, told: list[Happening]) -> None:
    recorder = Recorder(path, told.append)
    bell = alert(utterance=5, detail=(("word", "bell"), ("confidence", 0.5), ("count", 2), ("none", None)))
    confirmed = Alert(
        id=bell.id, rule=bell.rule, kind=bell.kind, source=bell.source, severity="warning",
        phase="confirmed", summary="the bell, surely", at=bell.at, utterance=6,
    )  # fmt: skip
    other = alert("no sound", at=5, rule="quiet", source="")
    for one in (bell, other, confirmed):
        recorder.keep_alert(one)
    await recorder.flush()
    recorder.keep_alert(last := alert("again", at=9, detail=bell.detail))
    await recorder.flush()
    async with reading(path) as db:
        assert await list_alerts(db) == (last, other, confirmed)
        assert await list_alerts(db, after=last.id, limit=1) == (other,)
        assert await list_alerts(db, rule="bell") == (last, confirmed)
        assert await list_alerts(db, source="") == (other,)


async def test_an_alert_that_was_forgotten_does_not_come_back(path: Path, told: list[Happening]) -> None:
    recorder = Recorder(path, told.append)
    raised = alert()
    recorder.keep_alert(raised)
    await recorder.flush()
    async with connected(path) as db:
        await forget(db, Forget())
    recorder.keep_alert(replace(raised, phase="withdrawn"))
    await recorder.flush()
    async with reading(path) as db:
        assert await list_alerts(db) == ()


async def test_those_who_keep_wait_for_a_database_that_is_behind(path: Path, told: list[Happening]) -> None:
    recorder = Recorder(path, told.append)
    for number in range(1000):
        await recorder.keep(heard(at=number))
    waits = asyncio.create_task(recorder.keep(heard(at=1000), patience=60))
    await asyncio.sleep(0.05)
    assert not waits.done()
    await recorder.flush()
    await waits
    await recorder.flush()
    assert recorder.condition.waiting == 0
    for number in range(1001, 2100):
        await recorder.keep(heard(at=number), patience=0)  # never waits
    await recorder.keep(heard(at=3000), patience=0.01)  # waits in vain, and goes on
    assert recorder.condition.waiting == 1100


async def test_when_there_is_no_room_the_oldest_are_lost_and_counted(
    path: Path, told: list[Happening], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "_SPOOL", 5)
    recorder = Recorder(path, told.append)
    for number in range(8):
        await recorder.keep(heard(str(number), at=number))
    assert (recorder.condition.waiting, recorder.condition.lost) == (5, 3)
    await recorder.flush()
    assert texts(path) == ["3", "4", "5", "6", "7"]


def test_the_spool_holds_ten_thousand() -> None:
    assert recorder_module._SPOOL == 10_000


async def test_what_waits_can_be_dropped_with_its_alerts(path: Path, told: list[Happening]) -> None:
    recorder = Recorder(path, told.append)
    secret, public = heard("secret"), heard("public", source="hall")
    await recorder.keep(secret)
    await recorder.keep(public)
    recorder.keep_alert(alert("secret was said", utterance=secret.id, source="other"))
    recorder.keep_alert(alert("public was said", utterance=public.id, source="hall"))
    assert await recorder.drop(lambda one: one.source == "kitchen") == 2
    await recorder.flush()
    assert texts(path) == ["public"]
    async with reading(path) as db:
        assert [one.summary for one in await list_alerts(db)] == ["public was said"]


async def test_a_stop_amid_a_write_loses_nothing(path: Path, told: list[Happening]) -> None:
    recorder = Recorder(path, told.append)
    await recorder.flush()
    await recorder.keep(heard("one"))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(recorder.run())
        await asyncio.sleep(0.3)  # it waits for the other's lock
        task.cancel()
        await asyncio.sleep(0.3)
        other.execute("ROLLBACK")
    await asyncio.gather(task, return_exceptions=True)
    assert texts(path) == ["one"]
    assert told == []


async def is_ready(path: Path) -> bool:
    try:
        async with reading(path):
            return True
    except StorageError:
        return False


CHILD = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from tests.storage.made import heard
from wallflower.storage.recorder import Recorder

async def main():
    recorder = Recorder(Path(sys.argv[1]), print)
    task = asyncio.create_task(recorder.run())
    for number in range(100_000):
        await recorder.keep(heard(str(number), at=datetime.now(UTC)))
        print(number, flush=True)
        await asyncio.sleep(0.005)
asyncio.run(main())
"""


async def test_a_process_that_is_killed_loses_its_last_second_at_most(path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(path), stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert child.stdout is not None
    seen: list[str] = []
    while len(seen) < 200:  # nobody asks it to write
        await child.stdout.readline()
        seen = texts(path) if path.exists() and await is_ready(path) else []
    child.send_signal(signal.SIGKILL)
    await child.communicate()
    kept = texts(path)
    assert kept[: len(seen)] == seen
    assert kept == [str(number) for number in range(len(kept))]
    assert recorder_module._BATCH_SECONDS <= 0.5  # the rest of the second is for the writing
    with opened(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.execute("INSERT INTO utterance_index (utterance_index) VALUES ('integrity-check')")
