"""The catalogue that comes with the package, and the form that it is written in."""

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.errors import ExitCode
from wallflower.models.catalog import (
    DEFAULT_MODEL,
    NEEDED_BY_DEFAULT,
    ConvertSource,
    HubSource,
    Model,
    ModelError,
    WheelSource,
    catalog,
    find_model,
    parse_catalog,
    parse_source,
)
from wallflower.models.conversion.forms import FORMS

_WORDLESS = {"vad", "embedding", "segmentation"}
_ENTRY = """
[[model]]
id = "tiny"
title = "Tiny"
engine = "none"
languages = ["en", "de"]
version = "1.0"
licence = "MIT"
attribution = { name = "Nobody", url = "https://example.org" }
[[model.file]]
name = "a.bin"
size = 12
sha256 = "ab"
sources = ["hub:o/r@main/d/a.bin", "wheel:n==1.0/p/a.bin"]
[[model.file]]
name = "b.bin"
size = 30
sha256 = "cd"
sources = ["wheel:n==1.0/p/b.bin"]
"""


@pytest.mark.parametrize("model", catalog().values(), ids=list(catalog()))
def test_an_entry_is_complete(model: Model) -> None:
    for text in (model.title, model.engine, model.version, model.licence, model.author):
        assert text.strip() == text
        assert text
    assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*", model.id)
    assert urlsplit(model.url).scheme == "https"
    assert all(re.fullmatch(r"[a-z]{2,3}", language) for language in model.languages)
    assert model.engine in {"moonshine", "whispercpp", "openvino", "onnx", "checkpoint", "sample"} | _WORDLESS
    assert bool(model.kind) is (model.engine == "onnx")
    assert (model.memory > 0) is (model.engine not in {"checkpoint", "sample"} | _WORDLESS)
    assert model.memory == 0 or model.memory > model.size  # on a processor at least
    assert model.languages or model.engine in {"checkpoint"} | _WORDLESS
    if model.made is not None:  # its files are known only when they are made
        assert model.files == ()
        assert find_model(model.made.model).engine == "checkpoint"
        assert model.made.form in FORMS
        assert model.size > 0
        return
    assert model.files
    assert model.size > 0
    if all(file.size for file in model.files):
        assert model.size == sum(file.size or 0 for file in model.files)


@pytest.mark.parametrize("model", catalog().values(), ids=list(catalog()))
def test_the_files_of_an_entry(model: Model) -> None:
    names = [file.name for file in model.files]
    assert len(set(names)) == len(names)
    for file in model.files:
        assert file.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert re.fullmatch(r"[\w.-]+", file.name)
        assert file.size is None or (type(file.size) is int and file.size > 0)
        assert not file.pinned
        assert file.sources
        order = [(HubSource, WheelSource, ConvertSource).index(type(source)) for source in file.sources]
        assert order == sorted(order)  # the hub comes first
        for source in file.sources:
            if isinstance(source, ConvertSource):
                assert find_model(source.model).engine == "checkpoint"
                assert source.form in FORMS


def test_ids_are_said_once() -> None:
    from importlib import resources

    folder = resources.files("wallflower.models").joinpath("entries")
    text = "".join(path.read_text("utf-8") for path in folder.iterdir())
    assert len(re.findall(r"(?m)^\[\[model\]\]", text)) == len(catalog())
    assert list(catalog()) == sorted(catalog())
    assert all(key == model.id for key, model in catalog().items())


def test_what_a_fresh_box_needs_is_there() -> None:
    assert {find_model(name).engine for name in NEEDED_BY_DEFAULT} == {"moonshine", "vad"}
    assert find_model(DEFAULT_MODEL).languages == ("en",)


def test_reading_an_entry() -> None:
    (model,) = parse_catalog(_ENTRY).values()
    assert (model.id, model.languages, model.size) == ("tiny", ("en", "de"), 42)
    assert (model.author, model.url) == ("Nobody", "https://example.org")
    assert model.files[0].sources == (
        HubSource("o/r", "main", "d/a.bin"),
        WheelSource("n", "1.0", "p/a.bin"),
    )


