"""Whether the conversions of Whisper base hear the same: similarity of each pair, over all sets of speech.

Similarity is 1 less the pooled character error rate of the normalised texts. It is what `wallflower models
validate` does, over the English sets, and the models are fetched or made where they are missing.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from command import run_command, say
from corpus import add_audio_flag, speech_sets
from tables import print_table
from wallflower.cli.progress import fetch_progress
from wallflower.config import load_options
from wallflower.engines.decoding import Clip
from wallflower.engines.validation import Validation, groups_to_compare, validate
from wallflower.models.fetching import fetcher_of

_MODELS = (
    "whisper-base-ggml-f16",
    "whisper-base-ggml-q8_0",
    "whisper-base-ggml-q5_1",
    "whisper-base-openvino-fp16",
    "whisper-base-openvino-int8",
)
_THREADS = 2


async def _validate(ids: Sequence[str], clips: Sequence[Clip]) -> Validation:
    with fetch_progress(sys.stderr) as progress:
        fetcher = fetcher_of(load_options(), progress)
        store = fetcher.store
        await fetcher.ensure([store.find(name) for name in ids])

    def report(model_id: str, done: int) -> None:
        if done % 10 == 0:
            say(f"{model_id}: {done} of {len(clips)} clips")

    groups = groups_to_compare(store, ids)
    return await validate(groups, store, clips, language="en", threads=_THREADS, report=report)


def _measure(ids: Sequence[str], audio: Path) -> int:
    clips = [Clip(clip.path) for clips in speech_sets(audio).values() for clip in clips]
    done = asyncio.run(_validate(ids, clips))
    headings = ("model", "beside", "reference", "similarity", "more than", "")
    rows = [
        [
            each.pair.second,
            each.pair.first,
            each.pair.reference or "neither",
            f"{each.similarity:.4f}",
            f"{each.pair.limit:.2f}",
            "good" if each.good else "too different",
        ]
        for each in done.agreements
    ]
    print(f"{len(clips)} clips of {audio}")
    print_table(headings, rows)
    return 0 if done.good else 1


def main() -> int:
    """Compare, and print a table; the exit code is 1 when two are not alike enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "ids", nargs="*", default=_MODELS, metavar="ID", help="models (default: Whisper base's)"
    )
    add_audio_flag(parser)
    parsed = parser.parse_args()
    return run_command(lambda: _measure(parsed.ids, parsed.audio))


if __name__ == "__main__":
    sys.exit(main())
