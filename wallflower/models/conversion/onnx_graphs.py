"""Whisper's encoder and decoder as ONNX graphs, built from a checkpoint's weights.

Inputs and outputs are those of optimum's export with a merged decoder, which `onnx-asr` and others read. Its
decoder is two in one; here it is one, and only what the cross-attention reads differs between the first
call and the later ones.
"""

from collections.abc import Callable

import numpy as np
import onnx

from wallflower.models.conversion.checkpoint import Checkpoint
from wallflower.models.conversion.onnx_layers import HEAD_SIZE, Layers
from wallflower.models.conversion.onnx_writer import GraphWriter
from wallflower.models.conversion.weight_format import WeightFormat

_MASKED = -65504.0  # the lowest float16: the graph may run in half precision

Advance = Callable[[int], None]
"""Told the values of each weight that was written."""


def encoder_graph(checkpoint: Checkpoint, weight_format: WeightFormat, advance: Advance) -> onnx.ModelProto:
    """The encoder: `input_features` [batch, mels, 2 × positions] to `last_hidden_state` [batch, positions,
    width], for any number of positions up to the model's. Raises KeyError for a weight that is missing.
    """
    graph = GraphWriter("whisper_encoder")
    layers, add, shape = Layers(graph, checkpoint, weight_format, advance), graph.add, checkpoint.shape
    h = graph.input("input_features", np.float32, ["batch", shape.mels, "frames"])
    h = layers.convolution(h, "encoder.conv1", stride=1)
    h = add("Transpose", layers.convolution(h, "encoder.conv2", stride=2), perm=[0, 2, 1])
    places = layers.constant("encoder.embed_positions.weight")
    length = add("Shape", h, start=1, end=2)
    h = add("Add", h, add("Slice", places, graph.integers(0), length))
    for layer in range(shape.encoder_layers):
        name = f"encoder.layers.{layer}"
        x = layers.norm(h, f"{name}.self_attn_layer_norm")
        q = layers.queries(x, f"{name}.self_attn")
        k, v = (layers.linear(x, f"{name}.self_attn.{part}_proj") for part in "kv")
        mixed = layers.linear(layers.attend_everywhere(q, k, v), f"{name}.self_attn.out_proj")
        # A few of the values here are so large that one scale for all leaves the others too few steps. On
        # Whisper base this exception took the pooled word error rate from 9.6 to 8.4 (float32: 8.5).
        h = layers.feed_forward(add("Add", h, mixed), name, rounded=False)
    h = layers.norm(h, "encoder.layer_norm")
    graph.output(h, "last_hidden_state", ["batch", "positions", shape.width])
    return graph.model()


def decoder_graph(checkpoint: Checkpoint, weight_format: WeightFormat, advance: Advance) -> onnx.ModelProto:
    """The decoder, which is handed what it has seen.

    Inputs: `input_ids` [batch, tokens] int64, the next tokens; `encoder_hidden_states` [batch, positions,
    width]; `use_cache_branch` [1] bool, false at the first call; `past_key_values.L.decoder.key` and
    `.value` of each layer L, the tokens' so far, [batch, heads, tokens, 64], and `.encoder.key` and
    `.value`, the sound's. At the first call they are empty, and even their batch may be 0.
    Outputs: `logits` [batch, tokens, vocabulary]; `present.L.…`, to be the next call's past. Those of the
    sound are made at the first call, to be kept, and of batch 0 later on. Raises KeyError for a weight that
    is missing.
    """
    graph = GraphWriter("whisper_decoder")
    return _Decoder(graph, Layers(graph, checkpoint, weight_format, advance)).build()


