"""Llama-like decoders whose feed-forward block is a mixture of experts: Mixtral and Qwen3-MoE."""

from __future__ import annotations

from planner.architecture import parts
from planner.architecture.config import Config
from planner.architecture.decoder import assemble, repeat, shape
from planner.architecture.families.llama import window_of
from planner.architecture.registry import family
from planner.architecture.tensors import Architecture, Ffn, Layer


@family("mixtral")
def mixtral(config: Config) -> Architecture:
    """Every layer has experts of width `intermediate_size`; biases and shared experts are absent."""
    s = shape(config)
    experts = config.int("num_local_experts", "num_experts", default=8)
    ffn = parts.moe(s.hidden, experts, config.int("num_experts_per_tok", default=2, high=experts), s.ffn, name="block_sparse_moe")

    def layer(window: int | None) -> Layer:
        norms = parts.norm("input_layernorm", s.hidden) + parts.norm("post_attention_layernorm", s.hidden)
        return Layer((parts.attention(s.hidden, s.heads, s.kv_heads, s.head_dim, window=window),), ffn, norms)

    layers = repeat(s.layers, lambda i: (window_of(config, i),), layer)
    return assemble(config, layers, hidden=s.hidden, vocab=s.vocab, tied=config.flag("tie_word_embeddings", default=False))


@family("qwen3_moe")
def qwen3_moe(config: Config) -> Architecture:
    """Experts of width `moe_intermediate_size`, but dense layers where `mlp_only_layers` or `decoder_sparse_step` say so."""
    s = shape(config)
    experts = config.int("num_experts", "num_local_experts", default=128, low=0)
    step = config.int("decoder_sparse_step", default=1)
    dense_layers = set(config.list("mlp_only_layers") or [])
    width = config.int("moe_intermediate_size", default=768)
    top_k = config.int("num_experts_per_tok", default=8, high=max(experts, 1))
    norms = parts.norm("input_layernorm", s.hidden) + parts.norm("post_attention_layernorm", s.hidden)

    def layer(window: int | None, sparse: bool) -> Layer:
        mixer = parts.attention(s.hidden, s.heads, s.kv_heads, s.head_dim, bias=config.flag("attention_bias", default=False), out_bias=config.flag("attention_bias", default=False), qk_norm="head", window=window)
        ffn: Ffn = parts.moe(s.hidden, experts, top_k, width) if sparse else parts.mlp(s.hidden, s.ffn)
        return Layer((mixer,), ffn, norms)

    sparse = [experts > 0 and i not in dense_layers and (i + 1) % step == 0 for i in range(s.layers)]
    layers = repeat(s.layers, lambda i: (window_of(config, i), sparse[i]), layer)
    return assemble(config, layers, hidden=s.hidden, vocab=s.vocab, tied=config.flag("tie_word_embeddings", default=False))
