"""Servers at 127.0.0.1 that answer in ways real ones seldom do. Each is a context with its port."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[int]:
    """`answer` for each client, whose connection is closed after it."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(ConnectionError):
            try:
                await answer(reader, writer)
            finally:
                tasks.discard(task)
                writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Accepts, and says nothing."""
    await reader.read()


def status(line: str) -> Answer:
    """Answers an HTTP request with a status alone."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()

    return answer


def content(kind: str, body: bytes, *, then_stay: bool = False, length: bool = True) -> Answer:
    """Answers an HTTP request with `body`. then_stay: and says nothing more. length: is told beforehand."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        size = f"Content-Length: {len(body)}\r\n" if length else ""
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{size}Connection: close\r\n\r\n".encode())
        writer.write(body)
        await writer.drain()
        if then_stay:
            await reader.read()

    return answer
