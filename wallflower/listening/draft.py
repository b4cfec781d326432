"""The words of the segment under way: decoded again and again while somebody speaks.

In the first moment of silence the segment is decoded as if it were final, so that the answer is ready when
it is asked for; if speech goes on, that was one more partial.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine

import numpy as np
from numpy.typing import NDArray

from wallflower.engines.base import EngineError, Transcription
from wallflower.speech.agreement import Agreement
from wallflower.speech.pacing import Pace
from wallflower.speech.segmenting import Segment

SPECULATE_SECONDS = 0.2
"""Silence after which a segment is decoded as if it were final."""

Decode = Callable[[NDArray[np.float32], str, bool], Awaitable[Transcription]]
"""Decodes samples whose text begins with the given words; the flag tells whether somebody waits for it."""


class Draft:
    """What is known of one segment's words. Lives on the event loop; `close` ends its tasks.

    agreement: the words of the segment that can be relied on. on_hypothesis: told of it and of each decoding
    of the sound so far, before it is final.
    """

    def __init__(
        self,
        agreement: Agreement,
        decode: Decode,
        pace: Pace,
        on_hypothesis: Callable[[Agreement, Transcription], None],
    ) -> None:
        self.agreement = agreement
        self._decode = decode
        self._pace = pace
        self._on_hypothesis = on_hypothesis
        self._partial: asyncio.Task[Transcription] | None = None
        self._speculation: asyncio.Task[Transcription] | None = None
        self._speculated = Segment(0, 0, 0)
        self._tasks: set[asyncio.Task[Transcription]] = set()
        pace.restart()

    @property
    def prefix(self) -> str:
        """The committed words."""
        return "".join(self.agreement.committed)

    def speculate(self, segment: Segment, samples: NDArray[np.float32]) -> None:
        """Nobody speaks just now: decode the segment as if it were final, if that was not done yet."""
        if self._is_good_for(segment):
            return
        self._drop(self._partial)
        self._drop(self._speculation)
        self._speculated = segment
        self._speculation = self._start(self._hypothesis(samples, final=True), "speculation")

    def listen_in(
        self, samples: Callable[[], NDArray[np.float32]], *, sound: float, lane_share: float
    ) -> None:
        """Somebody speaks: decode what there is so far, if the pace allows. sound: its length in seconds."""
        if self._partial is not None and not self._partial.done():
            return
        if self._pace.may(now=time.monotonic(), sound=sound, lane_share=lane_share):
            self._partial = self._start(self._paced(samples(), sound), "partial")

    async def final(self, segment: Segment, samples: NDArray[np.float32]) -> Transcription:
        """The words of the whole segment. Raises EngineError."""
        self._drop(self._partial)
        if self._is_good_for(segment) and self._speculation is not None:
            try:
                return await self._speculation
            except EngineError:
                pass  # the lane was too busy, or an engine failed: once more, with all the time there is
        self._drop(self._speculation)
        return await self._decode(samples, self.prefix, True)

    async def close(self) -> None:
        """Stop decoding."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _is_good_for(self, segment: Segment) -> bool:
        """Whether the speculation heard all the speech of this segment."""
        return (
            self._speculation is not None
            and self._speculated.start == segment.start
            and self._speculated.spoken == segment.spoken
            and not segment.cut
        )

    async def _hypothesis(self, samples: NDArray[np.float32], *, final: bool) -> Transcription:
        transcription = await self._decode(samples, self.prefix, final)
        self._on_hypothesis(self.agreement, transcription)
        return transcription

    async def _paced(self, samples: NDArray[np.float32], sound: float) -> Transcription:
        begun = time.monotonic()
        transcription = await self._hypothesis(samples, final=False)
        now = time.monotonic()
        self._pace.took(now=now, work=now - begun, sound=sound)
        return transcription

    def _start(self, work: Coroutine[None, None, Transcription], name: str) -> asyncio.Task[Transcription]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Transcription]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # a partial that failed is no loss: the final will say what is wrong

    def _drop(self, task: asyncio.Task[Transcription] | None) -> None:
        """Stop a task whose result nobody needs any more."""
        if task is not None and not task.done():
            task.cancel()
