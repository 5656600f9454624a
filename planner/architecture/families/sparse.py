"""Experts in unusual places: attention made of experts (JetMoE), block-sparse attention beside them (MiniMax-M3),
Ling's hybrids.
"""

from __future__ import annotations

from dataclasses import replace

from planner.architecture import fields, parts, patterns, recurrent
from planner.architecture.config import Config
from planner.architecture.decoder import repeat, shape
from planner.architecture.families.deepseek import latent_shape
from planner.architecture.families.llama import LLAMA
from planner.architecture.families.moe import DEEPSEEK, MIXTRAL
from planner.architecture.mla import mla
from planner.architecture.registry import family
from planner.architecture.tensors import Architecture, Cache, Layer, Mixer, Tensor
from planner.architecture.traits import Experts, Traits, attention, dense, experts, finish, has_experts, norms

HIGH = 2**20


@family("jetmoe")
def jetmoe(config: Config) -> Architecture:
    """Queries and output are experts too: each of the chosen ones brings a set of heads on the same keys and values."""
    kv, chosen = config.int(*fields.KV_HEADS, default=16, high=HIGH), config.int(*fields.TOP_K, default=2, high=HIGH)
    s = shape(config.replace(num_attention_heads=kv * chosen))
    count, inner = config.int(*fields.EXPERTS, default=8, high=100_000), s.kv_heads * s.head_dim
    row = Traits(
        experts=Experts(
            router="router.layer", names=("input_linear", "output_linear"), width=fields.FFN, shared_width=()
        )
    )
    name, used = "self_attention", min(chosen, count)
    tensors = (
        Tensor(f"{name}.experts.bias", (s.hidden,), "bias"),
        *parts.linear(f"{name}.experts.input_linear", inner, s.hidden, "q", copies=count, used=used),
        *parts.linear(f"{name}.experts.output_linear", s.hidden, inner, "o", copies=count, used=used),
        *parts.linear(f"{name}.experts.router.layer", count, s.hidden, "router"),
        *parts.linear(f"{name}.kv_proj", 2 * inner, s.hidden, "qkv"),
    )
    mixer = Mixer(
        "attention",
        tensors,
        parts.kv_cache(s.kv_heads, s.head_dim, s.head_dim),
        s.heads,
        s.kv_heads,
        s.head_dim,
        s.head_dim,
    )
    ffn = experts(config, row, s, extra=(Tensor("mlp.bias", (s.hidden,), "bias"),))
    return finish(config, row, s, (Layer((mixer,), ffn, norms(row, s.hidden, *row.norms)),) * s.layers)


@family("minimax_m3_vl_text", "minimax_m3")
def minimax_m3(config: Config) -> Architecture:
    """MiniMax-M3: sparse layers choose blocks of the cache with a small indexer, whose keys they cache too."""
    row = Traits(
        qk_norm="head",
        experts=replace(
            MIXTRAL,
            correction="buffer",
            correction_name="gate.e_score_correction_bias",
            shared_width=("shared_intermediate_size",),
        ),
    )
    s = shape(config)
    own = config.section("sparse_attention_config") or Config({})
    marks = own.list("sparse_attention_freq", length=s.layers)
    kinds = patterns.listed(config, s.layers) or (
        [("sparse" if mark else patterns.FULL) for mark in marks] if marks else [patterns.FULL] * s.layers
    )
    heads = own.int("sparse_num_index_heads", default=config.int("index_n_heads", default=4, high=HIGH), high=HIGH)
    dim = own.int("sparse_index_dim", default=config.int("index_head_dim", default=128))
    path = "self_attn.indexer"
    indexer = parts.linear(f"{path}.q_proj", heads * dim, s.hidden, "indexer") + parts.linear(
        f"{path}.k_proj", dim, s.hidden, "indexer"
    )
    indexer += parts.norm(f"{path}.q_norm", dim) + parts.norm(f"{path}.k_norm", dim)
    sparse, around = has_experts(config, row, s), norms(row, s.hidden, *row.norms)
    whole = attention(config, row, s)
    selecting = replace(whole, tensors=whole.tensors + indexer, caches=(*whole.caches, Cache("indexer", dim)))

    def layer(kind: str, moe: bool) -> Layer:
        ffn = (
            experts(config, row, s)
            if moe
            else dense(config, row, s, config.int("dense_intermediate_size", default=s.ffn))
        )
        return Layer((whole if kind == patterns.FULL else selecting,), ffn, around)

    return finish(config, row, s, repeat(s.layers, lambda index: (kinds[index], sparse[index]), layer))


@family("bailing_hybrid")
def bailing_hybrid(config: Config) -> Architecture:
    """Ling with delta attention: latent attention each `layer_group_size`-th layer, its heads gated; experts from the
    third layer on.
    """
    row, s = replace(LLAMA, mlp_bias=False, ties=False, experts=DEEPSEEK), latent_shape(config)
    kinds = patterns.every(config.int("layer_group_size", default=6), patterns.LINEAR, ())(config, s.layers)
    sparse, around = has_experts(config, row, s), norms(row, s.hidden, *row.norms)
    dim, kernel = (
        config.int("linear_head_dim", "head_dim", default=128),
        config.int("short_conv_kernel_size", default=4, high=HIGH),
    )
    gated = mla(config, s.hidden, extra=parts.linear("self_attn.g_proj", s.heads, s.hidden, "linear"))
    delta = recurrent.kda(s.hidden, s.heads, dim, kernel, low_rank_decay=False, low_rank_gate=False)

    def layer(kind: str, moe: bool) -> Layer:
        return Layer(
            (delta if kind == patterns.LINEAR else gated,),
            experts(config, row, s) if moe else dense(config, row, s),
            around,
        )

    return finish(config, row, s, repeat(s.layers, lambda index: (kinds[index], sparse[index]), layer))
