"""What is committed of texts that grow: only ever more."""

from hypothesis import given
from hypothesis import strategies as st

from wallflower.speech.agreement import Agreement, rest_after
from wallflower.speech.pieces import split_pieces

_TEXTS = st.lists(
    st.sampled_from(["it", "was", "the", "best", "of", "times", "the", "worst", "Times,", "times."]),
    max_size=12,
).map(lambda words: split_pieces(" ".join(words), "en"))


@given(st.lists(_TEXTS, max_size=8), _TEXTS)
def test_what_is_committed_is_never_taken_back(hypotheses: list[list[str]], final: list[str]) -> None:
    agreement = Agreement()
    told: list[str] = []
    for hypothesis in hypotheses:
        told += agreement.update(hypothesis)
        assert agreement.committed == told
    told += agreement.finish(final)
    assert agreement.committed == told
    assert agreement.tentative == []


@given(_TEXTS, _TEXTS)
def test_two_that_say_the_same_commit_all_but_the_last_word(before: list[str], hypothesis: list[str]) -> None:
    agreement = Agreement()
    agreement.update(before)
    agreement.update(hypothesis)
    agreement.update(hypothesis)
    assert agreement.committed == hypothesis[:-1]
    assert agreement.tentative == hypothesis[-1:]


@given(_TEXTS, st.lists(st.integers(0, 12), max_size=8))
def test_decodings_held_to_what_is_committed_end_as_the_final_text(text: list[str], ends: list[int]) -> None:
    agreement = Agreement()
    for end in sorted(ends):
        agreement.update(text[:end])
        assert [*agreement.committed, *agreement.tentative] == text[:end]
    agreement.finish(text)
    assert agreement.committed == text


def test_one_decoding_commits_nothing() -> None:
    assert Agreement().update(["It", " was", " the"]) == []


def test_words_that_differ_stop_the_commit() -> None:
    agreement = Agreement()
    agreement.update(["It", " was", " thy", " best"])
    assert agreement.update(["It", " was", " the", " best", " of"]) == ["It", " was"]
    assert agreement.tentative == [" the", " best", " of"]


def test_last_word_waits_for_what_stands_behind_it() -> None:
    agreement = Agreement()
    agreement.update(["best", " of", " times"])
    assert agreement.update(["best", " of", " times"]) == ["best", " of"]
    assert agreement.finish(["best", " of", " times,", " the", " worst"]) == [" times,", " the", " worst"]


@given(_TEXTS, _TEXTS)
def test_the_rest_after_the_same_words(committed: list[str], more: list[str]) -> None:
    assert rest_after(committed, [*committed, *more]) == more


@given(_TEXTS, _TEXTS)
def test_the_rest_is_an_end_of_the_hypothesis(committed: list[str], hypothesis: list[str]) -> None:
    rest = rest_after(committed, hypothesis)
    assert rest == hypothesis[len(hypothesis) - len(rest) :]


def test_the_rest_where_a_word_was_heard_otherwise() -> None:
    heard = ["It", " was", " a", " best", " of", " Times,", " it", " was"]
    assert rest_after(["It", " was", " the", " best", " of", " times"], heard) == [" it", " was"]
    assert rest_after(["turn", " on", " the"], ["turn", " the", " light"]) == [" light"]
    assert rest_after(["one", " two", " three"], []) == []


def test_what_stands_behind_a_doubt_is_not_committed() -> None:
    agreement = Agreement()
    pieces = split_pieces("one two three four five", "en")
    agreement.update(pieces, certain=9)
    assert agreement.update(pieces, certain=9) == ["one", " two"]
    assert agreement.update(pieces, certain=13) == [" three"]
    assert agreement.update(pieces) == [" four"]
