"""The book of rules: those of the options, and what was changed at run time.

The options are the user's own. What is changed at run time is kept with what the options said then, and
holds, key by key, until they say something else.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from wallflower.alerts.reading import RuleError, read_rule
from wallflower.alerts.rules import Rule
from wallflower.errors import WallflowerError
from wallflower.listening.sources import Memory

_LOG = structlog.get_logger(__name__)

STATE = "alert_rules"
"""The name under which the changes are kept in the database."""

Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule, as it was given. origin: options, changed (at run time) or run time."""

    rule: Rule
    given: Given
    origin: str


class Book:
    """Lives on the event loop. A change that is refused changes nothing."""

    def __init__(
        self, options: Mapping[str, Given], memory: Memory, use: Callable[[Sequence[Rule]], None]
    ) -> None:
        """options: the options' rules by slug. use: told of all rules when they have changed."""
        self._options = options
        self._memory = memory
        self._use = use
        self._changes: dict[str, Any] = {}
        self._changing = asyncio.Lock()
        self.entries: dict[str, Entry] = entries_of(options, {})
        """All rules by slug."""

    async def open(self) -> None:
        """Read what was changed. Without the memory the options alone hold."""
        try:
            content = await self._memory.load()
        except WallflowerError as error:
            _LOG.debug("changes of alerts not known", reason=str(error))
            content = None
        self._take(content if isinstance(content, dict) else {})

    async def create(self, given: Given) -> str:
        """Add a rule; its slug. Raises RuleError when it is wrong or there is one of that name."""
        slug = read_rule(given).slug
        async with self._changing:
            if slug in self.entries:
                raise RuleError(f"there is an alert {slug!r} already")
            await self._keep(slug, dict(given))
        return slug

    async def change(self, slug: str, changes: Given) -> None:
        """Change keys of a rule; None for the default. Its name stays. Raises RuleError."""
        async with self._changing:
            entry = self._entry(slug)
            given = {**entry.given, **changes}
            given = {name: value for name, value in given.items() if value is not None}
            if read_rule(given).slug != slug:
                raise RuleError("an alert's name cannot be changed: create another")
            await self._keep(slug, given)

    async def delete(self, slug: str) -> None:
        """Take a rule out. Raises RuleError when there is none."""
        async with self._changing:
            self._entry(slug)
            await self._keep(slug, None)

    def of_source(self, source: str, kind: str) -> Given:
        """The rule of a kind that was made for one source by `set_of_source`; empty when there is none."""
        entry = self.entries.get(read_rule(_of_source(source, kind)).slug)
        return entry.given if entry else {}

    async def set_of_source(self, source: str, kind: str, values: Given | None) -> None:
        """Make, change or (None) take out the rule of a kind for one source alone. Raises RuleError."""
        given = _of_source(source, kind)
        slug = read_rule(given).slug
        if values is None:
            if slug in self.entries:
                await self.delete(slug)
        elif slug in self.entries:
            await self.change(slug, values)
        else:
            await self.create({**given, **values})

    def _entry(self, slug: str) -> Entry:
        if slug not in self.entries:
            raise RuleError(f"there is no alert {slug!r}; there are {', '.join(self.entries) or 'none'}")
        return self.entries[slug]

    async def _keep(self, slug: str, now: Given | None) -> None:
        """Keep what holds for a rule now, and let it hold. Raises WallflowerError when it cannot be kept."""
        was = self._options.get(slug)
        changes = {name: change for name, change in self._changes.items() if name != slug}
        if now != was:
            changes[slug] = {"now": now, "was": was}
        await self._memory.save(changes)
        self._take(changes)

    def _take(self, changes: dict[str, Any]) -> None:
        self._changes = changes
        self.entries = entries_of(self._options, changes)
        self._use([entry.rule for entry in self.entries.values()])


def entries_of(options: Mapping[str, Given], changes: Mapping[str, Any]) -> dict[str, Entry]:
    """The rules by slug. options: theirs. changes: what was kept; what of it makes no sense is left out."""
    entries: dict[str, Entry] = {}
    for slug in [*options, *(slug for slug in changes if slug not in options)]:
        stated, change = options.get(slug), changes.get(slug)
        given = stated if change is None else _merged(stated, change)
        if given is None:
            continue
        try:
            rule = read_rule(given)
        except RuleError as error:
            _LOG.warning("a change of an alert does not hold", alert=slug, reason=str(error))
            if stated is None:
                continue
            given, rule = stated, read_rule(stated)
        origin = "options" if given == stated else "run time" if stated is None else "changed"
        entries[slug] = Entry(rule, given, origin)
    return entries


def _merged(stated: Given | None, change: Any) -> Given | None:
    """What holds of a rule; None when it was taken out, or the options that had it have it no more."""
    now, was = (change.get("now"), change.get("was")) if isinstance(change, dict) else (None, None)
    if not isinstance(now, dict | None) or not isinstance(was, dict | None):
        return stated
    if stated is None:
        return now if was is None else None
    if was is None:
        return stated
    if now is None:
        return None if was == dict(stated) else stated
    kept = {name: now.get(name) for name in {*now, *was, *stated} if stated.get(name) == was.get(name)}
    merged = {**stated, **kept}
    return {name: value for name, value in merged.items() if value is not None}


def _of_source(source: str, kind: str) -> dict[str, Any]:
    """The least of a rule for one source. It is named by both, so that it is found again."""
    least = {"keyword": {"words": "nothing"}, "speaker": {"speakers": "nobody"}}
    return {"name": f"{source} {kind}", "kind": kind, "sources": [source], **least.get(kind, {})}
