"""How the sources are, kept where `wallflower sources list` can see it: it is another process."""

import asyncio
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from wallflower.config.kept import read_kept, write_kept
from wallflower.listening.sources import Sources, SourceView

FILE = "sources.json"

_LOOK_SECONDS = 2.0


def condition_of(view: SourceView) -> dict[str, Any]:
    """How a source is, as plain data: status, reason, and how the processors do."""
    health = view.health
    return {
        "status": view.state.status.value,
        "reason": view.state.reason,
        "lost": health.lost if health else 0,
        "processors": [asdict(each) for each in health.processors] if health else [],
    }


async def keep_states(home: Path, sources: Sources) -> None:
    """Keep how the sources are whenever that changes, until cancelled."""
    path = home / FILE
    before: dict[str, Any] | None = None
    try:
        while True:
            now = {view.configured.slug: condition_of(view) for view in sources.list()}
            if now != before:
                await asyncio.to_thread(write_kept, path, {"pid": os.getpid(), "sources": now})
                before = now
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        path.unlink(missing_ok=True)


def kept_states(home: Path) -> dict[str, Any] | None:
    """How the sources of the running daemon are, by slug; None when none runs."""
    import psutil

    kept = read_kept(home / FILE)
    pid, states = kept.get("pid"), kept.get("sources")
    if not isinstance(pid, int) or not psutil.pid_exists(pid) or not isinstance(states, dict):
        return None
    return states
