"""Reading alerts; the recorder writes them (`Recorder.keep_alert`)."""

import json
from typing import Any

import aiosqlite

from wallflower.events import Alert
from wallflower.storage.ids import time_of

_MOST = 500


async def list_alerts(
    db: aiosqlite.Connection,
    *,
    after: int | None = None,
    limit: int = 50,
    rule: str | None = None,
    source: str | None = None,
) -> tuple[Alert, ...]:
    """A page of alerts, the newest first, each as it was told last.

    after: the id of the last one on the page before. limit: 1 to 500. rule, source: slugs, None for any; an
    empty source is the box. Raises sqlite3.Error.
    """
    wanted = {"id < ?": after, "rule = ?": rule, "source = ?": source}
    conditions = {condition: value for condition, value in wanted.items() if value is not None}
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    rows = await db.execute_fetchall(
        "SELECT id, rule, kind, source, severity, phase, summary, at, utterance, detail FROM alerts "  # noqa: S608
        f"{where}ORDER BY id DESC LIMIT ?",
        (*conditions.values(), max(1, min(limit, _MOST))),
    )
    return tuple(_alert(row) for row in rows)


def _alert(row: Any) -> Alert:
    identity, rule, kind, source, severity, phase, summary, at, utterance, detail = row
    return Alert(
        id=identity,
        rule=rule,
        kind=kind,
        source=source,
        severity=severity,
        phase=phase,
        summary=summary,
        at=time_of(at),
        utterance=utterance,
        detail=tuple((name, value) for name, value in json.loads(detail)),
    )
