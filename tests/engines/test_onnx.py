"""Opening graphs."""

import os
from pathlib import Path

import pytest

from wallflower.engines.base import EngineError
from wallflower.engines.onnx import open_session, thread_count


def test_what_is_no_graph_is_refused_with_the_next_step(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"<html>log in first</html>")
    with pytest.raises(EngineError, match=r"model\.onnx.*wallflower models verify"):
        open_session(path, threads=1)


def test_threads_as_asked_else_by_the_cores() -> None:
    assert thread_count(7) == 7
    assert 1 <= thread_count(0) <= min(4, os.cpu_count() or 1)


def test_threads_where_the_system_tells_no_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert thread_count(0) == 3
