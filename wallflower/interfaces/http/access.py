"""Who may see the page, as long as there is no log-in: whom somebody else let in, or who is on this box."""

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web

INGRESS = "172.30.32.2"
"""Where Supervisor asks from, for a user whom Home Assistant knows."""

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


def may_see(request: web.Request, *, addon: bool) -> bool:
    """Whether the page may be shown. addon: Supervisor stands before it, and nobody else gets it.

    Elsewhere only loopback counts, asked for by a name of loopback (a page of another site could have a
    browser here ask for it by a name of its own), and not through a proxy, which would let everybody in.
    """
    peer = request.transport.get_extra_info("peername") if request.transport else None
    if not peer:
        return False
    if addon:
        return bool(peer[0] == INGRESS)
    if any(name in request.headers for name in _FORWARDED):
        return False
    return _is_loopback(peer[0]) and _is_loopback(_host(request))


def _host(request: web.Request) -> str:
    try:
        return urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
