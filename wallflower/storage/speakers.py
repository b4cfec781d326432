"""Speakers: who there is, their names and voiceprints, merged, split and forgotten.

A voiceprint is bytes here; the room `speakers` knows what is in it. Each change is whole or not at all, on a
connection of `database.writing`. Where many utterances follow, they do so in small steps, between which
others write; `former_speakers` tells them who is meant meanwhile, and `go_on` ends what was interrupted.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiosqlite

from wallflower.storage.database import transaction
from wallflower.storage.errors import NameTakenError, NoSuchSpeakerError, StorageError
from wallflower.storage.forgetting import STEP, Forget, erase, forget
from wallflower.storage.ids import milliseconds_of, start_of, time_of
from wallflower.storage.speaker_names import automatic_name, check_free, identity_of, name_of_person

_PAUSE_SECONDS = 0.02  # between two steps, for those who write
_MOST_NAMED = 20
_BY_HAND = 1_000_000  # revisions that a change by hand counts as
_STORED = (
    "SELECT id, name, known, colour, created, coalesce(model, ''), embeddings "
    "FROM speakers LEFT JOIN voiceprints ON speaker = id"
)
_FORMER = """
INSERT INTO former_speakers (id, now, words_gone) VALUES (?1, ?2, ?3)
ON CONFLICT (id) DO UPDATE SET now = excluded.now, words_gone = max(words_gone, excluded.words_gone)
"""


@dataclass(frozen=True, slots=True)
class StoredSpeaker:
    """colour: #rrggbb, by id. created: aware. model: that made the voiceprint; empty when there is none."""

    id: int
    name: str
    known: bool
    colour: str
    created: datetime
    model: str
    voiceprint: bytes | None


@dataclass(frozen=True, slots=True)
class SpeakerCount:
    """utterances: how many. last: when the last one began."""

    utterances: int
    last: datetime


@dataclass(frozen=True, slots=True)
class FormerSpeaker:
    """Who an id is now; None for a person who was forgotten. words_gone: with all they said."""

    now: int | None
    words_gone: bool


async def list_speakers(db: aiosqlite.Connection) -> tuple[StoredSpeaker, ...]:
    """All of them: those who are known by name, then the others by id. Raises sqlite3.Error."""
    rows = await db.execute_fetchall(
        f"{_STORED} ORDER BY known DESC, CASE WHEN known THEN name END COLLATE NOCASE, id"
    )
    return tuple(map(_stored, rows))


async def find_speaker(db: aiosqlite.Connection, who: str) -> StoredSpeaker:
    """Who has this name, in any case, or this id, as text.

    Raises NoSuchSpeakerError, which tells who there is; sqlite3.Error.
    """
    identity = await identity_of(db, who)
    if identity is None:
        names = [speaker.name for speaker in await list_speakers(db)]
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        raise NoSuchSpeakerError(
            f"there is no speaker {who!r}; there are: {', '.join(names[:_MOST_NAMED]) or 'none'}{more}"
        )
    return await _find(db, identity)


async def former_speakers(db: aiosqlite.Connection) -> dict[int, FormerSpeaker]:
    """Who was merged or forgotten, by their former ids. Raises sqlite3.Error."""
    rows = await db.execute_fetchall("SELECT id, now, words_gone FROM former_speakers")
    return {identity: FormerSpeaker(now, bool(words_gone)) for identity, now, words_gone in rows}


async def speakers_version(db: aiosqlite.Connection) -> int:
    """Another number after each change of a speaker, a voiceprint or who is who now. Raises sqlite3.Error."""
    ((version,),) = await db.execute_fetchall("SELECT value FROM state WHERE name = 'speakers_version'")
    return int(version)


async def speaker_counts(db: aiosqlite.Connection) -> dict[int, SpeakerCount]:
    """How much each speaker said; those who said nothing are not in it. Raises sqlite3.Error."""
    rows = await db.execute_fetchall(
        "SELECT CAST(speaker AS INTEGER), count(*), max(id) FROM utterances WHERE speaker <> '' "
        "GROUP BY speaker"
    )
    return {speaker: SpeakerCount(count, start_of(last)) for speaker, count, last in rows}


async def add_speaker(db: aiosqlite.Connection, name: str | None, at: datetime) -> StoredSpeaker:
    """A new one; without a name an automatic one, called "Speaker 4" by the id.

    Raises SpeakerNameError for what is no name, NameTakenError, sqlite3.Error.
    """
    async with transaction(db):
        return await _add(db, name, at)


async def rename_speaker(db: aiosqlite.Connection, identity: int, name: str) -> StoredSpeaker:
    """Another name; an automatic speaker is a known person from now on.

    Raises NoSuchSpeakerError, SpeakerNameError, NameTakenError, sqlite3.Error.
    """
    name = name_of_person(name)
    async with transaction(db):
        await _check_there(db, identity)
        await check_free(db, name, but_for=identity)
        await db.execute("UPDATE speakers SET name = ?, known = 1 WHERE id = ?", (name, identity))
        return await _find(db, identity)


