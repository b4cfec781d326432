"""OpenVINO GenAI and its model: our own graphs of Whisper base, under the names that the library wants."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import tokenizers

from command import say
from environments import CACHE, checked_run, environment
from wallflower.engines.whisper_tokens import whisper_tokens

_VERSION = "2026.4.1.0"
# transformers without torch: it reads the tokenizer, to be turned into a graph.
_REQUIREMENTS = (f"openvino-genai=={_VERSION}", f"openvino-tokenizers=={_VERSION}", "transformers>=5,<6")
_WRITER = Path(__file__).with_name("genai_writer.py")


def genai_python() -> Path:
    """The Python of its environment (500 MB), made at the first call. Raises BenchmarkError."""
    return environment("openvino-genai", _REQUIREMENTS)


def genai_model(files: Mapping[str, Path]) -> Path:
    """The folder of its model, made from the files of ours at the first call. Raises BenchmarkError."""
    folder = CACHE / "whisper-base-genai-int8"
    if not folder.is_dir():
        python = genai_python()
        say(f"openvino-genai: making {folder}")
        with tempfile.TemporaryDirectory(dir=CACHE) as name:
            new = Path(name) / "model"
            new.mkdir()
            names = ("encoder.xml", "encoder.bin", "decoder.xml", "decoder.bin", "tokenizer.json")
            checked_run([str(python), str(_WRITER), str(new), *(str(files[file]) for file in names)])
            for file, content in _descriptions(files).items():
                (new / file).write_text(json.dumps(content), "utf-8")
            new.rename(folder)
    return folder


def _descriptions(files: Mapping[str, Path]) -> dict[str, dict[str, object]]:
    shape = json.loads(files["wallflower.json"].read_bytes())["shape"]
    tokenizer = tokenizers.Tokenizer.from_file(str(files["tokenizer.json"]))
    tokens = whisper_tokens(tokenizer)
    generation = {
        "decoder_start_token_id": tokens.start,
        "eos_token_id": tokens.end,
        "pad_token_id": tokens.end,
        "prev_sot_token_id": tokens.previous,
        "no_timestamps_token_id": tokens.no_timestamps,
        "is_multilingual": True,
        "lang_to_id": {f"<|{language}|>": token for language, token in tokens.languages.items()},
        "task_to_id": {"transcribe": tokens.transcribe},
        "suppress_tokens": [*tokens.suppressed],
        "begin_suppress_tokens": [*tokens.suppressed_first],
        "max_length": shape["text_positions"],
    }
    config = {
        "model_type": "whisper",
        "decoder_start_token_id": tokens.start,
        "num_mel_bins": shape["mels"],
        "vocab_size": shape["vocabulary"],
        "max_source_positions": shape["audio_positions"],
        "max_target_positions": shape["text_positions"],
    }
    sound = {"feature_size": shape["mels"], "sampling_rate": 16_000, "hop_length": 160, "n_fft": 400}
    sound |= {"chunk_length": 30, "n_samples": 480_000, "nb_max_frames": 3000}
    return {"generation_config.json": generation, "config.json": config, "preprocessor_config.json": sound}
