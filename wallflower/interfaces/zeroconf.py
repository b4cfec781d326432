"""Announcing this box on the local network by multicast DNS, so that Home Assistant finds it.

Home Assistant takes an address of `_wyoming._tcp.local.` and remembers the instance's name;
`_wallflower._tcp.local.` is for other boxes and says id, version and API version in its TXT record.
"""

import asyncio
import ipaddress
import random
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ifaddr
import structlog

from wallflower import __version__
from wallflower.config.identity import Identity

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncZeroconf

_LOG = structlog.get_logger(__name__)

WYOMING_TYPE = "_wyoming._tcp.local."
WALLFLOWER_TYPE = "_wallflower._tcp.local."
API_VERSION = "0"
"""The version of the HTTP API; 0 as long as there is none."""

_LOOK_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 600.0
_INTERNAL = re.compile(r"docker\d|br-[0-9a-f]{12}|virbr\d|lxcbr\d|cni\d|podman\d|hassio")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is announced. host: the IP address served at, perhaps 0.0.0.0 or ::. interfaces: empty for all."""

    identity: Identity
    host: str
    port: int
    interfaces: Sequence[str] = ()


def usable_addresses(host: str, found: Iterable[Address]) -> list[Address]:
    """The addresses of `found` under which a server bound to `host` can be reached from the network.

    Never unspecified, loopback or multicast ones; link-local ones only when there is nothing better.
    """
    bound = ipaddress.ip_address(host)
    candidates = [
        address
        for address in dict.fromkeys(found)
        if address.version == bound.version
        and (bound.is_unspecified or address == bound)
        and not (address.is_loopback or address.is_unspecified or address.is_multicast)
    ]
    return [address for address in candidates if not address.is_link_local] or candidates


def is_internal(interface: str) -> bool:
    """Whether a network interface leads only to containers and virtual machines of this box.

    A client takes any one of the addresses announced, and could not reach these.
    """
    return _INTERNAL.match(interface) is not None


def interface_addresses(interfaces: Sequence[str] = ()) -> list[Address]:
    """The addresses of this machine's network interfaces, internal ones excepted, or of those named."""
    return [
        ipaddress.ip_address(ip.ip if isinstance(ip.ip, str) else ip.ip[0])
        for adapter in ifaddr.get_adapters()
        if (adapter.nice_name in interfaces if interfaces else not is_internal(adapter.nice_name))
        for ip in adapter.ips
    ]


def _current_addresses(announcement: Announcement) -> list[Address]:
    return usable_addresses(announcement.host, interface_addresses(announcement.interfaces))


async def announce(announcement: Announcement, *, look_every: float = _LOOK_SECONDS) -> None:
    """Announce until cancelled, then say goodbye. Follows the interfaces when their addresses change.

    A machine that cannot multicast gets one warning; it is tried again at growing intervals.
    """
    if ipaddress.ip_address(announcement.host).is_loopback:
        _LOG.info("not announced on the network: this machine alone can reach it", host=announcement.host)
        return
    warned = False
    pause = look_every
    while True:
        addresses = await asyncio.to_thread(_current_addresses, announcement)
        try:
            if not addresses:
                raise OSError("no network interface has an address that others can reach")
            async with _announced(announcement, addresses):
                pause = look_every
                warned = False
                while await asyncio.to_thread(_current_addresses, announcement) == addresses:  # noqa: ASYNC110
                    await asyncio.sleep(look_every)
            _LOG.info("network addresses changed")
        except OSError as error:
            if not warned:
                _LOG.warning("not announced on the network", reason=str(error))
                warned = True
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


@asynccontextmanager
async def _announced(announcement: Announcement, addresses: Sequence[Address]) -> AsyncIterator[None]:
    from zeroconf import InterfaceChoice, IPVersion
    from zeroconf.asyncio import AsyncZeroconf

    only_v4 = all(address.version == 4 for address in addresses)
    zeroconf = AsyncZeroconf(
        interfaces=[str(address) for address in addresses] if only_v4 else InterfaceChoice.All,
        ip_version=IPVersion.V4Only if only_v4 else IPVersion.All,
    )
    properties = {"id": announcement.identity.id, "version": __version__, "api": API_VERSION}
    try:
        await asyncio.gather(
            _register(zeroconf, WYOMING_TYPE, {}, announcement, addresses),
            _register(zeroconf, WALLFLOWER_TYPE, properties, announcement, addresses),
        )
        yield
    finally:
        await zeroconf.async_unregister_all_services()
        await zeroconf.async_close()


async def _register(
    zeroconf: "AsyncZeroconf",
    kind: str,
    properties: dict[str, str],
    announcement: Announcement,
    addresses: Sequence[Address],
) -> None:
    """Announce one service. A name that is taken gets a number behind it; the box keeps its own."""
    from zeroconf import NonUniqueNameException
    from zeroconf.asyncio import AsyncServiceInfo

    identity = announcement.identity
    service = AsyncServiceInfo(
        kind,
        f"{_instance(identity.name)}.{kind}",
        port=announcement.port,
        properties=properties,
        server=f"wallflower-{identity.id}.local.",
        parsed_addresses=[str(address) for address in addresses],
    )
    try:
        await (await zeroconf.async_register_service(service, allow_name_change=True))
    except NonUniqueNameException as error:
        raise OSError(f"the name {identity.name!r} is taken on this network") from error
    _LOG.info(
        "announced on the network",
        service=service.name,
        addresses=[str(address) for address in addresses],
        port=announcement.port,
    )


def _instance(name: str) -> str:
    """A name as one DNS label: at most 63 bytes, and no dots, which would end it."""
    return name.replace(".", "-").encode()[:63].decode("utf-8", "ignore")
