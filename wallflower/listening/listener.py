"""One source that is listened to: its sound, shared out to the processors, and what it tells on the bus."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import structlog
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.audio.source import OnState, SoundBlock, Source, SourceState
from wallflower.bus import Bus
from wallflower.config.sources import SourceSettings
from wallflower.events import Heard, SourceChanged
from wallflower.listening.ambient import AmbientSpeech, KeepHeard, Outlets
from wallflower.listening.ears import Ears
from wallflower.listening.household import Household
from wallflower.listening.level_meter import LevelMeter
from wallflower.listening.processors import Processor, ProcessorHealth
from wallflower.listening.who_speaks import Hearing, WhoSpeaks

_LOG = structlog.get_logger(__name__)

OpenSource = Callable[[SourceSettings, OnState], Source]
"""Makes a source, which does nothing yet. Raises WallflowerError for settings that make no sense."""

_SPEECH_PATIENCE_SECONDS = 300.0
"""A long segment on a slow box, while other sources and a failing engine take their time, is no hang."""
_SPEAKERS_PATIENCE_SECONDS = 120.0
_METER_PATIENCE_SECONDS = 10.0
_QUIET_SAMPLES = round(0.3 * SAMPLE_RATE)
_LAST_WORDS_SECONDS = 3.0
"""How long an end waits for what was just said,"""
_LAST_LOOK_SECONDS = 2.0
"""and then for a last look at who said it."""


@dataclass(frozen=True, slots=True)
class ListenerHealth:
    """How the listening to a source goes. lost: passages that could not be decoded since the start."""

    processors: tuple[ProcessorHealth, ...]
    lost: int


class Listener:
    """Listens to one source while `run` runs. settings may be set at any time, but for the url."""

    def __init__(
        self,
        slug: str,
        settings: SourceSettings,
        *,
        ears: Ears,
        bus: Bus,
        keep: KeepHeard,
        revise: Callable[[Heard], None],
        household: Household,
        open_source: OpenSource,
    ) -> None:
        """Raises WallflowerError when there cannot be such a source."""
        self.settings = settings
        self.slug = slug
        self._bus = bus
        self._source = open_source(settings, self._take_state)
        hearing = Hearing(
            household.voices,
            household.people,
            bus.publish,
            self._at,
            lambda: household.wanted and self.settings.speakers,
            lambda: self._speech.silence,
            self._revise,
        )
        self._who = WhoSpeaks(slug, hearing)
        outlets = Outlets(bus.publish, keep, revise, self._at)
        self._speech = AmbientSpeech(slug, ears, lambda: self.settings, outlets, self._who)
        meter = LevelMeter(slug, bus.publish, self._at)
        self._processors = (
            Processor("speech", self._speech.work, source=slug, patience=_SPEECH_PATIENCE_SECONDS),
            Processor("speakers", self._who.work, source=slug, patience=_SPEAKERS_PATIENCE_SECONDS),
            Processor("level", meter.work, source=slug, patience=_METER_PATIENCE_SECONDS),
        )

    @property
    def source(self) -> Source:
        """What gives the sound."""
        return self._source

    @property
    def state(self) -> SourceState:
        """How the source is."""
        return self._source.state

    @property
    def health(self) -> ListenerHealth:
        """How it goes."""
        return ListenerHealth(tuple(each.health for each in self._processors), self._speech.lost)

    async def run(self) -> None:
        """Listen until the source has no more, or until cancelled; then what was just said is still heard."""
        working = [
            asyncio.create_task(each.run(), name=f"{each.health.name} of {self.slug}")
            for each in self._processors
        ]
        try:
            async with aclosing(self._source.blocks()) as blocks:
                await self._share_out(blocks)
            for processor in self._processors:
                processor.blocks.end()
            await asyncio.gather(*working)
        finally:
            for processor in self._processors:
                processor.blocks.end()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait(working, timeout=_LAST_WORDS_SECONDS)
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            await self._look_back()

    def _revise(self, heard: Heard) -> None:
        self._speech.revise(heard)

    async def _look_back(self) -> None:
        try:
            async with asyncio.timeout(_LAST_LOOK_SECONDS):
                await self._who.finish()
        except Exception as error:  # noqa: BLE001  # all that was told stays as it was told
            _LOG.debug("no last look at the speakers", source=self.slug, reason=str(error))

    async def _share_out(self, blocks: AsyncGenerator[SoundBlock, None]) -> None:
        """Hand the sound on: at once while somebody speaks, else in larger pieces, which cost less."""
        gathered: list[SoundBlock] = []
        samples = 0
        async for block in blocks:
            if gathered and block.position != gathered[0].position + samples:
                self._hand_on(gathered)
                gathered, samples = [], 0
            gathered.append(block)
            samples += len(block.samples)
            if self._speech.speaking or samples >= _QUIET_SAMPLES:
                self._hand_on(gathered)
                gathered, samples = [], 0
        if gathered:
            self._hand_on(gathered)

    def _hand_on(self, gathered: Sequence[SoundBlock]) -> None:
        samples = np.concatenate([block.samples for block in gathered])
        sound = SoundBlock(gathered[0].position, _louder(samples, self.settings.gain))
        for processor in self._processors:
            processor.blocks.put(sound)

    def _at(self, seconds: float) -> datetime:
        begun = self._source.started_at
        return datetime.now(UTC) if begun is None else begun + timedelta(seconds=seconds)

    def _take_state(self, state: SourceState) -> None:
        self._bus.publish(SourceChanged(self.slug, state.status, state.reason, datetime.now(UTC)))


def _louder(samples: NDArray[np.int16], gain: float) -> NDArray[np.int16]:
    """gain: in dB; what is too loud then is clipped."""
    if not gain:
        return samples
    louder = samples * np.float32(10 ** (gain / 20))
    return louder.clip(-32768, 32767).astype(np.int16)
