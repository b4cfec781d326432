"""`wallflower diarize` with the real models and real speech."""

import re
import wave
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.speakers.voices import QUICK, played, read_voice, seconds
from wallflower.errors import ExitCode
from wallflower.speakers.settings import Diarizing

if TYPE_CHECKING:
    from tests.cli.conftest import Ran

Run = Callable[..., "Ran"]

pytestmark = pytest.mark.usefixtures("speaker_store")


@pytest.fixture
def talk(two_cities: Path, tmp_path: Path) -> Path:
    """Two people, 8 s each."""
    voice = read_voice(two_cities)
    sound = np.concatenate([seconds(voice, 0, 8), seconds(played(voice, QUICK), 0, 8)])
    path = tmp_path / "a talk.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(sound.astype("<i2").tobytes())
    return path


def test_rttm(wallflower: Run, data_dir: Path, talk: Path) -> None:
    code, out, err = wallflower("diarize", talk, "--rttm", "--data-dir", data_dir, "--offline")
    assert (code, err) == (ExitCode.OK, "")
    form = r"SPEAKER a_talk 1 (\d+\.\d{3}) (\d+\.\d{3}) <NA> <NA> (speaker\d) <NA> <NA>"
    lines = [re.fullmatch(form, line) for line in out.splitlines()]
    assert all(lines)
    assert {line[3] for line in lines if line and float(line[1]) < 7} == {"speaker1"}
    assert {line[3] for line in lines if line and float(line[1]) > 8} == {"speaker2"}


def test_lines_to_read(wallflower: Run, data_dir: Path, talk: Path) -> None:
    code, out, _ = wallflower("diarize", talk, "--data-dir", data_dir)
    assert code == ExitCode.OK
    assert re.fullmatch(r"00:0\d\.\d\d – 00:\d\d\.\d\d  Speaker 1", out.splitlines()[0])


def test_a_long_file_is_told_from_its_beginning(
    wallflower: Run, data_dir: Path, talk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = wallflower("diarize", talk, "--data-dir", data_dir, "--offline")
    short = {field.name: field.default for field in fields(Diarizing)} | {"remembered": 1.0}
    monkeypatch.setattr(Diarizing.__init__, "__defaults__", tuple(short.values()))
    assert Diarizing().remembered == 1
    assert wallflower("diarize", talk, "--data-dir", data_dir, "--offline") == whole


def test_no_file_and_no_model(wallflower: Run, data_dir: Path, tmp_path: Path, talk: Path) -> None:
    code, _, err = wallflower("diarize", tmp_path / "none.wav", "--data-dir", data_dir)
    assert code == ExitCode.AUDIO
    assert "there is no file" in err
    code, _, err = wallflower("diarize", talk, "--data-dir", tmp_path, "--offline")
    assert code == ExitCode.MODEL
    assert "Traceback" not in err
