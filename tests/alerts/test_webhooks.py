"""Webhooks against a real server."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.alerts.post_office import ALERT, Memory, Office, alert, is_signed, office, says
from wallflower.alerts.addresses import CheckedResolver, RefusedAddressError, check_address
from wallflower.alerts.letters import Letter, Letters, dead_letters
from wallflower.alerts.payload import payload_of
from wallflower.alerts.posting import Outcome, pool, post
from wallflower.alerts.targets import Target, targets_of
from wallflower.alerts.webhooks import Webhooks
from wallflower.bus import Bus
from wallflower.config import Options, OptionsError
from wallflower.config.identity import Identity
from wallflower.errors import DataDirError
from wallflower.listening.keeping import StoredState
from wallflower.storage.database import DATABASE_NAME, prepare

_BOX = Identity("0123abcd", "Kitchen")
_LETTER = Letter("t", "1-raised", payload_of(ALERT, _BOX), 0.0)
_MANY = 12


@asynccontextmanager
async def _posting(*targets: Target, memory: Any = None, first_pause: float = 0.01) -> AsyncIterator[Bus]:
    bus = Bus()
    hooks = Webhooks(targets, _BOX, Letters(memory or Memory()), first_pause=first_pause)
    task = asyncio.create_task(hooks.run(bus))
    await asyncio.sleep(0.01)
    try:
        yield bus
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _post(url: str, *, link_local: bool = False) -> Outcome:
    target = Target("t", url, link_local=link_local)
    async with pool([target]) as session:
        return await post(session, target, _LETTER)


def _ids(there: Office) -> list[str]:
    return [each["id"] for each in there.got]


async def test_an_alert_is_posted_signed_and_as_its_schema_says() -> None:
    schema = json.loads(files("wallflower.alerts").joinpath("alert.schema.json").read_text("utf-8"))
    async with office() as there, _posting(Target("t", there.url, "sesame")) as bus:
        bus.publish(ALERT)
        await there.until(lambda: len(there.got) == 1)
        _, headers, body = there.requests[0]
        assert headers["Content-Type"] == "application/json"
        assert headers["X-Wallflower-Delivery"] == f"{ALERT.id}-raised"
        assert is_signed("sesame", headers, body)
        assert not is_signed("Sesame", headers, body)
        jsonschema.validate(there.got[0], schema)
        assert there.got[0]["id"] == str(ALERT.id)
        assert datetime.fromisoformat(there.got[0]["at"]) == ALERT.at
        box = alert(2, source="", kind="trouble", utterance=None, detail=())
        jsonschema.validate(payload_of(box, _BOX), schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(payload_of(alert(3, phase="over"), _BOX), schema)


async def test_each_target_gets_what_it_wants() -> None:
    async with office() as all_, office() as some:
        wants = Target(
            "some", some.url, rules=frozenset({"fire"}), severity="critical", phases=frozenset({"raised"})
        )
        async with _posting(Target("all", all_.url), wants) as bus:
            for number, changes in enumerate(
                [{}, {"rule": "fire"}, {"rule": "fire", "severity": "critical"},
                 {"rule": "fire", "severity": "critical", "phase": "ended"}]
            ):  # fmt: skip
                bus.publish(alert(number, **changes))
            await all_.until(lambda: len(all_.got) == 4)
            await some.until(lambda: len(some.got) == 1)
        assert _ids(all_) == ["0", "1", "2", "3"]
        assert _ids(some) == ["2"]


async def test_it_is_tried_again_and_the_order_is_kept() -> None:
    async with office() as there, _posting(Target("t", there.url)) as bus:
        there.answers = [says(500), says(429, **{"Retry-After": "0"}), says(503)]
        for number in range(3):
            bus.publish(alert(number))
        await there.until(lambda: len(there.got) == 3)
        assert _ids(there) == ["0", "1", "2"]
        assert len(there.requests) == 6


@pytest.mark.parametrize(
    ("status", "headers", "attempts", "reason"),
    [
        (404, {}, 1, "HTTP 404"),
        (301, {"Location": "/elsewhere"}, 1, "it redirects by HTTP 301, which is not followed"),
        (307, {"Location": "http://localhost:1/"}, 1, "it redirects to another host, which is not followed"),
        (308, {"Location": "https://127.0.0.1/"}, 1, "it redirects to another host, which is not followed"),
        (307, {"Location": "/alerts"}, 1, "it redirects in circles"),
        (500, {}, 10, "HTTP 500"),
    ],
)
async def test_what_cannot_be_delivered_is_a_dead_letter(
    status: int, headers: dict[str, str], attempts: int, reason: str
) -> None:
    memory = Memory()
    async with office() as there, _posting(Target("t", there.url), memory=memory, first_pause=0.001) as bus:
        there.answers = [says(status, **headers)] * _MANY
        bus.publish(ALERT)
        await there.until(lambda: bool(dead_letters(memory.content)))
    (dead,) = dead_letters(memory.content)
    assert (dead.reason, dead.attempts) == (reason, attempts)
    said = {"summary", "detail"}  # what was said is not kept without need
    assert said <= payload_of(ALERT, _BOX).keys()
    assert dead.letter.payload == {
        name: value for name, value in payload_of(ALERT, _BOX).items() if name not in said
    }


async def test_a_redirect_on_the_same_host_is_followed() -> None:
    async with office() as there:
        there.answers = [says(307, Location="/new/place")]
        assert (await _post(there.url)).delivered
        assert there.requests[1][0] == "/new/place"


async def test_nobody_is_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    outcome = await _post(f"http://127.0.0.1:{port}/secret-path")
    assert outcome.again
    assert "secret" not in outcome.reason
    assert (await _post("http://no-such-host.invalid/")).again
    assert not (await _post("http://[::1")).again


async def test_a_server_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wallflower.alerts.posting._ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        outcome = await _post(f"http://127.0.0.1:{silent.getsockname()[1]}/")
    assert outcome == Outcome(False, "no answer within 0.2 s", again=True)


async def test_one_that_is_away_holds_up_no_other_and_its_letters_wait_for_the_next_start() -> None:
    memory = Memory()
    async with office() as well, office() as ill:
        ill.answers = [says(503)] * _MANY
        async with _posting(
            Target("ill", ill.url), Target("well", well.url), memory=memory, first_pause=60
        ) as bus:
            for number in range(3):
                bus.publish(alert(number))
            await well.until(lambda: len(well.got) == 3)
        assert [each["payload"]["id"] for each in memory.content["waiting"]] == ["0", "1", "2"]
        ill.answers = []
        async with _posting(Target("ill", ill.url), memory=memory):
            await ill.until(lambda: len(ill.got) == 3)
        assert memory.content == {"dead": [], "waiting": []}


async def test_too_many_letters_drive_out_the_oldest() -> None:
    memory = Memory()
    async with office() as there, _posting(Target("t", there.url), memory=memory, first_pause=60) as bus:
        there.answers = [says(503)]
        bus.publish(alert(0))
        await there.until(lambda: len(there.requests) == 1)
        for number in range(1, 203):
            bus.publish(alert(number))
        await there.until(lambda: len(dead_letters(memory.content)) == 3)
    assert [each.letter.payload["id"] for each in dead_letters(memory.content)] == ["1", "2", "3"]
    assert len(memory.content["waiting"]) == 200


async def test_a_memory_that_fails_or_is_damaged_stops_nothing() -> None:
    class Broken(Memory):
        async def load(self) -> Any:
            raise DataDirError("no")

        async def save(self, value: Any) -> None:
            raise DataDirError("no")

    damaged = Memory()
    damaged.content = {"dead": [1, {}, {"letter": {"target": "x"}}], "waiting": [None, {"target": "t"}]}
    for memory in (Broken(), damaged):
        async with office() as there, _posting(Target("t", there.url), memory=memory) as bus:
            there.answers = [says(404)]
            bus.publish(alert(1))
            bus.publish(alert(2))
            await there.until(lambda there=there: _ids(there) == ["2"])  # type: ignore[misc]


async def test_dead_letters_in_the_database(tmp_path: Path) -> None:
    prepare(tmp_path / DATABASE_NAME)
    memory = StoredState(tmp_path / DATABASE_NAME, "webhook_letters")
    async with office() as there, _posting(Target("t", there.url), memory=memory) as bus:
        there.answers = [says(410)]
        bus.publish(ALERT)
        async with asyncio.timeout(20):
            while not (dead := dead_letters(await memory.load())):
                await asyncio.sleep(0.01)
    assert dead[0].reason == "HTTP 410"


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254", "fd00:ec2::254",
     "100.100.100.200", "168.63.129.16", "0.0.0.0", "::", "224.0.0.1", "64:ff9b::a9fe:a9fe", "::a9fe:a9fe",
     "2002:a9fe:a9fe::1"],
)  # fmt: skip
async def test_addresses_of_the_link_and_of_metadata_are_refused(address: str) -> None:
    with pytest.raises(RefusedAddressError):
        check_address(address)
    if "%" not in address:
        host = f"[{address}]" if ":" in address else address
        outcome = await _post(f"http://{host}/latest/meta-data")
        assert not outcome.again
        assert "link_local" in outcome.reason


@pytest.mark.parametrize(
    "address", ["192.168.1.5", "10.0.0.1", "127.0.0.1", "::1", "93.184.215.14", "fd12::5"]
)
def test_addresses_of_the_house_and_of_the_world_are_not(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize("host", ["0xa9fea9fe", "rebound.test"])
async def test_what_a_name_stands_for_is_checked_after_it_was_looked_up(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """Also an address in a form that only the system's resolver understands."""
    lookup = socket.getaddrinfo

    def fake(name: str, port: int, *args: Any, **more: Any) -> Any:
        return lookup("169.254.169.254" if name == "rebound.test" else name, port, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", fake)
    outcome = await _post(f"http://{host}:1/")
    assert not outcome.again
    assert "169.254.169.254 is an address of the link" in outcome.reason


async def test_what_is_connected_to_is_what_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that means another address at each look-up is looked up once."""
    answers = ["127.0.0.1", "169.254.169.254"]
    asked: list[str] = []

    async def resolve(self: CheckedResolver, host: str, port: int = 0, family: Any = socket.AF_INET) -> Any:
        address = answers[len(asked)]
        asked.append(host)
        check_address(address)
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET,
                "proto": 0,
                "flags": 0,
            }
        ]

    monkeypatch.setattr(CheckedResolver, "resolve", resolve)
    async with office() as there:
        assert (await _post(f"http://rebound.test:{there.port}/")).delivered
    assert asked == ["rebound.test"]


async def test_link_local_may_be_allowed_for_one_target() -> None:
    resolver = CheckedResolver({"0xa9fea9fe"})
    assert (await resolver.resolve("0xa9fea9fe", 80))[0]["host"] == "169.254.169.254"
    await resolver.close()


def test_targets_of_the_options() -> None:
    given = {
        "url": "https://example.org/a?token=x",
        "secret": "s",
        "rules": "Help!, Fire",
        "phases": ["raised"],
        "severity": "critical",
        "link_local": "no",
    }
    one, two = targets_of(
        Options(webhooks=[given, {"url": "http://example.org/b", "phases": [], "name": None}])
    )
    assert one.name == "example.org"
    assert (one.rules, one.phases) == (frozenset({"help", "fire"}), frozenset({"raised"}))
    assert two.name == "example.org 2"
    assert len(two.phases) == 4
    assert "token" not in repr(one)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "'url' is missing"),
        ({"url": "ftp://user:hunter2@example.org"}, "'url' is (not shown); allowed: an http"),
        ({"url": "http://a", "secert": "x"}, "there is no setting 'secert'; did you mean 'secret'?"),
        ({"url": "http://a", "zzz": "x"}, "there is no setting 'zzz'; there are url"),
        ({"url": "http://a", "severity": "bad"}, "'severity' is (not shown); allowed: info, warning"),
    ],
)
def test_a_wrong_target_is_explained_without_secrets(given: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionsError) as caught:
        targets_of(Options(webhooks=[given], origins={"webhooks": "options.json"}))
    assert str(caught.value).startswith("options.json: option 'webhooks', entry 1: ")
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)
