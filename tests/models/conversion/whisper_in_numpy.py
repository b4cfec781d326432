"""Whisper written out in NumPy, to compare graphs with, and small shapes of the kinds that exist."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wallflower.models.conversion.checkpoint import WhisperShape

Array = NDArray[np.float64]

TINY = WhisperShape(128, 2, 2, 2, 80, 300, 50, 32)
ENGLISH = WhisperShape(192, 3, 1, 1, 80, 299, 50, 32)
THIRD = WhisperShape(128, 2, 2, 2, 128, 301, 50, 32)
DISTILLED = WhisperShape(128, 2, 4, 1, 128, 301, 50, 32)
SHAPES = [TINY, ENGLISH, THIRD, DISTILLED]

_erf = np.vectorize(math.erf)


class Reference:
    """Whisper in float64, one operation after the other, without a cache."""

    def __init__(self, weights: Mapping[str, NDArray[Any]], shape: WhisperShape) -> None:
        self.w = {name: value.astype(np.float64) for name, value in weights.items()}
        self.shape = shape

    def linear(self, x: Array, name: str) -> Array:
        y: Array = x @ self.w[name + ".weight"].T + self.w.get(name + ".bias", np.zeros(1))
        return y

    def norm(self, x: Array, name: str) -> Array:
        y = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        result: Array = y * self.w[name + ".weight"] + self.w[name + ".bias"]
        return result

    def attention(self, x: Array, source: Array, name: str, *, causal: bool) -> tuple[Array, Array]:
        def heads(y: Array) -> Array:
            return y.reshape(len(y), self.shape.heads, 64).transpose(1, 0, 2)

        q = heads(self.linear(x, name + ".q_proj"))
        k, v = heads(self.linear(source, name + ".k_proj")), heads(self.linear(source, name + ".v_proj"))
        scores = q @ k.transpose(0, 2, 1) / 8
        if causal:
            scores += np.triu(np.full(scores.shape[1:], -1e9), 1)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        mixed = (weights @ v).transpose(1, 0, 2).reshape(len(x), -1)
        return self.linear(mixed, name + ".out_proj"), weights

    def feed_forward(self, x: Array, name: str) -> Array:
        return x + self.linear(
            gelu(self.linear(self.norm(x, name + ".final_layer_norm"), name + ".fc1")), name + ".fc2"
        )

    def encode(self, mel: Array) -> Array:
        h = mel
        for name, stride in (("encoder.conv1", 1), ("encoder.conv2", 2)):
            padded = np.pad(h, ((0, 0), (1, 1)))
            windows = np.lib.stride_tricks.sliding_window_view(padded, 3, 1)[:, ::stride]
            h = gelu(
                np.einsum("oik,itk->ot", self.w[name + ".weight"], windows) + self.w[name + ".bias"][:, None]
            )
        h = h.T + self.w["encoder.embed_positions.weight"][: h.shape[1]]
        for layer in range(self.shape.encoder_layers):
            name = f"encoder.layers.{layer}"
            x = self.norm(h, name + ".self_attn_layer_norm")
            h = self.feed_forward(h + self.attention(x, x, name + ".self_attn", causal=False)[0], name)
        return self.norm(h, "encoder.layer_norm")

    def decode(self, hidden: Array, tokens: list[int]) -> tuple[Array, Array]:
        """Logits [tokens, vocabulary], and the cross-attention [layers, heads, tokens, positions]."""
        embedding = self.w["decoder.embed_tokens.weight"]
        h = embedding[tokens] + self.w["decoder.embed_positions.weight"][: len(tokens)]
        seen = []
        for layer in range(self.shape.decoder_layers):
            name = f"decoder.layers.{layer}"
            x = self.norm(h, name + ".self_attn_layer_norm")
            h = h + self.attention(x, x, name + ".self_attn", causal=True)[0]
            x = self.norm(h, name + ".encoder_attn_layer_norm")
            mixed, weights = self.attention(x, hidden, name + ".encoder_attn", causal=False)
            seen.append(weights)
            h = self.feed_forward(h + mixed, name)
        return self.norm(h, "decoder.layer_norm") @ embedding.T, np.stack(seen)


def gelu(x: Array) -> Array:
    result: Array = x * 0.5 * (1 + _erf(x / math.sqrt(2)))
    return result
