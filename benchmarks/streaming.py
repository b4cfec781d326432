"""How soon the words are there when somebody speaks in real time: ours and the peer's server, side by side.

Each part prints a table: `latency` (the wait after the end of a command; the servers take turns), `endpoint`
(the end found here), `partials` (first words, nothing taken back, the same words as decoded at once), `crowd`
(4 and 8 speakers at once), `joins` (readings of minutes) and `noise` (nobody speaks).
"""

import argparse
import asyncio
import itertools
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from command import run_command, say
from corpus import Clip, add_audio_flag, command_clips, noise_clips, samples_of, speech_sets
from pacing import Streamed, Told, say_to_server, say_to_session, with_silence
from peer import peer
from scoring import normalised, word_error_rate
from servers import our_daemon
from speech_times import speech_span
from tables import print_table
from wallflower.cli.progress import fetch_progress
from wallflower.config import load_options
from wallflower.listening.ears import Ears, open_ears
from wallflower.listening.manner import Manner

T = TypeVar("T")

_WARM_UP = 3
_MANNER = Manner(streaming=True, tentative=True)
_READINGS = ("librivox_austen", "librivox_sonnets")
_SPEAKERS_AT_ONCE = 3
"""For the words alone: they do not depend on when they come, but for what the lane leaves out."""


async def _latency(audio: Path, rounds: int) -> None:
    clips = command_clips(audio)
    sounds = [with_silence(samples_of(clip)) for clip in clips]
    said = [clip.text for clip in clips] * rounds
    async with our_daemon() as ours, peer() as theirs:
        answers: dict[str, list[Told]] = {ours.name: [], theirs.name: []}
        for sound in sounds[:_WARM_UP]:
            for server in (ours, theirs):
                await say_to_server(server.uri, sound)
        for number in range(rounds):
            say(f"latency: round {number + 1} of {rounds}")
            for sound in sounds:
                for server in (ours, theirs):
                    answers[server.name].append(await say_to_server(server.uri, sound))
    rows = [_latency_row(name, told, said) for name, told in answers.items()]
    print_table(("server", "answers", "p50 ms", "p95 ms", "first chunk p50 ms", "WER %"), rows)
    mine, its = ([each.seconds for each in told] for told in answers.values())
    ratios = [np.percentile(its, at) / np.percentile(mine, at) for at in (50, 95)]
    print(f"peer's / ours: {ratios[0]:.0f} at p50, {ratios[1]:.0f} at p95")


def _latency_row(name: str, told: Sequence[Told], said: Sequence[str]) -> list[str]:
    seconds = [each.seconds for each in told]
    firsts = [each.first for each in told if each.first is not None]
    return [
        name,
        str(len(told)),
        _ms(seconds, 50),
        _ms(seconds, 95),
        _ms(firsts, 50) if firsts else "-",
        f"{word_error_rate(said, [each.text for each in told]):.1f}",
    ]


async def _endpoint(audio: Path, _rounds: int) -> None:
    seconds, told = [], []
    clips = command_clips(audio)
    async with our_daemon("--endpointing") as server:
        for clip in clips:
            samples = samples_of(clip)
            _, ends = speech_span(samples)
            answer = await say_to_server(server.uri, with_silence(samples, 3.0), speech_ends=ends)
            seconds.append(answer.seconds)
            told.append(answer.text)
    wer = word_error_rate([clip.text for clip in clips], told)
    rows = [["last spoken sample to transcript", _ms(seconds, 50), _ms(seconds, 95), f"{wer:.1f}"]]
    print_table(("own endpointing", "p50 ms", "p95 ms", "WER %"), rows)


async def _partials(audio: Path, _rounds: int) -> None:
    clips = [clip for each in speech_sets(audio).values() for clip in each]
    async with _ears() as ears:
        say(f"partials: {len(clips)} clips, {_SPEAKERS_AT_ONCE} at once, in real time")
        streamed = await _several([partial(_stream, ears, clip) for clip in clips], _SPEAKERS_AT_ONCE)
        say("partials: the same clips at once, and commands one by one")
        whole = [await say_to_session(ears, samples_of(clip), Manner(), speed=1000) for clip in clips]
        alone = [(clip, await _stream(ears, clip)) for clip in command_clips(audio)]
    said = [clip.text for clip in clips]
    wers = [word_error_rate(said, [each.text for each in those]) for those in (streamed, whole)]
    firsts = [each.first - speech_span(samples_of(clip))[0] for clip, each in alone if each.first is not None]
    rows = [
        ["WER %, streamed", f"{wers[0]:.2f}"],
        ["WER %, decoded at once", f"{wers[1]:.2f}"],
        ["relative", f"{100 * (wers[0] / wers[1] - 1):+.1f} %"],
        ["clips with words taken back", str(sum(each.taken_back for each in streamed))],
        ["first tentative words after the speech begins, p50 ms", _ms(firsts, 50)],
        ["the same, p95 ms", _ms(firsts, 95)],
    ]
    print_table(("stream API", ""), rows)


