"""One utterance over Wyoming: its sound on the way in, its words on the way out as soon as they are known."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray
from wyoming.asr import Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.event import Event

from wallflower.events import Committed, StreamEvent, Utterance
from wallflower.interfaces.wyoming.asks import Ask
from wallflower.languages import UNDETERMINED
from wallflower.listening.ears import Ears
from wallflower.listening.household import Household
from wallflower.listening.session import Session
from wallflower.listening.voice_speaker import VoiceSpeaker

_LOG = structlog.get_logger(__name__)

Write = Callable[[Event], Awaitable[None]]


class Exchange:
    """Takes sound and writes `transcript-start`, chunks, `transcript` and `transcript-stop`, in that order.

    The chunks joined are exactly the text of `transcript`. Use: `feed`, then `answer`; `close` at any time.
    """

    def __init__(self, ears: Ears, household: Household, ask: Ask, write: Write) -> None:
        self._ask = ask
        self._write = write
        self._session = Session(ears, ask.manner)
        self._who = VoiceSpeaker(household)
        # Asked for at once: an utterance without sound may be over before the task begins.
        self._telling = asyncio.create_task(self._tell(self._session.events()), name="telling")
        self._started = False
        self._answered = False

    @property
    def id(self) -> str:
        """The session's."""
        return self._session.id

    @property
    def seconds(self) -> float:
        """The length of the sound so far."""
        return self._session.seconds

    @property
    def is_answered(self) -> bool:
        """Whether the words were given: nothing more is listened to."""
        return self._answered

    async def over(self) -> None:
        """Wait until the speaker has finished, if it is on us to tell."""
        await self._session.is_over.wait()

    async def feed(self, samples: NDArray[np.int16]) -> None:
        """Add mono 16 kHz samples. Raises EngineError."""
        if not self._answered:
            self._who.feed(samples)
            await self._session.feed(samples)

    async def answer(self) -> None:
        """The sound has ended: give the words. Raises EngineError, ConnectionError or TimeoutError."""
        if self._answered:
            return
        stopped = time.monotonic()
        self._answered = True
        utterance = await self._session.finish()
        await self._telling
        _LOG.info(
            "transcribed",
            audio_s=round(utterance.seconds, 2),
            latency_ms=round(1000 * (time.monotonic() - stopped)),
            characters=len(utterance.text),
        )
        _LOG.debug("transcript", text=utterance.text)

    async def close(self) -> None:
        """Stop listening and telling."""
        await self._who.close()
        await self._session.close()
        self._telling.cancel()
        await asyncio.wait({self._telling})
        if not self._telling.cancelled():
            self._telling.exception()  # whoever wanted the answer has been told

    async def _tell(self, events: AsyncGenerator[StreamEvent, None]) -> None:
        async with contextlib.aclosing(events):
            async for event in events:
                if isinstance(event, Committed):
                    await self._start(self._session.language)
                    await self._write(TranscriptChunk(text=event.text).event())
                elif isinstance(event, Utterance):
                    language = None if event.language == UNDETERMINED else event.language
                    await self._start(language)
                    transcript = Transcript(event.text, context=self._context(), language=language)
                    await self._write(transcript.event())
                    await self._write(TranscriptStop().event())

    def _context(self) -> dict[str, Any] | None:
        """What the client gave, and who speaks if that is known by now."""
        speaker = self._who.speaker
        if speaker is None:
            return self._ask.context
        known = {"speaker": speaker.name, "speaker_id": speaker.id, "speaker_confidence": speaker.confidence}
        return {**(self._ask.context or {}), **known}

    async def _start(self, language: str | None) -> None:
        if not self._started:
            self._started = True
            await self._write(TranscriptStart(context=self._ask.context, language=language).event())