class _Decoder:
    def __init__(self, graph: GraphWriter, layers: Layers) -> None:
        self._graph = graph
        self._layers = layers
        self._heads = layers.shape.heads
        self._ids = graph.input("input_ids", np.int64, ["batch", "tokens"])
        width = layers.shape.width
        self._hidden = graph.input("encoder_hidden_states", np.float32, ["batch", "positions", width])
        self._cached = graph.input("use_cache_branch", np.bool_, [1])
        self._mask = ""

    def build(self) -> onnx.ModelProto:
        graph, layers, add = self._graph, self._layers, self._graph.add
        past = [
            [
                self._past(f"{layer}.{side}.{part}")
                for side in ("decoder", "encoder")
                for part in ("key", "value")
            ]
            for layer in range(layers.shape.decoder_layers)
        ]
        seen = add("Shape", past[0][0], start=2, end=3)
        places, self._mask = self._places_and_mask(seen)
        embedding = layers.embedding("decoder.embed_tokens.weight")
        texts = add("Gather", layers.constant("decoder.embed_positions.weight"), places, axis=0)
        h = add("Add", layers.embed(embedding, self._ids), texts)
        for layer, (keys, values, sound_keys, sound_values) in enumerate(past):
            h = self._self_attention(h, layer, keys, values)
            h = self._cross_attention(h, layer, sound_keys, sound_values)
            h = layers.feed_forward(h, f"decoder.layers.{layer}")
        logits = layers.scores(embedding, layers.norm(h, "decoder.layer_norm"))
        graph.output(logits, "logits", ["batch", "tokens", layers.shape.vocabulary])
        return graph.model()

    def _past(self, name: str) -> str:
        of = "seen" if ".decoder." in name else "heard"
        return self._graph.input(
            f"past_key_values.{name}", np.float32, ["past_batch", self._heads, of, HEAD_SIZE]
        )

    def _present(self, value: str, name: str) -> None:
        of = "all_tokens" if ".decoder." in name else "positions"
        self._graph.output(value, f"present.{name}", ["present_batch", self._heads, of, HEAD_SIZE])

    def _places_and_mask(self, seen: str) -> tuple[str, str]:
        """The places of the new tokens, and what keeps each of them from looking ahead."""
        graph, add = self._graph, self._graph.add
        axis, one = graph.integers(0), graph.constant(np.array(1, np.int64))
        begin = add("Squeeze", seen, axis)
        end = add("Add", begin, add("Squeeze", add("Shape", self._ids, start=1, end=2), axis))
        places = add("Range", begin, end, one)
        every = add("Range", graph.constant(np.array(0, np.int64)), end, one)
        behind = add("LessOrEqual", every, add("Unsqueeze", places, graph.integers(1)))
        zero, masked = (graph.constant(np.array(value, np.float32)) for value in (0.0, _MASKED))
        return places, add("Where", behind, zero, masked)

    def _self_attention(self, h: str, layer: int, keys: str, values: str) -> str:
        layers, add, name = self._layers, self._graph.add, f"decoder.layers.{layer}.self_attn"
        x = layers.norm(h, f"{name}_layer_norm")
        # An empty past gets the batch of the tokens; of any other this is the shape already.
        sizes = add(
            "Concat",
            add("Shape", self._ids, start=0, end=1),
            self._graph.integers(self._heads, -1, HEAD_SIZE),
            axis=0,
        )
        kept = {}
        for part, earlier in (("key", keys), ("value", values)):
            new = layers.heads(layers.linear(x, f"{name}.{part[0]}_proj"))
            kept[part] = add("Concat", add("Reshape", earlier, sizes), new, axis=2)
            self._present(kept[part], f"{layer}.decoder.{part}")
        q = layers.heads(layers.queries(x, name))
        mixed = layers.attend(q, kept["key"], kept["value"], self._mask)
        return add("Add", h, layers.linear(mixed, f"{name}.out_proj"))

    def _cross_attention(self, h: str, layer: int, keys: str, values: str) -> str:
        """The attention is inside both branches, so that the past's keys and values need not be copied."""
        layers, name = self._layers, f"decoder.layers.{layer}.encoder_attn"
        q = layers.heads(layers.queries(layers.norm(h, f"{name}_layer_norm"), name))
        later, first = (GraphWriter(f"{name}.{which}", self._graph.numbers) for which in ("later", "first"))
        none = later.integers(0)
        self._branch(
            later, q, (keys, values), [later.add("Slice", part, none, none) for part in (keys, values)]
        )
        inside = layers.inside(first)
        made = [inside.heads(inside.linear(self._hidden, f"{name}.{part}_proj")) for part in "kv"]
        self._branch(first, q, (made[0], made[1]), made)
        mixed, *presents = self._graph.add_many(
            "If", self._cached, outputs=3, then_branch=later.proto(), else_branch=first.proto()
        )
        for part, present in zip(("key", "value"), presents, strict=True):
            self._present(present, f"{layer}.encoder.{part}")
        return self._graph.add("Add", h, layers.linear(mixed, f"{name}.out_proj"))

    def _branch(self, branch: GraphWriter, q: str, heard: tuple[str, str], presents: list[str]) -> None:
        mixed = self._layers.inside(branch).attend(q, *heard)
        branch.result(mixed, ["batch", "tokens", self._layers.shape.width])
        for present in presents:
            branch.result(present, ["present_batch", self._heads, "positions", HEAD_SIZE])
