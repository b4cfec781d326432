"""Speakers by request: enrolled, named, forgotten, and what is told of them."""

import asyncio
import base64
import io
import json
import wave
from typing import Any

import aiomqtt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.interfaces.mqtt.house import BOX, House, MadeDesk, Mosquitto, open_door, validator, watching
from wallflower.events import SpeakersChanged
from wallflower.interfaces.mqtt.payloads import Payload
from wallflower.interfaces.mqtt.people import LARGEST_REQUEST, Asked, People
from wallflower.interfaces.mqtt.people_requests import RequestError, read_request
from wallflower.listening.ears import Ears


def _wav(seconds: float, rate: int = 16_000, channels: int = 1) -> str:
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setparams((channels, 2, rate, 0, "NONE", ""))
        wav.writeframes(bytes(2 * channels * round(seconds * rate)))
    return base64.b64encode(file.getvalue()).decode()


def _body(action: str, **fields: Any) -> bytes:
    return json.dumps({"action": action, **fields}).encode()


class Asker:
    """Asks a service that is at work, and holds what it answers to the schema."""

    def __init__(self, desk: MadeDesk | None) -> None:
        self.answers: list[Payload] = []
        self.some = asyncio.Event()
        self.people = People("box", desk, self._note)

    def _note(self, _asked: Asked, answer: Payload) -> None:
        validator("speakers_answer").validate({"version": 1, **answer})
        self.answers.append(answer)
        self.some.set()

    async def ask(self, body: bytes, number: int = 0) -> Payload:
        """One request; number: of its correlation data, 0 for none."""
        self.some.clear()
        self.people.take(Asked(body, "answers/x", b"%d" % number if number else b""))
        running = asyncio.create_task(self.people.run())
        await asyncio.wait_for(self.some.wait(), 30)
        running.cancel()
        return self.answers[-1]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (_body("enrol", name=" Bo ", audio=_wav(2)), "Bo"),
        (_body("enrol", name="Bo", audio=_wav(2, 44_100, 2)), "Bo"),
        (_body("enrol", name="Bo", utterances=[str(7 << 60), 8]), "Bo"),
        (_body("rename", speaker="2", name="Bo"), "Bo"),
        (_body("rename", speaker=2, name="Bo"), "Bo"),
        (_body("merge", speaker="Speaker 2", into="Ann"), "Ann"),
    ],
)
async def test_what_is_done_gives_the_person(body: bytes, name: str) -> None:
    desk = MadeDesk()
    answer = await Asker(desk).ask(body)
    assert answer["speaker"]["name"] == name
    assert answer["action"] == json.loads(body)["action"]
    for _, given_ in desk.enrolled:
        assert len(given_) == 32_000 if isinstance(given_, np.ndarray) else given_ == (7 << 60, 8)


