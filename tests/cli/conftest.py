"""The command line, called in this process and as a process of its own."""

import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from wallflower.cli.main import main


class Ran(NamedTuple):
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written to the home of whoever runs the tests, and nothing asked of a package index."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def moonshine_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the choice of an engine is not the point, there is none: a start takes a second."""
    monkeypatch.setenv("WALLFLOWER_MODEL", "moonshine-tiny-en")


@pytest.fixture
def wallflower(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs the command line in this process."""

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as error:  # argparse ends --help and wrong usage so
            code = error.code if isinstance(error.code, int) else 0
        return Ran(int(code), *capsys.readouterr())

    return run


@pytest.fixture
def process() -> Callable[..., Ran]:
    """Runs the command line as a process."""

    def run(*arguments: Any, **settings: Any) -> Ran:
        command = [sys.executable, "-m", "wallflower", *arguments]
        done = subprocess.run(command, capture_output=True, timeout=180, check=False, **settings)
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode("utf-8", "replace"))

    return run


@pytest.fixture
def short_speech(two_cities: Path, tmp_path: Path) -> Path:
    """The sample's first six seconds: the best of times and the worst of times."""
    path = tmp_path / "short.wav"
    with wave.open(str(two_cities)) as source, wave.open(str(path), "wb") as target:
        target.setparams(source.getparams())
        target.writeframes(source.readframes(6 * source.getframerate()))
    return path
