"""Llama and its close kin: pre-norm decoders with grouped-query attention and a gated feed-forward block.

The kin differ in a few facts, so each is a row: whether q, k and v have biases, whether queries and keys are normalised,
whether the head is tied by default. Per layer: 2*hidden*d*(heads + kv_heads) + 3*hidden*ffn + 2*hidden, plus those.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.architecture import parts
from planner.architecture.config import Config
from planner.architecture.decoder import assemble, repeat, shape
from planner.architecture.registry import family
from planner.architecture.tensors import Architecture, Layer


@dataclass(frozen=True)
class Kin:
    """What tells a relative of Llama from Llama."""

    qkv_bias: bool = False
    qk_norm: parts.QkNorm = ""
    tied: bool = False


KIN = {
    "llama": Kin(),
    "mistral": Kin(),
    "qwen2": Kin(qkv_bias=True),
    "qwen3": Kin(qk_norm="head"),
}


def window_of(config: Config, index: int) -> int | None:
    """Window of layer `index`: its `layer_types` entry decides; a plain `sliding_window` counts unless switched off."""
    window = config.int("sliding_window", default=0, low=0) or None
    if not config.flag("use_sliding_window", default=True):
        return None
    kinds = config.list("layer_types")
    if kinds is not None:
        return window if index < len(kinds) and kinds[index] == "sliding_attention" else None
    if config.has("use_sliding_window"):
        return window if index >= config.int("max_window_layers", default=0, low=0) else None
    return window


@family(*KIN)
def llama(config: Config) -> Architecture:
    kin, s = KIN[config.text("model_type")], shape(config)
    bias = config.flag("attention_bias", "qkv_bias", default=kin.qkv_bias)
    out_bias = config.flag("attention_bias", default=False)

    def layer(window: int | None) -> Layer:
        mixer = parts.attention(s.hidden, s.heads, s.kv_heads, s.head_dim, bias=bias, out_bias=out_bias, qk_norm=kin.qk_norm, window=window)
        norms = parts.norm("input_layernorm", s.hidden) + parts.norm("post_attention_layernorm", s.hidden)
        return Layer((mixer,), parts.mlp(s.hidden, s.ffn, bias=config.flag("mlp_bias", default=False)), norms)

    layers = repeat(s.layers, lambda i: (window_of(config, i),), layer)
    return assemble(config, layers, hidden=s.hidden, vocab=s.vocab, tied=config.flag("tie_word_embeddings", default=kin.tied))
