"""Alerts about who speaks."""

import pytest

from tests.alerts.stage import Stage
from wallflower.events import Speaker

_ANNA = Speaker(1, "ANNA", known=True, confidence=0.8)
_BO = Speaker(2, "Bo", known=True, confidence=0.7)
_FOUR = Speaker(4, "Speaker 4")


def _stage(speakers: str, **rule: object) -> Stage:
    return Stage({"kind": "speaker", "speakers": speakers, **rule})


def test_by_name() -> None:
    stage = _stage("Änna, Carl")
    stage.heard(2, 7, "hello", 0, 1)
    stage.heard(3, 8, "hello", 1, 2, speaker=_BO)
    assert not stage.told
    stage.heard(4, 9, "hello", 2, 3, speaker=_ANNA)
    assert stage.phases == [("raised", 4), ("confirmed", 4)]
    raised, confirmed = stage.told
    assert (raised.utterance, raised.summary) == (9, "hall: ANNA speaks")
    detail = dict(confirmed.detail)
    assert {name: detail[name] for name in ("speaker", "speaker_id", "known", "speaker_confidence")} == {
        "speaker": "ANNA", "speaker_id": "1", "known": True, "speaker_confidence": 0.8,
    }  # fmt: skip
    assert detail["text"] == "hello"


@pytest.mark.parametrize(
    ("speakers", "told_of"),
    [
        ("known", [_ANNA, _BO]),
        ("Unknown", [_FOUR]),
        ("anyone", [_ANNA, _BO, _FOUR]),
        ("unknown, bo", [_BO, _FOUR]),
        ("speaker 4", [_FOUR]),
        ('"known"', []),
    ],
)
def test_many_at_once(speakers: str, told_of: list[Speaker]) -> None:
    stage = _stage(speakers)
    for speaker in (_ANNA, _BO, _FOUR, None):
        stage.heard(1, 7 if speaker is None else speaker.id, "hello", 0, 1, speaker=speaker)
    assert [each.utterance for each in stage.told if each.phase == "raised"] == [each.id for each in told_of]


def test_somebody_whose_name_is_a_word_for_many() -> None:
    stage = _stage('"Unknown"')
    stage.heard(1, 7, "hello", 0, 1, speaker=_FOUR)
    stage.heard(1, 8, "hello", 0, 1, speaker=Speaker(9, "unknown", known=True))
    assert [each.utterance for each in stage.told] == [8, 8]


def test_a_change_of_the_speaker_raises_it_before_the_words_do() -> None:
    stage = _stage("anna")
    stage.turn(1, None)
    stage.turn(1.5, _ANNA, provisional=True)
    assert not stage.told
    stage.turn(2, _ANNA, at=1)
    stage.turn(3, _BO)
    stage.turn(4, _ANNA)
    stage.heard(5, 7, "hello", 1, 3, speaker=_ANNA, continued=True)
    stage.heard(5, 8, "well", 3, 4, speaker=_BO, continued=True)
    stage.heard(5, 9, "so", 4, 5, speaker=_ANNA)
    assert stage.phases == [("raised", 2), ("confirmed", 5)]
    raised, confirmed = stage.told
    assert (raised.utterance, confirmed.utterance, confirmed.id) == (None, 7, raised.id)


def test_the_words_tell_that_it_was_somebody_else() -> None:
    stage = _stage("anna")
    stage.turn(2, _ANNA)
    stage.heard(2.5, 6, "before", 0, 1, speaker=_BO)
    assert len(stage.told) == 1
    stage.heard(5, 7, "hello", 1.5, 3, speaker=_BO, continued=True)
    assert len(stage.told) == 1  # a part is still to come
    stage.heard(5, 8, "hello", 3, 4, speaker=_FOUR)
    assert stage.phases == [("raised", 2), ("withdrawn", 5)]
    assert stage.told[-1].summary == "hall: it was not ANNA"


def test_nobody_said_anything() -> None:
    stage = _stage("unknown")
    stage.turn(2, _FOUR)
    stage.partial(3, 7, "", "you", start=1.9)
    stage.unheard(4, 7)
    assert stage.phases == [("raised", 2), ("withdrawn", 4)]
    assert [each.summary for each in stage.told] == [
        "hall: an unknown voice (Speaker 4) speaks",
        "hall: it was not an unknown voice",
    ]


def test_words_may_come_late_and_have_some_sound_after_them() -> None:
    stage = _stage("known", cooldown=100)
    stage.turn(2, _ANNA, at=1)
    stage.partial(5, 8, "", "you", start=4)
    stage.unheard(6, 8)  # that was after her words, which are still to come
    stage.heard(7, 7, "hello", 1, 3.5, speaker=_ANNA)
    assert stage.phases == [("raised", 2), ("confirmed", 7)]
    stage.turn(122, _BO, at=121)
    stage.heard(122, 9, "hello", 118, 121.3, speaker=_FOUR)
    stage.heard(124, 10, "hello", 121, 123, speaker=_BO)
    assert stage.phases[2:] == [("raised", 122), ("confirmed", 124)]


