import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wallflower.speakers.embedding import SIZE, unit
from wallflower.speakers.voiceprint import (
    MODEL,
    MOST_EMBEDDINGS,
    Voiceprint,
    VoiceprintError,
    enrolled,
    export_voices,
    from_bytes,
    import_voices,
    to_bytes,
    updated,
)


def _voice(seed: int) -> NDArray[np.float32]:
    return unit(np.random.default_rng(seed).normal(size=SIZE).astype(np.float32))


def _print(*seeds: int) -> Voiceprint:
    return Voiceprint(MODEL, np.stack([_voice(seed) for seed in seeds]))


def test_several_embeddings_are_kept() -> None:
    voiceprint = enrolled(None, _voice(1))
    voiceprint = enrolled(voiceprint, _voice(2) * 3)
    np.testing.assert_allclose(voiceprint.embeddings, _print(1, 2).embeddings, atol=1e-6)


def test_of_too_many_the_one_that_tells_least_goes() -> None:
    voiceprint: Voiceprint | None = None
    for seed in (1, 1, *range(2, MOST_EMBEDDINGS + 1)):
        voiceprint = enrolled(voiceprint, _voice(seed))
    assert voiceprint is not None
    assert len(voiceprint.embeddings) == MOST_EMBEDDINGS
    for seed in range(1, MOST_EMBEDDINGS + 1):
        assert (voiceprint.embeddings @ _voice(seed)).max() > 0.999


def test_a_voiceprint_of_another_model_is_replaced_and_never_moved() -> None:
    other = Voiceprint("older", _print(1).embeddings)
    assert enrolled(other, _voice(2)).model == MODEL
    assert len(enrolled(other, _voice(2)).embeddings) == 1
    assert updated(other, _voice(2)) is other


def test_it_follows_a_voice_slowly() -> None:
    before = _print(1, 2)
    after = updated(before, unit(_voice(2) + _voice(3)))
    np.testing.assert_array_equal(after.embeddings[0], before.embeddings[0])
    assert 0.99 < float(after.embeddings[1] @ before.embeddings[1]) < 1


@given(st.lists(st.integers(0, 99), min_size=1, max_size=MOST_EMBEDDINGS))
def test_kept_and_read_again(seeds: list[int]) -> None:
    voiceprint = _print(*seeds)
    again = from_bytes(MODEL, to_bytes(voiceprint))
    np.testing.assert_allclose(again.embeddings, voiceprint.embeddings, atol=2e-3)


@given(st.binary(max_size=1000) | st.binary(min_size=2 * SIZE, max_size=2 * SIZE))
def test_a_corrupt_voiceprint_is_refused(data: bytes) -> None:
    with pytest.raises(VoiceprintError, match="damaged"):
        from_bytes(MODEL, data)


def test_exported_and_imported() -> None:
    people = {"Ada": _print(1, 2), "Björn": _print(3)}
    again = import_voices(export_voices(people))
    assert list(again) == ["Ada", "Björn"]
    np.testing.assert_allclose(again["Ada"].embeddings, people["Ada"].embeddings, atol=2e-3)
    assert import_voices(export_voices({})) == {}


def _file(**changes: object) -> str:
    content = json.loads(export_voices({"Ada": _print(1)}))
    content["voices"][0].update(changes)
    return json.dumps(content)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no file of voices"),
        ("[" * 100_000, "no file of voices"),
        ("[]", "wallflower exported"),
        ('{"format": "wallflower-voices", "version": 9, "voices": []}', "version 9"),
        ('{"format": "wallflower-voices", "version": 1, "voices": {}}', "no list"),
        ('{"format": "wallflower-voices", "version": 1, "voices": [1]}', "voice 1 of the file lacks"),
        (_file(model="older"), "made by model 'older'"),
        (_file(name=" "), "no printable name"),
        (_file(name="a\nb"), "no printable name"),
        (_file(embeddings="&&"), "voice 1 of the file is damaged"),
        (_file(embeddings="AAAA"), "voice 1 of the file: a voiceprint of 3 bytes"),
        (_file(embeddings=5), "lacks"),
    ],
)
def test_files_that_are_refused(text: str, reason: str) -> None:
    with pytest.raises(VoiceprintError, match=reason):
        import_voices(text)


def test_a_name_twice() -> None:
    content = json.loads(export_voices({"Ada": _print(1)}))
    content["voices"] *= 2
    with pytest.raises(VoiceprintError, match="voice 2"):
        import_voices(json.dumps(content))


@given(st.text() | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
def test_any_text_is_voices_or_an_error(text: str) -> None:
    with pytest.raises(VoiceprintError):
        import_voices(text)