async def test_who_is_forgotten_is_nobody() -> None:
    desk = MadeDesk()
    asker = Asker(desk)
    assert (await asker.ask(_body("forget", speaker="Ann")))["speaker"] is None
    await asker.ask(_body("forget", speaker="2", words=False))
    assert desk.forgotten == [("Ann", True), ("2", False)]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "'action' is None; allowed: enrol, rename, merge, split, forget"),
        (_body("explode"), "'action' is 'explode'"),
        (_body("enrol"), "enrol needs 'name'"),
        (_body("enrol", name="Bo"), "either 'audio' or 'utterances'"),
        (_body("enrol", name="Bo", audio=_wav(1), utterances=["1"]), "either 'audio' or 'utterances'"),
        (_body("enrol", name="", audio=_wav(1)), "'name' is wrong ('')"),
        (_body("enrol", name="B\no", audio=_wav(1)), "'name' is wrong"),
        (_body("enrol", name="x" * 64, audio=_wav(1)), "1 to 63 characters"),
        (_body("enrol", name=["Bo"], audio=_wav(1)), "'name' is wrong"),
        (_body("enrol", name="Bo", audio=5), "'audio' is wrong (expected text)"),
        (_body("enrol", name="Bo", audio="not base64"), "'audio' is wrong (it cannot be read)"),
        (_body("enrol", name="Bo", audio="AAAA"), "'audio' is wrong (no WAV); allowed: WAV"),
        (_body("enrol", name="Bo", audio=base64.b64encode(b"RIFF\xff").decode()), "(it cannot be read)"),
        (_body("enrol", name="Bo", audio=_wav(1300, 4000)), "(too long); allowed: WAV"),
        (_body("enrol", name="Bo", utterances=[]), "a list of 1 to 100 ids"),
        (_body("enrol", name="Bo", utterances=[1] * 101), "a list of 1 to 100 ids"),
        (_body("enrol", name="Bo", utterances=["x"]), "a list of 1 to 100 ids"),
        (_body("split", utterances=[True]), "a list of 1 to 100 ids"),
        (_body("rename", speaker="Ann", nam="Bo"), "rename has no 'nam'; allowed: speaker, name"),
        (_body("rename", speaker=True, name="Bo"), "the name or the id of a speaker"),
        (_body("forget", speaker="Ann", words="some"), "true or false"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_done(body: bytes, reason: str) -> None:
    desk = MadeDesk()
    error = (await Asker(desk).ask(body))["error"]
    assert error["code"] == "bad-request"
    assert reason in error["message"]
    assert len(error["message"]) < 400
    assert len(desk.cards) == 2
    assert not desk.enrolled


@given(st.binary(max_size=200) | st.dictionaries(st.text(max_size=8), st.integers()).map(json.dumps))
def test_whatever_comes_is_read_or_refused(body: bytes | str) -> None:
    with pytest.raises(RequestError):
        read_request(body if isinstance(body, bytes) else body.encode())


async def test_what_the_desk_refuses_is_told_in_its_words() -> None:
    asker = Asker(MadeDesk())
    answer = await asker.ask(_body("enrol", name="Bo", audio=_wav(0.3)))
    assert answer["error"] == {"code": "refused", "message": "too short: at least 1 s of speech is needed"}
    answer = await asker.ask(_body("forget", speaker="Carl"))
    assert answer["error"]["message"] == "there is no speaker 'Carl'"
    answer = await asker.ask(_body("split", utterances=["1"]))
    assert answer["error"]["message"] == "an error of ours; the log tells more"
    assert (await asker.ask(_body("forget", speaker="Ann")))["speaker"] is None  # it goes on


async def test_where_speakers_are_not_told_apart() -> None:
    error = (await Asker(None).ask(_body("forget", speaker="Ann")))["error"]
    assert error["message"] == "this box does not tell speakers apart"


async def test_a_repeat_is_answered_and_not_done_again() -> None:
    desk = MadeDesk()
    asker = Asker(desk)
    first = await asker.ask(_body("enrol", name="Bo", utterances=["1"]), number=1)
    assert await asker.ask(_body("enrol", name="Bo", utterances=["1"]), number=1) == first
    assert len(desk.enrolled) == 1
    for number in range(2, 110):
        await asker.ask(_body("forget", speaker="Carl"), number)
    await asker.ask(_body("enrol", name="Bo", utterances=["1"]), number=1)
    assert len(desk.enrolled) == 2  # long forgotten


async def test_what_waits_is_bounded() -> None:
    desk = MadeDesk()
    desk.go_on.clear()
    asker = Asker(desk)
    running = asyncio.create_task(asker.people.run())
    sound = _body("enrol", name="Bo", audio=_wav(2))
    for number in range(1, 4):  # the third repeats the second
        asker.people.take(Asked(sound, "x", b"%d" % min(number, 2)))
    asker.people.take(Asked(bytes(LARGEST_REQUEST + 1)))
    assert asker.answers[-1]["error"]["message"] == "the request is too long; allowed: 16 MB"
    for _ in range(2):
        asker.people.take(Asked(bytes(LARGEST_REQUEST)))
    for _ in range(9):
        asker.people.take(Asked(b"{}"))
    assert {answer["error"]["code"] for answer in asker.answers[1:]} == {"busy"}
    refused = len(asker.answers)
    desk.go_on.set()
    async with asyncio.timeout(30):
        while len(desk.enrolled) < 2 or asker.people._waiting_bytes:
            await asyncio.sleep(0.01)
    assert len(desk.enrolled) == 2
    assert len(asker.answers) > refused
    running.cancel()


def _asked(number: int, answer_to: str = "mine") -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.ResponseTopic = answer_to
    properties.CorrelationData = b"%d" % number
    return properties


async def test_by_the_broker(mosquitto: Mosquitto, ears: Ears) -> None:
    topic = f"{BOX}/speakers/set"
    house = House(desk=MadeDesk())
    async with watching(mosquitto.broker) as watcher:
        await watcher.client.publish(topic, _body("forget", speaker="Ann"), qos=1, retain=True)
    async with watching(mosquitto.broker) as watcher, open_door(mosquitto.broker, ears, house) as served:
        await watcher.message(f"{BOX}/status", status="online")
        await watcher.message(f"{BOX}/error", message="a request must not be retained")
        people = await watcher.message(f"{BOX}/speakers")
        validator("speakers").validate(people)
        assert [(each["id"], each["name"]) for each in people["speakers"]] == [("1", "Ann")]
        request = {"action": "enrol", "name": "Bo", "audio": _wav(2)}
        validator("speakers_request").validate(request)
        await watcher.client.publish(topic, json.dumps(request), qos=1, properties=_asked(1))
        answer = await watcher.message("mine", action="enrol")
        assert answer["speaker"]["name"] == "Bo"
        served.bus.publish(SpeakersChanged())
        await watcher.until(lambda: len(watcher.all(f"{BOX}/speakers")[-1]["speakers"]) == 2)
        await watcher.client.publish(topic, "{}", qos=1, properties=_asked(2))
        await watcher.until(lambda: len(watcher.all("mine")) == 2)
        assert watcher.all("mine")[1]["error"]["message"].startswith("'action' is None; allowed:")
        await watcher.client.publish(topic, _body("forget", speaker="Carl"), qos=1)
        await watcher.message(f"{BOX}/error", message="there is no speaker 'Carl'")
        async with watching(mosquitto.broker) as later:
            await later.message(f"{BOX}/speakers")
            assert (f"{BOX}/speakers", True) in {(where, retained) for where, _, retained in later.seen}


async def test_the_answer_has_the_correlation_data_of_the_request(mosquitto: Mosquitto, ears: Ears) -> None:
    async with watching(mosquitto.broker) as watcher, open_door(mosquitto.broker, ears, House()):
        await watcher.message(f"{BOX}/status", status="online")
        async with aiomqtt.Client("127.0.0.1", mosquitto.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            await client.subscribe("mine", qos=1)
            await client.publish(f"{BOX}/speakers/set", "{}", qos=1, properties=_asked(7))
            answer: Any = await anext(aiter(client.messages))
            assert answer.properties.CorrelationData == b"7"


async def test_a_box_that_tells_nobody_apart_any_more_leaves_no_names(
    mosquitto: Mosquitto, ears: Ears
) -> None:
    async with watching(mosquitto.broker) as watcher:
        async with open_door(mosquitto.broker, ears, House(desk=MadeDesk())):
            await watcher.message(f"{BOX}/speakers")
        async with open_door(mosquitto.broker, ears, House()):
            await watcher.until(lambda: watcher.all(f"{BOX}/speakers")[-1] == "")
