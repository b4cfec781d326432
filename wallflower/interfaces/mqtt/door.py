"""The door itself: keeps a connection to the broker, and passes on what comes from either side."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from functools import partial

import aiomqtt
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from wallflower.bus import Bus, Subscription
from wallflower.config.identity import Identity
from wallflower.errors import WallflowerError
from wallflower.events import BrokerChanged
from wallflower.interfaces.mqtt import payloads
from wallflower.interfaces.mqtt.broker import Broker
from wallflower.interfaces.mqtt.commands import CommandError, command_topics, is_command, obey
from wallflower.interfaces.mqtt.connection import (
    Dialect,
    connected,
    goodbye,
    publish,
    subscribe,
)
from wallflower.interfaces.mqtt.controls import Controls
from wallflower.interfaces.mqtt.outbox import Message, Outbox
from wallflower.interfaces.mqtt.people import Asked, People
from wallflower.interfaces.mqtt.reporter import Reporter
from wallflower.interfaces.mqtt.topics import SHARED_REQUESTS, SHARED_SUBSCRIPTION, Topics
from wallflower.interfaces.mqtt.transcribing import Request, Transcriber

_LOG = structlog.get_logger(__name__)

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 15.0
_STEADY_SECONDS = 30.0
_LOOK_SECONDS = 30.0
_BIRTH_DELAY_SECONDS = (0.5, 3.0)
"""Home Assistant asks all devices at once to introduce themselves: not all shall answer at once."""
_OTHERS_SECONDS = 12.0
"""After a broker was away, those who listen to it come back at their own pace, Home Assistant within 10 s.
Utterances and alerts, which a broker does not retain, wait so long for them."""
_MOST_COMMANDS = 100


class Door:
    """Use: `run`, once or again after it failed. Messages that wait survive that."""

    def __init__(
        self,
        bus: Bus,
        identity: Identity,
        controls: Controls,
        transcriber: Transcriber,
        find_broker: Callable[[], Awaitable[Broker]],
        *,
        discovery_prefix: str,
        on_change: Callable[[BrokerChanged], None],
        others_seconds: float = _OTHERS_SECONDS,
    ) -> None:
        """find_broker: asked before each attempt; raises WallflowerError. others_seconds: for others to come
        back after the broker did.
        """
        self._bus = bus
        self._controls = controls
        self._transcriber = transcriber
        self._find_broker = find_broker
        self._on_change = on_change
        self._others_seconds = others_seconds
        self._topics = Topics(identity.id, discovery_prefix)
        self._identifier = f"wallflower-{identity.id}"
        self._dialect = Dialect()
        self._outbox = Outbox()
        self._reporter = Reporter(identity, self._topics, controls, self._outbox)
        self._people = People(identity.id, controls.desk, self._answer_about_people)
        self._commands: asyncio.Queue[aiomqtt.Message] = asyncio.Queue(_MOST_COMMANDS)
        self._told: BrokerChanged | None = None
        self._had_a_broker = False
        self._ending = False

    async def run(self) -> None:
        """Tell and listen until cancelled; then say goodbye."""
        self._ending = False
        with self._bus.subscribe("mqtt") as subscription:
            await self._reporter.look()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._report(subscription))
                tasks.create_task(self._look_now_and_then())
                tasks.create_task(self._obey_all())
                tasks.create_task(self._people.run())
                tasks.create_task(self._stay_connected())
                try:
                    await asyncio.get_running_loop().create_future()
                finally:
                    self._ending = True

    async def _report(self, subscription: Subscription) -> None:
        lost = 0
        async for event in subscription.events():
            self._reporter.take(event)
            if self._outbox.lost > lost:
                if not lost:
                    _LOG.warning("too much is waiting for the MQTT broker: the oldest is left out")
                lost = self._outbox.lost

    async def _look_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self._reporter.look()

    async def _stay_connected(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            begun = time.monotonic()
            broker = None
            try:
                broker = await self._find_broker()
                await self._connect(broker)
            except WallflowerError as error:
                if self._ending:  # it broke while it was ended
                    return
                self._tell(
                    BrokerChanged(connected=False, broker=broker.address if broker else "", reason=str(error))
                )
            if time.monotonic() - begun > _STEADY_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _tell(self, change: BrokerChanged) -> None:
        if change != self._told:  # each attempt fails for the same reason
            self._told = change
            self._on_change(change)

    async def _connect(self, broker: Broker) -> None:
        """Serve one connection. Raises BrokerError when it cannot be had, or breaks."""
        status = self._topics.status
        will = Message(status, payloads.encoded(payloads.status(online=False)), retain=True)
        async with connected(broker, self._dialect, self._identifier, will=will) as client:
            self._tell(BrokerChanged(connected=True, broker=broker.address))
            others_seconds = self._others_seconds if self._had_a_broker else 0.0
            self._had_a_broker = True
            self._outbox.hold_kept()
            self._outbox.say_all_states()
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._receive(client, tasks))
                    tasks.create_task(self._outbox.send(partial(publish, client)))
                    await self._subscribe(client)
                    online = payloads.encoded(payloads.status(online=True))
                    await publish(client, Message(status, online, retain=True))
                    await asyncio.sleep(others_seconds)
                    self._outbox.release_kept()
            finally:
                await goodbye(client, will)

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        topics = self._topics
        wanted = [*command_topics(topics), topics.home_assistant, topics.of_source("+", "state")]
        if self._dialect.has_properties:  # a request without them cannot say where the answer shall go
            wanted += [topics.of_box("transcribe"), SHARED_SUBSCRIPTION]
        for topic in wanted:
            await subscribe(client, topic)

    async def _receive(self, client: aiomqtt.Client, tasks: asyncio.TaskGroup) -> None:
        """Sort what comes in. Raises aiomqtt.MqttError when the connection breaks."""
        topics = self._topics
        async for message in client.messages:
            topic = message.topic.value
            if topic == topics.speakers_requests:
                self._ask_about_people(message)
            elif is_command(topic):
                if self._commands.full():
                    self._refuse(topic, "too many commands at once")
                else:
                    self._commands.put_nowait(message)
            elif topic in {topics.of_box("transcribe"), SHARED_REQUESTS}:
                tasks.create_task(self._answer(client, message))
            elif topic == topics.home_assistant:
                if _bytes(message) == b"online" and not message.retain:
                    tasks.create_task(self._introduce())
            elif message.retain and _bytes(message) and not self._reporter.knows(topic.split("/")[2]):
                self._reporter.forget(topic.split("/")[2])  # it went while we were away

    async def _introduce(self) -> None:
        """Home Assistant is back, and knows nothing."""
        await asyncio.sleep(random.uniform(*_BIRTH_DELAY_SECONDS))
        self._outbox.say_all_states()
        self._outbox.release_kept()

    async def _obey_all(self) -> None:
        while True:
            message = await self._commands.get()
            topic = message.topic.value
            try:
                await obey(topic, _bytes(message), self._topics, self._controls, retained=message.retain)
            except WallflowerError as error:
                self._refuse(topic, str(error))
            await self._reporter.look()

    def _refuse(self, topic: str, reason: str) -> None:
        _LOG.warning("MQTT command refused", topic=topic, reason=reason)
        self._outbox.say(self._topics.of_box("error"), payloads.encoded(payloads.error(topic, reason)), qos=1)

    def _ask_about_people(self, message: aiomqtt.Message) -> None:
        if message.retain:  # it would come again at each connection
            self._refuse(message.topic.value, "a request must not be retained")
        else:
            answer_to, correlation = _asker(message)
            self._people.take(Asked(_bytes(message), answer_to, correlation))

    def _answer_about_people(self, asked: Asked, answer: payloads.Payload) -> None:
        if asked.answer_to:
            encoded = payloads.encoded(answer)
            self._outbox.say(asked.answer_to, encoded, qos=1, correlation=asked.correlation)
        elif "error" in answer:
            self._refuse(self._topics.speakers_requests, answer["error"]["message"])

    async def _answer(self, client: aiomqtt.Client, message: aiomqtt.Message) -> None:
        async def send(request: Request, answer: payloads.Payload) -> None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            if request.correlation:
                properties.CorrelationData = request.correlation
            await client.publish(request.answer_to, payloads.encoded(answer), qos=1, properties=properties)

        try:
            request = _request(message)
        except CommandError as error:
            self._refuse(message.topic.value, str(error))
        else:
            await self._transcriber.serve(request, send)


def _request(message: aiomqtt.Message) -> Request:
    """Raises CommandError when it is none, or nobody could be answered."""
    if message.retain:  # it would come again at each connection
        raise CommandError("a request must not be retained")
    answer_to, correlation = _asker(message)
    if not answer_to:
        raise CommandError("a request needs a response topic (MQTT 5)")
    user = dict(getattr(message.properties, "UserProperty", []))
    return Request(_bytes(message), answer_to, correlation, str(user.get("language", "")))


def _asker(message: aiomqtt.Message) -> tuple[str, bytes]:
    """The response topic, empty when there is none to which an answer may go, and the correlation data."""
    properties = message.properties
    answer_to = getattr(properties, "ResponseTopic", "")
    if answer_to.startswith("$") or set("+#") & set(answer_to) or len(answer_to) > 1000:
        answer_to = ""
    return answer_to, bytes(getattr(properties, "CorrelationData", b""))


def _bytes(message: aiomqtt.Message) -> bytes:
    return bytes(message.payload)
