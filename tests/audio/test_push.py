"""A client that brings its sound: too fast, too slow, in any format, and to nobody."""

import asyncio
import contextlib

import numpy as np
import pytest

from wallflower.audio import push
from wallflower.audio.pcm import AudioError, PcmFormat
from wallflower.audio.push import PushSource
from wallflower.audio.source import SoundBlock, SourceState
from wallflower.events import SourceStatus

STEREO = PcmFormat(48_000, 2, 2)
PLAIN = PcmFormat(16_000, 2, 1)


def tone(pcm: PcmFormat, seconds: float) -> bytes:
    times = np.arange(round(pcm.rate * seconds)) / pcm.rate
    mono = np.rint(8000 * np.sin(2 * np.pi * 440 * times)).astype("<i2")
    return np.repeat(mono, pcm.channels).tobytes()


async def heard(source: PushSource) -> list[SoundBlock]:
    async with asyncio.timeout(30), contextlib.aclosing(source.blocks()) as blocks:
        return [block async for block in blocks]


async def test_all_that_is_brought_at_once_is_heard_at_its_own_pace() -> None:
    states: list[SourceState] = []
    source = PushSource(STEREO, states.append)
    hearing = asyncio.create_task(heard(source))
    await asyncio.sleep(0)
    await source.push(tone(STEREO, 2))
    await source.end()
    blocks = await hearing
    sound = np.concatenate([block.samples for block in blocks])
    assert len(sound) == pytest.approx(32_000, abs=500)  # the resampler keeps a little
    assert int(np.abs(np.fft.rfft(sound)).argmax()) * 16_000 / len(sound) == pytest.approx(440, abs=2)
    assert blocks[0].position == 0
    assert [state.status for state in states] == ["connecting", "healthy", "paused"]
    assert states[-1].reason == "the client has brought all of its sound"


async def test_a_client_in_a_hurry_waits() -> None:
    source = PushSource(PLAIN, lambda _: None)
    hearing = asyncio.create_task(heard(source))
    await asyncio.sleep(0)
    pushing = asyncio.create_task(source.push(tone(PLAIN, 60)))
    await asyncio.sleep(0.3)
    assert not pushing.done()
    assert source._pieces.full()
    pushing.cancel()
    hearing.cancel()
    await asyncio.gather(pushing, hearing, return_exceptions=True)


async def test_a_client_that_falls_silent_and_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "_PATIENCE_SECONDS", 0.2)
    states: list[SourceState] = []
    source = PushSource(PLAIN, states.append)
    hearing = asyncio.create_task(heard(source))
    await asyncio.sleep(0)
    await source.push(tone(PLAIN, 0.1))
    async with asyncio.timeout(20):
        while source.state.status is not SourceStatus.RECOVERING:
            await asyncio.sleep(0.02)
    await asyncio.sleep(1)
    await source.push(tone(PLAIN, 0.1))
    await source.end()
    blocks = await hearing
    assert [state.status for state in states] == ["connecting", "healthy", "recovering", "healthy", "paused"]
    assert blocks[-1].start > 1
    assert any(not block.samples.any() for block in blocks)


async def test_nobody_listens() -> None:
    source = PushSource(PLAIN, lambda _: None)
    with pytest.raises(AudioError, match="nobody listens to this source now"):
        await source.push(tone(PLAIN, 1))


@pytest.mark.parametrize("leaves", [True, False], ids=["leaves", "pauses"])
async def test_a_listener_who_goes_does_not_keep_the_client_waiting(*, leaves: bool) -> None:
    source = PushSource(PLAIN, lambda _: None)
    hearing = asyncio.create_task(heard(source))
    await asyncio.sleep(0)
    pushing = asyncio.create_task(source.push(tone(PLAIN, 60)))
    await asyncio.sleep(0.3)
    if leaves:
        hearing.cancel()
    else:
        source.pause("disabled")
    async with asyncio.timeout(20):
        with pytest.raises(AudioError, match="nobody listens"):
            await pushing
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)