@pytest.mark.parametrize(("later", "phase"), [(_ANNA, "confirmed"), (_BO, "withdrawn")])
def test_words_whose_speaker_is_not_known_wait_for_a_revision(later: Speaker, phase: str) -> None:
    stage = _stage("anna")
    stage.turn(2, _ANNA)
    stage.heard(4, 7, "hello", 1, 3)
    stage.heard(8, 8, "hello", 6, 7, speaker=_BO)
    assert stage.phases == [("raised", 2)]
    stage.revised(30, 7, "hello", 1, 3, speaker=later)
    assert stage.phases == [("raised", 2), (phase, 30)]


def test_who_speaks_on_is_told_of_once() -> None:
    stage = _stage("known")
    for number in range(10):
        speaker = _ANNA if number % 2 else _BO
        stage.turn(20 * number + 18, speaker)
        stage.heard(20 * number + 20, number, "hello", 20 * number + 17, 20 * number + 19, speaker=speaker)
    assert len(stage.told) == 4
    stage.heard(300, 20, "hello", 298, 299, speaker=_ANNA)
    assert len(stage.told) == 6


def test_the_cooldown_holds_for_the_rule_and_the_source() -> None:
    stage = _stage("known", cooldown=100)
    stage.heard(1, 1, "hello", 0, 1, speaker=_ANNA)
    stage.heard(50, 2, "hello", 48, 49, speaker=_BO)
    stage.heard(99, 3, "hello", 97, 98, speaker=_BO)
    assert len(stage.told) == 2
    stage.heard(103, 4, "hello", 101, 102, speaker=_BO)
    assert [each.utterance for each in stage.told] == [1, 1, 4, 4]


def test_a_revision_withdraws_the_wrong_one_and_raises_the_right_one() -> None:
    stage = Stage(
        {"kind": "speaker", "speakers": "unknown", "name": "stranger"},
        {"kind": "speaker", "speakers": "known", "name": "home"},
    )
    stage.heard(1, 7, "hello", 0, 1, speaker=_FOUR)
    stage.heard(9, 8, "hello", 7, 8, speaker=_FOUR)
    stage.revised(30, 7, "hello", 0, 1, speaker=_ANNA)
    told = [(each.rule, each.phase) for each in stage.told]
    assert told[2:] == [("home", "raised"), ("home", "confirmed")]  # the other one still stands
    stage.revised(30, 8, "hello", 7, 8, speaker=_ANNA)
    told = [(each.rule, each.phase) for each in stage.told]
    assert told[4:] == [("stranger", "withdrawn")]
    stage.revised(31, 8, "hello", 7, 8, speaker=None, revision=2)
    stage.revised(32, 7, "hello", 0, 1, speaker=_ANNA, revision=2)
    assert len(stage.told) == 5
    stage.revised(33, 7, "hello", 0, 1, speaker=None, revision=3)
    assert (stage.told[-1].rule, stage.told[-1].phase) == ("home", "withdrawn")


def test_a_stranger_who_gets_a_name_was_none() -> None:
    stage = _stage("unknown")
    stage.heard(1, 7, "hello", 0, 1, speaker=_FOUR)
    stage.revised(20, 7, "hello", 0, 1, speaker=Speaker(_FOUR.id, "Carl", known=True))
    assert stage.phases == [("raised", 1), ("confirmed", 1), ("withdrawn", 20)]


def test_what_is_found_out_too_late_is_no_news() -> None:
    stage = _stage("anyone")
    stage.heard(1, 7, "hello", 0, 1, speaker=_FOUR)
    stage.revised(500, 7, "hello", 0, 1, speaker=_ANNA)
    assert stage.phases == [("raised", 1), ("confirmed", 1), ("withdrawn", 500)]


def test_only_at_its_sources_and_times() -> None:
    stage = _stage("anyone", sources="hall", schedule="fri 12:00-12:01")
    stage.source = "cellar"
    stage.heard(1, 1, "hello", 0, 1, speaker=_FOUR)
    stage.turn(2, _FOUR)
    stage.source = "hall"
    stage.turn(65, _FOUR)
    assert not stage.told
    stage.heard(66, 2, "hello", 59, 60, speaker=_FOUR)  # the beginning counts
    assert [each.utterance for each in stage.told] == [2, 2]


def test_each_source_has_its_own() -> None:
    stage = _stage("anna")
    for source in ("hall", "cellar"):
        stage.source = source
        stage.turn(1, _ANNA)
    stage.heard(3, 7, "hello", 0, 2, speaker=_BO)
    assert [(each.source, each.phase) for each in stage.told] == [
        ("hall", "raised"), ("cellar", "raised"), ("cellar", "withdrawn"),
    ]  # fmt: skip
