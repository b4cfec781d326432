"""The other side of transcription by request: sound goes to a broker, and some box's words come back.

The rule for whoever asks: without an answer for 10 s, or for a quarter of the sound's length if that is
longer, send the request again with the same correlation data, three times in all. A box may say `busy` or
`stopping`: then send it again after a pause.
"""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.events import Passage, Utterance
from wallflower.interfaces.mqtt.broker import Broker, BrokerError
from wallflower.interfaces.mqtt.connection import LARGEST_MESSAGE, Dialect, connected
from wallflower.interfaces.mqtt.topics import ROOT, SHARED_REQUESTS
from wallflower.interfaces.mqtt.transcribing import BUSY, STOPPING

_PATIENCE_SECONDS = 10.0
_OF_ITS_LENGTH = 0.25
"""A slower box does work that another one does, too; the first answer counts."""
_TRIES = 3
_BUSY_SECONDS = 1.0
_HEADER_BYTES = 1000  # of the message, beside the sound


_Answer = dict[str, Any] | aiomqtt.MqttError


class AnswerError(BrokerError):
    """The box that answered has no words for this sound."""


async def ask(
    broker: Broker,
    sound: bytes,
    *,
    language: str = "",
    patience: float = _PATIENCE_SECONDS,
    on_repeat: Callable[[], None] = lambda: None,
) -> Mapping[str, Any]:
    """What is said in `sound` (raw PCM of 16 bits, mono, 16 kHz), as `schemas/answer.json` states it.

    patience: seconds until the request is repeated. on_repeat: told of that. Raises BrokerError when nobody
    answers, and AnswerError.
    """
    if len(sound) > LARGEST_MESSAGE - _HEADER_BYTES:
        minutes = LARGEST_MESSAGE / (2 * SAMPLE_RATE * 60)
        raise BrokerError(f"the sound is too long for one message; allowed: {minutes:.0f} minutes")
    dialect = Dialect()
    name = secrets.token_hex(8)
    async with connected(broker, dialect, f"wallflower-ask-{name}") as client:
        if not dialect.has_properties:
            raise BrokerError(f"{broker.address} does not speak MQTT 5, which requests need")
        answer_to, correlation = f"{ROOT}/answers/{name}", secrets.token_bytes(16)
        await client.subscribe(answer_to, qos=1)
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ResponseTopic = answer_to
        properties.CorrelationData = correlation
        if language:
            properties.UserProperty = ("language", language)
        seconds = max(patience, _OF_ITS_LENGTH * len(sound) / (2 * SAMPLE_RATE))
        async with _answers(client, correlation) as answers:
            for attempt in range(_TRIES):
                if attempt:
                    on_repeat()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        return await _insist(
                            lambda: client.publish(SHARED_REQUESTS, sound, qos=1, properties=properties),
                            answers,
                        )
    raise BrokerError(f"no box at {broker.address} answered within {_TRIES * seconds:.0f} s")


async def _insist(
    send: Callable[[], Awaitable[None]], answers: "asyncio.Queue[_Answer]"
) -> Mapping[str, Any]:
    """Send the request until a box takes it; its answer. Raises AnswerError and aiomqtt.MqttError."""
    while True:
        await send()
        answer = await answers.get()
        if isinstance(answer, aiomqtt.MqttError):
            raise answer
        problem = answer.get("error")
        if problem is None:
            return answer
        if problem["code"] not in {BUSY, STOPPING}:
            raise AnswerError(f"box {answer['box']}: {problem['message']} ({problem['code']})")
        await asyncio.sleep(_BUSY_SECONDS)


def utterance_of(answer: Mapping[str, Any]) -> Utterance:
    """What an answer says. Raises AnswerError when it makes no sense."""
    try:
        passages = tuple(
            Passage(float(p["start"]), float(p["end"]), str(p["text"]), str(p["language"]))
            for p in answer["passages"]
        )
        return Utterance(str(answer["text"]), str(answer["language"]), float(answer["seconds"]), passages)
    except (KeyError, TypeError, ValueError) as error:
        raise AnswerError("the answer makes no sense; is the box of another version?") from error


@asynccontextmanager
async def _answers(client: aiomqtt.Client, correlation: bytes) -> AsyncIterator["asyncio.Queue[_Answer]"]:
    """What comes back, until the connection breaks. A queue, as a read of `client.messages` that is cancelled
    may take a message with it.
    """
    answers: asyncio.Queue[_Answer] = asyncio.Queue()

    async def read() -> None:
        try:
            async for message in client.messages:
                if getattr(message.properties, "CorrelationData", None) == correlation:
                    with contextlib.suppress(ValueError, RecursionError):
                        answers.put_nowait(json.loads(message.payload))
        except aiomqtt.MqttError as error:
            answers.put_nowait(error)

    reading = asyncio.create_task(read(), name="answers")
    try:
        yield answers
    finally:
        reading.cancel()
        await asyncio.wait([reading])
