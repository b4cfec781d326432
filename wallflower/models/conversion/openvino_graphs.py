"""Whisper's encoder and decoder as OpenVINO graphs, built from a checkpoint's weights.

What decides their speed on a CPU, measured on Whisper base: attention as plain MatMul, Softmax and MatMul
with the scale in the queries' weights (4 % of the encoder, half of a decoder step, against the ready-made
operation, which scales and transposes the keys each time); keys and values of the cross-attention made once
a segment and kept as state; logits only for the rows that are read.
"""

from typing import Any

import numpy as np
import openvino
from openvino import Node, opset6, opset13

from wallflower.models.conversion.checkpoint import Checkpoint
from wallflower.models.conversion.openvino_layers import (
    HEAD_SIZE,
    Layers,
    attention_weights,
    constant,
    graph,
)
from wallflower.models.conversion.weight_format import WeightFormat

_MASKED = -65504.0  # the lowest float16: the graph may run in half precision


def encoder_graph(checkpoint: Checkpoint, weight_format: WeightFormat, positions: int | None = None) -> Any:
    """The encoder: `mel` [batch, mels, 2 × positions] to `hidden` [batch, positions, width].

    positions: a fixed length, for devices that take no other; None for any up to the model's.
    """
    layers = Layers(checkpoint, weight_format)
    shape = checkpoint.shape
    frames = -1 if positions is None else 2 * positions
    batch = -1 if positions is None else 1
    mel = opset13.parameter([batch, shape.mels, frames], np.float32, name="mel")
    h = mel
    for name, stride in (("encoder.conv1", 1), ("encoder.conv2", 2)):
        weight = layers.array(f"{name}.weight")
        if weight_format is WeightFormat.F32:
            kernel = constant(weight)
        else:  # rounding the first layers to 8 bits costs accuracy, and saves little
            kernel = opset13.convert(opset13.constant(weight.astype(np.float16)), "f32")
        bias = constant(layers.array(f"{name}.bias").reshape(1, -1, 1))
        h = opset13.gelu(opset13.add(opset13.convolution(h, kernel, [stride], [1], [1], [1]), bias), "erf")
    h = opset13.transpose(h, np.array([0, 2, 1]))
    length = opset13.gather(opset13.shape_of(h), np.array([1]), np.array(0))
    places = layers.constant("encoder.embed_positions.weight")
    h = opset13.add(h, opset13.slice(places, np.array([0]), length, np.array([1]), np.array([0])))
    for layer in range(shape.encoder_layers):
        name = f"encoder.layers.{layer}"
        x = layers.norm(h, f"{name}.self_attn_layer_norm")
        q = layers.queries(x, f"{name}.self_attn")
        k, v = (layers.heads(layers.linear(x, f"{name}.self_attn.{part}_proj")) for part in "kv")
        mixed = layers.merge(opset13.matmul(attention_weights(q, k), v, False, False))
        h = layers.feed_forward(opset13.add(h, layers.linear(mixed, f"{name}.self_attn.out_proj")), name)
    return graph("whisper_encoder", [mel], {"hidden": layers.norm(h, "encoder.layer_norm")})


def decoder_graph(
    checkpoint: Checkpoint, weight_format: WeightFormat, alignment_heads: tuple[tuple[int, int], ...]
) -> Any:
    """The decoder, which keeps what it has seen since its state was reset.

    Inputs: `input_ids` [batch, tokens] int64, the next tokens; `beam_idx` [batch] int32, whose past each row
    continues; `encoder_hidden_states` [batch, positions, width], read at the first call after a reset;
    `rows` [n] int64, the tokens of this call to give an answer for, negative ones from the end.
    Outputs: `logits` [batch, n, vocabulary], and with alignment heads (layer, head) `alignment`
    [batch, heads, n, positions], the attention that each row paid to the sound, layer by layer.
    """
    return _Decoder(Layers(checkpoint, weight_format), alignment_heads).build()


