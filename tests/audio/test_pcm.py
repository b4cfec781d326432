"""PCM of any kind becomes mono 16 kHz int16, however it is cut into pieces."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE, AudioError, AudioFormatError, PcmConverter, PcmFormat
from wallflower.errors import ExitCode

_RATES = [8000, 11_025, 16_000, 22_050, 44_100, 48_000]


def convert(source: PcmFormat, *pieces: bytes) -> NDArray[np.int16]:
    converter = PcmConverter(source)
    return np.concatenate([*(converter.feed(piece) for piece in pieces), converter.finish()])


def encode(samples: NDArray[np.float64], width: int) -> bytes:
    """Samples in [-1, 1) as little-endian signed integers of `width` bytes."""
    top = 2 ** (8 * width - 1)
    return b"".join(int(value * (top - 1)).to_bytes(width, "little", signed=True) for value in samples)


def sine(rate: int, seconds: float, hertz: float = 440.0, loud: float = 0.5) -> NDArray[np.float64]:
    wave: NDArray[np.float64] = loud * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)
    return wave


@settings(max_examples=60, deadline=None)
@given(
    rate=st.sampled_from([4000, *_RATES, 384_000]),
    width=st.integers(1, 4),
    channels=st.integers(1, 4),
    data=st.binary(max_size=6000),
    cuts=st.lists(st.integers(0, 6000), max_size=12),
)
@example(rate=48_000, width=3, channels=2, data=bytes(range(251)) * 20, cuts=list(range(0, 5020, 7)))
@example(rate=16_000, width=2, channels=1, data=b"\x01\x02\x03", cuts=[1, 2])
def test_cutting_changes_nothing(rate: int, width: int, channels: int, data: bytes, cuts: list[int]) -> None:
    source = PcmFormat(rate, width, channels)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(places)]
    whole = convert(source, data)
    cut = convert(source, *pieces)
    assert whole.dtype == cut.dtype == np.int16
    np.testing.assert_array_equal(cut, whole)


@given(st.lists(st.integers(-32768, 32767), max_size=300))
def test_the_projects_own_form_passes_untouched(values: list[int]) -> None:
    samples = np.array(values, np.int16)
    np.testing.assert_array_equal(convert(PcmFormat(16_000, 2, 1), samples.astype("<i2").tobytes()), samples)


@given(st.data(), st.integers(1, 4))
def test_widths_keep_the_value(data: st.DataObject, width: int) -> None:
    top = 2 ** (8 * width - 1)
    values = data.draw(st.lists(st.integers(-top, top - 1), max_size=50))
    raw = b"".join(value.to_bytes(width, "little", signed=True) for value in values)
    expected = [min(32767, round(value * 32768 / top)) for value in values]
    got = convert(PcmFormat(16_000, width, 1), raw).tolist()
    # 32-bit values go through 24-bit mantissas: a tie may fall to the other side.
    assert all(abs(a - b) <= (1 if width > 2 else 0) for a, b in zip(got, expected, strict=True))


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_full_scale_does_not_wrap_around(width: int) -> None:
    top = 2 ** (8 * width - 1)
    raw = b"".join(value.to_bytes(width, "little", signed=True) for value in (-top, top - 1))
    low, high = convert(PcmFormat(16_000, width, 1), raw).tolist()
    assert low == -32768
    assert 32500 <= high <= 32767


@pytest.mark.parametrize("rate", [8000, 48_000])
def test_a_full_scale_square_does_not_wrap_around(rate: int) -> None:
    """Resampling overshoots at its edges: that is clipped."""
    square = np.where(np.arange(rate) // (rate // 100) % 2, 32767, -32768).astype("<i2")
    got = convert(PcmFormat(rate, 2, 1), square.tobytes()).astype(int)
    assert np.abs(np.diff(got)).max() < 65536
    middle = got[40::160][5:-5]  # far from the edges the sign is that of the square
    expected = np.where(np.arange(len(middle) + 10) % 2, 1, -1)[5:-5]
    np.testing.assert_array_equal(np.sign(middle), expected)


@given(st.integers(1, 32), st.lists(st.integers(-32768, 32767), min_size=1, max_size=8))
def test_channels_become_their_mean(channels: int, values: list[int]) -> None:
    frames = np.array([[value] + [0] * (channels - 1) for value in values], "<i2")
    got = convert(PcmFormat(16_000, 2, channels), frames.tobytes())
    np.testing.assert_allclose(got, np.array(values) / channels, atol=0.51)


def test_opposite_channels_cancel() -> None:
    left = (sine(16_000, 0.1) * 32767).astype("<i2")
    assert not convert(PcmFormat(16_000, 2, 2), np.stack([left, -left], 1).tobytes()).any()


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("rate", _RATES)
def test_length_and_pitch_are_kept(rate: int, width: int) -> None:
    raw = encode(sine(rate, 1.0, hertz=1000.0), width)
    got = convert(PcmFormat(rate, width, 1), raw)
    assert abs(len(got) - SAMPLE_RATE) <= 3
    spectrum = np.abs(np.fft.rfft(got.astype(np.float64) * np.hanning(len(got))))
    assert abs(int(spectrum.argmax()) * SAMPLE_RATE / len(got) - 1000) < 2
    assert np.abs(got[1000:-1000]).max() == pytest.approx(0.5 * 32768, rel=0.03)


def test_what_16_khz_cannot_hold_is_filtered_out() -> None:
    """A tone of 12 kHz would alias to 4 kHz."""
    raw = encode(sine(48_000, 0.5, hertz=12_000.0), 2)
    got = convert(PcmFormat(48_000, 2, 1), raw)
    assert np.abs(got[500:-500]).max() < 20


@given(st.sampled_from(_RATES), st.integers(0, 30_000))
@settings(max_examples=30, deadline=None)
def test_any_length_is_kept(rate: int, frames: int) -> None:
    got = convert(PcmFormat(rate, 2, 1), bytes(2 * frames))
    assert abs(len(got) - frames * SAMPLE_RATE / rate) <= 3


def test_an_incomplete_sample_at_the_end_is_dropped() -> None:
    converter = PcmConverter(PcmFormat(16_000, 2, 2))
    assert converter.feed(b"\x00\x10\x00").tolist() == []
    assert converter.feed(b"\x10\x07").tolist() == [0x1000]
    assert converter.finish().tolist() == []


def test_nothing_comes_of_nothing() -> None:
    for source in (PcmFormat(16_000, 2, 1), PcmFormat(48_000, 2, 2), PcmFormat(8000, 3, 1)):
        assert len(convert(source)) == 0
        assert len(convert(source, b"", b"")) == 0


_WRONG: list[Any] = [0, -1, 10**12, True, False, 2.0, math.nan, None, "2", [2]]


@pytest.mark.parametrize("value", _WRONG, ids=repr)
@pytest.mark.parametrize("field", ["rate", "width", "channels"])
def test_a_wrong_format_is_named(field: str, value: Any) -> None:
    good: dict[str, Any] = {"rate": 16_000, "width": 2, "channels": 1}
    with pytest.raises(AudioFormatError) as caught:
        PcmFormat(**good | {field: value})
    assert f"audio {field} is {value!r}" in str(caught.value)
    assert "allowed: " in str(caught.value)
    assert isinstance(caught.value, AudioError)
    assert caught.value.exit_code == ExitCode.AUDIO


@pytest.mark.parametrize(
    ("form", "good"),
    [
        ((4000, 1, 1), True),
        ((384_000, 4, 32), True),
        ((3999, 2, 1), False),
        ((384_001, 2, 1), False),
        ((16_000, 5, 1), False),
        ((16_000, 2, 33), False),
    ],
)
def test_the_limits(form: tuple[int, int, int], *, good: bool) -> None:
    if good:
        assert PcmFormat(*form).frame_bytes == form[1] * form[2]
    else:
        with pytest.raises(AudioFormatError):
            PcmFormat(*form)
