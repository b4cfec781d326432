"""Alerts on real speech: keywords found and made up, how soon they come, and silences found in a room.

`words`: of each clip the longest word of its transcript (five letters or more, the first of equals) is a
keyword in all clips; where the transcript does not have it, it is a decoy, and so are words of alarm.
`early`: clips in real time through a source's session; the keyword is the last word, timed from the end of
speech. `silence`: the composed room in real time; a silence is due 30 s after the last word before it.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accuracy import heard_in
from command import BenchmarkError, run_command, say
from corpus import Clip, add_audio_flag, command_clips, samples_of, speech_sets
from pacing import in_real_time, with_silence
from speech_times import speech_span
from tables import print_table
from wallflower.alerts.folding import words_of
from wallflower.alerts.keywords import Keywords, phrase_of
from wallflower.alerts.reading import read_rule
from wallflower.alerts.watcher import Watcher
from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.audio.source import SoundBlock
from wallflower.bus import Bus
from wallflower.cli.progress import fetch_progress
from wallflower.config import load_options
from wallflower.config.sources import SourceSettings
from wallflower.events import Alert, BusEvent, Heard, SourceChanged, SourceStatus
from wallflower.listening.ambient import AmbientSpeech, Outlets
from wallflower.listening.ears import Ears, open_ears
from wallflower.listening.people import People
from wallflower.listening.processors import Blocks
from wallflower.listening.voices import Voices
from wallflower.listening.who_speaks import Hearing, WhoSpeaks

_ALARMS = (
    "ambulance", "burglar", "emergency", "explosion", "firemen", "help me", "intruder", "murder", "police",
    "robbery", "smoke", "stop it", "thief", "leave me alone", "call the doctor", "gas leak", "wallflower",
)  # fmt: skip
_SHORTEST = 5
_SOURCE = "room"
_SILENCE_SECONDS = 30.0
_COLLAR_SECONDS = 0.5
"""What the composer's segmenter and ours may differ in where speech ends."""
_ROOM = Path("composed", "room_dev_10min")


@dataclass(slots=True)
class _Scores:
    """said, found: keywords in clips. false: alarms for what was not said. tried: keywords looked for."""

    said: int = 0
    found: int = 0
    false: int = 0
    tried: int = 0


async def _words(ears: Ears, audio: Path) -> int:
    sets = speech_sets(audio)
    clips = [clip for each in sets.values() for clip in each]
    heard = []
    seconds = 0.0
    for number, clip in enumerate(clips, 1):
        samples = samples_of(clip)
        seconds += len(samples) / SAMPLE_RATE
        heard.append(await heard_in(samples, ears))
        if number % 20 == 0:
            say(f"{number} of {len(clips)} clips")
    keywords = sorted({word for clip in clips if (word := _keyword(clip))})
    rows = []
    for fuzzy in (False, True):
        own = _score(keywords, clips, heard, fuzzy=fuzzy)
        alarms = _score(_ALARMS, clips, heard, fuzzy=fuzzy)
        for name, scores in ((f"{len(keywords)} keywords", own), (f"{len(_ALARMS)} words of alarm", alarms)):
            recall = f"{100 * scores.found / scores.said:.1f}" if scores.said else "none said"
            rate = scores.false / (seconds / 3600) / (scores.tried / len(clips))
            row = [name, "fuzzy" if fuzzy else "exact", f"{scores.found}/{scores.said}", recall]
            rows.append([*row, f"{scores.false}/{scores.tried}", f"{rate:.2f}"])
    print(f"{len(clips)} clips, {seconds / 60:.1f} minutes of speech, model {ears.decoders.model.id}")
    headings = ["rules", "match", "found", "recall %", "false alarms / looked for", "false a rule and hour"]
    print_table(headings, rows)
    return 0


def _keyword(clip: Clip) -> str:
    words = [word.text for word in words_of(clip.text) if len(word.text) >= _SHORTEST and word.text.isalpha()]
    return max(words, key=len, default="")


def _score(words: Sequence[str], clips: Sequence[Clip], heard: Sequence[str], *, fuzzy: bool) -> _Scores:
    scores = _Scores()
    for word in words:
        phrase = phrase_of(word)
        assert phrase is not None
        exact, rule = Keywords((phrase,)), Keywords((phrase,), fuzzy=fuzzy)
        for clip, text in zip(clips, heard, strict=True):
            is_said, is_found = exact.find(clip.text) is not None, rule.find(text) is not None
            scores.tried += not is_said
            scores.said += is_said
            scores.found += is_said and is_found
            scores.false += is_found and not is_said
    return scores


