"""What is sent, in which order, and what is kept while nobody takes it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.interfaces.mqtt.outbox import Message, Outbox


class Broken(Exception):  # noqa: N818
    """The connection broke."""


class Line:
    """Carries so many messages, then breaks. Each takes a turn of the loop."""

    def __init__(self, most: int = 1_000_000) -> None:
        self.left = most
        self.arrived: list[tuple[str, bytes]] = []

    async def publish(self, message: Message) -> None:
        if self.left <= 0:
            raise Broken
        self.left -= 1
        self.arrived.append((message.topic, message.payload))
        await asyncio.sleep(0)


@asynccontextmanager
async def _sending(outbox: Outbox, publish: Callable[[Message], Awaitable[None]]) -> AsyncIterator[None]:
    task = asyncio.create_task(outbox.send(publish))
    await asyncio.sleep(0)
    yield
    for _ in range(50):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError, Broken):
        await task


async def test_what_is_kept_waits_for_a_line_and_leaves_when_it_arrived() -> None:
    outbox, line = Outbox(), Line()
    outbox.keep("a", b"1")
    outbox.keep("a", b"2")
    assert outbox.waiting == 2
    async with _sending(outbox, line.publish):
        pass
    assert line.arrived == [("a", b"1"), ("a", b"2")]
    assert outbox.waiting == 0


async def test_the_last_state_counts_and_is_told_again_to_the_next() -> None:
    outbox, first, second = Outbox(), Line(), Line()
    for payload in (b"1", b"2", b"2"):
        outbox.set_state("s", payload)
    async with _sending(outbox, first.publish):
        outbox.set_state("s", b"2")
    outbox.say_all_states()
    async with _sending(outbox, second.publish):
        pass
    assert first.arrived == second.arrived == [("s", b"2")]


async def test_a_state_that_is_cleared_stays_so_and_is_told_once() -> None:
    outbox, first, second = Outbox(), Line(0), Line()
    outbox.set_state("s", b"1")
    outbox.clear_state("s")
    async with _sending(outbox, first.publish):
        pass
    outbox.say_all_states()
    async with _sending(outbox, second.publish):
        pass
    outbox.say_all_states()
    async with _sending(outbox, second.publish):
        pass
    assert second.arrived == [("s", b"")]


async def test_what_is_for_now_is_dropped_without_a_line() -> None:
    outbox, line = Outbox(), Line()
    outbox.say("p", b"old")
    async with _sending(outbox, line.publish):
        for number in range(300):
            outbox.say("p", b"%d" % number)
    assert line.arrived == [("p", b"%d" % number) for number in range(100)]


async def test_what_is_held_back_goes_when_it_is_released() -> None:
    outbox, line = Outbox(), Line()
    outbox.keep("a", b"1")
    outbox.hold_kept()
    async with _sending(outbox, line.publish):
        outbox.set_state("s", b"now")
        for _ in range(50):
            await asyncio.sleep(0)
        assert line.arrived == [("s", b"now")]
        outbox.release_kept()
    assert line.arrived == [("s", b"now"), ("a", b"1")]


@pytest.mark.parametrize("bounds", [{"most_kept": 3}, {"most_kept_bytes": 3}])
async def test_when_it_is_full_the_oldest_goes_and_is_counted(bounds: dict[str, int]) -> None:
    outbox, line = Outbox(**bounds), Line()
    for number in range(5):
        outbox.keep("a", b"%d" % number)
    assert (outbox.waiting, outbox.lost) == (3, 2)
    async with _sending(outbox, line.publish):
        pass
    assert line.arrived == [("a", b"2"), ("a", b"3"), ("a", b"4")]


async def test_one_that_goes_for_lack_of_room_while_it_is_sent_takes_no_other_with_it() -> None:
    outbox, line = Outbox(most_kept=2), Line()

    async def publish(message: Message) -> None:
        await line.publish(message)
        if message.payload == b"0":
            outbox.keep("a", b"2")

    outbox.keep("a", b"0")
    outbox.keep("a", b"1")
    async with _sending(outbox, publish):
        pass
    assert line.arrived == [("a", b"0"), ("a", b"1"), ("a", b"2")]
    assert outbox.waiting == 0


@given(st.lists(st.integers(0, 30), max_size=8), st.integers(0, 60))
def test_lines_that_break_lose_nothing_and_change_no_order(lines: list[int], count: int) -> None:
    async def run() -> list[bytes]:
        outbox, arrived = Outbox(), []
        for number in range(count):
            outbox.keep("a", b"%d" % number)
        for most in [*lines, 1_000_000]:
            line = Line(most)
            async with _sending(outbox, line.publish):
                pass
            arrived += [payload for _, payload in line.arrived]
        assert outbox.waiting == 0
        return arrived

    arrived = asyncio.run(run())
    assert list(dict.fromkeys(arrived)) == [b"%d" % number for number in range(count)]
