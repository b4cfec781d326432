"""Who speaks at a source: beside the words, and told to whoever attributes them."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.events import Heard, Passage, Speaker, SpeakerChanged
from wallflower.listening.held_sound import HeldSound, Silence
from wallflower.listening.people import People
from wallflower.listening.processors import Blocks
from wallflower.listening.speaker_run import SpeakerRun
from wallflower.listening.splitting import Part, parts_of
from wallflower.listening.voices import Voices
from wallflower.speakers.diarizer import SpeakerModels, SpokenTurn

_PATIENCE_SECONDS = 2.0
"""Words wait so long for who said them; who is known later than that comes as a revision."""
_REVISION_SECONDS = 30.0
_REVISION_SHARE = 0.01
"""Of a long session it takes longer, and so comes less often: no more of a core than this."""
_GAP_SAMPLES = SAMPLE_RATE // 8
_FILLED_SAMPLES = 5 * SAMPLE_RATE
"""A gap up to this length is silence; after a longer one everything begins anew."""
_EARLY = 200
_BEHIND_SAMPLES = 4 * SAMPLE_RATE
"""With so much sound waiting there is no time to look closely."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """What a source needs to tell who speaks. tell: returns at once. at: the time of a place in the sound, in
    seconds. wanted: whether anybody wants to know. silence: where nobody speaks, as the words' session hears
    it; None while there is none. revised: is given what is told anew.
    """

    voices: Voices
    people: People
    tell: Callable[[SpeakerChanged], None]
    at: Callable[[float], datetime]
    wanted: Callable[[], bool]
    silence: Callable[[], Silence | None]
    revised: Callable[[Heard], None]


class WhoSpeaks:
    """Lives on the event loop; `work` is a processor's."""

    def __init__(self, source: str, hearing: Hearing) -> None:
        self._source = source
        self._hearing = hearing
        self._run: SpeakerRun | None = None
        self._held = HeldSound()
        self._early: deque[Heard] = deque(maxlen=_EARLY)
        """What was told before its sound was listened to for speakers."""
        self._revise_at = 0.0
        self._moved = asyncio.Event()
        self._last: tuple[int | None, bool] = (None, False)
        """What was told: the person's id, and whether that was provisional."""

    async def work(self, blocks: Blocks) -> None:
        """Listen until the blocks end."""
        try:
            async for block in blocks:
                models = self._hearing.voices.models
                if not self._hearing.wanted():
                    await self.finish()
                    self._run = None
                elif models is None:
                    self._hearing.voices.want()
                else:
                    run = await self._run_for(block.position, models)
                    self._held.add(block.samples)
                    for samples, quiet in self._held.ready(run.end, self._hearing.silence()):
                        thrifty = blocks.waiting > _BEHIND_SAMPLES
                        await self._listen(run, samples, quiet=quiet, thrifty=thrifty)
            await self._end_run()
        finally:
            if self._run is not None:
                self._run.ended = True
            self._moved.set()

    async def finish(self) -> None:
        """All was heard and told: look at it a last time."""
        await self._end_run()
        if self._run is not None:
            await self._run.revise()

    async def parts(self, passage: Passage, *, since: float) -> list[Part]:
        """What one speaker each said, once that is known: for 2 s it is waited for. since: when (monotonic)
        the passage was there.
        """
        run = self._run
        if run is None:
            return [Part(passage, None)]
        if not run.ended and run.end > passage.end - _PATIENCE_SECONDS:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(since + _PATIENCE_SECONDS - time.monotonic()):
                    await self._reached(run, passage.end)
        if run is not self._run:  # its numbers are of others now
            return [Part(passage, None)]
        return parts_of(passage, run.stretches(passage.start))

    def person(self, number: int | None) -> Speaker | None:
        """Who this speaker of a part is, as far as it is known."""
        return None if self._run is None else self._run.person(number)

    def told(self, heard: Heard, number: int | None) -> None:
        """This was told: it is told again if it turns out that somebody else said it."""
        if self._run is not None:
            if heard.audio_start > self._run.end:
                self._early.append(heard)
            else:
                self._run.told(heard, number)

    async def _run_for(self, position: int, models: SpeakerModels) -> SpeakerRun:
        run = self._run
        if run is not None and not run.ended:
            missing = position - round(run.end * SAMPLE_RATE) - self._held.samples
            if abs(missing) <= _GAP_SAMPLES:
                return run
            if 0 < missing <= _FILLED_SAMPLES:
                self._held.add(np.zeros(missing, np.int16))
                return run
        try:
            await self.finish()
        finally:
            self._run = None  # one that fails is not tried again for ever
            self._held.clear()  # of one that ended amid its sound, which is no part of the next
        hearing = self._hearing
        self._revise_at = position / SAMPLE_RATE + _REVISION_SECONDS
        self._run = SpeakerRun(
            models,
            position / SAMPLE_RATE,
            voices=hearing.voices,
            people=hearing.people,
            revised=hearing.revised,
        )
        return self._run

    async def _listen(
        self, run: SpeakerRun, samples: NDArray[np.int16], *, quiet: bool = False, thrifty: bool = False
    ) -> None:
        self._tell(run, await run.feed(samples, quiet=quiet, thrifty=thrifty))
        while self._early and self._early[0].audio_start <= run.end:
            run.told(self._early.popleft(), None)
        self._moved.set()
        if run.end >= self._revise_at:
            took = await run.revise()
            self._revise_at = run.end + max(_REVISION_SECONDS, took / _REVISION_SHARE)

    async def _end_run(self) -> None:
        run = self._run
        if run is not None and not run.ended:
            for samples in self._held.rest():
                await self._listen(run, samples)
            self._tell(run, await run.finish())
            self._moved.set()

    async def _reached(self, run: SpeakerRun, seconds: float) -> None:
        """Wait until it is known who speaks up to this place."""
        while not run.ended and run.clock < seconds:
            self._moved.clear()
            await self._moved.wait()

    def _tell(self, run: SpeakerRun, found: list[SpokenTurn]) -> None:
        for turn in found:
            person = run.person(turn.speaker)
            now = (person.id if person else None), turn.provisional
            if turn.provisional and (person is None or now[0] == self._last[0]):
                continue
            if now != self._last:
                self._last = now
                at = self._hearing.at(run.offset + turn.start)
                self._hearing.tell(SpeakerChanged(self._source, person, at, turn.provisional))
