"""The names of speakers: which are allowed, and who is meant by what people type."""

import re
import unicodedata

import aiosqlite

from wallflower.storage.errors import NameTakenError, SpeakerNameError
from wallflower.storage.records import clean

_LONGEST = 100
_AUTOMATIC = re.compile(r"speaker\s+\d+", re.IGNORECASE)
_NUMBER = re.compile(r"#?\d+")


def automatic_name(identity: int) -> str:
    """What a speaker is called whom nobody named."""
    return f"Speaker {identity}"


def name_of_person(typed: str) -> str:
    """The name as it is kept. Raises SpeakerNameError for what cannot be one."""
    name = " ".join(unicodedata.normalize("NFC", clean(typed)).split())
    if not name or len(name) > _LONGEST or not name.isprintable():
        raise SpeakerNameError(f"{typed[:_LONGEST]!r} is no name: from 1 to {_LONGEST} printable characters")
    if _AUTOMATIC.fullmatch(name) or _NUMBER.fullmatch(name):
        raise SpeakerNameError(
            f"nobody can be called {name!r}: numbers, and Speaker with a number, are for those without a name"
        )
    return name


def same_name(one: str, other: str) -> bool:
    """Whether two names differ in case alone, of any script."""
    return _folded(one) == _folded(other)


async def identity_of(db: aiosqlite.Connection, who: str) -> int | None:
    """The id of who has this id, as text, or this name in any case; None when nobody has.

    Raises sqlite3.Error.
    """
    rows = list(await db.execute_fetchall("SELECT id, name FROM speakers"))
    by_id = (identity for identity, _ in rows if str(identity) == who.strip())
    by_name = (identity for identity, name in rows if same_name(name, who))
    return next(by_id, None) or next(by_name, None)


async def label_of(db: aiosqlite.Connection, who: str) -> str | None:
    """What their utterances have for a speaker; None when there is nobody, empty for the empty name: nobody
    known said it. Raises sqlite3.Error.
    """
    if not who:
        return ""
    identity = await identity_of(db, who)
    return None if identity is None else str(identity)


async def check_free(db: aiosqlite.Connection, name: str, but_for: int | None = None) -> None:
    """Raise NameTakenError when another than `but_for` has the name; sqlite3.Error."""
    for identity, taken in await db.execute_fetchall("SELECT id, name FROM speakers"):
        if identity != but_for and same_name(taken, name):
            raise NameTakenError(f"the name {name!r} is taken, by speaker {identity}")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", " ".join(clean(name).split())).casefold()
