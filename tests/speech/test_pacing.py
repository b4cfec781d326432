"""How often somebody who is still speaking is decoded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.speech.pacing import Pace, PartialCounts


def _pace(counts: PartialCounts | None = None, *, share: float = 0.5) -> Pace:
    return Pace(every=0.5, share=share, counts=counts or PartialCounts())


@given(st.sampled_from([0.25, 0.5]), st.lists(st.floats(0.01, 5), min_size=1, max_size=40))
def test_never_more_than_its_share(share: float, works: list[float]) -> None:
    """Between the beginnings of two partials lies the time of the first as often as the share tells."""
    pace = _pace(share=share)
    now, begun = 0.0, []
    spent = iter(works)
    while now < 100:
        if pace.may(now=now, sound=now, lane_share=0):
            if (work := next(spent, None)) is None:
                break
            begun.append((now, work))
            now += work
            pace.took(now=now, work=work, sound=now)
        now += 0.032
    ends = [at for at, _ in begun[1:]]
    for (at, work), end in zip(begun, ends, strict=False):
        assert work <= share * (end - at) + 1e-9


def test_as_often_as_there_is_new_sound() -> None:
    pace = _pace()
    assert not pace.may(now=0, sound=0.4, lane_share=0)
    assert pace.may(now=0, sound=0.5, lane_share=0)
    pace.took(now=0.01, work=0.01, sound=0.5)
    assert not pace.may(now=1, sound=0.9, lane_share=0)
    assert pace.may(now=1, sound=1.0, lane_share=0)


def test_a_new_segment_begins_anew() -> None:
    pace = _pace()
    assert pace.may(now=0, sound=20, lane_share=0)
    pace.restart()
    assert pace.may(now=1, sound=0.5, lane_share=0)


def test_a_lane_full_of_partials_puts_them_off_and_that_shows() -> None:
    counts = PartialCounts()
    pace = _pace(counts)
    assert not any(pace.may(now=now, sound=1, lane_share=0.6) for now in range(5))
    assert counts.put_off == 1
    assert pace.may(now=6, sound=1, lane_share=0.4)
    assert not pace.may(now=7, sound=2, lane_share=0.6)
    assert counts.put_off == 2


@pytest.mark.parametrize("restart", [True, False])
def test_an_engine_that_is_too_slow_is_given_up_for_the_utterance(restart: bool) -> None:
    counts = PartialCounts()
    pace = _pace(counts)
    for sound in (1, 2, 3):
        assert pace.may(now=sound * 10, sound=sound, lane_share=0)
        pace.took(now=sound * 10 + 2, work=0.3 * sound, sound=sound)
    if restart:
        pace.restart()
    assert not pace.may(now=100, sound=4, lane_share=0)
    assert (counts.decoded, counts.given_up) == (3, 1)


def test_a_single_slow_one_is_forgiven() -> None:
    pace = _pace()
    for sound, work in ((1, 1.0), (2, 1.0), (3, 0.1), (4, 1.2), (5, 1.3)):
        assert pace.may(now=sound * 10, sound=sound, lane_share=0)
        pace.took(now=sound * 10 + 2, work=work, sound=sound)
    assert pace.may(now=100, sound=6, lane_share=0)


def test_what_is_left_out_because_the_sound_is_ahead_shows_and_delays_nothing() -> None:
    counts = PartialCounts()
    pace = _pace(counts)
    for sound in (0.2, 0.5, 0.7, 1.0):
        pace.leave_out(sound=sound)
    assert counts.put_off == 2
    assert pace.may(now=0, sound=1.1, lane_share=0)
    pace.leave_out(sound=1.2)
    assert counts.put_off == 2
    pace.restart()
    pace.leave_out(sound=0.5)
    assert counts.put_off == 3
