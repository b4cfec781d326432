"""Logging: one structured line an event, on standard error and, if asked for, in a rotated file.

Lines carry what is bound with `structlog.contextvars` (connection, session and utterance id). They are
written by a thread of their own, behind a bounded queue: a full disk or a stuck terminal never stops the
event loop. When the queue is full, lines are dropped and counted.
"""

import logging
import logging.handlers
import queue
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from wallflower.config import Options, OptionsError

_QUEUE_LINES = 10_000
_FILE_BYTES = 5_000_000
_OLD_FILES = 3

_SECRET_KEYS = re.compile(r"token|password|secret|authorization", re.IGNORECASE)
_URL_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")
_URL_SECRETS = re.compile(r"(?<=[?&])((?:[\w-]*(?:token|key|password|secret)[\w-]*)=)[^&\s]+", re.IGNORECASE)


def redact(text: str) -> str:
    """`text` without the credentials of any address in it."""
    return _URL_SECRETS.sub(r"\1***", _URL_CREDENTIALS.sub("***@", text))


def _redact_event(
    _logger: Any, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    for key, value in event.items():
        if _SECRET_KEYS.search(key):
            event[key] = "***"
        elif isinstance(value, str):
            event[key] = redact(value)
    return event


class _DroppingQueueHandler(logging.handlers.QueueHandler):
    """A queue handler that counts the lines it could not queue instead of printing a traceback."""

    dropped = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record  # the listener is in this process: nothing has to be made picklable

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1


@contextmanager
def logging_to(options: Options) -> Iterator[None]:
    """Set logging up as `options` say, and write out what is queued at the end.

    Raises OptionsError when the log file cannot be opened.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _redact_event,
    ]
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    handlers[0].setFormatter(_formatter(shared, as_json=options.log_format == "json"))
    if options.log_file:
        file = _file_handler(Path(options.log_file).expanduser())
        file.setFormatter(_formatter(shared, as_json=True))
        handlers.append(file)
    lines: queue.Queue[Any] = queue.Queue(_QUEUE_LINES)
    queued = _DroppingQueueHandler(lines)
    listener = logging.handlers.QueueListener(lines, *handlers)
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    root.handlers[:] = [queued]
    root.setLevel(options.log_level.upper())
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
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


def _file_handler(path: Path) -> logging.Handler:
    try:
        return logging.handlers.RotatingFileHandler(
            path, maxBytes=_FILE_BYTES, backupCount=_OLD_FILES, encoding="utf-8"
        )
    except OSError as error:
        raise OptionsError(f"option 'log_file': cannot write {path}: {error.strerror}") from error


def _formatter(shared: list[structlog.typing.Processor], *, as_json: bool) -> logging.Formatter:
    renderer: structlog.typing.Processor
    if as_json:
        finish = [structlog.processors.format_exc_info]
        renderer = structlog.processors.JSONRenderer()
    else:
        finish = []
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish, renderer],
    )
