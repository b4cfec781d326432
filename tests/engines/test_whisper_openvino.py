"""The engine on Whisper base and real speech, and what it says of what it cannot load."""

import json
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import psutil
import pytest
from numpy.typing import NDArray
from openvino import opset13

from wallflower.engines import whisper_graphs, whisper_openvino
from wallflower.engines.base import EngineAbortedError, EngineError, Request
from wallflower.engines.openvino import compile_graph
from wallflower.engines.whisper_graphs import Step
from wallflower.engines.whisper_openvino import WhisperOpenVinoEngine
from wallflower.engines.whisper_prompt import PROMPT_TOKENS
from wallflower.models.conversion.checkpoint import read_checkpoint
from wallflower.models.conversion.openvino_graphs import decoder_graph, encoder_graph
from wallflower.models.conversion.weight_format import WeightFormat

ENGLISH = Request("en")


@pytest.fixture
def sound(speech: NDArray[np.int16]) -> NDArray[np.float32]:
    """13 s: too long for the short window."""
    return speech.astype(np.float32) / np.float32(32768)


@pytest.fixture
def broken(whisper_folder: Path, tmp_path: Path) -> Path:
    """A copy of the model to be damaged."""
    return Path(shutil.copytree(whisper_folder, tmp_path / "model"))


def test_right_words_cased_and_punctuated(whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32]) -> None:
    result = whisper.transcribe(sound, ENGLISH)
    assert result.text.startswith("It was the best of times, it was the worst of times")
    assert result.text.rstrip(".").endswith("it was the epoch of incredulity")
    assert result.language == "en"
    assert result.words == ()
    assert result.average_log_probability is not None
    assert 0 > result.average_log_probability > -0.3
    assert result.no_speech is not None
    assert result.no_speech < 0.2


def test_short_segment_in_the_short_window(
    whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32]
) -> None:
    result = whisper.transcribe(sound[:48_000], ENGLISH)
    assert "it was the best of times" in result.text.lower()


def test_language_is_detected(whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32]) -> None:
    found = whisper.transcribe(sound, Request())
    assert found.language == "en"
    assert found.language_probability is not None
    assert found.language_probability > 0.9
    assert found.text == whisper.transcribe(sound, ENGLISH).text
    prompted = whisper.transcribe(sound, Request(prompt="Charles Dickens wrote."))
    assert prompted.language == "en"
    assert prompted.language_probability == pytest.approx(found.language_probability)


@pytest.mark.parametrize(
    ("allowed", "found"), [(("de", "en"), "en"), (("tlh", "fr"), "fr"), (("tlh",), "en"), ((), "en")]
)
def test_only_allowed_languages_are_detected(
    whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32], allowed: tuple[str, ...], found: str
) -> None:
    result = whisper.transcribe(sound[:64_000], Request(languages=allowed))
    assert result.language == found
    assert result.language_probability is not None
    assert (result.language_probability > 0.5) is (found == "en")


def test_language_given_is_how_likely(whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32]) -> None:
    result = whisper.transcribe(sound, Request("de"))
    assert result.language == "de"
    assert result.language_probability is not None
    assert result.language_probability < 0.1


def test_language_that_no_one_speaks_is_refused(whisper: WhisperOpenVinoEngine) -> None:
    assert "tlh" not in whisper.languages
    with pytest.raises(EngineError, match="tlh"):
        whisper.transcribe(np.zeros(16_000, np.float32), Request("tlh"))


def test_words_have_times_in_order_and_inside(
    whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32]
) -> None:
    result = whisper.transcribe(sound, Request("en", word_times=True))
    assert " ".join(word.text for word in result.words) == result.text
    starts = [word.start for word in result.words]
    assert starts == sorted(starts)
    assert all(0 <= word.start <= word.end <= 13 for word in result.words)
    assert all(word.confidence is not None and 0 <= word.confidence <= 1 for word in result.words)
    # Each "times" ends a phrase of about two seconds and a half in this reading.
    first, second = (word for word in result.words if word.text.strip(",.").lower() == "times")
    assert 1 < first.start < 2.5 < second.start < 5


