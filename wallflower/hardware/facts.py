"""What is known of a box, as immutable values, and the JSON they are kept in.

Nothing here looks at the machine: facts recorded on one box can be judged on another.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from wallflower.errors import WallflowerError


class FactsError(WallflowerError):
    """Facts that cannot be read: no JSON, or not in the form that `to_json` writes."""


@dataclass(frozen=True, slots=True)
class Cpu:
    """The processor. cores: physical ones. threads: logical ones.

    features: those of avx, avx2, avx512f, avx512_vnni, avx_vnni, amx_int8, neon, dotprod and i8mm it has.
    """

    name: str
    architecture: str
    cores: int
    threads: int
    features: frozenset[str]


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A GPU or NPU that the system lists. path: its device file; empty when there is none that this
    process may open, as in a container that it was not passed into.
    """

    kind: Literal["gpu", "npu"]
    vendor: str
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class ProbedDevice:
    """A device that a library offers. device: cpu, gpu, gpu.1, npu, cuda, tensorrt, coreml, metal, ….

    name: what the library calls it. problem: why it cannot be used; empty when it can. ran: whether a graph
    ran on it with the right result; where it is False without a problem, the library only claims the device.
    """

    device: str
    name: str
    ran: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Library:
    """A library that runs models. version: empty when it is not installed. problem: why none of it can
    be used; empty when it can.
    """

    name: str
    version: str
    devices: tuple[ProbedDevice, ...] = ()
    problem: str = ""

    @property
    def usable(self) -> tuple[ProbedDevice, ...]:
        """The devices without a problem."""
        return () if self.problem else tuple(device for device in self.devices if not device.problem)


@dataclass(frozen=True, slots=True)
class Facts:
    """A box. memory_bytes: what there is in all. platform: as `sys.platform` says."""

    cpu: Cpu
    memory_bytes: int
    accelerators: tuple[Accelerator, ...]
    libraries: tuple[Library, ...]
    platform: str

    def library(self, name: str) -> Library:
        """The library of this name; one that is not installed when it was not looked for."""
        for library in self.libraries:
            if library.name == name:
                return library
        return Library(name, "", problem="not installed")


def to_mapping(facts: Facts) -> dict[str, Any]:
    """The facts as JSON's own types, the same for equal facts."""
    mapping = asdict(facts)
    mapping["cpu"]["features"] = sorted(facts.cpu.features)
    return mapping


def to_json(facts: Facts) -> str:
    """The facts as text that `from_json` reads."""
    return json.dumps(to_mapping(facts), indent=2, ensure_ascii=False) + "\n"


def from_json(text: str) -> Facts:
    """The facts that `to_json` or `wallflower hardware --json` wrote. Raises FactsError."""
    try:
        content = json.loads(text)
        return from_mapping(content.get("facts", content))
    except (ValueError, AttributeError, RecursionError) as error:
        raise _no_facts(error) from error


def from_mapping(content: Mapping[str, Any]) -> Facts:
    """The facts that `to_mapping` gave. Raises FactsError."""
    try:
        return _facts(content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _no_facts(error) from error


def _no_facts(error: Exception) -> FactsError:
    return FactsError(
        f"these are no facts of a machine ({error!r}); record them with: wallflower hardware --json"
    )


def _facts(content: Mapping[str, Any]) -> Facts:
    cpu = content["cpu"]
    return Facts(
        cpu=Cpu(**{**cpu, "features": frozenset(cpu["features"])}),
        memory_bytes=int(content["memory_bytes"]),
        accelerators=tuple(Accelerator(**each) for each in content["accelerators"]),
        libraries=tuple(_library(each) for each in content["libraries"]),
        platform=content["platform"],
    )


def _library(content: Mapping[str, Any]) -> Library:
    devices = tuple(ProbedDevice(**each) for each in content["devices"])
    return Library(**{**content, "devices": devices})
