"""A stream that is a WAV file or bare PCM."""

import contextlib
import io
import os
import struct
import wave
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from wallflower.audio.pcm import AudioError
from wallflower.audio.wav import read_stream


def read(data: bytes) -> NDArray[np.int16]:
    return np.concatenate([np.empty(0, np.int16), *read_stream(io.BufferedReader(io.BytesIO(data)))])


def wav(data: bytes, rate: int = 16_000, width: int = 2, channels: int = 1) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setframerate(rate)
        file.setsampwidth(width)
        file.setnchannels(channels)
        file.writeframes(data)
    return target.getvalue()


def riff(kind: int, bits: int, *, rate: int = 16_000, channels: int = 1, data: bytes = bytes(64)) -> bytes:
    """A WAV with any header at all."""
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * frame & 0xFFFFFFFF, frame, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


SAMPLES = np.arange(-30_000, 30_000, 7, dtype=np.int16)


def test_16_bit_mono_as_it_is() -> None:
    np.testing.assert_array_equal(read(wav(SAMPLES.tobytes())), SAMPLES)


def test_8_bit_is_unsigned_in_a_wav() -> None:
    assert read(wav(bytes([0, 128, 255]), width=1)).tolist() == [-32768, 0, 127 * 256]


def test_24_bit() -> None:
    data = b"".join((256 * int(value)).to_bytes(3, "little", signed=True) for value in SAMPLES)
    np.testing.assert_array_equal(read(wav(data, width=3)), SAMPLES)


def test_stereo_at_48_khz() -> None:
    tone = (8000 * np.sin(2 * np.pi * 500 * np.arange(96_000) / 48_000)).astype("<i2")
    got = read(wav(np.stack([tone, tone], 1).tobytes(), rate=48_000, channels=2))
    assert abs(len(got) - 32_000) <= 3
    expected = 8000 * np.sin(2 * np.pi * 500 * np.arange(len(got)) / 16_000)
    assert np.abs(got - expected)[500:-500].max() < 100


def test_the_sample_speech(two_cities: Path) -> None:
    with two_cities.open("rb") as file:
        blocks = list(read_stream(file))
    assert len(blocks) > 5  # it comes in pieces, not all at once
    assert sum(map(len, blocks)) / 16_000 == pytest.approx(44.37, abs=0.05)


def test_raw_pcm() -> None:
    np.testing.assert_array_equal(read(SAMPLES.astype("<i2").tobytes()), SAMPLES)
    assert read(b"").tolist() == []
    assert read(b"\x01").tolist() == []
    assert read(b"RIF").tolist() == [0x4952]


def test_a_wav_that_ends_too_early_gives_what_is_there() -> None:
    whole = wav(SAMPLES.tobytes())
    cut = read(whole[: 44 + 2001])
    np.testing.assert_array_equal(cut, SAMPLES[:1000])


def test_a_wav_of_unknown_length_through_a_pipe() -> None:
    """As ffmpeg and arecord write it where they cannot seek."""
    data = wav(SAMPLES.tobytes()).replace(struct.pack("<I", SAMPLES.nbytes), b"\xff\xff\xff\xff")
    reader, writer = os.pipe()
    os.write(writer, data[:4] + b"\xff\xff\xff\xff" + data[8:])
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        np.testing.assert_array_equal(np.concatenate(list(read_stream(stream))), SAMPLES)


class _Drip(io.RawIOBase):
    """A pipe whose writer writes little by little."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data = data
        self._step = step

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece, self._data = self._data[: self._step], self._data[self._step :]
        buffer[: len(piece)] = piece
        return len(piece)


@pytest.mark.parametrize("step", [1, 2, 3, 5, 4096])
def test_a_wav_that_comes_little_by_little(step: int) -> None:
    stream = cast("io.BufferedReader", io.BufferedReader(_Drip(wav(SAMPLES[:200].tobytes()), step)))
    np.testing.assert_array_equal(np.concatenate(list(read_stream(stream))), SAMPLES[:200])


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (riff(3, 32), "unknown format: 3"),
        (riff(7, 8), "unknown format: 7"),
        (riff(1, 16, channels=0), "channels"),
        (riff(1, 0), "width"),
        (riff(1, 16, rate=0), "rate"),
        (riff(1, 16, rate=4_000_000), "rate"),
        (riff(1, 64), "width"),
        (riff(1, 16, channels=60), "channels"),
        (b"RIFF", "too early"),
        (b"RIFF\x10\x00\x00\x00AVI LIST", "not a WAVE file"),
        (wav(b"")[:30], "too early"),
        (b"RIFF\x04\x00\x00\x00WAVE", "fmt chunk"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_a_wav_that_cannot_be_read(data: bytes, word: str) -> None:
    with pytest.raises(AudioError, match=word):
        read(data)


def test_a_float_wav_is_for_ffmpeg() -> None:
    with pytest.raises(AudioError, match="give it as a file"):
        read(riff(3, 32))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 60))
@example(b"\x00\x00\x00\x00\x00\x01", 38)
def test_whatever_comes(data: bytes, kept: int) -> None:
    """Damage in or after the header is an AudioError or some sound, nothing else."""
    for stream in (b"RIFF" + data, b"RIFF\xff\xff\xff\xffWAVE" + data, wav(bytes(40))[:kept] + data):
        with contextlib.suppress(AudioError):
            assert read(stream).dtype == np.int16
