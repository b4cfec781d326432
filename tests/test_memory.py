"""Giving back what is mapped."""

import mmap
import re
import sys
from pathlib import Path

import pytest

from wallflower.memory import release_code, release_file_pages

SIZE = 8 << 20


def resident(path: Path) -> int:
    """kB of the file's pages in this process."""
    found = 0
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            inside = line.endswith(str(path))
        elif inside and line.startswith("Rss:"):
            found += int(line.split()[1])
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells of mappings")
def test_pages_of_a_mapped_file_are_given_back_and_come_again(tmp_path: Path) -> None:
    path, other = tmp_path / "weights", tmp_path / "other"
    for each in (path, other):
        each.write_bytes(b"x" * SIZE)
    link = tmp_path / "link"
    link.symlink_to(path)
    with path.open("rb") as a, other.open("rb") as b:
        mapped, kept = (mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) for file in (a, b))
    assert mapped[:] == kept[:]
    assert resident(path) == SIZE // 1024
    release_file_pages([link])
    assert resident(path) == 0
    assert resident(other) == SIZE // 1024
    assert mapped[:] == kept[:]
    mapped.close()
    kept.close()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells of mappings")
def test_what_was_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"x" * SIZE)
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    mapped[5] = 7
    release_file_pages([path])
    assert mapped[5] == 7
    mapped.close()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells of mappings")
def test_pages_of_code_are_given_back_and_come_again(tmp_path: Path) -> None:
    path = tmp_path / "library"
    path.write_bytes(b"x" * SIZE)
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    assert mapped[:] == b"x" * SIZE
    assert resident(path) == SIZE // 1024
    release_code()
    assert resident(path) == 0
    assert mapped[:] == b"x" * SIZE
    mapped.close()


def test_without_the_systems_list_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise PermissionError

    monkeypatch.setattr(Path, "read_text", refuse)
    release_file_pages([tmp_path / "gone"])
    release_code()
