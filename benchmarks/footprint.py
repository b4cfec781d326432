"""What the daemon costs the box: time to start, memory, and processor time while nobody speaks."""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asking import transcribe
from command import run_command, say
from corpus import add_audio_flag, command_clips, samples_of
from peer import peer
from servers import Server, our_daemon, ready_seconds
from tables import print_table
from usage import processes_of, usage_of

_SETTLE_SECONDS = 1.0
_PAUSE_SECONDS = 35.0  # after 30 s the engines give back what only the work needed
_IDLE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of a server and its children, in MB (1,000,000 bytes), at three times."""

    loaded: float
    worked: float
    rested: float


async def _memory(server: Server, clips: Sequence[NDArray[np.int16]]) -> Memory:
    """Memory after loading, after transcribing `clips`, and after a pause of 35 s."""
    await asyncio.sleep(_SETTLE_SECONDS)
    loaded = usage_of(server).resident
    say(f"{server.name}: transcribing {len(clips)} commands")
    for samples in clips:
        await transcribe(server.uri, samples)
    worked = usage_of(server).resident
    await asyncio.sleep(_PAUSE_SECONDS)
    return Memory(loaded, worked, usage_of(server).resident)


def _cpu_seconds(server: Server) -> float:
    times = [process.cpu_times() for process in processes_of(server)]
    return float(sum(each.user + each.system for each in times))


async def _idle_percent(server: Server) -> float:
    """Processor time while idle, as % of one core, over 20 s."""
    say(f"{server.name}: idle for {_IDLE_SECONDS:.0f} s")
    before = _cpu_seconds(server)
    await asyncio.sleep(_IDLE_SECONDS)
    return 100 * (_cpu_seconds(server) - before) / _IDLE_SECONDS


async def _measure(audio: Path, *, with_peer: bool) -> int:
    clips = [samples_of(clip) for clip in command_clips(audio)]
    memory = {}
    async with our_daemon() as server:
        ready = ready_seconds(server)
        memory[server.name] = await _memory(server, clips)
        idle = await _idle_percent(server)
    if with_peer:  # after ours has ended, so that neither is short of memory
        async with peer() as server:
            memory[server.name] = await _memory(server, clips)
    print(f"wallflower: ready {ready:.2f} s after the start of its process")
    print(f"wallflower: {idle:.2f} % of one core while idle, over {_IDLE_SECONDS:.0f} s")
    print_table(
        ("resident memory, MB", "loaded", f"after {len(clips)} commands", f"{_PAUSE_SECONDS:.0f} s later"),
        [
            (name, f"{each.loaded:.0f}", f"{each.worked:.0f}", f"{each.rested:.0f}")
            for name, each in memory.items()
        ],
    )
    return 0


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Start-up time, memory and idle load of the daemon.")
    add_audio_flag(parser)
    parser.add_argument("--peer", action="store_true", help="measure the peer's memory too")
    parsed = parser.parse_args()
    return run_command(lambda: asyncio.run(_measure(parsed.audio, with_peer=parsed.peer)))


if __name__ == "__main__":
    raise SystemExit(main())
