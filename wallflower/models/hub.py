"""Fetching one file from the model hub, resuming what an earlier try left."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from wallflower.models.catalog import HubSource, ModelFile
from wallflower.models.progress import Progress
from wallflower.models.room import check_room

if TYPE_CHECKING:
    import aiohttp

ANSWER_SECONDS = 5.0
"""A hub that has not begun to answer by then is unreachable."""
_STALL_SECONDS = 30.0
_BLOCK = 1 << 20


class HubUnreachableError(Exception):
    """Nobody answers at the hub's address: no other file will be had from it either."""


class HubRefusedError(Exception):
    """The hub answers, but not with this file."""


async def fetch_from_hub(
    source: HubSource, file: ModelFile, partial: Path, progress: Progress, *, hub_url: str, token: str
) -> None:
    """Fetch `file` into `partial`, from where that ends on. The caller checks the sum.

    A size that the catalogue does not know is the one that the hub tells. Raises HubUnreachableError,
    HubRefusedError, ModelError when there is no room for such a file, or OSError when the disk fails.
    """
    import aiohttp

    url = f"{hub_url}/{source.repository}/resolve/{quote(source.revision, safe='')}/{quote(source.path)}"
    have = _bytes_to_resume(partial, file, source)
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    if token and not urlsplit(hub_url).username:  # a mirror's own log-in goes before the hub's
        headers["Authorization"] = f"Bearer {token}"
    timeout = aiohttp.ClientTimeout(total=None, sock_read=_STALL_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                response = await session.get(url, headers=headers)
        except (TimeoutError, ValueError, aiohttp.ClientError) as error:  # ValueError: no possible address
            reason = str(error) or f"no answer within {ANSWER_SECONDS:g} s"
            raise HubUnreachableError(reason) from error
        async with response:
            if response.status == 416:  # what is here is all of the file, or more than it
                _check_whole(response, partial, have)
                return
            start, size = _checked_span(response, file, have)
            if file.size is None:
                check_room(partial.parent, size - start)
                progress.start(file.name, size)
            try:
                await _save(response, partial, start, size, progress)
            except (TimeoutError, aiohttp.ClientError) as error:
                reason = str(error) or "it stopped sending"
                raise HubRefusedError(f"the transfer broke off: {reason}") from error


def _bytes_to_resume(partial: Path, file: ModelFile, source: HubSource) -> int:
    """How much of `file` an earlier try left; a leftover that cannot be its beginning is deleted."""
    have = partial.stat().st_size if partial.exists() else 0
    too_much = file.size is not None and have >= file.size
    moved_on = file.sha256 is None and not source.is_fixed  # it may have, and no checksum would tell
    if not too_much and not moved_on:
        return have
    partial.unlink(missing_ok=True)
    return 0


def _checked_span(response: "aiohttp.ClientResponse", file: ModelFile, have: int) -> tuple[int, int]:
    """The byte at which the body begins, and the file's size. Raises HubRefusedError when the body cannot be
    the file.
    """
    if response.status == 206:
        start = have
    elif response.status == 200:
        start = 0  # it ignored the range: from the beginning, then
    else:
        raise HubRefusedError(f"HTTP {response.status} {response.reason}")
    length = response.content_length
    if length is None:
        if file.size is None:
            raise HubRefusedError("it does not tell the file's length, and nobody else knows it")
        return start, file.size
    if file.size not in {None, start + length}:
        raise HubRefusedError(f"it has another file of that name ({start + length} bytes, not {file.size})")
    return start, start + length


def _check_whole(response: "aiohttp.ClientResponse", partial: Path, have: int) -> None:
    """Raise HubRefusedError, and delete what is here, unless the hub has `have` bytes of the file, too."""
    if response.headers.get("Content-Range") != f"bytes */{have}":
        partial.unlink(missing_ok=True)
        raise HubRefusedError(f"HTTP {response.status} {response.reason}")


async def _save(
    response: "aiohttp.ClientResponse", partial: Path, start: int, size: int, progress: Progress
) -> None:
    with partial.open("r+b" if start else "wb") as target:
        target.seek(start)
        done = start
        progress.advance(done)
        async for block in response.content.iter_chunked(_BLOCK):
            await asyncio.to_thread(target.write, block)
            done += len(block)
            if done > size:
                raise HubRefusedError(f"it sends more than the {size} bytes of the file")
            progress.advance(done)
