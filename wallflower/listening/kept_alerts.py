"""Alerts, kept: each that is told on the bus, without what was said where that may not be kept."""

from collections.abc import Callable
from dataclasses import replace

from wallflower.bus import Bus
from wallflower.events import Alert
from wallflower.storage.recorder import Recorder


async def keep_alerts(bus: Bus, recorder: Recorder, keeps_words: Callable[[str], bool]) -> None:
    """Keep the alerts that are told on the bus, until cancelled.

    keeps_words: whether what is said at a source may be kept.
    """
    with bus.subscribe("kept alerts") as subscription:
        async for event in subscription.events():
            if isinstance(event, Alert):
                recorder.keep_alert(event if keeps_words(event.source) else _without_words(event))


def _without_words(alert: Alert) -> Alert:
    """What the rule asks for may be known, not what was said."""
    if alert.utterance is None:
        return alert
    detail = tuple((name, value) for name, value in alert.detail if name not in {"text", "heard"})
    return replace(alert, summary=f"{alert.source}: {alert.rule}", detail=detail)
