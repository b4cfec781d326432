"""What each library can really run on: tried in a child process, which may crash or hang as it likes."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from importlib.util import find_spec
from typing import Any

from wallflower.hardware.facts import Cpu, Library, ProbedDevice

TIMEOUT_SECONDS = 20.0
"""How long a child may go without an answer to all. A Pi takes three seconds."""

_MODULES = {"onnxruntime": "onnxruntime", "openvino": "openvino", "pywhispercpp": "_pywhispercpp"}
_EXTRAS = {"openvino": "openvino", "pywhispercpp": "whispercpp"}
LIBRARIES = tuple(_MODULES)

_OUTPUT_BYTES = 65_536
_ERROR_BYTES = 4_096
_ROUNDS = 4
_END_SECONDS = 2.0
_CRASHES = {
    signal.SIGILL: "this processor lacks instructions the library was built for",
    signal.SIGSEGV: "the library or a driver of it is broken",
    signal.SIGBUS: "the library or a driver of it is broken",
    signal.SIGFPE: "the library or a driver of it is broken",
    signal.SIGABRT: "the library gave up",
    signal.SIGKILL: "the system ended it, most likely for want of memory",
}


@dataclass(slots=True)
class _Answers:
    """What a child told before it ended. trying: the device it was at, if any."""

    version: str = ""
    features: tuple[str, ...] = ()
    devices: list[ProbedDevice] = field(default_factory=list)
    trying: str = ""
    done: bool = False
    nonsense: str = ""


def child_command(library: str) -> list[str]:
    """The command of the child that probes `library`; devices to leave out may follow."""
    return [sys.executable, "-m", "wallflower.hardware.probe_child", library]


def installed_version(library: str) -> str | None:
    """The version of an installed library, "unknown" when it does not tell, None when it is not installed.
    Nothing of it is loaded.
    """
    try:
        if find_spec(_MODULES[library]) is None:
            return None
    except (ImportError, ValueError):
        return None
    for name in (library, f"{library}-gpu"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return metadata.version(name)
    return "unknown"


def install_hint(library: str) -> str:
    """How to get a library."""
    extra = _EXTRAS.get(library)
    return f"install wallflower[{extra}]" if extra else f"install {library}"


async def probe_library(
    name: str, cpu: Cpu, *, command: Sequence[str] | None = None, timeout_seconds: float = TIMEOUT_SECONDS
) -> Library:
    """Try a library in a child process; whatever becomes of that, the answer is a Library.

    A device at which the child dies, hangs or fails has a problem, and the child is started again without it,
    so that a broken GPU does not hide a good NPU. The child is gone when this returns or is cancelled.
    command: what to run instead of the real child.
    """
    version = "unknown"
    if command is None:
        installed = installed_version(name)
        if installed is None:
            return Library(name, "", problem=f"not installed; {install_hint(name)}")
        version = installed
        command = child_command(name)
    devices: dict[str, ProbedDevice] = {}
    problem = ""
    for _ in range(_ROUNDS):
        answers, end = await _run(command, [*devices], timeout_seconds)
        version = answers.version or version
        devices |= {device.device: device for device in answers.devices}
        lacking = sorted(set(answers.features) - cpu.features)
        if lacking and cpu.name != "unknown":
            problem = f"it was built for {', '.join(lacking)}, which this processor lacks"
            break
        if answers.done:
            break
        if not answers.trying:
            problem = end
            break
        devices[answers.trying] = ProbedDevice(answers.trying, answers.trying, ran=False, problem=end)
    if not problem and not devices:
        problem = "it offers no device"
    return Library(name, version, tuple(devices.values()), problem)


async def _run(command: Sequence[str], skip: Sequence[str], timeout_seconds: float) -> tuple[_Answers, str]:
    """What one child told, and how it ended, as a reason to be shown."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            *skip,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # so that its own children end with it
        )
    except OSError as error:
        return _Answers(), f"its probe could not be started: {error.strerror}"
    assert process.stdout is not None
    assert process.stderr is not None
    output, errors = bytearray(), bytearray()
    readers = asyncio.gather(
        _keep(process.stdout, output, _OUTPUT_BYTES), _keep(process.stderr, errors, _ERROR_BYTES)
    )
    hung = False
    try:
        async with asyncio.timeout(timeout_seconds):
            await readers
            await process.wait()
    except TimeoutError:
        hung = True
    finally:
        await _end(process)
    answers = read_answers(bytes(output))
    if hung:
        return answers, f"it hung: no answer within {timeout_seconds:g} s"
    return answers, answers.nonsense or _how_it_ended(process.returncode, bytes(errors))


async def _keep(stream: asyncio.StreamReader, kept: bytearray, limit: int) -> None:
    """Read a stream to its end, so that its writer never blocks, and keep its first bytes."""
    while block := await stream.read(4096):
        kept += block[: max(0, limit - len(kept))]


async def _end(process: asyncio.subprocess.Process) -> None:
    """Make sure that the child, and what it started, is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):  # a pipe that is not read to its end stays open
        async with asyncio.timeout(_END_SECONDS):
            await process.communicate()


def _how_it_ended(code: int | None, errors: bytes) -> str:
    if code is not None and code < 0:
        return crash_reason(-code)
    lines = [line.strip() for line in errors.decode("utf-8", "replace").splitlines() if line.strip()]
    if code:
        return f"its probe failed: {lines[-1][:300] if lines else f'exit code {code}'}"
    return "its probe ended without an answer"


def crash_reason(number: int) -> str:
    """What a death by this signal means."""
    try:
        known = signal.Signals(number)
    except ValueError:
        return f"it crashed by signal {number}"
    reason = _CRASHES.get(known)
    return f"it crashed by {known.name}" + (f": {reason}" if reason else "")


def read_answers(output: bytes) -> _Answers:
    """What the lines of a child say. A line that is none of its forms ends the reading, as nonsense."""
    answers = _Answers()
    for raw in output.decode("utf-8", "replace").splitlines():
        try:
            line = json.loads(raw)
            _take(answers, line)
        except (ValueError, KeyError, TypeError, RecursionError):
            answers.nonsense = f"its probe answered nonsense: {raw[:60]!r}"
            answers.done = False
            break
    return answers


def _take(answers: _Answers, line: Mapping[str, Any]) -> None:
    """One line. Raises KeyError or TypeError when it is of no known form."""
    if "version" in line:
        answers.version = _text(line["version"])
        answers.features = tuple(_text(feature) for feature in line.get("features", ()))
    elif "trying" in line:
        answers.trying = _text(line["trying"])
    elif "device" in line:
        ran = line["ran"] is True
        device = ProbedDevice(_text(line["device"]), _text(line["name"]), ran, _text(line["problem"]))
        answers.devices.append(device)
        answers.trying = ""
    elif line["done"] is not True:
        raise TypeError("done is true, or absent")
    else:
        answers.done = True


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("expected text")
    return value
