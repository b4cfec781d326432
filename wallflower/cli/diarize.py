"""`wallflower diarize`: who speaks when in a file, printed."""

import argparse
import asyncio
import math
from contextlib import aclosing
from pathlib import Path

from wallflower.audio.ffmpeg import decode_file
from wallflower.cli.speaker_models import speaker_models
from wallflower.config import Options
from wallflower.errors import ExitCode
from wallflower.speakers.diarizer import Diarizer
from wallflower.speakers.revision import Stretch
from wallflower.speakers.settings import Diarizing


def execute(parsed: argparse.Namespace, options: Options) -> int:
    """Diarize one file; the turns as text, or as RTTM."""
    path = Path(parsed.file)
    stretches = asyncio.run(_diarize(path, options))
    for stretch in stretches:
        print(_rttm_line(path, stretch) if parsed.rttm else _line(stretch))
    return ExitCode.OK


async def _diarize(path: Path, options: Options) -> list[Stretch]:
    models = await speaker_models(options)
    diarizer = Diarizer(models, Diarizing(remembered=math.inf))  # of a long file, too, all is told
    async with aclosing(decode_file(path)) as blocks:
        async for block in blocks:
            await asyncio.to_thread(diarizer.feed, block)
    await asyncio.to_thread(diarizer.finish)
    revised = await asyncio.to_thread(diarizer.revise)
    return revised or [
        Stretch(turn.start, turn.end, turn.speaker) for turn in diarizer.spoken if turn.speaker is not None
    ]


def _line(stretch: Stretch) -> str:
    return f"{_clock(stretch.start)} – {_clock(stretch.end)}  Speaker {stretch.speaker + 1}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes):02}:{rest:05.2f}"


def _rttm_line(path: Path, stretch: Stretch) -> str:
    """A line of the Rich Transcription Time Marked form, whose fields have no spaces in them."""
    name = "_".join(path.stem.split()) or "sound"
    length = stretch.end - stretch.start
    return (
        f"SPEAKER {name} 1 {stretch.start:.3f} {length:.3f} <NA> <NA> speaker{stretch.speaker + 1} <NA> <NA>"
    )
