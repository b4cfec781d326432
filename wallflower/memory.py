"""Giving memory back to the system: for a box that is idle nearly always, what is free should be free.

Two settings of glibc's allocator do most of it. On other C libraries nothing here does anything.
"""

import ctypes
import gc
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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
    _release(lambda mapping: mapping.path.startswith("/") and "w" not in mapping.access)


def release_file_pages(files: Iterable[Path]) -> None:
    """Give back the pages of `files` that are mapped into this process, of mappings that nobody wrote to.

    For a library that maps a model and then works on a packed copy of it. A page that is read after
    all comes back from the file. On other systems than Linux nothing here does anything.
    """
    names = {str(path.resolve()) for path in files}
    _release(lambda mapping: mapping.path in names)


@contextmanager
def remapping() -> Iterator[None]:
    """To be held by native code that maps or unmaps files and libraries outside of Python's lock.

    What was mapped where may be something else a moment later: who releases by address waits for no one, and
    leaves it for now.
    """
    with _layout:
        yield


@dataclass(frozen=True, slots=True)
class _Mapping:
    """A part of this process's memory."""

    start: int
    end: int
    access: str
    path: str


_layout = threading.RLock()
_FIRST_LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)")
_MAPS_BYTES = 1 << 20


def _release(wanted: Callable[[_Mapping], bool]) -> None:
    """Give back the pages of these mappings, but for those that anybody wrote to: what was written, by the
    linker say, is nowhere else.
    """
    if not _layout.acquire(blocking=False):
        return
    try:
        # Looking closely takes milliseconds, in which other threads have their turn. What is still the same
        # then is given back at once: these calls keep Python's lock, and hardly any thread has it in between.
        unwritten = {mapping for mapping, written in _mappings() if not written and wanted(mapping)}
        libc = ctypes.PyDLL(None)
        with open("/proc/self/maps", "rb", buffering=0) as maps:  # noqa: PTH123
            buffer = ctypes.create_string_buffer(_MAPS_BYTES)
            text = b""
            while (read := libc.read(maps.fileno(), buffer, ctypes.c_size_t(_MAPS_BYTES))) > 0:
                text += buffer.raw[:read]
            for line in text.decode("utf-8", "replace").splitlines():
                if (mapping := _mapping(line)) in unwritten and mapping is not None:
                    length = ctypes.c_size_t(mapping.end - mapping.start)
                    libc.madvise(ctypes.c_void_p(mapping.start), length, _MADV_DONTNEED)
    except (AttributeError, OSError):
        return
    finally:
        _layout.release()


def _mappings() -> Iterator[tuple[_Mapping, bool]]:
    """Each mapping, and whether it was written to. Source of the format: proc_pid_smaps(5)."""
    mapping = None
    for line in Path("/proc/self/smaps").read_text("utf-8", "replace").splitlines():
        if line.startswith("Anonymous:") and mapping is not None:
            yield mapping, int(line.split()[1]) > 0
        else:
            mapping = _mapping(line) or mapping


def _mapping(line: str) -> _Mapping | None:
    found = _FIRST_LINE.fullmatch(line)
    return _Mapping(int(found[1], 16), int(found[2], 16), found[3], found[4]) if found else None
