"""What is written in one transaction: utterances and alerts, later ones in the place of earlier ones.

Who was merged into another is written as that one. Who was forgotten is nobody, and no alert names them; with
their words, what they said is not written either.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import aiosqlite

from wallflower.events import Alert, Heard, UtteranceRevised
from wallflower.storage.database import transaction
from wallflower.storage.ids import milliseconds_of
from wallflower.storage.records import clean, speaker_confidence, to_row
from wallflower.storage.speaker_names import automatic_name

_HEARD = """
INSERT INTO utterances
  (id, source, "end", audio_start, audio_end, text, language, speaker, engine, confidence, revision, words,
   speaker_confidence, overlapped)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
  source = excluded.source, "end" = excluded."end", audio_start = excluded.audio_start,
  audio_end = excluded.audio_end, text = excluded.text, language = excluded.language,
  speaker = excluded.speaker, engine = excluded.engine, confidence = excluded.confidence,
  revision = excluded.revision, words = excluded.words, speaker_confidence = excluded.speaker_confidence,
  overlapped = excluded.overlapped
WHERE excluded.revision > revision
"""
_REVISED = """
UPDATE utterances SET speaker = ?, speaker_confidence = ?, overlapped = ?, revision = ?
WHERE id = ? AND revision < ?
"""
_SPEAKERS = """
SELECT asked.value, speakers.id, former_speakers.id, former_speakers.now, former_speakers.words_gone
FROM json_each(?) AS asked
LEFT JOIN speakers ON speakers.id = asked.value LEFT JOIN former_speakers ON former_speakers.id = asked.value
"""
_ALERT = """
INSERT INTO alerts (id, at, rule, kind, source, severity, phase, summary, utterance, detail)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING
"""
_ALERT_AGAIN = """
UPDATE alerts SET at = ?2, severity = ?6, phase = ?7, summary = ?8, utterance = ?9, detail = ?10 WHERE id = ?1
"""


async def write_batch(db: aiosqlite.Connection, batch: Sequence[Heard | Alert | UtteranceRevised]) -> None:
    """All of them or none. Writing the same again changes nothing. Raises sqlite3.Error.

    An utterance that was revised is written only if it is there: it may have been forgotten.
    """
    heard = [one for one in batch if isinstance(one, Heard)]
    revised = [one.heard for one in batch if isinstance(one, UtteranceRevised)]
    alerts = [one for one in batch if isinstance(one, Alert)]
    slugs = sorted({clean(one.source) for one in heard})
    async with transaction(db):
        await db.executemany("INSERT OR IGNORE INTO sources (slug) VALUES (?)", [(slug,) for slug in slugs])
        sources = {row[0]: row[1] for row in await db.execute_fetchall("SELECT slug, id FROM sources")}
        speakers = await _speakers(db, [*heard, *revised])
        rows = [
            to_row(one, sources[clean(one.source)], speaker)
            for one in heard
            if (speaker := _speaker(one, speakers)) is not None
        ]
        # In the order of ids: the full-text index would begin a new piece at each step back.
        await db.executemany(_HEARD, sorted(rows, key=lambda row: (row[0], row[10])))
        await db.executemany(
            _REVISED,
            [
                (
                    speaker,
                    speaker_confidence(one, speaker),
                    one.overlapped,
                    one.revision,
                    one.id,
                    one.revision,
                )
                for one in sorted(revised, key=lambda one: (one.id, one.revision))
                if (speaker := _speaker(one, speakers)) is not None
            ],
        )
        unnamed = await _of_nobody_forgotten(db, alerts)
        await db.executemany(_ALERT, [_alert_row(one) for one in unnamed if one.phase == "raised"])
        # What became of it only if it is there: it may have been forgotten.
        await db.executemany(_ALERT_AGAIN, [_alert_row(one) for one in unnamed if one.phase != "raised"])
        await db.executemany(
            "DELETE FROM alerts WHERE id = ?", [(one.id,) for one in alerts if one not in unnamed]
        )
        gone = [(one.id,) for one in (*heard, *revised) if _speaker(one, speakers) is None]
        await db.executemany("DELETE FROM utterances WHERE id = ?", gone)
        await db.executemany("DELETE FROM alerts WHERE utterance = ?", gone)


async def _speakers(db: aiosqlite.Connection, heard: Sequence[Heard]) -> dict[int, str | None]:
    """What is to be written for each of their speakers; None for those whose words are gone.

    An automatic speaker who is not there is added: the database may be a new one.
    """
    told = {one.speaker.id: one for one in reversed(heard) if one.speaker is not None}
    written: dict[int, str | None] = {}
    for asked, there, former, now, words_gone in list(
        await db.execute_fetchall(_SPEAKERS, (json.dumps(list(told)),))
    ):
        one = told[asked]
        if former is not None:
            written[asked] = None if words_gone else str(now or "")
        elif there is None and (one.speaker is None or one.speaker.known or not await _add(db, one, asked)):
            written[asked] = ""
        else:
            written[asked] = str(asked)
    return written


async def _add(db: aiosqlite.Connection, heard: Heard, identity: int) -> bool:
    done = await db.execute(
        "INSERT OR IGNORE INTO speakers (id, name, known, created) VALUES (?, ?, 0, ?)",
        (identity, automatic_name(identity), milliseconds_of(heard.start)),
    )
    return done.rowcount == 1


async def _of_nobody_forgotten(db: aiosqlite.Connection, alerts: Sequence[Alert]) -> list[Alert]:
    """Those that do not name a person who was forgotten meanwhile."""
    named = {one.id: int(str(dict(one.detail).get("speaker_id") or 0)) for one in alerts}
    rows = await db.execute_fetchall(
        "SELECT id FROM former_speakers WHERE now IS NULL AND id IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(set(named.values()))),),
    )
    forgotten = {row[0] for row in rows}
    return [one for one in alerts if named[one.id] not in forgotten]


def _speaker(heard: Heard, speakers: Mapping[int, str | None]) -> str | None:
    return "" if heard.speaker is None else speakers[heard.speaker.id]


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
