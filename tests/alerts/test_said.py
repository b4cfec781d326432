"""Alerts about what is said: from the first words to the last."""

from dataclasses import replace
from typing import Any

import pytest

from tests.alerts.stage import Stage
from wallflower.events import Speaker

_HELP: dict[str, Any] = {"kind": "keyword", "words": "help"}


def test_raised_by_committed_words_and_confirmed_by_the_last() -> None:
    stage = Stage({**_HELP, "early": False})
    stage.partial(1, 7, "", "help", start=0)
    assert not stage.told  # it may be taken back
    stage.partial(2, 7, " please help", start=0)
    stage.partial(3, 7, " please help me", start=0)
    stage.heard(5, 7, "Please, help me!", 0, 3)
    assert stage.phases == [("raised", 2), ("confirmed", 5)]
    raised, confirmed = stage.told
    assert raised.id == confirmed.id
    assert (raised.utterance, raised.source, raised.kind) == (7, "hall", "keyword")
    assert dict(raised.detail)["text"] == "please help"
    assert dict(confirmed.detail)["text"] == "Please, help me!"
    assert dict(confirmed.detail)["phrase"] == "help"
    assert confirmed.summary == "hall: “help” was said"


def test_words_that_may_be_taken_back_raise_it_earlier() -> None:
    stage = Stage({**_HELP, "except": "help desk"})
    stage.partial(1, 7, " please", "help", start=0)
    assert not stage.told  # a desk may follow
    stage.partial(2, 7, " please", "help me", start=0)
    stage.partial(3, 7, " please", "kelp me", start=0)
    stage.heard(5, 7, "Please, help me!", 0, 3)
    assert stage.phases == [("raised", 2), ("confirmed", 5)]
    assert dict(stage.told[0].detail)["text"] == "please help me"


def test_what_only_the_last_words_tell_is_raised_and_confirmed_at_once() -> None:
    stage = Stage(_HELP)
    stage.heard(5, 7, "Help!", 0, 3)
    assert stage.phases == [("raised", 5), ("confirmed", 5)]


def test_withdrawn_by_the_last_words() -> None:
    stage = Stage(_HELP)
    stage.partial(2, 7, " help", start=0)
    stage.heard(5, 7, "Kelp.", 0, 3)
    stage.partial(6, 8, " help", start=5)
    stage.unheard(8, 8)
    assert stage.phases == [("raised", 2), ("withdrawn", 5), ("raised", 6), ("withdrawn", 8)]


def test_a_revision_may_withdraw_or_raise_and_tells_nothing_twice() -> None:
    stage = Stage(_HELP)
    stage.heard(5, 7, "Help!", 0, 3)
    stage.heard(6, 7, "Help!", 0, 3, revision=1)
    stage.heard(7, 7, "Kelp!", 0, 3, revision=2)
    stage.heard(7, 7, "Help!", 0, 3, revision=1)  # an old one
    stage.partial(7, 7, " help", start=0)  # a late one
    stage.heard(8, 7, "Help!", 0, 3, revision=3)
    assert [phase for phase, _ in stage.phases] == ["raised", "confirmed", "withdrawn", "raised", "confirmed"]


def test_an_exception_that_comes_with_the_next_word_is_waited_for() -> None:
    stage = Stage({**_HELP, "except": "help desk"})
    stage.partial(1, 7, " the help", start=0)
    stage.partial(2, 7, " the help desk", start=0)
    stage.heard(3, 7, "the help desk", 0, 2)
    assert not stage.told
    stage.partial(4, 8, " help", start=3)
    stage.partial(5, 8, " help me", start=3)
    assert stage.phases == [("raised", 5)]


def test_only_in_the_language_and_only_once_that_is_known() -> None:
    stage = Stage({"kind": "keyword", "words": "hell", "language": "de-AT"})
    stage.heard(1, 6, "bloody hell", 0, 1)
    stage.partial(2, 7, " es ist hell", start=1, language="und")
    assert not stage.told
    stage.heard(3, 7, "es ist hell", 1, 2, language="de")
    assert [phase for phase, _ in stage.phases] == ["raised", "confirmed"]


def test_the_cooldown_is_of_each_source_and_not_begun_by_what_is_withdrawn() -> None:
    stage = Stage({**_HELP, "cooldown": 60})
    stage.partial(1, 1, " help", start=0)
    stage.partial(2, 2, " help", start=1)
    stage.heard(3, 1, "kelp", 0, 1)
    stage.heard(4, 2, "help", 1, 2)
    assert stage.phases == [("raised", 1), ("withdrawn", 3), ("raised", 4), ("confirmed", 4)]
    stage.heard(60, 3, "help", 58, 59)
    assert len(stage.told) == 4
    stage.source = "cellar"
    stage.heard(61, 4, "help", 58, 59)
    assert len(stage.told) == 6
    stage.source = "hall"
    stage.heard(65, 5, "help", 63, 64)
    assert len(stage.told) == 8


