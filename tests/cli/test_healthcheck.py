"""`wallflower healthcheck` against servers that are well, silent, absent, or something else."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wallflower.cli.healthcheck import reachable

if TYPE_CHECKING:
    from tests.cli.conftest import Ran

Run = Callable[..., "Ran"]

_ABOUT = {"attribution": {"name": "n", "url": "u"}, "installed": True, "description": None, "version": "1"}
_INFO = {"asr": [{"name": "p", **_ABOUT, "models": [{"name": "tiny", **_ABOUT, "languages": ["en"]}]}]}
GOOD = b"".join(
    json.dumps(event).encode() + b"\n"
    for event in ({"type": "something-else", "data": {}}, {"type": "info", "data": _INFO})
)


@contextmanager
def serving(answer: bytes, server: socket.socket) -> Iterator[None]:
    """Answers the first visitor's first line, whatever it is, and hangs up."""

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.settimeout(5)
            connection.recv(4096)
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    with server:
        thread.start()
        yield
        thread.join(5)


def loopback() -> tuple[socket.socket, str]:
    server = socket.create_server(("127.0.0.1", 0))
    return server, f"tcp://127.0.0.1:{server.getsockname()[1]}"


def test_well(wallflower: Run) -> None:
    server, uri = loopback()
    with serving(GOOD, server):
        code, out, err = wallflower("healthcheck", "--uri", uri)
    assert (code, out, err) == (0, f"{uri} is well: tiny\n", "")


def test_well_on_all_interfaces(wallflower: Run) -> None:
    """The address that the daemon serves at is not one to connect to."""
    server, uri = loopback()
    with serving(GOOD, server):
        assert wallflower("healthcheck", "--uri", uri.replace("127.0.0.1", "0.0.0.0")).code == 0


def test_well_on_a_unix_socket(wallflower: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "s"))
    server.listen()
    monkeypatch.setenv("WALLFLOWER_URI", f"unix://{tmp_path / 's'}")
    with serving(GOOD, server):
        assert wallflower("healthcheck").code == 0


@pytest.mark.parametrize("command", [["--uri", "tcp://127.0.0.1:1"], ["--uri", "unix:///nowhere/at/all"]])
def test_nobody_listens(wallflower: Run, command: list[str]) -> None:
    code, out, err = wallflower("healthcheck", *command)
    assert (code, out) == (1, "")
    assert err.startswith(f"wallflower: {command[1]} is not well: ")
    assert err.count("\n") == 1


def test_nobody_listens_as_a_process(process: Run) -> None:
    code, out, err = process("healthcheck", "--uri", "tcp://127.0.0.1:1")
    assert (code, out) == (1, "")
    assert "Traceback" not in err


def test_silence(wallflower: Run) -> None:
    server, uri = loopback()
    with server:  # the kernel accepts, nobody answers
        begun = time.monotonic()
        code, out, err = wallflower("healthcheck", "--uri", uri, "--timeout", "0.3")
    assert time.monotonic() - begun < 2
    assert (code, out) == (1, "")
    assert "no answer within 0.3 s" in err


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\xff\xfe\x00\n",
        b"{}\n",
        b"[]\n",
        b"5\n",
        b'{"type": "info", "data": {"asr": [{"name": "x"}]}}\n',
        b'{"type": "info", "data": {"asr": 7}}\n',
        b'{"type": "info", "data_length": 100}\n{}',
        b'{"type": "info", "payload_length": "many"}\n',
        b"x" * 100_000,
    ],
    ids=lambda answer: repr(answer)[:45],
)
def test_something_else_answers(wallflower: Run, answer: bytes) -> None:
    server, uri = loopback()
    with serving(answer, server):
        code, out, err = wallflower("healthcheck", "--uri", uri)
    assert (code, out) == (1, "")
    assert err.startswith(f"wallflower: {uri} is not well: ")
    assert err.count("\n") == 1
    assert not err.endswith(": \n")


def test_a_daemon_at_stdio_cannot_be_asked(wallflower: Run) -> None:
    code, _, err = wallflower("healthcheck", "--uri", "stdio://")
    assert code == 1
    assert "stdio" in err


@pytest.mark.parametrize(
    ("served", "asked"),
    [
        ("tcp://0.0.0.0:10300", "tcp://127.0.0.1:10300"),
        ("tcp://[::]:10300", "tcp://[::1]:10300"),
        ("tcp://192.0.2.7:10300", "tcp://192.0.2.7:10300"),
        ("tcp://10.0.0.0.example:10300", "tcp://10.0.0.0.example:10300"),
        ("unix:///run/0.0.0.0", "unix:///run/0.0.0.0"),
    ],
)
def test_the_address_to_ask(served: str, asked: str) -> None:
    assert reachable(served) == asked
