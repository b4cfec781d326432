"""`wallflower models validate`, as typed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wallflower.engines import agreement
from wallflower.errors import ExitCode
from wallflower.models.catalog import find_model
from wallflower.models.store import Store

if TYPE_CHECKING:
    from tests.cli.conftest import Ran

Run = Callable[..., "Ran"]
MOONSHINE = find_model("moonshine-tiny-en")


@pytest.fixture
def home(model_store: Store, tmp_path: Path) -> Path:
    """A data directory with Moonshine twice, once as if it were unquantised."""
    store = Store(tmp_path / "data" / "models")
    files = model_store.files(MOONSHINE)
    store.add(replace(MOONSHINE, id="kitchen-f32", title="Kitchen"), files)
    store.add(replace(MOONSHINE, id="kitchen-int8", title="Kitchen"), files)
    return tmp_path / "data"


def test_a_table_of_what_is_here(wallflower: Run, home: Path) -> None:
    code, out, err = wallflower("models", "validate", "--data-dir", home)
    assert code == 0
    assert err.splitlines()[-1] == "kitchen-int8: 2 of 2 clips"
    _, row = out.splitlines()
    assert row.split() == ["kitchen-int8", "kitchen-f32", "kitchen-f32", "1.000", "0.95", "good"]


def test_too_different(wallflower: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is more alike than the same."""
    monkeypatch.setattr(agreement, "LIMIT_TO_UNQUANTISED", 1.0)
    code, out, _ = wallflower("models", "validate", "kitchen-int8", "kitchen-f32", "--data-dir", home)
    assert code == ExitCode.FAILED
    assert "too different" in out


def test_sound_of_one_s_own(wallflower: Run, home: Path, short_speech: Path) -> None:
    code, _, err = wallflower("models", "validate", "--audio", short_speech.parent, "--data-dir", home)
    assert code == 0
    assert "kitchen-f32: 1 of 1 clips" in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("kitchen-f16",), ExitCode.MODEL, "did you mean kitchen-f32"),
        (("--language", "de"), ExitCode.MODEL, "does not speak 'de', only en"),
        (("--audio", "/gone"), ExitCode.AUDIO, "cannot read /gone"),
    ],
)
def test_what_cannot_be_compared(
    wallflower: Run, home: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ran = wallflower("models", "validate", *arguments, "--data-dir", home)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_nothing_here(wallflower: Run) -> None:
    code, _, err = wallflower("models", "validate")
    assert code == ExitCode.USAGE
    assert "there is nothing to compare" in err
