"""Fetching one file from the model hub, resuming what an earlier try left."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from wallflower.models.catalog import HubSource, ModelFile
from wallflower.models.progress import Progress

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

    Raises HubUnreachableError, HubRefusedError, or OSError when the disk fails.
    """
    import aiohttp

    url = f"{hub_url}/{source.repository}/resolve/{quote(source.revision, safe='')}/{quote(source.path)}"
    have = _bytes_to_resume(partial, file)
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
            start = _checked_start(response, file, have)
            try:
                await _save(response, file, partial, start, progress)
            except (TimeoutError, aiohttp.ClientError) as error:
                reason = str(error) or "it stopped sending"
                raise HubRefusedError(f"the transfer broke off: {reason}") from error


def _bytes_to_resume(partial: Path, file: ModelFile) -> int:
    """How much of `file` an earlier try left; a leftover that cannot be its beginning is deleted."""
    have = partial.stat().st_size if partial.exists() else 0
    if have < file.size:
        return have
    partial.unlink()
    return 0


def _checked_start(response: "aiohttp.ClientResponse", file: ModelFile, have: int) -> int:
    """The byte at which the body begins. Raises HubRefusedError when the body cannot be the file."""
    if response.status == 206:
        start = have
    elif response.status == 200:
        start = 0  # it ignored the range: from the beginning, then
    else:
        raise HubRefusedError(f"HTTP {response.status} {response.reason}")
    length = response.content_length
    if length is not None and start + length != file.size:
        raise HubRefusedError(f"it has another file of that name ({start + length} bytes, not {file.size})")
    return start


async def _save(
    response: "aiohttp.ClientResponse", file: ModelFile, partial: Path, start: int, progress: Progress
) -> None:
    with partial.open("r+b" if start else "wb") as target:
        target.seek(start)
        done = start
        progress.advance(done)
        async for block in response.content.iter_chunked(_BLOCK):
            await asyncio.to_thread(target.write, block)
            done += len(block)
            if done > file.size:
                raise HubRefusedError(f"it sends more than the {file.size} bytes of the file")
            progress.advance(done)
