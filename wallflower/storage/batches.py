"""What is written in one transaction: utterances and alerts, later ones in the place of earlier ones."""

import json
from collections.abc import Sequence
from typing import Any

import aiosqlite

from wallflower.events import Alert, Heard
from wallflower.storage.database import transaction
from wallflower.storage.ids import milliseconds_of
from wallflower.storage.records import clean, to_row

_HEARD = """
INSERT INTO utterances
  (id, source, "end", audio_start, audio_end, text, language, speaker, engine, confidence, revision, words)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
  source = excluded.source, "end" = excluded."end", audio_start = excluded.audio_start,
  audio_end = excluded.audio_end, text = excluded.text, language = excluded.language,
  speaker = excluded.speaker, engine = excluded.engine, confidence = excluded.confidence,
  revision = excluded.revision, words = excluded.words
WHERE excluded.revision > revision
"""
_ALERT = """
INSERT INTO alerts (id, at, rule, kind, source, severity, phase, summary, utterance, detail)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
  at = excluded.at, severity = excluded.severity, phase = excluded.phase, summary = excluded.summary,
  utterance = excluded.utterance, detail = excluded.detail
"""


async def write_batch(db: aiosqlite.Connection, batch: Sequence[Heard | Alert]) -> None:
    """All of them or none. Writing the same again changes nothing. Raises sqlite3.Error."""
    heard = [one for one in batch if isinstance(one, Heard)]
    alerts = [_alert_row(one) for one in batch if isinstance(one, Alert)]
    slugs = sorted({clean(one.source) for one in heard})
    async with transaction(db):
        await db.executemany("INSERT OR IGNORE INTO sources (slug) VALUES (?)", [(slug,) for slug in slugs])
        sources = {row[0]: row[1] for row in await db.execute_fetchall("SELECT slug, id FROM sources")}
        rows = [to_row(one, sources[clean(one.source)]) for one in heard]
        # In the order of ids: the full-text index would begin a new piece at each step back.
        await db.executemany(_HEARD, sorted(rows, key=lambda row: (row[0], row[10])))
        await db.executemany(_ALERT, alerts)


def _alert_row(alert: Alert) -> tuple[Any, ...]:
    detail = [
        [clean(name), clean(value) if isinstance(value, str) else value] for name, value in alert.detail
    ]
    return (
        alert.id,
        milliseconds_of(alert.at),
        *map(clean, (alert.rule, alert.kind, alert.source, alert.severity, alert.phase, alert.summary)),
        alert.utterance,
        json.dumps(detail, ensure_ascii=False, separators=(",", ":")),
    )
