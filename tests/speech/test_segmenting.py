"""Where segments begin and end."""

import copy
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.speech.segmenting import FRAME_SECONDS, Segment, Segmenter, Segmenting
from wallflower.speech.vad import FRAME_SAMPLES

_SMALL = Segmenting(
    shortest_speech=0.096,
    lead=0.16,
    tail=0.16,
    long_pause=0.64,
    comfortable=1.92,
    short_pause=0.16,
    longest=3.2,
    overlap=0.32,
)
_PROBABILITIES = st.lists(
    st.tuples(st.sampled_from([0.0, 0.2, 0.4, 0.6, 0.99]), st.integers(1, 40)), max_size=20
).map(lambda runs: [p for value, count in runs for p in [value] * count])


def _segments(probabilities: list[float], settings: Segmenting) -> list[Segment]:
    segmenter = Segmenter(settings)
    return segmenter.feed(probabilities) + segmenter.finish()


def _seconds(probability: float, seconds: float) -> list[float]:
    return [probability] * round(seconds / FRAME_SECONDS)


@given(_PROBABILITIES)
def test_segments_are_in_order_apart_and_short_enough(probabilities: list[float]) -> None:
    segments = _segments(probabilities, _SMALL)
    for segment in segments:
        assert 0 <= segment.start < segment.end <= len(probabilities) * FRAME_SAMPLES
        assert (segment.end - segment.start) / 16_000 <= _SMALL.longest + 1e-9
    for one, next_ in itertools.pairwise(segments):
        shared = one.end - next_.start
        assert one.start < next_.start
        assert one.end <= next_.end
        assert one.cut == next_.overlaps == (shared > 0)
        assert shared / 16_000 <= _SMALL.overlap
    assert not any(each.overlaps for each in segments[:1])
    assert not any(each.cut for each in segments[-1:])


@given(_PROBABILITIES)
def test_the_last_speech_of_a_segment_is_inside(probabilities: list[float]) -> None:
    for segment in _segments(probabilities, _SMALL):
        assert segment.start < segment.spoken <= segment.end
        last = segment.spoken // FRAME_SAMPLES - 1
        assert probabilities[last] >= _SMALL.threshold
        after = probabilities[last + 1 : segment.end // FRAME_SAMPLES]
        assert all(probability < _SMALL.threshold for probability in after)


@given(_PROBABILITIES)
def test_what_is_under_way_becomes_the_segment(probabilities: list[float]) -> None:
    """At any moment: the end of the stream has the same start and the same speech."""
    segmenter = Segmenter(_SMALL)
    for probability in probabilities:
        segmenter.feed([probability])
        so_far = segmenter.under_way
        rest = copy.deepcopy(segmenter).finish()
        assert rest == ([] if so_far is None else [so_far])


@given(_PROBABILITIES)
def test_silence_is_counted_from_the_last_speech(probabilities: list[float]) -> None:
    segmenter = Segmenter(_SMALL)
    before = 0.0
    for probability in probabilities:
        segmenter.feed([probability])
        if segmenter.has_spoken and segmenter.under_way and probability >= _SMALL.threshold:
            assert segmenter.silence == 0
        else:
            assert segmenter.silence == pytest.approx(before + FRAME_SECONDS)
        before = segmenter.silence


@given(_PROBABILITIES)
def test_every_stretch_of_speech_is_inside_a_segment(probabilities: list[float]) -> None:
    taken = [False] * len(probabilities)
    for segment in _segments(probabilities, _SMALL):
        for frame in range(segment.start // FRAME_SAMPLES, segment.end // FRAME_SAMPLES):
            taken[frame] = True
    place = 0
    for is_speech, run in itertools.groupby(probabilities, lambda p: p >= _SMALL.threshold):
        length = len(list(run))
        if is_speech and length * FRAME_SECONDS >= _SMALL.shortest_speech:
            assert all(taken[place : place + length])
        place += length


@given(_PROBABILITIES, st.lists(st.integers(0, 800), max_size=6))
def test_how_frames_arrive_makes_no_difference(probabilities: list[float], cuts: list[int]) -> None:
    segmenter = Segmenter(_SMALL)
    places = [0, *sorted(min(cut, len(probabilities)) for cut in cuts), len(probabilities)]
    found = []
    for start, end in itertools.pairwise(places):
        found += segmenter.feed(probabilities[start:end])
    assert found + segmenter.finish() == _segments(probabilities, _SMALL)


@given(_PROBABILITIES)
def test_no_segment_begins_in_sound_that_may_be_dropped(probabilities: list[float]) -> None:
    segmenter = Segmenter(_SMALL)
    needed = 0
    for probability in probabilities:
        for segment in segmenter.feed([probability]):
            assert segment.start >= needed
        needed = segmenter.needed_from
    for segment in segmenter.finish():
        assert segment.start >= needed


def test_silence_and_clicks_make_no_segment() -> None:
    assert _segments(_seconds(0.0, 20), Segmenting()) == []
    assert _segments([*_seconds(0.0, 1), 0.36, 0.2, 0.9, 0.5, *_seconds(0.0, 1)], Segmenting()) == []


def test_speech_has_sound_around_it() -> None:
    (segment,) = _segments([*_seconds(0, 2), *_seconds(0.9, 1), *_seconds(0, 2)], Segmenting())
    assert segment.start / 16_000 == pytest.approx(2 - 0.3, abs=0.04)
    assert segment.end / 16_000 == pytest.approx(3 + 0.3, abs=0.04)


def test_short_pause_stays_inside_and_long_pause_parts() -> None:
    def count(pause: float) -> int:
        return len(_segments([*_seconds(0.9, 2), *_seconds(0, pause), *_seconds(0.9, 2)], Segmenting()))

    assert count(1.0) == 1
    assert count(2.0) == 2


def test_past_the_comfortable_length_a_short_pause_parts() -> None:
    speech = [*_seconds(0.9, 13), *_seconds(0, 0.5), *_seconds(0.9, 5)]
    first, second = _segments(speech, Segmenting())
    assert first.end / 16_000 == pytest.approx(13.3, abs=0.05)
    assert second.end / 16_000 == pytest.approx(18.5, abs=0.05)


@pytest.mark.parametrize("frames", range(860, 880))
def test_cut_in_a_pause_leaves_no_segment_of_silence(frames: int) -> None:
    segments = _segments([0.9] * frames + [0.0] * 200, Segmenting())
    assert all(segment.start // FRAME_SAMPLES < frames for segment in segments)


def test_speech_without_a_pause_is_cut_where_it_is_quietest() -> None:
    speech = [*_seconds(0.9, 20), *_seconds(0.3, 0.1), *_seconds(0.9, 15)]
    first, second = _segments(speech, Segmenting())
    assert not first.cut
    assert first.end == second.start
    assert first.end / 16_000 == pytest.approx(20.05, abs=0.1)


def test_a_cut_through_speech_is_on_both_sides() -> None:
    speech = [*_seconds(0.9, 20), *_seconds(0.5, 0.1), *_seconds(0.9, 15)]
    first, second = _segments(speech, Segmenting())
    assert (first.cut, second.overlaps, second.cut) == (True, True, False)
    assert second.start / 16_000 == pytest.approx(20.05 - 0.5, abs=0.1)
    assert first.end / 16_000 == pytest.approx(20.05 + 0.5, abs=0.1)