def test_times_follow_the_sound(whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32]) -> None:
    later = np.concatenate([np.zeros(48_000, np.float32), sound[:64_000]])
    first = whisper.transcribe(sound[:64_000], Request("en", word_times=True)).words
    second = whisper.transcribe(later, Request("en", word_times=True)).words
    shifts = [b.end - a.end for a, b in zip(first, second, strict=False)]
    assert abs(float(np.median(shifts)) - 3.0) < 0.3


def test_prompt_sets_the_style(whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32]) -> None:
    shouted = Request("en", prompt="IT WAS A DARK AND STORMY NIGHT. THE RAIN FELL IN TORRENTS. " * 3)
    assert whisper.transcribe(sound, shouted).text.isupper()


def test_hotwords_are_expected(whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32]) -> None:
    part = sound[80_000:]
    assert "age of wisdom" in whisper.transcribe(part, ENGLISH).text
    assert "age of Wisdom" in whisper.transcribe(part, Request("en", hotwords=("Foolishness", "Wisdom"))).text


@pytest.mark.parametrize("words", [300, 20_000])
def test_prompt_beyond_the_budget_loses_its_beginning(
    whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32], words: int
) -> None:
    prompt = "one " * words
    assert len(whisper._prompt(Request(prompt=prompt))) == PROMPT_TOKENS + 1
    assert "best of times" in whisper.transcribe(sound, Request("en", prompt=prompt)).text.lower()


def test_special_tokens_in_a_prompt_do_not_steer(
    whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32]
) -> None:
    prompt = "<|endoftext|><|startoftranscript|><|de|><|translate|>"
    assert "best of times" in whisper.transcribe(sound, Request("en", prompt=prompt)).text.lower()


def test_noise_is_told_by_its_probabilities(
    whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32]
) -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, 64_000).astype(np.float32)
    unclear, clear = whisper.transcribe(noise, ENGLISH), whisper.transcribe(sound, ENGLISH)
    assert unclear.no_speech is not None
    assert clear.no_speech is not None
    assert unclear.no_speech > 0.4
    assert clear.no_speech < 0.2
    assert unclear.average_log_probability is not None
    assert unclear.average_log_probability < -0.5


@pytest.mark.parametrize("length", [0, 1, 700, 1600])
def test_next_to_nothing_can_be_decoded(whisper: WhisperOpenVinoEngine, length: int) -> None:
    result = whisper.transcribe(np.zeros(length, np.float32), Request(word_times=True))
    assert len(result.text) < 80
    assert all(word.end <= length / 16_000 for word in result.words)


def test_more_than_the_model_hears_is_refused(whisper: WhisperOpenVinoEngine) -> None:
    assert whisper.longest_seconds == 30
    with pytest.raises(EngineError, match=r"31\.0 s"):
        whisper.transcribe(np.zeros(31 * 16_000, np.float32), ENGLISH)


def test_circle_is_cut(whisper: WhisperOpenVinoEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert whisper._graphs is not None
    monkeypatch.setattr(whisper._graphs, "decode", lambda tokens, rows=(-1,): _always(2000, len(rows)))
    result = whisper.transcribe(np.zeros(160_000, np.float32), ENGLISH)
    assert result.text == whisper._text.decode([2000]).strip()


def _always(token: int, rows: int) -> Any:
    logits = np.zeros((rows, 51865), np.float32)
    logits[:, token] = 20
    return Step(logits, None)


def test_same_words_after_a_rest_that_gives_memory_back(
    whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32]
) -> None:
    process = psutil.Process()
    before = whisper.transcribe(sound, ENGLISH)
    assert whisper._graphs is not None
    worked = process.memory_info().rss
    whisper._graphs.rest()
    assert process.memory_info().rss < worked - 20_000_000
    assert whisper.transcribe(sound, ENGLISH) == before


