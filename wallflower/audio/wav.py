"""Reading a stream that is either a WAV file or bare 16 kHz 16-bit mono PCM."""

import io
import wave
from collections.abc import Iterator
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE, AudioError, PcmConverter, PcmFormat

_RIFF = b"RIFF"
_BLOCK_FRAMES = 65_536


def read_stream(stream: io.BufferedReader) -> Iterator[NDArray[np.int16]]:
    """The sound of `stream` as blocks of mono 16 kHz int16. Blocking.

    A stream that begins with a RIFF header is read as WAV (integer PCM), any other as raw 16 kHz 16-bit
    mono. Raises AudioError when the WAV is damaged or of a kind that only ffmpeg reads.
    """
    head = stream.read(len(_RIFF))  # waits for all of it, however slowly it comes
    if head == _RIFF:
        yield from _read_wav(_Rewound(head, stream))
    else:
        converter = PcmConverter(PcmFormat(SAMPLE_RATE, 2, 1))
        yield converter.feed(head)
        while block := stream.read(2 * _BLOCK_FRAMES):
            yield converter.feed(block)


class _Rewound:
    """A stream with its first bytes put back: all that `wave` needs of a file."""

    def __init__(self, head: bytes, stream: io.BufferedReader) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int) -> bytes:
        if self._head:
            head, self._head = self._head[:size], self._head[size:]
            return head + self._stream.read(size - len(head))
        return self._stream.read(size)


def _read_wav(stream: _Rewound) -> Iterator[NDArray[np.int16]]:
    try:
        with wave.open(cast("BinaryIO", stream), "rb") as wav:
            width = wav.getsampwidth()
            converter = PcmConverter(PcmFormat(wav.getframerate(), width, wav.getnchannels()))
            while block := wav.readframes(_BLOCK_FRAMES):
                if width == 1:  # the only width that WAV stores unsigned
                    block = (np.frombuffer(block, np.uint8) ^ 0x80).tobytes()
                yield converter.feed(block)
            yield converter.finish()
    except (wave.Error, EOFError, RuntimeError) as error:  # RuntimeError: a chunk of impossible size
        reason = str(error) or "it ends too early"
        raise AudioError(
            f"cannot read the WAV on standard input: {reason}; give it as a file, so that ffmpeg reads it"
        ) from error
