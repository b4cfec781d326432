"""Sound from an address, through one ffmpeg process for each connection."""

import asyncio
from functools import partial

import numpy as np
import structlog

from wallflower.audio.complaints import Complaint, Complaints
from wallflower.audio.ffmpeg_input import PACED, SOCKET_SECONDS, check_file, input_command
from wallflower.audio.ffmpeg_process import running
from wallflower.audio.mixdown import Mixdown
from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.audio.source import OnState, SourceLostError
from wallflower.audio.supervised_source import Arrive, SupervisedSource
from wallflower.audio.url import SourceUrl

_LOG = structlog.get_logger(__name__)

CONNECT_SECONDS = SOCKET_SECONDS + 5.0
"""How long the first sound of a connection may take: ffmpeg's own limits come first, as they tell more."""

STALL_SECONDS = 10.0
"""How long nothing may come of a connection that gave sound."""

# What was held back while ffmpeg looked at the stream comes in a burst; it belongs before the rest.
_BURST_SECONDS = 0.3
_BLOCK_SECONDS = 0.1
_READ_BYTES = 1 << 20
_FRAME_BYTES = 4
# Both channels, as one may be dead. Their mean is taken later, so one channel alone must not lose 3 dB here.
_FILTERS = f"pan=stereo|FL=FL+FC|FR=FR+FC,aresample={SAMPLE_RATE}"


def stream_source(
    url: SourceUrl, on_state: OnState, *, gain: float = 0.0, rtsp_transport: str = "tcp"
) -> SupervisedSource:
    """A camera, a network stream or a file, as `parse_url` allowed it.

    gain: dB. rtsp_transport: tcp, udp or http (a tunnel).
    Files, also those behind http, come at their own pace as if they were heard now, and have an end.
    """
    return SupervisedSource(partial(_connection, url, rtsp_transport), on_state, gain=gain)


async def _connection(url: SourceUrl, rtsp_transport: str, arrive: Arrive) -> str:
    if url.scheme == "file":
        await asyncio.to_thread(check_file, url)
    complaints = Complaints(url)
    # Silence where the stream's own times say that something is missing; only these schemes bring times.
    filled = ":async=1" if url.scheme in {"rtsp", "rtsps", "rtmp", "udp", "srt"} else ""
    command = (
        *input_command(url, rtsp_transport=rtsp_transport, paced=True),
        "-map", "0:a:0", "-vn", "-sn", "-dn", "-af", _FILTERS + filled, "-f", "s16le", "-",
    )  # fmt: skip
    async with running(*command, on_line=complaints.add) as process:
        assert process.stdout is not None
        try:
            await _read(process.stdout, arrive)
            code = await process.wait()
        except TimeoutError:  # what ffmpeg says when it is told to end is no reason
            complaint = complaints.complaint() or Complaint("it is connected, but no sound comes")
            _LOG.debug("ffmpeg stalled", source=str(url), said=list(complaints.lines))
            raise SourceLostError(complaint.reason, lasting=complaint.lasting) from None
    if (
        code == 0 and complaints.finite and url.scheme in PACED
    ):  # a camera whose server dies tells nothing else
        return "it is at its end"
    complaint = complaints.complaint() or Complaint("it ended")
    _LOG.debug("ffmpeg ended", source=str(url), reason=complaint.reason, said=list(complaints.lines))
    raise SourceLostError(complaint.reason, lasting=complaint.lasting or url.scheme == "file")


async def _read(stream: asyncio.StreamReader, arrive: Arrive) -> None:
    """Hand on what ffmpeg decodes, until it ends. Raises TimeoutError when nothing comes any more."""
    mixdown = Mixdown(SAMPLE_RATE)
    async with asyncio.timeout(CONNECT_SECONDS):
        rest = await stream.read(_READ_BYTES)
    await asyncio.sleep(_BURST_SECONDS)
    block = rest
    while block:
        async with asyncio.timeout(STALL_SECONDS):
            block = await stream.read(_READ_BYTES)
        rest += block
        whole = len(rest) - len(rest) % _FRAME_BYTES
        arrive(mixdown.mix(np.frombuffer(rest[:whole], "<i2").reshape(-1, 2)))
        rest = rest[whole:]
        await asyncio.sleep(_BLOCK_SECONDS)  # a few larger blocks cost less than many small ones
