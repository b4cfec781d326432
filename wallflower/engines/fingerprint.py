"""What a measurement is good for: this hardware, these versions, these models."""

import hashlib
import json
from collections.abc import Iterable, Mapping

from wallflower import __version__
from wallflower.hardware.facts import Facts, to_mapping

_MEMORY_STEP = 256 << 20
"""Bytes. A new kernel sees some megabytes more or less of the same memory."""


def fingerprint(box: Facts, models: Mapping[str, Iterable[str]]) -> str:
    """16 hex digits, the same for the same box with the same libraries and models, in any order.

    models: the SHA-256 sums of a model's files, by its id. Another processor, accelerator or checksum, or
    another version of a library or of Wallflower changes it. What `read_box` tells is enough, so that a start
    need not try the libraries; a device that does not work any more is met by the chain of engines.
    """
    facts = to_mapping(box)
    content = {
        "wallflower": __version__,
        "cpu": facts["cpu"],
        "memory": round(box.memory_bytes / _MEMORY_STEP),
        "accelerators": sorted(json.dumps(each, sort_keys=True) for each in facts["accelerators"]),
        "libraries": sorted([library.name, library.version] for library in box.libraries),
        "models": sorted([name, sorted(sums)] for name, sums in models.items()),
        "platform": box.platform,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
