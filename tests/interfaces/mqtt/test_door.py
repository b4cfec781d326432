"""The door with a real broker: what it tells, and what it does when the broker goes and comes."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.interfaces.mqtt.house import AT, BOX, House, Mosquitto, free_port, open_door, validator, watching
from wallflower.events import (
    Alert,
    Heard,
    HeardWord,
    Partial,
    SoundLevel,
    SourceChanged,
    SourceRemoved,
    SourceStatus,
    Speaker,
    SpeakerChanged,
    SpeechChanged,
    Unheard,
    UtteranceRevised,
)
from wallflower.interfaces.mqtt.controls import SourceCard
from wallflower.listening.ears import Ears

HEARD = Heard(
    id=7 << 60, source="hall", start=AT, end=AT + timedelta(seconds=2), text="Hélp me.", language="en",
    audio_start=1.0, audio_end=3.0, speaker=Speaker(3, "Ann", known=True, confidence=0.81),
    engine="moonshine", confidence=0.9,
    words=(HeardWord("Hélp", 0.1, 0.5, 0.8), HeardWord("me.", 0.5, 0.9)),
)  # fmt: skip
ALERT = Alert(
    id=5, rule="help", kind="keyword", source="hall", severity="high", phase="raised", summary="help",
    at=AT, utterance=HEARD.id, detail=(("word", "help"),),
)  # fmt: skip


def _said(number: int, source: str = "hall") -> Heard:
    return replace(HEARD, id=number, source=source, text=f"number {number}")


async def test_everything_that_happens_is_told_as_the_schemas_say(mosquitto: Mosquitto, ears: Ears) -> None:
    async with watching(mosquitto.broker) as watcher, open_door(mosquitto.broker, ears) as served:
        await watcher.message(f"{BOX}/status", status="online")
        for event in (
            SourceChanged("hall", SourceStatus.HEALTHY, "", AT),
            SpeechChanged("hall", speaking=True, at=AT),
            SoundLevel("hall", -40.123, -20.0, AT),
            Partial("hall", HEARD.id, "Help", "me", "en", AT, AT),
            Unheard("hall", HEARD.id, AT),
            HEARD,
            SpeakerChanged("hall", HEARD.speaker, AT, provisional=True),
            UtteranceRevised(replace(HEARD, revision=1, words=(), confidence=None, speaker=None)),
            ALERT,
            replace(ALERT, source="", kind="trouble", utterance=None),
        ):
            served.bus.publish(event)
        source = f"{BOX}/hall"
        expected = {
            f"{BOX}/status": "status",
            f"{BOX}/state": "box_state",
            f"{source}/state": "source_state",
            f"{source}/speech": "speech",
            f"{source}/speaker": "speaker",
            f"{source}/level": "level",
            f"{source}/transcript": "transcript",
            f"{source}/partial": "partial",
            f"{source}/utterance": "utterance",
            f"{source}/alert": "alert",
            f"{BOX}/alert": "alert",
        }
        for topic, schema in expected.items():
            await watcher.message(topic)
            for payload in watcher.all(topic):
                validator(schema).validate(payload)
        said = watcher.all(f"{source}/utterance")
        assert [each["event_type"] for each in said] == ["utterance", "revised"]
        assert said[0]["text"] == "Hélp me."
        assert said[0]["id"] == str(HEARD.id)
        assert {name: said[0][name] for name in said[0] if name.startswith("speaker")} == {
            "speaker": "Ann", "speaker_id": "3", "speaker_known": True, "speaker_confidence": 0.81,
        }  # fmt: skip
        assert said[1]["speaker"] is said[1]["speaker_known"] is None
        assert said[0]["words"][0] == {"text": "Hélp", "start": 0.1, "end": 0.5, "confidence": 0.8}
        assert (await watcher.message(f"{source}/alert"))["event_type"] == "keyword"
        await watcher.message(f"{source}/partial", withdrawn=True)
        withdrawn = [each["withdrawn"] for each in watcher.all(f"{source}/partial")]
        assert withdrawn == [False, True]
        assert (await watcher.message(f"{source}/state", status="healthy"))["name"] == "Hall"


async def test_states_are_retained_and_events_never(mosquitto: Mosquitto, ears: Ears) -> None:
    async with watching(mosquitto.broker) as before, open_door(mosquitto.broker, ears) as served:
        await before.message(f"{BOX}/hall/state")
        for event in (HEARD, ALERT, SpeechChanged("hall", speaking=True, at=AT)):
            served.bus.publish(event)
        await before.message(f"{BOX}/hall/transcript")
        await before.message(f"{BOX}/hall/speech", speaking=True)
        await before.message(f"{BOX}/hall/alert")
        async with watching(mosquitto.broker) as watcher:
            await watcher.message("homeassistant/device/wallflower_0123abcd_hall/config")
            await watcher.message("homeassistant/device/wallflower_0123abcd/config")
            for topic in ("status", "state", "hall/state", "hall/speech", "hall/transcript"):
                await watcher.message(f"{BOX}/{topic}")
            retained = {topic for topic, _, kept in watcher.seen if kept}
            assert {f"{BOX}/status", f"{BOX}/state", f"{BOX}/hall/state", f"{BOX}/hall/speech"} <= retained
            assert "homeassistant/device/wallflower_0123abcd/config" in retained
            assert not {f"{BOX}/hall/utterance", f"{BOX}/hall/alert"} & retained


async def test_a_source_that_keeps_no_transcripts_leaves_none_with_the_broker(
    mosquitto: Mosquitto, ears: Ears
) -> None:
    house = House({"hall": SourceCard("hall", "Hall", kept=False)})
    async with watching(mosquitto.broker) as watcher, open_door(mosquitto.broker, ears, house) as served:
        await watcher.message(f"{BOX}/hall/state")
        served.bus.publish(HEARD)
        await watcher.message(f"{BOX}/hall/transcript", text="Hélp me.")
        async with watching(mosquitto.broker) as later:
            await later.message(f"{BOX}/hall/state")
            await later.client.publish("end", "{}", qos=1)
            await later.until(lambda: any(topic == "end" for topic, *_ in later.seen))
            assert not later.all(f"{BOX}/hall/transcript")


async def test_online_and_offline(mosquitto: Mosquitto, ears: Ears) -> None:
    async with watching(mosquitto.broker) as watcher:
        async with open_door(mosquitto.broker, ears) as served:
            await watcher.message(f"{BOX}/status", status="online")
            assert [(each.connected, each.reason) for each in served.changes] == [(True, "")]
        await watcher.message(f"{BOX}/status", status="offline")


async def test_the_last_will_tells_of_one_that_died(mosquitto: Mosquitto, ears: Ears) -> None:
    async with watching(mosquitto.broker) as watcher, open_door(mosquitto.broker, ears) as served:
        await watcher.message(f"{BOX}/status", status="online")
        # Another with the same name takes its place: the broker ends the first one's session with its will.
        async with watching(mosquitto.broker, identifier="wallflower-0123abcd"):
            await watcher.message(f"{BOX}/status", status="offline")
            await watcher.until(lambda: any(not each.connected for each in served.changes))


async def test_home_assistant_that_comes_back_is_told_everything_again(
    mosquitto: Mosquitto, ears: Ears
) -> None:
    device = "homeassistant/device/wallflower_0123abcd_hall/config"
    async with watching(mosquitto.broker) as watcher, open_door(mosquitto.broker, ears):
        await watcher.message(device)
        await watcher.message(f"{BOX}/hall/state")
        await watcher.message(f"{BOX}/status", status="online")  # by then it listens
        await watcher.client.publish("homeassistant/status", "online", qos=1)
        await watcher.until(
            lambda: len(watcher.all(device)) > 1 and len(watcher.all(f"{BOX}/hall/state")) > 1
        )


async def test_a_source_that_goes_is_cleared_away(mosquitto: Mosquitto, ears: Ears) -> None:
    house = House({"hall": SourceCard("hall", "Hall"), "den": SourceCard("den", "Den")})
    async with watching(mosquitto.broker) as watcher, open_door(mosquitto.broker, ears, house) as served:
        await watcher.message(f"{BOX}/den/state")
        del house.cards["den"]
        served.bus.publish(SourceRemoved("den", AT))
        await watcher.until(lambda: watcher.all(f"{BOX}/den/state")[-1] == "")
        assert watcher.all("homeassistant/device/wallflower_0123abcd_den/config")[-1] == ""
    del house.cards["hall"]
    house.cards["new"] = SourceCard("new", "New")
    async with watching(mosquitto.broker) as watcher, open_door(mosquitto.broker, ears, house):
        # This one went while nobody was there to tell.
        await watcher.until(lambda: "" in watcher.all(f"{BOX}/hall/state"))
        assert "" in watcher.all("homeassistant/device/wallflower_0123abcd_hall/config")
        await watcher.message(f"{BOX}/new/state")
    async with watching(mosquitto.broker) as watcher:
        await watcher.message(f"{BOX}/new/state")
        assert not [topic for topic, *_ in watcher.seen if "hall" in topic or "den" in topic]


async def test_a_broker_that_is_killed_costs_no_utterance_and_no_alert(
    mosquitto: Mosquitto, ears: Ears
) -> None:
    async with open_door(mosquitto.broker, ears, others=3) as served:
        told = [0]

        async def talk() -> None:
            while True:
                told[0] += 1
                served.bus.publish(_said(told[0]))
                if told[0] % 5 == 0:
                    served.bus.publish(replace(ALERT, id=told[0]))
                await asyncio.sleep(0.02)

        utterances: list[int] = []
        alerts: list[int] = []

        def note(seen: list[tuple[str, Any, bool]]) -> None:
            utterances.extend(int(p["id"]) for topic, p, _ in seen if topic == f"{BOX}/hall/utterance")
            alerts.extend(int(p["id"]) for topic, p, _ in seen if topic == f"{BOX}/hall/alert")

        async with watching(mosquitto.broker) as watcher:
            await watcher.message(f"{BOX}/status", status="online")
            talking = asyncio.create_task(talk())
            await watcher.until(lambda: len(watcher.all(f"{BOX}/hall/utterance")) > 20)
            with contextlib.suppress(Exception):  # it loses its broker, too
                await mosquitto.kill()
                await asyncio.sleep(2)
            note(watcher.seen)
        await mosquitto.start()
        async with watching(mosquitto.broker) as watcher:
            await watcher.until(lambda: len(watcher.all(f"{BOX}/hall/utterance")) > 20)
            talking.cancel()
            last = told[0]
            await watcher.message(f"{BOX}/hall/utterance", id=str(last))
            await watcher.message(f"{BOX}/hall/alert", id=str(last // 5 * 5))
            await watcher.client.publish(f"{BOX}/hall/silence/set", "3", qos=1)
            await watcher.message(f"{BOX}/hall/state", silence_minutes=3.0)
            note(watcher.seen)
        assert sorted(set(utterances)) == list(range(1, last + 1))
        assert sorted(set(alerts)) == list(range(5, last + 1, 5))
        connected = [each.connected for each in served.changes]
        assert (connected[0], connected[-1], connected.count(True)) == (True, True, 2)
        firsts = list(dict.fromkeys(utterances))
        assert firsts == sorted(firsts)


async def test_a_broker_that_is_not_there_yet(mosquitto: Mosquitto, ears: Ears) -> None:
    await mosquitto.kill()
    async with open_door(mosquitto.broker, ears) as served:
        served.bus.publish(HEARD)
        async with asyncio.timeout(20):
            while not served.changes:
                await asyncio.sleep(0.01)
        assert not served.changes[0].connected
        assert "refused" in served.changes[0].reason.lower()
        await mosquitto.start()
        async with watching(mosquitto.broker) as watcher:
            await watcher.message(f"{BOX}/hall/state")


async def test_fifty_utterances_a_second_in_order(mosquitto: Mosquitto, ears: Ears) -> None:
    sources = ("hall", "den", "attic")
    house = House({slug: SourceCard(slug, slug) for slug in sources})
    async with watching(mosquitto.broker) as watcher, open_door(mosquitto.broker, ears, house) as served:
        await watcher.message(f"{BOX}/status", status="online")
        for number in range(300):
            served.bus.publish(_said(number, sources[number % 3]))
            served.bus.publish(Partial(sources[number % 3], number, "x", "y", "en", AT, AT))
            await asyncio.sleep(0.005)
        await watcher.until(
            lambda: sum(len(watcher.all(f"{BOX}/{slug}/utterance")) for slug in sources) >= 300
        )
        for place, slug in enumerate(sources):
            ids = [int(each["id"]) for each in watcher.all(f"{BOX}/{slug}/utterance")]
            assert ids == list(range(place, 300, 3))
        assert not served.bus.dropped


def test_a_port_is_free() -> None:
    assert free_port() > 0