def test_it_rests_when_nothing_is_asked(
    whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert whisper._graphs is not None
    rests: list[str] = []
    monkeypatch.setattr(whisper_openvino, "REST_SECONDS", 0.3)
    monkeypatch.setattr(whisper._graphs, "rest", lambda: rests.append(threading.current_thread().name))
    for _ in range(3):
        whisper.transcribe(sound[:16_000], ENGLISH)
    assert whisper._resting is not None
    whisper._resting.join()
    assert rests == [whisper._resting.name]


def test_no_rest_once_unloaded(whisper_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper_openvino, "REST_SECONDS", 0.0)
    engine = WhisperOpenVinoEngine(whisper_folder, threads=2)
    engine.transcribe(np.zeros(1600, np.float32), ENGLISH)
    resting = engine._resting
    engine.unload()
    assert resting is not None
    resting.join()
    with pytest.raises(EngineError, match="unloaded"):
        engine.transcribe(np.zeros(1600, np.float32), ENGLISH)


def test_abort_stops_the_decoding_under_way(
    whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32]
) -> None:
    stop = threading.Event()

    def keep_aborting() -> None:
        while not stop.wait(0.002):
            whisper.abort()

    aborter = threading.Thread(target=keep_aborting)
    aborter.start()
    try:
        with pytest.raises(EngineAbortedError):
            whisper.transcribe(sound, ENGLISH)
    finally:
        stop.set()
        aborter.join()
    assert whisper.transcribe(sound[:80_000], ENGLISH).text


def test_two_engines_at_once_give_each_its_own_text(
    whisper: WhisperOpenVinoEngine, whisper_folder: Path, sound: NDArray[np.float32]
) -> None:
    other = WhisperOpenVinoEngine(whisper_folder, threads=1)
    sounds = (sound[:64_000], sound[100_000:180_000])
    expected = [whisper.transcribe(part, ENGLISH).text for part in sounds]
    assert expected[0] != expected[1]

    def keep_on(engine: WhisperOpenVinoEngine, part: NDArray[np.float32]) -> set[str]:
        return {engine.transcribe(part, ENGLISH).text for _ in range(4)}

    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(keep_on, (whisper, other), sounds))
    assert found == [{expected[0]}, {expected[1]}]


def test_nothing_may_be_asked_of_what_was_unloaded(whisper_folder: Path, sound: NDArray[np.float32]) -> None:
    engine = WhisperOpenVinoEngine(whisper_folder)
    engine.unload()
    with pytest.raises(EngineError, match="unloaded"):
        engine.transcribe(sound, ENGLISH)


def test_failure_of_the_library_is_an_engine_error(
    whisper: WhisperOpenVinoEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whisper, "_mel", lambda samples, frames: np.zeros((1, 7, frames), np.float32))
    with pytest.raises(EngineError, match="failed to decode"):
        whisper.transcribe(np.zeros(16_000, np.float32), ENGLISH)


def test_absent_device_is_told_with_those_that_are_there(whisper_folder: Path) -> None:
    with pytest.raises(EngineError, match=r"no device GPU\.7 here, only .*CPU"):
        WhisperOpenVinoEngine(whisper_folder, device="GPU.7")


