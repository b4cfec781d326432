from hypothesis import given
from hypothesis import strategies as st

from wallflower.speakers.revision import Stretch
from wallflower.speakers.stable import stable_numbers


def _stretches(*each: tuple[float, float, int]) -> list[Stretch]:
    return [Stretch(*one) for one in each]


def test_who_shares_most_time_keeps_the_number() -> None:
    before = _stretches((0, 4, 5), (4, 6, 2), (7, 9, 2))
    revised = _stretches((0, 5, 0), (5, 9, 1))
    assert stable_numbers(revised, before, unused=6) == {0: 5, 1: 2}


def test_who_was_not_there_before_gets_a_new_number() -> None:
    revised = _stretches((0, 4, 0), (2, 3, 1), (20, 22, 2))
    assert stable_numbers(revised, _stretches((0, 4, 3)), unused=7) == {0: 3, 1: 7, 2: 8}


stretches = st.lists(
    st.tuples(st.floats(0, 60), st.floats(0.1, 9), st.integers(0, 4)).map(
        lambda each: Stretch(each[0], each[0] + each[1], each[2])
    ),
    max_size=12,
).map(lambda found: sorted(found, key=lambda each: each.start))


@given(stretches, stretches)
def test_everybody_has_a_number_and_none_is_given_twice(
    revised: list[Stretch], before: list[Stretch]
) -> None:
    numbers = stable_numbers(revised, before, unused=5)
    assert numbers.keys() == {stretch.speaker for stretch in revised}
    assert len(set(numbers.values())) == len(numbers)


@given(stretches)
def test_what_did_not_change_keeps_its_numbers(before: list[Stretch]) -> None:
    alone = [
        each
        for each in before
        if not any(each.start < o.end and o.start < each.end for o in before if o != each)
    ]
    numbers = stable_numbers(alone, alone, unused=5)
    assert all(speaker == number for speaker, number in numbers.items())
