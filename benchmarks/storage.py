"""A million utterances: how fast they are written, found and forgotten.

The words are made up, as frequent as words are (Zipf's law, exponent 1), in utterances of 3 to 25 words with
their times, from seven sources in a year. They go through the recorder as the daemon's do. Each search is a
first page of 50, newest first, on a connection of its own, as a user's is; the mix is the rows before it, as
many of each.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

from command import run_command, say
from tables import print_table
from wallflower.events import Happening, Heard, HeardWord, Speaker
from wallflower.storage.database import DATABASE_NAME, prepare, reading, writing
from wallflower.storage.forgetting import Forget, forget
from wallflower.storage.ids import new_id
from wallflower.storage.recorder import Recorder
from wallflower.storage.search import Query, search, search_ranked
from wallflower.storage.speakers import add_speaker

_VOCABULARY = 50_000
_BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
_APART = timedelta(seconds=30)
_CHUNK = 5_000
_SOURCES = ("kitchen", "kitchen", "kitchen", "living", "living", "hall", "porch", "garage", "garden", "shed")
_NAMES = ("anna", "ben", "chris", "dora")
_LANGUAGES = ("en", "en", "en", "en", "de", "fr")
_SPEAKERS = (None, None, *(Speaker(n, name, known=True) for n, name in enumerate(_NAMES, 1)))
_SYLLABLES = [a + b for a in "bdfghjklmnprstvwz" for b in "aeiou"]

Ask = Callable[[random.Random, list[str]], Query]


def _vocabulary(chance: random.Random) -> list[str]:
    words: dict[str, None] = {}
    while len(words) < _VOCABULARY:
        words["".join(chance.choices(_SYLLABLES, k=chance.choice((1, 2, 2, 3, 3, 3, 4))))] = None
    return sorted(words, key=len)  # what is said often is short


def _heard(chance: random.Random, number: int, words: Sequence[str], weights: Sequence[float]) -> Heard:
    said = chance.choices(words, cum_weights=weights, k=chance.randint(3, 25))
    start = _BEGIN + number * _APART
    seconds = 0.4 * len(said)
    return Heard(
        id=new_id(start),
        source=chance.choice(_SOURCES),
        start=start,
        end=start + timedelta(seconds=seconds),
        text=" ".join(said).capitalize() + ".",
        language=chance.choice(_LANGUAGES),
        audio_start=30.0 * number,
        audio_end=30.0 * number + seconds,
        speaker=chance.choice(_SPEAKERS),
        engine="openvino:cpu:whisper-base",
        confidence=0.9,
        words=tuple(
            HeardWord(word, round(0.4 * n, 2), round(0.4 * n + 0.4, 2), 0.9) for n, word in enumerate(said)
        ),
    )


async def _fill(path: Path, count: int, words: list[str], chance: random.Random) -> float:
    """Returns utterances per second, without the time that making them up takes."""
    weights = list(accumulate(1 / rank for rank in range(1, len(words) + 1)))
    prepare(path)
    async with writing(path) as db:
        for name in _NAMES:
            await add_speaker(db, name, _BEGIN)
    recorder = Recorder(path, _trouble)
    took = 0.0
    for begin in range(0, count, _CHUNK):
        chunk = [_heard(chance, n, words, weights) for n in range(begin, min(begin + _CHUNK, count))]
        begun = time.perf_counter()
        for heard in chunk:
            await recorder.keep(heard, patience=0)
        await recorder.flush()
        took += time.perf_counter() - begun
        if begin and begin % 100_000 == 0:
            say(f"{begin:,} written, {begin / took:,.0f} a second")
    await _end(recorder)
    return count / took


async def _end(recorder: Recorder) -> None:
    run = asyncio.create_task(recorder.run())
    await asyncio.sleep(0)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)


def _trouble(happening: Happening) -> None:
    say(str(happening))


def _rare(chance: random.Random, words: list[str]) -> Query:
    return Query(chance.choice(words[_VOCABULARY // 3 :]))


def _common(chance: random.Random, words: list[str]) -> Query:
    return Query(chance.choice(words[:20]))


def _two(chance: random.Random, words: list[str]) -> Query:
    return Query(f"{chance.choice(words[:50])} {chance.choice(words[50:500])}")


def _phrase(chance: random.Random, words: list[str]) -> Query:
    return Query(f'"{chance.choice(words[:30])} {chance.choice(words[:300])}"')


def _rare_phrase(chance: random.Random, words: list[str]) -> Query:
    return Query(f'"{chance.choice(words[:5])} {chance.choice(words[5000:10_000])}"')


def _prefix(chance: random.Random, words: list[str]) -> Query:
    return Query(chance.choice(words[:2000])[:3] + "*")


def _no_words(_chance: random.Random, _words: list[str]) -> Query:
    return Query()


def _speaker(_chance: random.Random, _words: list[str]) -> Query:
    return Query(speaker="anna", language="fr")


def _at_source(ask: Ask, source: str) -> Ask:
    return lambda chance, words: replace(ask(chance, words), source=source)


def _in_time(ask: Ask, days: float, count: int) -> Ask:
    def asked(chance: random.Random, words: list[str]) -> Query:
        since = _BEGIN + chance.random() * count * _APART
        return replace(ask(chance, words), since=since, until=since + timedelta(days=days))

    return asked


def _asks(count: int) -> dict[str, Ask]:
    return {
        "rare word": _rare,
        "common word": _common,
        "two words": _two,
        "phrase": _phrase,
        "rare phrase": _rare_phrase,
        "prefix of 3": _prefix,
        "common word, one source": _at_source(_common, "shed"),
        "rare word, one source": _at_source(_rare, "shed"),
        "prefix, one source": _at_source(_prefix, "porch"),
        "common word, one day": _in_time(_common, 1, count),
        "rare word, one month": _in_time(_rare, 30, count),
        "phrase, one source, one week": _at_source(_in_time(_phrase, 7, count), "kitchen"),
        "no words": _no_words,
        "no words, one source": _at_source(_no_words, "shed"),
        "one speaker and language": _speaker,
    }


async def _search(path: Path, count: int, words: list[str], rounds: int, chance: random.Random) -> None:
    rows, everything = [], []
    for name, ask in _asks(count).items():
        times, hits = [], 0
        for _ in range(rounds):
            query = ask(chance, words)
            begun = time.perf_counter()
            async with reading(path) as db:
                hits += len((await search(db, query)).hits)
            times.append(1000 * (time.perf_counter() - begun))
        everything += times
        rows.append(_row(name, times, hits / rounds))
    rows.append(_row("the mix", everything, None))
    times = []
    for _ in range(rounds):
        query = _common(chance, words)
        begun = time.perf_counter()
        async with reading(path) as db:
            await search_ranked(db, query)
        times.append(1000 * (time.perf_counter() - begun))
    rows.append(_row("best of 10,000 (not in the mix)", times, None))
    print_table(("search", "p50 ms", "p95 ms", "most ms", "hits"), rows)


def _row(name: str, times: list[float], hits: float | None) -> list[str]:
    p95 = statistics.quantiles(times, n=20)[-1]
    figures = [f"{figure:.1f}" for figure in (statistics.median(times), p95, max(times))]
    return [name, *figures, "" if hits is None else f"{hits:.0f}"]


async def _others(path: Path, rate: float, count: int) -> None:
    size = (await asyncio.to_thread(path.stat)).st_size
    begun = time.perf_counter()
    prepare(path)
    start = time.perf_counter() - begun
    path.with_name(path.name + "-wal").touch()
    begun = time.perf_counter()
    prepare(path)
    checked = time.perf_counter() - begun
    begun = time.perf_counter()
    middle = _BEGIN + count // 2 * _APART
    async with writing(path) as db:
        gone = await forget(db, Forget(since=middle, until=middle + timedelta(hours=1)))
    took = time.perf_counter() - begun
    rows = [
        ("written per second", f"{rate:,.0f}"),
        ("MB on disk", f"{size / 1e6:,.0f}"),
        ("s to open", f"{start:.2f}"),
        ("s to open after an unclean end", f"{checked:.2f}"),
        (f"s to forget an hour ({gone} utterances) for good", f"{took:.1f}"),
    ]
    print_table(("storage", ""), rows)


async def _measure(folder: Path, count: int, rounds: int) -> int:
    chance = random.Random(5)
    words = _vocabulary(chance)
    path = folder / DATABASE_NAME
    rate = await _fill(path, count, words, chance)
    await _search(path, count, words, rounds, chance)
    await _others(path, rate, count)
    return 0


def main() -> int:
    """Fill a database of its own, search it, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000, help="utterances (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=40, help="searches of a kind (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where to put it, for a while (default: a temporary one)")
    flags = parser.parse_args()

    def measure() -> int:
        with tempfile.TemporaryDirectory(dir=flags.folder) as folder:
            return asyncio.run(_measure(Path(folder), flags.count, flags.rounds))

    return run_command(measure)


if __name__ == "__main__":
    sys.exit(main())
