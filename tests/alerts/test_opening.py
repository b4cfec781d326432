"""All of it together, on a bus, with the database that a daemon has."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.alerts.post_office import office, says
from tests.homeassistant.conftest import TOKEN, House
from wallflower.alerts.opening import open_alerts
from wallflower.audio.source import SourceState
from wallflower.bus import Bus
from wallflower.cli.main import main
from wallflower.config import Options, OptionsError
from wallflower.config.identity import Identity
from wallflower.config.sources import SourceSettings
from wallflower.events import Alert, Heard, SourceStatus
from wallflower.listening.keeping import open_keeper
from wallflower.listening.kept_alerts import keep_alerts
from wallflower.listening.overlay import ConfiguredSource
from wallflower.listening.sources import SourceView
from wallflower.storage.alerts import list_alerts
from wallflower.storage.database import DATABASE_NAME, reading
from wallflower.storage.ids import new_id
from wallflower.supervision import supervised

_BOX = Identity("0123abcd", "Kitchen")
_HELP = {"name": "Help", "kind": "keyword", "words": "help"}


def _heard(text: str, source: str = "hall") -> Heard:
    end = datetime.now(UTC)
    start = end - timedelta(seconds=2)
    return Heard(new_id(start), source, start, end, text, "en", 0.0, 2.0)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def test_an_alert_is_stored_posted_and_told_and_shown(
    tmp_path: Path, house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    bus = Bus()
    async with office() as there:
        options = Options(
            alerts=[_HELP],
            webhooks=[{"url": there.url, "name": "flaky"}],
            home_assistant_url=house.url,
            home_assistant_token=TOKEN,
        )
        async with (
            open_keeper(options, tmp_path, lambda _happening: None) as keeper,
            open_alerts(options, tmp_path, _BOX, bus) as book,
            supervised("kept", lambda: keep_alerts(bus, keeper.recorder, lambda source: source == "hall")),
        ):
            await asyncio.sleep(0.05)
            there.answers = [says(410)]
            said = _heard("Help me!")
            await keeper.recorder.keep(said)
            bus.publish(said)
            await _until(lambda: len(there.got) == 1 and house.asked.count("fire_event") == 2)
            await book.create({"name": "Fire [x]", "kind": "keyword", "words": "fire"})
            bus.publish(_heard("A secret fire.", "bath"))  # which is not kept
            await _until(lambda: len(there.got) == 3)
    assert [each["phase"] for each in there.got] == ["confirmed", "raised", "confirmed"]
    async with reading(tmp_path / DATABASE_NAME) as db:
        fire, help_ = await list_alerts(db)
    assert (help_.summary, help_.phase, help_.utterance) == ("hall: “Help” was said", "confirmed", said.id)
    assert (fire.summary, dict(fire.detail)["phrase"]) == ("bath: fire_x", "fire")
    assert "secret" not in repr(fire)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WALLFLOWER_ALERTS", '[{"name": "Help", "kind": "keyword", "words": "help"}]')
        patch.setenv("COLUMNS", "200")
        assert await asyncio.to_thread(main, ["alerts", "--data-dir", str(tmp_path)]) == 0
        shown = capsys.readouterr().out
        for text in ("help", "options", "fire_x", "run time", "“Help” was said", "flaky", "HTTP 410"):
            assert text in shown
        assert await asyncio.to_thread(main, ["alerts", "--json", "--data-dir", str(tmp_path)]) == 0
        assert '"not_delivered"' in capsys.readouterr().out


def test_before_there_is_a_database_the_options_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["alerts", "--data-dir", str(tmp_path)]) == 0
    assert "none" in capsys.readouterr().out
    monkeypatch.setenv("WALLFLOWER_ALERTS", '[{"name": "Help", "kind": "keyword"}]')
    assert main(["alerts", "--data-dir", str(tmp_path)]) == 2
    assert "WALLFLOWER_ALERTS: option 'alerts', entry 1" in capsys.readouterr().err


async def test_wrong_options_are_told_before_anything_is_opened(tmp_path: Path) -> None:
    for wrong in (Options(alerts=[{"name": "x"}]), Options(webhooks=[{}])):
        with pytest.raises(OptionsError):
            async with open_alerts(wrong, tmp_path, _BOX, Bus()):
                pass


async def test_sources_that_are_there_already_are_known(tmp_path: Path) -> None:
    bus = Bus()
    down = SourceView(
        ConfiguredSource("hall", SourceSettings(name="Hall", url="push"), {}, frozenset()),
        SourceState(SourceStatus.FAILED, "gone"),
        None,
    )
    options = Options(alerts=[{"name": "Down", "kind": "source_down", "seconds": 0.1}])
    with bus.subscribe("test") as subscription:
        async with (
            open_keeper(options, tmp_path, lambda _happening: None),
            open_alerts(options, tmp_path, _BOX, bus, [down]),
        ):
            alert = await asyncio.wait_for(anext(subscription.events()), 20)
    assert isinstance(alert, Alert)
    assert (alert.rule, alert.source, alert.phase) == ("down", "hall", "raised")


async def test_run_time_rules_are_there_after_a_restart(tmp_path: Path) -> None:
    async with open_keeper(Options(), tmp_path, lambda _happening: None):
        async with open_alerts(Options(), tmp_path, _BOX, Bus()) as book:
            await book.create(_HELP)
        async with open_alerts(Options(), tmp_path, _BOX, Bus()) as book:
            assert list(book.entries) == ["help"]
