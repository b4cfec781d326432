"""The book of rules: changed at run time, kept, and overruled by the options."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given as given_by
from hypothesis import strategies as st

from tests.alerts.post_office import Memory
from wallflower.alerts.book import Book, entries_of
from wallflower.alerts.reading import RuleError, read_rule
from wallflower.alerts.rules import Rule
from wallflower.errors import DataDirError

_SILENCE = {"name": "Quiet", "kind": "silence", "minutes": 5}
_HELP = {"name": "Help", "kind": "keyword", "words": "help"}


class _Used:
    rules: list[Rule]

    def __call__(self, rules: Any) -> None:
        self.rules = list(rules)

    @property
    def slugs(self) -> list[str]:
        return [rule.slug for rule in self.rules]


async def _book(options: Mapping[str, Any], memory: Memory) -> tuple[Book, _Used]:
    used = _Used()
    book = Book(options, memory, used)
    await book.open()
    return book, used


async def test_a_rule_is_made_changed_and_taken_out_and_all_survives_a_restart() -> None:
    memory = Memory()
    book, used = await _book({"quiet": _SILENCE}, memory)
    assert used.slugs == ["quiet"]
    assert await book.create(_HELP) == "help"
    await book.change("help", {"cooldown": 5})
    await book.change("quiet", {"minutes": 9, "severity": "info"})
    again, used = await _book({"quiet": _SILENCE}, memory)
    assert [(slug, each.origin) for slug, each in again.entries.items()] == [
        ("quiet", "changed"),
        ("help", "run time"),
    ]
    assert used.rules == [
        read_rule({**_SILENCE, "minutes": 9, "severity": "info"}),
        read_rule({**_HELP, "cooldown": 5}),
    ]
    await again.delete("quiet")
    await again.delete("help")
    last, used = await _book({"quiet": _SILENCE}, memory)
    assert not used.rules
    await last.create(_SILENCE)  # back as the options have it: nothing is left to keep
    assert memory.content == {}
    assert last.entries["quiet"].origin == "options"


async def test_the_options_win_for_a_key_that_they_changed_since() -> None:
    memory = Memory()
    book, _ = await _book({"quiet": _SILENCE}, memory)
    await book.change("quiet", {"minutes": 9, "severity": "info"})
    book, _ = await _book({"quiet": {**_SILENCE, "minutes": 7}}, memory)
    assert book.entries["quiet"].given == {**_SILENCE, "minutes": 7, "severity": "info"}
    await book.delete("quiet")
    book, used = await _book({"quiet": {**_SILENCE, "minutes": 8}}, memory)
    assert used.slugs == ["quiet"]
    book, used = await _book({}, memory)
    assert not used.rules


@pytest.mark.parametrize(
    ("do", "said"),
    [
        (lambda book: book.create(_SILENCE), "there is an alert 'quiet' already"),
        (lambda book: book.create({"name": "x", "kind": "loud", "dbfs": 5}), "'dbfs' is 5"),
        (lambda book: book.change("quiet", {"minutes": -1}), "'minutes' is -1"),
        (lambda book: book.change("quiet", {"name": "Other"}), "name cannot be changed"),
        (lambda book: book.change("other", {}), "there is no alert 'other'; there are quiet"),
        (lambda book: book.delete("other"), "there is no alert 'other'"),
    ],
)
async def test_a_change_that_is_refused_changes_nothing(do: Any, said: str) -> None:
    memory = Memory()
    book, used = await _book({"quiet": _SILENCE}, memory)
    with pytest.raises(RuleError) as caught:
        await do(book)
    assert said in str(caught.value)
    assert memory.content is None
    assert used.rules == [read_rule(_SILENCE)]


async def test_without_a_memory_the_options_hold_and_a_change_is_refused() -> None:
    class Broken(Memory):
        async def load(self) -> Any:
            raise DataDirError("no")

        async def save(self, value: Any) -> None:
            raise DataDirError("the disk is full")

    book, used = await _book({"quiet": _SILENCE}, Broken())
    with pytest.raises(DataDirError):
        await book.delete("quiet")
    assert used.slugs == list(book.entries) == ["quiet"]


async def test_the_rules_of_one_source() -> None:
    book, used = await _book({}, Memory())
    assert book.of_source("hall", "keyword") == {}
    await book.set_of_source("hall", "keyword", {"words": ["fire"]})
    await book.set_of_source("hall", "silence", {"minutes": 3})
    await book.set_of_source("hall", "keyword", {"words": ["fire", "help"]})
    assert book.of_source("hall", "keyword")["words"] == ["fire", "help"]
    assert used.slugs == ["hall_silence", "hall_keyword"]
    assert {rule.sources for rule in used.rules} == {("hall",)}
    await book.set_of_source("hall", "silence", None)
    await book.set_of_source("hall", "silence", None)
    assert used.slugs == ["hall_keyword"]


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["now", "was", "name", "x"]), inner)
    ),
)


@given_by(st.dictionaries(st.sampled_from(["quiet", "help"]), _PLAIN))
def test_what_was_kept_may_be_damaged(changes: dict[str, Any]) -> None:
    entries = entries_of({"quiet": _SILENCE}, changes)
    assert all(isinstance(each.rule, Rule) for each in entries.values())
