"""A session: one utterance listened to, from its first sample to its words.

It owns a VAD state, a segmenter and the sound that is still needed, and nothing global. A segment goes
to the lane as soon as it is complete, so that a long utterance is mostly decoded before it ends.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.engines.base import Request
from wallflower.events import Passage, Utterance
from wallflower.listening.ears import Ears
from wallflower.listening.sound import Sound
from wallflower.speech.segmenting import Segment, Segmenter
from wallflower.speech.vad import FRAME_SAMPLES, VadState

_BACKLOG_SAMPLES = 30 * SAMPLE_RATE
"""A source that is this far ahead of the VAD waits: memory stays bounded however fast it sends."""
_AHEAD_SEGMENTS = 4
"""A source with more segments than this before the lane waits, too."""
_BATCH_FRAMES = 64  # the VAD thread is shared: after 2 s of sound it is another session's turn


class Session:
    """Listens to one utterance. Use: `feed` any number of times, then `finish`; `close` at any time."""

    def __init__(
        self,
        ears: Ears,
        *,
        language: str | None = None,
        on_passage: Callable[[Passage], None] | None = None,
    ) -> None:
        """language: ISO 639 code of what will be said; None for the ears' own. on_passage: told of each
        passage as soon as it is decoded.
        """
        self.id = secrets.token_hex(4)
        self._ears = ears
        self._on_passage = on_passage
        self._language = language or ears.language
        self._request = Request(language=self._language)
        self._sound = Sound()
        self._vad_state = VadState()
        self._segmenter = Segmenter()
        self._end: int | None = None  # the number of samples, once known
        self._heard = 0  # samples that the VAD has seen
        self._decoding: deque[asyncio.Task[Passage]] = deque()
        self._passages: list[Passage] = []
        self._hearing: asyncio.Task[None] | None = None

    @property
    def seconds(self) -> float:
        """The length of the sound so far."""
        return self._sound.end / SAMPLE_RATE

    async def feed(self, samples: NDArray[np.int16]) -> None:
        """Add mono 16 kHz samples. Returns at once unless the source is far ahead of the decoding.

        Raises EngineError when decoding an earlier part has failed.
        """
        self._sound.append(samples)
        self._hear()
        if self._sound.end - self._heard > _BACKLOG_SAMPLES:
            await self._hearing_done()
        await self._collect(_AHEAD_SEGMENTS)

    async def finish(self) -> Utterance:
        """The end of the sound: what was said in all of it. Raises EngineError."""
        rest = -self._sound.end % FRAME_SAMPLES
        seconds = self.seconds
        self._end = self._sound.end  # what is added to fill the last frame is no sound
        if rest:
            self._sound.append(np.zeros(rest, np.int16))
        self._hear()
        await self._hearing_done()
        for segment in self._segmenter.finish():
            self._decode(segment)
        await self._collect(0)
        text = " ".join(passage.text for passage in self._passages)
        return Utterance(text, self._language, seconds, tuple(self._passages))

    async def close(self) -> None:
        """Stop listening and decoding. After `finish`, or instead of it."""
        tasks = [*self._decoding, *([self._hearing] if self._hearing else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _hear(self) -> None:
        """Have the VAD listen to the complete frames that it has not seen; one task does it at a time."""
        if self._hearing is not None and self._hearing.done():
            self._hearing.result()
            self._hearing = None
        if self._hearing is None and self._sound.end - self._heard >= FRAME_SAMPLES:
            self._hearing = asyncio.create_task(self._hear_all(), name="hearing")

    async def _hearing_done(self) -> None:
        while self._hearing is not None:
            await asyncio.shield(self._hearing)
            self._hear()

    async def _hear_all(self) -> None:
        loop = asyncio.get_running_loop()
        while (count := (self._sound.end - self._heard) // FRAME_SAMPLES) > 0:
            end = self._heard + min(count, _BATCH_FRAMES) * FRAME_SAMPLES
            frames = self._sound.copy(self._heard, end).reshape(-1, FRAME_SAMPLES)
            probabilities = await loop.run_in_executor(
                self._ears.vad_thread, self._ears.vad.probabilities, frames, self._vad_state
            )
            self._heard = end
            for segment in self._segmenter.feed(probabilities.tolist()):
                self._decode(segment)
            self._sound.drop_before(min(self._segmenter.needed_from, self._heard))

    async def _collect(self, most: int) -> None:
        """Take the words of decoded segments, in order, until at most `most` are still undecoded."""
        while self._decoding and (self._decoding[0].done() or len(self._decoding) > most):
            passage = await asyncio.shield(self._decoding[0])
            self._decoding.popleft()
            if passage.text:
                self._passages.append(passage)

    def _decode(self, segment: Segment) -> None:
        samples = self._sound.copy(segment.start, segment.end).astype(np.float32) / np.float32(32768)
        self._decoding.append(asyncio.create_task(self._words(segment, samples), name="decoding"))

    async def _words(self, segment: Segment, samples: NDArray[np.float32]) -> Passage:
        transcription = await self._ears.lane.transcribe(
            self._ears.engine, samples, self._request, key=self.id
        )
        self._language = transcription.language
        end = segment.end if self._end is None else min(segment.end, self._end)
        passage = Passage(segment.start / SAMPLE_RATE, end / SAMPLE_RATE, transcription.text)
        if self._on_passage is not None:
            self._on_passage(passage)
        return passage
