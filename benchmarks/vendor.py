"""The vendor's own library for Moonshine, on the same clips: what its model can do in its makers' hands."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from command import BenchmarkError, say
from corpus import Clip, samples_of
from environments import environment

_REQUIREMENTS = ("moonshine-voice==0.1.0",)  # the last release with the weights inside
_CHILD = Path(__file__).with_name("vendor_child.py")


@dataclass(frozen=True, slots=True)
class VendorTexts:
    """What the library hears in each clip. as_is: with its defaults. uncut: with its own VAD off.

    Only `uncut` compares the engines: in `as_is`, how the vendor cuts sound into pieces counts as well.
    """

    as_is: list[str]
    uncut: list[str]


def vendor_texts(clips: Sequence[Clip]) -> VendorTexts:
    """Have the vendor's library decode each clip. Blocking.

    Raises BenchmarkError when it cannot be installed or fails, AudioError for a clip that cannot be read.
    """
    python = environment("moonshine-voice", _REQUIREMENTS)
    say(f"moonshine-voice: decoding {len(clips)} clips")
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for number, clip in enumerate(clips):
            raw = Path(folder, f"{number}.raw")
            raw.write_bytes(samples_of(clip).tobytes())
            names.append(str(raw))
        child = subprocess.run(
            [str(python), str(_CHILD)], input=json.dumps(names), capture_output=True, text=True, check=False
        )
    if child.returncode != 0:
        reason = (child.stderr.strip().splitlines() or [f"exit code {child.returncode}"])[-1]
        raise BenchmarkError(f"the vendor's library failed: {reason}")
    return VendorTexts(**json.loads(child.stdout))
