"""Logging: one structured line an event, on standard error and, if asked for, in a rotated file.

Lines carry what is bound with `structlog.contextvars` (connection, session and utterance id), also those of
libraries that use the standard `logging`. They are written by a thread of their own, behind a bounded
queue: a full disk or a stuck terminal never stops the event loop. When the queue is full, lines are dropped
and counted.
"""

import logging
import logging.handlers
import queue
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from wallflower.config import Options, OptionsError
from wallflower.redaction import redacted

_QUEUE_LINES = 10_000
_FILE_BYTES = 5_000_000
_OLD_FILES = 3
_GOODBYE_SECONDS = 2.0


def _without_secrets(_logger: Any, _method: str, event: EventDict) -> EventDict:
    return {key: redacted(value, key) for key, value in event.items()}


def _without_control_characters(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """What came from elsewhere can neither begin a line of its own nor paint on the terminal."""
    event["event"] = _printable(str(event["event"]), keep="")
    if "exception" in event:
        event["exception"] = _printable(event["exception"], keep="\n")
    return event


def _printable(text: str, keep: str) -> str:
    return "".join(c if c.isprintable() or c in keep else repr(c)[1:-1] for c in text)


# All of it runs in the thread that logs: only there are the context and the exception what they were.
_PROCESSORS: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    _without_secrets,
    _without_control_characters,
]


def _to_record(_logger: Any, _method: str, event: EventDict) -> tuple[tuple[EventDict], dict[str, Any]]:
    """The event itself is the message of the standard library's record; a handler's formatter renders it."""
    return (event,), {}


def _event_of(record: logging.LogRecord) -> EventDict:
    """The event of a record that a library made by the standard `logging`."""
    event: EventDict = {"event": record.getMessage(), "exc_info": record.exc_info}
    for processor in _PROCESSORS:
        event = processor(None, record.levelname.lower(), event)  # type: ignore[assignment]  # none ends the chain
    return event


class _Rendering(logging.Formatter):
    """Renders the event that a record carries."""

    def __init__(self, renderer: Callable[[Any, str, EventDict], str | bytes]) -> None:
        super().__init__()
        self._renderer = renderer

    def format(self, record: logging.LogRecord) -> str:
        assert isinstance(record.msg, dict)
        return str(self._renderer(None, record.levelname, dict(record.msg)))


class _DroppingQueueHandler(logging.handlers.QueueHandler):
    """A queue handler that counts the lines it could not queue instead of printing a traceback."""

    dropped = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        if not isinstance(record.msg, dict):
            record.msg, record.args, record.exc_info = _event_of(record), None, None
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1


class _PatientListener(logging.handlers.QueueListener):
    """A queue listener that can be stopped while its queue is full."""

    def enqueue_sentinel(self) -> None:
        assert isinstance(self.queue, queue.Queue)
        self.queue.put(None, timeout=_GOODBYE_SECONDS)


@contextmanager
def logging_to(options: Options) -> Iterator[None]:
    """Set logging up as `options` say, and write out what is queued at the end.

    Raises OptionsError when the log file cannot be opened.
    """
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    handlers[0].setFormatter(_json() if options.log_format == "json" else _text())
    if options.log_file:
        handlers.append(_file_handler(options.log_file))
        handlers[1].setFormatter(_json())
    lines: queue.Queue[Any] = queue.Queue(_QUEUE_LINES)
    queued = _DroppingQueueHandler(lines)
    listener = _PatientListener(lines, *handlers)
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    root.handlers[:] = [queued]
    root.setLevel(options.log_level.upper())
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_PROCESSORS, _to_record],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    listener.start()
    try:
        yield
    finally:
        listener.stop()
        if queued.dropped:
            sys.stderr.write(f"{queued.dropped} log lines were dropped: they could not be written in time\n")
        root.setLevel(before[0])
        root.handlers[:] = before[1]
        for handler in handlers:
            handler.close()


def warnings_alone() -> AbstractContextManager[None]:
    """For commands whose output is for others: what is worth a warning, on standard error."""
    return logging_to(Options(log_level="warning"))


class _RotatingFile(logging.handlers.RotatingFileHandler):
    """A rotated file that says once when it cannot be written, instead of a traceback for each line."""

    said = False

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802  # the library's name
        if not self.said:
            self.said = True
            sys.stderr.write(f"cannot write the log file {self.baseFilename}: {sys.exc_info()[1]}\n")

    def close(self) -> None:
        try:
            super().close()
        except OSError:
            self.handleError(logging.makeLogRecord({}))


def _file_handler(name: str) -> logging.Handler:
    try:
        return _RotatingFile(
            Path(name).expanduser(), maxBytes=_FILE_BYTES, backupCount=_OLD_FILES, encoding="utf-8"
        )
    except OSError as error:
        raise OptionsError(f"option 'log_file': cannot write {name}: {error.strerror}") from error
    except RuntimeError as error:  # ~somebody who is not
        raise OptionsError(f"option 'log_file': cannot write {name}: {error}") from error


def _json() -> logging.Formatter:
    return _Rendering(structlog.processors.JSONRenderer())


def _text() -> logging.Formatter:
    return _Rendering(
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