async def set_voiceprint(db: aiosqlite.Connection, identity: int, model: str, data: bytes | None) -> None:
    """Keep a voiceprint, in the place of another; None takes it away.

    Raises NoSuchSpeakerError, sqlite3.Error.
    """
    async with transaction(db):
        await _check_there(db, identity)
        await _set_voiceprint(db, identity, None if data is None else (model, data))


async def keep_people(
    db: aiosqlite.Connection, voiceprints: Mapping[str, tuple[str, bytes]], *, replace: bool
) -> tuple[StoredSpeaker, ...]:
    """Known people by name, with model and data of their voiceprints: all or nobody.

    replace: give who has a name already this voiceprint, else NameTakenError is raised; it is too when two of
    the names are the same. Raises SpeakerNameError, sqlite3.Error.
    """
    people: dict[int, None] = {}
    async with transaction(db):
        for name, voiceprint in voiceprints.items():
            identity = await identity_of(db, name_of_person(name)) if replace else None
            if identity is None:
                identity = (await _add(db, name, datetime.now(UTC))).id
            if identity in people:
                raise NameTakenError(f"the name {name!r} comes twice")
            await _check_there(db, identity)
            await _set_voiceprint(db, identity, voiceprint)
            people[identity] = None
        return tuple([await _find(db, identity) for identity in people])


async def merge_speakers(
    db: aiosqlite.Connection, identity: int, into: int, voiceprint: tuple[str, bytes] | None
) -> None:
    """From now on one is the other, who keeps the name; all that the one said follows, step by step.

    voiceprint: model and data, of both; None leaves that of `into`. When it is interrupted, who hears the one
    writes the other already, and the same again goes on. Raises NoSuchSpeakerError, StorageError for one
    speaker alone, sqlite3.Error.
    """
    if identity == into:
        raise StorageError(f"speaker {identity} cannot be merged into itself")
    async with transaction(db):
        await _check_there(db, identity, former=into)
        await _check_there(db, into)
        await db.execute(_FORMER, (identity, into, 0))
        await db.execute("UPDATE former_speakers SET now = ? WHERE now = ?", (into, identity))
        await db.execute("DELETE FROM voiceprints WHERE speaker = ?", (identity,))
        if voiceprint is not None:
            await _set_voiceprint(db, into, voiceprint)
    await _hand_over(db, identity, into)
    await _remove(db, identity, into)


async def split_speaker(db: aiosqlite.Connection, utterances: Sequence[int]) -> StoredSpeaker:
    """A new automatic speaker, who said these utterances. Raises StorageError naming those that are not
    there, sqlite3.Error.
    """
    async with transaction(db):
        asked = json.dumps(list(utterances))
        missing = await db.execute_fetchall(
            "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT id FROM utterances)", (asked,)
        )
        if not utterances or (names := ", ".join(str(identity) for (identity,) in missing)):
            raise StorageError(f"there is no utterance {names}" if utterances else "no utterance is named")
        speaker = await _add(db, None, datetime.now(UTC))
        # All revisions by those who heard it before come too late.
        await db.execute(
            "UPDATE utterances SET speaker = ?, speaker_confidence = NULL, revision = revision + ? "
            "WHERE id IN (SELECT value FROM json_each(?))",
            (str(speaker.id), _BY_HAND, asked),
        )
        return speaker


async def forget_speaker(db: aiosqlite.Connection, identity: int, sounds: Path | None, *, words: bool) -> int:
    """Forget a person, so that neither name nor voiceprint is left in any file. Returns how many utterances.

    words: delete all they said, too, with the sounds in that folder; else nobody known said it. Alerts that
    name them go. When it is interrupted, the same again goes on. Raises NoSuchSpeakerError, sqlite3.Error and
    OSError.
    """
    async with transaction(db):
        speaker = await _find(db, identity)
        await _forget_alerts(db, speaker)
        await db.execute(_FORMER, (identity, None, words))
        await db.execute(
            "UPDATE former_speakers SET now = NULL, words_gone = ? WHERE now = ?", (words, identity)
        )
        await db.execute("DELETE FROM voiceprints WHERE speaker = ?", (identity,))
        await db.execute(
            "UPDATE OR IGNORE speakers SET name = ?, known = 0 WHERE id = ?",
            (automatic_name(identity), identity),
        )
    if words:
        count = await forget(db, Forget(speaker=str(identity)), sounds)
    else:
        count = await _hand_over(db, identity, None)
        await erase(db, wholly=True)
    await _remove(db, identity, None)
    return count


async def go_on(db: aiosqlite.Connection, sounds: Path | None) -> None:
    """End what was interrupted: a merge, or forgetting. Raises sqlite3.Error and OSError."""
    halfway = await db.execute_fetchall(
        "SELECT id, now, words_gone FROM former_speakers JOIN speakers USING (id)"
    )
    for identity, now, words_gone in list(halfway):
        if now is None:
            await forget_speaker(db, identity, sounds, words=bool(words_gone))
        else:
            await _hand_over(db, identity, now)
            await _remove(db, identity, now)


