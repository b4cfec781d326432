"""What becomes of events, without a broker."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.interfaces.mqtt.house import AT, BOX, IDENTITY, House
from wallflower.events import Alert, EngineInUse, SoundLevel, SourceChanged, SourceStatus, SpeechChanged
from wallflower.interfaces.mqtt.controls import SourceCard
from wallflower.interfaces.mqtt.outbox import Outbox
from wallflower.interfaces.mqtt.reporter import Reporter
from wallflower.interfaces.mqtt.topics import Topics

_SILENCE = Alert(1, "quiet", "silence", "hall", "low", "raised", "nobody speaks", AT)


class Kit:
    """A reporter, and the states that it set."""

    def __init__(self, *slugs: str) -> None:
        self.house = House({slug: SourceCard(slug, slug.title()) for slug in slugs})
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


async def test_what_happens_to_the_box_is_seen_at_the_next_look() -> None:
    kit = Kit()
    kit.reporter.take(EngineInUse("moonshine:cpu:x"))
    assert kit.outbox.waiting == 0
