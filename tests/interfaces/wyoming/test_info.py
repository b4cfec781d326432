"""The info event has all that Home Assistant needs."""

import pytest
from wyoming.info import Info

from wallflower import __version__
from wallflower.interfaces.wyoming.info import (
    ACCURATE_PROGRAM,
    FAST_PROGRAM,
    PROGRAM,
    info_of,
    language_variants,
)
from wallflower.languages import base_language
from wallflower.models.catalog import find_model


def test_info_survives_the_wire_with_every_field() -> None:
    info = Info.from_event(info_of(find_model("moonshine-tiny-en")).event())
    (program,) = info.asr
    assert (program.name, program.version, program.installed) == (PROGRAM, __version__, True)
    assert program.attribution.name
    assert program.attribution.url.startswith("https://")
    assert program.supports_transcript_streaming is True
    assert program.requires_external_vad is True
    (model,) = program.models
    assert model.name == "moonshine-tiny-en"
    assert model.installed
    assert model.version == "1.0"
    assert model.attribution.name == "Useful Sensors"
    assert {"en", "en-US", "en-GB"} <= set(model.languages)


def test_a_quick_engine_is_a_program_of_its_own_and_the_default_comes_first() -> None:
    quick, accurate = find_model("moonshine-tiny-en"), find_model("whisper-base-openvino-int8")
    programs = info_of(accurate, quick=quick).asr
    assert [program.name for program in programs] == [PROGRAM, ACCURATE_PROGRAM, FAST_PROGRAM]
    assert [program.models[0].name for program in programs] == [accurate.id, accurate.id, quick.id]


def test_with_endpointing_no_other_vad_is_needed() -> None:
    assert info_of(find_model("moonshine-tiny-en"), endpointing=True).asr[0].requires_external_vad is False


def test_no_satellite_is_ever_in_it() -> None:
    """Home Assistant makes no speech-to-text entity of a server that is also a satellite."""
    event = info_of(find_model("moonshine-tiny-en")).event()
    assert event.data.get("satellite") is None
    assert [kind for kind, programs in event.data.items() if programs] == ["asr"]


def test_languages_without_known_regions_stand_alone() -> None:
    assert language_variants(["xx"]) == ["xx"]
    assert language_variants(["en"])[0] == "en"


@pytest.mark.parametrize("code", ["en", "EN", "en-GB", "en_gb", "en-Latn-GB"])
def test_region_is_no_part_of_the_base_language(code: str) -> None:
    assert base_language(code) == "en"
