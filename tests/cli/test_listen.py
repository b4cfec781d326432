"""`wallflower listen`: words live, from a file as it is heard."""

import json
import shutil
import wave
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.cli.conftest import Ran
from wallflower.cli.listen import _show_json, _under_way
from wallflower.errors import ExitCode
from wallflower.events import BusEvent, Heard, Partial, Speaker, SpeakerChanged, UtteranceRevised

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="there is no ffmpeg here")


@pytest.fixture
def talk(speech: NDArray[np.int16], tmp_path: Path) -> Path:
    path = tmp_path / "a talk #1.wav"
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(16_000)
        wav.writeframes(np.concatenate([speech[: 4 * 16_000], np.zeros(8000, np.int16)]).tobytes())
    return path


@pytest.mark.usefixtures("moonshine_named")
def test_a_file_in_words(wallflower: Callable[..., Ran], talk: Path, data_dir: Path) -> None:
    ran = wallflower("listen", talk, "--data-dir", data_dir)
    assert ran.code == 0
    assert "best of times" in ran.out
    assert "\x1b" not in ran.out
    assert "it is at its end" in ran.err


@pytest.mark.usefixtures("moonshine_named")
def test_a_file_as_json(wallflower: Callable[..., Ran], talk: Path, data_dir: Path) -> None:
    ran = wallflower("listen", talk, "--json", "--data-dir", data_dir)
    events = [json.loads(line) for line in ran.out.splitlines()]
    (heard,) = [event for event in events if event["event"] == "Heard"]
    assert "best of times" in heard["text"]
    assert datetime.fromisoformat(heard["start"]).tzinfo is not None
    assert {event["event"] for event in events} >= {"SourceChanged", "SpeechChanged", "SoundLevel", "Heard"}


@pytest.mark.parametrize("place", ["no-such-file.wav", "ftp", "rtsp://a b"])
def test_what_is_no_place(wallflower: Callable[..., Ran], place: str) -> None:
    ran = wallflower("listen", place)
    assert ran.code == ExitCode.USAGE
    assert "mic" in ran.err


@pytest.mark.usefixtures("moonshine_named")
def test_what_will_not_mend_itself_ends_it(
    wallflower: Callable[..., Ran], tmp_path: Path, data_dir: Path
) -> None:
    nothing = tmp_path / "empty.wav"
    nothing.touch()
    ran = wallflower("listen", nothing, "--data-dir", data_dir)
    assert ran.code == ExitCode.AUDIO
    assert "the file is empty" in ran.err


async def test_everything_that_happens_can_be_told_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.now(UTC)
    anna = Speaker(1, "Anna", known=True, confidence=0.9)

    async def events() -> AsyncIterator[BusEvent]:
        yield SpeakerChanged("a", anna, now)
        yield UtteranceRevised(Heard(1, "a", now, now, "hello", "en", 0, 1, speaker=anna, revision=1))

    await _show_json(events())
    changed, revised = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert changed["speaker"]["name"] == revised["heard"]["speaker"]["name"] == "Anna"
    assert revised["heard"]["start"] == now.isoformat()


def test_what_is_said_now_fits_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    now = datetime.now(UTC)
    shown = _under_way(Partial("a", 1, "one two three four five", "six seven", "en", now, now))
    assert shown == "four five \x1b[2msix seven\x1b[0m"
