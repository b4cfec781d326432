"""Telling Home Assistant, through the Supervisor, where this add-on's Wyoming server is."""

import asyncio
import random
import socket
from dataclasses import dataclass

import structlog

from wallflower.homeassistant.supervisor import Supervisor, SupervisorError

_LOG = structlog.get_logger(__name__)

_FIRST_PAUSE_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Addon:
    """What the Supervisor says of this add-on. hostname: its name in the network of add-ons."""

    slug: str
    hostname: str
    version: str


async def own_addon(supervisor: Supervisor) -> Addon:
    """This add-on. Raises SupervisorError."""
    info = await supervisor.request("GET", "/addons/self/info")
    known = {name: value for name, value in (info or {}).items() if isinstance(value, str) and value}
    return Addon(
        known.get("slug", ""), known.get("hostname") or socket.gethostname(), known.get("version", "")
    )


async def announce_wyoming(supervisor: Supervisor, port: int) -> None:
    """Have Home Assistant offer this box; returns when the Supervisor took it, or will never.

    Asked again until it answers, after pauses that double from 5 s to 5 minutes. The same announcement again
    is the same for the Supervisor.
    """
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            addon = await own_addon(supervisor)
            uri = f"tcp://{addon.hostname}:{port}"
            body = {"service": "wyoming", "config": {"uri": uri}}
            await supervisor.request("POST", "/discovery", body)
        except SupervisorError as error:
            if error.status in {401, 403}:  # it is not for want of trying
                _LOG.warning("not announced to Home Assistant", reason=str(error))
                return
            _LOG.warning("not announced to Home Assistant", reason=str(error), retry_after_s=round(pause))
        else:
            _LOG.info("announced to Home Assistant", uri=uri, addon=addon.slug)
            return
        await asyncio.sleep(pause * random.uniform(0.8, 1.2))
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
