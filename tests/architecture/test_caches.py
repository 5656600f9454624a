"""What each kind of layer keeps: K and V of their own sizes, latents once, windows, chunks, states."""

from __future__ import annotations

from typing import Any

import pytest

from planner.architecture.registry import parse
from planner.architecture.tensors import Cache, Layer

BASE: dict[str, Any] = {
    "hidden_size": 64,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "intermediate_size": 128,
    "vocab_size": 1000,
    "max_position_embeddings": 4096,
}
LATENT = {"kv_lora_rank": 32, "q_lora_rank": 24, "qk_rope_head_dim": 8, "qk_nope_head_dim": 16, "v_head_dim": 16}
EXPERTS = {
    "n_routed_experts": 4,
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 32,
    "n_shared_experts": 1,
}


def layers(model_type: str, **said: Any) -> tuple[Layer, ...]:
    return parse({**BASE, "model_type": model_type, **said}).main.layers


def caches(model_type: str, **said: Any) -> list[tuple[Cache, ...]]:
    return [layer.caches for layer in layers(model_type, **said)]


def windows(model_type: str, **said: Any) -> list[int | None]:
    return [cache[0].window for cache in caches(model_type, **said)]


def test_keys_and_values_of_each_kv_head() -> None:
    assert caches("llama")[0] == (Cache("k", 32, heads=2), Cache("v", 32, heads=2))


def test_values_narrower_than_keys_and_heads_of_their_own_in_the_window() -> None:
    full, local = caches(
        "mimo_v2_flash",
        v_head_dim=8,
        swa_num_key_value_heads=4,
        swa_head_dim=16,
        swa_v_head_dim=8,
        sliding_window=5,
        hybrid_layer_pattern=[0, 1] * 3,
    )[:2]
    assert full == (Cache("k", 32, heads=2), Cache("v", 16, heads=2))
    assert local == (Cache("k", 64, heads=4, window=5), Cache("v", 32, heads=4, window=5))


@pytest.mark.parametrize("model_type", ["deepseek_v2", "deepseek_v3", "kimi_k2"])
def test_a_latent_is_cached_once_and_not_split(model_type: str) -> None:
    assert caches(model_type, **LATENT, **EXPERTS)[-1] == (Cache("latent", 32 + 8),)


def test_an_indexer_caches_its_key_but_only_where_it_is() -> None:
    index = {"index_n_heads": 2, "index_head_dim": 12}
    assert caches("deepseek_v32", **LATENT, **EXPERTS, **index)[0] == (Cache("latent", 40), Cache("indexer", 12))
    shared = caches("glm_moe_dsa", **LATENT, **EXPERTS, **index, indexer_types=["full", "shared"] * 3)
    assert [len(each) for each in shared] == [2, 1] * 3


def test_patterns_of_windows() -> None:
    assert windows("mistral", sliding_window=9) == [9] * 6
    assert windows("gemma2", sliding_window=9) == [9, None] * 3
    assert windows("gemma3_text", sliding_window=9) == [9] * 5 + [None]
    assert windows("gemma3_text", sliding_window=9, sliding_window_pattern=3) == [9, 9, None] * 2
    assert windows("exaone4", sliding_window=9, sliding_window_pattern="LLG") == [9, 9, None] * 2
    assert windows("cohere2", sliding_window=9, layer_types=["full_attention"] * 5 + ["sliding_attention"]) == [
        None
    ] * 5 + [9]
    assert windows("qwen2", sliding_window=9, use_sliding_window=True, max_window_layers=4) == [None] * 4 + [9, 9]
    assert windows("qwen2", sliding_window=9, use_sliding_window=False) == [None] * 6
    assert windows("llama", sliding_window=9) == [None] * 6, "the class does not know windows"


def test_chunks() -> None:
    kinds = [
        layer.mixers[0].kind
        for layer in layers("llama4_text", attention_chunk_size=7, num_local_experts=4, num_experts_per_tok=1)
    ]
    assert kinds == ["chunked_attention"] * 3 + ["attention"] + ["chunked_attention"] * 2
    assert windows("llama4_text", attention_chunk_size=7, no_rope_layers=[1, 0] * 3) == [7, None] * 3


def test_layers_that_reuse_keys_and_values_cache_nothing() -> None:
    kept = [bool(each) for each in caches("gemma4_text", num_kv_shared_layers=2, sliding_window=9)]
    assert kept == [True] * 4 + [False] * 2
    kept = [bool(each) for each in caches("gemma3n_text", num_kv_shared_layers=3, sliding_window=9)]
    assert kept == [True] * 3 + [False] * 3


def test_keys_that_are_values_too_are_still_cached_twice() -> None:
    last = layers(
        "gemma4_text", attention_k_eq_v=True, global_head_dim=32, num_global_key_value_heads=1, sliding_window=9
    )[-1]
    assert not [tensor for tensor in last.all_tensors if tensor.role == "v"]
    assert last.caches == (Cache("k", 32, heads=1), Cache("v", 32, heads=1))


