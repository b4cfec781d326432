"""Which language a session is in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.speech.language import SETTLES, TAKES_OVER, SpokenLanguage

_SOME = st.sampled_from(["en", "de", "fr"])
_HEARD = st.tuples(_SOME, st.none() | st.floats(0, 1))


def _after(*heard: tuple[str, float | None], known: str | None = None) -> SpokenLanguage:
    """What a session makes of whole segments, each decoded in the language that it chooses."""
    spoken = SpokenLanguage(known)
    for language, probability in heard:
        chosen = spoken.choose(language, probability)
        spoken.take(chosen, probability if chosen == language else 0.1)
    return spoken


@pytest.mark.parametrize(
    ("known", "heard", "chosen"),
    [
        (None, ("de", 0.3), "de"),  # nothing better is known
        ("en", ("de", 0.3), "en"),
        ("en", ("de", SETTLES), "de"),
        ("en", ("de", None), "de"),  # the engine knows no other
    ],
)
def test_at_first(known: str | None, heard: tuple[str, float | None], chosen: str) -> None:
    assert SpokenLanguage(known).choose(*heard) == chosen


@pytest.mark.parametrize(
    ("probability", "chosen"), [(0.4, "en"), (0.79, "en"), (TAKES_OVER, "de"), (1.0, "de")]
)
def test_another_language_needs_a_clear_majority(probability: float, chosen: str) -> None:
    spoken = _after(("en", 0.6), ("de", probability))
    assert (spoken.known, spoken.settled) == (chosen, True)


def test_it_may_come_back() -> None:
    assert _after(("en", 0.6), ("de", 0.9), ("en", 0.7)).known == "de"
    assert _after(("en", 0.6), ("de", 0.9), ("en", 0.9)).known == "en"


def test_what_is_doubtful_settles_nothing() -> None:
    spoken = _after(("de", 0.4), ("fr", None))
    assert (spoken.known, spoken.settled) == (None, False)
    assert not spoken.is_sure_of("de", 0.4)


def test_the_last_sessions_language_is_no_more_than_a_guess() -> None:
    spoken = _after(("de", 0.4), known="en")
    assert (spoken.known, spoken.settled) == ("en", False)
    assert not spoken.is_sure_of("en", 0.9)


def test_sure_of_the_settled_language_alone() -> None:
    spoken = _after(("en", 0.6))
    assert spoken.is_sure_of("en", None)
    assert spoken.is_sure_of("en", 0.5)
    assert not spoken.is_sure_of("en", 0.2)
    assert not spoken.is_sure_of("de", 0.9)


@given(st.none() | _SOME, st.lists(_HEARD, max_size=8))
def test_settled_once_and_for_all(known: str | None, heard: list[tuple[str, float | None]]) -> None:
    spoken = SpokenLanguage(known)
    settled = False
    for each in heard:
        spoken.take(*each)
        assert spoken.settled >= settled
        settled = spoken.settled
        assert not settled or spoken.known is not None
    assert settled is any(probability is not None and probability >= SETTLES for _, probability in heard)
