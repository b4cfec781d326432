"""What becomes of events, without a broker."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.interfaces.mqtt.house import AT, BOX, IDENTITY, House, MadeDesk
from wallflower.events import (
    Alert,
    EngineInUse,
    Heard,
    SoundLevel,
    SourceChanged,
    SourceStatus,
    Speaker,
    SpeakerChanged,
    SpeakersChanged,
    SpeechChanged,
    UtteranceRevised,
)
from wallflower.interfaces.mqtt.controls import SourceCard
from wallflower.interfaces.mqtt.outbox import Outbox
from wallflower.interfaces.mqtt.reporter import Reporter
from wallflower.interfaces.mqtt.topics import Topics

_SILENCE = Alert(1, "quiet", "silence", "hall", "low", "raised", "nobody speaks", AT)


class Kit:
    """A reporter, and the states that it set."""

    def __init__(self, *slugs: str, desk: MadeDesk | None = None) -> None:
        self.house = House({slug: SourceCard(slug, slug.title()) for slug in slugs}, desk=desk)
        self.outbox = Outbox()
        topics = Topics(IDENTITY.id, "homeassistant")
        self.reporter = Reporter(IDENTITY, topics, self.house.controls(), self.outbox)

    def state(self, what: str) -> Any:
        message = self.outbox._states.get(f"{BOX}/{what}")
        return json.loads(message.payload) if message else None


async def test_silence_lasts_until_every_rule_says_that_it_is_over() -> None:
    kit = Kit("hall")
    await kit.reporter.look()
    seen = []
    for event in (
        _SILENCE,
        replace(_SILENCE, id=2),
        replace(_SILENCE, phase="ended"),
        replace(_SILENCE, id=2, phase="withdrawn"),
        replace(_SILENCE, kind="loud"),
    ):
        kit.reporter.take(event)
        seen.append(kit.state("hall/state")["silence"])
    assert seen == [True, True, True, False, False]


async def test_levels_are_told_now_and_then() -> None:
    kit = Kit("hall")
    await kit.reporter.look()
    seen = []
    for second in range(25):
        kit.reporter.take(SoundLevel("hall", -second, 0, AT + timedelta(seconds=second)))
        seen.append(kit.state("hall/level")["rms"])
    assert sorted(set(seen), reverse=True) == [0, -10, -20]


async def test_a_source_that_is_new_is_introduced_at_once_and_one_that_is_gone_tells_nothing() -> None:
    kit = Kit("hall")
    await kit.reporter.look()
    kit.house.cards["den"] = SourceCard("den", "Den", listening=False)
    kit.reporter.take(SourceChanged("den", SourceStatus.HEALTHY, "", AT))
    assert kit.state("den/state")["status"] == "healthy"
    kit.reporter.take(SourceChanged("attic", SourceStatus.HEALTHY, "", AT))
    kit.reporter.take(SpeechChanged("attic", speaking=True, at=AT))
    assert kit.state("attic/state") is kit.state("attic/speech") is None


async def test_a_look_finds_what_changed_without_an_event() -> None:
    kit = Kit("hall", "den")
    await kit.reporter.look()
    del kit.house.cards["den"]
    kit.house.cards["hall"] = SourceCard("hall", "Big hall", listening=False)
    await kit.reporter.look()
    assert kit.state("den/state") is None
    assert kit.state("hall/state")["name"] == "Big hall"
    assert kit.state("state")["listening"] is False


async def test_a_source_that_shall_keep_no_transcripts_any_more() -> None:
    kit = Kit("hall")
    await kit.reporter.look()
    kit.house.cards["hall"] = SourceCard("hall", "Hall", kept=False)
    await kit.reporter.look()
    assert kit.outbox._unsent[f"{BOX}/hall/transcript"].payload == b""


_ANN, _BO = Speaker(1, "Ann", known=True, confidence=0.8123), Speaker(2, "Speaker 2")


def _heard(number: int, begin: float, end: float, speaker: Speaker | None) -> Heard:
    start, stop = AT + timedelta(seconds=begin), AT + timedelta(seconds=end)
    return Heard(number, "hall", start, stop, f"word {number}", "en", begin, end, speaker=speaker)


def _changed(speaker: Speaker | None, seconds: float, *, provisional: bool = False) -> SpeakerChanged:
    return SpeakerChanged("hall", speaker, AT + timedelta(seconds=seconds), provisional)


async def test_who_speaks_is_told_when_it_changes_and_by_the_words() -> None:
    kit = Kit("hall")
    await kit.reporter.look()
    seen = []
    for event in (
        _changed(None, 0),
        _changed(_ANN, 1, provisional=True),
        _changed(_ANN, 1),
        _changed(_BO, 5),
        replace(_heard(1, 1, 5, _ANN), continued=True),  # the past by now
        _heard(2, 5, 6, None),  # not known by the words, but otherwise
        _heard(3, 7, 8, None),
        _heard(4, 9, 10, _ANN),
        UtteranceRevised(replace(_heard(3, 7, 8, _BO), revision=1)),  # not the last words
        UtteranceRevised(replace(_heard(4, 9, 10, _BO), revision=1)),
    ):
        kit.reporter.take(event)
        seen.append(kit.state("hall/speaker"))
    assert [(each["speaker"], each["provisional"]) for each in seen] == [
        (None, False), ("Ann", True), ("Ann", False), ("Speaker 2", False), ("Speaker 2", False),
        ("Speaker 2", False), (None, False), ("Ann", False), ("Ann", False), ("Speaker 2", False),
    ]  # fmt: skip
    assert (seen[2]["id"], seen[2]["known"], seen[2]["confidence"]) == ("1", True, 0.812)
    assert (seen[0]["id"], seen[0]["known"], seen[0]["confidence"]) == (None, None, None)
    assert kit.state("hall/transcript")["text"] == "word 4"
    assert kit.state("hall/transcript")["speaker"] == "Speaker 2"
    told = [json.loads(each.payload) for each in kit.outbox._kept]
    assert [each["event_type"] for each in told] == ["utterance"] * 4 + ["revised"] * 2
    assert [each["continued"] for each in told] == [True] + [False] * 5


async def test_a_source_that_keeps_no_transcripts_leaves_nobodys_name_with_the_broker() -> None:
    kit = Kit("hall")
    kit.house.cards["hall"] = SourceCard("hall", "Hall", kept=False)
    await kit.reporter.look()
    kit.reporter.take(_changed(_ANN, 1))
    kit.reporter.take(_heard(1, 1, 2, _ANN))
    assert kit.state("hall/speaker") is None


async def test_only_people_who_have_a_name_are_told_of() -> None:
    kit = Kit("hall")
    assert kit.state("speakers") is None
    kit = Kit("hall", desk=MadeDesk())
    await kit.reporter.look()
    assert [each["name"] for each in kit.state("speakers")["speakers"]] == ["Ann"]
    assert kit.house.desk is not None
    await kit.house.desk.rename("Speaker 2", "Bo")
    kit.reporter.take(SpeakersChanged())
    assert [each["name"] for each in kit.state("speakers")["speakers"]] == ["Ann", "Bo"]


async def test_who_gets_another_name_or_is_forgotten_is_no_longer_told_by_the_old_one() -> None:
    kit = Kit("hall", "den", desk=MadeDesk())
    desk = kit.house.desk
    assert desk is not None
    await kit.reporter.look()
    kit.reporter.take(_heard(1, 1, 2, _ANN))
    kit.reporter.take(_changed(_BO, 3))
    await desk.rename("Speaker 2", "Bo")
    kit.reporter.take(SpeakersChanged())
    assert (kit.state("hall/speaker")["speaker"], kit.state("hall/speaker")["known"]) == ("Bo", True)
    assert kit.state("hall/transcript")["speaker"] == "Ann"
    assert kit.state("den/speaker") is None
    for who in ("Ann", "Bo"):
        await desk.forget(who, words=False)
        kit.reporter.take(SpeakersChanged())
    assert kit.state("hall/speaker")["speaker"] is kit.state("hall/transcript")["speaker"] is None
    assert kit.state("hall/transcript")["text"] == "word 1"


async def test_who_was_merged_is_told_as_who_they_are_and_forgotten_words_do_not_stay_with_the_broker() -> (
    None
):
    kit = Kit("hall", "den", desk=MadeDesk())
    desk = kit.house.desk
    assert desk is not None
    await kit.reporter.look()
    kit.reporter.take(_heard(1, 1, 2, _BO))
    kit.reporter.take(replace(_heard(2, 3, 4, None), source="den"))
    await desk.merge("Speaker 2", "Ann")
    kit.reporter.take(SpeakersChanged())
    told = kit.state("hall/transcript")
    assert (told["text"], told["speaker"], told["speaker_id"]) == ("word 1", "Ann", "1")
    assert kit.state("hall/speaker")["speaker"] == "Ann"
    await desk.forget("Ann", words=True)
    kit.reporter.take(SpeakersChanged())
    told = kit.state("hall/transcript")
    assert (told["text"], told["words"], told["speaker"]) == ("", [], None)
    assert kit.state("den/transcript")["text"] == "word 2"


async def test_what_happens_to_the_box_is_seen_at_the_next_look() -> None:
    kit = Kit()
    kit.reporter.take(EngineInUse("moonshine:cpu:x"))
    assert kit.outbox.waiting == 0
