"""What was measured is kept under its fingerprint."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wallflower.engines.timings import FILE, Timing, load_timings, store_timings
from wallflower.errors import DataDirError

TIMINGS = {"openvino:cpu:whisper-base": Timing(0.13, 0.04, 0.5, 341 << 20), "onnx:cpu:x": Timing(1.0, 2.0)}


def test_kept_and_found(tmp_path: Path) -> None:
    assert load_timings(tmp_path, "a") is None
    store_timings(tmp_path, "a", TIMINGS)
    assert load_timings(tmp_path, "a") == TIMINGS
    assert load_timings(tmp_path, "b") is None
    store_timings(tmp_path, "a", {})
    assert load_timings(tmp_path, "a") == {}


def test_the_oldest_are_forgotten(tmp_path: Path) -> None:
    for name in "abcda":
        store_timings(tmp_path, name, TIMINGS)
    store_timings(tmp_path, "e", TIMINGS)
    assert [name for name in "abcde" if load_timings(tmp_path, name) is not None] == ["a", "c", "d", "e"]


@pytest.mark.parametrize(
    "entry",
    [None, [], {"command_seconds": 1}, {"command_seconds": "1", "real_time_factor": 1}, {"x": 1},
     {"command_seconds": -1, "real_time_factor": 1},
     {"command_seconds": float("nan"), "real_time_factor": 1}],
)  # fmt: skip
def test_a_damaged_entry_is_left_out(tmp_path: Path, entry: object) -> None:
    good = {"command_seconds": 1.0, "real_time_factor": 0.5}
    (tmp_path / FILE).write_text(json.dumps({"a": {"good": good, "bad": entry}, "b": 7}))
    assert load_timings(tmp_path, "a") == {"good": Timing(1.0, 0.5)}
    assert load_timings(tmp_path, "b") is None


@settings(max_examples=30)
@given(content=st.binary(max_size=40))
def test_a_damaged_file_is_written_anew(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("data")
    (path / FILE).write_bytes(content)
    load_timings(path, "a")
    store_timings(path, "a", TIMINGS)
    assert load_timings(path, "a") == TIMINGS


def test_a_data_directory_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DataDirError, match=FILE):
        store_timings(tmp_path / "nowhere", "a", TIMINGS)


def test_falling_behind_is_no_answer_at_all() -> None:
    assert Timing(0.2, 0.5).effective_seconds(0.8) == 0.2
    assert math.isinf(Timing(0.2, 0.9).effective_seconds(0.8))
