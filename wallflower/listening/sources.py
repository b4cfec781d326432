"""The sources of this box: which there are, listening to them, and changing them while it runs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog
import voluptuous as vol

from wallflower.audio.probe import Sound
from wallflower.audio.push import PushSource
from wallflower.audio.source import SourceState
from wallflower.bus import Bus
from wallflower.config import sources as checks
from wallflower.config.sources import SOURCE_FIELDS, SourceSettings
from wallflower.config.stating import checked_setting
from wallflower.errors import ExitCode, WallflowerError
from wallflower.events import Heard, SourceChanged, SourceRemoved, SourceStatus
from wallflower.listening import overlay as overlays
from wallflower.listening.ambient import KeepHeard
from wallflower.listening.ears import Ears
from wallflower.listening.household import Household
from wallflower.listening.listener import Listener, ListenerHealth, OpenSource
from wallflower.listening.overlay import ConfiguredSource, Stated
from wallflower.supervision import supervised

_LOG = structlog.get_logger(__name__)


class SourceError(WallflowerError):
    """A source cannot be made, changed or found; nothing was changed."""

    exit_code = ExitCode.USAGE


class Memory(Protocol):
    """Keeps what was changed at run time."""

    async def load(self) -> Any:
        """What was saved last; None when nothing was. Raises WallflowerError."""
        ...

    async def save(self, value: Any) -> None:
        """Keep plain data, through a restart. Raises WallflowerError."""
        ...


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source as it is now. health: None while it is not listened to."""

    configured: ConfiguredSource
    state: SourceState
    health: ListenerHealth | None


@dataclass(slots=True)
class _Running:
    listener: Listener
    parts: AsyncExitStack


