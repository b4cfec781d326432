"""Sound that a client brings."""

import asyncio

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE, AudioError, PcmConverter, PcmFormat
from wallflower.audio.source import OnState
from wallflower.audio.supervised_source import Arrive, SupervisedSource
from wallflower.events import SourceStatus

_PIECE = SAMPLE_RATE // 10
_MOST_PIECES = 50  # 5 s
_PATIENCE_SECONDS = 5.0
_AHEAD_SECONDS = 0.2


class PushSource(SupervisedSource):
    """A `Source` whose sound is pushed as it is recorded. Who is faster than the clock waits."""

    def __init__(self, pcm: PcmFormat, on_state: OnState, *, gain: float = 0.0) -> None:
        """pcm: of what will be pushed. gain: dB."""
        super().__init__(self._receive, on_state, gain=gain)
        self._converter = PcmConverter(pcm)
        self._pieces: asyncio.Queue[NDArray[np.int16] | None] = asyncio.Queue(_MOST_PIECES)

    async def push(self, data: bytes) -> None:
        """The next bytes. Waits while 5 s of sound wait to be heard.

        Raises AudioError when nobody listens: then the sound is lost.
        """
        samples = self._converter.feed(data)
        for at in range(0, len(samples), _PIECE):
            await self._put(samples[at : at + _PIECE])

    async def end(self) -> None:
        """The client has no more to bring. Raises AudioError when nobody listens."""
        await self._put(None)

    def pause(self, reason: str) -> None:
        """Stop listening until `resume`. What waits to be heard is lost."""
        super().pause(reason)
        while not self._pieces.empty():
            self._pieces.get_nowait()

    async def _put(self, piece: NDArray[np.int16] | None) -> None:
        while True:
            if not self._listening or self.state.status is SourceStatus.PAUSED:
                raise AudioError("nobody listens to this source now")
            if not self._pieces.full():
                break
            await asyncio.sleep(_PIECE / SAMPLE_RATE)
        self._pieces.put_nowait(piece)

    async def _receive(self, arrive: Arrive) -> str:
        while True:
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    piece = await self._pieces.get()
            except TimeoutError:
                self._interrupted("the client brings no sound")
                continue
            if piece is None:
                return "the client has brought all of its sound"
            early = len(piece) / SAMPLE_RATE - self._sound.lag - _AHEAD_SECONDS
            if early > 0:
                await asyncio.sleep(early)
            arrive(piece)
