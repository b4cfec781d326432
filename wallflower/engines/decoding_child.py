"""Run by `decoding.py`: loads a model, decodes clips, and prints a line of JSON for each step."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.ffmpeg import decode_file
from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.engines.base import EngineError, Request
from wallflower.engines.calibration import calibration_clip
from wallflower.engines.children import peak_memory
from wallflower.engines.loading import load_engine
from wallflower.errors import WallflowerError
from wallflower.models.added import model_of

_FRAME_SECONDS = 0.02
_SEARCHED_SECONDS = 5.0
"""How far before the longest length a clip may be cut."""


def main() -> None:
    """Answer the request on standard input. Raises WallflowerError."""
    request = json.load(sys.stdin)
    model = model_of(request["model"])
    files = {name: Path(path) for name, path in request["files"].items()}
    begun = time.perf_counter()
    engine = load_engine(model, files, threads=request["threads"])
    seconds = time.perf_counter() - begun
    _say(languages=list(engine.languages), load_seconds=seconds)
    language = request["language"] or _language(model.languages or tuple(engine.languages))
    if engine.languages and language not in engine.languages:
        raise EngineError(f"the model does not speak {language!r}, only {', '.join(engine.languages)}")
    for path, longest in request["clips"]:
        samples = _samples(path)
        begun = time.perf_counter()
        texts = [
            engine.transcribe(piece, Request(language=language)).text
            for piece in pieces(samples, min(longest, engine.longest_seconds))
        ]
        _say(text=" ".join(text for text in texts if text), seconds=time.perf_counter() - begun)
    _say(peak_bytes=peak_memory())


def pieces(samples: NDArray[np.float32], longest_seconds: float) -> Iterator[NDArray[np.float32]]:
    """Cut sound at 16 kHz into pieces of at most so many seconds, each at a quiet moment near its end."""
    longest = int(longest_seconds * SAMPLE_RATE)
    frame = int(_FRAME_SECONDS * SAMPLE_RATE)
    while len(samples) > longest:
        first = max(frame, longest - int(_SEARCHED_SECONDS * SAMPLE_RATE))
        frames = samples[first : first + (longest - first) // frame * frame].reshape(-1, frame)
        cut = first + frame * int(np.square(frames).mean(axis=1).argmin()) if len(frames) else longest
        yield samples[:cut]
        samples = samples[cut:]
    yield samples


def _samples(path: str | None) -> NDArray[np.float32]:
    if path is None:
        return calibration_clip()
    samples = asyncio.run(_decoded(Path(path)))
    return samples.astype(np.float32) / np.float32(32768)


async def _decoded(path: Path) -> NDArray[np.int16]:
    return np.concatenate([np.zeros(0, np.int16), *[block async for block in decode_file(path)]])


def _language(languages: tuple[str, ...]) -> str | None:
    return "en" if "en" in languages else next(iter(languages), None)


def _say(**answer: Any) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    try:
        main()
    except WallflowerError as error:
        sys.exit(str(error))
    except MemoryError:
        sys.exit("there is not enough memory")
