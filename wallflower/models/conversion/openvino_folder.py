"""A folder that the engine for Whisper on OpenVINO loads: two graphs, a tokenizer and their description."""

import dataclasses
import json
import shutil
from pathlib import Path

from wallflower.models.catalog import ModelError
from wallflower.models.conversion.alignment_heads import alignment_heads
from wallflower.models.conversion.checkpoint import Checkpoint
from wallflower.models.conversion.folder import whole_folder
from wallflower.models.conversion.weight_format import WeightFormat

ENCODER = "encoder.xml"
DECODER = "decoder.xml"
TOKENIZER = "tokenizer.json"
DESCRIPTION = "wallflower.json"
FORMAT = 1
"""Of the description and of the graphs' ports. It rises when an older engine could not read them."""


def write_openvino(checkpoint: Checkpoint, folder: Path, weight_format: WeightFormat) -> None:
    """Build the graphs of `checkpoint` and put them in `folder`, in place of what was there.

    The folder is complete or not there: all is written beside it and moved when done. Takes about a second
    for Whisper base.
    Raises ModelError when OpenVINO is missing, a weight is missing or the disk fails.
    """
    try:
        import openvino

        from wallflower.models.conversion.openvino_graphs import decoder_graph, encoder_graph
    except ImportError as error:
        raise ModelError(
            "OpenVINO is not installed; get it with: pip install wallflower[openvino]"
        ) from error
    heads = alignment_heads(checkpoint.shape)
    description = {
        "format": FORMAT,
        "model": "whisper",
        "weights": weight_format.value,
        "shape": dataclasses.asdict(checkpoint.shape),
        "alignment_heads": heads,
    }
    try:
        with whole_folder(folder) as new:
            halves = weight_format is not WeightFormat.F32
            encoder = encoder_graph(checkpoint, weight_format)
            openvino.save_model(encoder, new / ENCODER, compress_to_fp16=halves)
            del encoder  # one graph at a time in memory
            decoder = decoder_graph(checkpoint, weight_format, heads)
            openvino.save_model(decoder, new / DECODER, compress_to_fp16=halves)
            shutil.copyfile(checkpoint.tokenizer, new / TOKENIZER)
            (new / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n", "utf-8")
    except KeyError as error:
        raise ModelError(f"the checkpoint has no weight {error}; is it a Whisper model?") from error
    except (OSError, RuntimeError) as error:  # OpenVINO raises RuntimeError, also when the disk is full
        raise ModelError(f"cannot write the model to {folder}: {error}") from error
