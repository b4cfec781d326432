import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wallflower.speakers.clustering import assign_apart, cluster
from wallflower.speakers.embedding import SIZE, unit


def _people(*who: int, spread: float = 0.3, seed: int = 0) -> NDArray[np.float32]:
    """An embedding of each person's, near the others of the same person."""
    chance = np.random.default_rng(seed)
    voices = unit(chance.normal(size=(max(who) + 1, SIZE)).astype(np.float32))
    strays = unit(chance.normal(size=(len(who), SIZE)).astype(np.float32))
    return unit(voices[list(who)] + np.float32(spread) * strays)


def _labels(points: NDArray[np.float32], groups: list[int], limit: float = 0.55) -> list[int]:
    weights = np.ones(len(points), np.float32)
    labels: list[int] = cluster(points, weights, np.array(groups, np.intp), limit).tolist()
    return labels


def test_nothing_is_in_no_cluster() -> None:
    assert _labels(np.zeros((0, SIZE), np.float32), []) == []


def test_people_are_found() -> None:
    who = [0, 1, 0, 2, 1, 0, 2, 2, 1]
    assert _labels(_people(*who), list(range(9))) == who


def test_two_of_one_window_never_merge() -> None:
    same = _people(0, 0, 0, 0, spread=0.05)
    first, second, third, fourth = _labels(same, [0, 0, 1, 1])
    assert first != second
    assert third != fourth


def test_a_thousand_embeddings() -> None:
    who = [number % 20 for number in range(1000)]
    assert _labels(_people(*who), list(range(1000))) == who


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=30), st.integers(0, 9))
def test_no_cluster_holds_two_of_a_group(people: list[tuple[int, int]], seed: int) -> None:
    groups = [group for _, group in people]
    labels = _labels(_people(*(who for who, _ in people), seed=seed), groups, limit=1.5)
    assert len(set(zip(labels, groups, strict=True))) == len(people)
    assert sorted(set(labels)) == list(range(len(set(labels))))


def test_each_gets_the_best_that_nobody_else_has() -> None:
    likeness = np.array([[0.9, 0.8], [0.9, 0.1]], np.float32)
    assert assign_apart(likeness) == [1, 0]


def test_who_is_one_too_many_gets_none() -> None:
    likeness = np.array([[0.5], [0.9], [0.1]], np.float32)
    assert assign_apart(likeness) == [-1, 0, -1]


@given(
    st.integers(1, 3).flatmap(
        lambda rows: st.lists(
            st.lists(st.floats(-1, 1, width=32), min_size=rows, max_size=rows), min_size=1, max_size=6
        )
    )
)
def test_no_column_is_given_twice(columns: list[list[float]]) -> None:
    likeness = np.array(columns, np.float32).T
    found = assign_apart(likeness)
    given_ = [column for column in found if column >= 0]
    assert len(set(given_)) == len(given_) == min(likeness.shape)
