"""`wallflower models validate`: whether conversions of a model hear the same."""

import argparse
import asyncio
import sys

from wallflower.config import Options
from wallflower.config.places import data_dir
from wallflower.engines.agreement import Agreement
from wallflower.engines.validation import BUNDLED, clips_in, groups_to_compare, validate
from wallflower.engines.wishes import AUTO
from wallflower.errors import ExitCode
from wallflower.hardware.power import threads_of
from wallflower.languages import base_language
from wallflower.models.store import Store

_WIDTH = 160


def execute(parsed: argparse.Namespace, options: Options) -> int:
    """Compare, and print a table; exit code 1 when two are not alike enough."""
    if options.language == AUTO:
        raise options.wrong("language", "the code of the language that is spoken in the sound")
    store = Store(data_dir(options) / "models")
    groups = groups_to_compare(store, parsed.ids)
    clips = clips_in(parsed.audio) if parsed.audio else list(BUNDLED)

    def report(model_id: str, done: int) -> None:
        if done in {0, len(clips)} or sys.stderr.isatty():
            print(f"{model_id}: {done} of {len(clips)} clips", file=sys.stderr, flush=True)

    done = asyncio.run(
        validate(
            groups,
            store,
            clips,
            language=base_language(options.language),
            threads=threads_of(options),
            report=report,
        )
    )
    _print(done.agreements)
    return ExitCode.OK if done.good else ExitCode.FAILED


def _print(agreements: list[Agreement]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("model", "beside", "reference", "similarity", "more than", ""):
        table.add_column(heading, overflow="fold")
    for each in agreements:
        pair = each.pair
        table.add_row(
            pair.second,
            pair.first,
            pair.reference or "neither",
            f"{each.similarity:.3f}",
            f"{pair.limit:.2f}",
            "good" if each.good else "too different",
        )
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    console.print(table)
