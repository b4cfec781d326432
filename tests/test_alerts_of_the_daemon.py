"""Alerts of a daemon that is a process of its own: from a file's sound to a webhook, and what is kept."""

import asyncio
import json
import signal
from pathlib import Path

import pytest

from tests.alerts.post_office import is_signed, office
from tests.test_daemon import _daemon
from wallflower.cli.main import main


async def test_what_a_source_hears_is_posted_and_kept(
    own_data_dir: Path, two_cities: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = [
        {"name": "Best of times", "kind": "keyword", "words": "best of times, best of dimes"},
        {"name": "Nobody", "kind": "silence", "minutes": 5},
    ]
    async with office() as there:
        flags = {
            "sources": [{"name": "Story", "url": two_cities.as_uri()}],
            "source_folders": [str(two_cities.parent)],
            "alerts": rules,
            "webhooks": [{"url": there.url, "secret": "sesame", "rules": ["Best of times"]}],
        }
        for name, value in flags.items():
            monkeypatch.setenv(f"WALLFLOWER_{name.upper()}", json.dumps(value))
        async with _daemon(own_data_dir) as daemon:
            await there.until(lambda: len(there.got) >= 2, seconds=120)
            daemon.process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(daemon.process.wait(), 20) == 0
            assert daemon.process.stderr is not None
            log = json.dumps(daemon.lines) + (await daemon.process.stderr.read()).decode()
    assert [(each["source"], each["phase"]) for each in there.got] == [
        ("story", "raised"),
        ("story", "confirmed"),
    ]
    _, headers, body = there.requests[0]
    assert is_signed("sesame", headers, body)
    assert "of times" not in log
    assert await asyncio.to_thread(main, ["alerts", "--json", "--data-dir", str(own_data_dir)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [each["slug"] for each in shown["rules"]] == ["best_of_times", "nobody"]
    assert [each["phase"] for each in shown["alerts"]] == ["confirmed"]
    assert shown["not_delivered"] == []


def test_a_wrong_alert_is_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WALLFLOWER_ALERTS", '[{"name": "x", "kind": "loud", "dbfs": 7}]')
    assert main(["run", "--data-dir", str(tmp_path), "--offline", "--uri", "tcp://127.0.0.1:0"]) == 2
    assert "option 'alerts', entry 1: 'dbfs' is 7; allowed" in capsys.readouterr().err
