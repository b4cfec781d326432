"""Decodes clips with the vendor's library. `vendor.py` runs it in an environment that has that library.

Standard input: a JSON list of files with raw mono 16 kHz int16 sound. Standard output: a JSON object with a
list of texts for each way of cutting the sound. Nothing of the project can be imported here.
"""

import array
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import moonshine_voice  # type: ignore[import-not-found]  # it is only in the other environment


def open_transcriber(options: dict[str, str]) -> Any:
    """The library with the model that comes with it."""
    return moonshine_voice.Transcriber(
        model_path=Path(moonshine_voice.__file__).parent / "assets" / "tiny-en",
        model_arch=moonshine_voice.ModelArch.TINY,
        options=options,
    )


def texts(transcriber: Any, names: Sequence[str]) -> list[str]:
    """What the library hears in each file, without streaming."""
    heard = []
    for name in names:
        samples = [sample / 32768 for sample in array.array("h", Path(name).read_bytes())]
        lines = transcriber.transcribe_without_streaming(samples, 16_000).lines
        heard.append(" ".join(line.text for line in lines))
    return heard


def main() -> None:
    """Decode every clip twice: cut by the library's own VAD, and with that VAD off."""
    names = json.load(sys.stdin)
    as_is = texts(open_transcriber({}), names)
    uncut = texts(open_transcriber({"vad_threshold": "0.0"}), names)
    json.dump({"as_is": as_is, "uncut": uncut}, sys.stdout)


main()
