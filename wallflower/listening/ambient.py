"""What is said at a source: its sound through a session that has no end, and what that tells as events."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import structlog
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.config.sources import SourceSettings
from wallflower.engines.wishes import AUTO
from wallflower.events import (
    EndlessEvent,
    Forming,
    Heard,
    Partial,
    Passage,
    PassageLost,
    SourceEvent,
    Speaking,
    SpeechChanged,
    Unheard,
    UtteranceRevised,
)
from wallflower.languages import base_language
from wallflower.listening.ears import Ears
from wallflower.listening.held_sound import Silence
from wallflower.listening.manner import Manner, Program
from wallflower.listening.processors import Blocks
from wallflower.listening.session import Session
from wallflower.listening.splitting import Part
from wallflower.listening.who_speaks import WhoSpeaks
from wallflower.speech.segmenting import Segmenting
from wallflower.storage.ids import new_id

_LOG = structlog.get_logger(__name__)

_GAP_SAMPLES = SAMPLE_RATE // 8
"""A jump of position that is smaller is left alone; the session rounds to the VAD's frames."""
_UNKEPT = 50
"""So many passages that are not yet kept, and the sound waits."""

_SEGMENTING = {
    "relaxed": Segmenting(threshold=0.2, long_pause=2.0),
    "default": Segmenting(),
    "aggressive": Segmenting(threshold=0.55, long_pause=1.0),
}


