"""Engines that took the process down, with processes that really go down."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wallflower.engines import exclusions
from wallflower.engines.base import EngineError
from wallflower.engines.exclusions import FILE, ExclusionError, allow, excluded, settle_marks, trying
from wallflower.errors import DataDirError, ExitCode

_CHILD = """
import os, pathlib, sys, time
from wallflower.engines.exclusions import trying
with trying(pathlib.Path(sys.argv[1]), sys.argv[2]):
    print("loading", flush=True)
    {body}
"""


def child(data_dir: Path, name: str, body: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", _CHILD.format(body=body), str(data_dir), name]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def die(data_dir: Path, name: str, number: signal.Signals) -> None:
    """A process that dies by a signal while it loads `name`."""
    with child(data_dir, name, f"os.kill(os.getpid(), {int(number)})") as process:
        assert process.wait(20) == -number


@pytest.mark.parametrize("number", [signal.SIGILL, signal.SIGSEGV])
def test_death_by_a_signal_excludes_at_the_next_start(tmp_path: Path, number: signal.Signals) -> None:
    die(tmp_path, "openvino:gpu", number)
    assert excluded(tmp_path) == {}
    found = settle_marks(tmp_path)
    assert list(found) == ["openvino:gpu"]
    assert "the process died without a word" in found["openvino:gpu"]
    assert "wallflower hardware --allow openvino:gpu" in found["openvino:gpu"]
    assert settle_marks(tmp_path) == excluded(tmp_path) == found  # for good


def test_allowed_again(tmp_path: Path) -> None:
    for name in ("openvino:gpu", "openvino", "whispercpp"):
        die(tmp_path, name, signal.SIGILL)
    settle_marks(tmp_path)
    assert sorted(allow(tmp_path, "openvino")) == ["openvino", "openvino:gpu"]
    assert list(excluded(tmp_path)) == ["whispercpp"]
    assert list(settle_marks(tmp_path)) == ["whispercpp"]
    with pytest.raises(ExclusionError, match="'onnx' is not excluded; excluded are: whispercpp") as caught:
        allow(tmp_path, "onnx")
    assert caught.value.exit_code == ExitCode.USAGE
    die(tmp_path, "openvino", signal.SIGILL)  # and again excluded, if it has not learnt
    assert sorted(settle_marks(tmp_path)) == ["openvino", "whispercpp"]


def test_what_works_or_fails_properly_leaves_nothing(tmp_path: Path) -> None:
    with trying(tmp_path, "openvino:cpu"):
        assert settle_marks(tmp_path) == {}  # it is this process that is at it
    with pytest.raises(EngineError), trying(tmp_path, "onnx"):
        raise EngineError("no such file")
    assert json.loads((tmp_path / FILE).read_text())["trying"] == {}
    assert settle_marks(tmp_path) == {}


def test_another_process_that_is_still_loading(tmp_path: Path) -> None:
    with child(tmp_path, "onnx", "time.sleep(100)") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"loading\n"
        assert settle_marks(tmp_path) == {}
        process.kill()
        for _ in range(200):  # dead, and not yet waited for
            if settle_marks(tmp_path):
                break
            time.sleep(0.02)
        assert list(excluded(tmp_path)) == ["onnx"]


def test_a_process_number_that_was_used_again(tmp_path: Path) -> None:
    mark = {"pid": os.getpid(), "born": 1.0, "boot": exclusions._boot(), "attempts": 0}
    (tmp_path / FILE).write_text(json.dumps({"trying": {"onnx": mark}}))
    assert list(settle_marks(tmp_path)) == ["onnx"]


def test_a_power_cut_is_pardoned_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boots = tmp_path / "boot_id"
    monkeypatch.setattr(exclusions, "_BOOT_ID", boots)
    data = tmp_path / "data"
    data.mkdir()

    def left_behind(boot: str) -> None:
        boots.write_text(boot)
        with trying(data, "onnx"):
            left = (data / FILE).read_text()
        (data / FILE).write_text(left.replace(f'"pid": {os.getpid()}', '"pid": 0'))

    left_behind("first")
    boots.write_text("second")
    assert settle_marks(data) == {}
    assert settle_marks(data) == {}  # it was not tried since
    with trying(data, "onnx"):  # it works: all is forgotten
        pass
    left_behind("second")
    boots.write_text("third")
    assert settle_marks(data) == {}
    with trying(data, "onnx"):
        left = json.loads((data / FILE).read_text())
    left["trying"]["onnx"]["pid"] = 0
    (data / FILE).write_text(json.dumps(left))
    boots.write_text("fourth")
    assert list(settle_marks(data)) == ["onnx"]  # twice is no accident


def test_without_a_boot_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exclusions, "_BOOT_ID", tmp_path / "none")
    with trying(tmp_path, "onnx"):
        assert settle_marks(tmp_path) == {}
    (tmp_path / FILE).write_text(json.dumps({"trying": {"onnx": {"pid": 2**31 - 1, "born": 1, "boot": ""}}}))
    assert list(settle_marks(tmp_path)) == ["onnx"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
_MARKS = st.dictionaries(
    st.sampled_from(["onnx", "openvino:gpu"]), _JSON | st.fixed_dictionaries({"pid": _JSON})
)


@settings(max_examples=40, deadline=None)
@given(content=st.binary(max_size=20) | st.fixed_dictionaries({"trying": _MARKS, "excluded": _MARKS}))
def test_a_damaged_file_is_tolerated(
    tmp_path_factory: pytest.TempPathFactory, content: bytes | dict[str, object]
) -> None:
    path = tmp_path_factory.mktemp("data")
    (path / FILE).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    settle_marks(path)
    with trying(path, "onnx"):
        pass
    assert all("--allow" in reason for reason in excluded(path).values())


def test_a_data_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(DataDirError, match=FILE), trying(tmp_path, "onnx"):
        pytest.fail("nothing is tried without a mark")
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".new")] == []
