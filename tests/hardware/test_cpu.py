"""Processors, from what kernels say of them."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.hardware import cpu
from wallflower.hardware.cpu import parse_cpuinfo, parse_sysctl, read_cpu

_X86 = """\
processor\t: {thread}
vendor_id\t: GenuineIntel
model name\t: {name}
physical id\t: 0
siblings\t: {threads}
core id\t\t: {core}
cpu cores\t: 4
flags\t\t: fpu vme sse sse2 {flags}
"""
_ARM = """\
processor\t: {thread}
BogoMIPS\t: 108.00
Features\t: fp {flags}
CPU implementer\t: {maker}
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: {part}
CPU revision\t: 1
"""


def x86(name: str, flags: str, *, cores: int, threads: int) -> str:
    return "\n".join(
        _X86.format(thread=thread, name=name, threads=threads, core=thread % cores, flags=flags)
        for thread in range(threads)
    )


def arm(flags: str, *parts: str, maker: str = "0x41") -> str:
    return "\n".join(
        _ARM.format(thread=thread, flags=flags, part=part, maker=maker) for thread, part in enumerate(parts)
    )


def test_a_pc() -> None:
    text = x86("Intel(R) N100", "avx f16c avx2 fma avx_vnni", cores=4, threads=4)
    found = parse_cpuinfo(text, "x86_64")
    assert (found.name, found.architecture, found.cores, found.threads) == ("Intel(R) N100", "x86_64", 4, 4)
    assert found.features == {"avx", "avx2", "avx_vnni"}


def test_two_threads_a_core() -> None:
    found = parse_cpuinfo(x86("i7", "avx avx2", cores=4, threads=8), "x86_64")
    assert (found.cores, found.threads) == (4, 8)


def test_a_server() -> None:
    flags = "avx avx2 avx512f avx512_vnni avx_vnni amx_tile amx_int8"
    found = parse_cpuinfo(x86("Xeon", flags, cores=1, threads=1), "x86_64")
    assert found.features == {"avx", "avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8"}


def test_an_atom_without_avx() -> None:
    name = "Intel(R) Atom(TM) x5-Z8350  CPU @ 1.44GHz"
    found = parse_cpuinfo(x86(name, "ssse3 sse4_1 sse4_2 movbe popcnt", cores=4, threads=4), "x86_64")
    assert found.features == frozenset()


def test_a_pi() -> None:
    text = arm("asimd evtstrm crc32 cpuid", *["0xd08"] * 4) + "\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n"
    found = parse_cpuinfo(text, "aarch64")
    assert found.name == "Cortex-A72, Raspberry Pi 4 Model B Rev 1.4"
    assert (found.cores, found.threads, set(found.features)) == (4, 4, {"neon"})
    board = parse_cpuinfo(arm("asimd asimdhp asimddp", "0xd0b"), "aarch64", board="Raspberry Pi 5 Model B")
    assert board.name == "Cortex-A76, Raspberry Pi 5 Model B"
    assert board.features == {"neon", "dotprod"}


def test_big_and_little_cores_and_strangers() -> None:
    found = parse_cpuinfo(arm("asimd asimddp i8mm", "0xd05", "0xd05", "0xd41"), "aarch64")
    assert found.name == "Cortex-A78 + Cortex-A55"
    assert found.features == {"neon", "dotprod", "i8mm"}
    assert parse_cpuinfo(arm("asimd", "0xfff"), "aarch64").name == "ARM core 0xfff"
    assert parse_cpuinfo(arm("asimd", "0xac3", maker="0xc0"), "aarch64").name == "core 0xac3"
    assert parse_cpuinfo(arm("neon vfpv4", "0xd03"), "armv7l").features == {"neon"}


def test_macs() -> None:
    found = parse_sysctl(
        "machdep.cpu.brand_string: Apple M4\nhw.physicalcpu: 10\nhw.logicalcpu: 10\nhw.optional.neon: 1\n"
        "hw.optional.AdvSIMD: 1\nhw.optional.arm.FEAT_DotProd: 1\nhw.optional.arm.FEAT_I8MM: 1\n",
        "arm64",
    )
    assert (found.name, found.cores, found.threads) == ("Apple M4", 10, 10)
    assert found.features == {"neon", "dotprod", "i8mm"}
    found = parse_sysctl(
        "machdep.cpu.brand_string: Intel(R) Core(TM) i5-8500B CPU @ 3.00GHz\n"
        "machdep.cpu.features: FPU AVX1.0\n"
        "machdep.cpu.leaf7_features: RDWRFSGS AVX2\nhw.physicalcpu: 6\nhw.logicalcpu: 6\n",
        "x86_64",
    )
    assert (found.cores, set(found.features)) == (6, {"avx", "avx2"})


@given(st.text())
def test_any_text_is_some_processor(text: str) -> None:
    for found in (parse_cpuinfo(text, "x"), parse_sysctl(text, "x")):
        assert found.cores >= 1
        assert found.threads >= 1


def test_this_box() -> None:
    found = read_cpu()
    assert found.architecture == platform.machine()
    assert 1 <= found.cores <= found.threads


def test_the_board_is_read_from_the_device_tree(tmp_path: Path) -> None:
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/device-tree/model").write_bytes(b"Orange Pi 5\0")
    (tmp_path / "proc/cpuinfo").write_text(arm("asimd", "0xd0b"))
    assert read_cpu(tmp_path).name == "Cortex-A76, Orange Pi 5"
    assert read_cpu(tmp_path / "nothing").name == "unknown"


def test_a_mac_is_asked_by_sysctl(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        assert command[0].endswith("sysctl")
        return subprocess.CompletedProcess(command, 0, "machdep.cpu.brand_string: Apple M1\n", "")

    def fail(command: list[str], **_: object) -> None:
        raise subprocess.TimeoutExpired(command, 1)

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(cpu.subprocess, "run", answer)  # type: ignore[attr-defined]
    assert read_cpu().name == "Apple M1"
    monkeypatch.setattr(cpu.subprocess, "run", fail)  # type: ignore[attr-defined]
    assert read_cpu().name == "unknown"
