"""Rules as they are given, and what is said of wrong ones."""

from typing import Any

import pytest

from wallflower.alerts.reading import KINDS, RuleError, read_rule, rules_of, slug_of
from wallflower.alerts.rules import Keyword, Loud, NoSound, Silence, SourceDown, SpokenBy, Trouble
from wallflower.config import Options, OptionsError

_LEAST: dict[str, dict[str, Any]] = {"keyword": {"words": "help"}, "speaker": {"speakers": "Anna"}}


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_of_each_kind_needs_little(kind: str) -> None:
    rule = read_rule({"name": "One", "kind": kind, **_LEAST.get(kind, {})})
    assert (rule.slug, rule.kind, rule.severity, rule.sources) == ("one", kind, "warning", ())
    assert rule.enabled
    assert rule.concerns("anywhere")


def test_everything_that_can_be_given() -> None:
    rule = read_rule(
        {
            "name": "Hilfe, Küche!",
            "kind": "keyword",
            "enabled": "no",
            "sources": ["kitchen", "hall"],
            "severity": "Critical",
            "cooldown": "30",
            "schedule": "mon-fri 22:00-06:00",
            "words": ["Hilfe", "zu Hülf"],
            "except": "Erste Hilfe, Haushaltshilfe",
            "pattern": "not(arzt|ruf)",
            "fuzzy": "true",
            "language": "de-AT",
        }
    )
    assert rule.slug == "hilfe_kuche"
    assert not rule.enabled
    assert not rule.concerns("cellar")
    assert (rule.severity, rule.cooldown) == ("critical", 30.0)
    assert isinstance(rule.condition, Keyword)
    assert rule.condition.language == "de"
    assert rule.condition.keywords.fuzzy
    assert [phrase.text for phrase in rule.condition.keywords.phrases] == ["Hilfe", "zu Hülf"]
    assert len(rule.condition.keywords.but_not) == 2


@pytest.mark.parametrize(
    ("given", "condition"),
    [
        ({"kind": "silence", "minutes": 0.5}, Silence(30)),
        ({"kind": "no_sound", "minutes": "2", "dbfs": -80}, NoSound(120, -80)),
        ({"kind": "loud", "dbfs": -15, "seconds": 5}, Loud(5, -15)),
        ({"kind": "source_down", "seconds": None}, SourceDown(60)),
        ({"kind": "speaker", "speakers": ["Änna", "Bo"]}, SpokenBy(frozenset({"anna", "bo"}))),
        (
            {"kind": "speaker", "speakers": 'Known, "anyone", , "'},
            SpokenBy(frozenset({"anyone", '"'}), known=True),
        ),
        ({"kind": "speaker", "speakers": ["anyone"]}, SpokenBy(known=True, unknown=True)),
        ({"kind": "trouble", "troubles": "lag, heat", "seconds": 3}, Trouble(frozenset({"lag", "heat"}), 3)),
    ],
)
def test_what_is_asked_for_by_kind(given: dict[str, Any], condition: object) -> None:
    assert read_rule({"name": "x", **given}).condition == condition


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "'kind' is None; allowed: keyword, speech"),
        ({"kind": "shout"}, "'kind' is 'shout'; allowed: keyword"),
        ({"kind": "silence", "name": ""}, "'name' is ''; allowed: one line"),
        ({"kind": "silence", "name": None}, "'name' is missing"),
        ({"kind": "silence", "name": "two\nlines"}, "'name' is"),
        ({"kind": "keyword"}, "needs 'words' or a 'pattern'"),
        ({"kind": "keyword", "words": ["help", "!"]}, "'words' is ['help', '!']; allowed: a list of words"),
        ({"kind": "keyword", "words": 7}, "'words' is 7"),
        ({"kind": "keyword", "pattern": "(x"}, "'pattern' is '(x' (missing ): (x); allowed: a regular"),
        ({"kind": "keyword", "words": "a", "language": "e"}, "'language' is 'e'"),
        ({"kind": "speaker"}, "needs 'speakers'"),
        ({"kind": "silence", "minutes": 0}, "'minutes' is 0; allowed: a number of minutes from 0.1"),
        ({"kind": "silence", "minuts": 1}, "has no 'minuts'; did you mean 'minutes'?"),
        ({"kind": "silence", "words": "help"}, "an alert of kind silence has no 'words'; there are name"),
        ({"kind": "speech", "schedule": "at night"}, "(no times as 22:00-06:00 at the end of 'at night')"),
        ({"kind": "speech", "schedule": 5}, "'schedule' is 5"),
        ({"kind": "speech", "severity": "bad"}, "allowed: info, warning, critical"),
        ({"kind": "speech", "sources": "Living Room"}, "'sources' is 'Living Room'"),
        ({"kind": "loud", "dbfs": 3}, "a number of dBFS from -100 to 0"),
        ({"kind": "trouble", "troubles": ["money"]}, "a list of storage, heat, engine, lag"),
    ],
)
def test_a_wrong_rule_is_explained(given: dict[str, Any], said: str) -> None:
    with pytest.raises(RuleError) as caught:
        read_rule({"name": "x", **given})
    assert said in str(caught.value)


def test_the_options_name_the_entry_that_is_wrong() -> None:
    good = {"name": "Help", "kind": "keyword", "words": "help"}
    assert list(rules_of(Options(alerts=[good]))) == ["help"]
    with pytest.raises(OptionsError, match=r"^options.json: option 'alerts', entry 2: 'kind' is None"):
        rules_of(Options(alerts=[good, {"name": "b"}], origins={"alerts": "options.json"}))
    with pytest.raises(OptionsError, match="entry 2: 'name' is 'HELP', as another's"):
        rules_of(Options(alerts=[good, {**good, "name": "HELP"}]))


def test_every_name_has_a_slug() -> None:
    assert slug_of("Ærø & Öl") == "r_ol"
    slugs = {slug_of(name) for name in ("助けて", "火事", "!?")}
    assert len(slugs) == 3
    assert all(slug.startswith("rule_") for slug in slugs)
