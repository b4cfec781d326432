"""A microphone of this box, through PortAudio (ALSA, PulseAudio, Core Audio). Needs the extra `mic`."""

import asyncio
from collections import deque
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.mixdown import Mixdown
from wallflower.audio.pcm import AudioError, PcmConverter, PcmFormat
from wallflower.audio.source import OnState, SourceLostError
from wallflower.audio.supervised_source import Arrive, SupervisedSource

_STALL_SECONDS = 5.0
_BLOCK_SECONDS = 0.1
_MOST_BLOCKS = 100  # that wait for the loop; the oldest go

_open_streams = 0


def microphone_source(device: str | int | None, on_state: OnState, *, gain: float = 0.0) -> SupervisedSource:
    """The microphone of this number, or with this text in its name; None for the system's own choice.

    gain: dB.
    """
    return SupervisedSource(partial(_connection, device), on_state, gain=gain)


def find_microphone(sounddevice: Any, device: str | int | None) -> dict[str, Any]:
    """What PortAudio tells of a microphone; see `microphone_source`. Blocking.

    Raises SourceLostError, which says what is there.
    """
    there = [each for each in sounddevice.query_devices() if each["max_input_channels"] > 0]
    if not there:
        raise SourceLostError("this box has no microphone", lasting=True)
    if device is None:
        default = sounddevice.default.device[0]
        found = [each for each in there if each["index"] == default] or there
    elif isinstance(device, int):
        found = [each for each in there if each["index"] == device]
    else:
        found = [each for each in there if device.casefold() in each["name"].casefold()]
    if not found:
        names = ", ".join(f"{each['index']} {each['name']!r}" for each in there)
        raise SourceLostError(f"there is no microphone {device!r}; there are: {names}", lasting=True)
    return dict(found[0])


class _Intake:
    """What PortAudio's thread hands to the loop. When the loop does not come, the oldest sound goes."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.ended = False
        self._loop = loop
        self._blocks: deque[bytes] = deque(maxlen=_MOST_BLOCKS)
        self._there = asyncio.Event()

    def take(self, data: Any, _frames: int, _time: Any, _status: Any) -> None:
        """Called in PortAudio's thread."""
        self._blocks.append(bytes(data))
        self._wake()

    def end(self) -> None:
        """Called in PortAudio's thread, when the device gives no more."""
        self.ended = True
        self._wake()

    async def next(self) -> bytes | None:
        """All that is there, as soon as there is any; None at the end."""
        while not self._blocks:
            if self.ended:
                return None
            self._there.clear()
            async with asyncio.timeout(_STALL_SECONDS):
                await self._there.wait()
        data = b""
        while self._blocks:
            data += self._blocks.popleft()
        return data

    def _wake(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._there.set)


async def _connection(device: str | int | None, arrive: Arrive) -> str:
    global _open_streams  # noqa: PLW0603  # PortAudio is one for the whole process
    intake = _Intake(asyncio.get_running_loop())
    _open_streams += 1
    try:
        stream, rate, channels = await asyncio.to_thread(_open, device, intake)
        try:
            await _hand_on(intake, rate, channels, arrive)
        finally:
            await asyncio.to_thread(stream.close)
    finally:
        _open_streams -= 1
    raise SourceLostError("the microphone gives no more sound; was it unplugged?")


async def _hand_on(intake: _Intake, rate: int, channels: int, arrive: Arrive) -> None:
    converter = PcmConverter(PcmFormat(rate, 2, 1))
    mixdown = Mixdown(rate)
    try:
        while (data := await intake.next()) is not None:
            samples: NDArray[np.int16] = np.frombuffer(data, np.int16)
            if channels == 2:
                samples = mixdown.mix(samples.reshape(-1, 2))
            arrive(converter.feed(samples.tobytes()))
    except TimeoutError:
        return


def _open(device: str | int | None, intake: _Intake) -> tuple[Any, int, int]:
    """The stream, its rate and its channels. Blocking. Raises SourceLostError and AudioError."""
    sounddevice = load_sounddevice()
    if _open_streams == 1:  # what was plugged in since PortAudio began is seen only by a new one
        sounddevice._terminate()  # noqa: SLF001  # there is no public way
        sounddevice._initialize()  # noqa: SLF001
    microphone = find_microphone(sounddevice, device)
    rate, channels = round(microphone["default_samplerate"]), min(2, microphone["max_input_channels"])
    try:
        stream = sounddevice.RawInputStream(
            samplerate=rate,
            blocksize=round(rate * _BLOCK_SECONDS),
            device=microphone["index"],
            channels=channels,
            dtype="int16",
            callback=intake.take,
            finished_callback=intake.end,
        )
    except sounddevice.PortAudioError as error:
        raise SourceLostError(f"cannot open the microphone {microphone['name']!r}: {error}") from error
    try:
        stream.start()
    except sounddevice.PortAudioError as error:
        stream.close()
        raise SourceLostError(f"the microphone {microphone['name']!r} does not start: {error}") from error
    return stream, rate, channels


def load_sounddevice() -> Any:
    """The library. Raises AudioError, which says what to install."""
    try:
        import sounddevice
    except ImportError as error:
        raise AudioError("microphones need the extra mic: pip install 'wallflower[mic]'") from error
    except OSError as error:
        raise AudioError(
            "PortAudio is missing; install it (Debian: apt-get install libportaudio2)"
        ) from error
    return sounddevice
