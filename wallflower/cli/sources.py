"""`wallflower sources`: which sources of sound there are, with which settings, and how they are; what is at
an address.
"""

import argparse
import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Any

from wallflower.config import Options
from wallflower.config.places import data_dir
from wallflower.config.sources import SOURCE_FIELDS
from wallflower.errors import ExitCode
from wallflower.listening.house import STATE
from wallflower.listening.keeping import StoredState
from wallflower.listening.opening import allowed_folders, probe_place, shown_url
from wallflower.listening.overlay import ConfiguredSource, configured, slugs_of
from wallflower.listening.source_states import kept_states
from wallflower.storage.database import DATABASE_NAME


def execute(parsed: argparse.Namespace, options: Options) -> int:
    """List them, or look at an address."""
    if parsed.action == "probe":
        return _probe(parsed.url, options)
    home = data_dir(options)
    found = asyncio.run(_configured(options, home))
    states = kept_states(home)
    shown = [_plain(each, None if states is None else states.get(each.slug, {})) for each in found]
    if parsed.form == "json":
        print(json.dumps(shown, ensure_ascii=False, indent=1))
    elif not shown:
        print("there are no sources; the option `sources` names them")
    else:
        for each in shown:
            _print(each)
    return ExitCode.OK


def _probe(url: str, options: Options) -> int:
    """Raises AudioError."""
    sound = asyncio.run(probe_place(url, folders=allowed_folders(options)))
    channels = (
        f"{sound.channels} channel{'s' * (sound.channels != 1)}" if sound.channels else "channels not told"
    )
    print(
        f"{sound.codec}, {channels}, {sound.rate} Hz, {'with an end' if sound.finite else 'without an end'}"
    )
    return ExitCode.OK


async def _configured(options: Options, home: Path) -> list[ConfiguredSource]:
    """As the daemon has it, or will at its next start. Raises StorageError."""
    path = home / DATABASE_NAME
    there = await asyncio.to_thread(path.exists)
    known = await StoredState(path, STATE).load() if there else None
    known = known if isinstance(known, dict) else {}
    overlay = known.get("sources", {})
    return list(configured(slugs_of(options.sources, known.get("slugs", {}), overlay), overlay).values())


def _plain(source: ConfiguredSource, state: dict[str, Any] | None) -> dict[str, Any]:
    """state: as the daemon keeps it; None when none runs."""
    settings = dataclasses.asdict(source.settings) | {"url": shown_url(source.settings)}
    return {
        "slug": source.slug,
        "status": "the daemon does not run" if state is None else state.get("status", "not begun yet"),
        "reason": (state or {}).get("reason", ""),
        "lost": (state or {}).get("lost", 0),
        "processors": (state or {}).get("processors", []),
        "settings": {name: {"value": settings[name], "from": source.holds(name)} for name in SOURCE_FIELDS},
    }


def _print(source: dict[str, Any]) -> None:
    reason = f": {source['reason']}" if source["reason"] else ""
    print(f"{source['slug']}  {source['status']}{reason}")
    if source["lost"]:
        print(f"  {source['lost']} passages could not be decoded")
    for processor in source["processors"]:
        troubles = [
            processor["problem"],
            "set aside for a while" if processor["set_aside"] else "",
            f"{processor['missed']:.0f} s of sound missed" if processor["missed"] else "",
        ]
        if any(troubles):
            print(f"  {processor['name']}: {'; '.join(filter(None, troubles))}")
    for name, setting in source["settings"].items():
        value = setting["value"]
        shown = ("yes" if value else "no") if isinstance(value, bool) else f"{value}"
        print(f"  {name:<17} {shown or '-':<40} {setting['from']}")
