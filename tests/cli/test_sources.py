"""`wallflower sources list`: the settings, where they come from, and how the sources are."""

import asyncio
import json
import os
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ran
from wallflower.listening.keeping import StoredState
from wallflower.storage.database import DATABASE_NAME, prepare

SOURCES = json.dumps(
    [
        {"name": "Front door", "url": "rtsp://user:geheim@camera:554/live/1?token=geheim", "gain": 3},
        {"name": "Hall", "url": "mic"},
    ]
)


@pytest.fixture
def listed(
    wallflower: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ran]:
    monkeypatch.setenv("WALLFLOWER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WALLFLOWER_SOURCES", SOURCES)
    return lambda *flags: wallflower("sources", "list", *flags)


def _change(home: Path, overlay: dict[str, Any]) -> None:
    prepare(home / DATABASE_NAME)
    asyncio.run(StoredState(home / DATABASE_NAME, "sources").save({"sources": overlay, "slugs": {}}))


def _run_as_daemon(home: Path, states: dict[str, Any]) -> None:
    (home / "sources.json").write_text(json.dumps({"pid": os.getpid(), "sources": states}))


def test_settings_come_from_the_options_or_are_defaults(listed: Callable[..., Ran]) -> None:
    ran = listed()
    assert ran.code == 0
    lines = [line.split() for line in ran.out.splitlines()]
    assert ["gain", "3.0", "options"] in lines
    assert ["url", "rtsp://camera:554/…", "options"] in lines
    assert ["enabled", "yes", "default"] in lines
    assert "front_door  the daemon does not run" in ran.out
    assert "geheim" not in ran.out


def test_what_was_changed_at_run_time_shows(listed: Callable[..., Ran], tmp_path: Path) -> None:
    changes = {
        "front_door": {"changes": {"gain": [6.0, 3.0], "language": ["de", None], "name": ["X", "Old"]}}
    }
    _change(tmp_path, changes)
    (door, _hall) = json.loads(listed("--json").out)
    assert door["settings"]["gain"] == {"value": 6.0, "from": "run time"}
    assert door["settings"]["language"] == {"value": "de", "from": "run time"}
    assert door["settings"]["name"] == {"value": "Front door", "from": "options"}


def test_how_they_are_while_the_daemon_runs(listed: Callable[..., Ran], tmp_path: Path) -> None:
    speech = {"name": "speech", "problem": "it hangs", "set_aside": True, "failures": 5, "missed": 12.0}
    level = {"name": "level", "problem": "", "set_aside": False, "failures": 0, "missed": 0.0}
    state = {"status": "recovering", "reason": "it gave no answer", "lost": 2, "processors": [speech, level]}
    _run_as_daemon(tmp_path, {"front_door": state})
    out = listed().out
    assert "front_door  recovering: it gave no answer" in out
    assert "  2 passages could not be decoded" in out
    assert "  speech: it hangs; set aside for a while; 12 s of sound missed" in out
    assert "  level:" not in out
    assert "hall  not begun yet" in out


def test_without_any(wallflower: Callable[..., Ran], tmp_path: Path) -> None:
    ran = wallflower("sources", "list", "--data-dir", tmp_path)
    assert ran.out == "there are no sources; the option `sources` names them\n"
    assert not (tmp_path / DATABASE_NAME).exists()


def test_what_is_at_an_address(wallflower: Callable[..., Ran], tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(32_000))
    ran = wallflower("sources", "probe", (tmp_path / "a.wav").as_uri(), "--source-folders", str(tmp_path))
    assert (ran.code, ran.out) == (0, "pcm_s16le, 2 channels, 8000 Hz, with an end\n")


@pytest.mark.parametrize("url", ["mic", "rtsp://anna:geheim@127.0.0.1:9/live", "file:///etc/passwd"])
def test_an_address_with_nothing_to_hear(wallflower: Callable[..., Ran], url: str) -> None:
    ran = wallflower("sources", "probe", url)
    assert ran.code != 0
    assert ran.err.startswith("wallflower: ")
    assert "geheim" not in ran.err