KeepHeard = Callable[[Heard, NDArray[np.int16] | None], Awaitable[None]]
"""Keeps what was heard, and its sound if that is given."""


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where it goes what happens at a source. tell: returns at once. keep: may wait for the database. revise:
    keeps who said what is kept already; returns at once. at: the time of a place in the sound, in seconds.
    """

    tell: Callable[[SourceEvent], None]
    keep: KeepHeard
    revise: Callable[[Heard], None]
    at: Callable[[float], datetime]


@dataclass(frozen=True, slots=True)
class _Said:
    """A passage, who said which being looked into. at: since when (monotonic). partial: what was told of it.
    sound: None where it is not to be kept. begins: where the sound does, in seconds; where speech was cut
    before the passage.
    """

    at: float
    passage: Passage
    partial: Partial | None
    sound: NDArray[np.int16] | None
    begins: float


class AmbientSpeech:
    """Listens to one source. settings: gives those that hold now; a change takes effect at the next block."""

    def __init__(
        self,
        source: str,
        ears: Ears,
        settings: Callable[[], SourceSettings],
        outlets: Outlets,
        who: WhoSpeaks,
    ) -> None:
        self.lost = 0
        """Passages that could not be decoded."""
        self._source = source
        self._ears = ears
        self._settings = settings
        self._outlets = outlets
        self._who = who
        self._unattributed: deque[_Said] = deque()
        self._unkept: deque[tuple[Heard, NDArray[np.int16] | None]] = deque()
        self._session: Session | None = None
        self._changed = asyncio.Event()
        self._sound: NDArray[np.int16] | None = None  # of the passage that is told next, if it is to be kept
        self._begins = 0.0  # where that sound does
        self._partial: Partial | None = None  # the last one, until it is known what it became
        self.speaking = False
        """Whether somebody speaks just now."""

    @property
    def silence(self) -> Silence | None:
        """Where nobody speaks, up to where it was looked for; None while nothing is listened to."""
        session = self._session
        return None if session is None else Silence(session.silent_since, session.heard)

    async def work(self, blocks: Blocks) -> None:
        """Listen until the blocks end. What was said by then is told and kept."""
        tasks = [
            asyncio.create_task(self._attribute(), name="attributing"),
            asyncio.create_task(self._keep(), name="keeping"),
        ]
        manner = Manner()
        try:
            async for block in blocks:
                settings = self._settings()
                if self._session is not None and manner != manner_of(settings):
                    await self._session.finish()
                    await self._session.close()
                    self._session = None
                if self._session is None:
                    manner = manner_of(settings)
                    self._session = Session(
                        self._ears, manner, on_event=self._take, on_sound=self._take_sound
                    )
                if abs(block.position - self._session.seconds * SAMPLE_RATE) > _GAP_SAMPLES:
                    await self._session.skip_to(block.position)
                await self._session.feed(block.samples)
                await self._until(lambda: len(self._unkept) + len(self._unattributed) < _UNKEPT)
            if self._session is not None:
                await self._session.finish()
            await self._until(lambda: not self._unattributed and not self._unkept)
        finally:
            session, self._session = self._session, None
            if session is not None:
                await session.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for said in self._unattributed:
                self._tell_heard(said, [Part(said.passage, None)])
            self._unattributed.clear()
            while self._unkept:  # as the daemon stops, say: the recorder still takes them
                await self._keep_first(sounds=False)
            self._be_quiet()

    def _take_sound(self, samples: NDArray[np.float32], begins: float) -> None:
        self._begins = begins
        self._sound = (samples * 32768).astype(np.int16) if self._settings().keep_audio else None

    def _take(self, event: EndlessEvent) -> None:
        match event:
            case Speaking(speaking, seconds):
                self.speaking = speaking
                self._outlets.tell(SpeechChanged(self._source, speaking, self._outlets.at(seconds)))
            case Forming():
                self._tell_partial(event)
            case Passage() if not event.text:
                self._withdraw(event.end)
            case Passage():
                partial, self._partial = self._partial, None
                self._unattributed.append(_Said(time.monotonic(), event, partial, self._sound, self._begins))
                self._changed.set()
            case PassageLost(start, end, reason):
                self.lost += 1
                seconds = round(end - start, 1)
                _LOG.warning("passage lost", source=self._source, seconds=seconds, reason=reason)
                self._withdraw(end)

    def _tell_partial(self, forming: Forming) -> None:
        start = self._outlets.at(forming.start)
        if self._partial is None:
            identity = new_id(start)
        else:
            identity, start = self._partial.id, self._partial.start
        self._partial = Partial(
            self._source,
            identity,
            forming.committed,
            forming.tentative,
            forming.language,
            start,
            datetime.now(start.tzinfo),
        )
        self._outlets.tell(self._partial)

    def revise(self, heard: Heard) -> None:
        """It was found that somebody else said what was told before."""
        for place, (before, sound) in enumerate(self._unkept):
            if before.id == heard.id:
                self._unkept[place] = heard, sound
                break
        else:
            if self._settings().keep_transcripts:
                self._outlets.revise(heard)
        self._outlets.tell(UtteranceRevised(heard))

    def _tell_heard(self, said: _Said, parts: Sequence[Part]) -> None:
        """parts: of what was said, by speaker."""
        settings = self._settings()
        for index, part in enumerate(parts):
            passage = part.passage
            partial = said.partial if index == 0 else None
            start = self._outlets.at(passage.start) if partial is None else partial.start
            heard = Heard(
                id=new_id(start) if partial is None else partial.id,
                source=self._source,
                start=start,
                end=max(start, self._outlets.at(passage.end)),
                text=passage.text,
                language=passage.language,
                audio_start=passage.start,
                audio_end=passage.end,
                speaker=self._who.person(part.speaker),
                engine=passage.engine,
                confidence=passage.confidence,
                words=passage.words,
                overlapped=part.overlapped,
                continued=index < len(parts) - 1,
            )
            self._who.told(heard, part.speaker)
            if settings.keep_transcripts:
                self._unkept.append((heard, _sound_of(passage, said) if settings.keep_audio else None))
                self._changed.set()
            self._outlets.tell(heard)

    def _withdraw(self, seconds: float) -> None:
        partial, self._partial = self._partial, None
        if partial is not None:
            self._outlets.tell(Unheard(self._source, partial.id, self._outlets.at(seconds)))

    def _be_quiet(self) -> None:
        """Nothing more will come of what was begun."""
        partial, self._partial = self._partial, None
        now = datetime.now().astimezone()
        if partial is not None:
            self._outlets.tell(Unheard(self._source, partial.id, now))
        if self.speaking:
            self.speaking = False
            self._outlets.tell(SpeechChanged(self._source, False, now))

    async def _attribute(self) -> None:
        while True:
            await self._until(lambda: bool(self._unattributed))
            said = self._unattributed[0]
            parts = await self._who.parts(said.passage, since=said.at)
            self._unattributed.popleft()
            self._tell_heard(said, parts)
            self._changed.set()

    async def _keep(self) -> None:
        while True:
            await self._until(lambda: bool(self._unkept))
            await self._keep_first(sounds=True)
            self._changed.set()

    async def _keep_first(self, *, sounds: bool) -> None:
        heard, sound = self._unkept[0]
        try:
            await self._outlets.keep(heard, sound if sounds else None)
        except Exception as error:  # noqa: BLE001  # the listening goes on
            _LOG.error("not kept", source=self._source, reason=str(error))
        now, _ = self._unkept.popleft()
        if now is not heard:  # it was revised meanwhile
            self._outlets.revise(now)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()


def _sound_of(passage: Passage, said: _Said) -> NDArray[np.int16] | None:
    """That of a part."""
    if said.sound is None or passage is said.passage:
        return said.sound
    begin, end = (max(0, round((at - said.begins) * SAMPLE_RATE)) for at in (passage.start, passage.end))
    return said.sound[begin:end]


def manner_of(settings: SourceSettings) -> Manner:
    """How the sound of a source is listened to."""
    language = settings.language
    program: Program = "fast" if settings.program == "fast" else "accurate"
    return Manner(
        language=None if language in {"", AUTO} else base_language(language),
        detects=language == AUTO,
        program=program,
        streaming=True,
        tentative=True,
        ambient=True,
        endless=True,
        word_times=True,
        segmenting=_SEGMENTING[settings.sensitivity],
    )
