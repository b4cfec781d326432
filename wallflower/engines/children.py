"""Work in a process of its own: when it crashes or hangs, that is an error and not the end."""

import asyncio
import contextlib
import json
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from wallflower.child_process import signal_child
from wallflower.engines.base import EngineError

_STDERR_BYTES = 65_536
_LONGEST_LINE = 1 << 22


class ChildError(EngineError):
    """The process crashed, hung, or said that it could not."""


async def ask_child(
    command: Sequence[str],
    request: str = "",
    *,
    patience_seconds: float,
    on_answer: Callable[[dict[str, Any]], None] = lambda _answer: None,
) -> list[dict[str, Any]]:
    """Run a command with `request` on its standard input; the JSON objects that it prints, one a line.

    patience_seconds: how long it may be silent. on_answer: told each answer as it comes. Raises ChildError
    with the last line that the process wrote to standard error, if it wrote any.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    errors = asyncio.create_task(_tail(process.stderr))
    answers = []
    try:
        async with asyncio.timeout(patience_seconds) as silence:
            await _write(process.stdin, request)
            async for line in process.stdout:
                silence.reschedule(asyncio.get_running_loop().time() + patience_seconds)
                if (answer := _object(line)) is not None:
                    answers.append(answer)
                    on_answer(answer)
            code = await process.wait()
        said = await errors
    except TimeoutError as error:
        raise ChildError(f"it took longer than {patience_seconds:.0f} s") from error
    finally:
        signal_child(process, signal.SIGKILL)
        await errors
        await process.communicate()  # a pipe that is not read to its end stays open
    if code != 0:
        raise ChildError(_reason(code, said))
    return answers


def peak_memory() -> int:
    """The most memory that this process ever had, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # bytes there, kilobytes here


async def _write(stream: asyncio.StreamWriter, text: str) -> None:
    with contextlib.suppress(ConnectionError):  # a process that ended tells why in its own way
        stream.write(text.encode())
        await stream.drain()
    stream.close()


async def _tail(stream: asyncio.StreamReader) -> bytes:
    kept = b""
    while block := await stream.read(4096):
        kept = (kept + block)[-_STDERR_BYTES:]
    return kept


def _object(line: bytes) -> dict[str, Any] | None:
    """The JSON object in a line; None when it is none: libraries print what they like."""
    try:
        content = json.loads(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _reason(code: int, said: bytes) -> str:
    if code < 0:
        memory = " (there may be too little memory)" if -code == signal.SIGKILL else ""
        return f"its process was ended by signal {-code}{memory}"
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"its process failed with exit code {code}"
