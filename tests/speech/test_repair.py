"""Names that were misheard are put right, and nothing else is touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.speech.repair import repair_names

NAMES = (
    "Lounge Lamp",
    "Gable Camera",
    "Mudroom",
    "Undercroft",
    "Isolde",
    "Bedroom Fan",
    "Robin's Monitor",
    "Ina",
)


@pytest.mark.parametrize(
    ("heard", "repaired"),
    [
        ("Turn on the lounch lamp.", "Turn on the Lounge Lamp."),
        ("Turn on the lounchlamp, please.", "Turn on the Lounge Lamp, please."),
        ("Switch off the cable camera!", "Switch off the Gable Camera!"),
        ("Is it warm in the mud room?", "Is it warm in the Mudroom?"),
        ("Music in the undercraft", "Music in the Undercroft"),
        ("When did I sold leave?", "When did Isolde leave?"),
        ("undercraft's light", "Undercroft's light"),
        ("robins-moniter", "Robin's Monitor"),
    ],
)
def test_a_near_miss_becomes_the_name(heard: str, repaired: str) -> None:
    assert repair_names(heard, NAMES) == repaired


@pytest.mark.parametrize(
    "text",
    [
        "",
        "turn on the lounge lamp",  # it is there, in a case of its own
        "LOUNGE LAMP",
        "turn on the lamp",  # a word of a name is no name
        "in a mood for Robin's monitor",
        "it was in a box",  # "in a" sounds like Ina, but is too short
        "in the lounge. Lamp oil is out",
        "turn on the lounch, lamp too",  # never across punctuation
        "we sat in the bathroom",
        "is there anyone at the table with a camera",
        "mud, room",
    ],
)
def test_other_words_stay(text: str) -> None:
    assert repair_names(text, NAMES) == text


def test_a_word_of_another_name_was_heard_rightly() -> None:
    assert repair_names("turn on the bathroom light", ["Bedroom Light"]) == "turn on the Bedroom Light"
    names = ["Bedroom Light", "Bathroom Fan"]
    assert repair_names("turn on the bathroom light", names) == "turn on the bathroom light"


def test_numbers_are_never_changed() -> None:
    assert repair_names("open garage door 2", ["Garage Door 1"]) == "open garage door 2"
    assert repair_names("open carage door 1", ["Garage Door 1"]) == "open Garage Door 1"


def test_the_nearest_name_is_taken() -> None:
    assert repair_names("ask cordelya", ["Cornelia", "Cordelia"]) == "ask Cordelia"


def test_a_capital_stays() -> None:
    assert repair_names("Lounch lamp is on", ["lounge lamp"]) == "Lounge lamp is on"
    assert repair_names("the lounch lamp is on", ["lounge lamp"]) == "the lounge lamp is on"


@pytest.mark.parametrize("names", [[], [""], ["—"], ["a b c d e f g h i j"]])
def test_names_without_use_change_nothing(names: list[str]) -> None:
    assert repair_names("a b c d e f g h i j", names) == "a b c d e f g h i j"


def test_accents_and_other_scripts() -> None:
    assert repair_names("Allume la lampe du salonn", ["Lampe du salon"]) == "Allume la Lampe du salon"
    assert repair_names("Schalte die Küchenlame ein", ["Küchenlampe"]) == "Schalte die Küchenlampe ein"
    assert repair_names("включи гостинная лампа", ["Гостиная лампа"]) == "включи Гостиная лампа"
    assert repair_names("kuchenlampe an", ["Küchenlampe"]) == "kuchenlampe an"


_WORDS = st.sampled_from(
    (
        "the",
        "lounge",
        "lounch",
        "lamp",
        "gable",
        "cable",
        "camera",
        "mud",
        "room",
        "in",
        "I",
        "sold",
        *".,'-2",
    )
)
_TEXTS = st.text() | st.lists(_WORDS).map(" ".join)
_NAMES = st.lists(st.text() | st.lists(_WORDS, max_size=3).map(" ".join), max_size=6)


@given(_TEXTS, _NAMES)
def test_a_second_repair_finds_nothing(text: str, names: list[str]) -> None:
    once = repair_names(text, names)
    assert repair_names(once, names) == once


@given(_TEXTS, _NAMES)
def test_what_is_added_are_names(text: str, names: list[str]) -> None:
    longest = max(map(len, names), default=0)
    assert len(repair_names(text, names)) <= len(text) + len(text.split()) * longest


@given(_NAMES.filter(bool), st.data())
def test_a_name_itself_is_unchanged(names: list[str], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(names))
    assert repair_names(name, names) == name


@given(st.lists(st.sampled_from(("turn", "on", "the", "weather", "today", "five", "minutes"))).map(" ".join))
def test_ordinary_words_are_unchanged(text: str) -> None:
    assert repair_names(text, NAMES) == text
