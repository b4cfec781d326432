"""`wallflower alerts`: the rules, the last alerts, and what webhooks did not take."""

import argparse
import asyncio
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from wallflower.alerts.book import STATE, Entry, entries_of
from wallflower.alerts.letters import STATE as LETTERS
from wallflower.alerts.letters import DeadLetter, dead_letters
from wallflower.alerts.reading import rules_of
from wallflower.alerts.targets import targets_of
from wallflower.config import Options
from wallflower.config.places import data_dir
from wallflower.errors import ExitCode
from wallflower.events import Alert
from wallflower.storage.alerts import list_alerts
from wallflower.storage.database import DATABASE_NAME, reading
from wallflower.storage.state import get_state


def execute(parsed: argparse.Namespace, options: Options) -> int:
    """Show them. Raises WallflowerError."""
    stated = rules_of(options)
    targets_of(options)  # a wrong one is told here, too
    changes, alerts, dead = asyncio.run(_kept(options, parsed.limit))
    entries = entries_of(stated, changes)
    if parsed.json:
        print(json.dumps(_plain(entries, alerts, dead), indent=2, ensure_ascii=False))
        return ExitCode.OK
    console = Console()
    _print(
        console,
        "Rules",
        ("rule", "kind", "where", "from", "says"),
        [_rule_row(each) for each in entries.values()],
    )
    _print(
        console,
        "Last alerts",
        ("when", "rule", "phase", "severity", "what"),
        [_alert_row(each) for each in alerts],
    )
    if dead:
        _print(
            console,
            "Not delivered",
            ("when", "webhook", "alert", "why", "tries"),
            [_dead_row(each) for each in dead],
        )
    return ExitCode.OK


async def _kept(options: Options, limit: int) -> tuple[dict[str, Any], tuple[Alert, ...], list[DeadLetter]]:
    """What was changed at run time, the last alerts, the dead letters; nothing where nothing was kept yet."""
    path = data_dir(options) / DATABASE_NAME
    if not path.exists():
        return {}, (), []
    async with reading(path) as db:
        changes = await get_state(db, STATE)
        letters = await get_state(db, LETTERS)
        alerts = await list_alerts(db, limit=limit)
    return changes if isinstance(changes, dict) else {}, alerts, dead_letters(letters)


def _print(console: Console, title: str, headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows or [("none", *[""] * (len(headings) - 1))]:
        table.add_row(*(_printable(cell) for cell in row))
    console.print(table)


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text).replace("[", "\\[")


def _rule_row(entry: Entry) -> tuple[str, ...]:
    rule = entry.rule
    known = {"name", "kind", "sources", "enabled"}
    says = ", ".join(f"{name}: {value}" for name, value in entry.given.items() if name not in known)
    where = ", ".join(rule.sources) or "everywhere"
    return rule.slug, rule.kind, where if rule.enabled else "off", entry.origin, says


def _alert_row(alert: Alert) -> tuple[str, ...]:
    return _time(alert.at), alert.rule, alert.phase, alert.severity, alert.summary


def _dead_row(dead: DeadLetter) -> tuple[str, ...]:
    written = datetime.fromtimestamp(dead.letter.written, UTC)
    payload = dead.letter.payload
    told = f"{payload.get('rule')} {payload.get('phase')}"
    return _time(written), dead.letter.target, told, dead.reason, str(dead.attempts)


def _time(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def _plain(entries: dict[str, Entry], alerts: tuple[Alert, ...], dead: list[DeadLetter]) -> dict[str, Any]:
    return {
        "rules": [{"slug": slug, "from": each.origin, **each.given} for slug, each in entries.items()],
        "alerts": [
            {**asdict(each), "id": str(each.id), "at": each.at.isoformat(), "detail": dict(each.detail)}
            for each in alerts
        ],
        "not_delivered": [asdict(each) for each in dead],
    }
