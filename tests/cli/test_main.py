"""What may be typed: help, exit codes, and what is loaded for it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wallflower import __version__
from wallflower.config.options import FIELDS
from wallflower.errors import ExitCode

if TYPE_CHECKING:
    from tests.cli.conftest import Ran

Run = Callable[..., "Ran"]

HEAVY = {"numpy", "onnxruntime", "soxr", "aiohttp", "zeroconf", "wyoming", "rich", "structlog", "psutil"}
COMMANDS = ["run", "transcribe", "models", "hardware", "healthcheck"]
ACTIONS = ["list", "pull", "verify", "remove"]


def test_help_teaches(wallflower: Run) -> None:
    code, out, err = wallflower("--help")
    assert (code, err) == (0, "")
    assert "examples:" in out
    assert "exit codes:" in out
    for command in COMMANDS:
        assert f"wallflower {command}" in out  # by example


@pytest.mark.parametrize(
    "command", [*([name] for name in COMMANDS), *(["models", name] for name in ACTIONS)], ids=" ".join
)
def test_help_of_every_command(wallflower: Run, command: list[str]) -> None:
    code, out, err = wallflower(*command, "--help")
    assert (code, err) == (0, "")
    assert f"usage: wallflower {' '.join(command)}" in out
    assert "None" not in out
    assert len(out.splitlines()) >= 8


def test_help_of_run_names_every_option(wallflower: Run) -> None:
    words = " ".join(wallflower("run", "--help").out.split())
    for name, field in FIELDS.items():
        assert f"--{name.replace('_', '-')}" in words
        assert field.metadata["help"] in words


def test_version(wallflower: Run) -> None:
    assert wallflower("--version").out == f"wallflower {__version__}\n"


@pytest.mark.parametrize("statement", ["import wallflower", "from wallflower.cli.main import build_parser"])
def test_importing_loads_nothing_heavy(statement: str) -> None:
    code = f"import sys; {statement}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert "wallflower" in done.stdout.split()
    assert HEAVY.isdisjoint(done.stdout.split())


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["models", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "wallflower", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "wallflower" in loaded
    assert HEAVY.isdisjoint(loaded)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["models"],
        ["models", "dance"],
        ["models", "remove"],
        ["transcribe"],
        ["transcribe", "a.wav", "--srt", "--vtt"],
        ["run", "--no-such-flag"],
        ["healthcheck", "--timeout", "soon"],
        ["hardware", "--json", "--env"],
        ["hardware", "--json", "--allow", "onnx"],
    ],
    ids=" ".join,
)
def test_wrong_usage(wallflower: Run, arguments: list[str]) -> None:
    code, out, err = wallflower(*arguments)
    assert (code, out) == (ExitCode.USAGE, "")
    assert "usage: wallflower" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--uri", "nowhere"], "--uri: option 'uri' is 'nowhere'; allowed: tcp://HOST:PORT"),
        (["run", "--threads", "many", "--log-level", "loud"], "--log-level: option 'log_level' is 'loud'"),
        (["run", "--model", "moonshine-tiny-en", "--language", "de"], "allowed: en, which model"),
        (["run", "--config", "/nowhere.yaml"], "/nowhere.yaml"),
        (["transcribe", "a.wav", "b.wav", "--srt"], "--srt takes one file at a time"),
        (["transcribe", "-", "-"], "only once"),
        (["run", "--log-file", "/nowhere/at/all.log"], "log_file"),
    ],
    ids=" ".join,
)
def test_wrong_options(wallflower: Run, data_dir: Path, arguments: list[str], said: str) -> None:
    code, out, err = wallflower(*arguments)
    assert (code, out) == (ExitCode.USAGE, "")
    assert "wallflower: " in err
    assert said in err
    assert "Traceback" not in err


def test_a_health_check_knows_0_and_1_alone(wallflower: Run) -> None:
    code, _, err = wallflower("healthcheck", "--uri", "http://x")
    assert code == 1
    assert "option 'uri'" in err


def test_a_wrong_variable(process: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WALLFLOWER_THREADS", "many")
    code, out, err = process("models", "list")
    assert (code, out) == (2, "")
    assert err == (
        "wallflower: WALLFLOWER_THREADS: option 'threads' is 'many'; "
        "allowed: a whole number from 0 to 256; 0: by `power`: one for each core, at most 4 when balanced\n"
    )


def test_a_switch_can_be_turned_off(wallflower: Run) -> None:
    from wallflower.cli.flags import options_from
    from wallflower.cli.main import build_parser

    for arguments, expected in (([], True), (["--zeroconf"], True), (["--no-zeroconf"], False)):
        assert options_from(build_parser().parse_args(["run", *arguments])).zeroconf is expected


@pytest.mark.parametrize("command", [["run"], ["transcribe", "a.wav"], ["models", "pull"]])
def test_a_missing_model_without_a_network(wallflower: Run, tmp_path: Path, command: list[str]) -> None:
    code, out, err = wallflower(*command, "--offline", "--data-dir", tmp_path / "empty")
    assert (code, out) == (ExitCode.MODEL, "")
    last = err.splitlines()[-1]
    assert last.startswith("wallflower: model files are missing")
    assert "moonshine-tiny-en" in last
    assert "Traceback" not in err


def test_a_data_directory_that_cannot_be(wallflower: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, err = wallflower("run", "--data-dir", tmp_path / "file")
    assert code == ExitCode.DATA
    assert str(tmp_path / "file") in err
    code, _, err = wallflower("models", "pull", "--offline", "--data-dir", tmp_path / "file")
    assert code == ExitCode.MODEL
    assert str(tmp_path / "file") in err
    assert "Traceback" not in err
