"""`wallflower hardware` on this box, and on boxes that are not here."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wallflower.cli import hardware, hardware_tables
from wallflower.engines.exclusions import settle_marks
from wallflower.engines.timings import Calibration, Timing, load_calibration, store_calibration
from wallflower.errors import ExitCode
from wallflower.hardware.facts import Facts, from_json
from wallflower.hardware.heat import Reading
from wallflower.listening.condition import Condition, keep_condition

if TYPE_CHECKING:
    from tests.cli.conftest import Ran

Run = Callable[..., "Ran"]
FACTS = Path(__file__).parents[1] / "engines" / "facts"


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Facts]:
    """Puts another box in place of this one."""

    def become(name: str) -> Facts:
        facts = from_json((FACTS / f"{name}.json").read_text("utf-8"))

        async def gather() -> Facts:
            return facts

        monkeypatch.setattr(hardware, "gather_facts", gather)
        return facts

    return become


def test_this_box(wallflower: Run) -> None:
    code, out, err = wallflower("hardware")
    assert (code, err) == (0, "")
    for said in (
        "processor",
        "features",
        "memory",
        "temperature",
        "GPU",
        "NPU",
        "onnxruntime",
        "ran a graph",
    ):
        assert said in out
    assert "by estimate, nothing was measured yet" in out.splitlines()[-1]


def test_what_would_be_fetched_is_told_from_what_is_here(
    wallflower: Run, box: Callable[[str], Facts], own_data_dir: Path
) -> None:
    box("here")
    out = wallflower("hardware").out
    assert out.count("not here yet") == 3
    assert "whisper-base-openvino-int8 by openvino on cpu for finals" in out
    out = wallflower("hardware", "--data-dir", own_data_dir).out
    assert "not here yet" not in out


def test_json_can_be_read_as_facts(wallflower: Run) -> None:
    code, out, err = wallflower("hardware", "--json", "--model", "moonshine-tiny-en")
    assert (code, err) == (0, "")
    content = json.loads(out)
    assert content["choice"]["finals"] == "moonshine:cpu:moonshine-tiny-en"
    (candidate,) = content["candidates"]
    assert (candidate["measured"], candidate["tested"], candidate["here"]) == (None, True, False)
    assert content["running"] is None
    assert from_json(out).cpu.cores >= 1


def test_env_is_for_a_shell(wallflower: Run, box: Callable[[str], Facts]) -> None:
    box("core_ultra")
    out = wallflower("hardware", "--env").out
    script = (
        out + 'printf "%s|" "$HARDWARE_CPU" "$HARDWARE_GPUS" "$HARDWARE_NPUS" "$HARDWARE_OPENVINO_DEVICES"'
    )
    done = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=True)
    assert done.stdout == "Intel(R) Core(TM) Ultra 7 155H|intel|intel|cpu gpu npu|"
    assert all(line.startswith("HARDWARE_") for line in out.splitlines())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("core_ultra", "Intel NPU 8086:7d1d intel_vpu (/dev/accel/accel0)"),
        ("core_ultra", "Intel(R) AI Boost: ran a graph; untested by this project"),
        ("m4", "whisper.cpp, metal: offered, not tried; untested by this project"),
        ("m4", "Apple Neural Engine"),
        ("orin", "not installed; install wallflower[openvino]"),
        ("atom", "none of those that matter"),
        ("atom", "SIGILL"),
        ("pi4", "Raspberry Pi 4 Model B"),
    ],
)
def test_other_boxes(wallflower: Run, box: Callable[[str], Facts], name: str, said: str) -> None:
    box(name)
    code, out, _ = wallflower("hardware")
    assert code == 0
    assert said in out


def test_measured_speeds_are_shown(wallflower: Run, box: Callable[[str], Facts], tmp_path: Path) -> None:
    facts = box("here")
    print_ = json.loads(wallflower("hardware", "--json", "--data-dir", tmp_path).out)["fingerprint"]
    timings = {"moonshine:cpu:moonshine-tiny-en": Timing(0.0625, 0.0312)}
    store_calibration(tmp_path, print_, Calibration(facts, timings))
    out = wallflower("hardware", "--data-dir", tmp_path).out
    assert "0.06 s" in out
    assert "× 0.03" in out
    assert "as measured here" in out
    candidates = json.loads(wallflower("hardware", "--json", "--data-dir", tmp_path).out)["candidates"]
    measured = {each["model_id"]: each["measured"] for each in candidates}
    assert measured["moonshine-tiny-en"] == {
        "command_seconds": 0.0625,
        "real_time_factor": 0.0312,
        "load_seconds": 0.0,
        "peak_bytes": 0,
    }


def test_an_excluded_engine_is_shown_and_allowed_again(
    wallflower: Run, box: Callable[[str], Facts], tmp_path: Path
) -> None:
    box("here")
    code = (
        "import os, pathlib, sys; from wallflower.engines.exclusions import trying\n"
        "with trying(pathlib.Path(sys.argv[1]), 'moonshine'): os.kill(os.getpid(), 4)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    settle_marks(tmp_path)
    named = ("--model", "moonshine-tiny-en")
    ran = wallflower("hardware", *named, "--data-dir", tmp_path)
    assert ran.code == ExitCode.ENGINE
    assert "wallflower hardware --allow moonshine" in ran.out
    assert "no choice: no engine can serve" in ran.out
    allowed = wallflower("hardware", "--allow", "moonshine", "--data-dir", tmp_path)
    assert (allowed.code, allowed.out) == (0, "moonshine will be tried again at the next start\n")
    assert wallflower("hardware", "--data-dir", tmp_path).code == 0
    code_, out, err = wallflower("hardware", "--allow", "moonshine", "--data-dir", tmp_path)
    assert (code_, out) == (ExitCode.USAGE, "")
    assert "'moonshine' is not excluded; excluded are: none" in err


def test_a_language_without_a_model(wallflower: Run, box: Callable[[str], Facts]) -> None:
    box("here")
    code, out, _ = wallflower("hardware", "--language", "xx")
    assert code == ExitCode.ENGINE
    assert "does not understand xx" in out


@pytest.mark.parametrize(
    ("reading", "shown"),
    [
        (Reading(), "not known"),
        (Reading(51.2, 85.0), "51 °C, slows down at 85 °C"),
        (Reading(82.0, None, True, 0.5), "82 °C, throttled now, clock held at 50%"),
        (Reading(40.0, None, False, 1.0), "40 °C, not throttled"),
    ],
)
def test_heat(reading: Reading, shown: str) -> None:
    assert hardware_tables._heat(reading) == shown


def test_a_device_that_was_not_passed_in() -> None:
    from dataclasses import replace

    facts = from_json((FACTS / "n100.json").read_text("utf-8"))
    hidden = replace(facts.accelerators[0], path="")
    assert "pass its device file into the container" in hardware_tables._accelerator(hidden, facts)
    openvino = facts.library("openvino").devices[1]
    assert hardware_tables._device(replace(openvino, problem="it hung")).endswith("(iGPU): it hung")


def test_calibration_measures_what_is_here_and_keeps_it(process: Run, own_data_dir: Path) -> None:
    (failing,) = (own_data_dir / "models" / "blobs").glob("9eea54c37e48*")  # whisper.cpp's
    assert failing.stat().st_size == 81_768_585
    whole = failing.resolve()
    failing.unlink()
    failing.write_bytes(bytes(whole.stat().st_size))
    code, out, err = process("hardware", "--calibrate", "--json", "--data-dir", own_data_dir)
    assert code == 0
    assert "measuring moonshine-tiny-en by moonshine on cpu" in err
    content = json.loads(out)
    measured = {each["model_id"]: each["measured"] for each in content["candidates"]}
    assert measured["moonshine-tiny-en"]["command_seconds"] > 0
    (out_,) = [each for each in content["left_out"] if each["model_id"] == "whisper-base-ggml-q8_0"]
    assert "is not a ggml file of whisper.cpp" in out_["reason"]
    assert "wallflower hardware --calibrate" in out_["reason"]

    failing.unlink()
    failing.symlink_to(whole)  # repaired
    code, out, err = process("hardware", "--calibrate", "--json", "--data-dir", own_data_dir)
    assert "measuring whisper-base-ggml-q8_0 by whispercpp on cpu" in err
    found = load_calibration(own_data_dir, json.loads(out)["fingerprint"])
    assert found is not None
    assert (len(found.timings), found.failed) == (3, {})
    code, out, _ = process("hardware", "--data-dir", own_data_dir)
    assert code == 0
    assert "as measured here" in out


def test_calibration_where_nothing_is_here(wallflower: Run, tmp_path: Path) -> None:
    code, out, err = wallflower("hardware", "--calibrate", "--data-dir", tmp_path / "new")
    assert (code, err) == (0, "")
    assert "nothing was measured yet" in out


def test_the_daemon_that_runs_is_shown(wallflower: Run, box: Callable[[str], Facts], tmp_path: Path) -> None:
    box("here")
    condition = Condition("openvino:cpu:a", "moonshine:cpu:b", {"openvino:gpu:a": "it hangs"}, 2, "82 °C")
    keep_condition(tmp_path, condition)
    lines = wallflower("hardware", "--data-dir", tmp_path).out.splitlines()
    assert lines[-2] == "the daemon runs openvino:cpu:a and moonshine:cpu:b"
    assert lines[-1] == "openvino:gpu:a is set aside: it hangs; power step 2: 82 °C"
    running = json.loads(wallflower("hardware", "--json", "--data-dir", tmp_path).out)["running"]
    assert running == asdict(condition)
    keep_condition(tmp_path, Condition("moonshine:cpu:b"))
    assert wallflower("hardware", "--data-dir", tmp_path).out.endswith("the daemon runs moonshine:cpu:b\n")
