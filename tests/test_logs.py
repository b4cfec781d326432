"""The log: what a line carries, what it must not, and what happens when it cannot be written."""

import io
import json
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from wallflower.config import Options, OptionsError
from wallflower.errors import ExitCode
from wallflower.logs import logging_to
from wallflower.redaction import redact

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def structlog_as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def log() -> Any:
    return structlog.get_logger("test")


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """What is on standard error by now, each line as JSON."""
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


JSON = Options(log_format="json", log_level="debug")


def test_json(log: Any, lines: Lines) -> None:
    with logging_to(JSON):
        log.info("ready", uri="tcp://0.0.0.0:1", after_s=0.5)
    (line,) = lines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("timestamp"))
    assert line == {"event": "ready", "level": "info", "uri": "tcp://0.0.0.0:1", "after_s": 0.5}


def test_text(log: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to(Options()):
        log.warning("late", after_s=0.5)
    err = capsys.readouterr().err
    assert re.match(r"\d{4}-\d\d-\d\dT\S+Z \[warning *\] late +after_s=0\.5\n", err)
    assert "\x1b" not in err  # no colours where there is no terminal


def test_what_is_bound_is_on_every_line(log: Any, lines: Lines) -> None:
    with logging_to(JSON), structlog.contextvars.bound_contextvars(connection="c1"):
        log.info("one")
        with structlog.contextvars.bound_contextvars(session="s1", utterance=7):
            log.info("two")
            logging.getLogger("some.library").warning("three")
        log.info("four")
    bound = [(line.get("connection"), line.get("session"), line.get("utterance")) for line in lines()]
    assert bound == [("c1", None, None), ("c1", "s1", 7), ("c1", "s1", 7), ("c1", None, None)]


def test_what_is_bound_is_on_text_too(log: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with (
        logging_to(Options()),
        structlog.contextvars.bound_contextvars(connection="c1", session="s1", utterance=7),
    ):
        log.info("heard")
    assert "connection=c1 session=s1 utterance=7" in capsys.readouterr().err


@pytest.mark.parametrize(("level", "shown"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_levels(log: Any, lines: Lines, level: str, shown: int) -> None:
    with logging_to(Options(log_format="json", log_level=level)):
        for method in ("debug", "info", "warning", "error"):
            getattr(log, method)(method)
            logging.getLogger("some.library").log(getattr(logging, method.upper()), "too")
    assert [line["event"] for line in lines()] == [
        event for method in ("debug", "info", "warning", "error")[4 - shown :] for event in (method, "too")
    ]


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_exception_is_told(log: Any, capsys: pytest.CaptureFixture[str], form: str) -> None:
    with logging_to(Options(log_format=form)):
        try:
            raise LookupError("the reason")
        except LookupError:
            log.exception("part failed")
            logging.getLogger("some.library").exception("it failed")
    err = capsys.readouterr().err
    assert err.count("LookupError: the reason") == 2
    assert err.count("Traceback") == 2
    if form == "json":
        assert [json.loads(line)["event"] for line in err.splitlines()] == ["part failed", "it failed"]


SECRET = "geheim"


@pytest.mark.parametrize(
    "fields",
    [
        {"hub_token": SECRET},
        {"Authorization": f"Bearer {SECRET}"},
        {"password": SECRET},
        {"url": f"http://me:{SECRET}@host/path"},
        {"url": f"http://{SECRET}@host/path"},
        {"url": f"http://me:p@{SECRET}@host/path"},
        {"url": f"http://host/path?a=1&access_token={SECRET}&b=2"},
        {"url": f"http://host/path?api-key={SECRET}"},
        {"reason": OSError(f"cannot open rtsp://me:{SECRET}@camera/1")},
        {"options": {"hub_token": SECRET, "url": f"http://me:{SECRET}@host"}},
        {"urls": [f"http://me:{SECRET}@host"]},
    ],
    ids=repr,
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_are_not_logged(
    log: Any, capsys: pytest.CaptureFixture[str], fields: dict[str, Any], form: str
) -> None:
    with logging_to(Options(log_format=form)):
        log.info("asked", **fields)
    err = capsys.readouterr().err
    assert "asked" in err
    assert SECRET not in err


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_in_messages_and_exceptions_are_not_logged(
    log: Any, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    with logging_to(Options(log_format=form)):
        message = f"asking http://me:{SECRET}@host"
        log.info(message)
        logging.getLogger("some.library").warning("asking %s", f"http://me:{SECRET}@host")
        problem = OSError(f"cannot open rtsp://me:{SECRET}@camera/1")
        log.error("part failed", exc_info=problem)
        logging.getLogger("some.library").error("it failed", exc_info=problem)
    err = capsys.readouterr().err
    assert err.count("asking http://***@host") == 2
    assert "it failed" in err
    assert SECRET not in err


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_shows_no_values(log: Any, capsys: pytest.CaptureFixture[str], form: str) -> None:
    """The variables of a function that failed may hold what was said, or a token."""

    def fail(_token: str) -> None:
        raise LookupError("the reason")

    with logging_to(Options(log_format=form)):
        try:
            fail(SECRET)
        except LookupError as error:
            log.warning("part failed", exc_info=error)
            logging.getLogger("some.library").warning("it failed", exc_info=error)
    err = capsys.readouterr().err
    assert err.count("LookupError: the reason") == 2
    assert SECRET not in err


@given(st.text("abc:/@?&=. ", max_size=20), st.text("xyz0", min_size=3), st.text("xyz0!", min_size=5))
def test_redaction(before: str, user: str, password: str) -> None:
    assert f":{password}@" not in redact(f"{before} http://{user}:{password}@host/path")
    assert password not in redact(f"{before} http://host?token={password}").rpartition("token=")[2]


@given(st.text(max_size=40).filter(lambda text: "://" not in text and "=" not in text))
def test_other_text_is_left_alone(text: str) -> None:
    assert redact(text) == text


def test_nobody_else_writes_lines(log: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """What comes from the network cannot end a line and begin another, nor paint on the terminal."""
    with logging_to(Options()):
        log.warning("unknown event", type="x\n2026-01-01T00:00:00Z [error] forged \x1b[31m")
        logging.getLogger("some.library").warning("bad request: %s", "x\nforged \x1b[31m")
    err = capsys.readouterr().err
    assert err.count("\n") == 2
    assert "\x1b" not in err


def test_a_file_as_well(log: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "w.log"
    for number in range(2):
        with logging_to(Options(log_file=str(file))):
            log.info("ready", number=number)
    assert [json.loads(line)["number"] for line in file.read_text().splitlines()] == [0, 1]
    assert capsys.readouterr().err.count("ready") == 2


def test_a_file_in_the_home_folder(log: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with logging_to(Options(log_file="~/w.log")):
        log.info("ready")
    assert "ready" in (tmp_path / "w.log").read_text()


def test_a_file_is_rotated(log: Any, tmp_path: Path) -> None:
    file = tmp_path / "w.log"
    with logging_to(Options(log_file=str(file))):
        for number in range(130):
            log.info("much", number=number, text="x" * 200_000)
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["w.log", "w.log.1", "w.log.2", "w.log.3"]
    assert all(path.stat().st_size <= 5_000_000 for path in tmp_path.iterdir())
    assert json.loads(file.read_text().splitlines()[-1])["number"] == 129


@pytest.mark.parametrize("name", ["", "below/w.log", "file/w.log", "x" * 300])
def test_a_file_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    handlers = logging.getLogger().handlers[:]
    with (
        pytest.raises(OptionsError, match="'log_file'") as caught,
        logging_to(Options(log_file=str(tmp_path / name))),
    ):
        pass
    assert str(tmp_path / name) in str(caught.value)
    assert caught.value.exit_code == ExitCode.USAGE
    assert logging.getLogger().handlers == handlers


def test_a_file_of_nobody() -> None:
    with pytest.raises(OptionsError, match="log_file"), logging_to(Options(log_file="~no-such-user/w.log")):
        pass


def test_all_is_as_before_afterwards() -> None:
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    threads = threading.active_count()
    with pytest.raises(LookupError), logging_to(Options()):
        raise LookupError
    assert (root.level, root.handlers[:]) == before
    assert threading.active_count() == threads


class _Stuck(io.StringIO):
    """A terminal that somebody has stopped with Ctrl-S, until `go`."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.reached = threading.Event()

    def write(self, text: str) -> int:
        self.reached.set()
        self.go.wait(5)
        return super().write(text)


def test_a_stuck_terminal_stops_nobody(log: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be kept is counted, and said in the end."""
    terminal = _Stuck()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr("wallflower.logs._QUEUE_LINES", 10)
    with logging_to(Options()):
        log.info("line")
        assert terminal.reached.wait(5)  # it hangs in the writing of the first
        for _ in range(50):
            log.info("line")
        terminal.go.set()
        while terminal.getvalue().count("line") < 11:
            threading.Event().wait(0.01)
    written = terminal.getvalue()
    assert written.count("line ") + written.count("line\n") == 11
    assert "40 log lines were dropped" in written


def test_a_terminal_that_is_stuck_at_the_end(log: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is full when the daemon stops: it still stops, in order."""
    terminal = _Stuck()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr("wallflower.logs._QUEUE_LINES", 10)
    release = threading.Timer(0.3, terminal.go.set)
    threads = threading.active_count()
    try:
        with logging_to(Options()):
            log.info("line")
            assert terminal.reached.wait(5)
            for _ in range(50):
                log.info("line")
            release.start()
    finally:
        release.join()
    assert "40 log lines were dropped" in terminal.getvalue()
    assert threading.active_count() == threads
