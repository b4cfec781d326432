"""What happens to the box is logged once, told to whoever asks, and kept while the daemon runs."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wallflower.events import BrokerChanged, EngineInUse, EngineSetAside, PowerStep
from wallflower.interfaces.wyoming.info import info_of
from wallflower.listening.bulletin import Bulletin
from wallflower.listening.condition import (
    FILE,
    Condition,
    forget_condition,
    keep_condition,
    kept_condition,
    sentence_about,
)
from wallflower.listening.ears import Ears
from wallflower.models.catalog import find_model
from wallflower.supervision import supervised

_ASIDE = EngineSetAside("openvino:gpu:x", "the device is lost", 30.2)


async def _kept(home: Path, **wanted: object) -> Condition:
    """What is kept, once it is as wanted."""
    async with asyncio.timeout(20):
        while True:
            kept = kept_condition(home)
            if kept is not None and all(getattr(kept, name) == value for name, value in wanted.items()):
                return kept
            await asyncio.sleep(0.01)


async def test_each_happening_is_one_line(tmp_path: Path, log_output: list[dict[str, Any]]) -> None:
    bulletin = Bulletin(tmp_path)
    for happening in (_ASIDE, EngineInUse("moonshine:cpu:y"), PowerStep(2, "82 °C")):
        bulletin.tell(happening)
    assert [(line["event"], line["log_level"]) for line in log_output] == [
        ("engine set aside", "warning"), ("engine in use", "info"), ("power step", "warning"),
    ]  # fmt: skip
    assert log_output[0]["retry_after_s"] == 30


async def test_the_connection_to_the_broker_is_part_of_the_condition(
    tmp_path: Path, log_output: list[dict[str, Any]]
) -> None:
    bulletin, said = Bulletin(tmp_path), []
    for change in (
        BrokerChanged(connected=False, broker="", reason="no broker"),
        BrokerChanged(connected=True, broker="mqtt://host:1883"),
        BrokerChanged(connected=False, broker="mqtt://host:1883", reason="the connection broke"),
    ):
        bulletin.tell(change)
        said.append(bulletin.condition.mqtt)
    assert said == [
        "not connected to a broker: no broker",
        "connected to mqtt://host:1883",
        "not connected to mqtt://host:1883: the connection broke",
    ]
    assert [line["event"] for line in log_output] == [
        "MQTT not connected", "MQTT connected", "MQTT not connected",
    ]  # fmt: skip


async def test_the_condition_is_kept_as_it_changes_and_forgotten_at_the_end(
    tmp_path: Path, ears: Ears
) -> None:
    bulletin = Bulletin(tmp_path)
    bulletin.about(ears.decoders)
    keeping = asyncio.create_task(bulletin.keep())
    assert (await _kept(tmp_path)).in_use == "moonshine:cpu:moonshine-tiny-en"
    bulletin.tell(PowerStep(2, "82 °C"))
    kept = await _kept(tmp_path, power_step=2)
    assert sentence_about(kept) == "power step 2: 82 °C"
    bulletin.tell(PowerStep(0, "60 °C, cool again"))
    assert sentence_about(await _kept(tmp_path, power_step=0)) == ""
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    assert kept_condition(tmp_path) is None
    assert not (tmp_path / FILE).exists()


async def test_a_disk_that_was_full_gets_it_later(
    tmp_path: Path, ears: Ears, log_output: list[dict[str, Any]]
) -> None:
    bulletin = Bulletin(tmp_path)
    bulletin.about(ears.decoders)
    (tmp_path / FILE).mkdir()  # it cannot be written
    async with supervised("condition", bulletin.keep, first_pause=0.01):
        while not log_output:
            await asyncio.sleep(0.01)
        (tmp_path / FILE).rmdir()
        assert (await _kept(tmp_path)).in_use == "moonshine:cpu:moonshine-tiny-en"


def test_before_the_engines_are_loaded(tmp_path: Path) -> None:
    assert Bulletin(tmp_path).condition == Condition("")


def test_info_says_what_is_wrong() -> None:
    model = find_model("moonshine-tiny-en")
    assert info_of(model).asr[0].description == "Local speech recognition by Wallflower"
    condition = Condition("moonshine:cpu:y", set_aside={_ASIDE.engine: _ASIDE.reason})
    told = info_of(model, trouble=sentence_about(condition)).asr[0].description
    assert told is not None
    assert told.endswith("by Wallflower; openvino:gpu:x is set aside: the device is lost")


def test_what_a_daemon_left_that_was_killed_is_not_believed(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, sys; from wallflower.listening.condition import Condition, keep_condition\n"
        "keep_condition(pathlib.Path(sys.argv[1]), Condition('a')); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert json.loads((tmp_path / FILE).read_text())["in_use"] == "a"
    assert kept_condition(tmp_path) is None


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", f'{{"pid": {os.getpid()}}}', '{"pid": "1", "in_use": "a"}']
)
def test_damage_is_no_condition(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    assert kept_condition(tmp_path) is None


def test_there_and_back(tmp_path: Path) -> None:
    condition = Condition("a", "b", {"c": "d"}, 1, "e")
    keep_condition(tmp_path, condition)
    assert kept_condition(tmp_path) == condition
    forget_condition(tmp_path)
    forget_condition(tmp_path)  # twice is once
    assert kept_condition(tmp_path) is None
