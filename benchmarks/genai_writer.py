"""Writes the graphs that openvino-genai wants. `genai.py` runs it in that library's environment.

Arguments: the folder to write to; our encoder.xml, encoder.bin, decoder.xml, decoder.bin, tokenizer.json.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from openvino import opset13


def renamed(port: Any, name: str) -> None:
    """Give an input or output the name that the library looks for."""
    port.get_tensor().set_names({name})


def main(folder: str, *paths: str) -> None:
    """Write encoder, decoder, tokenizer and detokenizer."""
    # Both are in the other environment alone.
    from openvino_tokenizers import convert_tokenizer  # type: ignore[import-not-found]
    from transformers import PreTrainedTokenizerFast  # type: ignore[import-not-found]

    target, core = Path(folder), openvino.Core()
    encoder = core.read_model(*paths[:2])
    renamed(encoder.inputs[0], "input_features")
    renamed(encoder.outputs[0], "last_hidden_state")
    decoder = core.read_model(*paths[2:4])
    # The library reads the last row, and knows neither an input for that nor an output of attention.
    rows = next(port for port in decoder.get_parameters() if "rows" in port.get_output_tensor(0).get_names())
    last = opset13.constant(np.array([-1], np.int64)).output(0)
    for reader in rows.output(0).get_target_inputs():
        reader.replace_source_output(last)
    decoder.remove_parameter(rows)
    for result in decoder.get_results():
        if "alignment" in result.get_output_tensor(0).get_names():
            decoder.remove_result(result)
    decoder.validate_nodes_and_infer_types()
    fast = PreTrainedTokenizerFast(tokenizer_file=paths[4], eos_token="<|endoftext|>")
    tokenizer, detokenizer = convert_tokenizer(fast, with_detokenizer=True, skip_special_tokens=True)
    graphs = {"encoder_model": encoder, "decoder_model": decoder}
    graphs |= {"tokenizer": tokenizer, "detokenizer": detokenizer}
    for name, graph in graphs.items():
        openvino.save_model(graph, target / f"openvino_{name}.xml", compress_to_fp16=False)


main(*sys.argv[1:])
