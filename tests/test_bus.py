"""The bus: order, bounds, and who loses what."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from wallflower.bus import FLEETING, Bus, Subscription
from wallflower.events import BusEvent, EngineInUse, SoundLevel

_NOW = datetime(2026, 11, 21, tzinfo=UTC)


def _level(number: float) -> SoundLevel:
    return SoundLevel("hall", number, number, _NOW)


async def _take(subscription: Subscription, count: int) -> list[BusEvent]:
    events = subscription.events()
    return [await anext(events) for _ in range(count)]


async def test_each_subscriber_gets_all_from_then_on_in_order() -> None:
    bus = Bus()
    bus.publish(EngineInUse("before"))
    with bus.subscribe("one") as one, bus.subscribe("two") as two:
        for name in "abc":
            bus.publish(EngineInUse(name))
        expected = [EngineInUse(name) for name in "abc"]
        assert await _take(one, 3) == expected
        assert await _take(two, 3) == expected
    bus.publish(EngineInUse("after"))
    assert not bus.dropped


async def test_a_subscriber_waits_for_the_next() -> None:
    bus = Bus()
    with bus.subscribe("one") as one:
        waiting = asyncio.create_task(_take(one, 1))
        await asyncio.sleep(0)
        bus.publish(EngineInUse("a"))
        assert await waiting == [EngineInUse("a")]


async def test_a_slow_subscriber_loses_what_is_fleeting_first_and_nobody_else_does() -> None:
    bus = Bus()
    with bus.subscribe("slow", bound=3) as slow, bus.subscribe("quick") as quick:
        for event in (EngineInUse("a"), _level(1), _level(2), EngineInUse("b"), EngineInUse("c")):
            bus.publish(event)
        assert bus.dropped == {"slow": Counter(SoundLevel=2)}
        assert await _take(slow, 3) == [EngineInUse("a"), EngineInUse("b"), EngineInUse("c")]
        assert len(await _take(quick, 5)) == 5


async def test_when_nothing_is_fleeting_the_oldest_goes_and_is_counted() -> None:
    bus = Bus()
    with bus.subscribe("slow", bound=2) as slow:
        for name in "abc":
            bus.publish(EngineInUse(name))
        assert await _take(slow, 2) == [EngineInUse("b"), EngineInUse("c")]
        assert slow.dropped == Counter(EngineInUse=1)


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 10))
def test_never_more_than_the_bound_and_what_is_kept_is_kept_in_order(kinds: list[bool], bound: int) -> None:
    async def run() -> None:
        bus = Bus()
        events: list[BusEvent] = [
            _level(n) if fleeting else EngineInUse(str(n)) for n, fleeting in enumerate(kinds)
        ]
        with bus.subscribe("one", bound=bound) as one:
            for event in events:
                bus.publish(event)
            count = min(bound, len(events))
            kept = await _take(one, count)
        assert sum(one.dropped.values()) == len(events) - count
        assert kept == [event for event in events if event in kept]
        lasting = [event for event in events if not isinstance(event, FLEETING)]
        kept_lasting = [event for event in kept if event in lasting]
        assert kept_lasting == lasting[len(lasting) - min(len(lasting), bound) :]

    asyncio.run(run())