def test_only_at_its_sources_and_times() -> None:
    stage = Stage({**_HELP, "sources": "hall", "schedule": "fri 12:00-12:01"})
    stage.source = "cellar"
    stage.heard(1, 1, "help", 0, 1)
    stage.source = "hall"
    stage.heard(61, 2, "help", 59, 60)  # the beginning counts
    stage.heard(62, 3, "help", 60, 61)
    assert [alert.utterance for alert in stage.told] == [2, 2]


def test_speech_where_there_should_be_none_is_words_and_not_noise() -> None:
    stage = Stage({"kind": "speech"})
    stage.vad(1, speaking=True)
    stage.partial(2, 7, "", "uh", start=1)
    stage.unheard(3, 7)
    assert not stage.told
    stage.partial(4, 8, " hello", start=3)
    stage.heard(5, 8, "Hello?", 3, 4)
    assert stage.phases == [("raised", 4), ("confirmed", 5)]
    assert stage.told[0].summary == "hall: somebody speaks"


def test_words_in_a_later_part_of_what_was_said_in_one_go_are_confirmed_by_that_part() -> None:
    stage = Stage({**_HELP, "name": "help"}, {**_HELP, "name": "kelp", "words": "kelp"})
    stage.partial(1, 7, " yes help kelp", start=0)
    stage.heard(5, 7, "Yes.", 0, 1, continued=True)
    assert stage.phases == [("raised", 1)] * 2
    stage.heard(5, 8, "Help!", 1, 2, continued=True, speaker=Speaker(3, "Anna", known=True, confidence=0.9))
    stage.heard(5, 9, "Help, yes.", 2, 3)
    told = [(each.rule, each.phase, each.utterance) for each in stage.told]
    assert told[2:] == [("help", "confirmed", 8), ("kelp", "withdrawn", 7)]
    assert stage.told[0].id == stage.told[2].id
    detail = dict(stage.told[2].detail)
    assert (detail["speaker"], detail["speaker_id"], detail["known"], detail["speaker_confidence"]) == (
        "Anna", "3", True, 0.9,
    )  # fmt: skip
    stage.heard(9, 10, "Help!", 7, 8)
    assert [each.utterance for each in stage.told[4:]] == [10, 10]


def test_what_was_said_in_one_go_is_told_once() -> None:
    stage = Stage({"kind": "speech"})
    for number in (7, 8, 9):
        stage.heard(5, number, "Yes.", number, number + 1, continued=number < 9)
    assert [(each.phase, each.utterance) for each in stage.told] == [("raised", 7), ("confirmed", 7)]


def test_who_said_it_changes_nothing_about_the_words() -> None:
    stage = Stage({**_HELP, "cooldown": 60})
    stage.heard(1, 6, "Help!", 0, 1)
    stage.heard(50, 7, "Help!", 48, 49)
    stage.revised(70, 7, "Help!", 48, 49, speaker=Speaker(3, "Anna"))
    assert len(stage.told) == 2


def test_a_rule_that_is_off_and_one_that_is_gone() -> None:
    stage = Stage({**_HELP, "enabled": False})
    stage.heard(1, 1, "help", 0, 1)
    assert not stage.told
    stage = Stage(_HELP)
    stage.partial(1, 1, " help", start=0)
    stage.watch.use([], stage.moment(1))
    stage.heard(2, 1, "help", 0, 1)
    assert [phase for phase, _ in stage.phases] == ["raised", "withdrawn"]


def test_several_rules_about_the_same_words() -> None:
    stage = Stage({**_HELP, "name": "a"}, {**_HELP, "name": "b", "severity": "critical"})
    stage.heard(1, 1, "help", 0, 1)
    assert [(each.rule, each.severity) for each in stage.told] == [("a", "warning")] * 2 + [
        ("b", "critical")
    ] * 2


@pytest.mark.parametrize("count", [600])
def test_memory_of_utterances_is_bounded(count: int) -> None:
    stage = Stage(_HELP)
    for number in range(count):
        stage.partial(number, number, " help", start=number)
    stage.heard(count, 0, "kelp", 0, 1)  # long forgotten
    assert len(stage.told) == count
    assert replace(stage.told[0], id=0, at=stage.told[1].at) != stage.told[1]
