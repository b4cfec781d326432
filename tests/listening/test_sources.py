"""The sources of a box: from the options, changed while it runs, remembered."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.households import nobody
from tests.listening.made_sources import MadeSources
from wallflower.audio.probe import Sound
from wallflower.bus import Bus
from wallflower.errors import WallflowerError
from wallflower.events import BusEvent, Heard, SourceChanged, SourceRemoved, SourceStatus
from wallflower.listening.ears import Ears
from wallflower.listening.sources import SourceError, Sources, opened

DOOR = {"name": "Door", "url": "rtsp://camera/1"}
HALL = {"name": "Hall", "url": "mic", "enabled": False}


class Remembered:
    """What a database would keep: JSON."""

    def __init__(self) -> None:
        self.text = "null"
        self.fails = False

    async def load(self) -> Any:
        self._maybe_fail()
        return json.loads(self.text)

    async def save(self, value: Any) -> None:
        self._maybe_fail()
        self.text = json.dumps(value)

    def _maybe_fail(self) -> None:
        if self.fails:
            raise WallflowerError("the disk is full")


async def _keep(_heard: Heard, _samples: object) -> None:
    pass


class Box:
    """What outlives a restart, and what watches."""

    def __init__(self, ears: Ears) -> None:
        self.memory = Remembered()
        self.made = MadeSources()
        self.bus = Bus()
        self._ears = ears

    async def _probe(self, url: str) -> Sound:
        return Sound("pcm_alaw", 1, 8000, finite=False)

    @asynccontextmanager
    async def run(self, *options: dict[str, Any]) -> AsyncIterator[Sources]:
        sources = Sources(
            options,
            ears=self._ears,
            bus=self.bus,
            keep=_keep,
            revise=lambda _heard: None,
            household=nobody(),
            memory=self.memory,
            open_source=self.made,
            probe=self._probe,
        )
        async with opened(sources):
            await asyncio.sleep(0.01)
            yield sources


@pytest.fixture
def box(ears: Ears) -> Box:
    return Box(ears)


def _states(sources: Sources) -> dict[str, str]:
    return {view.configured.slug: view.state.status.value for view in sources.list()}


async def test_those_that_are_enabled_are_listened_to(box: Box) -> None:
    async with box.run(DOOR, HALL) as sources:
        assert _states(sources) == {"door": "healthy", "hall": "paused"}
        assert sources.get("hall").state.reason == "it is disabled"
        assert sources.get("door").health is not None
        assert box.made["Door"].listeners == 1
        assert "Hall" not in box.made.opened
    assert box.made["Door"].listeners == 0


async def test_changes_survive_a_restart_and_give_way_to_the_options(box: Box) -> None:
    async with box.run(DOOR, HALL) as sources:
        await sources.disable("door")
        await sources.enable("hall")
        await sources.update("hall", {"gain": "6"})
        slug = await sources.create({"name": "Garden", "url": "push"})
        assert slug == "garden"
        await asyncio.sleep(0.01)
        assert _states(sources) == {"door": "paused", "hall": "healthy", "garden": "healthy"}
    async with box.run(DOOR, HALL) as sources:
        assert _states(sources) == {"door": "paused", "hall": "healthy", "garden": "healthy"}
        assert sources.get("hall").configured.holds("gain") == "run time"
        assert sources.get("hall").configured.settings.gain == 6.0
    async with box.run(DOOR, HALL | {"gain": 1.0}) as sources:
        hall = sources.get("hall").configured
        assert hall.settings.gain == 1.0
        assert hall.settings.enabled
        assert hall.holds("gain") == "options"
        await sources.delete("garden")
        await sources.delete("door")
    async with box.run(DOOR, HALL | {"gain": 1.0}) as sources:
        assert list(_states(sources)) == ["hall"]
    async with box.run(DOOR | {"gain": 2.0}) as sources:
        assert _states(sources) == {"door": "healthy"}


async def test_a_change_that_needs_no_new_connection_makes_none(box: Box) -> None:
    async with box.run(DOOR) as sources:
        await sources.update("door", {"gain": 3, "language": "de", "name": "Front door"})
        assert len(box.made.opened["Door"]) == 1
        assert sources.get("door").configured.settings.name == "Front door"
        await sources.update("door", {"url": "rtsp://camera/2"})
        await sources.restart("door")
        await asyncio.sleep(0.01)
    # each change is tried before it is made
    assert [source.listeners for source in box.made.opened["Door"]] == [0]
    assert len(box.made.opened["Front door"]) >= 3


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"name": "door", "url": "mic"}, "already"),
        ({"name": "New"}, "has no 'url'"),
        ({"name": "New", "url": "rtsp://bad"}, "no such thing"),
        ({"name": "New", "url": "mic", "gain": "much"}, "'gain' is 'much'; allowed"),
        ({"name": "New", "url": "mic", "color": "red"}, "no setting 'color'"),
    ],
)
async def test_a_wrong_source_is_refused(box: Box, settings: dict[str, Any], part: str) -> None:
    async with box.run(DOOR) as sources:
        before = box.memory.text
        with pytest.raises(WallflowerError, match=part):
            await sources.create(settings)
        assert list(_states(sources)) == ["door"]
        assert box.memory.text == before


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"gain": 99}, "allowed"),
        ({"volume": 1}, "no setting 'volume'"),
        ({"url": "rtsp://bad"}, "no such thing"),
        ({"name": "HALL"}, "already"),
        ({"url": "x"}, "not shown"),
    ],
)
async def test_a_wrong_change_changes_nothing(box: Box, changes: dict[str, Any], part: str) -> None:
    async with box.run(DOOR, HALL) as sources:
        before = sources.get("door").configured
        with pytest.raises(WallflowerError, match=part):
            await sources.update("door", {"language": "de"} | changes)
        assert sources.get("door").configured == before


async def test_an_unknown_source_is_named_with_those_there_are(box: Box) -> None:
    async with box.run(DOOR) as sources:
        for call in (sources.enable, sources.delete, sources.restart):
            with pytest.raises(SourceError, match="no source 'attic'; there are: door"):
                await call("attic")


async def test_what_cannot_be_kept_is_not_done(box: Box) -> None:
    async with box.run(DOOR) as sources:
        box.memory.fails = True
        with pytest.raises(WallflowerError, match="disk is full"):
            await sources.disable("door")
        assert _states(sources) == {"door": "healthy"}
    async with box.run(DOOR) as sources:  # and without the memory the options hold
        assert _states(sources) == {"door": "healthy"}


async def test_a_source_that_cannot_be_opened_leaves_the_others_going(box: Box) -> None:
    async with box.run({"name": "Bad", "url": "rtsp://bad"}, DOOR) as sources:
        assert _states(sources) == {"bad": "failed", "door": "healthy"}
        assert sources.get("bad").state.reason == "no such thing"


async def test_sound_is_brought_only_where_it_is_wanted(box: Box) -> None:
    async with box.run(DOOR, HALL) as sources:
        for slug in ("door", "hall", "attic"):
            with pytest.raises(SourceError):
                await sources.push(slug, b"")


async def test_what_happens_is_told(box: Box) -> None:
    events: list[BusEvent] = []
    with box.bus.subscribe("test") as subscription:
        async with box.run(DOOR) as sources:
            box.made["Door"].become(SourceStatus.RECOVERING, "it broke off")
            await sources.disable("door")
            await sources.delete("door")
        events = list(subscription._waiting)
    changes = [(e.source, e.status, e.reason) for e in events if isinstance(e, SourceChanged)]
    assert changes == [
        ("door", SourceStatus.HEALTHY, ""),
        ("door", SourceStatus.RECOVERING, "it broke off"),
        ("door", SourceStatus.PAUSED, "it is disabled"),
    ]
    assert isinstance(events[-1], SourceRemoved)
