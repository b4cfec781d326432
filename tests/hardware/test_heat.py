"""Temperatures and throttling, from trees of files as kernels make them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.hardware.heat import Reading, parse_throttled, read_heat


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def zone(number: int, kind: str, temp: str, **trips: str) -> dict[str, str]:
    folder = f"sys/class/thermal/thermal_zone{number}"
    files = {f"{folder}/type": f"{kind}\n", f"{folder}/temp": f"{temp}\n"}
    for index, (name, at) in enumerate(trips.items()):
        files |= {f"{folder}/trip_point_{index}_type": f"{name}\n", f"{folder}/trip_point_{index}_temp": at}
    return files


def nothing() -> dict[str, Any]:
    return {}


def test_a_box_that_tells_nothing(tmp_path: Path) -> None:
    assert read_heat(tmp_path, sensors=nothing) == Reading()


def test_a_pi_that_throttles(tmp_path: Path) -> None:
    put(tmp_path, zone(0, "cpu-thermal", "81300", critical="110000"))
    put(tmp_path, {
        "sys/devices/platform/soc/soc:firmware/get_throttled": "e0008\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq": "1500000\n",
        "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "1800000\n",
    })  # fmt: skip
    reading = read_heat(tmp_path, sensors=nothing)
    assert reading.celsius == 81.3
    assert reading.limit_celsius is None  # at 110 °C it goes off; it slows down long before
    assert reading.throttled is True
    assert reading.frequency_share == pytest.approx(5 / 6)


def test_a_pc(tmp_path: Path) -> None:
    put(tmp_path, zone(0, "acpitz", "27800", critical="105000"))
    put(tmp_path, zone(1, "iwlwifi_1", "99000"))
    put(tmp_path, zone(2, "x86_pkg_temp", "61000", passive="95000", critical="105000", active="50000"))
    assert read_heat(tmp_path, sensors=nothing) == Reading(61.0, 95.0, None, None)


def test_an_orin(tmp_path: Path) -> None:
    put(tmp_path, zone(0, "cpu-thermal", "52312", passive="99000"))
    put(tmp_path, zone(1, "gpu-thermal", "70000", passive="60000"))
    put(tmp_path, zone(8, "tj-thermal", "53500", passive="99000"))
    assert read_heat(tmp_path, sensors=nothing) == Reading(53.5, 99.0, None, None)


@pytest.mark.parametrize("temp", ["", "0", "-274000", "hot", "999999"])
def test_sensors_that_are_off(tmp_path: Path, temp: str) -> None:
    put(tmp_path, zone(0, "cpu-thermal", temp))
    put(tmp_path, zone(1, "soc-thermal", "40000", passive="-1", critical="0"))
    assert read_heat(tmp_path, sensors=nothing) == Reading(40.0)


def test_sensors_of_psutil(tmp_path: Path) -> None:
    def sensors() -> dict[str, Any]:
        return {
            "nvme": [SimpleNamespace(current=90.0, high=80.0)],
            "coretemp": [
                SimpleNamespace(current=50.0, high=80.0, critical=100.0),
                SimpleNamespace(current=55.0, high=None, critical=None),
            ],
        }

    assert read_heat(tmp_path, sensors=sensors) == Reading(55.0, 80.0)
    put(tmp_path, zone(0, "x86_pkg_temp", "61000"))  # no trip points: many PCs have none
    assert read_heat(tmp_path, sensors=sensors) == Reading(61.0, 80.0)


def test_a_limit_that_is_the_end_is_none_to_wait_for(tmp_path: Path) -> None:
    def intel() -> dict[str, Any]:
        return {"coretemp": [SimpleNamespace(current=50.0, high=105.0, critical=105.0)]}

    def pi() -> dict[str, Any]:
        return {"cpu_thermal": [SimpleNamespace(current=50.0, high=110.0, critical=110.0)]}

    assert read_heat(tmp_path, sensors=intel) == Reading(50.0, 95.0)
    assert read_heat(tmp_path, sensors=pi) == Reading(50.0, None)


def test_sensors_that_fail(tmp_path: Path) -> None:
    def sensors() -> dict[str, Any]:
        raise OSError("the driver is confused")

    assert read_heat(tmp_path, sensors=sensors) == Reading()


def test_this_box() -> None:
    reading = read_heat()
    assert reading.celsius is None or 0 < reading.celsius < 150


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("0\n", 0),
        ("50005\n", 0x50005),
        ("throttled=0x50000", 0x50000),
        ("", None),
        ("no", None),
        ("-1", None),
    ],
)
def test_throttled(text: str, flags: int | None) -> None:
    assert parse_throttled(text) == flags


@given(st.text())
def test_any_text_of_flags(text: str) -> None:
    flags = parse_throttled(text)
    assert flags is None or flags >= 0
