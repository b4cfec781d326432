"""Alerts about what lasts: silence, no sound, loudness, a source that is down."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.alerts.stage import Stage
from wallflower.alerts.reading import read_rule
from wallflower.events import SourceRemoved, SourceStatus

_SILENCE: dict[str, Any] = {"kind": "silence", "minutes": 0.5}


def test_silence_is_raised_at_its_limit_and_ends_with_the_first_words() -> None:
    stage = Stage(_SILENCE)
    stage.until(100)
    stage.healthy(100)
    stage.until(160)
    assert stage.phases == [("raised", 130)]
    assert stage.told[0].summary == "hall: nobody has spoken for 30 s"
    stage.vad(161, speaking=True)
    stage.partial(162, 7, "", "he", start=161)
    assert len(stage.told) == 1
    stage.partial(163, 7, " hello", start=161)
    assert stage.phases == [("raised", 130), ("ended", 163)]
    stage.vad(164, speaking=False)
    stage.heard(165.5, 7, "hello", 161, 164)
    stage.until(300)
    assert stage.phases[2:] == [("raised", 194)]


def test_a_disconnected_source_is_not_silent_and_begins_anew() -> None:
    stage = Stage(_SILENCE)
    stage.until(60)
    stage.status(61, SourceStatus.CONNECTING)
    stage.until(120)
    stage.healthy(120)
    stage.status(140, SourceStatus.RECOVERING)
    stage.until(200)
    stage.healthy(200)
    stage.until(229)
    assert not stage.told
    stage.status(229.5, SourceStatus.SILENT)  # connected still
    stage.status(240, SourceStatus.PAUSED)
    assert stage.phases == [("raised", 230), ("ended", 240)]
    stage.until(400)
    assert len(stage.told) == 2


def test_noise_is_not_speech() -> None:
    stage = Stage(_SILENCE)
    stage.healthy()
    stage.vad(10, speaking=True)
    stage.vad(12, speaking=False)
    stage.unheard(13, 1)
    stage.vad(20, speaking=True)  # of which nobody ever tells what it was
    stage.vad(21, speaking=False)
    stage.until(31)
    assert stage.phases == [("raised", 30)]
    stage.vad(40, speaking=True)
    stage.vad(42, speaking=False)
    stage.until(200)
    assert len(stage.told) == 1


def test_noise_at_the_limit_makes_it_later_by_less_than_a_second() -> None:
    stage = Stage(_SILENCE)
    stage.healthy()
    stage.vad(28, speaking=True)
    stage.until(40)
    assert stage.phases == [("raised", 30.9)]


def test_speech_just_before_the_limit_is_no_silence() -> None:
    stage = Stage(_SILENCE)
    stage.healthy()
    stage.vad(29, speaking=True)
    stage.partial(30.5, 7, "", "hello", start=29)
    stage.vad(33, speaking=False)
    stage.heard(35, 7, "hello there", 29, 33)
    stage.until(62)
    assert not stage.told
    stage.until(64)
    assert stage.phases == [("raised", 63)]


def test_silence_that_was_none_is_withdrawn() -> None:
    stage = Stage(_SILENCE)
    stage.healthy()
    stage.vad(29.5, speaking=True)
    stage.vad(33, speaking=False)
    stage.heard(36, 7, "hello there", 29.5, 33)
    assert stage.phases == [("raised", 30.9), ("withdrawn", 36)]
    stage.until(70)
    assert stage.phases[2:] == [("raised", 63)]


def test_words_that_are_taken_back_were_no_speech() -> None:
    stage = Stage(_SILENCE)
    stage.healthy()
    stage.partial(10, 7, " you", start=9)
    stage.unheard(12, 7)
    stage.until(35)
    assert stage.phases == [("raised", 30)]


def test_partial_words_hold_only_until_the_end_is_known() -> None:
    stage = Stage(_SILENCE)
    stage.healthy()
    stage.partial(12, 7, " hello", start=9)
    stage.heard(14, 7, "hello", 9, 10)  # it ended before the partial came
    stage.until(41)
    assert stage.phases == [("raised", 40)]


def test_a_speaker_who_goes_on_is_not_silent() -> None:
    stage = Stage(_SILENCE)
    stage.healthy()
    _talk_on(stage, partials=True)
    stage.until(180)
    assert stage.phases == [("raised", 172)]


def test_where_no_partial_words_come_the_final_ones_are_waited_for() -> None:
    stage = Stage(_SILENCE)
    stage.healthy(-40)
    stage.heard(-20, 99, "hello there you", -30, -25)
    stage.heard(0, 100, "hello there you", -12, -1)
    _talk_on(stage, partials=False)
    stage.until(180)
    assert stage.phases == [("raised", 172)]


def test_between_the_parts_of_what_was_said_in_one_go_is_no_silence() -> None:
    stage = Stage({**_SILENCE, "minutes": 0.1})
    stage.healthy()
    stage.vad(1, speaking=True)
    stage.partial(2, 7, " hello", start=1)
    stage.partial(20, 7, " hello there and so on", start=1)
    stage.vad(21, speaking=False)
    stage.heard(23, 7, "hello", 1, 3, continued=True)
    stage.heard(23, 8, "there", 3, 9, continued=True)
    stage.heard(23, 9, "and so on", 9, 21)
    stage.vad(26.5, speaking=True)
    stage.until(32)
    assert stage.phases == [("raised", 27.9)]


def test_all_words_may_come_after_the_first_ones_of_the_next() -> None:
    stage = Stage(_SILENCE)
    stage.healthy()
    stage.vad(1, speaking=True)
    stage.partial(2, 7, " hello", start=1)
    stage.vad(6, speaking=False)
    stage.vad(7, speaking=True)
    stage.partial(7.8, 8, "", "you", start=7)
    stage.heard(8, 7, "hello there", 1, 6)
    stage.vad(9, speaking=False)
    stage.unheard(10, 8)
    stage.vad(35.5, speaking=True)  # words are expected soon
    stage.until(60)
    assert stage.phases == [("raised", 36.9)]


def _talk_on(stage: Stage, *, partials: bool) -> None:
    """From 1 to 142 s, cut each 28 s."""
    stage.vad(1, speaking=True)
    for number in range(5):
        begin = 1 + 28 * number
        if partials:
            stage.partial(begin + 5, number, " and", start=begin)
        stage.heard(begin + 31, number, "and so on", begin, begin + 28)
    stage.vad(142, speaking=False)
    stage.heard(144, 9, "the end", 141, 142)


def test_a_schedule_begins_the_silence_and_ends_it() -> None:
    stage = Stage({**_SILENCE, "schedule": "12:10-12:20"})
    stage.healthy()
    stage.until(1300)
    assert stage.phases == [("raised", 630), ("ended", 1200)]


def test_the_cooldown_puts_the_next_off() -> None:
    stage = Stage({**_SILENCE, "cooldown": 100})
    stage.healthy()
    stage.heard(35, 1, "hello", 33, 34)
    stage.until(200)
    assert stage.phases == [("raised", 30), ("ended", 35), ("raised", 130)]


def test_a_rule_that_is_changed_or_gone_ends_its_alert() -> None:
    stage = Stage(_SILENCE)
    stage.healthy()
    stage.until(60)
    stage.watch.use([read_rule({"name": "r", "kind": "silence", "minutes": 2})], stage.moment(60))
    stage.until(130)
    assert stage.phases == [("raised", 30), ("ended", 60), ("raised", 120)]
    stage.play(140, SourceRemoved("hall", stage.at(140)))
    stage.until(500)
    assert stage.phases[3:] == [("ended", 140)]
    assert stage.watch.look_at is None


def test_a_dead_microphone() -> None:
    stage = Stage({"kind": "no_sound", "minutes": 0.1})
    stage.healthy()
    for second in range(1, 6):
        stage.level(second, -60, -50)
    for second in range(6, 15):
        stage.level(second, -100, -100)
    assert stage.phases == [("raised", 11)]
    stage.level(15, -62, -48)
    assert stage.phases == [("raised", 11), ("ended", 15)]
    stage.status(16, SourceStatus.FAILED)
    stage.level(17, -100, -100)
    stage.until(60)
    assert len(stage.told) == 2


def test_it_is_loud_for_some_time() -> None:
    stage = Stage({"kind": "loud", "dbfs": -20, "seconds": 3})
    stage.healthy()
    for second, rms in enumerate((-50, -10, -15, -30, -19, -12, -18, -17, -22, -24, -10, -10), 1):
        stage.level(second, rms, 0)
    assert stage.phases == [("raised", 7), ("ended", 10)]


def test_a_source_is_down_after_a_grace() -> None:
    stage = Stage({"kind": "source_down", "seconds": 20})
    stage.status(0, SourceStatus.CONNECTING)
    stage.healthy(10)
    stage.status(30, SourceStatus.RECOVERING, "broke off")
    stage.status(40, SourceStatus.FAILED, "wrong password")
    stage.until(60)
    assert stage.phases == [("raised", 50)]
    assert dict(stage.told[0].detail) == {"status": "failed", "reason": "wrong password", "seconds": 20.0}
    stage.healthy(70)
    stage.status(80, SourceStatus.RECOVERING)
    stage.status(90, SourceStatus.PAUSED)
    stage.until(200)
    assert stage.phases[1:] == [("ended", 70)]


def test_rules_are_watched_across_the_clock_going_back() -> None:
    stage = Stage({**_SILENCE, "schedule": "02:15-02:45"}, begin=datetime(2026, 10, 25, 2, 0, tzinfo=UTC))
    stage.healthy()
    stage.until(2000)
    assert stage.phases == [("raised", 930)]


_STRETCH = st.tuples(st.floats(0.5, 80), st.floats(0.5, 25), st.booleans())


@given(st.lists(_STRETCH, max_size=12))
def test_each_silence_is_found_in_time_and_none_else(stretches: list[tuple[float, float, bool]]) -> None:
    """A play of silences and of speech or noise, each with its VAD and, later, its words or none."""
    stage = Stage(_SILENCE)
    stage.healthy()
    at = quiet_since = 0.0
    expected = []
    for number, (silence, sound, is_speech) in enumerate(stretches):
        begin, end = at + silence, at + silence + sound
        if is_speech and begin > quiet_since + 30:
            expected.append(quiet_since + 30)
        stage.vad(begin, speaking=True)
        if is_speech:
            stage.partial(begin + 0.4, number, "", "he", start=begin)
            stage.vad(end, speaking=False)
            stage.heard(end + 0.4, number, "hello", begin, end)
            quiet_since = end
        else:
            stage.vad(end, speaking=False)
            stage.unheard(end + 0.4, number)
        at = end + 0.45
    stage.until(at + 40)
    if at + 40 > quiet_since + 30:
        expected.append(quiet_since + 30)
    raised = [when for phase, when in stage.phases if phase == "raised"]
    withdrawn = sum(phase == "withdrawn" for phase, _ in stage.phases)
    assert len(raised) - withdrawn == len(expected)
    for when in expected:
        assert any(when - 0.01 <= found <= when + 1 for found in raised), (when, raised)
