"""The engines side by side on whole clips, beside faster-whisper with the same Whisper base.

Each engine runs in a process of its own, with two threads, on the same sound, cut nowhere. The 3 s command is
timed in rounds in which the engines take turns, so that a busy moment of the machine meets them all; its wall
and processor time are medians. RTF is over all clips, peak is the most memory of the process.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from command import BenchmarkError, run_command, say
from corpus import Clip, add_audio_flag, command_clips, samples_of, speech_sets
from peer import model_folder, peer_python
from scoring import word_error_rate
from tables import print_table
from wallflower.config import load_options
from wallflower.config.places import data_dir

_MODELS = ("moonshine-tiny-en", "whisper-base-openvino-int8", "whisper-base-ggml-q8_0")
_PEER = "faster-whisper base int8"
_CHILDREN = Path(__file__).parent
_ROUNDS = 9
_COMMAND_SECONDS = 3.0


@dataclass(slots=True)
class _Child:
    """An engine's process. It answers each line, a JSON request, with a line of JSON."""

    name: str
    process: "subprocess.Popen[str]"
    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)

    def ask(self, **request: Any) -> dict[str, Any]:
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


def _open(stack: ExitStack, name: str, command: Sequence[str]) -> _Child:
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    stack.callback(process.wait)
    stack.callback(process.kill)
    return _Child(name, process)


def _children(stack: ExitStack) -> list[_Child]:
    store = str(data_dir(load_options()) / "models")
    ours = [
        _open(stack, model, [sys.executable, str(_CHILDREN / "engines_child.py"), store, model])
        for model in _MODELS
    ]
    theirs = [str(peer_python()), str(_CHILDREN / "faster_whisper_child.py"), str(model_folder())]
    return [*ours, _open(stack, _PEER, theirs)]


def _raw(clips: Sequence[Clip], folder: Path) -> list[str]:
    """The clips as files of raw mono 16 kHz int16 sound."""
    names = []
    for number, clip in enumerate(clips):
        raw = folder / f"{number}.raw"
        raw.write_bytes(samples_of(clip).tobytes())
        names.append(str(raw))
    return names


def _row(
    child: _Child, loaded: float, clips: Sequence[Clip], heard: dict[str, Any], baseline: _Child
) -> list[str]:
    wall, cpu = statistics.median(child.walls), statistics.median(child.cpus)
    return [
        child.name,
        f"{loaded:.2f}",
        f"{1000 * wall:.0f}",
        f"{1000 * cpu:.0f}",
        f"{statistics.median(baseline.walls) / wall:.1f}",
        f"{statistics.median(baseline.cpus) / cpu:.1f}",
        f"{heard['worked'] / heard['audio']:.3f}",
        f"{word_error_rate([clip.text for clip in clips], heard['texts']):.1f}",
        f"{heard['peak'] / 1e6:.0f}",
    ]


def _measure(audio: Path) -> int:
    clips = [clip for each in speech_sets(audio).values() for clip in each]
    clips = [clip for clip in clips if len(samples_of(clip)) <= 30 * 16_000]  # what all take in one piece
    nearest = min(
        command_clips(audio), key=lambda clip: abs(len(samples_of(clip)) / 16_000 - _COMMAND_SECONDS)
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (command,) = _raw([nearest], folder)
        children = _children(stack)
        loaded = [child.ask(do="load")["seconds"] for child in children]
        for number in range(_ROUNDS):
            say(f"3 s command: round {number + 1} of {_ROUNDS}")
            for child in children:
                took = child.ask(do="time", name=command)
                child.walls.append(took["wall"])
                child.cpus.append(took["cpu"])
        names = _raw(clips, folder)
        rows = []
        for child, seconds in zip(children, loaded, strict=True):
            say(f"{child.name}: decoding {len(clips)} clips")
            rows.append(_row(child, seconds, clips, child.ask(do="decode", names=names), children[-1]))
    headings = ("engine", "load s", "3 s wall ms", "CPU ms", "× peer", "× CPU", "RTF", "WER %", "peak MB")
    print_table(headings, rows)
    return 0


def main() -> int:
    """Measure every engine, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_audio_flag(parser)
    audio = parser.parse_args().audio
    return run_command(lambda: _measure(audio))


if __name__ == "__main__":
    sys.exit(main())
