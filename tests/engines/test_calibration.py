"""Candidates are timed in children, and a child that fails is a report."""

import asyncio
import sys
from pathlib import Path

import pytest

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.engines import calibration
from wallflower.engines.calibration import calibrate, calibration_clip
from wallflower.engines.selection import Candidate
from wallflower.engines.timings import Timing
from wallflower.models.store import Store


def _candidate(engine: str, model: str, device: str = "cpu") -> Candidate:
    return Candidate(engine, device, model, "int8", "a test")


def _run(store: Path, candidate: Candidate, *command: str) -> tuple[dict[str, Timing], list[str]]:
    told: list[str] = []
    more = {"command": command} if command else {}
    timings, failed = asyncio.run(calibrate([candidate], store, threads=1, report=told.append, **more))
    assert [*timings, *failed] == [candidate.key]
    assert all(told[-1] == f"{key}: {reason}" for key, reason in failed.items())
    return timings, told


def test_clip_is_20_s_of_speech() -> None:
    clip = calibration_clip()
    assert len(clip) == 20 * SAMPLE_RATE
    assert 0.002 < abs(clip).mean() < 0.5


def test_real_engine_is_timed(model_store: Store) -> None:
    candidate = _candidate("moonshine", "moonshine-tiny-en")
    timings, told = _run(model_store.root, candidate)
    timing = timings[candidate.key]
    assert 0 < timing.command_seconds < 30
    assert 0 < timing.real_time_factor < 10
    assert timing.load_seconds > 0
    assert 50_000_000 < timing.peak_bytes < 2_000_000_000
    assert told == ["measuring moonshine-tiny-en by moonshine on cpu (1 of 1)"]


def test_missing_model_is_told_with_the_next_step(tmp_path: Path) -> None:
    timings, told = _run(tmp_path, _candidate("moonshine", "moonshine-tiny-en"))
    assert timings == {}
    assert "wallflower models pull moonshine-tiny-en" in told[-1]


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "ended by signal 4"),
        ("import sys; sys.exit('no such device')", "no such device"),
        ("import sys; sys.exit(3)", "exit code 3"),
        ("print('quick!')", "no figures"),
        ("print('{\"speed\": 1}')", "no figures"),
        ("", "no figures"),
    ],
)
def test_child_that_fails_is_a_report(tmp_path: Path, program: str, said: str) -> None:
    timings, told = _run(tmp_path, _candidate("openvino", "x"), sys.executable, "-c", program)
    assert timings == {}
    assert said in told[-1]


def test_child_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "_PATIENCE_SECONDS", 0.3)
    program = "import time; time.sleep(60)"
    timings, told = _run(tmp_path, _candidate("openvino", "x"), sys.executable, "-c", program)
    assert timings == {}
    assert "longer than" in told[-1]


def test_one_that_fails_does_not_keep_the_others_from_being_measured(model_store: Store) -> None:
    those = [_candidate("openvino", "whisper-nothing"), _candidate("moonshine", "moonshine-tiny-en")]
    told: list[str] = []
    timings, failed = asyncio.run(calibrate(those, model_store.root, threads=1, report=told.append))
    assert (list(timings), list(failed)) == ([those[1].key], [those[0].key])
    assert "there is no model 'whisper-nothing'" in failed[those[0].key]
