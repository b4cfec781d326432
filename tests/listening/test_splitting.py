"""What was said in one go, as parts of one speaker each."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from wallflower.events import HeardWord, Passage
from wallflower.listening.splitting import parts_of
from wallflower.speakers.revision import Stretch


def _passage(text: str, *times: tuple[float, float], start: float = 10.0, words: str = "") -> Passage:
    spelled = (words or text).split()
    heard = tuple(HeardWord(word, *time, 0.5) for word, time in zip(spelled, times, strict=True))
    return Passage(start, start + 10, text, "en", heard, 0.75, "an engine")


def test_it_is_cut_where_the_speaker_changes() -> None:
    passage = _passage("Who is it?  It is me.", (0, 1), (1, 2), (2, 3), (4, 5), (5, 6), (6, 7))
    one, two = parts_of(passage, [Stretch(9.9, 13.2, 3), Stretch(13.9, 17.1, 5)])
    assert (one.speaker, one.passage.text) == (3, "Who is it?")
    assert (one.passage.start, one.passage.end) == (10, 13)
    assert (two.speaker, two.passage.text) == (5, "It is me.")
    assert (two.passage.start, two.passage.end) == (14, 20)
    assert [(word.start, word.end) for word in two.passage.words] == [(0, 1), (1, 2), (2, 3)]
    assert two.passage.engine == "an engine"
    assert two.passage.confidence == 0.5


def test_one_speaker_is_one_part_as_it_was() -> None:
    passage = _passage("so it is", (0, 1), (1, 2), (2, 3))
    (part,) = parts_of(passage, [Stretch(10, 13, 0)])
    assert part.passage == passage
    (part,) = parts_of(passage, [])
    assert (part.passage, part.speaker) == (passage, None)


def test_words_between_turns_go_with_their_neighbours() -> None:
    passage = _passage("a b c d", (0, 1), (1.8, 2), (4, 5), (6, 7))
    parts = parts_of(passage, [Stretch(14, 15, 1), Stretch(16, 17, 2)])
    assert [(part.speaker, part.passage.text) for part in parts] == [(1, "a b c"), (2, "d")]


def test_a_word_at_an_edge_is_no_turn() -> None:
    passage = _passage("a b c", (0, 1), (1, 1.3), (1.3, 3))
    (part,) = parts_of(passage, [Stretch(10, 11, 1), Stretch(11, 11.3, 2), Stretch(11.3, 13, 1)])
    assert part.speaker == 1


def test_without_times_it_is_of_who_speaks_most() -> None:
    passage = Passage(10, 20, "who said what", "en")
    (part,) = parts_of(passage, [Stretch(10, 13, 1), Stretch(13, 20, 2)])
    assert (part.passage, part.speaker) == (passage, 2)


def test_words_that_are_not_the_texts_cut_nothing() -> None:
    passage = _passage("one two three", (0, 1), (1, 2), (2, 5), words="one zwei three")
    (part,) = parts_of(passage, [Stretch(10, 12, 1), Stretch(12, 15, 2)])
    assert (part.passage, part.speaker) == (passage, 2)


def test_others_who_speak_meanwhile_are_told() -> None:
    passage = _passage("one two", (0, 1), (1, 2))
    (part,) = parts_of(passage, [Stretch(10, 12, 1), Stretch(10.9, 12, 2)])
    assert part.overlapped
    assert part.speaker == 1


@given(
    st.lists(st.text("abcü", min_size=1, max_size=4), min_size=1, max_size=8),
    st.lists(st.tuples(st.floats(0, 9), st.floats(0, 3), st.integers(0, 3)), max_size=6),
)
def test_nothing_is_lost_or_told_twice(words: list[str], spans: list[tuple[float, float, int]]) -> None:
    times = [(float(number), number + 0.9) for number in range(len(words))]
    passage = _passage(" ".join(words), *times)
    stretches = sorted(
        (Stretch(10 + start, 10 + start + length, who) for start, length, who in spans),
        key=lambda each: each.start,
    )
    parts = parts_of(passage, stretches)
    assert " ".join(part.passage.text for part in parts) == passage.text
    assert [word.text for part in parts for word in part.passage.words] == words
    assert parts[0].passage.start == passage.start
    assert parts[-1].passage.end == passage.end
    for before, after in itertools.pairwise(parts):
        assert before.speaker != after.speaker
        assert before.passage.start <= before.passage.end <= after.passage.end
    for part in parts:
        for word, time in zip(part.passage.words, part.passage.words, strict=True):
            assert 0 <= word.start <= time.end <= part.passage.end - part.passage.start + 1e-6
