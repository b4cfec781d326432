"""The walker of s6's services refuses what s6-rc would."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

_ROOT = Path(__file__).parents[2]


@pytest.fixture
def boot() -> ModuleType:
    spec = importlib.util.spec_from_file_location("boot", _ROOT / "addon/boot.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _service(services: Path, name: str, *needs: str) -> Path:
    folder = services / name
    (folder / "dependencies.d").mkdir(parents=True)
    for each in ("base", *needs):
        (folder / "dependencies.d" / each).touch()
    (folder / "type").write_text("longrun\n")
    for script in ("run", "finish"):
        (folder / script).touch(mode=0o755)
    (services / "user/contents.d").mkdir(parents=True, exist_ok=True)
    (services / "user/contents.d" / name).touch()
    return folder


def test_the_addons_services(boot: ModuleType) -> None:
    assert boot.in_order(_ROOT / "rootfs/etc/s6-overlay/s6-rc.d") == ["wallflower"]


def test_order(boot: ModuleType, tmp_path: Path) -> None:
    _service(tmp_path, "a", "b")
    _service(tmp_path, "b")
    assert boot.in_order(tmp_path) == ["b", "a"]


def test_refusals(boot: ModuleType, tmp_path: Path) -> None:
    _service(tmp_path, "a", "b")
    with pytest.raises(boot.BrokenServiceError, match="a needs b, which is no service"):
        boot.in_order(tmp_path)
    other = _service(tmp_path, "b", "a")
    with pytest.raises(boot.BrokenServiceError, match="user needs a needs b needs a"):
        boot.in_order(tmp_path)
    (other / "dependencies.d/a").unlink()
    (other / "finish").chmod(0o644)
    with pytest.raises(boot.BrokenServiceError, match="b/finish cannot be run"):
        boot.in_order(tmp_path)
    (other / "type").write_text("oneshot\n")
    with pytest.raises(boot.BrokenServiceError, match="longrun"):
        boot.in_order(tmp_path)
