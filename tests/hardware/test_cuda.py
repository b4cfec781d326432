"""Loading NVIDIA's libraries; no machine of the project has them."""

import sys
from types import SimpleNamespace

import pytest

from wallflower.hardware.cuda import load_libraries


def test_nothing_is_said_where_there_are_none(capfd: pytest.CaptureFixture[str]) -> None:
    load_libraries()
    assert capfd.readouterr().out == ""


def test_complaints_of_the_library_do_not_reach_standard_output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    called = []

    def preload() -> None:
        called.append(True)
        print("Failed to load libcublas.so.13")

    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(preload_dlls=preload))
    load_libraries()
    assert called == [True]
    assert capsys.readouterr().out == ""
