"""The Wyoming server: where clients connect, how many, and how they are told to go."""

import asyncio
import contextlib
import itertools
import os
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from structlog.contextvars import bound_contextvars

from wallflower.errors import AddressError
from wallflower.interfaces.wyoming.connection import Connection, Service
from wallflower.interfaces.wyoming.framing import HEADER_LIMIT

_LOG = structlog.get_logger(__name__)

_GOODBYE_SECONDS = 1.0
_BACKLOG = 128


class WyomingServer:
    """Serves at one address. Use: `open`, then `serve` until it returns or is cancelled, then `close`."""

    def __init__(
        self, uri: str, service: Service, *, max_clients: int, on_idle: Callable[[], object] = lambda: None
    ) -> None:
        """on_idle: called whenever the last client has left."""
        self._on_idle = on_idle
        self._uri = uri
        self._service = service
        self._max_clients = max_clients
        self._server: asyncio.Server | None = None
        self._socket_path: Path | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)

    @property
    def address(self) -> str:
        """The address served at, with the real port."""
        if (port := self.port) is None:
            return self._uri
        return f"tcp://{f'[{self.host}]' if ':' in self.host else self.host}:{port}"

    @property
    def host(self) -> str:
        """The IP address that the port is bound to; empty at other addresses."""
        if self._server is None or self._socket_path is not None:
            return ""
        host: str = self._server.sockets[0].getsockname()[0]
        return host

    @property
    def port(self) -> int | None:
        """The TCP port, once open; None at other addresses."""
        if self._server is None or self._socket_path is not None:
            return None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def open(self) -> None:
        """Begin to accept connections. Raises AddressError."""
        parts = urlsplit(self._uri)
        try:
            if parts.scheme == "tcp":
                self._server = await asyncio.start_server(
                    self._accept, parts.hostname, parts.port, limit=HEADER_LIMIT, backlog=_BACKLOG
                )
            elif parts.scheme == "unix":
                path = Path(parts.path)
                _remove_stale_socket(path)
                self._server = await asyncio.start_unix_server(
                    self._accept, path, limit=HEADER_LIMIT, backlog=_BACKLOG
                )
                self._socket_path = path
        except (OSError, OverflowError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise AddressError(f"cannot serve at {self._uri}: {reason}; choose another with --uri") from error

    async def serve(self) -> None:
        """Serve until cancelled; at stdio:// until the input ends."""
        if self._server is not None:
            # Not serve_forever: cancelled, it waits for the clients, who have not been told yet.
            await asyncio.get_running_loop().create_future()
        reader, writer = await _stdio()
        await self._converse(reader, writer)

    async def close(self) -> None:
        """Accept nobody any more, tell those who are here, and wait until they are gone."""
        if self._server is not None:
            self._server.close()
        if self._socket_path is not None:
            self._socket_path.unlink(missing_ok=True)
        clients = set(self._clients)
        for task in clients:
            task.cancel()
        if clients:
            await asyncio.wait(clients, timeout=_GOODBYE_SECONDS)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):  # it is the end of a task of its own
            await self._converse(reader, writer)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self._service, reader, writer)
        task = asyncio.current_task()
        assert task is not None
        with bound_contextvars(connection=next(self._numbers)):
            if len(self._clients) >= self._max_clients:
                await connection.refuse("busy", f"{self._max_clients} clients are connected already")
                writer.close()
                return
            self._clients.add(task)
            _LOG.debug("client connected")
            try:
                await connection.run()
            finally:
                self._clients.discard(task)
                _LOG.debug("client gone")
                if not self._clients:
                    self._on_idle()


def _remove_stale_socket(path: Path) -> None:
    """Remove a socket that a dead server left. Raises OSError when a live one answers there."""
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise OSError(17, "there is a file of that name that is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise OSError(98, "another server answers there")


async def _stdio() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Standard input and output as streams. Raises AddressError when they cannot be."""
    if sys.stdin is None or sys.stdout is None:
        raise AddressError("stdio:// needs standard input and output, and one of them is closed")
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=HEADER_LIMIT)
    try:
        if _can_be_waited_for(sys.stdin.fileno()):
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        else:  # a file, or nothing: all of it is there
            reader.feed_data(await asyncio.to_thread(sys.stdin.buffer.read))
            reader.feed_eof()
        transport, protocol = await loop.connect_write_pipe(
            lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), sys.stdout
        )
    except (OSError, ValueError) as error:
        raise AddressError(f"stdio:// needs a pipe as standard output: {error}") from error
    return reader, asyncio.StreamWriter(transport, protocol, None, loop)


def _can_be_waited_for(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)
