"""Alerts about the box."""

from tests.alerts.stage import Stage
from wallflower.alerts.reading import read_rule
from wallflower.events import (
    DatabaseSetAside,
    EngineInUse,
    EngineSetAside,
    PowerStep,
    SourceRemoved,
    StorageFailing,
    StorageWorking,
)


def test_what_lasts_ends_and_is_told_once() -> None:
    stage = Stage({"kind": "trouble"})
    stage.play(1, StorageFailing("disk full"))
    stage.play(2, StorageFailing("disk full"))
    stage.play(3, PowerStep(1, "85 °C"))
    stage.play(4, PowerStep(2, "90 °C"))
    stage.play(5, EngineSetAside("openvino:cpu:whisper", "it crashed", 60))
    stage.play(6, EngineInUse("moonshine:cpu:tiny"))
    stage.play(7, StorageWorking(0))
    stage.play(8, PowerStep(0, ""))
    stage.play(9, EngineInUse("openvino:cpu:whisper"))
    assert stage.phases == [
        ("raised", 1), ("raised", 3), ("raised", 5), ("ended", 7), ("ended", 8), ("ended", 9)
    ]  # fmt: skip
    assert [dict(alert.detail)["trouble"] for alert in stage.told[:3]] == ["storage", "heat", "engine"]
    assert {alert.source for alert in stage.told} == {""}
    stage.play(10, DatabaseSetAside("wallflower.db.broken"))
    stage.play(11, DatabaseSetAside("wallflower.db.broken"))
    assert [alert.phase for alert in stage.told[6:]] == ["raised", "raised"]


def test_only_what_is_asked_for() -> None:
    stage = Stage({"kind": "trouble", "troubles": "heat"})
    stage.play(1, StorageFailing("disk full"))
    stage.play(2, PowerStep(1, "85 °C"))
    assert [alert.summary for alert in stage.told] == ["the box uses less of itself"]
    stage.watch.use([read_rule({"name": "r", "kind": "trouble"})], stage.moment(3))
    assert stage.phases == [("raised", 2), ("ended", 3)]


def test_a_source_whose_words_come_late() -> None:
    stage = Stage({"kind": "trouble", "seconds": 8, "troubles": "lag", "sources": "hall"})
    stage.heard(3, 1, "a", 0, 1)
    stage.heard(20, 2, "b", 10, 11)
    stage.heard(28, 3, "c", 20, 21)  # between: neither nor
    stage.heard(40, 3, "c", 20, 21, revision=1)
    stage.heard(40.5, 5, "of", 20, 21, continued=True)  # the last part tells how late they are
    stage.heard(41, 4, "d", 38, 39)
    assert stage.phases == [("raised", 20), ("ended", 41)]
    assert stage.told[0].summary == "hall: the words come 9 s after the sound"
    stage.heard(60, 5, "e", 40, 41)
    stage.play(61, SourceRemoved("hall", stage.at(61)))
    stage.source = "cellar"
    stage.heard(80, 6, "f", 60, 61)
    assert stage.phases[2:] == [("raised", 60), ("ended", 61)]