_PART = st.text("abcXYZ019-_.", min_size=1, max_size=12)
_PATH = st.lists(_PART, min_size=1, max_size=4).map("/".join)


@given(_PART, _PART, _PART, _PATH)
def test_a_hub_source_is_read_as_written(owner: str, name: str, revision: str, path: str) -> None:
    source = parse_source(f"hub:{owner}/{name}@{revision}/{path}")
    assert source == HubSource(f"{owner}/{name}", revision, path)


@given(_PART, _PART, _PATH)
def test_a_wheel_source_is_read_as_written(name: str, version: str, member: str) -> None:
    assert parse_source(f"wheel:{name}=={version}/{member}") == WheelSource(name, version, member)


def test_a_conversion_is_read_as_written() -> None:
    assert parse_source("convert:whisper-base/ggml:q8_0") == ConvertSource("whisper-base", "ggml:q8_0")


def test_languages_may_be_a_set_by_name() -> None:
    text = _ENTRY.replace('["en", "de"]', '["both", "nl"]')
    sets = '[languages]\nboth = ["en", "de"]\n'
    assert parse_catalog(text, sets)["tiny"].languages == ("en", "de", "nl")
    assert len(find_model("whisper-base").languages) == 99
    assert len(find_model("whisper-large-v3-ggml-q5_0").languages) == 100


def test_what_the_entries_of_a_file_share() -> None:
    text = """
[shared]
engine = "onnx"
languages = ["en"]
version = "1"
licence = "MIT"
attribution = { name = "Nobody", url = "https://example.org" }
hub = "o/r@main"
[[model]]
id = "one"
title = "One"
kind = "whisper"
quantization = "int8"
file = [{ name = "a.bin", path = "d/a_int8.bin" }, { name = "b.bin", size = 4 }]
[[model]]
id = "two"
title = "Two"
licence = "CC-BY-4.0"
hub = "o/two@v1"
about_size = 70
memory = 80
file = [{ name = "c.bin" }]
"""
    one, two = parse_catalog(text).values()
    assert [file.sources for file in one.files] == [
        (HubSource("o/r", "main", "d/a_int8.bin"),),
        (HubSource("o/r", "main", "b.bin"),),
    ]
    assert (one.kind, one.quantization, one.licence, one.size, one.is_pinned) == (
        "whisper", "int8", "MIT", 4, True,
    )  # fmt: skip
    assert two.files[0].sources == (HubSource("o/two", "v1", "c.bin"),)
    assert (two.licence, two.size, two.memory) == ("CC-BY-4.0", 70, 80)


def test_a_file_has_a_key_even_without_a_checksum() -> None:
    keys = [file.key for model in catalog().values() for file in model.files]
    assert all(re.fullmatch("[0-9a-f]{64}", key) for key in keys)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "convert:",
        "convert:whisper-base",
        "convert:whisper-base/",
        "convert:whisper-base/ggml",
        "convert:../base/ggml:f16",
        "hub:",
        "hub:owner@main/x",
        "hub:o/r/x",
        "hub:o/r@main",
        "hub:o/r@main/",
        "wheel:n/x",
        "wheel:n==1",
        "wheel:n==1/",
        "wheel:==1/x",
        "https://example.org/x",
        " hub:o/r@main/x",
    ],
)
def test_a_source_of_no_known_form(text: str) -> None:
    with pytest.raises(ModelError, match="no known form"):
        parse_source(text)


@given(st.text(max_size=40))
def test_any_text_is_a_source_or_an_error(text: str) -> None:
    try:
        source = parse_source(text)
    except ModelError:
        return
    assert isinstance(source, HubSource | WheelSource | ConvertSource)


def test_an_unknown_model_brings_the_nearest() -> None:
    with pytest.raises(ModelError, match="did you mean moonshine-tiny-en") as caught:
        find_model("moonshine-tiny")
    assert caught.value.exit_code == ExitCode.MODEL
    with pytest.raises(ModelError, match="wallflower models list"):
        find_model("xyzzy")
