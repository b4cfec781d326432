import numpy as np
import pytest
from numpy.typing import NDArray

from tests.speakers.voices import QUICK, SLOWER, noise, played, seconds
from wallflower.speakers.diarizer import SpeakerModels
from wallflower.speakers.embedding import SIZE, Embedding, unit
from wallflower.speakers.enrolment import EnrolmentError, enrolment_of
from wallflower.speakers.recognition import Recogniser, Verdict, cohort
from wallflower.speakers.voiceprint import MODEL, Voiceprint, enrolled

Sound = NDArray[np.int16]


@pytest.fixture(scope="module")
def household(speaker_models: SpeakerModels, voice: Sound) -> Recogniser:
    """Two people with three enrolments each: 1 and 2."""
    voiceprints = {}
    for person, sound in ((1, voice), (2, played(voice, QUICK))):
        voiceprint: Voiceprint | None = None
        for start in (0, 6, 12):
            voiceprint = enrolled(voiceprint, enrolment_of(seconds(sound, start, start + 6), speaker_models))
        assert voiceprint is not None
        voiceprints[person] = voiceprint
    return Recogniser(voiceprints, MODEL)


def _embed(models: SpeakerModels, sound: Sound) -> Embedding:
    embedding = models.embedder.embed(sound)
    assert embedding is not None
    return embedding


def test_who_is_enrolled_is_known(household: Recogniser, speaker_models: SpeakerModels, voice: Sound) -> None:
    for person, sound in ((1, voice), (2, played(voice, QUICK))):
        found = household.identify(_embed(speaker_models, seconds(sound, 22, 25)), 3)
        assert (found.verdict, found.person) == (Verdict.KNOWN, person)
        assert found.confidence > 0.9


def test_a_stranger_is_unknown_and_not_the_nearest_name(
    household: Recogniser, speaker_models: SpeakerModels, voice: Sound
) -> None:
    found = household.identify(_embed(speaker_models, seconds(played(voice, SLOWER), 22, 25)), 3)
    assert found.verdict is Verdict.UNKNOWN
    assert found.confidence < 0.5


def test_is_this_that_person(household: Recogniser, speaker_models: SpeakerModels, voice: Sound) -> None:
    embedding = _embed(speaker_models, seconds(voice, 22, 25))
    assert household.verify(embedding, 3, 1).verdict is Verdict.KNOWN
    assert household.verify(embedding, 3, 2).verdict is Verdict.UNKNOWN
    with pytest.raises(KeyError):
        household.verify(embedding, 3, 3)


def test_a_third_of_a_second_is_unsure(
    household: Recogniser, speaker_models: SpeakerModels, voice: Sound
) -> None:
    found = household.identify(_embed(speaker_models, seconds(voice, 22.5, 22.8)), 0.3)
    assert found.verdict is Verdict.UNSURE


def test_nobody_is_enrolled(speaker_models: SpeakerModels, voice: Sound) -> None:
    found = Recogniser({}, MODEL).identify(_embed(speaker_models, seconds(voice, 0, 3)), 3)
    assert (found.verdict, found.person, found.confidence) == (Verdict.UNKNOWN, 0, 0.0)


def test_a_voiceprint_of_another_model_is_left_out() -> None:
    recogniser = Recogniser({5: Voiceprint("older", cohort()[:1])}, MODEL)
    assert recogniser.left_out == (5,)
    assert recogniser.identify(cohort()[0], 3).verdict is Verdict.UNKNOWN


def test_a_thousand_people() -> None:
    chance = np.random.default_rng(1)
    voices = unit(chance.normal(size=(1000, SIZE)).astype(np.float32))
    recogniser = Recogniser({n: Voiceprint(MODEL, voices[n : n + 1]) for n in range(1000)}, MODEL)
    assert recogniser.identify(voices[617], 3).person == 617


def test_the_cohort_is_of_many_people() -> None:
    likeness = cohort() @ cohort().T
    assert cohort().shape == (84, SIZE)
    assert float(np.median(likeness[~np.eye(84, dtype=bool)])) < 0.3


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        ("short", "s of speech"),
        ("noise", "0.0 s of speech"),
        ("two", "people seem to speak"),
        ("quiet", "too quiet"),
        ("clipped", "clipped"),
    ],
)
def test_what_no_voice_can_be_learnt_from(
    speaker_models: SpeakerModels, voice: Sound, sound: str, reason: str
) -> None:
    person = seconds(voice, 0, 8)
    loud = np.clip(person.astype(np.float32) * 30, -32768, 32767).astype(np.int16)
    sounds = {
        "short": seconds(voice, 0, 2.5),
        "noise": noise(8, 200),
        "two": np.concatenate([person, seconds(played(voice, QUICK), 0, 8)]),
        "quiet": (person * 0.008).astype(np.int16),
        "clipped": loud,
    }
    with pytest.raises(EnrolmentError, match=reason):
        enrolment_of(sounds[sound], speaker_models)
