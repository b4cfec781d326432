"""Run by test_zeroconf.py inside a network namespace: announces, listens, and prints what was heard.

A second namespace, joined by a cable, is another machine that announces under the same name.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import structlog
from zeroconf import IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from wallflower import __version__
from wallflower.config.identity import Identity
from wallflower.interfaces.zeroconf import (
    WALLFLOWER_TYPE,
    WYOMING_TYPE,
    Announcement,
    announce,
    interface_addresses,
)

_NAME = "Wallflower test"


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def _make_network() -> None:
    """Two interfaces of this machine. The other end of v0's cable, p0, is for the other machine."""
    _ip("link", "set", "lo", "up")
    for number, address in ((0, "192.0.2.5/24"), (1, "198.51.100.7/24")):
        _ip("link", "add", f"v{number}", "type", "veth", "peer", "name", f"p{number}")
        _ip("addr", "add", address, "dev", f"v{number}")
        _ip("link", "set", f"v{number}", "up")
        _ip("link", "set", f"p{number}", "up")
    _ip("route", "add", "224.0.0.0/4", "dev", "v0")


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while not condition():
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def _announced(*interfaces: str) -> AsyncIterator[None]:
    announcement = Announcement(Identity("0badcafe", _NAME), "0.0.0.0", 10300, interfaces)
    task = asyncio.create_task(announce(announcement, look_every=0.2))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _look_up(kind: str, address: str) -> dict[str, Any] | None:
    """What a listener at `address` is told of the service of our name."""
    listener = AsyncZeroconf(interfaces=[address], ip_version=IPVersion.V4Only)
    try:
        info = AsyncServiceInfo(kind, f"{_NAME}.{kind}")
        if not await info.async_request(listener.zeroconf, 5000):
            return None
        return {
            "name": info.name,
            "addresses": info.parsed_addresses(IPVersion.All),
            "port": info.port,
            "properties": {k.decode(): v.decode() if v else v for k, v in info.properties.items()},
        }
    finally:
        await listener.async_close()


async def main() -> dict[str, Any]:
    """Announce, look it up, meet a machine of the same name, say goodbye, and change the address."""
    changes: list[tuple[ServiceStateChange, str]] = []

    def on_change(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        changes.append((state_change, name))

    seen: dict[str, Any] = {"version": __version__}
    other = await asyncio.create_subprocess_exec(
        "unshare", "--net", sys.executable, __file__, "other", stdout=subprocess.PIPE
    )
    await asyncio.sleep(0.5)
    listener = AsyncZeroconf(interfaces=["198.51.100.7"], ip_version=IPVersion.V4Only)
    browser = AsyncServiceBrowser(listener.zeroconf, WYOMING_TYPE, handlers=[on_change])
    async with _announced():
        await _until(lambda: changes)
        seen["wyoming"] = await _look_up(WYOMING_TYPE, "192.0.2.5")
        seen["wallflower"] = await _look_up(WALLFLOWER_TYPE, "192.0.2.5")
        _ip("link", "set", "p0", "netns", str(other.pid))
        output, _ = await asyncio.wait_for(other.communicate(), 20)
        seen["other"] = output.decode().strip()
    await _until(lambda: changes[-1][0] is ServiceStateChange.Removed)
    seen["removed"] = changes[-1][1]
    await browser.async_cancel()
    await listener.async_close()

    async with _announced("v1"):
        await asyncio.sleep(0.5)
        _ip("addr", "add", "203.0.113.9/24", "dev", "v1")
        _ip("addr", "del", "198.51.100.7/24", "dev", "v1")
        _ip("route", "replace", "224.0.0.0/4", "dev", "v1")
        told = await _look_up(WYOMING_TYPE, "203.0.113.9")
        seen["after a change"] = told and told["addresses"]
    return seen


async def other_machine() -> str:
    """Announce the same name from another machine; the name that it got."""
    await _until(
        lambda: "p0" in subprocess.run(["ip", "link"], capture_output=True, text=True, check=True).stdout
    )
    _ip("addr", "add", "192.0.2.6/24", "dev", "p0")
    _ip("link", "set", "p0", "up")
    _ip("route", "add", "224.0.0.0/4", "dev", "p0")
    assert len(interface_addresses(["p0"])) >= 1
    with structlog.testing.capture_logs() as lines:
        async with _announced():
            await _until(lambda: len(lines) == 2)
    return next(str(line["service"]) for line in lines if line["service"].endswith(WYOMING_TYPE))


if __name__ == "__main__":
    if sys.argv[1:] == ["other"]:
        print(asyncio.run(other_machine()))
    else:
        _make_network()
        print(json.dumps(asyncio.run(main())))
