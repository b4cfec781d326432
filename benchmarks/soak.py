"""Whether the daemon grows: clients that come and go for half an hour, some of them badly behaved.

Each utterance is a connection of its own, in real time. Now and then a client vanishes in the middle of its
sound, sends garbage, says nothing until it is sent away, or asks `describe` only. At the end of each minute
all clients leave, so that the daemon is measured idle: like with like.
"""

import argparse
import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart
from wyoming.event import async_write_event

from asking import answers_describe
from command import BenchmarkError, run_command, say
from corpus import add_audio_flag, samples_of, speech_sets
from pacing import in_real_time, say_to_server, with_silence
from servers import Server, our_daemon
from tables import print_table
from usage import Usage, usage_of
from wallflower.audio.pcm import SAMPLE_RATE

_SETS = ("commands_en", "commands_en_misc", "read_misc_en")
_SEED = 20
_GROWTH_MB = 10.0
_MINUTE_SECONDS = 60.0
_LEAVING_SECONDS = 20.0  # at the end of a minute nobody comes any more: time to finish, and to be idle
_SETTLE_SECONDS = 12.0  # by then Whisper has given back what it needs for work only
_SAMPLE_SECONDS = 3.0
_CLIENT_TIMEOUT = 8
_READ_SECONDS = 20.0  # more than the daemon's patience
_GARBAGE_BYTES = 20_000

Sound = NDArray[np.int16]


@dataclass(slots=True)
class Minute:
    """What happened in a minute. idle: after all clients had left. least, most: MB while they were there."""

    visits: Counter[str]
    least: float
    most: float
    idle: Usage


class Clients:
    """Clients of one server, all with one source of chance. visits: what they did, and what went wrong."""

    def __init__(self, uri: str, sounds: Sequence[Sound]) -> None:
        self._uri = uri
        self._sounds = sounds
        self._chance = random.Random(_SEED)  # the same visits every time are the point
        self.visits: Counter[str] = Counter()

    async def come_and_go(self, until: float) -> None:
        """One visit after the other, until time.monotonic() is `until`."""
        kinds: dict[str, tuple[int, Callable[[Sound], Awaitable[None]]]] = {
            "spoke": (75, self._speak),
            "vanished": (10, self._vanish),
            "garbage": (5, self._send_garbage),
            "silent": (3, self._say_nothing),
            "describe": (7, self._describe),
        }
        weights = [weight for weight, _ in kinds.values()]
        while time.monotonic() < until:
            kind = self._chance.choices(list(kinds), weights)[0]
            try:
                await kinds[kind][1](self._chance.choice(self._sounds))
            except (BenchmarkError, TimeoutError) as error:
                say(f"{kind}: {error}")
                kind = "failed"
            self.visits[kind] += 1
            await asyncio.sleep(self._chance.uniform(0, 1))

    async def _speak(self, sound: Sound) -> None:
        if not (await say_to_server(self._uri, with_silence(sound))).text:
            raise BenchmarkError("there was no text")

    async def _vanish(self, sound: Sound) -> None:
        _, writer = await self._connect()
        form = {"rate": SAMPLE_RATE, "width": 2, "channels": 1}
        await async_write_event(Transcribe(language="en").event(), writer)
        await async_write_event(AudioStart(**form).event(), writer)
        async for piece in in_real_time(sound[: self._chance.randrange(1, len(sound))]):
            await async_write_event(AudioChunk(audio=piece.tobytes(), **form).event(), writer)
        writer.transport.abort()

    async def _send_garbage(self, _sound: Sound) -> None:
        reader, writer = await self._connect()
        writer.write(self._chance.randbytes(self._chance.randrange(1, _GARBAGE_BYTES)) + b"\n")
        await _until_sent_away(reader, writer)

    async def _say_nothing(self, _sound: Sound) -> None:
        await _until_sent_away(*await self._connect())

    async def _describe(self, _sound: Sound) -> None:
        if not await answers_describe(self._uri):
            raise BenchmarkError("it does not answer describe")

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self._uri)
        return await asyncio.open_connection(parts.hostname, parts.port)


