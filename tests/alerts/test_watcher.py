"""The watcher on a real bus, with the clock of the box."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from wallflower.alerts.reading import read_rule
from wallflower.alerts.watch import Watch
from wallflower.alerts.watcher import Watcher
from wallflower.bus import Bus
from wallflower.events import Alert, BusEvent, Partial, SourceChanged, SourceStatus


class _Play:
    def __init__(self, bus: Bus, watcher: Watcher, alerts: asyncio.Queue[Alert]) -> None:
        self.bus, self.watcher, self.alerts = bus, watcher, alerts

    async def next(self) -> Alert:
        return await asyncio.wait_for(self.alerts.get(), 20)


@asynccontextmanager
async def _watching(*rules: dict[str, Any]) -> AsyncIterator[_Play]:
    bus = Bus()
    ids = count(1)
    watcher = Watcher(bus, [read_rule(rule) for rule in rules], new_id=lambda _at: next(ids))
    alerts: asyncio.Queue[Alert] = asyncio.Queue()

    async def collect() -> None:
        with bus.subscribe("test") as subscription:
            async for event in subscription.events():
                if isinstance(event, Alert):
                    alerts.put_nowait(event)

    tasks = [asyncio.create_task(watcher.run()), asyncio.create_task(collect())]
    await asyncio.sleep(0)
    try:
        yield _Play(bus, watcher, alerts)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _help(number: int) -> Partial:
    now = datetime.now(UTC)
    return Partial("hall", number, " help", "", "en", now, now)


_HELP = {"name": "Help", "kind": "keyword", "words": "help"}


async def test_from_the_bus_to_the_bus() -> None:
    async with _watching(_HELP) as play:
        play.bus.publish(_help(7))
        alert = await play.next()
        assert (alert.rule, alert.phase, alert.utterance) == ("help", "raised", 7)
        assert alert.at.tzinfo is not None


async def test_a_timer_fires_with_nothing_on_the_bus() -> None:
    async with _watching({"name": "Down", "kind": "source_down", "seconds": 0.2}) as play:
        play.bus.publish(SourceChanged("hall", SourceStatus.FAILED, "gone", datetime.now(UTC)))
        assert (await play.next()).kind == "source_down"


async def test_rules_change_while_it_runs() -> None:
    async with _watching() as play:
        play.watcher.use([read_rule(_HELP)])
        play.bus.publish(_help(1))
        assert (await play.next()).rule == "help"


async def test_an_error_is_no_end_of_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    take = Watch.take

    def fail_first(watch: Watch, event: BusEvent, now: Any) -> None:
        if isinstance(event, Partial) and event.id == 1:
            raise ValueError("of ours")
        take(watch, event, now)

    monkeypatch.setattr(Watch, "take", fail_first)
    async with _watching(_HELP) as play:
        play.bus.publish(_help(1))
        play.bus.publish(_help(2))
        assert (await play.next()).utterance == 2
