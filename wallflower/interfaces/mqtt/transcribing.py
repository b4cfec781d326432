"""Transcription by request: sound comes as a message, and the words go back to where the asker listens.

Several boxes may share the work by a shared subscription. A broker does not hand the requests of a box that
died to another one: so whoever gets no answer asks again with the same correlation data, and a box drops
what it has answered, or is about to.
"""

import asyncio
import contextlib
import io
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from wallflower.audio.pcm import AudioError
from wallflower.audio.wav import read_stream
from wallflower.engines.base import EngineError
from wallflower.events import Utterance
from wallflower.interfaces.mqtt import payloads
from wallflower.languages import base_language
from wallflower.listening.ears import Ears
from wallflower.listening.manner import Manner
from wallflower.listening.session import Session

AT_ONCE = 2
"""Requests in work: while one is decoded, the other's speech is looked for."""
_MOST_TAKEN = 8
_MOST_TAKEN_BYTES = 64 << 20
_REMEMBERED = 1000
_GOODBYE_SECONDS = 1.0

BUSY = "busy"
STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Request:
    """sound: WAV, or raw PCM of 16 bits, mono, 16 kHz. answer_to: a topic. correlation: by which the asker
    knows the request. language: a language code; empty: as the box has it.
    """

    sound: bytes
    answer_to: str
    correlation: bytes
    language: str = ""


Answer = Callable[[Request, payloads.Payload], Awaitable[None]]
"""Sends an answer. Raises an exception when it did not arrive at the broker."""


class _TooLongError(Exception):
    pass


class _LanguageError(Exception):
    pass


class Transcriber:
    """Answers requests, a few at a time. Lives on the event loop."""

    def __init__(self, box: str, ears: Ears, *, most_seconds: float) -> None:
        """most_seconds: the longest sound that is taken; 0: any."""
        self._box = box
        self._ears = ears
        self._most_seconds = most_seconds
        self._known: OrderedDict[tuple[str, bytes], None] = OrderedDict()
        self._taken = 0
        self._taken_bytes = 0
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def serve(self, request: Request, answer: Answer) -> None:
        """Answer a request, or drop it if it is a repeat. Raises what `answer` raises."""
        key = request.answer_to, request.correlation
        if request.correlation and key in self._known:
            return
        if self._taken >= _MOST_TAKEN or self._taken_bytes + len(request.sound) > _MOST_TAKEN_BYTES:
            waiting = f"{self._taken} requests are waiting; ask again later"
            await answer(request, payloads.refusal(self._box, BUSY, waiting))
            return
        self._remember(key)
        self._taken += 1
        self._taken_bytes += len(request.sound)
        try:
            async with self._slots:
                said = await self._words(request)
            await answer(request, said)
        except asyncio.CancelledError:
            self._known.pop(key, None)
            stopping = payloads.refusal(self._box, STOPPING, "this box stops; ask again")
            with contextlib.suppress(Exception):  # nobody may be there to be told
                async with asyncio.timeout(_GOODBYE_SECONDS):
                    await answer(request, stopping)
            raise
        except Exception:  # it did not get there: a repeat is welcome
            self._known.pop(key, None)
            raise
        finally:
            self._taken -= 1
            self._taken_bytes -= len(request.sound)

    def _remember(self, key: tuple[str, bytes]) -> None:
        self._known[key] = None
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    async def _words(self, request: Request) -> payloads.Payload:
        try:
            language = self._language(request.language)
            return payloads.answer(self._box, await self._transcribe(request.sound, language))
        except _LanguageError as error:
            return self._refusal("unsupported-language", str(error))
        except AudioError as error:
            return self._refusal("bad-audio", str(error))
        except _TooLongError:
            return self._refusal("too-long", f"longer than {self._most_seconds:g} s")
        except EngineError as error:
            return self._refusal("engine-failed", str(error))

    def _language(self, wanted: str) -> str | None:
        """ISO 639 code of the language asked for; None: as the box has it."""
        spoken = self._ears.decoders.model.languages
        language = base_language(wanted or self._ears.language or "")
        if not language:
            return spoken[0] if len(spoken) == 1 else None
        if language not in spoken:
            raise _LanguageError(f"language {wanted[:20]!r} is not spoken here; allowed: {', '.join(spoken)}")
        return language

    async def _transcribe(self, sound: bytes, language: str | None) -> Utterance:
        """In the ambient class: a file of minutes must not delay a voice command, and unlike batch work it is
        never refused half-way.
        """
        session = Session(self._ears, Manner(language=language, ambient=True))
        try:
            blocks = read_stream(io.BufferedReader(cast("io.RawIOBase", io.BytesIO(sound))))
            while (block := await asyncio.to_thread(next, blocks, None)) is not None:
                await session.feed(block)
                if self._most_seconds and session.seconds > self._most_seconds:
                    raise _TooLongError
            return await session.finish()
        finally:
            await session.close()

    def _refusal(self, code: str, message: str) -> payloads.Payload:
        return payloads.refusal(self._box, code, message)