def test_mamba_keeps_a_state_for_each_sequence() -> None:
    first = {"state_size": 8, "conv_kernel": 4, "expand": 2}
    inner = 2 * 64
    assert caches("mamba", **first, intermediate_size=None)[0] == (
        Cache("conv", 3 * inner, "sequence", inner, dtype="model"),
        Cache("state", inner * 8, "sequence", inner, dtype="fp32"),
    )
    second = {"num_heads": 8, "head_dim": 16, "state_size": 8, "n_groups": 2, "conv_kernel": 4}
    expected = (
        Cache("conv", 3 * (inner + 2 * 2 * 8), "sequence", 8, dtype="model"),
        Cache("state", inner * 8, "sequence", 8, dtype="fp32"),
    )
    assert caches("mamba2", **second)[0] == expected


def test_attention_and_mamba_side_by_side_cache_both() -> None:
    names = [cache.name for cache in caches("falcon_h1", mamba_d_ssm=64, mamba_n_heads=4, mamba_d_state=8)[0]]
    assert names == ["k", "v", "conv", "state"]


def test_delta_rules() -> None:
    linear = {
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 16,
        "linear_conv_kernel_dim": 4,
    }
    kinds = caches("qwen3_next", **linear, **EXPERTS, shared_expert_intermediate_size=32)
    assert kinds[0] == (
        Cache("conv", 3 * (2 * 2 * 8 + 4 * 16), "sequence", 4, dtype="model"),
        Cache("state", 4 * 16 * 8, "sequence", 4, dtype="fp32"),
    )
    assert [cache.name for cache in kinds[3]] == ["k", "v"]
    kimi = caches(
        "kimi_linear",
        **LATENT,
        **EXPERTS,
        linear_attn_config={
            "num_heads": 4,
            "head_dim": 8,
            "short_conv_kernel_size": 4,
            "full_attn_layers": [2],
            "kda_layers": [1],
        },
    )
    assert kimi[0] == (
        Cache("conv", 3 * 3 * 32, "sequence", 4, dtype="model"),
        Cache("state", 4 * 8 * 8, "sequence", 4, dtype="fp32"),
    )
    assert kimi[1] == (Cache("latent", 40),)


def test_compressed_attention_keeps_a_window_and_one_entry_for_each_block() -> None:
    said = {
        **EXPERTS,
        "head_dim": 16,
        "q_lora_rank": 8,
        "o_groups": 2,
        "o_lora_rank": 8,
        "index_n_heads": 2,
        "index_head_dim": 4,
        "sliding_window": 5,
    }
    window, sparse, heavy = caches("deepseek_v4", **said, compress_ratios=[0, 4, 128, 4, 128, 4, 0])[:3]
    assert window == (Cache("latent", 16, window=5),)
    assert sparse == (Cache("latent", 16, window=5), Cache("latent", 16, every=4), Cache("indexer", 4, every=4))
    assert heavy == (Cache("latent", 16, window=5), Cache("latent", 16, every=128))


def test_lightning_short_convolutions_and_xlstm() -> None:
    lightning = caches("minimax", num_local_experts=4, num_experts_per_tok=2)
    assert [each[0].name for each in lightning] == ["k", "state"] * 3
    assert lightning[1] == (Cache("state", 4 * 16 * 16, "sequence", 4, dtype="fp32"),)
    assert caches("lfm2", full_attn_idxs=[1], conv_L_cache=3)[0] == (
        Cache("conv", 2 * 64, "sequence", 64, dtype="model"),
    )
    memory = caches("xlstm", num_heads=4, qk_dim_factor=1.0, v_dim_factor=1.0)[0]
    assert memory == (Cache("state", 4 * (16 * 16 + 16 + 1), "sequence", 4, dtype="fp32"),)


def test_searched_layers_without_attention_cache_nothing() -> None:
    blocks = [
        {"attention": {"no_op": True}, "ffn": {"ffn_mult": 1.0}},
        {"attention": {"n_heads_in_group": 4}, "ffn": {"no_op": True}},
    ] * 3
    assert [[cache.heads for cache in each] for each in caches("nemotron-nas", block_configs=blocks)] == [
        [],
        [1, 1],
    ] * 3


def test_a_shared_block_caches_in_every_layer_that_uses_it() -> None:
    said = {
        "layers_block_type": ["mamba", "hybrid"] * 3,
        "n_mamba_heads": 4,
        "mamba_d_state": 8,
        "adapter_rank": 4,
        "attention_head_dim": 32,
        "head_dim": None,
    }
    used = [[cache.name for cache in each] for each in caches("zamba2", **said)]
    assert used == [["conv", "state"], ["k", "v", "conv", "state"]] * 3
