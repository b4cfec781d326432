"""Diarization of whole sessions, with the real models and real speech."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.speakers.voices import QUICK, SLOW, noise, played, seconds, silence
from wallflower.speakers.diarizer import Diarizer, SpeakerModels, SpokenTurn
from wallflower.speakers.settings import Diarizing

Sound = NDArray[np.int16]


def _feed(diarizer: Diarizer, *sounds: Sound) -> list[SpokenTurn]:
    sound = np.concatenate(sounds)
    return [turn for at in range(0, len(sound), 3000) for turn in diarizer.feed(sound[at : at + 3000])]


def _complete(turns: list[SpokenTurn]) -> list[SpokenTurn]:
    return [turn for turn in turns if not turn.provisional]


@pytest.fixture(scope="module")
def three(voice: Sound) -> tuple[Sound, Sound, Sound]:
    return voice, played(voice, QUICK), played(voice, SLOW)


def test_one_person_alone_stays_one(speaker_models: SpeakerModels, voice: Sound) -> None:
    diarizer = Diarizer(speaker_models)
    turns = _complete(_feed(diarizer, voice) + diarizer.finish())
    assert {turn.speaker for turn in turns} == {0}
    assert sum(turn.end - turn.start for turn in turns) > 30
    assert {stretch.speaker for stretch in diarizer.revise()} == {0}


def test_turns_are_in_order_and_within_the_sound(speaker_models: SpeakerModels, voice: Sound) -> None:
    diarizer = Diarizer(speaker_models)
    turns = _complete(_feed(diarizer, voice) + diarizer.finish())
    for turn, following in pairwise(turns):
        assert turn.start < turn.end <= following.start
    assert turns[-1].end <= len(voice) / 16000
    assert tuple(turns) == tuple(diarizer.spoken)


def test_a_label_after_the_first_second(speaker_models: SpeakerModels, voice: Sound) -> None:
    diarizer = Diarizer(speaker_models)
    _feed(diarizer, seconds(voice, 0, 8), silence(1))
    found = _feed(diarizer, seconds(voice, 8, 14))
    early = [turn for turn in found if turn.provisional]
    assert {turn.speaker for turn in early} == {0}
    assert all(1 <= turn.end - turn.start < 2 for turn in early)
    late = [turn.start for turn in _complete(found + diarizer.finish())]
    assert {turn.start for turn in early} <= set(late)


def test_the_clock_waits_for_the_turn_under_way(speaker_models: SpeakerModels, voice: Sound) -> None:
    diarizer = Diarizer(speaker_models)
    _feed(diarizer, silence(2))
    assert diarizer.clock == pytest.approx(2, abs=0.1)
    _feed(diarizer, seconds(voice, 0, 4))
    assert diarizer.clock < 3.5


def test_people_who_take_turns_without_a_pause(
    speaker_models: SpeakerModels, three: tuple[Sound, Sound, Sound]
) -> None:
    one, two, _ = three
    diarizer = Diarizer(speaker_models)
    turns = _complete(
        _feed(diarizer, seconds(one, 0, 6), seconds(two, 6, 12), seconds(one, 12, 18)) + diarizer.finish()
    )
    assert {turn.speaker for turn in turns} == {0, 1}
    assert _who(turns, 3) == _who(turns, 16) == 0
    assert _who(turns, 9) == 1


def test_a_third_who_comes_late_is_found(
    speaker_models: SpeakerModels, three: tuple[Sound, Sound, Sound]
) -> None:
    one, two, late = three
    diarizer = Diarizer(speaker_models)
    parts = [seconds(one, 0, 6), silence(1), seconds(two, 0, 6), silence(1), seconds(one, 8, 14), silence(1)]
    turns = _feed(diarizer, *parts, seconds(two, 8, 14), silence(1), seconds(late, 2, 10))
    turns = _complete(turns + diarizer.finish())
    assert _who(turns, 30) == 2
    revised = diarizer.revise()
    assert {stretch.speaker for stretch in revised} == {0, 1, 2}
    assert {stretch.speaker for stretch in revised if stretch.start > 27} == {2}


def test_numbers_stay_when_what_was_heard_is_looked_at_again(
    speaker_models: SpeakerModels, three: tuple[Sound, Sound, Sound]
) -> None:
    one, two, _ = three
    diarizer = Diarizer(speaker_models)
    _feed(diarizer, seconds(one, 0, 8), silence(1), seconds(two, 0, 8), silence(1))
    before = {stretch.speaker for stretch in diarizer.revise() if stretch.start < 8}
    turns = _complete(_feed(diarizer, seconds(one, 10, 18), silence(1)))
    assert {turn.speaker for turn in turns} == before == {0}


def test_who_is_told_apart_by_revisions_alone_keeps_the_number(
    speaker_models: SpeakerModels, three: tuple[Sound, Sound, Sound]
) -> None:
    one, two, _ = three
    diarizer = Diarizer(speaker_models, Diarizing(new_speaker_distance=2.0))  # each turn is of the first
    _feed(diarizer, seconds(one, 0, 12), silence(1), seconds(two, 0, 8), silence(1))
    first = diarizer.revise()
    assert {stretch.speaker for stretch in first} == {0, 1}
    assert diarizer.revise() == first
    _feed(diarizer, silence(10))
    assert {stretch.speaker for stretch in diarizer.revise()} == {0, 1}
    diarizer.forget(1)
    assert 1 not in {stretch.speaker for stretch in diarizer.revise()}


@pytest.mark.parametrize("level", [0, 3, 300])
def test_silence_and_noise_make_no_speaker(speaker_models: SpeakerModels, level: float) -> None:
    diarizer = Diarizer(speaker_models)
    turns = _feed(diarizer, noise(20, level)) + diarizer.finish()
    assert [turn for turn in turns if turn.speaker is not None] == []
    assert diarizer.revise() == []


def test_a_third_of_a_second_of_sound(speaker_models: SpeakerModels, voice: Sound) -> None:
    diarizer = Diarizer(speaker_models)
    assert [turn.speaker for turn in _feed(diarizer, seconds(voice, 1, 1.3)) + diarizer.finish()] in (
        [],
        [None],
        [0],
    )
    diarizer.revise()


def test_no_sound_at_all(speaker_models: SpeakerModels) -> None:
    diarizer = Diarizer(speaker_models)
    assert diarizer.feed(silence(0)) == []
    assert diarizer.finish() == []
    assert diarizer.revise() == []


def test_a_box_without_time_tells_turns_and_revises_nothing(
    speaker_models: SpeakerModels, voice: Sound
) -> None:
    diarizer = Diarizer(speaker_models)
    diarizer.thrifty = True
    turns = _complete(_feed(diarizer, seconds(voice, 0, 14)))
    assert {turn.speaker for turn in turns} == {0}
    assert diarizer.revise() == []


def test_without_segmentation_nothing_is_revised(speaker_models: SpeakerModels, voice: Sound) -> None:
    diarizer = Diarizer(replace(speaker_models, segmentation=None))
    turns = _feed(diarizer, seconds(voice, 0, 12)) + diarizer.finish()
    assert {turn.speaker for turn in _complete(turns)} == {0}
    assert diarizer.revise() == []


def test_what_is_old_is_forgotten(speaker_models: SpeakerModels, voice: Sound) -> None:
    diarizer = Diarizer(speaker_models, Diarizing(remembered=10.0))
    _feed(diarizer, seconds(voice, 0, 40))
    assert diarizer.spoken[0].end > 25
    assert diarizer.revise()[0].start > 15


def test_forgetting_while_listening(speaker_models: SpeakerModels, three: tuple[Sound, Sound, Sound]) -> None:
    one, two, _ = three
    diarizer = Diarizer(speaker_models)
    _feed(diarizer, seconds(one, 0, 12), silence(1), seconds(two, 0, 12), silence(1))
    diarizer.forget(0)
    diarizer.forget(7)
    assert {turn.speaker for turn in diarizer.spoken} == {None, 1}
    assert all((turn.embedding is None) is (turn.speaker is None) for turn in diarizer.spoken)
    assert {stretch.speaker for stretch in diarizer.revise()} == {1}
    turns = _complete(_feed(diarizer, seconds(one, 12, 20), silence(1)))
    assert max(turns, key=lambda turn: turn.end - turn.start).speaker == 2
    assert 0 not in {turn.speaker for turn in turns}


def test_forgetting_the_only_one(speaker_models: SpeakerModels, voice: Sound) -> None:
    diarizer = Diarizer(speaker_models)
    _feed(diarizer, seconds(voice, 0, 8), silence(1))
    diarizer.forget(0)
    assert diarizer.revise() == []
    turns = _complete(_feed(diarizer, seconds(voice, 10, 18), silence(1)))
    assert {turn.speaker for turn in turns} == {1}


def _who(turns: list[SpokenTurn], second: float) -> int | None:
    return next(turn.speaker for turn in turns if turn.start <= second < turn.end)


def test_sound_in_which_nobody_speaks_is_not_listened_to(speaker_models: SpeakerModels, voice: Sound) -> None:
    diarizer = Diarizer(speaker_models)
    turns = diarizer.feed(seconds(voice, 0, 8))
    turns += diarizer.feed(silence(20), quiet=True)
    assert diarizer.clock > 27.9
    turns += _feed(diarizer, seconds(voice, 8, 16), silence(1))
    assert {turn.speaker for turn in _complete(turns)} == {0}
    assert not any(turn.end > 8.5 and turn.start < 27.5 for turn in turns)
    nobody = Diarizer(speaker_models)
    assert nobody.feed(seconds(voice, 0, 8), quiet=True) == []
