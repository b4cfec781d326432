"""When an utterance is over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.speech.endpointing import SILENCE_SECONDS, Endpointing, Sensitivity, is_over

_SECONDS = st.floats(0, 100)


@given(_SECONDS, st.booleans(), _SECONDS)
def test_every_utterance_ends(heard: float, spoken: bool, silence: float) -> None:
    rules = Endpointing()
    over = is_over(rules, heard=heard, spoken=spoken, silence=silence)
    assert over or (heard < rules.longest and silence < rules.nothing)
    if over:
        assert is_over(rules, heard=heard + 1, spoken=spoken, silence=silence)


@pytest.mark.parametrize(("name", "seconds"), SILENCE_SECONDS.items())
def test_silence_after_speech_ends_it(name: Sensitivity, seconds: float) -> None:
    rules = Endpointing(silence=SILENCE_SECONDS[name])
    assert is_over(rules, heard=5, spoken=True, silence=seconds)
    assert not is_over(rules, heard=5, spoken=True, silence=seconds - 0.01)


def test_somebody_who_has_not_begun_has_more_time() -> None:
    rules = Endpointing(silence=0.5, nothing=8)
    assert not is_over(rules, heard=7.9, spoken=False, silence=7.9)
    assert is_over(rules, heard=8, spoken=False, silence=8)


def test_the_more_aggressive_the_sooner() -> None:
    assert SILENCE_SECONDS["aggressive"] < SILENCE_SECONDS["default"] < SILENCE_SECONDS["relaxed"]
