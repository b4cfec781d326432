"""The VAD on its real model."""

import numpy as np
import pytest
from numpy.typing import NDArray

from wallflower.speech.vad import FRAME_SAMPLES, SileroVad, VadState


def _frames(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    return samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)


def test_speech_is_told_from_silence(vad: SileroVad, speech: NDArray[np.int16]) -> None:
    probabilities = vad.probabilities(_frames(speech), VadState())
    assert probabilities.max() > 0.95
    assert (probabilities > 0.5).mean() > 0.5
    assert vad.probabilities(np.zeros((100, FRAME_SAMPLES), np.int16), VadState()).max() < 0.2


@pytest.mark.parametrize("cut", [1, 7, 100])
def test_state_carries_over_between_calls(vad: SileroVad, speech: NDArray[np.int16], cut: int) -> None:
    frames = _frames(speech)[:200]
    whole = vad.probabilities(frames, VadState())
    state = VadState()
    parts = [vad.probabilities(frames[:cut], state), vad.probabilities(frames[cut:], state)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_sessions_do_not_disturb_each_other(vad: SileroVad, speech: NDArray[np.int16]) -> None:
    frames = _frames(speech)[:60]
    alone = vad.probabilities(frames, VadState())
    one, other = VadState(), VadState()
    mixed = []
    for frame in frames:
        mixed.append(vad.probabilities(frame[np.newaxis], one))
        vad.probabilities(np.zeros((1, FRAME_SAMPLES), np.int16), other)
    np.testing.assert_array_equal(np.concatenate(mixed), alone)
