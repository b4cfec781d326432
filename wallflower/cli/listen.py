"""`wallflower listen`: what is said at an address, a microphone or in a file, live in the terminal."""

import argparse
import asyncio
import dataclasses
import json
import shutil
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import AudioError
from wallflower.bus import Bus
from wallflower.cli.progress import fetch_progress
from wallflower.config import Options, OptionsError
from wallflower.config.places import data_dir
from wallflower.config.sources import SOURCE_FIELDS, SourceSettings
from wallflower.config.stating import ExplainedInvalid, checked_setting
from wallflower.errors import ExitCode
from wallflower.events import (
    BusEvent,
    Heard,
    Partial,
    SoundLevel,
    SourceChanged,
    SourceStatus,
    Unheard,
    UtteranceRevised,
)
from wallflower.listening.ears import open_ears
from wallflower.listening.household import Household, open_household
from wallflower.listening.listener import Listener
from wallflower.listening.opening import allowed_folders, open_source
from wallflower.logs import warnings_alone
from wallflower.models.catalog import SPEAKER_MODELS, ModelError, find_model
from wallflower.models.fetching import fetcher_of
from wallflower.models.progress import Progress

_DIM, _PLAIN, _CLEAR = "\x1b[2m", "\x1b[0m", "\r\x1b[K"


def execute(parsed: argparse.Namespace, options: Options) -> int:
    """Listen until the sound ends, or Ctrl-C."""
    settings, folders = _place(parsed.place)
    with warnings_alone():
        asyncio.run(
            _listen(
                settings,
                folders,
                dataclasses.replace(options, speakers=parsed.tell_speakers),
                as_json=parsed.form == "json",
            )
        )
    return ExitCode.OK


def _place(place: str) -> tuple[SourceSettings, list[Path]]:
    """What was named, and where a file may lie: who names one here may read it."""
    path = Path(place)
    if "://" not in place and path.is_file():
        return SourceSettings(name=place, url=path.resolve().as_uri()), [path.resolve().parent]
    try:
        url = checked_setting(SOURCE_FIELDS["url"], place, "listen")
    except ExplainedInvalid:
        raise OptionsError(
            f"cannot listen there: expected an address such as rtsp://…, mic, or a file that is here; "
            f"allowed: {SOURCE_FIELDS['url'].metadata['allowed']}"
        ) from None
    return SourceSettings(name="listen", url=url), []


async def _listen(settings: SourceSettings, folders: list[Path], options: Options, *, as_json: bool) -> None:
    bus = Bus()
    everywhere = [*folders, *allowed_folders(options)]
    with fetch_progress(sys.stderr) as progress:
        async with (
            open_ears(options, progress=progress) as ears,
            open_household(options, data_dir(options), ears, bus.publish, keeps=False) as household,
        ):
            if options.speakers:
                await _ready(household, options, progress)
            listener = Listener(
                "listen",
                settings,
                ears=ears,
                bus=bus,
                keep=_keep_not,
                revise=lambda _heard: None,
                household=household,
                open_source=lambda settings, on_state: open_source(settings, on_state, folders=everywhere),
            )
            with bus.subscribe("terminal") as subscription:
                listening = asyncio.create_task(listener.run(), name="listener")
                showing = asyncio.create_task(
                    _show_json(subscription.events()) if as_json else _show(subscription.events()),
                    name="terminal",
                )
                try:
                    await asyncio.wait({listening, showing}, return_when=asyncio.FIRST_COMPLETED)
                    if showing.done():
                        showing.result()
                    await asyncio.sleep(0)  # what was told last is shown yet
                finally:
                    listening.cancel()
                    await asyncio.gather(listening, return_exceptions=True)
                    await asyncio.sleep(0)
                    showing.cancel()


async def _ready(household: Household, options: Options, progress: Progress) -> None:
    """Have the models before the sound begins. Raises ModelError."""
    await fetcher_of(options, progress).ensure([find_model(name) for name in SPEAKER_MODELS])
    await household.voices.settled()
    if household.voices.models is None:
        raise ModelError(household.voices.problem)


async def _keep_not(_heard: Heard, _samples: NDArray[np.int16] | None) -> None:
    """What is listened to for trying out is not kept."""


async def _show_json(events: AsyncIterator[BusEvent]) -> None:
    """One object a line, whatever happens."""
    async for event in events:
        content = {"event": type(event).__name__, **dataclasses.asdict(event)}
        print(json.dumps(content, default=datetime.isoformat, ensure_ascii=False), flush=True)
        _end_if_failed(event)


async def _show(events: AsyncIterator[BusEvent]) -> None:
    """Each utterance on a line with its time; on a terminal the words under way below them."""
    live = sys.stdout.isatty()
    async for event in events:
        match event:
            case Heard():
                time = event.start.astimezone().strftime("%H:%M:%S")
                said = f"{event.speaker_name}: {event.text}" if event.speaker else event.text
                print(f"{_CLEAR if live else ''}{time} {said}", flush=True)
            case UtteranceRevised(heard):
                time = heard.start.astimezone().strftime("%H:%M:%S")
                print(f"{_CLEAR if live else ''}{time} was {heard.speaker_name}: {heard.text}", flush=True)
            case Partial() if live:
                print(_CLEAR + _under_way(event), end="", flush=True)
            case Unheard() if live:
                print(_CLEAR, end="", flush=True)
            case SourceChanged(status=status, reason=reason) if status is not SourceStatus.HEALTHY:
                _end_if_failed(event)
                print(f"{_CLEAR if live else ''}{status}{': ' if reason else ''}{reason}", file=sys.stderr)
            case SoundLevel() | _:
                pass


def _under_way(partial: Partial) -> str:
    """The last words that fit on one line: committed ones plain, tentative ones dim."""
    width = shutil.get_terminal_size().columns - 1
    committed, tentative = partial.committed, partial.tentative
    space = " " if committed and tentative else ""
    tentative = tentative[-width:]
    committed = (committed + space)[-(width - len(tentative)) :] if width > len(tentative) else ""
    return f"{committed}{_DIM}{tentative}{_PLAIN}"


def _end_if_failed(event: BusEvent) -> None:
    if isinstance(event, SourceChanged) and event.status is SourceStatus.FAILED:
        raise AudioError(event.reason)
