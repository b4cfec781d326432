"""Giving back what is mapped."""

import ctypes
import mmap
import re
import sys
import threading
from pathlib import Path

import pytest

from wallflower.memory import give_back, release_code, release_file_pages, remapping

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


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells of mappings")
def test_while_somebody_maps_and_unmaps_nothing_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "library"
    path.write_bytes(b"x" * SIZE)
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    assert mapped[:] == b"x" * SIZE
    begun, ended = threading.Event(), threading.Event()

    def load() -> None:
        with remapping():
            begun.set()
            ended.wait(10)

    loading = threading.Thread(target=load)
    loading.start()
    begun.wait(10)
    give_back()
    assert resident(path) == SIZE // 1024
    ended.set()
    loading.join()
    give_back()
    assert resident(path) == 0
    mapped.close()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells of mappings")
def test_what_another_put_there_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"x" * SIZE)
    with path.open("rb") as file:
        gone = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    before = Path("/proc/self/smaps").read_text()
    address = next(int(line.split("-")[0], 16) for line in before.splitlines() if line.endswith(str(path)))
    gone.close()
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    private_anonymous_fixed = 0x02 | 0x20 | 0x10
    there = libc.mmap(
        ctypes.c_void_p(address), ctypes.c_size_t(SIZE), 3, private_anonymous_fixed, -1, ctypes.c_long(0)
    )
    assert there == address
    ctypes.memset(there, 7, SIZE)
    monkeypatch.setattr(Path, "read_text", lambda *_: before)
    release_file_pages([path])
    release_code()
    assert ctypes.string_at(there, SIZE) == b"\x07" * SIZE
    libc.munmap(ctypes.c_void_p(there), ctypes.c_size_t(SIZE))


def test_without_the_systems_list_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise PermissionError

    monkeypatch.setattr(Path, "read_text", refuse)
    release_file_pages([tmp_path / "gone"])
    release_code()
