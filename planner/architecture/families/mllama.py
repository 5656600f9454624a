"""Llama 3.2 Vision's text model: some of its layers attend to the image instead of to the text (arXiv:2407.21783,
section 7).
"""

from __future__ import annotations

from dataclasses import replace

from planner.architecture import parts, patterns
from planner.architecture.config import Config
from planner.architecture.decoder import Shape, embedding, repeat, shape
from planner.architecture.families.llama import LLAMA
from planner.architecture.registry import family
from planner.architecture.tensors import Architecture, Layer, Mixer, Tensor
from planner.architecture.traits import attention, dense, finish, norms

ROW = replace(LLAMA, qkv_bias=False, out_bias=False, mlp_bias=False)
EXTRA_TOKENS = 8
"""Rows of the input embedding beyond the vocabulary, for the image token."""
IMAGE_TOKENS = 4 * 1601
"""Most positions of one image: four tiles of (560 / 14)^2 patches and a class token."""


@family("mllama_text_model")
def mllama_text(config: Config) -> Architecture:
    """Llama layers; those listed in `cross_attention_layers` have gated cross-attention with norms on queries
    and keys.
    """
    s = shape(config)
    cross = patterns.members(config.list("cross_attention_layers") or [])

    def layer(crosses: bool) -> Layer:
        mixer = image_attention(s) if crosses else attention(config, ROW, s)
        gates = tuple(Tensor(f"cross_attn_{part}_gate", (1,), "scalar") for part in ("attn", "mlp")) if crosses else ()
        return Layer((mixer,), dense(config, ROW, s), norms(ROW, s.hidden, *ROW.norms) + gates)

    made = finish(config, ROW, s, repeat(s.layers, lambda index: (index in cross,), layer))
    table = embedding(s.vocab + EXTRA_TOKENS, s.hidden)
    main = replace(made.main, before=(table, *made.main.before[1:]))
    return replace(made, stacks=(main, *made.stacks[1:]))


def image_attention(s: Shape) -> Mixer:
    """Attention of text to the image; keys and values of the image's positions are kept."""
    mixer = parts.attention(
        s.hidden,
        s.heads,
        s.kv_heads,
        s.head_dim,
        qk_norm="head",
        name="cross_attn",
        kind="cross_attention",
        causal=False,
    )
    return replace(mixer, caches=tuple(replace(cache, per="image", window=IMAGE_TOKENS) for cache in mixer.caches))
