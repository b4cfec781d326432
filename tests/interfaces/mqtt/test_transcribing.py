"""Sound goes to a topic, words come back: once, from whichever box is there."""

import asyncio
import contextlib
import io
import threading
import wave
from typing import Any

import aiomqtt
import numpy as np
import pytest
from numpy.typing import NDArray
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.interfaces.mqtt.house import BOX, IDENTITY, Mosquitto, open_door, validator, watching
from tests.made_ears import ears_of
from wallflower.engines.base import EngineError, Request, Transcription
from wallflower.interfaces.mqtt import transcribing
from wallflower.interfaces.mqtt.asking import AnswerError, ask, utterance_of
from wallflower.interfaces.mqtt.broker import BrokerError
from wallflower.interfaces.mqtt.payloads import Payload, encoded
from wallflower.interfaces.mqtt.topics import SHARED_SUBSCRIPTION
from wallflower.interfaces.mqtt.transcribing import Request as Asked
from wallflower.interfaces.mqtt.transcribing import Transcriber
from wallflower.listening.ears import Ears
from wallflower.speech.vad import SileroVad


class Answers:
    """What was answered, as it was sent."""

    def __init__(self) -> None:
        self.sent: list[Payload] = []

    async def __call__(self, _request: Asked, answer: Payload) -> None:
        validator("answer").validate({"version": 1, **answer})
        self.sent.append(answer)

    @property
    def codes(self) -> list[str]:
        return [each["error"]["code"] if "error" in each else "words" for each in self.sent]


class SlowEngine:
    """Decodes for as long as it is told to."""

    languages = ("en",)
    longest_seconds = 30.0

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.begun = threading.Event()

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        self.begun.set()
        self.go_on.wait(30)
        return Transcription("words", "en")

    def abort(self) -> None:
        self.go_on.set()

    def unload(self) -> None:
        pass


class BrokenEngine(SlowEngine):
    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        raise EngineError("broken")


def _asked(sound: bytes, number: int = 0, language: str = "") -> Asked:
    return Asked(sound, "answers/x", b"%d" % number, language)


def _wav(samples: NDArray[np.int16]) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setparams((1, 2, 16_000, 0, "NONE", ""))
        wav.writeframes(samples.tobytes())
    return file.getvalue()


async def test_wav_and_pcm_give_the_same_words(
    mosquitto: Mosquitto, ears: Ears, speech: NDArray[np.int16]
) -> None:
    async with watching(mosquitto.broker) as watcher, open_door(mosquitto.broker, ears):
        await watcher.message(f"{BOX}/status", status="online")
        texts = []
        for sound in (speech[:64_000].tobytes(), _wav(speech[:64_000])):
            answer = await ask(mosquitto.broker, sound, language="en-GB")
            validator("answer").validate(answer)
            assert answer["box"] == IDENTITY.id
            texts.append(utterance_of(answer))
        assert texts[0] == texts[1]
        assert "best of times" in texts[0].text
        assert texts[0].seconds == 4.0


async def test_to_one_box_with_properties_of_ones_own(
    mosquitto: Mosquitto, ears: Ears, speech: NDArray[np.int16]
) -> None:
    async with watching(mosquitto.broker) as watcher, open_door(mosquitto.broker, ears):
        await watcher.message(f"{BOX}/status", status="online")
        for answer_to in ("mine", "a/#", "$SYS/x", None):
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            if answer_to:
                properties.ResponseTopic = answer_to
            with contextlib.suppress(aiomqtt.MqttError):  # the broker itself refuses wildcards
                await watcher.client.publish(
                    f"{BOX}/transcribe", speech[:64_000].tobytes(), qos=1, properties=properties
                )
            if answer_to == "mine":
                assert "best of times" in (await watcher.message("mine"))["text"]
                break


async def test_a_request_that_nobody_could_be_answered(mosquitto: Mosquitto, ears: Ears) -> None:
    async with watching(mosquitto.broker) as watcher, open_door(mosquitto.broker, ears):
        await watcher.message(f"{BOX}/status", status="online")
        await watcher.client.publish(f"{BOX}/transcribe", b"\0" * 3200, qos=1)
        error = await watcher.message(f"{BOX}/error", topic=f"{BOX}/transcribe")
        assert "response topic" in error["message"]


async def test_what_is_wrong_is_said(vad: SileroVad, ears: Ears, speech: NDArray[np.int16]) -> None:
    sound = speech[:64_000].tobytes()
    answers = Answers()
    transcriber = Transcriber("box", ears, most_seconds=3)
    await transcriber.serve(_asked(sound, 1, "xx"), answers)
    await transcriber.serve(_asked(sound, 2), answers)
    await transcriber.serve(_asked(b"RIFF\xff\xff", 3), answers)
    await transcriber.serve(_asked(b"", 4), answers)
    async with ears_of(vad, BrokenEngine()) as broken:
        await Transcriber("box", broken, most_seconds=0).serve(_asked(sound, 5), answers)
    assert answers.codes == ["unsupported-language", "too-long", "bad-audio", "words", "engine-failed"]
    assert answers.sent[3]["text"] == ""


async def test_a_repeat_is_dropped(ears: Ears) -> None:
    answers = Answers()
    transcriber = Transcriber("box", ears, most_seconds=0)
    for number in (1, 2, 1, 2, 1):
        await transcriber.serve(_asked(b"\0" * 3200, number), answers)
    assert len(answers.sent) == 2


