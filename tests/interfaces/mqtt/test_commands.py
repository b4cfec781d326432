"""Commands come by MQTT, are checked, and change what they should or nothing."""

import pytest

from tests.interfaces.mqtt.house import BOX, House, Mosquitto, open_door, validator, watching
from wallflower.interfaces.mqtt.commands import CommandError, obey
from wallflower.interfaces.mqtt.controls import SourceCard
from wallflower.interfaces.mqtt.topics import Topics
from wallflower.listening.ears import Ears

_TOPICS = Topics("0123abcd", "homeassistant")


async def _obey(house: House, topic: str, payload: str, *, retained: bool = False) -> None:
    await obey(f"{BOX}/{topic}", payload.encode(), _TOPICS, house.controls(), retained=retained)


@pytest.fixture
def house() -> House:
    return House({"hall": SourceCard("hall", "Hall")})


@pytest.mark.parametrize(
    ("name", "payload", "field", "value"),
    [
        ("listening", "OFF", "listening", False),
        ("listening", "on", "listening", True),
        ("silence", "2.5", "silence_minutes", 2.5),
        ("silence", "0.30000001", "silence_minutes", 0.3),
        ("sensitivity", "aggressive", "sensitivity", "aggressive"),
        ("keywords", "help, fire ,help", "keywords", ("help", "fire")),
        ("keywords", '["a, b", "c"]', "keywords", ("a, b", "c")),
        ("keywords", "", "keywords", ()),
    ],
)
async def test_of_a_source(house: House, name: str, payload: str, field: str, value: object) -> None:
    await _obey(house, f"hall/{name}/set", payload)
    assert getattr(house.cards["hall"], field) == value


@pytest.mark.parametrize(
    ("name", "payload", "asked"),
    [
        ("listening", "OFF", ("listen", False)),
        ("restart", "PRESS", ("restart", None)),
        ("calibrate", "PRESS", ("calibrate", None)),
        ("power", "powersave", ("choose_power", "powersave")),
        ("tier", "by power", ("choose_tier", "by power")),
    ],
)
async def test_of_the_box(house: House, name: str, payload: str, asked: tuple[str, object]) -> None:
    await _obey(house, f"{name}/set", payload)
    assert house.asked == [asked]


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("hall/silence/set", "-1", "a number of minutes up to 1440"),
        ("hall/silence/set", "nan", "a number of minutes"),
        ("hall/silence/set", "1e400", "a number of minutes"),
        ("hall/listening/set", "maybe", "allowed: ON or OFF"),
        ("hall/sensitivity/set", "", "relaxed, default, aggressive"),
        ("hall/keywords/set", "[1]", "words or phrases"),
        ("hall/keywords/set", "x" * 5000, "words or phrases"),
        ("hall/keywords/set", "[" * 4000, "words or phrases"),
        ("hall/volume/set", "1", "no command 'volume'; allowed: listening, silence, sensitivity, keywords"),
        ("attic/listening/set", "ON", "no source 'attic'"),
        ("restart/set", "", "allowed: PRESS"),
        ("tier/set", "best", "accuracy, balanced, speed, by power"),
        ("explode/set", "PRESS", "no command 'explode'"),
    ],
)
async def test_a_bad_one_says_what_is_allowed_and_changes_nothing(
    house: House, topic: str, payload: str, reason: str
) -> None:
    before = dict(house.cards)
    with pytest.raises(CommandError) as caught:
        await _obey(house, topic, payload)
    assert reason in str(caught.value)
    assert (house.cards, house.asked) == (before, [])


async def test_bytes_that_are_no_text(house: House) -> None:
    with pytest.raises(CommandError, match="allowed: ON or OFF"):
        await obey(f"{BOX}/listening/set", b"\xff\xfe", _TOPICS, house.controls(), retained=False)


async def test_a_retained_one_is_refused(house: House) -> None:
    with pytest.raises(CommandError, match="retained"):
        await _obey(house, "restart/set", "PRESS", retained=True)
    assert house.asked == []


async def test_by_the_broker(mosquitto: Mosquitto, ears: Ears, house: House) -> None:
    async with watching(mosquitto.broker) as watcher:
        await watcher.client.publish(f"{BOX}/restart/set", "PRESS", qos=1, retain=True)
        async with open_door(mosquitto.broker, ears, house):
            refused = await watcher.message(f"{BOX}/error", topic=f"{BOX}/restart/set")
            validator("error").validate(refused)
            await watcher.client.publish(f"{BOX}/hall/silence/set", "1.5", qos=1)
            state = await watcher.message(f"{BOX}/hall/state", silence_minutes=1.5)
            assert state["listening"] is True
            await watcher.client.publish(f"{BOX}/hall/silence/set", "soon", qos=1)
            await watcher.message(f"{BOX}/error", topic=f"{BOX}/hall/silence/set")
            await watcher.client.publish(f"{BOX}/hall/keywords/set", "refuse", qos=1)
            refused = await watcher.message(f"{BOX}/error", topic=f"{BOX}/hall/keywords/set")
            assert refused["message"] == "not this word"
            await watcher.client.publish(f"{BOX}/hall/listening/set", "OFF", qos=1)
            await watcher.message(f"{BOX}/hall/state", listening=False)
            assert (await watcher.message(f"{BOX}/state", listening=False))["power"] == "balanced"
        assert house.asked == []
        assert house.cards["hall"].silence_minutes == 1.5
