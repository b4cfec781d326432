"""`wallflower transcripts`: what was heard and kept, searched, shown, exported and deleted."""

import argparse
import asyncio
import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from wallflower.config import Options, OptionsError
from wallflower.config.places import data_dir
from wallflower.errors import ExitCode
from wallflower.events import Heard
from wallflower.storage.database import DATABASE_NAME, checkpoint, reading, writing
from wallflower.storage.errors import StorageError
from wallflower.storage.export import Form, as_line, as_object, export
from wallflower.storage.forgetting import Forget, count_of, forget
from wallflower.storage.search import (
    MARK_END,
    MARK_START,
    Hit,
    Page,
    Query,
    find,
    search,
    search_ranked,
    source_slugs,
    stream,
)
from wallflower.storage.sounds import SOUNDS_NAME, find_sound

_FOUND_START, _FOUND_END = "\x1b[1m", "\x1b[0m"  # bold


def execute(parsed: argparse.Namespace, options: Options) -> int:
    """Run one of the actions."""
    home = data_dir(options)
    match parsed.action:
        case "search":
            return asyncio.run(_search(parsed, home))
        case "show":
            return asyncio.run(_show(parsed, home))
        case "export":
            return asyncio.run(_export(parsed, home))
        case "checkpoint":
            return asyncio.run(_checkpoint(home))
        case _:
            return _delete(parsed, home)


async def _checkpoint(home: Path) -> int:
    """Before a backup copies the files: it need not hit upon the moment at which the log is taken in."""
    if not (home / DATABASE_NAME).exists():
        return ExitCode.OK
    async with writing(home / DATABASE_NAME) as db:
        whole = await checkpoint(db)
    if not whole:  # somebody reads: a copy of database and log is whole all the same
        print("wallflower: the log of the database stays beside it", file=sys.stderr)
    return ExitCode.OK


async def _search(parsed: argparse.Namespace, home: Path) -> int:
    query = _query(parsed)
    async with reading(home / DATABASE_NAME) as db:
        if parsed.best:
            page = Page(await search_ranked(db, query, parsed.limit), None)
        else:
            page = await search(db, query, after=parsed.after, limit=parsed.limit)
        sources = await source_slugs(db)
    if parsed.json:
        hits = [as_object(hit.heard) | {"snippet": _pieces(hit.snippet)} for hit in page.hits]
        after = None if page.next_after is None else str(page.next_after)
        print(json.dumps({"hits": hits, "next_after": after}, ensure_ascii=False))
        return ExitCode.OK
    for hit in page.hits:
        print(f"{hit.heard.id}  {_hit_line(hit)}")
    if page.next_after is not None:
        print(f"there are more: add --after {page.next_after}", file=sys.stderr)
    if not page.hits:
        _say_nothing_found(query, sources)
    return ExitCode.OK


def _say_nothing_found(query: Query, sources: tuple[str, ...]) -> None:
    if query.source is not None and query.source not in sources:
        print(f"nothing is kept of {query.source}; sources: {', '.join(sources) or 'none'}", file=sys.stderr)
    else:
        print("nothing found", file=sys.stderr)


async def _show(parsed: argparse.Namespace, home: Path) -> int:
    async with reading(home / DATABASE_NAME) as db:
        for identity in parsed.ids:
            heard = await find(db, identity)
            if heard is None:
                raise StorageError(
                    f"there is no utterance {identity}; `wallflower transcripts search` prints ids"
                )
            if parsed.around is None:
                _print_all(heard, find_sound(home / SOUNDS_NAME, identity), as_json=parsed.json)
                continue
            span = timedelta(seconds=parsed.around)
            near = Query(source=heard.source, since=heard.start - span, until=heard.end + span)
            async for one in stream(db, near):
                if parsed.json:
                    print(json.dumps(as_object(one), ensure_ascii=False))
                else:
                    print(f"{'>' if one.id == identity else ' '} {as_line(one)}")
    return ExitCode.OK


def _print_all(heard: Heard, sound: Path | None, *, as_json: bool) -> None:
    about: dict[str, Any] = as_object(heard) | {"sound": str(sound) if sound else None}
    if as_json:
        print(json.dumps(about, ensure_ascii=False))
        return
    del about["words"]
    print(as_line(heard))
    for name in ("id", "start", "end", "speaker", "language", "confidence", "engine", "revision", "sound"):
        if about[name] not in {None, ""}:
            print(f"  {name:<11}{about[name]}")
    for word in heard.words:
        print(f"  {word.start:>9.2f}  {word.text}")


async def _export(parsed: argparse.Namespace, home: Path) -> int:
    async with reading(home / DATABASE_NAME) as db:
        pieces = export(stream(db, _query(parsed)), Form(parsed.form), begin=parsed.since)
        if parsed.output is None:
            async for piece in pieces:
                sys.stdout.write(piece)
            sys.stdout.flush()
            return ExitCode.OK
        part = parsed.output.with_name(f"{parsed.output.name}.{os.getpid()}.part")
        try:
            with part.open("w", encoding="utf-8") as file:
                async for piece in pieces:
                    file.write(piece)
            part.replace(parsed.output)
        finally:
            part.unlink(missing_ok=True)
    return ExitCode.OK


def _delete(parsed: argparse.Namespace, home: Path) -> int:
    what = Forget(parsed.source, parsed.speaker, parsed.since, parsed.until)
    if (what == Forget()) != parsed.everything:
        raise OptionsError("say what to delete: --all, or some of --source, --speaker, --since and --until")
    if not parsed.yes:
        count = asyncio.run(_count(what, home))
        if not sys.stdin.isatty():
            raise OptionsError(f"{count} utterances would be deleted for good; add --yes to do so")
        if input(f"Delete {count} utterances for good? [y/N] ").strip().lower() not in {"y", "yes"}:
            print("nothing was deleted")
            return ExitCode.OK
    print(f"{asyncio.run(_forget(what, home))} utterances deleted")
    for broken in sorted(home.glob(f"{DATABASE_NAME}.broken-*")):
        print(f"wallflower: {broken} was set aside and may hold more: delete it by hand", file=sys.stderr)
    return ExitCode.OK


async def _count(what: Forget, home: Path) -> int:
    async with reading(home / DATABASE_NAME) as db:
        return await count_of(db, what)


async def _forget(what: Forget, home: Path) -> int:
    async with writing(home / DATABASE_NAME) as db:
        return await forget(db, what, home / SOUNDS_NAME)


def _query(parsed: argparse.Namespace) -> Query:
    return Query(
        " ".join(parsed.words), parsed.source, parsed.speaker, parsed.language, parsed.since, parsed.until
    )


def _hit_line(hit: Hit) -> str:
    terminal = sys.stdout.isatty()
    # As a line of the whole text, with the snippet in its place.
    before = as_line(hit.heard).removesuffix(hit.heard.text)
    snippet = hit.snippet.replace(MARK_START, _FOUND_START if terminal else "")
    return before + snippet.replace(MARK_END, _FOUND_END if terminal else "")


def _pieces(snippet: str) -> list[tuple[str, bool]]:
    pieces = []
    for number, piece in enumerate(snippet.split(MARK_START)):
        found, _, rest = piece.rpartition(MARK_END)
        if number and found:
            pieces.append((found, True))
        if rest:
            pieces.append((rest, False))
    return pieces
