"""One Wyoming connection: its requests, one after the other, and what is answered."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars, unbind_contextvars
from wyoming.asr import Transcript, TranscriptStart, TranscriptStop
from wyoming.error import Error
from wyoming.event import Event, async_write_event
from wyoming.info import Info
from wyoming.ping import Pong

from wallflower.audio.pcm import AudioFormatError, PcmConverter, PcmFormat
from wallflower.engines.base import EngineError
from wallflower.interfaces.wyoming.asks import Ask, RequestError, read_program, read_transcribe, text_field
from wallflower.interfaces.wyoming.exchange import Exchange
from wallflower.interfaces.wyoming.framing import BadEventError, NotWyomingError, read_event
from wallflower.interfaces.wyoming.info import PROGRAM, listing
from wallflower.languages import base_language
from wallflower.listening.ears import Ears
from wallflower.listening.household import Household

_LOG = structlog.get_logger(__name__)

_WRITE_SECONDS = 10.0
_SLICE_BYTES = 1 << 18
_LINGER_SECONDS = 1.0
_GOODBYE_SECONDS = 0.2
_utterances = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Service:
    """What every connection offers. describe: what it says of itself now. language: what is assumed when a
    client names none; None: it is detected. Durations in seconds.
    """

    ears: Ears
    describe: Callable[[], Info]
    language: str | None
    endpointing: bool
    max_utterance_seconds: float
    client_timeout: float
    household: Household


class Connection:
    """Serves one client until it leaves, errs or is told to go."""

    def __init__(self, service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._service = service
        self._reader = reader
        self._writer = writer
        self._program = PROGRAM
        self._ask: Ask | None = None
        self._exchange: Exchange | None = None
        self._converter: PcmConverter | None = None
        self._reading: asyncio.Task[Event | None] | None = None
        self._warned = False

    async def run(self) -> None:
        """Answer events until the client is done. The writer is closed at the end."""
        try:
            while (event := await self._next_event()) is not None:
                await self._handle(event)
        except RequestError as error:
            await self.refuse(error.code, error.text)
        except BadEventError as error:
            await self.refuse("bad-event", str(error))
        except EngineError as error:
            _LOG.error("decoding failed", reason=str(error))
            await self.refuse("engine-failed", "the speech could not be decoded")
        except NotWyomingError as error:
            _LOG.warning("client does not speak Wyoming", reason=str(error))
        except TimeoutError:
            _LOG.info("client timed out")
        except ConnectionError:
            _LOG.info("client vanished")
        except asyncio.CancelledError:
            await self._say_error("shutting-down", "the server is shutting down", _GOODBYE_SECONDS)
            raise
        except Exception:  # noqa: BLE001  # one client's failure ends one connection
            _LOG.exception("connection failed")
            await self._say_error("internal-error", "the server failed; its log says why", _LINGER_SECONDS)
        finally:
            try:
                await self._end_exchange()
            finally:  # also when the server is closed just now
                await self._close()

    async def refuse(self, code: str, text: str) -> None:
        """Send an `error` event, and let the client read it before the connection closes."""
        _LOG.warning("request refused", code=code, reason=text)
        await self._say_error(code, text, _LINGER_SECONDS)

    async def _say_error(self, code: str, text: str, seconds: float) -> None:
        await self._end_exchange()  # or its words would go on coming
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(seconds):
                await async_write_event(Error(text=text, code=code).event(), self._writer)
                # Closing a socket with unread input resets it, and the error would be lost on its way.
                if self._writer.can_write_eof():
                    self._writer.write_eof()
                while await self._reader.read(65_536):
                    pass

    async def _close(self) -> None:
        """Close the connection, by force when the client does not take what was sent."""
        self._writer.close()
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._writer.wait_closed()
        except (ConnectionError, TimeoutError):
            self._writer.transport.abort()

    async def _next_event(self) -> Event | None:
        """The next event; meanwhile the utterance is answered when its speaker has finished."""
        async with asyncio.timeout(self._service.client_timeout):
            exchange = self._exchange
            if exchange is None or not self._service.endpointing:
                return await read_event(self._reader)
            reading = asyncio.create_task(read_event(self._reader), name="reading")
            over = asyncio.create_task(exchange.over(), name="over")
            try:
                await asyncio.wait({reading, over}, return_when=asyncio.FIRST_COMPLETED)
                if over.done():
                    await exchange.answer()
                return await reading
            finally:
                for task in (reading, over):
                    task.cancel()
                await asyncio.gather(reading, over, return_exceptions=True)

    async def _write(self, event: Event) -> None:
        try:
            async with asyncio.timeout(_WRITE_SECONDS):
                await async_write_event(event, self._writer)
        except UnicodeEncodeError as error:  # what the client sent is given back to it
            raise RequestError("bad-event", "a text holds half of a surrogate pair") from error

    async def _handle(self, event: Event) -> None:
        match event.type:
            case "audio-chunk":
                await self._audio_chunk(event)
            case "describe":
                info = self._service.describe()
                if self._service.language is None:
                    info = listing(info, self._service.ears.languages)
                await self._write(info.event())
            case "transcribe":
                self._transcribe(event.data)
            case "audio-start":
                await self._audio_start(event.data)
            case "audio-stop":
                await self._audio_stop()
            case "ping":
                await self._write(Pong(text=text_field(event.data, "text")).event())
            case "select-program":
                self._program = read_program(event.data, self._service.describe())
            case _ if not self._warned:
                self._warned = True
                _LOG.warning("unknown event ignored, as are all later ones", type=event.type[:40])

    def _transcribe(self, data: dict[str, Any]) -> None:
        self._ask = read_transcribe(
            data,
            self._service.describe(),
            self._program,
            language=self._service.language,
            endpointing=self._service.endpointing,
        )

    async def _audio_start(self, data: dict[str, Any]) -> None:
        await self._end_exchange()
        self._converter = PcmConverter(_pcm_format(data))
        if self._ask is None:
            self._transcribe({})
        assert self._ask is not None
        self._exchange = Exchange(self._service.ears, self._service.household, self._ask, self._write)
        self._ask = None
        bind_contextvars(session=self._exchange.id, utterance=next(_utterances))

    async def _audio_chunk(self, event: Event) -> None:
        exchange = self._exchange
        if exchange is None or self._converter is None:
            raise RequestError("no-audio-start", "audio-chunk came before audio-start")
        if exchange.is_answered:  # the speaker had finished; what is still under way is not wanted
            return
        form = _pcm_format(event.data)
        if form != self._converter.source:  # what a chunk says of itself holds
            await exchange.feed(self._converter.finish())
            self._converter = PcmConverter(form)
        limit = self._service.max_utterance_seconds
        coming = len(event.payload or b"") / form.frame_bytes / form.rate
        if limit and exchange.seconds + coming > limit:
            raise RequestError("too-long", f"the utterance is longer than {limit:g} s")
        payload = event.payload or b""
        for start in range(0, len(payload), _SLICE_BYTES):  # other clients have their turn in between
            await exchange.feed(self._converter.feed(payload[start : start + _SLICE_BYTES]))
            await asyncio.sleep(0)

    async def _audio_stop(self) -> None:
        if self._exchange is not None and self._converter is not None:
            await self._exchange.feed(self._converter.finish())
            await self._exchange.answer()
        else:
            language = self._service.language and base_language(self._service.language)
            for answer in (TranscriptStart(language=language), Transcript(text="", language=language)):
                await self._write(answer.event())
            await self._write(TranscriptStop().event())
        await self._end_exchange()

    async def _end_exchange(self) -> None:
        exchange, self._exchange, self._converter = self._exchange, None, None
        if exchange is not None:
            await exchange.close()
        unbind_contextvars("session", "utterance")


def _pcm_format(data: dict[str, Any]) -> PcmFormat:
    try:
        return PcmFormat(data.get("rate"), data.get("width"), data.get("channels"))  # type: ignore[arg-type]  # it checks
    except AudioFormatError as error:
        raise RequestError("audio-format", str(error)) from error
