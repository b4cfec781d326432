"""Giving memory back to the system: for a box that is idle nearly always, what is free should be free.

Two settings of glibc's allocator do most of it. On other C libraries nothing here does anything.
"""

import ctypes
import gc
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

# mallopt(3): constants of glibc's malloc.h
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

_MADV_DONTNEED = 4  # madvise(2), of Linux's mman-common.h

_MMAP_BYTES = 1 << 20
"""From this size on an allocation is a mapping of its own, which is gone when it is freed. Left alone,
the threshold grows to 32 MB, and the daemon with it (measured: 186 instead of 165 MB idle, 257 after 13 s of
speech). Much smaller ones cost time: at 64 kB a command takes half as long again."""


@cache
def _libc() -> Any:
    return ctypes.CDLL(None)


def tune_allocator() -> None:
    """Have large blocks returned at once, and few arenas for the threads. Call before models are loaded."""
    try:
        mallopt = _libc().mallopt
    except (AttributeError, OSError):
        return
    mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)
    mallopt(_M_ARENA_MAX, 2)


def settle() -> None:
    """All is loaded and will stay: leave it out of later searches for garbage, which makes them cheap.

    What libraries needed to start is given back as well.
    """
    gc.collect()
    gc.freeze()
    release_code()


def trim() -> None:
    """Drop garbage, and return free pages to the system. Takes milliseconds; call it off the event loop.

    There is garbage: a stream whose peer vanished holds its exception, whose traceback holds the stream
    with all that it had read, until the collector happens to look at the oldest generation.
    """
    gc.collect()
    try:
        malloc_trim = _libc().malloc_trim
    except (AttributeError, OSError):
        return
    malloc_trim(0)


def give_back() -> None:
    """Nobody is here: give back what is free, and the code that lies in files.

    Takes milliseconds; call it off the event loop.
    """
    release_code()
    trim()


def release_code() -> None:
    """Give back the pages of all files that are mapped for reading only: most are libraries.

    Those that are needed again come from the system's file cache: 3 ms for a command.
    """
    for mapping in _mappings():
        if mapping.path.startswith("/") and "w" not in mapping.access:
            _release(mapping)


def release_file_pages(files: Iterable[Path]) -> None:
    """Give back the pages of `files` that are mapped into this process, of mappings that nobody wrote to.

    For a library that maps a model and then works on a packed copy of it. A page that is read after
    all comes back from the file. On other systems than Linux nothing here does anything.
    """
    names = {str(path.resolve()) for path in files}
    for mapping in _mappings():
        if mapping.path in names:
            _release(mapping)


@dataclass(frozen=True, slots=True)
class _Mapping:
    """A part of this process's memory. own: kB that are not as in the file, and exist nowhere else."""

    start: int
    end: int
    access: str
    path: str
    own: int


_FIRST_LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)")


def _mappings() -> Iterator[_Mapping]:
    """Source of the format: proc_pid_smaps(5)."""
    try:
        lines = Path("/proc/self/smaps").read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    start, end, access, path = 0, 0, "", ""
    for line in lines:
        if line.startswith("Anonymous:"):
            yield _Mapping(start, end, access, path, int(line.split()[1]))
        elif found := _FIRST_LINE.fullmatch(line):
            start, end = int(found[1], 16), int(found[2], 16)
            access, path = found[3], found[4]


def _release(mapping: _Mapping) -> None:
    if mapping.own:  # it would be lost: addresses that the linker filled in, say
        return
    try:
        madvise = _libc().madvise
    except (AttributeError, OSError):
        return
    length = mapping.end - mapping.start
    madvise(ctypes.c_void_p(mapping.start), ctypes.c_size_t(length), _MADV_DONTNEED)