async def test_a_repeat_of_what_was_not_answered_is_welcome(ears: Ears) -> None:
    answers = Answers()
    transcriber = Transcriber("box", ears, most_seconds=0)

    async def fail(_request: Asked, _answer: Payload) -> None:
        raise aiomqtt.MqttError("gone")

    with pytest.raises(aiomqtt.MqttError):
        await transcriber.serve(_asked(b"\0" * 3200), fail)
    await transcriber.serve(_asked(b"\0" * 3200), answers)
    assert answers.codes == ["words"]


async def test_only_the_last_ones_are_remembered(ears: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcribing, "_REMEMBERED", 2)
    answers = Answers()
    transcriber = Transcriber("box", ears, most_seconds=0)
    for number in (1, 2, 3, 1):
        await transcriber.serve(_asked(b"", number), answers)
    assert len(answers.sent) == 4


async def test_a_busy_box_refuses_and_one_that_stops_says_so(
    vad: SileroVad, speech: NDArray[np.int16]
) -> None:
    engine, answers = SlowEngine(), Answers()
    sound = speech[:64_000].tobytes()
    async with ears_of(vad, engine) as ears:
        transcriber = Transcriber("box", ears, most_seconds=0)
        tasks = [asyncio.create_task(transcriber.serve(_asked(sound, n), answers)) for n in range(8)]
        await asyncio.to_thread(engine.begun.wait, 30)
        await transcriber.serve(_asked(sound, 8), answers)
        assert answers.codes == ["busy"]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        engine.go_on.set()
        assert answers.codes == ["busy", *["stopping"] * 8]
        await transcriber.serve(_asked(sound, 3), answers)
    assert answers.codes[-1] == "words"


async def test_one_that_takes_requests_and_dies_costs_no_answer(
    mosquitto: Mosquitto, ears: Ears, speech: NDArray[np.int16]
) -> None:
    sound = speech[:64_000].tobytes()
    repeats: list[int] = []
    async with watching(mosquitto.broker) as watcher, open_door(mosquitto.broker, ears):
        await watcher.message(f"{BOX}/status", status="online")
        async with watching(mosquitto.broker, SHARED_SUBSCRIPTION) as dying:
            asking = [
                asyncio.create_task(
                    ask(mosquitto.broker, sound, patience=2, on_repeat=lambda: repeats.append(1))
                )
                for _ in range(4)
            ]
            taken = await dying.until(lambda: len(dying.seen))
        said = await asyncio.gather(*asking)
    assert taken
    assert repeats
    assert [each["box"] for each in said] == [IDENTITY.id] * 4
    assert all("best of times" in each["text"] for each in said)
    answers = [payload for topic, payload, _ in watcher.seen if topic.startswith("wallflower/answers/")]
    assert len(answers) == 4


async def test_busy_boxes_are_asked_again(mosquitto: Mosquitto) -> None:
    replies: list[Payload] = [
        {"box": "b", "error": {"code": "busy", "message": "later"}},
        {"box": "b", "error": {"code": "stopping", "message": "later"}},
        {"box": "b", "text": "words"},
    ]
    async with aiomqtt.Client("127.0.0.1", mosquitto.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe(SHARED_SUBSCRIPTION, qos=1)
        asking = asyncio.create_task(ask(mosquitto.broker, b"\0" * 320))
        correlations = []
        async for message in client.messages:
            asked: Any = message.properties
            correlations.append(asked.CorrelationData)
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            for data in (b"another", asked.CorrelationData):
                properties.CorrelationData = data
                await client.publish(asked.ResponseTopic, b"{", 1, properties=properties)
            await client.publish(asked.ResponseTopic, encoded(replies.pop(0)), 1, properties=properties)
            if not replies:
                break
        assert (await asking)["text"] == "words"
        assert len(set(correlations)) == 1


async def test_nobody_answers(mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    repeats: list[int] = []
    with pytest.raises(BrokerError, match="no box at"):
        await ask(mosquitto.broker, b"\0" * 320, patience=0.2, on_repeat=lambda: repeats.append(1))
    assert len(repeats) == 2


async def test_what_asking_refuses(mosquitto: Mosquitto, ears: Ears, speech: NDArray[np.int16]) -> None:
    with pytest.raises(BrokerError, match="17 minutes"):
        await ask(mosquitto.broker, bytes(40_000_000))
    async with watching(mosquitto.broker) as watcher, open_door(mosquitto.broker, ears):
        await watcher.message(f"{BOX}/status", status="online")
        with pytest.raises(AnswerError, match="language 'xx' is not spoken"):
            await ask(mosquitto.broker, speech[:32_000].tobytes(), language="xx")


@pytest.mark.parametrize("answer", [{}, {"text": "x", "language": "en", "seconds": "long", "passages": []}])
def test_an_answer_that_makes_no_sense(answer: dict[str, Any]) -> None:
    with pytest.raises(AnswerError, match="no sense"):
        utterance_of(answer)


async def test_the_broker_goes_while_one_waits(mosquitto: Mosquitto) -> None:
    asking = asyncio.create_task(ask(mosquitto.broker, b"\0" * 320))
    await asyncio.sleep(0.5)
    await mosquitto.kill()
    with pytest.raises(BrokerError):
        await asking
