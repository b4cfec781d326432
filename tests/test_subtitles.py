"""Cues that players read."""

from wallflower.subtitles import srt_cue, vtt_cue, vtt_note


def test_times_to_the_millisecond_and_over_a_hundred_hours() -> None:
    assert srt_cue(7, 0.0004, 3661.5, "hello") == "7\n00:00:00,000 --> 01:01:01,500\nhello\n\n"
    assert vtt_cue(360_000, 360_001, "late") == "100:00:00.000 --> 100:00:01.000\nlate\n\n"


def test_text_cannot_break_out_of_its_cue() -> None:
    assert vtt_cue(0, 1, "a <b> --> & \n\nc", "<Eve>") == (
        "00:00:00.000 --> 00:00:01.000\n<v &lt;Eve&gt;>a &lt;b&gt; --&gt; &amp; \nc\n\n"
    )
    assert srt_cue(1, 0, 1, "a\n\nb", "Eve").endswith("\nEve: a\nb\n\n")
    assert vtt_note("a --> b") == "NOTE a --&gt; b\n\n"
