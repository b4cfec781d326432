"""Events on their way to a listener who may be slow, or not there."""

import asyncio
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from wallflower.events import Committed, Endpoint, Passage, StreamEvent, Tentative, Utterance
from wallflower.listening.outbox import LIMIT, Outbox

_END = Utterance("all of it", "en", 1.0, ())
_EVENTS = st.one_of(
    st.text(max_size=3).map(Committed),
    st.text(max_size=3).map(Tentative),
    st.integers(0, 99).map(lambda number: Passage(number, number + 1, "words", "en")),
)


def _read(outbox: Outbox) -> list[StreamEvent]:
    async def read() -> list[StreamEvent]:
        return [event async for event in outbox.events()]

    return asyncio.run(read())


@given(st.lists(_EVENTS, max_size=40), st.integers(0, 9))
def test_bounded_in_order_and_without_a_loss_of_words(events: list[StreamEvent], times: int) -> None:
    many = events * (4**times % 300)
    outbox = Outbox()
    outbox.events()
    for event in many:
        outbox.put(event)
    outbox.put(Endpoint(0.5))
    outbox.put(_END)
    assert len(outbox._waiting) <= LIMIT + 3
    came = _read(outbox)
    assert came[-2:] == [Endpoint(0.5), _END]
    said = "".join(event.text for event in came if isinstance(event, Committed))
    assert said == "".join(event.text for event in many if isinstance(event, Committed))
    passages = [event for event in came if isinstance(event, Passage)]
    assert passages == [event for event in many if isinstance(event, Passage)][: len(passages)]


@given(st.lists(_EVENTS, max_size=LIMIT // 2))
def test_few_events_come_as_they_are_but_for_tentative_ones_that_are_outdated(
    events: list[StreamEvent],
) -> None:
    outbox = Outbox()
    outbox.events()
    for event in events:
        outbox.put(event)
    outbox.put(_END)
    followed = zip(events, [*events, _END][1:], strict=True)
    expected = [
        one for one, after in followed if not (isinstance(one, Tentative) and isinstance(after, Tentative))
    ]
    assert _read(outbox) == [*expected, _END]


async def test_a_listener_who_is_there_gets_each_at_once() -> None:
    outbox = Outbox()
    came: list[StreamEvent] = []

    async def listen(events: AsyncIterator[StreamEvent]) -> None:
        async for event in events:
            came.append(event)  # noqa: PERF401  # one by one

    listening = asyncio.create_task(listen(outbox.events()))
    told: list[StreamEvent] = [Tentative("it"), Tentative("it was"), Committed("it"), Tentative("was"), _END]
    for event in told:
        outbox.put(event)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await asyncio.wait_for(listening, 5)
    assert came == told


async def test_closing_ends_it_after_what_waits() -> None:
    outbox = Outbox()
    events = outbox.events()
    outbox.put(Committed("it"))
    outbox.close()
    assert [event async for event in events] == [Committed("it")]


def test_without_a_listener_nothing_is_kept() -> None:
    outbox = Outbox()
    for _ in range(1000):
        outbox.put(Committed("word"))
    assert not outbox._waiting
