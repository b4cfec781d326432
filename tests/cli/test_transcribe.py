"""`wallflower transcribe` with the real model and real speech."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wallflower.errors import ExitCode

if TYPE_CHECKING:
    from tests.cli.conftest import Ran

Run = Callable[..., "Ran"]

pytestmark = pytest.mark.usefixtures("moonshine_named")

OPENING = [
    "it",
    "was",
    "the",
    "best",
    "of",
    "times",
    "it",
    "was",
    "the",
    "worst",
    "of",
    "times",
    "it",
    "was",
    "the",
    "age",
    "of",
    "wisdom",
    "it",
    "was",
    "the",
    "age",
    "of",
    "foolishness",
    "it",
    "was",
    "the",
    "epoch",
    "of",
    "belief",
    "it",
    "was",
    "the",
    "epoch",
    "of",
    "incredulity",
    "it",
    "was",
    "the",
    "season",
    "of",
    "light",
    "it",
    "was",
    "the",
    "season",
    "of",
    "darkness",
    "it",
    "was",
    "the",
    "spring",
    "of",
    "hope",
    "it",
    "was",
    "the",
    "winter",
    "of",
    "despair",
]
CUE = re.compile(r"(\d\d):(\d\d):(\d\d)[,.](\d{3})")


def words(text: str) -> list[str]:
    return re.sub(r"[^a-z ]", "", text.lower()).split()


def right(text: str) -> bool:
    """Nearly all words of the opening, in their places."""
    heard = words(text)[: len(OPENING)]
    return sum(a == b for a, b in zip(heard, OPENING, strict=True)) >= len(OPENING) - 3


def seconds(stamp: str) -> float:
    match = CUE.fullmatch(stamp)
    assert match, stamp
    hours, minutes, whole, thousandths = map(int, match.groups())
    return 3600 * hours + 60 * minutes + whole + thousandths / 1000


def cues(blocks: list[list[str]]) -> str:
    """The text of subtitles, which must follow one another in time."""
    last = 0.0
    for times, *text in blocks:
        start, end = map(seconds, times.split(" --> "))
        assert last <= start < end <= 44.4
        assert text
        last = end
    return " ".join(line for _, *text in blocks for line in text)


def test_text(wallflower: Run, data_dir: Path, two_cities: Path) -> None:
    code, out, err = wallflower("transcribe", two_cities, "--data-dir", data_dir, "--offline")
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    assert right(out)
    assert out.startswith("It was the best of times")


def test_srt(wallflower: Run, data_dir: Path, two_cities: Path) -> None:
    code, out, _ = wallflower("transcribe", "--srt", two_cities, "--data-dir", data_dir)
    assert code == 0
    blocks = [block.split("\n") for block in out.removesuffix("\n\n").split("\n\n")]
    assert [block[0] for block in blocks] == [str(number + 1) for number in range(len(blocks))]
    assert len(blocks) > 1
    assert right(cues([block[1:] for block in blocks]))


def test_vtt(wallflower: Run, data_dir: Path, two_cities: Path) -> None:
    code, out, _ = wallflower("transcribe", two_cities, "--vtt", "--data-dir", data_dir)
    assert code == 0
    head, *blocks = out.removesuffix("\n\n").split("\n\n")
    assert head == "WEBVTT"
    assert right(cues([block.split("\n") for block in blocks]))


def test_several_files_as_json_one_of_them_broken(
    wallflower: Run, data_dir: Path, short_speech: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_text("words")
    again = Path(shutil.copy(short_speech, tmp_path / "again.wav"))
    files = [short_speech, broken, tmp_path / "nothing.wav", again]
    code, out, err = wallflower("transcribe", *files, "--json", "--data-dir", data_dir)
    assert code == ExitCode.AUDIO
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["file"] for line in lines] == [str(short_speech), str(again)]
    for line in lines:
        assert words(line["text"])[:6] == OPENING[:6]
        assert line["language"] == "en"
        assert line["seconds"] == pytest.approx(6, abs=0.01)
        assert " ".join(passage["text"] for passage in line["passages"]) == line["text"]
        assert 0 <= line["passages"][0]["start"] < line["passages"][-1]["end"] <= line["seconds"]
    assert [line.split(":")[0] for line in err.splitlines()] == ["wallflower"] * 2
    assert str(broken) in err
    assert "nothing.wav" in err


def test_several_files_as_text(wallflower: Run, data_dir: Path, short_speech: Path) -> None:
    code, out, _ = wallflower("transcribe", short_speech, short_speech, "--data-dir", data_dir)
    assert code == 0
    assert out.count(f"{short_speech}: It was the best of times") == 2


@pytest.mark.parametrize("form", ["wav", "s16le"])
def test_standard_input(process: Run, data_dir: Path, short_speech: Path, form: str) -> None:
    """From a pipe, as `arecord | wallflower transcribe -` has it."""
    command = ["ffmpeg", "-v", "error", "-i", str(short_speech), "-ac", "1", "-ar", "16000", "-f", form, "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as recorder:
        code, out, err = process("transcribe", "-", "--data-dir", data_dir, stdin=recorder.stdout)
    assert (code, err) == (0, "")
    assert words(out)[:12] == OPENING[:12]


def test_silence_on_standard_input(process: Run, data_dir: Path) -> None:
    code, out, err = process("transcribe", "-", "--data-dir", data_dir, input=bytes(64_000))
    assert (code, out, err) == (0, "\n", "")


def test_a_broken_wav_on_standard_input(process: Run, data_dir: Path) -> None:
    code, out, err = process("transcribe", "-", "--data-dir", data_dir, input=b"RIFF\x00\x00")
    assert (code, out) == (ExitCode.AUDIO, "")
    assert err.startswith("wallflower: cannot read the WAV on standard input")


def test_standard_input_that_is_closed(data_dir: Path) -> None:
    command = f"exec '{sys.executable}' -m wallflower transcribe - --data-dir '{data_dir}' <&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode not in {0, -signal.SIGABRT}
    assert done.stderr.startswith("wallflower: ")
    assert "Traceback" not in done.stderr


def test_interrupted_while_standard_input_is_silent(data_dir: Path) -> None:
    """Ctrl-C ends it, though nobody closes the pipe that it reads."""
    command = [sys.executable, "-m", "wallflower", "transcribe", "-", "--data-dir", str(data_dir)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        try:
            assert running.stdin is not None
            running.stdin.write(bytes(400_000))  # more than a pipe holds: it is reading
            running.stdin.flush()
            time.sleep(0.5)  # it has heard that, and waits for more
            running.send_signal(signal.SIGINT)
            assert running.wait(3) == 130
            assert running.stderr is not None
            assert b"Traceback" not in running.stderr.read()
        finally:
            running.kill()


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_name_that_is_not_utf_8(
    process: Run, data_dir: Path, short_speech: Path, tmp_path: Path, arguments: list[str]
) -> None:
    name = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    shutil.copy(short_speech, name)
    env = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}  # as in most locales
    code, out, err = process("transcribe", name, name, *arguments, "--data-dir", data_dir, env=env)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 2
    assert all("It was the best of times" in line for line in out.splitlines())


def test_progress_on_a_terminal(data_dir: Path, short_speech: Path) -> None:
    controller, terminal = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "wallflower",
        "transcribe",
        str(short_speech),
        "--data-dir",
        str(data_dir),
    ]
    env = os.environ | {"TERM": "xterm", "COLUMNS": "80"}
    with os.fdopen(controller, "rb", buffering=0) as screen:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=terminal, timeout=30, env=env, check=True
        )
        os.close(terminal)
        shown = screen.read(65_536)
    assert b"short.wav" in shown
    assert b"%" in shown
    assert done.stdout.startswith(b"It was the best of times")


def test_a_language_that_the_model_does_not_speak(wallflower: Run, data_dir: Path) -> None:
    code, _, err = wallflower("transcribe", "a.wav", "--language", "de", "--data-dir", data_dir)
    assert code == ExitCode.USAGE
    assert "'de'" in err
    assert "allowed: en, which model moonshine-tiny-en speaks" in err


def test_a_model_that_is_none_for_speech(wallflower: Run, data_dir: Path) -> None:
    code, _, err = wallflower("transcribe", "a.wav", "--model", "silero-vad", "--data-dir", data_dir)
    assert code == ExitCode.USAGE
    assert "silero-vad" in err
