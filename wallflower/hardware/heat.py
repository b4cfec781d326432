"""How hot the processor is, and whether it already slows itself down, where the kernel tells."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ZONES = "sys/class/thermal"
_PI_THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
_CPUFREQ = "sys/devices/system/cpu"

_PROCESSOR_ZONES = ("x86_pkg_temp", "cpu", "soc", "tj", "bigcore", "littlecore", "package")
"""Beginnings of the names of zones that are of the processor, in small letters."""
_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "soc_thermal", "acpitz")
"""What psutil calls the processor's, the best first."""

# Raspberry Pi's get_throttled: what is the case now. The bits from 16 on say what was since the start.
_CAPPED, _THROTTLED, _SOFT_LIMIT = 1 << 1, 1 << 2, 1 << 3


@dataclass(frozen=True, slots=True)
class Reading:
    """What the kernel tells now; None where it tells nothing.

    celsius: the hottest of the processor. limit_celsius: where the kernel or the firmware begins to slow the
    processor down. throttled: whether it does so now. frequency_share: the highest clock allowed now, of the
    highest there is.
    """

    celsius: float | None = None
    limit_celsius: float | None = None
    throttled: bool | None = None
    frequency_share: float | None = None


def read_heat(root: Path = Path("/"), *, sensors: Callable[[], Mapping[str, Any]] | None = None) -> Reading:
    """Look once; takes a millisecond, and never raises.

    sensors: what gives temperatures where the kernel has no thermal zones; None: psutil.
    """
    celsius, limit = _zones(root)
    if celsius is None or limit is None:
        other, other_limit = _from_sensors(sensors)
        celsius = other if celsius is None else celsius
        limit = other_limit if limit is None else limit
    flags = parse_throttled(_text(root / _PI_THROTTLED))
    share = _frequency_share(root)
    throttled = None if flags is None else bool(flags & (_CAPPED | _THROTTLED | _SOFT_LIMIT))
    return Reading(celsius, limit, throttled, share)


def parse_throttled(text: str) -> int | None:
    """The flags of a Raspberry Pi's firmware, hexadecimal; None if they are none."""
    text = text.strip().removeprefix("throttled=").removeprefix("0x")
    try:
        return int(text, 16) if text.isalnum() else None
    except ValueError:
        return None


def _zones(root: Path) -> tuple[float | None, float | None]:
    """The hottest of the processor's thermal zones, and the lowest point at which the kernel acts."""
    hottest: float | None = None
    limit: float | None = None
    for zone in _matching(root / _ZONES, "thermal_zone*"):
        kind = _text(zone / "type").strip().lower()
        if not kind.startswith(_PROCESSOR_ZONES):
            continue
        celsius = _thousandths(zone / "temp")
        if celsius is None or not 0 < celsius < 150:  # a sensor that is off says 0 or nonsense
            continue
        hottest = celsius if hottest is None else max(hottest, celsius)
        for trip in _matching(zone, "trip_point_*_type"):
            if _text(trip).strip() not in {"passive", "hot"}:  # at the critical one it goes off
                continue
            at = _thousandths(trip.with_name(trip.name.replace("_type", "_temp")))
            if at is not None and 40 <= at < 150:
                limit = at if limit is None else min(limit, at)
    return hottest, limit


def _from_sensors(sensors: Callable[[], Mapping[str, Any]] | None) -> tuple[float | None, float | None]:
    if sensors is None:
        import psutil

        sensors = getattr(psutil, "sensors_temperatures", None)  # there is none on a Mac
    try:
        found = sensors() if sensors else {}
    except Exception:  # noqa: BLE001  # drivers that answer with an error of their own
        return None, None
    for name in _SENSORS:
        entries: Sequence[Any] = found.get(name) or ()
        if temperatures := [entry.current for entry in entries if entry.current]:
            # Of others the limit is where the box goes off (a Pi), or made up (k10temp).
            limits = [_before_the_end(entry) for entry in entries if entry.high] if name == "coretemp" else []
            return max(temperatures), min(limits, default=None)
    return None, None


def _before_the_end(entry: Any) -> float:
    """Intel's limit; where it is the critical one, it slows down some way before."""
    critical = entry.critical or entry.high
    return float(min(entry.high, critical - 10.0) if entry.high >= critical else entry.high)


def _frequency_share(root: Path) -> float | None:
    """The lowest share among the cores: on a box with big and little cores each has its own clock."""
    shares = []
    for folder in _matching(root / _CPUFREQ, "cpu[0-9]*"):
        allowed = _thousandths(folder / "cpufreq/scaling_max_freq")
        highest = _thousandths(folder / "cpufreq/cpuinfo_max_freq")
        if allowed and highest:
            shares.append(min(1.0, allowed / highest))
    return min(shares, default=None)


def _matching(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []


def _thousandths(path: Path) -> float | None:
    text = _text(path).strip()
    try:
        return int(text) / 1000
    except ValueError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", errors="replace")
    except OSError:  # some zones cannot be read while they sleep
        return ""
