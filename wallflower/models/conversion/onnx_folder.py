"""A folder that `onnx-asr` loads as a Whisper model: two graphs, the vocabulary and a description."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wallflower.models.catalog import ModelError
from wallflower.models.conversion.checkpoint import Checkpoint, expected_weights
from wallflower.models.conversion.folder import whole_folder
from wallflower.models.conversion.vocabulary import read_vocabulary
from wallflower.models.conversion.weight_format import WeightFormat

Report = Callable[[int, int], None]
"""Told how many bytes of weights are done, counted as float32, and of how many."""

_LARGEST = 2**31 - 1  # bytes of a protobuf


def write_onnx(checkpoint: Checkpoint, folder: Path, weight_format: WeightFormat, report: Report) -> None:
    """Build the graphs of `checkpoint` and put them in `folder`, in place of what was there.

    The files have the names of optimum's exports: `encoder_model.onnx` and `decoder_model_merged.onnx`, with
    `_int8` before the ending for weights of eight bits; other formats than INT8 and F32 there are none. The
    folder is complete or not there. Raises ModelError when the package onnx or a weight is missing, a graph
    is too large for its file, or the disk fails.
    """
    try:
        import onnx

        from wallflower.models.conversion.onnx_graphs import decoder_graph, encoder_graph
    except ImportError as error:
        raise ModelError(
            f"the package onnx cannot be loaded ({error}); get it with: pip install 'wallflower[convert]'"
        ) from error
    texts = _texts(checkpoint)
    total = 4 * sum(math.prod(sizes) for sizes in expected_weights(checkpoint.shape).values())
    done = 0

    def advance(values: int) -> None:
        nonlocal done
        done += 4 * values
        report(done, total)

    ending = "_int8.onnx" if weight_format is WeightFormat.INT8 else ".onnx"
    try:
        with whole_folder(folder) as new:
            for name, build in (("encoder_model", encoder_graph), ("decoder_model_merged", decoder_graph)):
                model = build(checkpoint, weight_format, advance)
                if model.ByteSize() > _LARGEST:
                    raise ModelError(
                        f"{name}{ending} would be over 2 GB, more than its format allows; take onnx:int8"
                    )
                onnx.save_model(model, new / f"{name}{ending}")
                del model  # one graph at a time in memory
            for name, content in texts.items():
                (new / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    except KeyError as error:
        raise ModelError(f"the checkpoint has no weight {error}; is it a Whisper model?") from error
    except OSError as error:
        raise ModelError(f"cannot write the model to {folder}: {error}") from error


def _texts(checkpoint: Checkpoint) -> dict[str, Any]:
    """The files beside the graphs. A token that the tokenizer does not name (a time mark) gets a name."""
    shape, vocabulary = checkpoint.shape, read_vocabulary(checkpoint.tokenizer)
    named = {*vocabulary.tokens.values(), *vocabulary.added.values()}
    unnamed = {f"<|{number}|>": number for number in range(shape.vocabulary) if number not in named}
    return {
        "config.json": {
            "model_type": "whisper",
            "d_model": shape.width,
            "encoder_attention_heads": shape.heads,
            "encoder_layers": shape.encoder_layers,
            "decoder_attention_heads": shape.heads,
            "decoder_layers": shape.decoder_layers,
            "num_mel_bins": shape.mels,
            "vocab_size": shape.vocabulary,
            "max_source_positions": shape.audio_positions,
            "max_target_positions": shape.text_positions,
        },
        "vocab.json": vocabulary.tokens,
        "added_tokens.json": vocabulary.added | unnamed,
    }
