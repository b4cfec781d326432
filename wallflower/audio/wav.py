"""Reading a stream that is either a WAV file or bare 16 kHz 16-bit mono PCM."""

import io
import wave
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE, AudioError, PcmConverter, PcmFormat

_BLOCK_FRAMES = 65_536


def read_stream(stream: io.BufferedReader) -> Iterator[NDArray[np.int16]]:
    """The sound of `stream` as blocks of mono 16 kHz int16. Blocking.

    A stream that begins with a RIFF header is read as WAV (integer PCM), any other as raw 16 kHz 16-bit
    mono. Raises AudioError when the WAV is damaged or of a kind that only ffmpeg reads.
    """
    if stream.peek(4)[:4] == b"RIFF":
        yield from _read_wav(stream)
    else:
        converter = PcmConverter(PcmFormat(SAMPLE_RATE, 2, 1))
        while block := stream.read(2 * _BLOCK_FRAMES):
            yield converter.feed(block)


def _read_wav(stream: io.BufferedReader) -> Iterator[NDArray[np.int16]]:
    try:
        with wave.open(stream, "rb") as wav:
            width = wav.getsampwidth()
            converter = PcmConverter(PcmFormat(wav.getframerate(), width, wav.getnchannels()))
            while block := wav.readframes(_BLOCK_FRAMES):
                if width == 1:  # the only width that WAV stores unsigned
                    block = (np.frombuffer(block, np.uint8) ^ 0x80).tobytes()
                yield converter.feed(block)
            yield converter.finish()
    except (wave.Error, EOFError) as error:
        reason = str(error) or "it ends too early"
        raise AudioError(
            f"cannot read the WAV on standard input: {reason}; give it as a file, so that ffmpeg reads it"
        ) from error
