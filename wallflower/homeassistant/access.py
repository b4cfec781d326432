"""Where Home Assistant is, and what lets this box in."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from wallflower.config import Options
from wallflower.homeassistant.supervisor import supervisor_of


@dataclass(frozen=True, slots=True)
class Access:
    """url: of the WebSocket API, ws:// or wss://, perhaps with a password. token: a long-lived one, or the
    Supervisor's.
    """

    url: str = field(repr=False)
    token: str = field(repr=False)


def access_of(options: Options, environment: Mapping[str, str] = os.environ) -> Access | None:
    """The options' address and token, else the Supervisor's; None where there is neither.

    Raises OptionsError when only one of the two options is set.
    """
    url, token = options.home_assistant_url, options.home_assistant_token
    if url and token:
        return Access(_websocket(url), token)
    if url:
        raise options.wrong("home_assistant_token", "a long-lived access token, as home_assistant_url is set")
    if token:
        raise options.wrong("home_assistant_url", "an address, as home_assistant_token is set")
    supervisor = supervisor_of(environment)
    return Access(supervisor.core_websocket, supervisor.token) if supervisor else None


def _websocket(url: str) -> str:
    """The WebSocket API of the Home Assistant whose pages are at `url`."""
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}[parts.scheme]
    return urlunsplit((scheme, parts.netloc, f"{parts.path.rstrip('/')}/api/websocket", "", ""))
