"""Giving back what is mapped."""

import mmap
import re
import sys
from pathlib import Path

import pytest

from wallflower.memory import release_file_pages

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


def test_without_the_systems_list_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise PermissionError

    monkeypatch.setattr(Path, "read_text", refuse)
    release_file_pages([tmp_path / "gone"])
