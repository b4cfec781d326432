"""Reading: utterances by text, source, speaker, language and time, a page at a time."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiosqlite

from wallflower.events import Heard
from wallflower.storage.expressions import label_expression, match_expression
from wallflower.storage.ids import first_id
from wallflower.storage.records import COLUMNS, JOINED, clean, from_row
from wallflower.storage.speaker_names import label_of

MARK_START, MARK_END = "\x02", "\x03"
"""Around each hit in a snippet; stored text holds no control characters."""

MOST_PER_PAGE = 500

_SNIPPET_TOKENS = 24
_RANKED = 10_000
_STREAM_PAGE = 500


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for; None and an empty text ask for all.

    text: as people type it (expressions.py). source, language: exactly. speaker: a name in any case, or an
    id; empty for those of whom it is not known who spoke. since, until: aware; the utterance begins at or
    after the one and before the other.
    """

    text: str = ""
    source: str | None = None
    speaker: str | None = None
    language: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """snippet: the text near what was looked for, that between MARK_START and MARK_END; else all of it."""

    heard: Heard
    snippet: str


@dataclass(frozen=True, slots=True)
class Page:
    """next_after: to be given as `after` for the next page; None when this is the last."""

    hits: tuple[Hit, ...]
    next_after: int | None


async def search(
    db: aiosqlite.Connection,
    query: Query,
    *,
    after: int | None = None,
    limit: int = 50,
    oldest_first: bool = False,
) -> Page:
    """A page of what was asked for, in the order of time, newest first by default.

    after: the page before's `next_after`. limit: 1 to 500. Raises sqlite3.Error; ValueError for a time
    without a zone or before 1970.
    """
    limit = max(1, min(limit, MOST_PER_PAGE))
    asked = await _asked(db, query)
    if asked is None:
        return Page((), None)
    if after is not None:
        asked.add("{id} > ?" if oldest_first else "{id} < ?", after)
    rows = await db.execute_fetchall(
        asked.select("ASC" if oldest_first else "DESC"), (*asked.values, limit + 1)
    )
    hits = tuple(_hit(row) for row in rows)
    more = len(hits) > limit
    return Page(hits[:limit], hits[limit - 1].heard.id if more else None)


async def search_ranked(db: aiosqlite.Connection, query: Query, limit: int = 50) -> tuple[Hit, ...]:
    """The best of the newest 10,000 hits: those with the most words found, for their length. One page alone.

    bm25 would count the hits of each word in the whole table first. Raises as `search` does.
    """
    asked = await _asked(db, query)
    if asked is None:
        return ()
    if not asked.text:
        return (await search(db, query, limit=limit)).hits
    newest = asked.select("DESC", "rowid AS id, highlight(utterance_index, 0, char(2), '') AS marked")
    best = await db.execute_fetchall(
        "SELECT id FROM (SELECT id, length(marked) AS size, length(replace(marked, char(2), '')) AS bare "  # noqa: S608
        f"FROM ({newest})) ORDER BY (size - bare) * 1.0 / (bare + 50) DESC, id DESC LIMIT ?",
        (*asked.values, _RANKED, max(1, min(limit, MOST_PER_PAGE))),
    )
    order = [identity for (identity,) in best]
    rows = await db.execute_fetchall(
        f"SELECT {COLUMNS}, {_SNIPPET} FROM utterance_index "  # noqa: S608
        f"JOIN utterances u ON u.id = utterance_index.rowid {JOINED} "
        f"WHERE utterance_index MATCH ? AND utterance_index.rowid IN ({','.join('?' * len(order))})",
        (asked.values[0], *order),
    )
    hits = {hit.heard.id: hit for hit in map(_hit, rows)}
    return tuple(hits[identity] for identity in order if identity in hits)


async def stream(db: aiosqlite.Connection, query: Query) -> AsyncIterator[Heard]:
    """All that was asked for, oldest first, a page in memory at a time. Raises as `search` does."""
    after: int | None = None
    while True:
        page = await search(db, query, after=after, limit=_STREAM_PAGE, oldest_first=True)
        for hit in page.hits:
            yield hit.heard
        if page.next_after is None:
            return
        after = page.next_after


async def find(db: aiosqlite.Connection, identity: int) -> Heard | None:
    """The utterance with this id. Raises sqlite3.Error."""
    rows = await db.execute_fetchall(
        f"SELECT {COLUMNS} FROM utterances u {JOINED} WHERE u.id = ?",  # noqa: S608
        (identity,),
    )
    return next(map(from_row, rows), None)


async def source_slugs(db: aiosqlite.Connection) -> tuple[str, ...]:
    """The sources of which something is kept, by name. Raises sqlite3.Error."""
    return tuple(slug for (slug,) in await db.execute_fetchall("SELECT slug FROM sources ORDER BY slug"))


_SNIPPET = f"snippet(utterance_index, 0, char(2), char(3), '…', {_SNIPPET_TOKENS})"


class _Asked:
    """A query as SQL. With text or labels the full-text index finds them, else the table is walked by id."""

    def __init__(self, expression: str | None, *, text: bool) -> None:
        self.text = text
        self._indexed = expression is not None
        self._where: list[str] = []
        self.values: list[Any] = []
        if expression is not None:
            self.add("utterance_index MATCH ?", expression)

    def add(self, condition: str, value: Any) -> None:
        self._where.append(condition.format(id="utterance_index.rowid" if self._indexed else "u.id"))
        self.values.append(value)

    def select(self, direction: str, columns: str | None = None) -> str:
        where = f"WHERE {' AND '.join(self._where)} " if self._where else ""
        if columns:
            return f"SELECT {columns} FROM utterance_index {where}ORDER BY rowid {direction} LIMIT ?"  # noqa: S608
        if self._indexed:
            # CROSS JOIN: in this order, so that the index walks by rowid and stops at the limit.
            return (
                f"SELECT {COLUMNS}, {_SNIPPET if self.text else 'u.text'} FROM utterance_index "  # noqa: S608
                f"CROSS JOIN utterances u ON u.id = utterance_index.rowid {JOINED} "
                f"{where}ORDER BY utterance_index.rowid {direction} LIMIT ?"
            )
        return (
            f"SELECT {COLUMNS}, u.text FROM utterances u {JOINED} "  # noqa: S608
            f"{where}ORDER BY u.id {direction} LIMIT ?"
        )


async def _asked(db: aiosqlite.Connection, query: Query) -> _Asked | None:
    """None when nothing can be found: of an unknown source or speaker, or by a text with nothing to look for
    in it.
    """
    source: int | None = None
    if query.source is not None:
        found = list(
            await db.execute_fetchall("SELECT id FROM sources WHERE slug = ?", (clean(query.source),))
        )
        if not found:
            return None
        source = found[0][0]
    text = match_expression(query.text)
    if query.text.strip() and text is None:
        return None
    speaker = None if query.speaker is None else await label_of(db, query.speaker)
    if speaker is None and query.speaker is not None:
        return None
    labels = label_expression(source, query.language, speaker)
    parts = ([f"text : ({text})"] if text else []) + ([f"labels : ({labels})"] if labels else [])
    asked = _Asked(" AND ".join(parts) or None, text=bool(text))
    if query.since is not None:
        asked.add("{id} >= ?", first_id(query.since))
    if query.until is not None:
        asked.add("{id} < ?", first_id(query.until))
    return asked


def _hit(row: Any) -> Hit:
    return Hit(from_row(row[:-1]), row[-1])