class Sources:
    """Lives on the event loop. Changes are made one after the other; one that is refused changes nothing."""

    def __init__(
        self,
        options: Sequence[Stated],
        *,
        ears: Ears,
        bus: Bus,
        keep: KeepHeard,
        revise: Callable[[Heard], None],
        household: Household,
        memory: Memory,
        open_source: OpenSource,
        probe: Callable[[str], Awaitable[Sound]],
    ) -> None:
        """options: what the options say of each source, checked."""
        self.probe = probe
        """What can be heard at an address. Raises AudioError with the reason, for the user."""
        self._options = options
        self._stated: dict[str, Stated] = {}
        self._ears = ears
        self._bus = bus
        self._keep = keep
        self._revise = revise
        self._household = household
        self._memory = memory
        self._open_source = open_source
        self._overlay: dict[str, Any] = {}
        self._slugs: dict[str, str] = {}
        self._configured: dict[str, ConfiguredSource] = {}
        self._running: dict[str, _Running] = {}
        self._idle: dict[str, SourceState] = {}  # of those that are not listened to
        self._changing = asyncio.Lock()

    async def open(self) -> None:
        """Begin to listen. Without the memory the options alone hold."""
        try:
            known = await self._memory.load()
        except WallflowerError as error:
            _LOG.error("changes of sources not known", reason=str(error))
            known = None
        known = known if isinstance(known, dict) else {}
        overlay, slugs = known.get("sources", {}), known.get("slugs", {})
        self._stated = overlays.slugs_of(self._options, slugs, overlay)
        self._slugs = slugs | {each["name"]: slug for slug, each in self._stated.items()}
        self._overlay = overlays.pruned(overlay, self._stated)
        self._configured = overlays.configured(self._stated, self._overlay)
        if known != self._remembered():
            with contextlib.suppress(WallflowerError):  # whoever writes next will say so
                await self._memory.save(self._remembered())
        for slug in self._configured:
            await self._start(slug)

    async def close(self) -> None:
        """Stop listening; what was just said is still heard."""
        await asyncio.gather(*(each.parts.aclose() for each in self._running.values()))
        self._running.clear()

    def list(self) -> list[SourceView]:
        """All sources, those of the options first."""
        return [self.get(slug) for slug in self._configured]

    def get(self, slug: str) -> SourceView:
        """One source. Raises SourceError."""
        configured = self._one(slug)
        running = self._running.get(slug)
        if running is None:
            return SourceView(configured, self._idle[slug], None)
        return SourceView(configured, running.listener.state, running.listener.health)

    async def create(self, settings: Mapping[str, Any]) -> str:
        """Add a source, as the options would state it. Returns its slug. Raises WallflowerError."""
        async with self._changing:
            stated = _checked(lambda: checks.source(settings))
            self._must_be_free(stated["name"])
            slug = checks.slug_of(stated["name"], {*self._slugs.values(), *self._configured, *self._overlay})
            self._open_source(SourceSettings(**stated), lambda _state: None)
            await self._remember(overlays.created(self._overlay, slug, stated))
            await self._start(slug)
            return slug

    async def update(self, slug: str, changes: Mapping[str, Any]) -> None:
        """Change settings of a source; those that are not named stay. Raises WallflowerError."""
        async with self._changing:
            before = self._one(slug)
            checked = _checked(lambda: _checked_changes(before, changes))
            if "name" in checked:
                self._must_be_free(checked["name"], but=slug)
            after = overlays.changed(self._overlay, slug, before.stated, checked)
            configured = overlays.configured(self._stated, after)[slug]
            self._open_source(configured.settings, lambda _state: None)
            await self._remember(after)
            running = self._running.get(slug)
            same = before.settings.url == configured.settings.url and configured.settings.enabled
            if running is not None and same:
                running.listener.settings = configured.settings
            else:
                await self._stop(slug)
                await self._start(slug)

    async def enable(self, slug: str) -> None:
        """Listen to it. Raises WallflowerError."""
        await self.update(slug, {"enabled": True})

    async def disable(self, slug: str) -> None:
        """Do not listen to it any more. Raises WallflowerError."""
        await self.update(slug, {"enabled": False})

    async def delete(self, slug: str) -> None:
        """Take a source away; what was heard there stays. Raises WallflowerError."""
        async with self._changing:
            configured = self._one(slug)
            await self._remember(overlays.deleted(self._overlay, slug, configured.stated))
            await self._stop(slug)
            self._idle.pop(slug, None)
            self._bus.publish(SourceRemoved(slug, datetime.now(UTC)))

    async def restart(self, slug: str) -> None:
        """Begin anew with it: what was set aside is tried again. Raises WallflowerError."""
        async with self._changing:
            self._one(slug)
            await self._stop(slug)
            await self._start(slug)

    async def push(self, slug: str, data: bytes) -> None:
        """The next sound of a source that clients bring: mono 16 kHz int16. Waits while 5 s wait to be heard.

        Raises WallflowerError.
        """
        self._one(slug)
        running = self._running.get(slug)
        if running is None or not isinstance(running.listener.source, PushSource):
            raise SourceError(f"the source {slug!r} does not listen to what a client brings")
        await running.listener.source.push(data)

    async def _start(self, slug: str) -> None:
        settings = self._configured[slug].settings
        if not settings.enabled:
            self._rest(slug, SourceState(SourceStatus.PAUSED, "it is disabled"))
            return
        try:
            listener = Listener(
                slug,
                settings,
                ears=self._ears,
                bus=self._bus,
                keep=self._keep,
                revise=self._revise,
                household=self._household,
                open_source=self._open_source,
            )
        except WallflowerError as error:
            _LOG.error("source cannot be opened", source=slug, reason=str(error))
            self._rest(slug, SourceState(SourceStatus.FAILED, str(error)))
            return
        parts = AsyncExitStack()
        await parts.enter_async_context(supervised(f"source {slug}", listener.run))
        self._running[slug] = _Running(listener, parts)
        self._idle.pop(slug, None)

    async def _stop(self, slug: str) -> None:
        running = self._running.pop(slug, None)
        if running is not None:
            self._idle[slug] = running.listener.state
            await running.parts.aclose()

    def _rest(self, slug: str, state: SourceState) -> None:
        self._idle[slug] = state
        self._bus.publish(SourceChanged(slug, state.status, state.reason, datetime.now(UTC)))

    def _one(self, slug: str) -> ConfiguredSource:
        try:
            return self._configured[slug]
        except KeyError:
            there = ", ".join(self._configured) or "none"
            raise SourceError(f"there is no source {slug!r}; there are: {there}") from None

    def _must_be_free(self, name: str, *, but: str = "") -> None:
        for slug, each in self._configured.items():
            if slug != but and each.settings.name.casefold() == name.casefold():
                raise SourceError(f"there is a source called {each.settings.name!r} already")

    def _remembered(self) -> dict[str, Any]:
        return {"sources": self._overlay, "slugs": self._slugs}

    async def _remember(self, overlay: dict[str, Any]) -> None:
        """Keep the overlay, then have it hold. Raises WallflowerError, and nothing has changed."""
        await self._memory.save({**self._remembered(), "sources": overlay})
        self._overlay = overlay
        self._configured = overlays.configured(self._stated, overlay)


@asynccontextmanager
async def opened(sources: Sources) -> AsyncIterator[Sources]:
    """Listen to the sources for as long as the block runs."""
    await sources.open()
    try:
        yield sources
    finally:
        await sources.close()


def _checked(check: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return check()
    except vol.Invalid as error:
        raise SourceError(error.msg) from None


def _checked_changes(source: ConfiguredSource, changes: Mapping[str, Any]) -> dict[str, Any]:
    label = f"source {source.settings.name!r}"
    for name in changes:
        if name not in SOURCE_FIELDS:
            raise SourceError(f"{label}: there is no setting {name!r}; there are {', '.join(SOURCE_FIELDS)}")
    return {name: checked_setting(SOURCE_FIELDS[name], value, label) for name, value in changes.items()}
