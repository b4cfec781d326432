"""The whole of this box."""

import sys

import pytest

from wallflower.hardware import libraries
from wallflower.hardware.facts import from_json, to_json
from wallflower.hardware.probe import gather_facts


async def test_this_box_as_facts() -> None:
    facts = await gather_facts()
    assert from_json(to_json(facts)) == facts
    assert facts.platform == sys.platform
    assert facts.memory_bytes > 1 << 28
    assert [device.device for device in facts.library("onnxruntime").usable][:1] == ["cpu"]


async def test_a_library_that_kills_its_child(monkeypatch: pytest.MonkeyPatch) -> None:
    deadly = [sys.executable, "-c", "import os; os.kill(os.getpid(), 4)"]
    monkeypatch.setattr(libraries, "installed_version", lambda _: "1.0")
    monkeypatch.setattr(libraries, "child_command", lambda _: deadly)
    facts = await gather_facts()
    assert {library.name for library in facts.libraries} == {"onnxruntime", "openvino", "pywhispercpp"}
    for library in facts.libraries:
        assert (library.version, library.usable) == ("1.0", ())
        assert "SIGILL" in library.problem