async def _until_sent_away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(_READ_SECONDS):
            while await reader.read(65_536):
                pass
    except ConnectionError:
        pass  # sent away with what it had sent unread
    finally:
        writer.transport.abort()


async def _minute(server: Server, clients: Clients, count: int) -> Minute:
    begun = time.monotonic()
    before = clients.visits.copy()
    until = begun + _MINUTE_SECONDS - _LEAVING_SECONDS
    visiting = asyncio.gather(*(clients.come_and_go(until) for _ in range(count)))
    resident = []
    while not visiting.done():
        resident.append(usage_of(server).resident)
        await asyncio.wait([visiting], timeout=_SAMPLE_SECONDS)
    await visiting
    left = _MINUTE_SECONDS - (time.monotonic() - begun)
    await asyncio.sleep(max(_SETTLE_SECONDS, left))
    return Minute(clients.visits - before, min(resident), max(resident), usage_of(server))


def _left_in_log(server: Server) -> int:
    """Connections that began and did not end."""
    events: Counter[str] = Counter()
    for line in server.log.read_text("utf-8").splitlines():
        if line.startswith("{"):
            events[json.loads(line)["event"]] += 1
    return events["client connected"] - events["client gone"]


def _print(minutes: Sequence[Minute]) -> None:
    kinds = ("spoke", "vanished", "garbage", "silent", "describe", "failed")
    print_table(
        ("minute", *kinds, "least MB", "most MB", "idle MB", "threads", "descriptors"),
        [
            (
                str(number),
                *(str(minute.visits[kind]) for kind in kinds),
                f"{minute.least:.1f}",
                f"{minute.most:.1f}",
                f"{minute.idle.resident:.1f}",
                str(minute.idle.threads),
                str(minute.idle.descriptors),
            )
            for number, minute in enumerate(minutes, 1)
        ],
    )


def _verdict(minutes: Sequence[Minute], connections: int) -> bool:
    """Print it; whether all is well."""
    first, last = minutes[0].idle, minutes[-1].idle
    growth = max(minute.idle.resident for minute in minutes) - first.resident
    failed = sum(minute.visits["failed"] for minute in minutes)
    print(
        f"memory, idle: {first.resident:.1f} MB after the first minute, {last.resident:.1f} after the last, "
        f"at most {growth:.1f} MB more (allowed: {_GROWTH_MB:.0f})"
    )
    print(
        f"left over: {connections} connections, {last.threads - first.threads} threads, "
        f"{last.descriptors - first.descriptors} descriptors; failed: {failed}"
    )
    left = max(connections, last.threads - first.threads, last.descriptors - first.descriptors)
    return growth <= _GROWTH_MB and left <= 0 and not failed


async def _soak(sounds: Sequence[Sound], minutes: int, count: int) -> int:
    flags = ("--log-level", "debug", "--client-timeout", str(_CLIENT_TIMEOUT))
    done: list[Minute] = []
    async with our_daemon(*flags, name="soak") as server:
        clients = Clients(server.uri, sounds)
        for number in range(1, minutes + 1):
            done.append(await _minute(server, clients, count))
            idle = done[-1].idle
            say(
                f"minute {number} of {minutes}: {idle.resident:.1f} MB, {idle.threads} threads, "
                f"{idle.descriptors} descriptors when idle; {dict(clients.visits)}"
            )
        connections = _left_in_log(server)
    _print(done)
    return 0 if _verdict(done, connections) else 1


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Whether the daemon grows while clients come and go.")
    add_audio_flag(parser)
    parser.add_argument(
        "--minutes", type=int, default=30, metavar="N", help="how long (default: %(default)s)"
    )
    parser.add_argument("--clients", type=int, default=4, metavar="N", help="at once (default: %(default)s)")
    parsed = parser.parse_args()

    def work() -> int:
        sets = speech_sets(parsed.audio)
        clips = [clip for name in sets for clip in sets[name] if name in _SETS] or next(iter(sets.values()))
        return asyncio.run(_soak([samples_of(clip) for clip in clips], parsed.minutes, parsed.clients))

    return run_command(work)


if __name__ == "__main__":
    raise SystemExit(main())
