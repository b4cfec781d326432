"""How long a speaker waits after the last word of a command: ours and the peer's server, side by side.

What is timed is from sending `audio-stop` to receiving `transcript`, on a new connection for each command.
The sound is sent as fast as it is accepted and the server then has 0.3 s to take it in, so that only the work
after the end of speech is timed. The two servers take turns command by command: what disturbs the machine
disturbs both.
"""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from asking import transcribe
from command import run_command, say
from corpus import add_audio_flag, command_clips, samples_of
from peer import peer
from scoring import word_error_rate
from servers import Server, our_daemon
from tables import print_table

_WARM_UP_CLIPS = 3


@dataclass(slots=True)
class Results:
    """What one server did. seconds: from `audio-stop` to `transcript`, for each text heard."""

    server: Server
    heard: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def percentile(self, percent: float) -> float:
        """The time in ms within which `percent` % of the answers came."""
        return 1000 * float(np.percentile(self.seconds, percent))

    def row(self, said: Sequence[str]) -> list[str]:
        """The figures, as the table shows them."""
        wer = word_error_rate(said, self.heard)
        return [
            self.server.name,
            str(len(self.seconds)),
            f"{self.percentile(50):.0f}",
            f"{self.percentile(95):.0f}",
            f"{wer:.1f}",
        ]


async def _measure(audio: Path, rounds: int) -> int:
    clips = [(clip.text, samples_of(clip)) for clip in command_clips(audio)]
    async with our_daemon() as our_server, peer() as their_server:
        ours, theirs = Results(our_server), Results(their_server)
        say("warming up")
        for _, samples in clips[:_WARM_UP_CLIPS]:
            for server in (our_server, their_server):
                await transcribe(server.uri, samples)
        for number in range(1, rounds + 1):
            say(f"round {number} of {rounds}: {len(clips)} commands")
            for _, samples in clips:
                for results in (ours, theirs):
                    answer = await transcribe(results.server.uri, samples)
                    results.heard.append(answer.text)
                    results.seconds.append(answer.seconds)
    said = [text for text, _ in clips] * rounds
    print_table(("server", "answers", "p50 ms", "p95 ms", "WER %"), [ours.row(said), theirs.row(said)])
    ratios = [ours.percentile(percent) / theirs.percentile(percent) for percent in (50, 95)]
    print(f"ours / peer's: {ratios[0]:.2f} at p50, {ratios[1]:.2f} at p95")
    return 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Time from the end of speech to the text, beside the peer.")
    add_audio_flag(parser)
    parser.add_argument(
        "--rounds", type=_positive, default=3, metavar="N", help="how often each command is said (3)"
    )
    parsed = parser.parse_args()
    return run_command(lambda: asyncio.run(_measure(parsed.audio, parsed.rounds)))


if __name__ == "__main__":
    raise SystemExit(main())
