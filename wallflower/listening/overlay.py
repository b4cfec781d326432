"""Which sources there are, and with which settings: what the options say, and what was changed since.

The options file is the user's own. A change made at run time is kept with what the options said then, key by
key; it holds until the options say something else. Pure: the overlay is plain data for JSON, by slug:
{"changes": {key: [value, what the options said or null]}, "created": bool, "deleted": what the options said}.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wallflower.config.sources import SOURCE_FIELDS, SourceSettings, slug_of

Overlay = Mapping[str, Mapping[str, Any]]
_DEFAULTS = {name: field.default for name, field in SOURCE_FIELDS.items()}

Stated = Mapping[str, Any]
"""What the options, or who creates a source, say of it: settings that are not at their default."""


@dataclass(frozen=True, slots=True)
class ConfiguredSource:
    """One source. stated: what the options say; empty when they do not know it. at_run_time: the settings
    that were changed since.
    """

    slug: str
    settings: SourceSettings
    stated: Stated
    at_run_time: frozenset[str]

    def holds(self, key: str) -> str:
        """Which place a setting comes from: run time, options or default."""
        if key in self.at_run_time:
            return "run time"
        return "options" if key in self.stated else "default"


def slugs_of(options: Sequence[Stated], known: Mapping[str, str], overlay: Overlay) -> dict[str, Stated]:
    """The sources of the options by slug. known: the slugs of names that had one before: they keep it."""
    slugs = {each["name"]: known[each["name"]] for each in options if each["name"] in known}
    created = {slug for slug, entry in overlay.items() if entry.get("created")}
    for each in options:
        if each["name"] not in slugs:
            slugs[each["name"]] = slug_of(each["name"], {*slugs.values(), *created})
    return {slugs[each["name"]]: each for each in options}


def configured(options: Mapping[str, Stated], overlay: Overlay) -> dict[str, ConfiguredSource]:
    """The sources by slug. options: those of the options by slug."""
    found = {}
    for slug in [*options, *(slug for slug in overlay if slug not in options)]:
        stated, entry = options.get(slug, {}), overlay.get(slug, {})
        if "deleted" in entry and entry["deleted"] == dict(stated):
            continue
        changes = holding(stated, entry)
        values = {**stated, **changes}
        if stated or entry.get("created"):
            found[slug] = ConfiguredSource(slug, SourceSettings(**values), stated, frozenset(changes))
    return found


def holding(stated: Stated, entry: Mapping[str, Any]) -> dict[str, Any]:
    """The changes that hold: those of keys of which the options still say the same."""
    changes = entry.get("changes", {})
    return {
        key: value
        for key, (value, said) in changes.items()
        if stated.get(key) == said and key in SOURCE_FIELDS
    }


def changed(overlay: Overlay, slug: str, stated: Stated, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The overlay with these settings of a source changed; one that is changed to what the options say is as
    they have it.
    """
    entry = {key: value for key, value in overlay.get(slug, {}).items() if key != "deleted"}
    kept = holding(stated, entry) | dict(changes)
    if not entry.get("created"):
        kept = {key: value for key, value in kept.items() if value != stated.get(key, _DEFAULTS[key])}
    entry["changes"] = {key: [value, stated.get(key)] for key, value in kept.items()}
    after = {**overlay, slug: entry}
    if not kept and not entry.get("created"):
        del after[slug]
    return after


def pruned(overlay: Overlay, options: Mapping[str, Stated]) -> dict[str, Any]:
    """The overlay without what the options overruled, so that it does not come back with an old value."""
    after: dict[str, Any] = dict(overlay)
    for slug, entry in overlay.items():
        stated = options.get(slug, {})
        if "deleted" in entry:
            if entry["deleted"] != dict(stated):
                del after[slug]
        else:
            after = changed(after, slug, stated, {})
    return after


def created(overlay: Overlay, slug: str, settings: Stated) -> dict[str, Any]:
    """The overlay with one more source."""
    return {
        **overlay,
        slug: {"created": True, "changes": {key: [each, None] for key, each in settings.items()}},
    }


def deleted(overlay: Overlay, slug: str, stated: Stated) -> dict[str, Any]:
    """The overlay without a source; it comes back when the options, if they have it, say something else."""
    after = {key: value for key, value in overlay.items() if key != slug}
    if stated:
        after[slug] = {"deleted": dict(stated)}
    return after
