"""What is found later, who spoke, is written to what is there, and brings nothing back."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storage.made import heard, texts
from wallflower.events import Happening, Heard, Speaker
from wallflower.storage import recorder as recorder_module
from wallflower.storage.database import reading
from wallflower.storage.errors import StorageError
from wallflower.storage.forgetting import Forget
from wallflower.storage.recorder import Recorder
from wallflower.storage.search import Query, stream

ONE, TWO = Speaker(1, "Speaker 1"), Speaker(2, "Speaker 2")


async def stored(path: Path) -> list[Heard]:
    async with reading(path) as db:
        return [one async for one in stream(db, Query())]


async def test_the_speaker_and_the_revision_alone_change(path: Path, told: list[Happening]) -> None:
    recorder = Recorder(path, told.append)
    first = heard("first", speaker=ONE, confidence=0.5)
    await recorder.keep(first)
    recorder.revise(replace(first, text="other words", speaker=TWO, revision=1, overlapped=True))
    await recorder.flush()
    later = replace(first, speaker=TWO, revision=1, overlapped=True)
    assert await stored(path) == [later]
    recorder.revise(replace(first, speaker=ONE, revision=1))  # no later one
    await recorder.flush()
    assert await stored(path) == [later]
    recorder.revise(replace(first, speaker=None, revision=2))
    await recorder.flush()
    assert await stored(path) == [replace(first, speaker=None, revision=2)]
    await recorder._close()


async def test_what_is_not_there_does_not_come(path: Path, told: list[Happening]) -> None:
    recorder = Recorder(path, told.append)
    first = heard("first")
    await recorder.keep(first)
    recorder.revise(replace(first, speaker=ONE, revision=1))
    assert await recorder.drop(Forget().means) == 1  # the revision stays, and finds nothing
    await recorder.flush()
    assert texts(path) == []
    await recorder._close()


async def test_through_an_outage_in_order(tmp_path: Path, told: list[Happening]) -> None:
    path = tmp_path / "away" / "wallflower.db"
    recorder = Recorder(path, told.append)
    first = heard("first")
    await recorder.keep(first)
    with pytest.raises(StorageError):
        await recorder.flush()
    recorder.revise(replace(first, speaker=TWO, revision=1))
    path.parent.mkdir()
    await recorder.flush()
    assert [one.speaker for one in await stored(path)] == [TWO]
    await recorder._close()


async def test_there_is_a_bound_and_words_go_first(
    path: Path, told: list[Happening], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "_SPOOL", 3)
    recorder = Recorder(path, told.append)
    first = heard("first")
    for revision in range(1, 6):
        recorder.revise(replace(first, revision=revision))
    assert recorder.condition.waiting == 3
    for number in range(3):
        await recorder.keep(heard(str(number), at=number))
    assert (recorder.condition.waiting, recorder.condition.lost) == (3, 0)
    with pytest.raises(ValueError, match="revision"):
        recorder.revise(replace(first, revision=-1))
    await recorder.flush()
    assert texts(path) == ["0", "1", "2"]
    await recorder._close()


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from([None, ONE, TWO]), st.booleans()), max_size=12))
@settings(max_examples=30, deadline=None)
async def test_the_latest_revision_holds_in_whatever_batches_they_come(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, Speaker | None, bool]]
) -> None:
    path = tmp_path_factory.mktemp("revised") / "wallflower.db"
    recorder = Recorder(path, lambda _: None)
    first = heard("first")
    await recorder.keep(first)
    expected = first
    for revision, speaker, flushes in steps:
        recorder.revise(replace(first, speaker=speaker, revision=revision))
        if flushes:
            await recorder.flush()
        if revision > expected.revision:
            expected = replace(first, speaker=speaker, revision=revision)
    await recorder.flush()
    assert [(one.speaker, one.revision) for one in await stored(path)] == [
        (expected.speaker, expected.revision)
    ]
    await recorder._close()