async def _crowd(audio: Path, _rounds: int) -> None:
    clips = command_clips(audio)
    rows = []
    async with our_daemon() as server:
        for count in (1, 4, 8):
            say(f"crowd: {count} at once")
            jobs = [
                partial(say_to_server, server.uri, with_silence(samples_of(clip)))
                for clip in itertools.chain(clips, clips[: len(clips) if count > 1 else 0])
            ]
            told = await _several(jobs, count)
            seconds = [each.seconds for each in told]
            chunks = sum(len(each.chunks) for each in told) / len(told)
            said = [clip.text for clip in clips] * (2 if count > 1 else 1)
            wer = word_error_rate(said, [each.text for each in told])
            rows.append(
                [
                    str(count),
                    str(len(told)),
                    _ms(seconds, 50),
                    _ms(seconds, 95),
                    f"{chunks:.1f}",
                    f"{wer:.1f}",
                ]
            )
    print_table(("speakers at once", "answers", "p50 ms", "p95 ms", "chunks each", "WER %"), rows)


async def _joins(audio: Path, _rounds: int) -> None:
    sets = speech_sets(audio)
    clips = [clip for name in _READINGS for clip in sets.get(name, ())]
    async with _ears() as ears:
        say(f"joins: {len(clips)} readings, in real time")
        streamed = await _several([partial(_stream, ears, clip) for clip in clips], _SPEAKERS_AT_ONCE)
        whole = [await say_to_session(ears, samples_of(clip), Manner(), speed=1000) for clip in clips]
    said = [clip.text for clip in clips]
    wers = [word_error_rate(said, [each.text for each in those]) for those in (streamed, whole)]
    seams = sum(len(each.passages) - 1 for each in streamed)
    doubled = sum(_doubled(clip, each) for clip, each in zip(clips, streamed, strict=True))
    rows = [
        ["joins", str(seams)],
        ["words doubled at them", str(doubled)],
        ["WER %, streamed", f"{wers[0]:.2f}"],
        ["WER %, decoded at once", f"{wers[1]:.2f}"],
    ]
    print_table(("readings", ""), rows)


def _doubled(clip: Clip, streamed: Streamed) -> int:
    """Joins where the words before are said again after, and the reader did not."""
    count = 0
    reference = " ".join(normalised(clip.text))
    for before, after in itertools.pairwise(streamed.passages):
        left, right = normalised(before.text), normalised(after.text)
        for length in range(1, 5):
            twice = left[-length:] + right[:length]
            if left[-length:] == right[:length] and " ".join(twice) not in reference:
                count += 1
                break
    return count


async def _noise(audio: Path, _rounds: int) -> None:
    clips = noise_clips(audio)
    async with _ears() as ears:
        told = await _several([partial(_stream, ears, clip) for clip in clips], _SPEAKERS_AT_ONCE)
    words = [each.text for each in told if each.text]
    print_table(("nobody speaks", ""), [["clips", str(len(clips))], ["clips with words", str(len(words))]])
    for text in words:
        print(f"  heard: {text}")


async def _stream(ears: Ears, clip: Clip) -> Streamed:
    return await say_to_session(ears, with_silence(samples_of(clip)), _MANNER)


@asynccontextmanager
async def _ears() -> AsyncIterator[Ears]:
    with fetch_progress(sys.stderr) as progress:
        async with open_ears(load_options(), progress=progress) as ears:
            yield ears


async def _several(jobs: Sequence[Callable[[], Awaitable[T]]], at_once: int) -> list[T]:
    """The results of the jobs, of which so many run at a time, in order."""
    places = asyncio.Semaphore(at_once)

    async def one(job: Callable[[], Awaitable[T]]) -> T:
        async with places:
            return await job()

    return await asyncio.gather(*(one(job) for job in jobs))


def _ms(seconds: Sequence[float], percent: float) -> str:
    return f"{1000 * float(np.percentile(seconds, percent)):.0f}"


_PARTS = {
    "latency": _latency,
    "endpoint": _endpoint,
    "partials": _partials,
    "crowd": _crowd,
    "joins": _joins,
    "noise": _noise,
}


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="How soon the words of somebody who speaks are there.")
    add_audio_flag(parser)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(_PARTS)} (default: all)")
    parser.add_argument("--rounds", type=int, default=2, metavar="N", help="rounds of `latency` (2)")
    parsed = parser.parse_args()
    if unknown := set(parsed.parts) - _PARTS.keys():
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(_PARTS)}")

    async def all_parts() -> int:
        for name in parsed.parts or _PARTS:
            await _PARTS[name](parsed.audio, parsed.rounds)
        return 0

    return run_command(lambda: asyncio.run(all_parts()))


if __name__ == "__main__":
    raise SystemExit(main())
