"""Eight sources at once on this box: their words, their lag, what they cost, and who waits beside them.

Each source plays the composed room track (speech and silence) from another place, through ffmpeg in real
time. Parts: `words` (one alone, then eight), `silence` (eight of which none speaks), `voice` (commands while
two talk).
"""

import argparse
import asyncio
import json
import sys
import tempfile
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from command import BenchmarkError, run_command, say
from corpus import CorpusError, add_audio_flag, command_clips, samples_of
from pacing import say_to_session, with_silence
from scoring import word_error_rate
from tables import print_table
from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.bus import Bus
from wallflower.cli.progress import fetch_progress
from wallflower.config import load_options
from wallflower.events import Heard
from wallflower.listening.ears import Ears, open_ears
from wallflower.listening.house import House, open_house
from wallflower.listening.household import Household, open_household
from wallflower.listening.manner import Manner
from wallflower.memory import settle, tune_allocator

_COUNT = 8
_SETTLE_SECONDS = 8.0  # what was said last is decoded
_SILENCE_SECONDS = 60.0
_VOICE_COMMANDS = 30
_MOST = {"WER": 1.0, "lag": 5.0, "silence": 1.0, "memory": 30.0, "voice": 600.0}


@dataclass(frozen=True, slots=True)
class Track:
    """Sound of one source, and what is said in it."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Shared:
    """What all sources share."""

    ears: Ears
    household: Household


@dataclass(frozen=True, slots=True)
class Run:
    """What came of sources that ran together. texts: of each. lags: seconds from the end of what was said to
    its event. cpu: share of a core, and memory: MB, both of this process alone.
    """

    texts: list[str]
    lags: list[float]
    missed: float
    cpu: float
    memory: float


def _tracks(audio: Path, folder: Path, seconds: float) -> list[Track]:
    """The room track, begun in the middle of eight of its silences."""
    named = audio / "composed" / "room_dev_10min"
    if not named.with_suffix(".json").is_file():
        raise CorpusError(
            f"there is no composed room track in {audio}; name a folder that has it with --audio"
        )
    facts = json.loads(named.with_suffix(".json").read_text("utf-8"))
    with wave.open(str(named.with_suffix(".wav"))) as wav:
        sound = np.frombuffer(wav.readframes(wav.getnframes()), np.int16)
    starts = [0.0, *((begin + end) / 2 for begin, end, _ in facts["silences_ge_2s"][1:-1])][:_COUNT]
    length = len(sound) / SAMPLE_RATE
    tracks = []
    for number, start in enumerate(starts):
        at = round(start * SAMPLE_RATE)
        turned = np.concatenate([sound[at:], sound[:at]])[: round(seconds * SAMPLE_RATE)]
        said = sorted(
            ((each["start"] - start) % length, (each["end"] - start) % length, each["text"])
            for each in facts["utterances"]
        )
        text = " ".join(words for _, end, words in said if end < seconds - 1)
        tracks.append(Track(_written(folder / f"room_{number}.wav", turned), text))
    return tracks


def _written(path: Path, samples: NDArray[np.int16]) -> Path:
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(SAMPLE_RATE)
        wav.writeframes(samples.tobytes())
    return path


@asynccontextmanager
async def _listening(shared: Shared, paths: Sequence[Path]) -> AsyncIterator[tuple[House, Bus]]:
    sources = [{"name": f"source {number}", "url": path.as_uri()} for number, path in enumerate(paths)]
    folders = [str(paths[0].parent)]
    options = load_options(flags={"sources": sources, "source_folders": folders})
    bus = Bus()
    with tempfile.TemporaryDirectory() as home:
        async with open_house(options, Path(home), shared.ears, bus, shared.household, bus.publish) as house:
            yield house, bus


async def _listen(shared: Shared, tracks: Sequence[Track], seconds: float) -> Run:
    process = psutil.Process()
    before = process.memory_info().rss
    heard: dict[str, list[str]] = {f"source_{number}": [] for number in range(len(tracks))}
    lags = []
    async with _listening(shared, [track.path for track in tracks]) as (house, bus):
        begun = process.cpu_times()
        with bus.subscribe("benchmark") as subscription:
            events = subscription.events()
            try:
                async with asyncio.timeout(seconds + _SETTLE_SECONDS):
                    async for event in events:
                        if isinstance(event, Heard):
                            heard[event.source].append(event.text)
                            if not event.continued:  # of what was said in one go, by one or by several
                                lags.append((datetime.now(UTC) - event.end).total_seconds())
            except TimeoutError:
                pass
        ended = process.cpu_times()
        missed = sum(
            processor.missed
            for view in house.sources.list()
            if view.health is not None
            for processor in view.health.processors
        )
        memory = (process.memory_info().rss - before) / 1e6
    worked = ended.user + ended.system - begun.user - begun.system
    return Run(
        [" ".join(texts) for texts in heard.values()],
        lags,
        missed,
        worked / (seconds + _SETTLE_SECONDS),
        memory / len(tracks),
    )


async def _words(shared: Shared, audio: Path, folder: Path, seconds: float) -> bool:
    tracks = _tracks(audio, folder, seconds)
    say(f"words: one source alone, {seconds:.0f} s")
    alone = await _listen(shared, tracks[:1], seconds)
    say(f"words: {_COUNT} sources, {seconds:.0f} s")
    together = await _listen(shared, tracks, seconds)
    said = [track.text for track in tracks]
    rates = [
        word_error_rate(said[:1], alone.texts),
        word_error_rate(said[:1], together.texts[:1]),
        word_error_rate(said, together.texts),
    ]
    lag = float(np.percentile(together.lags, 95))
    rows = [
        ["WER %, one alone", f"{rates[0]:.1f}", ""],
        ["WER %, the same one among eight", f"{rates[1]:.1f}", f"within {_MOST['WER']:.0f} point"],
        ["WER %, all eight", f"{rates[2]:.1f}", ""],
        ["lag p50 s", f"{np.percentile(together.lags, 50):.1f}", ""],
        ["lag p95 s", f"{lag:.1f}", f"at most {_MOST['lag']:.0f}"],
        ["sound missed, s", f"{together.missed:.1f}", "none"],
        ["one core, % for all eight", f"{100 * together.cpu:.0f}", ""],
        ["memory MB a source", f"{together.memory:.1f}", f"at most {_MOST['memory']:.0f}"],
    ]
    print_table(("eight sources", "", "wanted"), rows)
    return (
        abs(rates[1] - rates[0]) <= _MOST["WER"]
        and lag <= _MOST["lag"]
        and not together.missed
        and together.memory <= _MOST["memory"]
    )


async def _silence(shared: Shared, _audio: Path, folder: Path, _seconds: float) -> bool:
    noise = np.random.default_rng(1).normal(0, 33, round((_SILENCE_SECONDS + 10) * SAMPLE_RATE))
    quiet = Track(_written(folder / "quiet.wav", noise.astype(np.int16)), "")
    say(f"silence: {_COUNT} sources, {_SILENCE_SECONDS:.0f} s")
    run = await _listen(shared, [quiet] * _COUNT, _SILENCE_SECONDS)
    percent = 100 * run.cpu / _COUNT
    row = ["one core, % a source", f"{percent:.2f}", f"at most {_MOST['silence']:.0f}"]
    print_table(("nobody speaks", "", "wanted"), [row])
    return percent <= _MOST["silence"]


async def _voice(shared: Shared, audio: Path, folder: Path, _seconds: float) -> bool:
    with wave.open(str(audio / "composed" / "conv_dev_5min.wav")) as wav:
        sound = np.frombuffer(wav.readframes(wav.getnframes()), np.int16)
    half = len(sound) // 2
    talk = [
        _written(folder / f"talk_{number}.wav", np.concatenate([sound[at:], sound[:at]]))
        for number, at in enumerate((0, half))
    ]
    clips = (command_clips(audio) * _VOICE_COMMANDS)[:_VOICE_COMMANDS]
    say(f"voice: {len(clips)} commands while two sources talk")
    seconds = []
    async with _listening(shared, talk):
        await asyncio.sleep(_SETTLE_SECONDS)
        for clip in clips:
            told = await say_to_session(shared.ears, with_silence(samples_of(clip)), Manner())
            seconds.append(told.seconds)
    p95 = 1000 * float(np.percentile(seconds, 95))
    rows = [
        ["answer after the end, p50 ms", f"{1000 * np.percentile(seconds, 50):.0f}", ""],
        ["answer after the end, p95 ms", f"{p95:.0f}", f"at most {_MOST['voice']:.0f}"],
    ]
    print_table(("a command beside two sources", "", "wanted"), rows)
    return p95 <= _MOST["voice"]


_PARTS = {"words": _words, "silence": _silence, "voice": _voice}


async def _measure(audio: Path, parts: Sequence[str], seconds: float, *, speakers: bool) -> int:
    tune_allocator()
    good = True
    options = load_options(flags={"speakers": speakers})
    with tempfile.TemporaryDirectory() as folder, fetch_progress(sys.stderr) as progress:
        async with (
            open_ears(options, progress=progress) as ears,
            open_household(options, Path(folder), ears, lambda _event: None, keeps=False) as household,
        ):
            if speakers:
                await household.voices.settled()
                if household.voices.problem:
                    raise BenchmarkError(household.voices.problem)
            shared = Shared(ears, household)
            settle()
            print(f"model: {ears.decoders.model.id}")
            for part in parts:
                good = await _PARTS[part](shared, audio, Path(folder), seconds) and good
    return 0 if good else 1


def main() -> int:
    """Measure; exit code 1 when something is not as wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_audio_flag(parser)
    parser.add_argument("--part", action="append", choices=_PARTS, help="only this part; may be repeated")
    parser.add_argument("--without-speakers", action="store_true", help="do not tell who speaks")
    parser.add_argument("--seconds", type=float, default=600.0, help="how much of the track (600)")
    given = parser.parse_args()
    return run_command(
        lambda: asyncio.run(
            _measure(
                given.audio, given.part or list(_PARTS), given.seconds, speakers=not given.without_speakers
            )
        )
    )


if __name__ == "__main__":
    sys.exit(main())
