"""The lane beside a plain mutex: sound made final per second, and waits, with sessions of any speed.

Eight sessions say commands, each its own. Of each command a partial is asked for every half second of sound,
and then the final; the next command comes when the final is there. The lane drops what is stale. The mutex is
what is easily written in its place: one segment at a time, first come first served, stale partials too.
Both are fed by the same code, in turns, with the same engine. Look at the partials as well: as fast as taken,
each is stale as soon as it is asked for, so the lane decodes hardly any; `--speed 1` is as people speak.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from command import run_command, say
from corpus import add_audio_flag, command_clips, samples_of
from tables import print_table
from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.config import load_options
from wallflower.config.places import data_dir
from wallflower.engines.base import Engine, Request, Transcription
from wallflower.engines.lane import Lane, Priority, SupersededError
from wallflower.engines.loading import load_engine
from wallflower.hardware.power import threads_of
from wallflower.memory import tune_allocator
from wallflower.models.catalog import find_model
from wallflower.models.fetching import fetcher_of

_SESSIONS = 8
_PARTIAL_SAMPLES = SAMPLE_RATE // 2
_REQUEST = Request(language="en")

Sound = NDArray[np.float32]
Ask = Callable[[Sound, Priority, int], Coroutine[Any, Any, Transcription]]


@dataclass(slots=True)
class _Figures:
    """Of one round, or of several together. audio, took, waits: seconds."""

    audio: float = 0.0
    took: float = 0.0
    asked: int = 0
    partials: int = 0
    waits: list[float] = field(default_factory=list)
    texts: dict[int, str] = field(default_factory=dict)


async def _partial(ask: Ask, sound: Sound, session: int, figures: _Figures) -> None:
    figures.asked += 1
    try:
        await ask(sound, Priority.VOICE_PARTIAL, session)
    except SupersededError:
        return
    figures.partials += 1


async def _speak(
    ask: Ask, clips: Sequence[tuple[int, Sound]], session: int, speed: float, figures: _Figures
) -> None:
    """Say the clips, `speed` times as fast as a person would."""
    for number, sound in clips:
        partials = []
        for end in range(_PARTIAL_SAMPLES, len(sound), _PARTIAL_SAMPLES):
            await asyncio.sleep(_PARTIAL_SAMPLES / SAMPLE_RATE / speed)
            partials.append(asyncio.create_task(_partial(ask, sound[:end], session, figures)))
        await asyncio.sleep(len(sound) % _PARTIAL_SAMPLES / SAMPLE_RATE / speed)
        asked = time.monotonic()
        final = await ask(sound, Priority.VOICE_FINAL, session)
        figures.waits.append(time.monotonic() - asked)
        figures.audio += len(sound) / SAMPLE_RATE
        figures.texts[number] = final.text
        await asyncio.gather(*partials)


async def _round(ask: Ask, clips: Sequence[Sound], speed: float, figures: _Figures) -> None:
    begun = time.monotonic()
    numbered = list(enumerate(clips))
    async with asyncio.TaskGroup() as sessions:
        for session in range(_SESSIONS):
            sessions.create_task(_speak(ask, numbered[session::_SESSIONS], session, speed, figures))
    figures.took += time.monotonic() - begun


async def _with_mutex(engine: Engine, clips: Sequence[Sound], speed: float, figures: _Figures) -> None:
    mutex = asyncio.Lock()

    async def ask(sound: Sound, _priority: Priority, _session: int) -> Transcription:
        async with mutex:
            return await asyncio.to_thread(engine.transcribe, sound, _REQUEST)

    await _round(ask, clips, speed, figures)


async def _with_lane(engine: Engine, clips: Sequence[Sound], speed: float, figures: _Figures) -> None:
    lane = Lane()

    async def ask(sound: Sound, priority: Priority, session: int) -> Transcription:
        return await lane.transcribe(engine, sound, _REQUEST, priority=priority, key=session)

    await _round(ask, clips, speed, figures)
    await lane.close()


def _engine(model_id: str) -> Engine:
    options = load_options()
    model, fetcher = find_model(model_id), fetcher_of(options)
    say(f"{model_id}, from {data_dir(options)}")
    asyncio.run(fetcher.ensure([model]))
    return load_engine(model, fetcher.store.files(model), threads=threads_of(options))


def _row(name: str, figures: _Figures, baseline: _Figures) -> list[str]:
    rate = figures.audio / figures.took
    return [
        name,
        f"{rate:.1f}",
        f"{100 * (rate * baseline.took / baseline.audio - 1):+.0f}",
        f"{1000 * statistics.median(figures.waits):.0f}",
        f"{1000 * statistics.quantiles(figures.waits, n=20)[-1]:.0f}",
        f"{figures.partials} of {figures.asked}",
    ]


def _measure(audio: Path, model_id: str, speed: float, rounds: int) -> int:
    tune_allocator()
    engine = _engine(model_id)
    clips = [samples_of(clip).astype(np.float32) / np.float32(32768) for clip in command_clips(audio)]
    mutex, lane = _Figures(), _Figures()
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        asyncio.run(_with_mutex(engine, clips, speed, mutex))
        asyncio.run(_with_lane(engine, clips, speed, lane))
    headings = ("", "audio s/s", "%", "final's wait ms", "95 % ms", "partials decoded")
    print_table(headings, [_row("mutex", mutex, mutex), _row("lane", lane, mutex)])
    if mutex.texts != lane.texts:
        say("the words of the finals differ")
        return 1
    return 0


def main() -> int:
    """Measure both, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_audio_flag(parser)
    parser.add_argument("--model", default="moonshine-tiny-en", help="(default: %(default)s)")
    parser.add_argument(
        "--speed",
        type=float,
        default=float("inf"),
        help="how many times as fast as people the sessions speak (default: as fast as it is taken)",
    )
    parser.add_argument("--rounds", type=int, default=3, help="(default: %(default)s)")
    flags = parser.parse_args()
    return run_command(lambda: _measure(flags.audio, flags.model, flags.speed, flags.rounds))


if __name__ == "__main__":
    sys.exit(main())
