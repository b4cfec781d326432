"""Which addresses are announced, and that a real listener on a real network finds them."""

import asyncio
import ipaddress
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wallflower.config.identity import Identity
from wallflower.interfaces import zeroconf
from wallflower.interfaces.zeroconf import Announcement, announce, usable_addresses

_NETWORK = Path(__file__).with_name("announce_in_a_network.py")


def _addresses(*texts: str) -> list[zeroconf.Address]:
    return [ipaddress.ip_address(text) for text in texts]


_FOUND = _addresses(
    "127.0.0.1",
    "10.8.0.2",
    "192.168.1.5",
    "169.254.3.4",
    "::1",
    "fe80::1",
    "2001:db8::5",
    "fd00::5",
    "0.0.0.0",
)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("0.0.0.0", ["10.8.0.2", "192.168.1.5"]),
        ("::", ["2001:db8::5", "fd00::5"]),
        ("192.168.1.5", ["192.168.1.5"]),
        ("127.0.0.1", []),
        ("10.9.9.9", []),
    ],
)
def test_addresses_that_others_can_use(host: str, expected: list[str]) -> None:
    assert [str(address) for address in usable_addresses(host, _FOUND)] == expected


@pytest.mark.parametrize(
    ("interface", "internal"),
    [("docker0", True), ("br-0a1b2c3d4e5f", True), ("hassio", True), ("eth0", False), ("br0", False)],
)
def test_bridges_of_containers_are_left_out(interface: str, internal: bool) -> None:
    assert zeroconf.is_internal(interface) is internal


def test_link_local_address_is_better_than_none() -> None:
    found = _addresses("127.0.0.1", "169.254.3.4")
    assert usable_addresses("0.0.0.0", found) == _addresses("169.254.3.4")


def test_every_address_of_this_machine_is_listed_and_interfaces_can_be_chosen() -> None:
    assert ipaddress.ip_address("127.0.0.1") in zeroconf.interface_addresses()
    assert zeroconf.interface_addresses(["no-such-interface"]) == []


def test_name_fits_into_one_label() -> None:
    assert zeroconf._instance("Wallflower kitchen.local") == "Wallflower kitchen-local"
    assert len(zeroconf._instance("ü" * 60).encode()) <= 63


async def test_no_network_is_one_warning_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, log_output: list[dict[str, Any]]
) -> None:
    looks = 0

    def none_yet(_announcement: Announcement) -> list[zeroconf.Address]:
        nonlocal looks
        looks += 1
        return []

    monkeypatch.setattr(zeroconf, "_current_addresses", none_yet)
    announcement = Announcement(Identity("0" * 8, "x"), "0.0.0.0", 1)
    task = asyncio.create_task(announce(announcement, look_every=0.01))
    async with asyncio.timeout(5):
        while looks < 4:
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [line["log_level"] for line in log_output] == ["warning"]


@pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's")
def test_listener_on_the_network_finds_both_services_and_the_goodbye() -> None:
    """Announced with usable addresses, renamed on a conflict, followed by goodbye."""
    command = ["unshare", "--net", "--map-root-user", sys.executable, str(_NETWORK)]
    if not shutil.which("unshare") or not shutil.which("ip"):
        pytest.fail("install util-linux and iproute2: script/test does")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ, check=False)
    if "unshare" in done.stderr and "not permitted" in done.stderr:
        pytest.skip("this kernel lets nobody make a network namespace")
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    seen["wyoming"]["addresses"].sort()
    assert seen["wyoming"] == {
        "name": "Wallflower test._wyoming._tcp.local.",
        "addresses": ["192.0.2.5", "198.51.100.7"],
        "port": 10300,
        "properties": {},
    }
    assert seen["wallflower"]["properties"] == {"id": "0badcafe", "version": seen["version"], "api": "0"}
    assert seen["other"] == "Wallflower test-2._wyoming._tcp.local."
    assert seen["removed"] == "Wallflower test._wyoming._tcp.local."
    assert seen["after a change"] == ["203.0.113.9"]
