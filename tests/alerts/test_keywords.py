"""Words that matter, found in what was said."""

import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.alerts.folding import fold, words_of
from wallflower.alerts.keywords import Keywords, PatternError, Phrase, pattern_of, phrase_of


def _phrases(*texts: str) -> tuple[Phrase, ...]:
    found = [phrase_of(text) for text in texts]
    return tuple(phrase for phrase in found if phrase is not None)


def _heard(
    text: str, *words: str, but_not: tuple[str, ...] = (), fuzzy: bool = False, final: bool = True
) -> str:
    found = Keywords(_phrases(*words), _phrases(*but_not), fuzzy=fuzzy).find(text, final=final)
    return found.heard if found else ""


@pytest.mark.parametrize(
    ("text", "word", "heard"),
    [
        ("Oh no, HELP!", "help", "HELP"),
        ("that was helpful", "help", ""),
        ("call an ambulance.", "Call an  Ambulance", "call an ambulance"),
        ("Help. Me!", "help me", "Help. Me"),
        ("help the me", "help me", ""),
        ("ein Café in der STRASSE", "cafe", "Café"),
        ("ein Café in der STRASSE", "Straße", "STRASSE"),
        ("don’t go", "don't", "don’t"),
        ("Καλημέρα σας", "ΚΑΛΗΜΕΡΑ", "Καλημέρα"),
        ("l'acqua è fredda", "acqua", "acqua"),
        ("पानी लाओ", "पानी", "पानी"),
        ("पानी लाओ", "पान", ""),  # another letter, not an accent
        ("誰か助けてください", "助けて", "誰か助けてください"),
        ("ช่วยด้วย ไฟไหม้", "ไฟไหม้", "ไฟไหม้"),
        ("room 12b", "12B", "12b"),
        ("", "help", ""),
    ],
)
def test_case_accents_and_punctuation_do_not_count_and_words_are_whole(
    text: str, word: str, heard: str
) -> None:
    assert _heard(text, word) == heard


@pytest.mark.parametrize("word", ["", "  ", "!?", "’"])
def test_there_is_no_phrase_without_letters(word: str) -> None:
    assert phrase_of(word) is None


def test_an_exception_hides_what_is_inside_it_alone() -> None:
    but_not = ("fire place", "cease fire")
    assert not _heard("light the fire place", "fire", but_not=but_not)
    assert not _heard("they cease fire now", "fire", but_not=but_not)
    assert _heard("the fire place is on fire", "fire", but_not=but_not) == "fire"
    assert not _heard("禁煙席", "煙", but_not=("禁煙",))
    assert _heard("煙だ、禁煙席", "煙", but_not=("禁煙",))


def test_what_may_become_an_exception_waits_for_the_next_word() -> None:
    but_not = ("fire place",)
    assert not _heard("light the fire", "fire", but_not=but_not, final=False)
    assert _heard("the fire is", "fire", but_not=but_not, final=False)
    assert _heard("light the fire", "fire", but_not=but_not)
    assert not _heard("これは煙", "煙", but_not=("煙突",), final=False)
    assert _heard("煙だ", "煙", but_not=("煙突",), final=False)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("hey wall flower", "wallflower"),
        ("call an ambulence", "ambulance"),
        ("open the kurtains", "curtains"),
        ("a burgler is here", "burglar"),
    ],
)
def test_near_misses_are_found_when_asked_for(text: str, word: str) -> None:
    assert _heard(text, word, fuzzy=True)
    assert not _heard(text, word)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("yelp", "help"),  # too short
        ("the certain way", "curtains"),
        ("channel 12345", "channel 12346"),
        ("a wonderful flower", "wallflower"),
    ],
)
def test_what_is_not_near_enough(text: str, word: str) -> None:
    assert not _heard(text, word, fuzzy=True)


def test_a_pattern_ignores_case() -> None:
    found = Keywords(pattern=pattern_of(r"code (red|blue)")).find("It is Code RED today")
    assert found is not None
    assert (found.phrase, found.heard) == (r"code (red|blue)", "Code RED")
    assert Keywords(pattern=pattern_of("code green")).find("Code red") is None


@pytest.mark.parametrize(
    "text", ["(", "(?=a)b", "a*", "x" * 201, "(?:(?:a{1000}){1000}){1000}", ".{900}{900}"]
)
def test_patterns_that_are_refused(text: str) -> None:
    with pytest.raises(PatternError):
        pattern_of(text)


@pytest.mark.parametrize("text", [r"(a+)+b", r"(?:a|a)*c", r"(.*)*x$", r"(a?){60}a{60}b", r".{0,90}.{0,90}x"])
def test_no_pattern_can_hold_the_loop_up(text: str) -> None:
    """A backtracking engine takes years for the first of them; that one ends at all is the test."""
    keywords = Keywords(pattern=pattern_of(text))
    begun = time.process_time()
    assert keywords.find("a" * 100_000) is None
    assert time.process_time() - begun < 30


_LETTERS = st.text(string.ascii_letters + "äöüßéñçøłαβγабв", min_size=1, max_size=8)


@given(
    st.lists(_LETTERS, max_size=6), st.lists(_LETTERS, min_size=1, max_size=3), st.lists(_LETTERS, max_size=6)
)
def test_a_phrase_is_found_wherever_it_is(before: list[str], phrase: list[str], after: list[str]) -> None:
    text = ", ".join([*before, *phrase, *after]).upper()
    found = Keywords(_phrases(" ".join(phrase))).find(text)
    assert found is not None
    assert [word.text for word in words_of(found.heard)] == [fold(word) for word in phrase]


@given(st.text(max_size=60), st.text(max_size=10), st.text(max_size=10))
def test_any_text_can_be_searched(text: str, word: str, other: str) -> None:
    for final in (True, False):
        found = Keywords(_phrases(word), _phrases(other), fuzzy=True).find(text, final=final)
        assert found is None or found.heard in text


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(text: str) -> None:
    for word in words_of(text):
        assert word.text == fold(text[word.start : word.end])
        assert fold(word.text) == word.text