async def drop_unused(db: aiosqlite.Connection, older_than: datetime) -> int:
    """Remove automatic speakers of whom nothing is kept, who were there before. Returns how many.

    Raises sqlite3.Error.
    """
    done = await db.execute(
        "DELETE FROM speakers WHERE NOT known AND created < ? "
        "AND NOT EXISTS (SELECT 1 FROM utterances WHERE speaker <> '' "
        "AND speaker = CAST(speakers.id AS TEXT)) "
        "AND NOT EXISTS (SELECT 1 FROM voiceprints WHERE speaker = speakers.id) "
        "AND NOT EXISTS (SELECT 1 FROM former_speakers WHERE speakers.id IN (id, now))",
        (milliseconds_of(older_than),),
    )
    return done.rowcount


async def _add(db: aiosqlite.Connection, name: str | None, at: datetime) -> StoredSpeaker:
    rows = list(await db.execute_fetchall("SELECT seq FROM sqlite_sequence WHERE name = 'speakers'"))
    identity = int(rows[0][0]) + 1 if rows else 1
    called = automatic_name(identity) if name is None else name_of_person(name)
    await check_free(db, called)
    await db.execute(
        "INSERT INTO speakers (id, name, known, created) VALUES (?, ?, ?, ?)",
        (identity, called, name is not None, milliseconds_of(at)),
    )
    return await _find(db, identity)


async def _find(db: aiosqlite.Connection, identity: int) -> StoredSpeaker:
    rows = list(await db.execute_fetchall(f"{_STORED} WHERE id = ?", (identity,)))
    if not rows:
        raise NoSuchSpeakerError(f"there is no speaker {identity}")
    return _stored(rows[0])


async def _check_there(db: aiosqlite.Connection, identity: int, former: int | None = None) -> None:
    """Raise NoSuchSpeakerError for who is not there, or is going, but for who goes into `former`."""
    rows = list(
        await db.execute_fetchall(
            "SELECT former_speakers.id, now FROM speakers LEFT JOIN former_speakers USING (id) "
            "WHERE speakers.id = ?",
            (identity,),
        )
    )
    if not rows or (rows[0][0] is not None and (former is None or rows[0][1] != former)):
        raise NoSuchSpeakerError(f"there is no speaker {identity}")


async def _set_voiceprint(
    db: aiosqlite.Connection, identity: int, voiceprint: tuple[str, bytes] | None
) -> None:
    if voiceprint is None:
        await db.execute("DELETE FROM voiceprints WHERE speaker = ?", (identity,))
        return
    await db.execute(
        "INSERT INTO voiceprints (speaker, model, embeddings, updated) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (speaker) DO UPDATE SET model = excluded.model, embeddings = excluded.embeddings, "
        "updated = excluded.updated",
        (identity, *voiceprint, milliseconds_of(datetime.now(UTC))),
    )


async def _hand_over(db: aiosqlite.Connection, identity: int, to: int | None) -> int:
    """Have all that one said be said by another, or by nobody; in small steps, and not on when that one is
    somebody else by now. Returns how much.
    """
    count = 0
    while True:
        async with transaction(db):
            done = await db.execute(
                "UPDATE utterances SET speaker = :to, "
                "speaker_confidence = CASE WHEN :to <> '' THEN speaker_confidence END WHERE id IN ("
                "SELECT id FROM utterances WHERE speaker = :who AND speaker <> '' LIMIT :step) "
                "AND EXISTS (SELECT 1 FROM former_speakers WHERE id = :id AND now IS :now)",
                {"to": str(to or ""), "who": str(identity), "step": STEP, "id": identity, "now": to},
            )
        if not done.rowcount:
            return count
        count += done.rowcount
        await asyncio.sleep(_PAUSE_SECONDS)


async def _remove(db: aiosqlite.Connection, identity: int, now: int | None) -> None:
    """Unless that one is somebody else by now: then `go_on` does the rest."""
    await db.execute(
        "DELETE FROM speakers WHERE id = :id "
        "AND EXISTS (SELECT 1 FROM former_speakers WHERE id = :id AND now IS :now)",
        {"id": identity, "now": now},
    )


async def _forget_alerts(db: aiosqlite.Connection, speaker: StoredSpeaker) -> None:
    """Those that name them, also by a former name: what names somebody has name and id in its detail."""
    await db.execute(
        "DELETE FROM alerts WHERE EXISTS (SELECT 1 FROM ("
        "SELECT json_extract(value, '$[0]') AS key, json_extract(value, '$[1]') AS told "
        "FROM json_each(detail)) WHERE (key = 'speaker' AND told = ?1) "
        "OR (key = 'speaker_id' AND (CAST(told AS INTEGER) = ?2 "  # ids are text there
        "OR CAST(told AS INTEGER) IN (SELECT id FROM former_speakers WHERE now = ?2))))",
        (speaker.name, speaker.id),
    )


def _stored(row: Any) -> StoredSpeaker:
    identity, name, known, colour, created, model, embeddings = row
    return StoredSpeaker(identity, name, bool(known), colour, time_of(created), model, embeddings)
