"""Whether a file will fit, asked before it is fetched."""

import shutil
from pathlib import Path

from wallflower.models.catalog import ModelError

_SPARE_BYTES = 200_000_000  # wheels lie beside the members that are taken out of them


def check_room(folder: Path, size: int) -> None:
    """Raise ModelError when there is no room for `size` more bytes in `folder` and something to spare."""
    needed = size + _SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ModelError(
            f"{folder} has {free / 1e6:.0f} MB free; {needed / 1e6:.0f} MB are needed: "
            "free some room, or choose another folder with --data-dir"
        )
