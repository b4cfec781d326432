"""GPUs and NPUs, as the kernel lists them: what is there, not yet what works."""

import os
import platform
import re
import sys
from pathlib import Path
from typing import Literal

from wallflower.hardware.facts import Accelerator

_VENDORS = {"0x8086": "Intel", "0x10de": "NVIDIA", "0x1002": "AMD", "0x1022": "AMD", "0x106b": "Apple"}
_DRIVERS = {  # of devices that have no PCI ids
    "v3d": "Broadcom",
    "vc4": "Broadcom",
    "vc4-drm": "Broadcom",
    "panfrost": "Arm Mali",
    "panthor": "Arm Mali",
    "lima": "Arm Mali",
    "msm": "Qualcomm",
    "rocket": "Rockchip",
}


def read_accelerators(root: Path = Path("/"), *, system: str = sys.platform) -> tuple[Accelerator, ...]:
    """The GPUs and NPUs of this box, as far as they can be told; never raises."""
    if system == "darwin":
        return _apple() if platform.machine() == "arm64" else ()
    nvidia = [*_nvidia_cards(root), *_jetson(root)]
    others = [*_listed(root, "gpu", "sys/class/drm", r"renderD\d+", "dev/dri"),
              *_listed(root, "npu", "sys/class/accel", r"accel\d+", "dev/accel")]  # fmt: skip
    if nvidia:  # their driver may list them among the others, too
        others = [each for each in others if each.vendor != "NVIDIA"]
    return (*others, *nvidia)


def _apple() -> tuple[Accelerator, ...]:
    """Each Apple processor has both; there is no file to open."""
    return (
        Accelerator("gpu", "Apple", "Apple GPU", ""),
        Accelerator("npu", "Apple", "Apple Neural Engine", ""),
    )


def _listed(
    root: Path, kind: Literal["gpu", "npu"], folder: str, pattern: str, nodes: str
) -> list[Accelerator]:
    """What a class of the kernel lists, with the device file if this process may open it."""
    found = []
    for entry in _entries(root / folder):
        if not re.fullmatch(pattern, entry):
            continue
        device = root / folder / entry / "device"
        driver = _driver(device)
        vendor = _VENDORS.get(_line(device / "vendor"), "") or _DRIVERS.get(driver, "")
        ids = ":".join(_line(device / name).removeprefix("0x") for name in ("vendor", "device"))
        name = " ".join(part for part in (vendor, kind.upper(), ids.strip(":"), driver) if part)
        found.append(Accelerator(kind, vendor or "unknown", name, _node(root, f"{nodes}/{entry}")))
    return found


def _nvidia_cards(root: Path) -> list[Accelerator]:
    folder = root / "proc/driver/nvidia/gpus"
    texts = [_text(folder / entry / "information") for entry in _entries(folder)]
    names = [match[1].strip() for text in texts if (match := re.search(r"^Model:(.*)$", text, re.MULTILINE))]
    nodes = [entry for entry in _entries(root / "dev") if re.fullmatch(r"nvidia\d+", entry)]
    if len(names) == len(nodes):  # else a container sees the cards' names, and some of the cards
        return [Accelerator("gpu", "NVIDIA", name, _node(root, f"dev/{node}"))
                for name, node in zip(names, nodes, strict=True)]  # fmt: skip
    if nodes:
        name = names[0] if len(set(names)) == 1 else "NVIDIA GPU"
        return [Accelerator("gpu", "NVIDIA", name, _node(root, f"dev/{node}")) for node in nodes]
    return [Accelerator("gpu", "NVIDIA", name, "") for name in names]


def _jetson(root: Path) -> list[Accelerator]:
    """A Jetson's GPU is no card: it is part of the chip, which the device tree names."""
    if not re.search(r"nvidia,tegra\d+", _text(root / "proc/device-tree/compatible")):
        return []
    model = _line(root / "proc/device-tree/model") or "NVIDIA Jetson"
    node = next(
        filter(None, (_node(root, f"dev/{name}") for name in ("nvhost-gpu", "nvgpu/igpu0/channel"))), ""
    )
    return [Accelerator("gpu", "NVIDIA", model, node)]


def _driver(device: Path) -> str:
    match = re.search(r"^DRIVER=(.*)$", _text(device / "uevent"), re.MULTILINE)
    return match[1].strip() if match else ""


def _node(root: Path, name: str) -> str:
    """The device file as the system names it, or nothing where this process may not use it."""
    return f"/{name}" if os.access(root / name, os.R_OK | os.W_OK) else ""


def _entries(folder: Path) -> list[str]:
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        return []
    return sorted(names, key=lambda name: (len(name), name))  # card 10 comes after card 9


def _line(path: Path) -> str:
    return _text(path).strip("\0\n \t")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""
