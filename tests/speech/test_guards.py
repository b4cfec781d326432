"""Text that nobody said."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from wallflower.engines.base import Transcription
from wallflower.speech.guards import QUIETEST_DBFS, loudness, made_up

_LOUD = np.sin(np.arange(16_000, dtype=np.float32) / 10)
_SAID = Transcription("Turn on the light.", "en", average_log_probability=-0.2, no_speech=0.1)


def test_what_was_said_is_believed() -> None:
    assert made_up(_SAID, _LOUD) == ""
    assert made_up(replace(_SAID, average_log_probability=None, no_speech=None), _LOUD) == ""
    assert made_up(replace(_SAID, text=""), np.zeros(0, np.float32)) == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"no_speech": 0.7, "average_log_probability": -1.1}, "no speech"),
        ({"average_log_probability": -2.0}, "guessing"),
        ({"text": "Thank you. " * 20}, "repeats"),
    ],
)
def test_what_the_model_made_up_is_not(change: dict[str, object], reason: str) -> None:
    assert reason in made_up(replace(_SAID, **change), _LOUD)  # type: ignore[arg-type]


def test_unsure_of_speech_but_sure_of_the_words() -> None:
    assert made_up(replace(_SAID, no_speech=0.9), _LOUD) == ""


def test_a_few_last_words_are_not_judged_by_their_certainty() -> None:
    unsure = replace(_SAID, no_speech=0.9, average_log_probability=-3.0)
    assert made_up(unsure, _LOUD)
    assert made_up(unsure, _LOUD, begun=True) == ""


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(16_000), _LOUD * 1e-4])
def test_too_quiet_to_be_speech(samples: NDArray[np.float32]) -> None:
    assert loudness(samples.astype(np.float32)) < QUIETEST_DBFS
    assert "quiet" in made_up(_SAID, samples.astype(np.float32))


def test_a_short_word_in_much_silence_is_loud() -> None:
    sparse = np.zeros(160_000, np.float32)
    sparse[80_000:81_600] = _LOUD[:1600]
    assert loudness(sparse) == pytest.approx(loudness(_LOUD), abs=3.1)
    assert loudness(_LOUD) == pytest.approx(-3, abs=0.2)
