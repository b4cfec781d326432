"""One connection to a broker, by MQTT 5 where it speaks that, else 3.1.1."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from wallflower.interfaces.mqtt.broker import Broker, BrokerError
from wallflower.interfaces.mqtt.outbox import Message

LARGEST_MESSAGE = 32 << 20
"""Bytes; a larger one is not delivered to us by a broker that speaks MQTT 5."""

_KEEPALIVE_SECONDS = 15
_ANSWER_SECONDS = 10.0
_GOODBYE_SECONDS = 2.0
_MOST_INCOMING = 200
_UNSUPPORTED = {1, 132}  # CONNACK's return code in 3.1.1, reason code in 5
_BAD_LOGIN = {4, 5, 134, 135}

_LOG = logging.getLogger(__name__)
_LOG.setLevel(logging.ERROR)  # the libraries' own words; what matters is told by whoever connects


class Dialect:
    """Which version of the protocol a broker understands, as far as was found out."""

    def __init__(self) -> None:
        self.version = aiomqtt.ProtocolVersion.V5
        self._known = False

    @property
    def has_properties(self) -> bool:
        """Whether messages may have properties: response topics, correlation data."""
        return self.version is aiomqtt.ProtocolVersion.V5

    def refused(self) -> None:
        """The broker said that it does not understand MQTT 5."""
        self.version, self._known = aiomqtt.ProtocolVersion.V311, True

    def unanswered(self) -> None:
        """Old brokers hang up on a version that they do not know: the other one is tried the next time."""
        if not self._known:
            five, three = aiomqtt.ProtocolVersion.V5, aiomqtt.ProtocolVersion.V311
            self.version = three if self.has_properties else five

    def ended(self) -> None:
        """A connection ended. That the broker does not speak MQTT 5 may have been a guess."""
        if not self._known:
            self.version = aiomqtt.ProtocolVersion.V5


@asynccontextmanager
async def connected(
    broker: Broker, dialect: Dialect, identifier: str, *, will: Message | None = None
) -> AsyncIterator[aiomqtt.Client]:
    """A connection with a clean session. It ends with a DISCONNECT, after which there is no last will.

    identifier: another connection with the same one takes this one's place. Raises BrokerError when there is
    none, and in the block when it breaks.
    """
    try:
        async with _client(broker, dialect, identifier, will) as client:
            yield client
    except* aiomqtt.MqttError as group:
        raise BrokerError(_reason(group)) from None


@asynccontextmanager
async def _client(
    broker: Broker, dialect: Dialect, identifier: str, will: Message | None
) -> AsyncIterator[aiomqtt.Client]:
    try:
        client = _new_client(broker, dialect, identifier, will)
        await _stoppable(client.__aenter__())
    except aiomqtt.MqttCodeError as error:
        if not dialect.has_properties or _code(error) not in _UNSUPPORTED:
            raise
        dialect.refused()
        client = _new_client(broker, dialect, identifier, will)
        await _stoppable(client.__aenter__())
    except ValueError as error:  # a name that no host can have
        raise aiomqtt.MqttError(str(error)) from error
    except aiomqtt.MqttError as error:
        if "timed out" in str(error):
            dialect.unanswered()
        raise
    try:
        yield client
    finally:
        dialect.ended()
        client.timeout = _GOODBYE_SECONDS
        with contextlib.suppress(aiomqtt.MqttError):
            await client.__aexit__(None, None, None)


def _new_client(broker: Broker, dialect: Dialect, identifier: str, will: Message | None) -> aiomqtt.Client:
    properties = None
    if dialect.has_properties:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.MaximumPacketSize = LARGEST_MESSAGE
    client = aiomqtt.Client(
        broker.host,
        broker.port,
        username=broker.user or None,
        password=broker.password or None,
        identifier=identifier,
        protocol=dialect.version,
        clean_session=None if dialect.has_properties else True,
        properties=properties,
        will=aiomqtt.Will(will.topic, will.payload, will.qos, will.retain) if will else None,
        keepalive=_KEEPALIVE_SECONDS,
        timeout=_ANSWER_SECONDS,
        max_queued_incoming_messages=_MOST_INCOMING,
        tls_context=broker.tls,
        logger=_LOG,
    )
    client.pending_calls_threshold = 1000  # how many there are is the outbox's business
    # Nobody may be left to be told why it ended, which asyncio would report with a traceback.
    client._disconnected.add_done_callback(lambda end: end.cancelled() or end.exception())  # noqa: SLF001
    return client


def _code(error: aiomqtt.MqttCodeError) -> int | None:
    return error.rc.value if isinstance(error.rc, ReasonCode) else error.rc


def _reason(group: BaseExceptionGroup[aiomqtt.MqttError]) -> str:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, aiomqtt.MqttCodeError) and _code(error) in _BAD_LOGIN:
        return "it refuses user and password"
    cause = error.__cause__ if isinstance(error.__cause__, aiomqtt.MqttCodeError) else error
    text = str(cause)
    if text.startswith("["):  # a code, and then what it means
        text = text.partition("] ")[2]
    if "timed out" in text:
        return f"no answer within {_ANSWER_SECONDS:g} s"
    return {"": type(error).__name__, "Unspecified error": "the connection broke"}.get(text, text)


async def publish(client: aiomqtt.Client, message: Message) -> None:
    """Send a message; at QoS 1, until it is acknowledged. Raises aiomqtt.MqttError."""
    properties = None
    if message.correlation:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.CorrelationData = message.correlation
    await _stoppable(
        client.publish(message.topic, message.payload, message.qos, message.retain, properties=properties)
    )


async def subscribe(client: aiomqtt.Client, topic: str) -> None:
    """Have what comes under a topic, at QoS 1. Raises aiomqtt.MqttError."""
    await _stoppable(client.subscribe(topic, qos=1))


async def _stoppable(call: Coroutine[Any, Any, Any]) -> None:
    """Wait for a call of the library. It uses `asyncio.wait_for`, which in Python 3.11 forgets a cancellation
    that comes together with the broker's answer; this does not.
    """
    task = asyncio.create_task(call)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.add_done_callback(lambda end: end.cancelled() or end.exception())
        task.cancel()
        raise
    task.result()


async def goodbye(client: aiomqtt.Client, message: Message) -> None:
    """Send a last message if the connection still carries it."""
    try:
        async with asyncio.timeout(_GOODBYE_SECONDS):
            await publish(client, message)
    except (aiomqtt.MqttError, TimeoutError):
        pass
