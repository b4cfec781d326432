"""An hour of readings in one utterance, sent as fast as the daemon takes it: memory, words, and speed."""

import argparse
import asyncio
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient

from asking import transcribe
from command import BenchmarkError, run_command, say
from corpus import CorpusError, add_audio_flag, samples_of, speech_sets
from pacing import with_silence
from scoring import word_count, word_error_rate
from servers import Server, our_daemon
from tables import print_table
from usage import usage_of
from wallflower.audio.pcm import SAMPLE_RATE

_SETS = ("librivox_austen", "librivox_sonnets", "read_misc_en")
_CHUNK_SAMPLES = 1024
_GROWTH_MB = 10.0
_MORE_WRONG = 1.0  # points of word error rate above that of the clips alone
_SAMPLE_SECONDS = 0.5
_SETTLE_SECONDS = 2.0
_FORM = {"rate": SAMPLE_RATE, "width": 2, "channels": 1}


@dataclass(frozen=True, slots=True)
class Reading:
    """A clip, with silence after it, and its words: said, and heard when it is sent alone."""

    sound: NDArray[np.int16]
    said: str
    alone: str


@dataclass(slots=True)
class Hour:
    """How it went. resident: MB by quarter of the sound. chunks, text: as told. waited: seconds from the end
    of the sound, as far as it was sent, to the text. took: from the first sample to the text.
    """

    resident: list[list[float]] = field(default_factory=lambda: [[], [], [], []])
    sent: int = 0
    chunks: list[str] = field(default_factory=list)
    text: str = ""
    waited: float = 0.0
    took: float = 0.0


async def _say_all(server: Server, readings: Sequence[Reading]) -> Hour:
    """Send the readings as one utterance, as fast as they are taken."""
    hour = Hour()
    total = sum(len(reading.sound) for reading in readings)
    watching = asyncio.create_task(_watch(server, hour, total))
    try:
        async with AsyncClient.from_uri(server.uri) as client:
            answering = asyncio.create_task(_listen(client, hour))
            begun = time.perf_counter()
            await client.write_event(Transcribe(language="en").event())
            await client.write_event(AudioStart(**_FORM).event())
            for piece in _pieces(readings):
                await client.write_event(AudioChunk(audio=piece.tobytes(), **_FORM).event())
                hour.sent += len(piece)
                if answering.done():
                    break
            stopped = time.perf_counter()
            await client.write_event(AudioStop().event())
            await answering
            hour.took, hour.waited = time.perf_counter() - begun, time.perf_counter() - stopped
    except OSError as error:
        raise BenchmarkError(f"no transcript after {hour.sent / SAMPLE_RATE:.0f} s: {error}") from error
    finally:
        watching.cancel()
    return hour


def _pieces(readings: Sequence[Reading]) -> Iterator[NDArray[np.int16]]:
    for reading in readings:
        for start in range(0, len(reading.sound), _CHUNK_SAMPLES):
            yield reading.sound[start : start + _CHUNK_SAMPLES]


async def _watch(server: Server, hour: Hour, total: int) -> None:
    while True:
        quarter = min(3, 4 * hour.sent // total)
        hour.resident[quarter].append(usage_of(server).resident)
        await asyncio.sleep(_SAMPLE_SECONDS)


async def _listen(client: AsyncClient, hour: Hour) -> None:
    while (event := await client.read_event()) is not None:
        if event.type == "transcript-chunk":
            hour.chunks.append(event.data["text"])
        elif Transcript.is_type(event.type):
            hour.text = Transcript.from_event(event).text
            return
        elif event.type == "error":
            raise BenchmarkError(f"it answered with an error: {event.data.get('text')}")
    raise BenchmarkError("it closed the connection without a transcript")


def _served(server: Server) -> dict[str, object]:
    """What the daemon says at its end of all that it did."""
    for line in reversed(server.log.read_text("utf-8").splitlines()):
        if line.startswith("{") and (entry := json.loads(line)).get("event") == "served":
            return {key: entry[key] for key in entry.keys() - {"event", "timestamp", "level", "logger"}}
    raise BenchmarkError(f"{server.log} has no line that says 'served'")


async def _measure(clips: Sequence[tuple[NDArray[np.int16], str]], seconds: float) -> int:
    async with our_daemon("--max-utterance-seconds", "0", name="hour") as server:
        alone = [
            Reading(with_silence(sound), said, (await transcribe(server.uri, sound)).text)
            for sound, said in clips
        ]
        once = sum(len(reading.sound) for reading in alone) / SAMPLE_RATE
        rounds = max(1, round(seconds / once))
        readings = list(itertools.chain.from_iterable(itertools.repeat(alone, rounds)))
        await asyncio.sleep(_SETTLE_SECONDS)
        start = usage_of(server).resident
        say(f"{len(alone)} readings of {once:.0f} s together, {rounds} times")
        hour = await _say_all(server, readings)
        await asyncio.sleep(_SETTLE_SECONDS)
        end = usage_of(server).resident
    _print(hour, start, end)
    print(f"served: {json.dumps(_served(server), sort_keys=True)}")
    return 0 if _verdict(hour, readings) else 1


def _print(hour: Hour, start: float, end: float) -> None:
    print_table(
        ("resident memory, MB", "least", "most"),
        [
            ("before", f"{start:.1f}", f"{start:.1f}"),
            *(
                (f"quarter {number}", f"{min(quarter):.1f}", f"{max(quarter):.1f}")
                for number, quarter in enumerate(hour.resident, 1)
                if quarter
            ),
            ("after", f"{end:.1f}", f"{end:.1f}"),
        ],
    )
    sent = hour.sent / SAMPLE_RATE
    print(f"{sent:.0f} s of sound in {hour.took:.0f} s: {sent / hour.took:.1f} seconds a second")
    print(f"text {hour.waited:.1f} s after the last sample was sent; {len(hour.chunks)} chunks")


def _verdict(hour: Hour, readings: Sequence[Reading]) -> bool:
    """Print it; whether all is well."""
    said = " ".join(reading.said for reading in readings)
    alone = word_error_rate([each.said for each in readings], [each.alone for each in readings])
    together = word_error_rate([said], [hour.text])
    joined = "".join(hour.chunks) == hour.text
    quarters = [quarter for quarter in hour.resident if quarter]
    growth = max(quarters[-1]) - max(quarters[0])
    print(f"words: {word_count([hour.text])} heard, {word_count([said])} said")
    print(f"WER %: {together:.2f} in one utterance, {alone:.2f} alone")
    print(f"chunks joined are the transcript: {'yes' if joined else 'NO'}")
    print(f"memory: {growth:+.1f} MB from the first quarter to the last (allowed: {_GROWTH_MB:.0f})")
    return joined and growth <= _GROWTH_MB and together <= alone + _MORE_WRONG


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="An hour of readings in one utterance.")
    add_audio_flag(parser)
    parser.add_argument("--minutes", type=float, default=60, metavar="N", help="how long (default: 60)")
    parsed = parser.parse_args()

    def work() -> int:
        sets = speech_sets(parsed.audio)
        clips = [clip for name, those in sets.items() if name in _SETS for clip in those]
        if not clips:
            raise CorpusError(f"there are no readings in {parsed.audio}: {', '.join(_SETS)}")
        return asyncio.run(_measure([(samples_of(clip), clip.text) for clip in clips], 60 * parsed.minutes))

    return run_command(work)


if __name__ == "__main__":
    raise SystemExit(main())
