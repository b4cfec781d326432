"""Loading a model and decoding clips with it in a process of its own."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wallflower.engines.base import EngineError
from wallflower.engines.children import ask_child
from wallflower.engines.known import memory_need
from wallflower.hardware.ram import free_memory
from wallflower.models.added import entry_of
from wallflower.models.catalog import Model

LONGEST_SECONDS = 28.0
_PATIENCE_SECONDS = 600.0
"""For one step: a large model on a small box loads, or decodes a long clip, for minutes."""
_COMMAND = (sys.executable, "-m", "wallflower.engines.decoding_child")


@dataclass(frozen=True, slots=True)
class Clip:
    """Sound to decode. path: None is the clip that comes with the package. longest_seconds: a longer clip is
    cut where it is quiet.
    """

    path: Path | None = None
    longest_seconds: float = LONGEST_SECONDS


PROBE = Clip()


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a model made of clips. languages: those that the engine finds in it. texts: of each clip.

    load_seconds, seconds: to load it, and to decode all clips. peak_bytes: the most memory of the process.
    """

    languages: tuple[str, ...]
    texts: tuple[str, ...]
    load_seconds: float
    seconds: float
    peak_bytes: int


def check_memory(name: str, engine: str, size: int, free_bytes: int | None = None) -> None:
    """Raises EngineError when a model with files of `size` bytes needs more memory than is free.

    free_bytes: what is free; None: look.
    """
    need, free = memory_need(engine, size), free_memory() if free_bytes is None else free_bytes
    if need > free:
        raise EngineError(
            f"not enough memory for {name}: it needs about {need / 1e6:.0f} MB, {free / 1e6:.0f} MB are "
            "free; stop other programs, or take a smaller model or a quantised one"
        )


async def decode_apart(
    model: Model,
    files: Mapping[str, Path],
    clips: Sequence[Clip],
    *,
    threads: int,
    language: str = "",
    on_text: Callable[[int], None] = lambda _done: None,
    command: Sequence[str] = _COMMAND,
) -> Decoded:
    """Load `model` from its files by name, and decode the clips one after the other.

    language: ISO 639 code of what is said; empty: English where the model speaks it, else its first one.
    on_text: told how many clips are done. Raises EngineError, also when the process crashes or hangs.
    """
    request = {
        "model": entry_of(model),
        "files": {name: str(path.absolute()) for name, path in files.items()},
        "clips": [[str(clip.path) if clip.path else None, clip.longest_seconds] for clip in clips],
        "threads": threads,
        "language": language,
    }
    done = 0

    def count(answer: Mapping[str, Any]) -> None:
        nonlocal done
        if "text" in answer:
            done += 1
            on_text(done)

    answers = await ask_child(
        command, json.dumps(request), patience_seconds=_PATIENCE_SECONDS, on_answer=count
    )
    try:
        head, *texts, tail = answers
        return Decoded(
            languages=tuple(head["languages"]),
            texts=tuple(answer["text"] for answer in texts),
            load_seconds=head["load_seconds"],
            seconds=sum(answer["seconds"] for answer in texts),
            peak_bytes=tail["peak_bytes"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise EngineError("its process ended before it had decoded everything") from error
