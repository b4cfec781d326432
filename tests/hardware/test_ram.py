"""Memory, with and without a container's limit."""

from pathlib import Path

import psutil
import pytest

from wallflower.hardware.ram import free_memory, total_memory

MB = 1 << 20


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"memory.max": "max\n"},
        {"memory/memory.limit_in_bytes": "9223372036854771712\n"},
        {"memory.max": "9" * 30},
    ],
)
def test_without_a_limit(tmp_path: Path, files: dict[str, str]) -> None:
    write(tmp_path, files)
    assert total_memory(tmp_path) == psutil.virtual_memory().total
    assert 0 < free_memory(tmp_path) <= total_memory(tmp_path)


@pytest.mark.parametrize(
    "files",
    [
        {"memory.max": f"{300 * MB}\n", "memory.current": f"{100 * MB}\n"},
        {
            "memory/memory.limit_in_bytes": f"{300 * MB}\n",
            "memory/memory.usage_in_bytes": f"{100 * MB}\n",
        },
    ],
)
def test_with_a_limit(tmp_path: Path, files: dict[str, str]) -> None:
    write(tmp_path, files)
    assert total_memory(tmp_path) == 300 * MB
    assert free_memory(tmp_path) == 200 * MB


def test_a_full_container(tmp_path: Path) -> None:
    write(tmp_path, {"memory.max": str(MB), "memory.current": str(2 * MB)})
    assert free_memory(tmp_path) == 0
