"""The names at hand: kept from before, fetched anew in the background, and never waited for."""

import asyncio
import contextlib
import os
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import structlog

from wallflower.config import Options
from wallflower.config.kept import read_kept, write_kept
from wallflower.errors import DataDirError
from wallflower.homeassistant.access import Access, access_of
from wallflower.homeassistant.names import HouseNames, fetch_names, house_names
from wallflower.homeassistant.websocket import CoreError, TokenRefusedError

_LOG = structlog.get_logger(__name__)

FILE = "names.json"
_REFRESH_SECONDS = 300.0
_FIRST_PAUSE_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 3600.0


class Knowledge(StrEnum):
    """How well the names are known. STALE: not fetched lately, which is so until somebody needs them."""

    OFF = "off"
    UNKNOWN = "unknown"
    FRESH = "fresh"
    STALE = "stale"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class NamesState:
    """What a user may see. reason: why they are unreachable, else empty. names: how many there are.

    fetched_at: when, as Unix time in seconds; None for never.
    """

    knowledge: Knowledge
    reason: str
    names: int
    fetched_at: float | None


class NameSource:
    """Gives the names that it has, and fetches them again when they are old; `open_names` makes one.

    refresh_after: seconds from a fetch until the next. After a failure the pause doubles from 30 s to
    an hour, with jitter.
    """

    def __init__(
        self,
        access: Access | None,
        *,
        kept: HouseNames | None = None,
        keep_in: Path | None = None,
        refresh_after: float = _REFRESH_SECONDS,
    ) -> None:
        self._access = access
        self._known = kept
        self._keep_in = keep_in
        self._refresh_after = refresh_after
        self._pause = _FIRST_PAUSE_SECONDS
        self._due = time.monotonic()
        self._reason = ""
        self._fetched = False
        self._refresh: asyncio.Task[None] | None = None

    def names(self) -> tuple[str, ...]:
        """The names known now, at once; if they are old, new ones are fetched for the next call."""
        if self._access and self._refresh is None and time.monotonic() >= self._due:
            self._refresh = asyncio.create_task(self._fetch(self._access), name="names")
        return self._known.names if self._known else ()

    @property
    def state(self) -> NamesState:
        """How well the names are known, and how many there are."""
        known = self._known
        return NamesState(
            self._knowledge(),
            self._reason,
            len(known.names) if known else 0,
            known.fetched_at if known else None,
        )

    def _knowledge(self) -> Knowledge:
        if self._access is None:
            return Knowledge.OFF
        if self._reason:
            return Knowledge.UNREACHABLE
        if self._known is None:
            return Knowledge.UNKNOWN
        return Knowledge.FRESH if self._fetched and time.monotonic() < self._due else Knowledge.STALE

    async def close(self) -> None:
        """End a fetch that is under way; none is begun any more."""
        self._access = None
        if self._refresh:
            self._refresh.cancel()
            await asyncio.wait({self._refresh})

    async def _fetch(self, access: Access) -> None:
        try:
            names = await fetch_names(access)
        except CoreError as error:
            refused = isinstance(error, TokenRefusedError)
            self._failed(str(error), _LONGEST_PAUSE_SECONDS if refused else self._pause)
        except Exception:  # noqa: BLE001  # no failure here may ever be a failure of the one who listens
            _LOG.exception("names in the house: an error of ours")
            self._failed("an error of Wallflower's own: see the log", _LONGEST_PAUSE_SECONDS)
        else:
            await self._succeeded(names)
        finally:
            self._refresh = None

    def _failed(self, reason: str, pause: float) -> None:
        self._pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        wait = pause * random.uniform(0.8, 1.2)
        self._due = time.monotonic() + wait
        if reason != self._reason:
            kept = len(self._known.names) if self._known else 0
            _LOG.warning(
                "names in the house unreachable", reason=reason, kept=kept, retry_after_s=round(wait)
            )
        self._reason = reason

    async def _succeeded(self, names: HouseNames) -> None:
        first = self._reason or not self._fetched
        changed = self._known is None or names.names != self._known.names
        self._known, self._reason, self._fetched = names, "", True
        self._pause = _FIRST_PAUSE_SECONDS
        self._due = time.monotonic() + self._refresh_after
        log = _LOG.info if first else _LOG.debug
        log("names in the house known", names=len(names.names))
        if changed and self._keep_in:
            try:
                await asyncio.to_thread(_keep, self._keep_in, names)
            except DataDirError as error:
                _LOG.warning("names in the house are not kept for the next start", reason=str(error))


@asynccontextmanager
async def open_names(
    options: Options, data_dir: Path, environment: Mapping[str, str] = os.environ
) -> AsyncIterator[NameSource]:
    """The source of the names for the options, with those kept in `data_dir`; closed at the end of the block.

    Begins to fetch. Without an address of Home Assistant it is off, and forgets what was kept. Raises
    OptionsError when only one of address and token is set.
    """
    access = access_of(options, environment)
    path = data_dir / FILE
    if access is None:
        _LOG.debug("names in the house off")
        with contextlib.suppress(OSError):
            await asyncio.to_thread(path.unlink, missing_ok=True)
        yield NameSource(None)
        return
    source = NameSource(access, kept=await asyncio.to_thread(_kept, path), keep_in=path)
    source.names()
    try:
        yield source
    finally:
        await source.close()


def _keep(path: Path, names: HouseNames) -> None:
    write_kept(path, {"fetched_at": names.fetched_at, "names": names.names})


def _kept(path: Path) -> HouseNames | None:
    """What was kept; None when there is nothing of use."""
    content = read_kept(path)
    names, fetched_at = content.get("names"), content.get("fetched_at")
    if not isinstance(names, list) or not isinstance(fetched_at, int | float):
        return None
    return HouseNames(house_names(names, ()), float(fetched_at))
