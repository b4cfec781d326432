"""How many words the product gets wrong, and how long it works on a second of sound.

Clips go the way that `wallflower transcribe` sends a file: VAD, segments, engine. RTF is the processing time
divided by the length of the sound, clip after clip, models already loaded.
"""

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from command import run_command, say
from corpus import NOISE, Clip, add_audio_flag, noise_clips, samples_of, speech_sets
from scoring import word_count, word_error_rate
from tables import print_table
from vendor import vendor_texts
from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.cli.progress import fetch_progress
from wallflower.config import Options, load_options
from wallflower.listening.ears import Ears, open_ears
from wallflower.listening.session import Session

_BLOCK_SAMPLES = 65_536  # as files are decoded


@dataclass(slots=True)
class Results:
    """What was heard in some clips. audio, worked: seconds. vendor, uncut: the vendor's, if asked for."""

    clips: list[Clip] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    vendor: list[str] = field(default_factory=list)
    uncut: list[str] = field(default_factory=list)
    audio: float = 0.0
    worked: float = 0.0

    def add(self, other: "Results") -> None:
        """Pool the results of `other` with these."""
        self.clips += other.clips
        self.heard += other.heard
        self.vendor += other.vendor
        self.uncut += other.uncut
        self.audio += other.audio
        self.worked += other.worked

    def row(self, name: str) -> list[str]:
        """The figures, as the table shows them."""
        said = [clip.text for clip in self.clips]
        ours = word_error_rate(said, self.heard)
        figures = [
            name,
            str(len(self.clips)),
            f"{self.audio / 60:.1f}",
            str(word_count(said)),
            f"{ours:.1f}",
            f"{self.worked / self.audio:.3f}",
        ]
        if self.vendor:
            for theirs in (word_error_rate(said, self.vendor), word_error_rate(said, self.uncut)):
                figures += [f"{theirs:.1f}", f"{ours - theirs:+.1f}"]
        return figures


async def _listen(clips: list[Clip], ears: Ears) -> Results:
    results = Results(clips=clips)
    for clip in clips:
        samples = samples_of(clip)
        begun = time.perf_counter()
        results.heard.append(await heard_in(samples, ears))
        results.worked += time.perf_counter() - begun
        results.audio += len(samples) / SAMPLE_RATE
    return results


async def heard_in(samples: NDArray[np.int16], ears: Ears) -> str:
    """What is heard in some sound, as `wallflower transcribe` would."""
    session = Session(ears)
    try:
        for start in range(0, len(samples), _BLOCK_SAMPLES):
            await session.feed(samples[start : start + _BLOCK_SAMPLES])
        return (await session.finish()).text
    finally:
        await session.close()


async def _listen_to_all(sets: dict[str, list[Clip]], options: Options) -> dict[str, Results]:
    results = {}
    with fetch_progress(sys.stderr) as progress:
        async with open_ears(options, progress=progress) as ears:
            for name, clips in sets.items():
                say(f"{name}: {len(clips)} clips")
                results[name] = await _listen(clips, ears)
    return results


def _add_vendor(results: dict[str, Results]) -> None:
    texts = vendor_texts([clip for result in results.values() for clip in result.clips])
    as_is, uncut = iter(texts.as_is), iter(texts.uncut)
    for result in results.values():
        result.vendor = [next(as_is) for _ in result.clips]
        result.uncut = [next(uncut) for _ in result.clips]


def _report(results: dict[str, Results], noise: Results | None, *, vendor: bool) -> int:
    """Print the figures; 1 when words were invented, else 0."""
    headings = ["set", "clips", "minutes", "words", "WER %", "RTF"]
    if vendor:
        headings += ["vendor's WER %", "ours less it", "vendor's, VAD off, WER %", "ours less it"]
    pooled = Results()
    for result in results.values():
        pooled.add(result)
    print_table(
        headings, [*(result.row(name) for name, result in results.items()), pooled.row("all, pooled")]
    )
    if noise is None:
        return 0
    invented = word_count(noise.heard)
    print(f"{NOISE}: {invented} words invented in {len(noise.clips)} clips without speech (must be 0)")
    for clip, text in zip(noise.clips, noise.heard, strict=True):
        if text:
            print(f"  {clip.path.name}: {text}")
    if vendor:
        invented_by_vendor = word_count(noise.vendor), word_count(noise.uncut)
        print(f"{NOISE}: by the vendor's library {invented_by_vendor[0]}, VAD off {invented_by_vendor[1]}")
    return 1 if invented else 0


def _measure(audio: Path, *, vendor: bool) -> int:
    options = load_options()
    sets = speech_sets(audio)
    if noise := noise_clips(audio):
        sets[NOISE] = noise
    results = asyncio.run(_listen_to_all(sets, options))
    if vendor:
        _add_vendor(results)
    print(f"model {options.model}, sound of {audio}")
    return _report(results, results.pop(NOISE, None), vendor=vendor)


def main() -> int:
    """Run the benchmark; the exit code is 1 when words were invented where nobody speaks."""
    parser = argparse.ArgumentParser(description="Word error rate and speed of the product, set by set.")
    add_audio_flag(parser)
    parser.add_argument(
        "--vendor", action="store_true", help="decode the clips with the vendor's library too, and compare"
    )
    parsed = parser.parse_args()
    return run_command(lambda: _measure(parsed.audio, vendor=parsed.vendor))


if __name__ == "__main__":
    raise SystemExit(main())
