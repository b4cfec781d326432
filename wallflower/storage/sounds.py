"""The sound of utterances: a file each, in a folder for each day of UTC, named by the utterance's id.

Names of one length are in the order of time, and a name tells where the file is: no table is needed.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.encoding import Codec, encode_file
from wallflower.audio.pcm import AudioError
from wallflower.events import Heard
from wallflower.storage.errors import StorageError
from wallflower.storage.ids import first_id, start_of

SOUNDS_NAME = "sounds"
"""The folder in the data directory."""

_PART = ".part"


class Sounds:
    """Writes them; lives on the event loop. folder: made when it is needed."""

    def __init__(self, folder: Path, codec: Codec = Codec.OPUS) -> None:
        self._folder = folder
        self._codec = codec
        self._wanted: dict[int, Heard] = {}
        self._one = asyncio.Lock()

    async def keep(self, heard: Heard, samples: NDArray[np.int16]) -> None:
        """Write an utterance's sound, mono at 16 kHz, one at a time: so it may wait for others.

        There is a whole file under its name or none. Raises StorageError.
        """
        self._wanted[heard.id] = heard
        path = sound_path(self._folder, heard.id, self._codec)
        part = path.with_name(path.name + _PART)
        try:
            async with self._one:
                await asyncio.to_thread(path.parent.mkdir, mode=0o700, parents=True, exist_ok=True)
                await encode_file(samples, part, self._codec)
                await asyncio.to_thread(_put_in_place, part, path)
                if heard.id not in self._wanted:  # dropped meanwhile
                    await asyncio.to_thread(remove_sounds, self._folder, [heard.id])
        except (AudioError, OSError) as error:
            raise StorageError(f"the sound of an utterance is not kept: {error}") from error
        finally:
            self._wanted.pop(heard.id, None)

    def drop(self, unwanted: Callable[[Heard], bool]) -> None:
        """Keep no sound of these that are being written now. For the others there is `remove_sounds`."""
        for identity in [heard.id for heard in self._wanted.values() if unwanted(heard)]:
            del self._wanted[identity]


def sound_path(folder: Path, identity: int, codec: Codec) -> Path:
    """Where the sound of the utterance with this id belongs."""
    return folder / f"{start_of(identity):%Y-%m-%d}" / f"{identity}.{codec}"


def find_sound(folder: Path, identity: int) -> Path | None:
    """The sound of an utterance, if it was kept. Blocks."""
    paths = (sound_path(folder, identity, codec) for codec in Codec)
    return next((path for path in paths if path.exists()), None)


def remove_sounds(folder: Path, ids: Iterable[int]) -> None:
    """Delete the sounds of utterances, of those that have one. Blocks. Raises OSError."""
    for identity in ids:
        for codec in Codec:
            _remove(sound_path(folder, identity, codec))


def remove_sounds_between(folder: Path, since: datetime | None, until: datetime | None) -> None:
    """Delete all sounds that begin in this time, also those whose utterance is not stored. Blocks.

    Raises OSError.
    """
    first = -1 if since is None else first_id(since)
    for path, _ in _files(folder):
        identity = _id_of(path)
        if identity >= first and (until is None or identity < first_id(until)):
            _remove(path)


def trim_sounds(folder: Path, most: int) -> int:
    """Delete the oldest until the others take no more than `most` bytes. Returns how many. Blocks.

    Raises OSError.
    """
    files = sorted(_files(folder), key=lambda found: _id_of(found[0]))
    excess = sum(size for _, size in files) - most
    count = 0
    for path, size in files:
        if excess <= 0:
            break
        _remove(path)
        excess -= size
        count += 1
    return count


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    """The sounds and their sizes in bytes; nothing else that may lie there."""
    for path in folder.glob("????-??-??/*"):
        if _id_of(path) >= 0:
            with contextlib.suppress(FileNotFoundError):
                yield path, path.stat().st_size


def _id_of(path: Path) -> int:
    name = path.name.split(".")[0]
    return int(name) if name.isdecimal() and name.isascii() else -1


def _remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
        with contextlib.suppress(OSError):  # the last one of its day takes the folder with it
            path.parent.rmdir()


def _put_in_place(part: Path, path: Path) -> None:
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
