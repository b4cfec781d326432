"""Ways to a broker: TLS, certificates, passwords, an older protocol; and what is said when there is none."""

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.interfaces.mqtt.house import BOX, Mosquitto, free_port, open_door, watching
from wallflower.config import Options, OptionsError, load_options
from wallflower.interfaces.mqtt import connection
from wallflower.interfaces.mqtt.broker import Broker, BrokerError, broker_of, find_broker
from wallflower.interfaces.mqtt.connection import Dialect, connected, publish, subscribe
from wallflower.interfaces.mqtt.outbox import Message
from wallflower.listening.ears import Ears


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, and server and client, each .pem and .key, signed by it."""
    folder = tmp_path_factory.mktemp("certificates")
    _openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test ca",
        "-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.pem"),
    )  # fmt: skip
    for name in ("server", "client"):
        (folder / "ext").write_text("subjectAltName=IP:127.0.0.1\n")
        _openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
            "-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.csr"),
        )  # fmt: skip
        _openssl(
            "x509", "-req", "-in", str(folder / f"{name}.csr"), "-CA", str(folder / "ca.pem"),
            "-CAkey", str(folder / "ca.key"), "-CAcreateserial", "-days", "2",
            "-extfile", str(folder / "ext"), "-out", str(folder / f"{name}.pem"),
        )  # fmt: skip
        (folder / f"{name}.key").chmod(0o644)  # mosquitto gives up root's rights before it reads it
    for path in (folder, *folder.parents[:2]):
        path.chmod(0o755)
    return folder


@contextlib.asynccontextmanager
async def _running(folder: Path, *lines: str) -> AsyncIterator[Mosquitto]:
    mosquitto = Mosquitto(folder, free_port(), lines)
    await mosquitto.start()
    try:
        yield mosquitto
    finally:
        await mosquitto.kill()


def _options(url: str, **more: str) -> Options:
    return load_options(flags={"mqtt_url": url, **more}, environment={}, addon_options=Path("/nowhere"))


async def _why_not(broker: Broker, dialect: Dialect | None = None) -> str:
    with pytest.raises(BrokerError) as caught:
        async with connected(broker, dialect or Dialect(), "test"):
            pass
    return str(caught.value)


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """For those who never answer."""
    monkeypatch.setattr(connection, "_ANSWER_SECONDS", 2.0)


# The library leaves a socket whose handshake failed to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_tls_with_certificates_on_both_sides(tmp_path: Path, certificates: Path, ears: Ears) -> None:
    lines = (
        "allow_anonymous true", f"cafile {certificates}/ca.pem", f"certfile {certificates}/server.pem",
        f"keyfile {certificates}/server.key", "require_certificate true",
    )  # fmt: skip
    async with _running(tmp_path, *lines) as mosquitto:
        url = f"mqtts://127.0.0.1:{mosquitto.port}"
        own = {
            "mqtt_cert_file": str(certificates / "client.pem"),
            "mqtt_key_file": str(certificates / "client.key"),
        }
        ca = {"mqtt_ca_file": str(certificates / "ca.pem")}
        good = await find_broker(_options(url, **own, **ca), {})
        async with watching(good) as watcher, open_door(good, ears) as served:
            await watcher.message(f"{BOX}/status", status="online")
            assert served.changes[0].broker == url
        assert "certificate verify failed" in await _why_not(broker_of(_options(url, **own)))
        assert await _why_not(broker_of(_options(url, **ca)))
        assert await _why_not(Broker("127.0.0.1", mosquitto.port))


async def test_user_and_password(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(
        ["mosquitto_passwd", "-c", "-b", str(passwords), "ann", "s3cret"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    for path in (passwords, tmp_path, *tmp_path.parents[:2]):
        path.chmod(0o755)
    async with _running(tmp_path, "allow_anonymous false", f"password_file {passwords}") as mosquitto:
        url = f"mqtt://127.0.0.1:{mosquitto.port}"
        good = broker_of(_options(url, mqtt_user="ann", mqtt_password="s3cret"))
        assert "s3cret" not in repr(good) + good.address
        async with watching(good):
            pass
        for options in (_options(url, mqtt_user="ann", mqtt_password="wrong"), _options(url)):
            assert await _why_not(broker_of(options)) == "it refuses user and password"


async def test_nobody_there_and_no_such_host() -> None:
    assert "refused" in await _why_not(Broker("127.0.0.1", free_port()))
    assert await _why_not(Broker("no.such.host.invalid", 1883))
    assert await _why_not(Broker("x" * 80, 1883))


async def test_something_that_is_no_broker() -> None:
    dialect = Dialect()

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n" * 3)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        broker = Broker("127.0.0.1", server.sockets[0].getsockname()[1])
        for has_properties in (False, True):  # after the attempt: it may have been the version
            assert await _why_not(broker, dialect)
            assert dialect.has_properties is has_properties


async def test_a_broker_that_knows_only_the_older_protocol(mosquitto: Mosquitto, ears: Ears) -> None:
    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)
        writer.close()

    async def old_broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begin = await reader.readuntil(b"MQTT")
        version = await reader.readexactly(1)
        if version == b"\x05":
            writer.write(b"\x20\x02\x00\x01")  # CONNACK of 3.1.1: unacceptable protocol version
            writer.close()
            return
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", mosquitto.port)
        other_writer.write(begin + version)
        await asyncio.gather(copy(reader, other_writer), copy(other_reader, writer))

    server = await asyncio.start_server(old_broker, "127.0.0.1", 0)
    async with server:
        broker = Broker("127.0.0.1", server.sockets[0].getsockname()[1])
        async with watching(mosquitto.broker) as watcher:
            async with open_door(broker, ears) as served:
                await watcher.message(f"{BOX}/hall/state")
                await watcher.message(f"{BOX}/status", status="online")
                await watcher.client.publish(f"{BOX}/hall/silence/set", "2", qos=1)
                await watcher.message(f"{BOX}/hall/state", silence_minutes=2.0)
                assert [each.connected for each in served.changes] == [True]
            await watcher.message(f"{BOX}/status", status="offline")


@pytest.mark.parametrize(
    "url",
    [
        "host", "mqtt://", "http://host", "mqtt://user:pass@host", "mqtt://host/path", "mqtt://host:0",
        "mqtt://host:99999", "mqtts://host?x=1", "mqtt://@host",
    ],
)  # fmt: skip
def test_wrong_addresses(url: str) -> None:
    with pytest.raises(OptionsError, match="mqtt_url"):
        _options(url)


def test_ports_by_default() -> None:
    assert broker_of(_options("mqtt://host")).address == "mqtt://host:1883"
    assert broker_of(_options("mqtts://[::1]/")).address == "mqtts://[::1]:8883"


def test_wrong_files_are_named(tmp_path: Path, certificates: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    for name, path in (
        ("mqtt_ca_file", tmp_path / "none"),
        ("mqtt_ca_file", empty),
        ("mqtt_cert_file", empty),
        ("mqtt_cert_file", certificates / "client.pem"),  # has no key in it
        ("mqtt_key_file", certificates / "client.key"),
    ):
        with pytest.raises(OptionsError, match="mqtt_c"):
            broker_of(_options("mqtts://host", **{name: str(path)}))


@pytest.mark.parametrize("prefix", ["", "a/+/b", "#", "$SYS", "/"])
def test_wrong_prefixes(prefix: str) -> None:
    with pytest.raises(OptionsError, match="mqtt_discovery_prefix"):
        _options("mqtt://host", mqtt_discovery_prefix=prefix)


class _Supervisor:
    def __init__(self, answer: web.Response) -> None:
        self.answer = answer

    async def services(self, _request: web.Request) -> web.Response:
        return self.answer


@contextlib.asynccontextmanager
async def _supervisor(answer: web.Response) -> AsyncIterator[dict[str, str]]:
    """The environment of an add-on whose Supervisor answers so."""
    app = web.Application()
    app.router.add_get("/services/mqtt", _Supervisor(answer).services)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield {
        "SUPERVISOR_TOKEN": "t0ken",
        "SUPERVISOR_API": f"http://127.0.0.1:{runner.addresses[0][1]}",
    }
    await runner.cleanup()


async def test_the_supervisors_broker() -> None:
    data = {
        "addon": "core_mosquitto", "host": "core-mosquitto", "port": "1883", "ssl": False,
        "username": "addons", "password": "s3cret", "protocol": "3.1.1",
    }  # fmt: skip
    async with _supervisor(web.json_response({"result": "ok", "data": data})) as environment:
        assert await find_broker(_options(""), environment) == Broker(
            "core-mosquitto", 1883, "addons", "s3cret"
        )
    data["ssl"] = True
    async with _supervisor(web.json_response({"result": "ok", "data": data})) as environment:
        assert isinstance((await find_broker(_options(""), environment)).tls, ssl.SSLContext)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (web.json_response({"result": "error", "message": "no service"}, status=400), "install the add-on"),
        (web.json_response({"result": "error", "message": "broken"}, status=500), "broken"),
        (web.json_response({"result": "ok", "data": []}), "makes no sense"),
        (web.json_response({"result": "ok", "data": {"host": "h", "port": "x"}}), "makes no sense"),
    ],
)
async def test_a_supervisor_without_one(answer: web.Response, reason: str) -> None:
    async with _supervisor(answer) as environment:
        with pytest.raises(BrokerError, match=reason):
            await find_broker(_options(""), environment)


async def test_neither_options_nor_supervisor() -> None:
    with pytest.raises(OptionsError, match="mqtt_url"):
        await find_broker(_options(""), {})


class _AnswersAsTheStopComes:
    """A client whose broker acknowledges in the moment in which whoever waits is cancelled."""

    waiting: asyncio.Task[None]

    async def publish(self, *_message: Any, **_more: Any) -> None:
        loop = asyncio.get_running_loop()
        answer = loop.create_future()

        def both() -> None:
            answer.set_result(None)
            self.waiting.cancel()

        loop.call_soon(both)
        await asyncio.wait_for(answer, 10)

    async def subscribe(self, _topic: str, **_quality: int) -> None:
        await self.publish()


async def test_a_stop_that_comes_with_the_brokers_answer_is_heeded() -> None:
    client: Any = _AnswersAsTheStopComes()
    for call in (publish(client, Message("a/topic", b"")), subscribe(client, "a/topic")):
        client.waiting = asyncio.create_task(call)
        await asyncio.wait({client.waiting})
        assert client.waiting.cancelled()
