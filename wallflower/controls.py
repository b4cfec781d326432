"""What may be asked of the running daemon from outside, and how it is done."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from wallflower.alerts.book import Book
from wallflower.bus import Bus
from wallflower.config import Options, checks
from wallflower.config.chosen import choose
from wallflower.config.identity import Identity
from wallflower.engines.timings import forget_calibrations
from wallflower.engines.wishes import AUTO
from wallflower.errors import WallflowerError
from wallflower.events import SourceStatus
from wallflower.interfaces.mqtt.broker import broker_of, find_broker
from wallflower.interfaces.mqtt.controls import BY_POWER, Controls, Desk, SourceCard
from wallflower.interfaces.mqtt.door import Door
from wallflower.interfaces.mqtt.transcribing import Transcriber
from wallflower.listening.bulletin import Bulletin
from wallflower.listening.ears import Ears
from wallflower.listening.sources import Sources, SourceView
from wallflower.listening.vitals import read_vitals

_RESTART_SECONDS = 0.5
"""Until a restart begins: time to answer whoever asked for it."""


class ControlError(WallflowerError):
    """What was asked for cannot be done here."""


@dataclass(frozen=True, slots=True)
class Running:
    """The running daemon. given: its options; options: with what was chosen since. started: aware.
    restart: ends the daemon, and has it begin anew. desk: None where speakers are not told apart.
    """

    given: Options
    options: Options
    home: Path
    identity: Identity
    ears: Ears
    bulletin: Bulletin
    sources: Sources
    rules: Book
    started: datetime
    restart: Callable[[], None]
    desk: Desk | None = None


async def mqtt_door(running: Running, bus: Bus) -> Door:
    """The door to MQTT. Raises OptionsError when a certificate's file is none."""
    options = running.options
    if options.mqtt_url:
        await asyncio.to_thread(broker_of, options)
    return Door(
        bus,
        running.identity,
        controls_of(running),
        Transcriber(running.identity.id, running.ears, most_seconds=options.max_utterance_seconds),
        partial(find_broker, options),
        discovery_prefix=options.mqtt_discovery_prefix,
        on_change=running.bulletin.tell,
    )


def controls_of(running: Running) -> Controls:
    """What MQTT may ask for."""

    async def restart() -> None:
        asyncio.get_running_loop().call_later(_RESTART_SECONDS, running.restart)

    async def calibrate() -> None:
        if running.options.model != AUTO:
            raise ControlError(
                f"the options name the model {running.options.model}: there is nothing to measure"
            )
        await asyncio.to_thread(forget_calibrations, running.home)
        await restart()

    async def choose_and_restart(name: str, value: str) -> None:
        if value != getattr(running.options, name):
            await asyncio.to_thread(choose, running.given, running.home, name, value)
            await restart()

    return Controls(
        sources=lambda: [_card(view, running) for view in running.sources.list()],
        state=lambda slug: _state(running.sources.get(slug)),
        change_source=partial(_change_source, running),
        listen=partial(_listen, running.sources),
        vitals=lambda: read_vitals(running.ears, running.bulletin, running.started),
        power=lambda: running.options.power,
        tier=lambda: running.options.policy or BY_POWER,
        restart=restart,
        calibrate=calibrate,
        choose_power=lambda value: choose_and_restart("power", value),
        choose_tier=lambda value: choose_and_restart("policy", "" if value == BY_POWER else value),
        desk=running.desk,
    )


def _card(view: SourceView, running: Running) -> SourceCard:
    slug, settings, rules = view.configured.slug, view.configured.settings, running.rules
    return SourceCard(
        slug,
        settings.name,
        listening=settings.enabled,
        silence_minutes=float(rules.of_source(slug, "silence").get("minutes", 0.0)),
        sensitivity=settings.sensitivity,
        keywords=tuple(checks.list_of(checks.one_line)(rules.of_source(slug, "keyword").get("words", []))),
        kept=running.options.keep_transcripts and settings.keep_transcripts,
    )


def _state(view: SourceView) -> tuple[SourceStatus, str]:
    return view.state.status, view.state.reason


async def _change_source(running: Running, slug: str, field: str, value: Any) -> None:
    """Give one field of a source's card another value. Raises WallflowerError."""
    sources, rules = running.sources, running.rules
    sources.get(slug)
    match field:
        case "listening":
            await sources.update(slug, {"enabled": value})
        case "silence_minutes":
            await rules.set_of_source(slug, "silence", {"minutes": value} if value else None)
        case "keywords":
            await rules.set_of_source(slug, "keyword", {"words": list(value)} if value else None)
        case _:
            await sources.update(slug, {field: value})


async def _listen(sources: Sources, wanted: bool) -> None:
    """Listen to all sources, or to none. Raises WallflowerError."""
    views = sources.list()
    if not views:
        raise ControlError("this box has no sources of sound")
    for view in views:
        await sources.update(view.configured.slug, {"enabled": wanted})
