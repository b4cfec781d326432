"""Giving memory back to the system: for a box that is idle nearly always, what is free should be free.

Two settings of glibc's allocator do most of it. On other C libraries nothing here does anything.
"""

import ctypes
import gc
from collections.abc import Iterable
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
    """All is loaded and will stay: leave it out of later searches for garbage, which makes them cheap."""
    gc.collect()
    gc.freeze()


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


def release_file_pages(files: Iterable[Path]) -> None:
    """Give back the pages of `files` that are mapped into this process for reading only.

    For a library that maps a model and then works on a packed copy of it. A page that is read after
    all comes back from the file. On other systems than Linux nothing here does anything.
    """
    names = {str(path.resolve()) for path in files}
    try:
        mappings = Path("/proc/self/maps").read_text("utf-8", "replace")
        madvise = _libc().madvise
    except (AttributeError, OSError):
        return
    for mapping in mappings.splitlines():
        span, access, *rest = mapping.split(maxsplit=5)
        # One that may be written could hold pages of its own, which would be lost.
        if rest[3:] and rest[3] in names and access.startswith("r--"):
            start, end = (int(address, 16) for address in span.split("-"))
            madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)