class _Room:
    """A source in this process: its session, the bus, and the watcher."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears
        self._bus = Bus()
        ids = count(1)
        self._watcher = Watcher(self._bus, [], new_id=lambda _at: next(ids))
        self.begun = datetime.now(UTC)
        people = People(Path("nowhere"), lambda _event: None)
        hearing = Hearing(
            Voices(), people, self._bus.publish, self._at, lambda: False, lambda: None, lambda _heard: None
        )
        self._who = WhoSpeaks(_SOURCE, hearing)  # nobody asks it
        self.events: list[BusEvent] = []

    def watch(self, **rule: Any) -> None:
        """This rule alone."""
        self._watcher.use([read_rule({"name": "r", **rule})])

    async def play(self, samples: NDArray[np.int16]) -> None:
        """Play sound in real time, from a source that has just connected; the events are those of it."""
        self.events = []
        blocks = Blocks(60.0)
        watching = asyncio.create_task(self._watcher.run())
        collecting = asyncio.create_task(self._collect())
        await asyncio.sleep(0.05)
        self.begun = datetime.now(UTC)
        outlets = Outlets(tell=self._bus.publish, keep=_keep_not, revise=lambda _heard: None, at=self._at)
        self._bus.publish(SourceChanged(_SOURCE, SourceStatus.PAUSED, "", self.begun))
        self._bus.publish(SourceChanged(_SOURCE, SourceStatus.HEALTHY, "", self.begun))
        speech = AmbientSpeech(_SOURCE, self._ears, SourceSettings, outlets, self._who)
        working = asyncio.create_task(speech.work(blocks))
        position = 0
        async for piece in in_real_time(samples):
            blocks.put(SoundBlock(position, piece))
            position += len(piece)
        blocks.end()
        await working
        await asyncio.sleep(0.1)
        for task in (watching, collecting):
            task.cancel()
        await asyncio.gather(watching, collecting, return_exceptions=True)

    def seconds(self, at: datetime) -> float:
        """From the beginning of the sound."""
        return (at - self.begun).total_seconds()

    @property
    def alerts(self) -> list[Alert]:
        """Those told of this sound."""
        return [event for event in self.events if isinstance(event, Alert)]

    def _at(self, seconds: float) -> datetime:
        return self.begun + timedelta(seconds=seconds)

    async def _collect(self) -> None:
        with self._bus.subscribe("benchmark") as subscription:
            async for event in subscription.events():
                self.events.append(event)


async def _keep_not(_heard: Heard, _samples: NDArray[np.int16] | None) -> None:
    pass


async def _early(ears: Ears, audio: Path) -> int:
    room = _Room(ears)
    waits: list[float] = []
    withdrawn = missed = 0
    clips = [*command_clips(audio), *speech_sets(audio).get("commands_en_misc", [])]
    for clip in clips:
        words = [word.text for word in words_of(clip.text)]
        samples = samples_of(clip)
        room.watch(kind="keyword", words=[words[-1]])
        await room.play(with_silence(samples, 4.0))
        phases = {alert.phase: room.seconds(alert.at) for alert in room.alerts}
        withdrawn += "withdrawn" in phases
        if "confirmed" in phases:
            waits.append(phases["raised"] - speech_span(samples)[1])
            say(f"{clip.path.name}: {words[-1]!r} {waits[-1]:.2f} s, final {phases['confirmed']:.2f}")
        else:
            missed += 1
    if not waits:
        raise BenchmarkError("no keyword was heard")
    p50, p95 = np.percentile(waits, [50, 95])
    print(
        f"{len(clips)} last words as keywords: {len(waits)} alerts, {missed} not heard, "
        f"{withdrawn} withdrawn; from the end of speech to the alert p50 {p50:.2f} s, p95 {p95:.2f} s"
    )
    return 0


async def _silence(ears: Ears, audio: Path) -> int:
    file = audio / _ROOM.with_suffix(".json")
    try:
        composed = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise BenchmarkError(f"there is no composed room at {file}: {error.strerror}") from error
    clip = Clip(file.with_suffix(".wav"), "")
    room = _Room(ears)
    room.watch(kind="silence", minutes=_SILENCE_SECONDS / 60)
    say(f"{composed['duration'] / 60:.0f} minutes in real time")
    begun = time.perf_counter()
    await room.play(samples_of(clip))
    say(f"took {time.perf_counter() - begun:.0f} s")
    due = [
        start + _SILENCE_SECONDS
        for start, end, _ in composed["silences_ge_2s"]
        if end - start > _SILENCE_SECONDS + _COLLAR_SECONDS
    ]
    raised = {alert.id: room.seconds(alert.at) for alert in room.alerts if alert.phase == "raised"}
    withdrawn = {alert.id for alert in room.alerts if alert.phase == "withdrawn"}
    ours = [event.end for event in room.events if isinstance(event, Heard)]
    rows, matched = [], set()
    for at in due:
        identity = min(raised, key=lambda each: abs(raised[each] - at), default=None)
        before = [room.seconds(end) for end in ours if room.seconds(end) < at - 5]
        if identity is None or abs(raised[identity] - at) > 5:
            rows.append([f"{at:.2f}", "missed", "", ""])
            continue
        matched.add(identity)
        from_ours = raised[identity] - (max(before, default=0.0) + _SILENCE_SECONDS)
        rows.append(
            [f"{at:.2f}", f"{raised[identity]:.2f}", f"{raised[identity] - at:+.2f}", f"{from_ours:+.2f}"]
        )
    print_table(["due, s", "alert, s", "late by, s", "late by our own end of speech, s"], rows)
    false = {identity: at for identity, at in raised.items() if identity not in matched}
    print(f"{len(due)} silences over {_SILENCE_SECONDS:g} s, {len(matched)} found, {len(false)} false, "
          f"{len(withdrawn)} withdrawn: {[round(at, 2) for at in false.values()]}")  # fmt: skip
    return 0 if len(matched) == len(due) and not false else 1


_PARTS: dict[str, Callable[[Ears, Path], Coroutine[Any, Any, int]]] = {
    "words": _words,
    "early": _early,
    "silence": _silence,
}


async def _measure(parts: Sequence[str], audio: Path) -> int:
    code = 0
    with fetch_progress(sys.stderr) as progress:
        async with open_ears(load_options(), progress=progress) as ears:
            for part in parts:
                code = await _PARTS[part](ears, audio) or code
    return code


def main() -> int:
    """Run the benchmark; the exit code is 1 when a silence was missed or made up."""
    parser = argparse.ArgumentParser(description="Keyword and silence alerts on real speech.")
    add_audio_flag(parser)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(_PARTS)} (default: all)")
    parsed = parser.parse_args()
    if unknown := set(parsed.parts) - set(_PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    return run_command(lambda: asyncio.run(_measure(parsed.parts or list(_PARTS), parsed.audio)))


if __name__ == "__main__":
    raise SystemExit(main())
