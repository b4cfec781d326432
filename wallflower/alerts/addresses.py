"""Which addresses are posted to: not those of the link, where clouds tell a machine its secrets.

What is connected to is the address that was checked: a name is looked up once for both, so that its second
answer cannot be another (DNS rebinding).
"""

import socket
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

_METADATA = tuple(
    map(ip_network, ("100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", "fd00:ec2::/32"))
)
"""Where clouds tell a machine about itself, beside the link-local 169.254.169.254."""
_TRANSLATED = ip_network("64:ff9b::/96")


class RefusedAddressError(OSError):
    """This address is not posted to."""


def check_address(text: str) -> None:
    """Raises RefusedAddressError for one that is not posted to; ValueError for what is no address."""
    for address in _meant(ip_address(text.partition("%")[0])):
        if (
            address.is_link_local
            or address.is_multicast
            or address.is_unspecified
            or any(address in each for each in _METADATA if each.version == address.version)
        ):
            raise RefusedAddressError(
                f"{address} is an address of the link, or tells a cloud's secrets: it is posted to only with "
                "'link_local: true'"
            )


def _meant(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The address, and the IPv4 address inside of it, if there is one."""
    found = [address]
    if isinstance(address, IPv6Address):
        inside = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _TRANSLATED or int(address) >> 32 == 0:
            inside.append(IPv4Address(int(address) & 0xFFFFFFFF))
        found += [each for each in inside if each is not None]
    return found


class CheckedResolver(AbstractResolver):
    """Looks names up, and gives only addresses that may be posted to. allowed: hosts that are not checked."""

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = allowed
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises OSError, and RefusedAddressError when one of the answers may not be posted to."""
        found = await self._resolver.resolve(host, port, family)
        if host not in self._allowed:
            for each in found:
                check_address(each["host"])
        return found

    async def close(self) -> None:
        """Nothing is open."""
        await self._resolver.close()
