"""`wallflower models add`: a model of the user's own."""

import argparse
import asyncio
import sys

from wallflower.cli.progress import fetch_progress
from wallflower.config import Options
from wallflower.config.places import data_dir
from wallflower.engines.adding import Wanted, add_model
from wallflower.errors import ExitCode
from wallflower.hardware.power import threads_of
from wallflower.languages import base_language
from wallflower.models.store import Store

_LIKELY = 0.7


def execute(parsed: argparse.Namespace, options: Options) -> int:
    """Add the model, and say what it heard."""
    wanted = Wanted(
        path=parsed.path,
        id=parsed.id,
        engine=parsed.engine,
        languages=tuple(dict.fromkeys(base_language(code) for code in parsed.languages)),
        title=parsed.title,
        licence=parsed.licence,
    )
    with fetch_progress(sys.stderr) as progress:
        added = asyncio.run(
            add_model(
                wanted,
                Store(data_dir(options) / "models"),
                progress,
                threads=threads_of(options),
                instead=parsed.replace,
            )
        )
    model, probe = added.model, added.probe
    print(f"heard in the probe clip: {added.text or 'nothing'}")
    if added.similarity is not None:
        doubt = "" if added.similarity > _LIKELY else ": is it damaged, or made for something else?"
        print(f"similarity to what is said: {added.similarity:.2f}{doubt}")
    print(
        f"loaded in {probe.load_seconds:.1f} s, decoded 20 s in {probe.seconds:.1f} s, "
        f"{probe.peak_bytes / 1e6:.0f} MB of memory"
    )
    print(f"{model.id} was added; use it with: wallflower run --model {model.id}")
    return ExitCode.OK
