"""The HTTP server: /healthz and /readyz for everybody, the page for whom it is meant."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiohttp import web

from wallflower.errors import AddressError
from wallflower.interfaces.http.access import may_see
from wallflower.interfaces.http.overview import Status
from wallflower.interfaces.http.page import SECURITY, page

_LOG = structlog.get_logger(__name__)

_INGRESS_PATH = re.compile(r"(/[A-Za-z0-9_-]{1,100}){1,5}/?")
_GOODBYE_SECONDS = 1.0


@asynccontextmanager
async def http_server(port: int, status: Callable[[], Status], *, addon: bool) -> AsyncIterator[int]:
    """Serve at all addresses of this box while the block runs; gives the port. port: 0 for any that is free.

    addon: Supervisor stands before the page. Raises AddressError.
    """
    app = web.Application(client_max_size=1024)
    app.router.add_get("/healthz", _alive)
    app.router.add_get("/readyz", _readiness(status))
    app.router.add_get("/", _page(status, addon))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_GOODBYE_SECONDS, handle_signals=False)
    await runner.setup()
    try:
        await _listen(runner, port)
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, port: int) -> None:
    try:
        await web.TCPSite(runner, "0.0.0.0", port).start()
    except OSError as error:
        raise AddressError(
            f"cannot serve HTTP at port {port}: {error.strerror}; choose another with --http-port"
        ) from error


async def _alive(_request: web.Request) -> web.Response:
    return web.json_response({"alive": True})


def _readiness(status: Callable[[], Status]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        now = status()
        content: dict[str, Any] = {"ready": now.ready, "parts": now.parts}
        return web.json_response(content, status=200 if now.ready else 503)

    return answer


def _page(status: Callable[[], Status], addon: bool) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        if not may_see(request, addon=addon):
            _LOG.debug("page refused", peer=request.remote)
            where = "in Home Assistant's side bar" if addon else "on the box itself, at its loopback address"
            return web.Response(status=403, text=f"This page can only be seen {where}.\n")
        path = request.headers.get("X-Ingress-Path", "")
        base = f"{path.rstrip('/')}/" if _INGRESS_PATH.fullmatch(path) else "/"
        return web.Response(text=page(status(), base), content_type="text/html", headers=SECURITY)

    return answer
