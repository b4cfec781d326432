"""How much memory there is, and how much a model may take now. A container's limit counts."""

from pathlib import Path

_CGROUP = "sys/fs/cgroup"
_PATIENCE = 1 << 50
"""A limit above this is none: cgroup 1 writes the largest page-aligned number for "no limit"."""


def total_memory(root: Path = Path("/")) -> int:
    """Bytes of memory of this box, or of the container this process is in."""
    import psutil

    total = int(psutil.virtual_memory().total)
    limit = _limit(root)
    return min(total, limit) if limit else total


def free_memory(root: Path = Path("/")) -> int:
    """Bytes that a new model may take without pushing anything out."""
    import psutil

    free = int(psutil.virtual_memory().available)
    limit = _limit(root)
    if not limit:
        return free
    used = _number(root / _CGROUP / "memory.current") or _number(
        root / _CGROUP / "memory/memory.usage_in_bytes"
    )
    return max(0, min(free, limit - used))


def _limit(root: Path) -> int:
    """The container's limit in bytes; 0 when there is none."""
    limit = _number(root / _CGROUP / "memory.max") or _number(root / _CGROUP / "memory/memory.limit_in_bytes")
    return limit if limit < _PATIENCE else 0


def _number(path: Path) -> int:
    """The number in a file; 0 when there is none, as in `max`."""
    try:
        text = path.read_text("ascii").strip()
    except (OSError, ValueError):
        return 0
    return int(text) if text.isdigit() and len(text) < 20 else 0
