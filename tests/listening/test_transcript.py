"""Segments' words, put together: only ever longer, and each word once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.engines.base import Transcription
from wallflower.events import Committed, StreamEvent, Tentative
from wallflower.listening.outbox import Outbox
from wallflower.listening.transcript import Transcript
from wallflower.speech.agreement import Agreement
from wallflower.speech.segmenting import Segment

WHOLE = Segment(0, 9, 9)
BEFORE = Segment(0, 9, 9, cut=True)
MIDDLE = Segment(0, 9, 9, overlaps=True, cut=True)
AFTER = Segment(0, 9, 9, overlaps=True)


class Told:
    """A transcript, and what it tells."""

    def __init__(self) -> None:
        outbox = Outbox()
        outbox.events()
        self._waiting = outbox._waiting
        self.transcript = Transcript(outbox)

    @property
    def events(self) -> list[StreamEvent]:
        return list(self._waiting)

    @property
    def words(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Committed))

    def final(self, text: str, segment: Segment = WHOLE, language: str = "en") -> str:
        return self.transcript.final(Agreement(), text, language, segment)


@pytest.fixture
def told() -> Told:
    return Told()


def test_segments_one_after_the_other(told: Told) -> None:
    assert told.final("It was the best.") == "It was the best."
    assert told.final("") == ""
    assert told.final("It was the worst.") == "It was the worst."
    told.transcript.finish()
    assert told.words == told.transcript.text == "It was the best. It was the worst."


def test_languages_without_spaces_get_none(told: Told) -> None:
    told.final("今天", language="zh")
    told.final("天气很好", language="zh")
    assert told.words == "今天天气很好"


def test_drafts_commit_and_the_final_adds_the_rest(told: Told) -> None:
    agreement = Agreement()
    told.transcript.hypothesis(agreement, Transcription("It was", "en"))
    told.transcript.hypothesis(agreement, Transcription("It was the best", "en"))
    told.transcript.hypothesis(agreement, Transcription("It was the best of", "en"))
    text = told.transcript.final(agreement, "It was the best of times.", "en", WHOLE)
    assert text == told.words == "It was the best of times."
    assert told.events == [
        Tentative("It was"),
        Committed("It"),
        Tentative("was the best"),
        Committed(" was the"),
        Tentative("best of"),
        Committed(" best of times."),
        Tentative(""),
    ]


def test_a_final_that_says_otherwise_takes_nothing_back(told: Told) -> None:
    agreement = Agreement()
    for _ in range(2):
        told.transcript.hypothesis(agreement, Transcription("Turn on the light in", "en"))
    told.transcript.final(agreement, "Turn of the light in here.", "en", WHOLE)
    assert told.words == "Turn on the light in here."
    told.transcript.hypothesis(Agreement(), Transcription("", "en"))
    assert told.words == told.transcript.text


def test_glances_commit_nothing(told: Told) -> None:
    agreement = Agreement()
    for _ in range(2):
        told.transcript.hypothesis(agreement, Transcription("It was the", "en"))
    for text in ("it was the blessed", "it was the best of"):
        told.transcript.glance(agreement, text, "en")
    assert told.words == "It was"
    assert told.events[-1] == Tentative("the best of")


def test_words_on_both_sides_of_a_cut_come_once(told: Told) -> None:
    passages = [
        told.final("It was the age of wisdom, it was the age of fool", BEFORE),
        told.final("was the age of foolishness, it was the epoch", MIDDLE),
        told.final("the epoch of belief.", AFTER),
    ]
    told.transcript.finish()
    assert told.words == (
        "It was the age of wisdom, it was the age of foolishness, it was the epoch of belief."
    )
    assert " ".join(filter(None, passages)) == told.words


def test_words_that_drafts_committed_before_a_cut_are_not_doubled(told: Told) -> None:
    agreement = Agreement()
    for _ in range(2):
        told.transcript.hypothesis(agreement, Transcription("It was the age of wisdom it", "en"))
    told.transcript.final(agreement, "It was the age of wisdom it", "en", BEFORE)
    told.final("the age of wisdom it was the age", AFTER)
    assert told.words == "It was the age of wisdom it was the age"


def test_signs_on_both_sides_of_a_cut_come_once(told: Told) -> None:
    told.final("今天天气很好我们出去", BEFORE, "zh")
    told.final("很好我们出去走走吧", AFTER, "zh")
    assert told.words == "今天天气很好我们出去走走吧"


def test_held_words_come_at_the_end(told: Told) -> None:
    told.final("It was the best of times", BEFORE)
    assert told.words == ""
    told.transcript.finish()
    assert told.words == told.transcript.text == "It was the best of times"


def test_held_words_come_when_nothing_is_heard_after_the_cut(told: Told) -> None:
    told.final("It was the best of times", BEFORE)
    assert told.final("", AFTER) == "It was the best of times"
    assert told.words == "It was the best of times"


_NUMBERS = st.lists(st.integers(0, 999).map(lambda n: f"w{n}"), unique=True, min_size=1, max_size=60)


@given(_NUMBERS, st.data())
def test_no_word_is_lost_or_doubled_at_cuts(words: list[str], data: st.DataObject) -> None:
    told = Told()
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(words) - 1)), max_size=4)) - {len(words)})
    starts = [0, *(cut - data.draw(st.integers(1, min(6, cut))) for cut in cuts)]
    starts = [max(start, *([0], cuts[: max(0, index - 1)])[-1] or [0]) for index, start in enumerate(starts)]
    ends = [*cuts, len(words)]
    for start, end in zip(starts, ends, strict=True):
        segment = Segment(0, 9, 9, overlaps=start > 0 or end != ends[0], cut=end != ends[-1])
        agreement = Agreement()
        if not segment.overlaps:  # drafts of it
            for _ in range(data.draw(st.integers(0, 3))):
                so_far = words[start : data.draw(st.integers(start, end))]
                told.transcript.hypothesis(agreement, Transcription(" ".join(so_far), "en"))
        told.transcript.final(agreement, " ".join(words[start:end]), "en", segment)
    told.transcript.finish()
    assert told.words == told.transcript.text == " ".join(words)


def test_doubtful_words_wait_for_the_final(told: Told) -> None:
    agreement = Agreement()
    for _ in range(2):
        heard = Transcription("turn on the lamb in the hall", "en", certain=len("turn on the"))
        told.transcript.hypothesis(agreement, heard)
    assert told.words == "turn on the"
    told.transcript.final(agreement, "turn on the lamp in the hall", "en", WHOLE)
    assert told.words == "turn on the lamp in the hall"
