"""The engines side by side on whole clips, beside faster-whisper with the same Whisper base.

Each engine runs in a process of its own, with two threads, on the same sound, cut nowhere. They take turns,
at the 3 s command round by round and at the clips ten by ten, so that a busy moment meets them all. Times of
the command are medians, the ratios to the peer medians over the rounds; RTF is over all clips, peak is the
most memory of the process. The window is the encoder's, in frames of 20 ms: this project's engines shorten it
for clips up to 12 s, and stand there a second time without that.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from command import run_command, say
from corpus import Clip, add_audio_flag, command_clips, samples_of, speech_sets
from engine_process import EngineProcess
from engines_compared import open_engines
from scoring import word_error_rate
from tables import print_table
from wallflower.audio.pcm import SAMPLE_RATE

_ROUNDS = 9
_COMMAND_SECONDS = 3.0
_LONGEST_SECONDS = 30  # what all take in one piece
_CLIPS_A_TURN = 10


def _raw(clips: Sequence[Clip], folder: Path) -> list[str]:
    """The clips as files of raw mono 16 kHz int16 sound."""
    names = []
    for number, clip in enumerate(clips):
        raw = folder / f"{number}.raw"
        raw.write_bytes(samples_of(clip).tobytes())
        names.append(str(raw))
    return names


def _ratio(theirs: Sequence[float], ours: Sequence[float]) -> str:
    return f"{statistics.median(them / us for them, us in zip(theirs, ours, strict=True)):.1f}"


def _row(engine: EngineProcess, loaded: float, clips: Sequence[Clip], peer: EngineProcess) -> list[str]:
    heard = engine.heard
    return [
        engine.name,
        engine.window,
        f"{loaded:.2f}",
        f"{1000 * statistics.median(engine.walls):.0f}",
        f"{1000 * statistics.median(engine.cpus):.0f}",
        _ratio(peer.walls, engine.walls),
        _ratio(peer.cpus, engine.cpus),
        f"{heard.worked / heard.audio:.3f}",
        f"{word_error_rate([clip.text for clip in clips], heard.texts):.1f}",
        f"{heard.peak / 1e6:.0f}",
    ]


def _measure(audio: Path) -> int:
    clips = [clip for each in speech_sets(audio).values() for clip in each]
    clips = [clip for clip in clips if len(samples_of(clip)) <= _LONGEST_SECONDS * SAMPLE_RATE]
    nearest = min(
        command_clips(audio), key=lambda clip: abs(len(samples_of(clip)) / SAMPLE_RATE - _COMMAND_SECONDS)
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (command,) = _raw([nearest], folder)
        engines = open_engines(stack)
        loaded = [engine.load() for engine in engines]
        for number in range(_ROUNDS):
            say(f"3 s command: round {number + 1} of {_ROUNDS}")
            for engine in engines:
                engine.time(command)
        names = _raw(clips, folder)
        for begin in range(0, len(names), _CLIPS_A_TURN):
            say(f"clip {begin + 1} of {len(names)}")
            for engine in engines:
                engine.decode(names[begin : begin + _CLIPS_A_TURN])
        rows = [
            _row(engine, seconds, clips, engines[-1]) for engine, seconds in zip(engines, loaded, strict=True)
        ]
    headings = (
        "engine",
        "window",
        "load s",
        "3 s wall ms",
        "CPU ms",
        "× peer",
        "× CPU",
        "RTF",
        "WER %",
        "peak MB",
    )
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
