"""The processor: what the kernel says of it, read from text."""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from wallflower.hardware.facts import Cpu

_FLAGS = {
    "avx": "avx",
    "avx2": "avx2",
    "avx512f": "avx512f",
    "avx512_vnni": "avx512_vnni",
    "avx_vnni": "avx_vnni",
    "amx_int8": "amx_int8",
    "neon": "neon",  # what 32-bit ARM calls it
    "asimd": "neon",
    "asimddp": "dotprod",
    "i8mm": "i8mm",
}
_SYSCTL_FLAGS = {"avx1.0": "avx", "avx2": "avx2", "avx512f": "avx512f", "avx512vnni": "avx512_vnni"}
_SYSCTL_SWITCHES = {
    "hw.optional.neon": "neon",
    "hw.optional.AdvSIMD": "neon",
    "hw.optional.arm.FEAT_DotProd": "dotprod",
    "hw.optional.arm.FEAT_I8MM": "i8mm",
}
_SYSCTL_NAMES = (
    "machdep.cpu.brand_string",
    "machdep.cpu.features",
    "machdep.cpu.leaf7_features",
    "hw.physicalcpu",
    "hw.logicalcpu",
    *_SYSCTL_SWITCHES,
)
_SYSCTL_SECONDS = 5.0

# Arm Ltd's part numbers, for the cores of boxes that people have at home
_ARM_PARTS = {
    0xD03: "Cortex-A53",
    0xD04: "Cortex-A35",
    0xD05: "Cortex-A55",
    0xD07: "Cortex-A57",
    0xD08: "Cortex-A72",
    0xD09: "Cortex-A73",
    0xD0A: "Cortex-A75",
    0xD0B: "Cortex-A76",
    0xD0C: "Neoverse-N1",
    0xD40: "Neoverse-V1",
    0xD41: "Cortex-A78",
    0xD42: "Cortex-A78AE",
    0xD49: "Neoverse-N2",
}
_ARM_LIMITED = 0x41


def read_cpu(root: Path = Path("/")) -> Cpu:
    """The processor of this box, as far as it can be told; never raises."""
    architecture = platform.machine() or "unknown"
    if sys.platform == "darwin":
        return parse_sysctl(_sysctl(), architecture)
    board = _text(root / "proc/device-tree/model").rstrip("\0\n")
    return parse_cpuinfo(_text(root / "proc/cpuinfo"), architecture, board=board)


def parse_cpuinfo(text: str, architecture: str, *, board: str = "") -> Cpu:
    """The processor that Linux describes in /proc/cpuinfo on x86 and ARM.

    board: the model of a box that has a device tree; it becomes part of the name. Unknown forms give a
    processor without features rather than an error: the choice then falls on what runs anywhere.
    """
    blocks = [_fields(block) for block in re.split(r"\n\s*\n", text)]
    processors = [block for block in blocks if "processor" in block]
    threads = len(processors) or os.cpu_count() or 1
    places = {(block["physical id"], block["core id"]) for block in processors if "core id" in block
              and "physical id" in block}  # fmt: skip
    words = {word for block in processors for name in ("flags", "Features")
             for word in block.get(name, "").lower().split()}  # fmt: skip
    merged = {name: value for block in reversed(blocks) for name, value in block.items()}
    core = merged.get("model name") or _arm_core(processors)
    board = board or merged.get("Model", "")
    return Cpu(
        name=", ".join(part for part in (core, board) if part) or "unknown",
        architecture=architecture,
        cores=len(places) or threads,
        threads=threads,
        features=frozenset(_FLAGS[word] for word in words if word in _FLAGS),
    )


def parse_sysctl(text: str, architecture: str) -> Cpu:
    """The processor that macOS describes by `sysctl`, as lines of `name: value`."""
    fields = _fields(text)
    words = f"{fields.get('machdep.cpu.features', '')} {fields.get('machdep.cpu.leaf7_features', '')}"
    features = {_SYSCTL_FLAGS[word] for word in words.lower().split() if word in _SYSCTL_FLAGS}
    features |= {feature for name, feature in _SYSCTL_SWITCHES.items() if fields.get(name) == "1"}
    threads = _number(fields, "hw.logicalcpu") or os.cpu_count() or 1
    return Cpu(
        name=fields.get("machdep.cpu.brand_string", "unknown"),
        architecture=architecture,
        cores=_number(fields, "hw.physicalcpu") or threads,
        threads=threads,
        features=frozenset(features),
    )


def _fields(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.split("\n"))
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def _number(fields: Mapping[str, str], name: str) -> int:
    value = fields.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0


def _arm_core(processors: list[dict[str, str]]) -> str:
    """The names of the cores by their part numbers, the biggest last in the kernel's order first."""
    names: list[str] = []
    for block in reversed(processors):
        try:
            maker, part = int(block["CPU implementer"], 16), int(block["CPU part"], 16)
        except (KeyError, ValueError):
            continue
        name = _ARM_PARTS.get(part, f"ARM core {part:#x}") if maker == _ARM_LIMITED else f"core {part:#x}"
        if name not in names:
            names.append(name)
    return " + ".join(names)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""


def _sysctl() -> str:
    """What macOS says; names it does not know are passed over by -i."""
    try:
        done = subprocess.run(
            ["/usr/sbin/sysctl", "-i", *_SYSCTL_NAMES],
            capture_output=True, text=True, timeout=_SYSCTL_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError, ValueError):
        return ""
    return done.stdout
