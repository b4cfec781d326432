"""Everything about this box, gathered into facts."""

import sys
from dataclasses import replace
from pathlib import Path

from wallflower.hardware.accelerators import read_accelerators
from wallflower.hardware.cpu import read_cpu
from wallflower.hardware.facts import Facts, Library
from wallflower.hardware.libraries import LIBRARIES, TIMEOUT_SECONDS, installed_version, probe_library
from wallflower.hardware.ram import total_memory


def read_box(root: Path = Path("/")) -> Facts:
    """What can be told at a glance, in milliseconds: of libraries their versions alone, nothing is tried."""
    return Facts(
        cpu=read_cpu(root),
        memory_bytes=total_memory(root),
        accelerators=read_accelerators(root),
        libraries=tuple(Library(name, installed_version(name) or "") for name in LIBRARIES),
        platform=sys.platform,
    )


async def gather_facts(root: Path = Path("/"), *, timeout_seconds: float = TIMEOUT_SECONDS) -> Facts:
    """Look at this box and try each library on it; takes about a second on a PC.

    It never raises, and neither a library that crashes nor one that hangs harms this process: each is tried
    in a child of its own, one after the other, because a small box has not the memory for all of them.
    timeout_seconds: how long each child may take.
    """
    box = read_box(root)
    libraries = [await probe_library(name, box.cpu, timeout_seconds=timeout_seconds) for name in LIBRARIES]
    return replace(box, libraries=tuple(libraries))
