"""Windows clustered and put together: windows that are made up, embeddings of voices that are."""

import numpy as np
from numpy.typing import NDArray

from wallflower.speakers.embedding import SIZE, unit
from wallflower.speakers.revision import HeardTurn, revise
from wallflower.speakers.segmentation import FRAME_SECONDS
from wallflower.speakers.settings import Revising
from wallflower.speakers.windows import Window

_VOICES = unit(np.random.default_rng(0).normal(size=(4, SIZE)).astype(np.float32))


def _voice(who: int, seed: int, stray: float = 0.4) -> NDArray[np.float32]:
    other = unit(np.random.default_rng(seed + 1).normal(size=SIZE).astype(np.float32))
    return unit(_VOICES[who] + np.float32(stray) * other)


def _window(number: int, *people: tuple[int, float, float]) -> Window:
    """people: who speaks alone, from when to when, in seconds of the window; one a local speaker."""
    activity = np.zeros((589, 3), np.uint8)
    embeddings, alone = np.zeros((3, SIZE), np.float16), np.zeros(3, np.float32)
    for local, (who, start, end) in enumerate(people):
        activity[int(start / FRAME_SECONDS) : int(end / FRAME_SECONDS), local] = 255
        embeddings[local], alone[local] = _voice(who, 10 * number + local), end - start
    return Window(5.0 * number, activity, embeddings, alone)


def test_two_of_one_window_never_are_one_person() -> None:
    windows = [_window(number, (0, 0.0, 4.9), (0, 5.0, 9.9)) for number in range(4)]
    found = revise(windows, Revising()).stretches
    assert {stretch.speaker for stretch in found} == {0, 1}


def test_one_person_is_one_in_all_windows() -> None:
    windows = [_window(number, (number % 4, 1.0, 9.0)) for number in (0, 2, 4, 6)]
    found = revise(windows, Revising())
    assert [stretch.speaker for stretch in found.stretches] == [0, 1, 0, 1]
    assert len(found.centroids) == 2
    assert found.seconds.tolist() == [16, 16]


def test_turns_find_whom_segmentation_takes_for_somebody_else() -> None:
    windows = [_window(0, (0, 0.0, 9.9)), _window(1, (0, 0.0, 4.9))]
    turns: list[HeardTurn] = [(0.0, 3.0, _voice(0, 90)), (3.0, 6.0, _voice(1, 91)), (6.0, 9.9, _voice(0, 92))]
    found = revise(windows, Revising(least_cluster=2.0), turns).stretches
    assert [stretch.speaker for stretch in found] == [0, 1, 0]
    assert abs(found[1].start - 3) < 0.1
    assert abs(found[1].end - 6) < 0.1


def test_what_is_short_and_seldom_is_no_speaker() -> None:
    windows = [_window(0, (0, 0.0, 8.0)), _window(2, (1, 3.0, 3.5)), _window(4, (0, 0.0, 8.0))]
    found = revise(windows, Revising())
    assert len(found.centroids) == 1


def test_a_stray_is_no_speaker_of_its_own() -> None:
    windows = [_window(number, (0, 0.0, 9.9)) for number in range(0, 30, 2)]
    for number, window in enumerate(windows):
        window.embeddings[0] = _voice(0, number, stray=0.8)
    stray = _window(40, (0, 0.0, 5.0))
    stray.embeddings[0] = unit(_VOICES[0] + np.float32(1.44) * _VOICES[1])
    assert len(revise([*windows, stray], Revising(stray_share=0.0)).centroids) == 2
    assert len(revise([*windows, stray], Revising()).centroids) == 1


def test_nobody_who_can_be_told() -> None:
    found = revise([_window(0)], Revising(), [(0.0, 1.0, None)])
    assert found.stretches == []
    assert len(found.centroids) == len(found.seconds) == 0
