"""What is at an address: is there sound, and of what kind."""

import asyncio
import re
from dataclasses import dataclass

from wallflower.audio.complaints import Complaints
from wallflower.audio.ffmpeg_input import PACED, check_file, input_command
from wallflower.audio.ffmpeg_process import running
from wallflower.audio.pcm import AudioError
from wallflower.audio.url import SourceUrl

# ffmpeg itself, not ffprobe, which is missing where there is only a static ffmpeg.
_SOUND = re.compile(r"Stream #\d+:\d+.*?: Audio: (\w+).*?, (\d+) Hz, ([^,]+)")
_CHANNELS = {"mono": 1, "stereo": 2, "quad": 4, "downmix": 2}


@dataclass(frozen=True, slots=True)
class Sound:
    """The first sound track at an address. codec: ffmpeg's name of it. channels: 0 if not known. rate: Hz.

    finite: whether it has an end, as a file has.
    """

    codec: str
    channels: int
    rate: int
    finite: bool


async def probe(url: SourceUrl, deadline: float, *, rtsp_transport: str = "tcp") -> Sound:
    """What can be heard at `url`. deadline: seconds from now.

    Raises AudioError with the reason, without secrets, when there is no sound to be had by then.
    """
    complaints = Complaints(url)
    found: list[re.Match[str]] = []

    def add(line: bytes) -> None:
        complaints.add(line)
        if match := _SOUND.search(line.decode("utf-8", "replace")):
            found.append(match)

    try:
        async with asyncio.timeout(deadline):
            if url.scheme == "file":
                await asyncio.to_thread(check_file, url)
            command = input_command(url, rtsp_transport=rtsp_transport)
            async with running(*command, on_line=add) as process:
                await process.wait()
    except TimeoutError as error:
        raise AudioError(f"{url}: it gave no answer within {deadline:g} s") from error
    if found:
        codec, rate, layout = found[0].groups()
        return Sound(codec, channels_of(layout), int(rate), complaints.finite and url.scheme in PACED)
    if complaints.has_streams:
        raise AudioError(f"{url}: it holds no sound")
    complaint = complaints.complaint()
    raise AudioError(f"{url}: {complaint.reason if complaint else 'it holds no sound'}")


def channels_of(layout: str) -> int:
    """The channels in one of ffmpeg's names for a layout: mono, 5.1(side), 3 channels; 0 if not known."""
    layout = layout.strip()
    if layout in _CHANNELS:
        return _CHANNELS[layout]
    if match := re.match(r"(\d+) channels", layout):
        return int(match[1])
    if match := re.match(r"(\d+)\.(\d+)", layout):
        return int(match[1]) + int(match[2])
    return 0
