"""GPUs and NPUs, from trees of files as kernels make them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from wallflower.hardware import accelerators
from wallflower.hardware.accelerators import read_accelerators
from wallflower.hardware.facts import Accelerator

Tree = Callable[[dict[str, str]], None]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Writes files under the made-up root."""

    def put(files: dict[str, str]) -> None:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return put


def pci(folder: str, vendor: str, device: str, driver: str) -> dict[str, str]:
    return {
        f"{folder}/device/vendor": f"{vendor}\n",
        f"{folder}/device/device": f"{device}\n",
        f"{folder}/device/uevent": f"DRIVER={driver}\nPCI_CLASS=30000\n",
    }


def test_nothing(tmp_path: Path) -> None:
    assert read_accelerators(tmp_path, system="linux") == ()


def test_intel_gpu_and_npu(tmp_path: Path, tree: Tree) -> None:
    tree(pci("sys/class/drm/renderD128", "0x8086", "0x7d55", "xe"))
    tree(pci("sys/class/drm/card0", "0x8086", "0x7d55", "xe"))  # the same device again, for a screen
    tree(pci("sys/class/accel/accel0", "0x8086", "0x7d1d", "intel_vpu"))
    tree({"dev/dri/renderD128": "", "dev/accel/accel0": ""})
    assert read_accelerators(tmp_path, system="linux") == (
        Accelerator("gpu", "Intel", "Intel GPU 8086:7d55 xe", "/dev/dri/renderD128"),
        Accelerator("npu", "Intel", "Intel NPU 8086:7d1d intel_vpu", "/dev/accel/accel0"),
    )


def test_a_device_that_was_not_passed_into_the_container(tmp_path: Path, tree: Tree) -> None:
    tree(pci("sys/class/drm/renderD128", "0x8086", "0x46d1", "i915"))
    (found,) = read_accelerators(tmp_path, system="linux")
    assert (found.vendor, found.path) == ("Intel", "")


def test_a_pi(tmp_path: Path, tree: Tree) -> None:
    tree({"sys/class/drm/renderD128/device/uevent": "DRIVER=v3d\nOF_NAME=gpu\n", "dev/dri/renderD128": ""})
    (found,) = read_accelerators(tmp_path, system="linux")
    assert (found.vendor, found.name) == ("Broadcom", "Broadcom GPU v3d")


def test_strangers(tmp_path: Path, tree: Tree) -> None:
    tree(pci("sys/class/drm/renderD128", "0x1234", "0x1111", "bochs"))
    (found,) = read_accelerators(tmp_path, system="linux")
    assert (found.vendor, found.name) == ("unknown", "GPU 1234:1111 bochs")


def test_nvidia_cards_are_named_once(tmp_path: Path, tree: Tree) -> None:
    tree(pci("sys/class/drm/renderD128", "0x10de", "0x2504", "nvidia"))
    tree(pci("sys/class/drm/renderD129", "0x1002", "0x1638", "amdgpu"))
    info = "Model: \t\t NVIDIA GeForce RTX 3060\nIRQ:   \t\t 98\n"
    tree({"proc/driver/nvidia/gpus/0000:01:00.0/information": info, "dev/nvidia0": "", "dev/nvidiactl": ""})
    assert [(each.name, each.path) for each in read_accelerators(tmp_path, system="linux")] == [
        ("AMD GPU 1002:1638 amdgpu", ""),
        ("NVIDIA GeForce RTX 3060", "/dev/nvidia0"),
    ]


@pytest.mark.parametrize(
    ("models", "nodes", "found"),
    [
        (["A", "A"], ["nvidia1"], [("A", "/dev/nvidia1")]),
        (["A", "B"], ["nvidia1"], [("NVIDIA GPU", "/dev/nvidia1")]),
        ([], ["nvidia0"], [("NVIDIA GPU", "/dev/nvidia0")]),
        (["A"], [], [("A", "")]),
        (["A", "B"], ["nvidia0", "nvidia1"], [("A", "/dev/nvidia0"), ("B", "/dev/nvidia1")]),
    ],
)
def test_nvidia_in_containers(
    tmp_path: Path, tree: Tree, models: list[str], nodes: list[str], found: list[tuple[str, str]]
) -> None:
    tree({f"proc/driver/nvidia/gpus/{i}/information": f"Model: {name}\n" for i, name in enumerate(models)})
    tree({f"dev/{node}": "" for node in nodes})
    assert [(each.name, each.path) for each in read_accelerators(tmp_path, system="linux")] == found


def test_a_jetson(tmp_path: Path, tree: Tree) -> None:
    tree({
        "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
        "proc/device-tree/compatible": "nvidia,p3768-0000+p3767-0005\0nvidia,p3767-0005\0nvidia,tegra234\0",
        "dev/nvhost-gpu": "",
    })  # fmt: skip
    assert read_accelerators(tmp_path, system="linux") == (
        Accelerator("gpu", "NVIDIA", "NVIDIA Jetson Orin Nano Developer Kit", "/dev/nvhost-gpu"),
    )


def test_a_mac(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerators.platform, "machine", lambda: "arm64")  # type: ignore[attr-defined]
    assert [each.kind for each in read_accelerators(tmp_path, system="darwin")] == ["gpu", "npu"]
    monkeypatch.setattr(accelerators.platform, "machine", lambda: "x86_64")  # type: ignore[attr-defined]
    assert read_accelerators(tmp_path, system="darwin") == ()


def test_this_box() -> None:
    for found in read_accelerators():
        assert not found.path or os.path.exists(found.path)  # noqa: PTH110
