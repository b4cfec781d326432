"""The loop of a process that holds one engine for `engines.py`. Nothing of the project is imported here."""

import array
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Decode = Callable[[Any], str]


def answer(load: Callable[[], Decode], as_samples: Callable[["array.array[int]"], Any]) -> None:
    """Answer requests, a line of JSON each, until the input ends.

    load: loads the engine; what it returns decodes samples. as_samples: int16 to what the engine takes.
    """
    decode: Decode | None = None
    for line in sys.stdin:
        request = json.loads(line)
        result: dict[str, Any] = {}
        begun, cpu = time.perf_counter(), time.process_time()
        if request["do"] == "load":
            decode = load()
            result["seconds"] = time.perf_counter() - begun
        else:
            assert decode is not None
            sounds = [as_samples(array.array("h", Path(name).read_bytes())) for name in request["names"]]
            begun, cpu = time.perf_counter(), time.process_time()
            result["texts"] = [decode(sound) for sound in sounds]
            result["wall"] = time.perf_counter() - begun
            result["cpu"] = time.process_time() - cpu
            result["audio"] = sum(len(sound) for sound in sounds) / 16_000
            result["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps(result), flush=True)
