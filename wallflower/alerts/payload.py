"""An alert as JSON, for webhooks and for Home Assistant; `alert.schema.json` says what it looks like."""

from typing import Any

from wallflower.config.identity import Identity
from wallflower.events import Alert

VERSION = 1
"""Goes up when what was there before changes; what is added is ignored by who does not know it."""


def payload_of(alert: Alert, box: Identity) -> dict[str, Any]:
    """Ids are text, because JSON's readers may round large numbers; times are ISO 8601 with an offset."""
    return {
        "version": VERSION,
        "box": {"id": box.id, "name": box.name},
        "id": str(alert.id),
        "rule": alert.rule,
        "kind": alert.kind,
        "source": alert.source or None,
        "severity": alert.severity,
        "phase": alert.phase,
        "summary": alert.summary,
        "at": alert.at.isoformat(),
        "utterance": None if alert.utterance is None else str(alert.utterance),
        "detail": dict(alert.detail),
    }
