"""What was measured is kept under its fingerprint."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wallflower.engines.timings import FILE, Calibration, Timing, load_calibration, store_calibration
from wallflower.errors import DataDirError
from wallflower.hardware.facts import from_json, to_mapping

FACTS = from_json((Path(__file__).parent / "facts" / "n100.json").read_text("utf-8"))
TIMINGS = {"openvino:cpu:whisper-base": Timing(0.13, 0.04, 0.5, 341 << 20), "onnx:cpu:x": Timing(1.0, 2.0)}
FOUND = Calibration(FACTS, TIMINGS, {"openvino:gpu:x": "no such device"})


def test_kept_and_found(tmp_path: Path) -> None:
    assert load_calibration(tmp_path, "a") is None
    store_calibration(tmp_path, "a", FOUND)
    assert load_calibration(tmp_path, "a") == FOUND
    assert load_calibration(tmp_path, "b") is None
    store_calibration(tmp_path, "a", Calibration(FACTS))
    assert load_calibration(tmp_path, "a") == Calibration(FACTS)


def test_more_is_added_and_the_newest_holds() -> None:
    newer = Calibration(FACTS, {"openvino:gpu:x": Timing(0.1, 0.1)}, {"onnx:cpu:x": "it hangs"})
    both = FOUND.with_more(newer)
    assert dict(both.timings) == {
        "openvino:cpu:whisper-base": TIMINGS["openvino:cpu:whisper-base"],
        "openvino:gpu:x": Timing(0.1, 0.1),
    }
    assert dict(both.failed) == {"onnx:cpu:x": "it hangs"}


def test_the_oldest_are_forgotten(tmp_path: Path) -> None:
    for name in "abcda":
        store_calibration(tmp_path, name, FOUND)
    store_calibration(tmp_path, "e", FOUND)
    assert [name for name in "abcde" if load_calibration(tmp_path, name) is not None] == ["a", "c", "d", "e"]


@pytest.mark.parametrize(
    "entry",
    [None, [], {"command_seconds": 1}, {"command_seconds": "1", "real_time_factor": 1}, {"x": 1},
     {"command_seconds": -1, "real_time_factor": 1},
     {"command_seconds": float("nan"), "real_time_factor": 1}],
)  # fmt: skip
def test_a_damaged_entry_is_left_out(tmp_path: Path, entry: object) -> None:
    good = {"command_seconds": 1.0, "real_time_factor": 0.5}
    kept = {"facts": to_mapping(FACTS), "timings": {"good": good, "bad": entry}, "failed": {}}
    (tmp_path / FILE).write_text(json.dumps({"a": kept}))
    assert load_calibration(tmp_path, "a") == Calibration(FACTS, {"good": Timing(1.0, 0.5)})


@pytest.mark.parametrize(
    "entry",
    [7, {}, {"facts": {}, "timings": {}, "failed": {}},
     {"facts": to_mapping(FACTS), "timings": [], "failed": {}},
     {"facts": to_mapping(FACTS), "timings": {}, "failed": 3}],
)  # fmt: skip
def test_damage_that_leaves_nothing(tmp_path: Path, entry: object) -> None:
    (tmp_path / FILE).write_text(json.dumps({"a": entry}))
    assert load_calibration(tmp_path, "a") is None


@settings(max_examples=30)
@given(content=st.binary(max_size=40))
def test_a_damaged_file_is_written_anew(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("data")
    (path / FILE).write_bytes(content)
    load_calibration(path, "a")
    store_calibration(path, "a", FOUND)
    assert load_calibration(path, "a") == FOUND


def test_a_data_directory_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DataDirError, match=FILE):
        store_calibration(tmp_path / "nowhere", "a", FOUND)


def test_falling_behind_is_no_answer_at_all() -> None:
    assert Timing(0.2, 0.5).effective_seconds(0.8) == 0.2
    assert math.isinf(Timing(0.2, 0.9).effective_seconds(0.8))
