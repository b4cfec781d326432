"""An engine in a process of its own, as `engines.py` measures it."""

import json
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from command import BenchmarkError


@dataclass(slots=True)
class Heard:
    """What an engine made of the clips. worked, audio: seconds."""

    texts: list[str] = field(default_factory=list)
    worked: float = 0.0
    audio: float = 0.0
    peak: int = 0


@dataclass(slots=True)
class EngineProcess:
    """It answers each line, a JSON request, with a line of JSON. window: the encoder's, in words."""

    name: str
    window: str
    process: "subprocess.Popen[str]"
    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    heard: Heard = field(default_factory=Heard)

    def load(self) -> float:
        """Load the engine; the seconds it took."""
        seconds: float = self._ask(do="load")["seconds"]
        return seconds

    def time(self, name: str) -> None:
        """Decode one clip, and note its wall and processor time."""
        took = self._ask(do="decode", names=[name])
        self.walls.append(took["wall"])
        self.cpus.append(took["cpu"])

    def decode(self, names: Sequence[str]) -> None:
        """Decode clips, and note what was heard."""
        answer = self._ask(do="decode", names=names)
        self.heard.texts += answer["texts"]
        self.heard.worked += answer["wall"]
        self.heard.audio += answer["audio"]
        self.heard.peak = answer["peak"]

    def _ask(self, **request: Any) -> dict[str, Any]:
        """Send a request; the answer. Raises BenchmarkError when the process has ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        except (OSError, ValueError) as error:
            raise BenchmarkError(f"{self.name}: its process ended; run it again to see why") from error
        return answer


def open_process(stack: ExitStack, name: str, window: str, command: Sequence[str]) -> EngineProcess:
    """Start it; it ends with `stack`."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    stack.callback(process.wait)
    stack.callback(process.kill)
    return EngineProcess(name, window, process)
