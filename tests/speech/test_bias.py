"""From names and terms to the words that an engine is told to expect."""

from hypothesis import given
from hypothesis import strategies as st

from wallflower.speech.bias import expected_words, token_cost


def test_names_come_before_terms_and_each_once() -> None:
    assert expected_words(("Lounge Lamp", "Snug"), ("dim", "snug ")) == ("Lounge Lamp", "Snug", "dim")


def test_words_are_on_one_line_and_empty_or_endless_ones_are_left_out() -> None:
    assert expected_words([" Lounge\n\tLamp\x00", "", " ", "x" * 100]) == ("Lounge Lamp",)


def test_what_costs_too_much_is_left_out_last_first() -> None:
    names = [f"Lamp number {number}" for number in range(500)]
    kept = expected_words(names)
    assert kept == tuple(names[: len(kept)])
    assert 20 < len(kept) < 60
    assert expected_words(names, most=0) == ()


def test_fifty_usual_names_fit() -> None:
    assert len(expected_words([f"Lounge L{number}" for number in range(10, 60)])) == 50


def test_signs_cost_more_than_letters() -> None:
    assert token_cost("客厅灯") > token_cost("Лам") > token_cost("Lam")


@given(st.lists(st.text()), st.lists(st.text()), st.integers(0, 223))
def test_the_cost_is_kept(names: list[str], terms: list[str], most: int) -> None:
    kept = expected_words(names, terms, most=most)
    assert sum(map(token_cost, kept)) <= most
    assert all(word.isprintable() and word == " ".join(word.split()) for word in kept)