@pytest.mark.parametrize("library", ["openvino", "tokenizers"])
def test_missing_library_is_named_with_the_next_step(
    whisper_folder: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(EngineError, match=r"pip install wallflower\[openvino\]"):
        WhisperOpenVinoEngine(whisper_folder)


@pytest.mark.parametrize(
    "name", ["encoder.xml", "encoder.bin", "decoder.xml", "decoder.bin", "tokenizer.json", "wallflower.json"]
)
def test_truncated_file_is_an_engine_error(broken: Path, name: str) -> None:
    content = (broken / name).read_bytes()
    (broken / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(EngineError):
        WhisperOpenVinoEngine(broken)


@pytest.mark.parametrize("name", ["encoder.xml", "decoder.bin", "tokenizer.json"])
def test_missing_file_is_named(broken: Path, name: str) -> None:
    (broken / name).unlink()
    with pytest.raises(EngineError, match=name.partition(".")[0]):
        WhisperOpenVinoEngine(broken)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="gone"):
        WhisperOpenVinoEngine(tmp_path / "gone")


def test_graph_of_something_else_is_refused(broken: Path) -> None:
    for ending in ("xml", "bin"):
        shutil.copyfile(broken / f"decoder.{ending}", broken / f"encoder.{ending}")
    with pytest.raises(EngineError, match="no input mel"):
        WhisperOpenVinoEngine(broken)


def test_newer_description_is_refused(broken: Path) -> None:
    description = json.loads((broken / "wallflower.json").read_text()) | {"format": 2}
    (broken / "wallflower.json").write_text(json.dumps(description))
    with pytest.raises(EngineError, match="newer"):
        WhisperOpenVinoEngine(broken)


def test_files_may_lie_anywhere_under_any_name(
    whisper_folder: Path, tmp_path: Path, sound: NDArray[np.float32]
) -> None:
    files = {}
    for number, path in enumerate(sorted(whisper_folder.iterdir())):
        files[path.name] = tmp_path / f"{number:064x}"
        files[path.name].symlink_to(path)
    engine = WhisperOpenVinoEngine(files, threads=1)
    assert "best of times" in engine.transcribe(sound, ENGLISH).text.lower()


def test_graphs_as_optimum_exports_them(
    whisper: WhisperOpenVinoEngine, whisper_base: dict[str, Path], tmp_path: Path, sound: NDArray[np.float32]
) -> None:
    """They are of a fixed length, give logits for all tokens and no alignment, and have other names."""
    checkpoint = read_checkpoint(whisper_base)
    encoder = encoder_graph(checkpoint, WeightFormat.INT8)
    encoder.reshape([-1, 80, 3000])
    encoder.input().set_names({"input_features"})
    openvino.save_model(encoder, tmp_path / "openvino_encoder_model.xml")
    decoder = decoder_graph(checkpoint, WeightFormat.INT8, ())
    rows, ids = decoder.input("rows").get_node(), decoder.input("input_ids").get_node()
    count = opset13.gather(opset13.shape_of(ids), np.array(1), np.array(0))
    rows.output(0).replace(opset13.range(np.array(0), count, np.array(1), "i64").output(0))
    decoder.remove_parameter(rows)
    openvino.save_model(decoder, tmp_path / "openvino_decoder_model.xml")
    shutil.copyfile(whisper_base["tokenizer.json"], tmp_path / "tokenizer.json")
    engine = WhisperOpenVinoEngine(tmp_path, threads=2)
    prompted = Request(prompt="Charles Dickens wrote.", word_times=True)
    for request in (ENGLISH, prompted):
        result, expected = engine.transcribe(sound, request), whisper.transcribe(sound, request)
        assert (result.text, result.language) == (expected.text, "en")
        assert result.no_speech == pytest.approx(expected.no_speech, abs=0.05)
        assert result.words == ()


def test_npu_gets_encoders_of_fixed_lengths_and_the_cpu_decodes(
    whisper: WhisperOpenVinoEngine,
    whisper_folder: Path,
    sound: NDArray[np.float32],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No machine of the project has an NPU: the CPU stands for it, and is given what it would be given."""
    asked: list[tuple[str, bool]] = []
    real = compile_graph

    def on_cpu(core: Any, model: Any, device: str, **rest: Any) -> Any:
        asked.append((device, model.is_dynamic()))
        return real(core, model, "CPU", **rest)

    monkeypatch.setattr(whisper_graphs, "compile_graph", on_cpu)
    monkeypatch.setattr(whisper_graphs, "check_device", lambda core, device: None)
    engine = WhisperOpenVinoEngine(whisper_folder, device="NPU", threads=2)
    assert asked == [("NPU", False), ("NPU", False), ("CPU", True)]
    for part in (sound, sound[:64_000]):
        assert engine.transcribe(part, ENGLISH).text == whisper.transcribe(part, ENGLISH).text
