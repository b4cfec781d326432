"""What is told of a stretch of sound while people change, and what fails: with a diarizer that is made up."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import pytest

from tests.speakers.voices import silence
from wallflower.audio.source import SoundBlock
from wallflower.events import BusEvent, Heard, Passage
from wallflower.listening import speaker_run as module
from wallflower.listening.held_sound import Silence
from wallflower.listening.people import People
from wallflower.listening.processors import Blocks
from wallflower.listening.speaker_run import SpeakerRun
from wallflower.listening.voices import Voices
from wallflower.listening.who_speaks import Hearing, WhoSpeaks
from wallflower.speakers.diarizer import SpeakerModels, SpokenTurn
from wallflower.speakers.embedding import SIZE, Embedding, unit
from wallflower.speakers.revision import Stretch
from wallflower.storage.database import DATABASE_NAME, prepare, writing
from wallflower.storage.speakers import forget_speaker, merge_speakers, rename_speaker

T = TypeVar("T")
NOW = datetime(2026, 3, 28, tzinfo=UTC)


def _voice(seed: int) -> Embedding:
    return unit(np.random.default_rng(seed).normal(size=SIZE).astype(np.float32))


class _Diarizer:
    """Finds what it is told to find."""

    turns: tuple[SpokenTurn, ...] = ()
    revised: tuple[Stretch, ...] = ()
    fails = False

    def __init__(self, _models: object) -> None:
        self.thrifty = False
        self.clock = 0.0

    def feed(self, samples: Any, *, quiet: bool) -> list[SpokenTurn]:
        self.clock += len(samples) / 16_000
        return [turn for turn in self.turns if self.clock - len(samples) / 16_000 < turn.end <= self.clock]

    def finish(self) -> list[SpokenTurn]:
        return []

    def revise(self) -> list[Stretch]:
        if self.fails:
            raise ValueError("it fails")
        return list(self.revised)

    def voice(self, speaker: int) -> Embedding:
        return _voice(speaker)

    def forget(self, speaker: int) -> None:
        pass


class _Meanwhile(Voices):
    """Voices, where something happens while they are at it."""

    meanwhile: Callable[[], Any] | None = None

    async def do(self, work: Callable[[], T]) -> T:
        result = await super().do(work)
        if self.meanwhile is not None:
            happens, self.meanwhile = self.meanwhile, None
            await happens()
        return result


@pytest.fixture
def diarizer(monkeypatch: pytest.MonkeyPatch) -> type[_Diarizer]:
    class Own(_Diarizer):
        turns = (SpokenTurn(0, 4, 0, embedding=_voice(0)), SpokenTurn(4, 8, 1, embedding=_voice(1)))

    monkeypatch.setattr(module, "Diarizer", Own)
    return Own


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / DATABASE_NAME
    prepare(path)
    return path


@pytest.fixture
async def people(path: Path) -> People:
    people = People(path, lambda _event: None)
    await people.look()
    return people


def _heard(start: float, end: float, run: SpeakerRun | None = None, number: int | None = None) -> Heard:
    who = None if run is None else run.person(number)
    return Heard(int(start) + 1, "hall", NOW, NOW, "secret words", "en", start, end, who)


MODELS = cast("SpeakerModels", None)


@pytest.mark.parametrize("merged", [False, True])
async def test_people_are_forgotten_or_merged_during_a_revision(
    diarizer: type[_Diarizer], people: People, path: Path, *, merged: bool
) -> None:
    revised: list[Heard] = []
    voices = _Meanwhile()
    run = SpeakerRun(MODELS, 0, voices=voices, people=people, revised=revised.append)
    await run.feed(silence(9))
    first, second = run.person(0), run.person(1)
    assert first is not None
    assert second is not None
    await people.look()
    for heard, number in ((_heard(0, 4, run, 0), 0), (_heard(4, 8, run, 1), 1)):
        run.told(heard, number)
    diarizer.revised = (Stretch(0, 4, 1), Stretch(4, 8, 0))  # it was the other way round

    async def happens() -> None:
        async with writing(path) as db:
            await rename_speaker(db, second.id, "Bo")
            if merged:
                await merge_speakers(db, first.id, second.id, None)
            else:
                await forget_speaker(db, first.id, None, words=True)
        await people.look()

    voices.meanwhile = happens
    await run.revise()
    told = [(heard.id, heard.speaker_name) for heard in revised]
    assert told == []  # both are one; or the one's words are gone, and nobody said the other's
    one, other = run.person(0), run.person(1)
    assert (one.name if one else None) == ("Bo" if merged else None)
    assert other is not None
    assert other.name == "Bo"
    voices.close()


async def test_a_revision_that_fails_ends_no_listening_for_good(
    diarizer: type[_Diarizer], people: People
) -> None:
    voices = Voices()
    voices.models = cast("SpeakerModels", object())
    events: list[BusEvent] = []
    who = WhoSpeaks(
        "hall", Hearing(voices, people, events.append, lambda _: NOW, lambda: True, lambda: None, print)
    )

    async def listen(position: float) -> None:
        blocks = Blocks()
        blocks.put(SoundBlock(round(position * 16_000), silence(5)))
        who_told = _heard(position, position + 1)
        task = asyncio.ensure_future(who.work(blocks))
        await asyncio.sleep(0.1)
        who.told(who_told, None)
        blocks.end()
        await task

    await listen(0)
    diarizer.fails = True
    with pytest.raises(ValueError, match="it fails"):
        await listen(20)
    await listen(40)
    assert await who.parts(Passage(40, 41, "words", "en"), since=time.monotonic()) != []
    voices.close()


@pytest.mark.usefixtures("diarizer")
async def test_sound_that_was_held_when_the_listening_broke_off_is_not_heard_later(people: People) -> None:
    voices = Voices()
    voices.models = cast("SpeakerModels", object())
    known: list[Silence | None] = [Silence(0, 6)]
    events: list[BusEvent] = []
    who = WhoSpeaks(
        "hall", Hearing(voices, people, events.append, lambda _: NOW, lambda: True, lambda: known[0], print)
    )

    async def begin(position: int) -> asyncio.Task[None]:
        blocks = Blocks()
        blocks.put(SoundBlock(position * 16_000, silence(1)))
        task = asyncio.create_task(who.work(blocks))
        await asyncio.sleep(0.1)
        return task

    async def end(task: asyncio.Task[None]) -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    await end(await begin(5))  # it is not known yet whether anybody speaks there
    known[0] = None
    task = await begin(20)
    assert who._run is not None
    assert (who._run.offset, who._run.end) == (20, 21)
    await end(task)
    voices.close()
