"""A small checkpoint of random weights, and a folder to put it in."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.models.conversion.small_checkpoints import SMALL, random_weights


@pytest.fixture(scope="session")
def small() -> dict[str, NDArray[np.float32]]:
    """The weights of SMALL; not to be changed."""
    return random_weights(SMALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with nothing but a tokenizer."""
    path = tmp_path / "checkpoint"
    path.mkdir()
    (path / "tokenizer.json").write_text("{}")
    return path