class _Decoder:
    def __init__(self, layers: Layers, alignment_heads: tuple[tuple[int, int], ...]) -> None:
        self._layers = layers
        self._alignment_heads = alignment_heads
        self._sinks: list[Node] = []
        self._alignment: list[Node] = []
        self._ids = opset13.parameter([-1, -1], np.int64, name="input_ids")
        self._beam = opset13.parameter([-1], np.int32, name="beam_idx")
        width = layers.shape.width
        self._hidden = opset13.parameter([-1, -1, width], np.float32, name="encoder_hidden_states")
        self._rows = opset13.parameter([-1], np.int64, name="rows")
        batch = _size(self._ids, 0)
        sizes = opset13.concat([batch, opset13.constant(np.array([layers.shape.heads, 0, HEAD_SIZE]))], 0)
        self._nothing = opset13.broadcast(constant(np.array(0, np.float32)), sizes)

    def build(self) -> Any:
        layers, zero = self._layers, np.array(0)
        embedding = layers.matrix(layers.array("decoder.embed_tokens.weight"))
        past = [self._past(layer) for layer in range(layers.shape.decoder_layers)]
        seen = _size(past[0][0], 2)
        end = opset13.add(seen, _size(self._ids, 1))
        places, mask = _places_and_mask(opset13.squeeze(seen, zero), opset13.squeeze(end, zero))
        h = opset13.add(
            opset13.gather(embedding, self._ids, zero),
            opset13.gather(layers.constant("decoder.embed_positions.weight"), places, zero),
        )
        for layer, (keys, values) in enumerate(past):
            h = self._self_attention(h, layer, keys, values, mask)
            h = self._cross_attention(h, layer)
            h = layers.feed_forward(h, f"decoder.layers.{layer}")
        h = opset13.gather(h, self._rows, np.array(1))
        logits = opset13.matmul(layers.norm(h, "decoder.layer_norm"), embedding, False, True)
        outputs = {"logits": logits}
        if self._alignment:
            outputs["alignment"] = opset13.gather(opset13.concat(self._alignment, 1), self._rows, np.array(2))
        inputs = [self._ids, self._beam, self._hidden, self._rows]
        return graph("whisper_decoder", inputs, outputs, self._sinks)

    def _past(self, layer: int) -> list[Node]:
        """Keys and values of earlier calls. Read through `beam_idx`: the plugin's fast path looks for it."""
        states = (self._state(f"self_{part}{layer}", self._nothing) for part in "kv")
        return [opset13.gather(state, self._beam, np.array(0)) for state in states]

    def _state(self, name: str, initial: Node) -> Node:
        sizes = openvino.PartialShape([-1, self._layers.shape.heads, -1, HEAD_SIZE])
        return opset6.read_value(initial, name, openvino.Type.f32, sizes)

    def _self_attention(self, h: Node, layer: int, keys: Node, values: Node, mask: Node) -> Node:
        layers, name = self._layers, f"decoder.layers.{layer}.self_attn"
        x = layers.norm(h, f"{name}_layer_norm")
        kept = []
        for part, earlier in (("k", keys), ("v", values)):
            new = opset13.concat([earlier, layers.heads(layers.linear(x, f"{name}.{part}_proj"))], 2)
            self._sinks.append(opset6.assign(new, f"self_{part}{layer}"))
            kept.append(new)
        one = constant(np.array(1, np.float32))  # the scale is in the queries
        mixed = opset13.scaled_dot_product_attention(layers.queries(x, name), *kept, mask, one)
        return opset13.add(h, layers.linear(layers.merge(mixed), f"{name}.out_proj"))

    def _cross_attention(self, h: Node, layer: int) -> Node:
        layers, name = self._layers, f"decoder.layers.{layer}.encoder_attn"
        q = layers.queries(layers.norm(h, f"{name}_layer_norm"), name)
        kept = []
        for part in "kv":
            made = layers.heads(layers.linear(self._hidden, f"{name}.{part}_proj"))
            state = self._state(f"cross_{part}{layer}", made)
            self._sinks.append(opset6.assign(state, f"cross_{part}{layer}"))
            kept.append(state)
        weights = attention_weights(q, kept[0])
        if heads := [head for at, head in self._alignment_heads if at == layer]:
            self._alignment.append(opset13.gather(weights, np.array(heads), np.array(1)))
        mixed = layers.merge(opset13.matmul(weights, kept[1], False, False))
        return opset13.add(h, layers.linear(mixed, f"{name}.out_proj"))


def _size(node: Node, axis: int) -> Node:
    return opset13.gather(opset13.shape_of(node), np.array([axis]), np.array(0))


def _places_and_mask(seen: Node, end: Node) -> tuple[Node, Node]:
    """The places of the new tokens, and what keeps each of them from looking ahead."""
    one = np.array(1, np.int64)
    places = opset13.range(seen, end, one, "i64")
    behind = opset13.less_equal(
        opset13.unsqueeze(opset13.range(np.array(0, np.int64), end, one, "i64"), np.array(0)),
        opset13.unsqueeze(places, np.array(1)),
    )
    mask = opset13.select(behind, np.array(0, np.float32), np.array(_MASKED, np.float32))
    return places, opset13.unsqueeze(mask, np.array([0, 1]))
