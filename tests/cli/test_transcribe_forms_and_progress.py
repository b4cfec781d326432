"""How what `transcribe` heard, and progress, are written."""

import io
import json
import re

from hypothesis import given
from hypothesis import strategies as st

from wallflower.cli.progress import fetch_progress
from wallflower.cli.transcribe_forms import as_json, as_srt, as_vtt
from wallflower.events import Passage, Utterance

_TIMES = st.floats(0, 400_000, allow_nan=False)


def utterance(*passages: Passage, seconds: float = 1.0) -> Utterance:
    return Utterance(" ".join(p.text for p in passages), "en", seconds, passages)


def milliseconds(stamp: str, point: str) -> int:
    match = re.fullmatch(rf"(\d\d+):([0-5]\d):([0-5]\d){re.escape(point)}(\d\d\d)", stamp)
    assert match, stamp
    hours, minutes, whole, thousandths = map(int, match.groups())
    return ((hours * 60 + minutes) * 60 + whole) * 1000 + thousandths


@given(_TIMES, _TIMES)
def test_times(start: float, end: float) -> None:
    said = utterance(Passage(start, end, "x", "en"))
    for text, point, line in ((as_srt(said), ",", 1), (as_vtt(said), ".", 2)):
        stamps = text.splitlines()[line].split(" --> ")
        for stamp, time in zip(stamps, (start, end), strict=True):
            assert abs(milliseconds(stamp, point) - 1000 * time) <= 0.5 + 1e-6


def test_known_times() -> None:
    said = utterance(Passage(0.0, 59.9996, "One.", "en"), Passage(3661.5, 360_000.0, "Two.", "en"))
    assert as_srt(said) == (
        "1\n00:00:00,000 --> 00:01:00,000\nOne.\n\n2\n01:01:01,500 --> 100:00:00,000\nTwo.\n\n"
    )
    assert as_vtt(said) == (
        "WEBVTT\n\n00:00:00.000 --> 00:01:00.000\nOne.\n\n01:01:01.500 --> 100:00:00.000\nTwo.\n\n"
    )


def test_nothing_said() -> None:
    assert as_srt(utterance()) == ""
    assert as_vtt(utterance()) == "WEBVTT\n\n"


@given(st.text("<>&-; abc", max_size=30))
def test_text_is_no_markup_in_vtt(text: str) -> None:
    line = as_vtt(utterance(Passage(0, 1, f"x{text}x", "en"))).splitlines()[3]
    assert not re.search(r"<|>|&(?!amp;|lt;|gt;)", line)
    assert line.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == f"x{text}x"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), _TIMES, _TIMES)
def test_json_is_one_line_that_says_it_all(text: str, start: float, end: float) -> None:
    line = as_json(text, utterance(Passage(start, end, text, "en"), seconds=end))
    assert "\n" not in line
    content = json.loads(line)
    assert content["file"] == content["text"] == content["passages"][0]["text"] == text
    assert abs(content["passages"][0]["start"] - start) < 0.001
    assert abs(content["seconds"] - end) < 0.001


def test_letters_stay_readable_in_json() -> None:
    assert "Küche 台所" in as_json("Küche 台所", utterance())


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_a_file_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    with fetch_progress(stream) as progress:
        progress.start("a.bin", 1_500_000)
        progress.advance(1000)
        progress.start("a.bin", 1_500_000)
        progress.note("another place is tried")
        progress.start("wheel==1.0", None)
    assert stream.getvalue() == "fetching a.bin (1.5 MB)\nanother place is tried\nfetching wheel==1.0\n"


def test_bars_on_a_terminal() -> None:
    stream = _Terminal()
    with fetch_progress(stream) as progress:
        progress.advance(5)  # before anything has begun
        progress.start("a.bin", 1_500_000)
        progress.advance(1_500_000)
        progress.note("[b]another[/b] place is tried")
        progress.start("wheel==1.0", None)
        progress.start("wheel==1.0", 100)
        progress.advance(50)
    shown = stream.getvalue()
    assert "a.bin" in shown
    assert "1.5/1.5 MB" in shown
    assert "wheel==1.0" in shown
    assert "[b]another[/b] place" in shown


def test_no_bars_where_nothing_is_fetched() -> None:
    stream = _Terminal()
    with fetch_progress(stream):
        pass
    assert stream.getvalue() == ""
