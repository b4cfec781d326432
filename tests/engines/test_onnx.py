"""Opening graphs."""

from pathlib import Path

import pytest

from wallflower.engines.base import EngineError
from wallflower.engines.onnx import open_session


def test_what_is_no_graph_is_refused_with_the_next_step(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"<html>log in first</html>")
    with pytest.raises(EngineError, match=r"model\.onnx.*wallflower models verify"):
        open_session(path, threads=1)
