"""Raw PCM of any rate, width and channel count, converted once to mono 16 kHz int16."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from wallflower.errors import ExitCode, WallflowerError

SAMPLE_RATE: Final = 16_000
"""Hz: the rate of all sound inside the project."""

_RATES = range(4_000, 384_001)
_WIDTHS = range(1, 5)
_CHANNELS = range(1, 33)


class AudioError(WallflowerError):
    """Sound that cannot be read or decoded."""

    exit_code = ExitCode.AUDIO


class AudioFormatError(AudioError):
    """A rate, width or channel count that is not allowed."""


@dataclass(frozen=True, slots=True)
class PcmFormat:
    """Interleaved little-endian signed integers.

    rate: samples a second and channel, 4,000 to 384,000 Hz. width: bytes a sample, 1 to 4. channels: 1 to 32.
    """

    rate: int
    width: int
    channels: int

    def __post_init__(self) -> None:
        """Raises AudioFormatError."""
        for name, value, allowed in (
            ("rate", self.rate, _RATES),
            ("width", self.width, _WIDTHS),
            ("channels", self.channels, _CHANNELS),
        ):
            if type(value) is not int or value not in allowed:
                raise AudioFormatError(
                    f"audio {name} is {value!r}; allowed: {allowed.start} to {allowed.stop - 1}"
                )

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return self.width * self.channels


class PcmConverter:
    """Converts one stream of PCM, fed in pieces of any size, to mono 16 kHz int16."""

    def __init__(self, source: PcmFormat) -> None:
        self.source = source
        self._rest = b""  # bytes of a sample that is not complete yet
        self._resampler: soxr.ResampleStream | None = None
        if source.rate != SAMPLE_RATE:
            self._resampler = soxr.ResampleStream(source.rate, SAMPLE_RATE, num_channels=1, dtype="float32")
        self._as_is = source == PcmFormat(SAMPLE_RATE, 2, 1)

    def feed(self, data: bytes) -> NDArray[np.int16]:
        """Convert the next bytes. What does not fill a sample waits for the next call."""
        if self._rest:
            data = self._rest + data
        whole = len(data) - len(data) % self.source.frame_bytes
        self._rest = data[whole:]
        if self._as_is:
            return np.frombuffer(data, "<i2", count=whole // 2).astype(np.int16, copy=False)
        return self._to_output(self._mono(data[:whole]), last=False)

    def finish(self) -> NDArray[np.int16]:
        """The end of the stream: what the resampler still holds. An incomplete sample is dropped."""
        self._rest = b""
        if self._resampler is None:
            return np.empty(0, np.int16)
        return self._to_output(np.empty(0, np.float32), last=True)

    def _mono(self, data: bytes) -> NDArray[np.float32]:
        width = self.source.width
        if width == 3:  # NumPy has no 24-bit integer: place the bytes at the top of 32-bit ones
            wide = np.zeros((len(data) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            integers: NDArray[np.signedinteger] = wide.reshape(-1).view("<i4")
            bits = 32
        else:
            integers = np.frombuffer(data, f"<i{width}")
            bits = 8 * width
        floats = integers.astype(np.float32) * np.float32(2.0 ** (1 - bits))
        if self.source.channels == 1:
            return floats
        mean: NDArray[np.float32] = floats.reshape(-1, self.source.channels).mean(1, dtype=np.float32)
        return mean

    def _to_output(self, mono: NDArray[np.float32], *, last: bool) -> NDArray[np.int16]:
        if self._resampler is not None:
            mono = self._resampler.resample_chunk(mono, last=last)
        return np.clip(np.rint(mono * 32768), -32768, 32767).astype(np.int16)
