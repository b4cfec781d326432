"""Boots the add-on's s6 services as s6-overlay does, with Debian's s6 alone: s6-rc, which orders services, is
not packaged. The first process of a container.

usage: python3 boot.py     (inside the container; SIGTERM stops it as Docker would)
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

SERVICES = Path("/etc/s6-overlay/s6-rc.d")
SCAN = Path("/run/service")
RESULT = Path("/run/s6-linux-init-container-results/exitcode")
HALT = Path("/run/s6/basedir/bin/halt")
_STOP_SECONDS = 30.0


class BrokenServiceError(Exception):
    """The services cannot be what s6-rc takes."""


def in_order(services: Path) -> list[str]:
    """The long-running services that the bundle `user` starts, each after what it depends on."""
    order: list[str] = []

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise BrokenServiceError(f"{' needs '.join((*path, name))}")
        if name in order or name == "base":  # s6-overlay's own
            return
        folder = services / name
        if not (folder / "type").exists():
            raise BrokenServiceError(f"{path[-1]} needs {name}, which is no service")
        if (folder / "type").read_text().strip() != "longrun":
            raise BrokenServiceError(f"{name}: only services of type longrun are known here")
        for script in ("run", "finish"):
            if not os.access(folder / script, os.X_OK):
                raise BrokenServiceError(f"{name}/{script} cannot be run")
        for other in sorted(each.name for each in (folder / "dependencies.d").iterdir()):
            visit(other, (*path, name))
        order.append(name)

    for wanted in sorted(each.name for each in (services / "user/contents.d").iterdir()):
        visit(wanted, ("user",))
    return order


def main() -> int:
    """Start all, wait until told to stop or a service halts the container; the exit code that is left."""
    names = in_order(SERVICES)
    for folder in (SCAN, RESULT.parent, HALT.parent, Path("/run/s6/container_environment")):
        folder.mkdir(parents=True, exist_ok=True)
    for name, value in os.environ.items():
        Path("/run/s6/container_environment", name).write_text(value)
    RESULT.write_text("0")
    HALT.write_text(f"#!/bin/sh\nexec s6-svscanctl -t {SCAN}\n")
    HALT.chmod(0o755)
    for name in names:
        (SCAN / name).mkdir()
        for script in ("run", "finish"):
            (SCAN / name / script).symlink_to(SERVICES / name / script)
    stopping = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    supervisor = subprocess.Popen(["s6-svscan", str(SCAN)])
    while supervisor.poll() is None and not stopping:
        time.sleep(0.05)
    if supervisor.poll() is None:
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait(_STOP_SECONDS)
    return int(RESULT.read_text())


if __name__ == "__main__":
    sys.exit(main())
