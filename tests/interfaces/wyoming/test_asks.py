"""What is read out of a client's requests."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.interfaces.wyoming.asks import Ask, RequestError, read_program, read_transcribe
from wallflower.interfaces.wyoming.info import info_of
from wallflower.models.catalog import find_model
from wallflower.speech.endpointing import SILENCE_SECONDS

_INFO = info_of(find_model("whisper-base-openvino-int8"), quick=find_model("moonshine-tiny-en"))


def _read(data: dict[str, Any], program: str = "Wallflower", *, endpointing: bool = False) -> Ask:
    return read_transcribe(data, _INFO, program, language="en", endpointing=endpointing)


@pytest.mark.parametrize(
    ("asked", "program", "meant"),
    [(None, "Wallflower", None), ("", "Wallflower", None), ("de", "Wallflower", "de"), (None, "fast", "en")],
)
def test_a_language_that_nobody_names_is_detected(asked: str | None, program: str, meant: str | None) -> None:
    ask = read_transcribe({"language": asked}, _INFO, program, language=None, endpointing=False)
    assert ask.manner.language == meant


def test_nothing_asked_is_the_default() -> None:
    ask = _read({})
    assert (ask.manner.language, ask.manner.program, ask.manner.streaming) == ("en", "accurate", True)
    assert ask.manner.endpointing is None
    assert ask.context is None


@pytest.mark.parametrize(("program", "meant"), [("fast", "fast"), ("accurate", "accurate")])
def test_programs(program: str, meant: str) -> None:
    assert read_program({"name": program}, _INFO) == program
    assert _read({}, program).manner.program == meant


@pytest.mark.parametrize(
    ("asked", "meant"), [*((name, name) for name in SILENCE_SECONDS), (None, "default"), ("new", "default")]
)
def test_sensitivity(asked: str | None, meant: Any) -> None:
    endpointing = _read({"vad_sensitivity": asked}, endpointing=True).manner.endpointing
    assert endpointing is not None
    assert endpointing.silence == SILENCE_SECONDS[meant]


@given(st.lists(st.text()))
def test_names_come_once_and_on_one_line(names: list[str]) -> None:
    read = _read({"transcript_names": names, "transcript_terms": names}).manner
    assert read.names == read.terms
    assert len(set(read.names)) == len(read.names) <= 500
    assert all(0 < len(name) <= 100 and name.splitlines() == [name] for name in read.names)


def test_too_many_names_are_cut_short() -> None:
    assert len(_read({"transcript_names": [f"name {n}" for n in range(90_000)]}).manner.names) == 500


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["name", "language", "context", "vad_sensitivity", "transcript_names", "transcript_terms"]
        ),
        _JSON,
    )
)
def test_anything_else_is_an_error_with_a_code(data: dict[str, Any]) -> None:
    try:
        ask = _read(data, endpointing=True)
    except RequestError as error:
        assert error.code in {"bad-event", "unknown-model", "unsupported-language"}
        assert error.text
    else:
        assert ask.context == data.get("context")
