"""What measurements are true of: this hardware, these versions, these models."""

import hashlib
import json
from collections.abc import Iterable

from wallflower.hardware.facts import Facts, to_mapping
from wallflower.models.catalog import Model

_MEMORY_STEP = 256 << 20
"""Bytes. A new kernel sees some megabytes more or less of the same memory."""


def fingerprint(facts: Facts, models: Iterable[Model]) -> str:
    """16 hex digits, the same for the same box with the same libraries and models, in any order.

    Another processor, accelerator, version, device that works or no longer does, or checksum changes it. The
    words of a problem do not: they may hold addresses and times.
    """
    box = to_mapping(facts)
    content = {
        "cpu": box["cpu"],
        "memory": round(facts.memory_bytes / _MEMORY_STEP),
        "accelerators": sorted(json.dumps(each, sort_keys=True) for each in box["accelerators"]),
        "libraries": sorted(
            [library.name, library.version, sorted(device.device for device in library.usable)]
            for library in facts.libraries
        ),
        "models": sorted([model.id, sorted(file.key for file in model.files)] for model in models),
        "platform": facts.platform,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
