"""Pauses between attempts."""

from wallflower.audio.backoff import Backoff


def exact(low: float, high: float) -> float:
    return (low + high) / 2


def test_pauses_double_up_to_two_minutes() -> None:
    backoff = Backoff(exact)
    assert [backoff.pause() for _ in range(10)] == [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]


def test_they_begin_anew_after_steady_sound_alone() -> None:
    backoff = Backoff(exact)
    assert [backoff.pause(), backoff.pause()] == [1, 2]
    backoff.steady()
    assert backoff.pause() == 1


def test_where_haste_does_not_help_the_longest_comes_at_once() -> None:
    backoff = Backoff(exact)
    assert backoff.pause(longest=True) == 120
    assert backoff.pause() == 2


def test_two_sources_do_not_keep_step_and_none_waits_longer_than_two_minutes() -> None:
    one, other = Backoff(), Backoff()
    pairs = [(one.pause(), other.pause()) for _ in range(12)]
    assert any(a != b for a, b in pairs)
    assert all(0.8 <= pause <= 120 for pair in pairs for pause in pair)
