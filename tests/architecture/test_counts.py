"""Parameter counts, to the last one: published models, classes at their defaults, and what a config may say
differently.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from planner.architecture.config import Config
from planner.architecture.registry import parse, parse_text
from planner.architecture.tensors import Architecture
from planner.catalog import find

# Totals counted on the model classes themselves; active ones by replacing the experts with those that a token uses.
# Router correction biases are buffers and do not count: DeepSeek-V3 is 58 * 256 below the sum of everything it saves.
PUBLISHED = {
    "meta-llama/Meta-Llama-3.1-8B": (8_030_261_248, 8_030_261_248),
    "meta-llama/Meta-Llama-3.1-70B": (70_553_706_496, 70_553_706_496),
    "Qwen/Qwen3-30B-A3B": (30_532_122_624, 3_353_032_704),
    "Qwen/Qwen3-235B-A22B": (235_093_634_560, 22_190_763_520),
    "mistralai/Mixtral-8x7B-v0.1": (46_702_792_704, 12_879_925_248),
    "openai/gpt-oss-20b": (20_914_757_184, 4_187_440_704),
    "openai/gpt-oss-120b": (116_829_156_672, None),
    "deepseek-ai/DeepSeek-V3": (671_026_419_200 - 58 * 256, 37_552_282_624),
    "zai-org/GLM-5": (743_911_218_432 - 75 * 256, None),
    "moonshotai/Kimi-K2-Instruct": (1_026_408_232_448 - 60 * 384, None),
    "Qwen/Qwen3-Next-80B-A3B-Instruct": (79_674_391_296, None),
    "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16": (31_577_940_288 - 23 * 128, None),
    "nvidia/Nemotron-H-8B-Base-8K": (8_100_852_736, 8_100_852_736),
    "nvidia/Llama-3_3-Nemotron-Super-49B-v1": (49_867_145_216, 49_867_145_216),
    "ai21labs/AI21-Jamba-Large-1.5": (398_555_145_696, None),
    "state-spaces/mamba2-2.7b": (2_702_599_680, 2_702_599_680),
    "tiiuae/falcon-7b": (6_921_720_704, 6_921_720_704),
}

# Shapes that people publish under types of their own code; totals as the safetensors headers of the releases give them.
REMOTE: list[tuple[dict[str, Any], int]] = [
    (
        {
            "model_type": "openelm",
            "model_dim": 1280,
            "num_transformer_layers": 16,
            "head_dim": 64,
            "vocab_size": 32000,
            "num_query_heads": [12] * 5 + [16] * 7 + [20] * 4,
            "num_kv_heads": [3] * 5 + [4] * 7 + [5] * 4,
            "ffn_multipliers": [
                0.5,
                0.73,
                0.97,
                1.2,
                1.43,
                1.67,
                1.9,
                2.13,
                2.37,
                2.6,
                2.83,
                3.07,
                3.3,
                3.53,
                3.77,
                4.0,
            ],
        },
        271_527_168,
    ),
    (
        {
            "model_type": "dbrx",
            "d_model": 6144,
            "n_heads": 48,
            "n_layers": 40,
            "vocab_size": 100352,
            "attn_config": {"kv_n_heads": 8},
            "ffn_config": {"ffn_hidden_size": 10752, "moe_num_experts": 16, "moe_top_k": 4},
        },
        131_596_523_520,
    ),
    (
        {
            "model_type": "RefinedWeb",
            "n_head": 128,
            "n_head_kv": 8,
            "hidden_size": 8192,
            "n_layer": 60,
            "vocab_size": 65024,
            "bias": False,
        },
        41_303_293_952,
    ),
    (
        {
            "model_type": "minicpm",
            "hidden_size": 2304,
            "num_hidden_layers": 40,
            "num_attention_heads": 36,
            "num_key_value_heads": 36,
            "intermediate_size": 5760,
            "vocab_size": 122753,
        },
        2_724_880_896,
    ),
    (
        {
            "model_type": "exaone",
            "hidden_size": 4096,
            "num_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "intermediate_size": 14336,
            "vocab_size": 102400,
        },
        7_818_448_896,
    ),
]

CLASSES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "class_counts.json").read_text(encoding="utf-8")
)

SMALL = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 1000,
}


def read(config: dict[str, Any], **changes: Any) -> Architecture:
    return parse({**config, **changes})


@pytest.mark.parametrize(("model", "total", "active"), [(name, *figures) for name, figures in PUBLISHED.items()])
def test_published_models_count_exactly(model: str, total: int, active: int | None) -> None:
    architecture = find(model).architecture
    assert architecture.exact
    assert architecture.parameters == total
    assert active is None or architecture.active == active


@pytest.mark.parametrize(("config", "total"), REMOTE, ids=[str(config["model_type"]) for config, _ in REMOTE])
def test_types_of_remote_code_count_exactly(config: dict[str, Any], total: int) -> None:
    assert parse(config).parameters == total


@pytest.mark.parametrize("model_type", CLASSES)
def test_a_nested_config_that_says_nothing_counts_like_its_class(model_type: str) -> None:
    """Figures: the class of transformers 5.23 built on the meta device from its own defaults."""
    row = CLASSES[model_type]
    assert parse_text(Config(row.get("over", {}), "text_config."), model_type).parameters == row["parameters"]


def test_experts_that_only_pass_through_hold_no_weights() -> None:
    """LongCat-Flash has 512 experts and 256 routes to none.

    The class in transformers 5.23 nevertheless allocates gate and up for all 768 and reaches 741 B at its defaults; the
    published checkpoint holds 562 B, so the weights of 256 * 28 experts (2 * 2048 * 6144 each) are not there.
    """
    longcat = parse_text(Config({}, "text_config."), "longcat_flash")
    assert longcat.parameters == 741_053_585_408 - 28 * 256 * 2 * 2048 * 6144
    routers = [tensor for layer in longcat.main.layers for tensor in layer.all_tensors if tensor.role == "router"]
    assert {tensor.shape for tensor in routers} == {(768, 6144)}


def test_llama_by_hand() -> None:
    per_layer = 2 * 64 * 16 * (4 + 2) + 3 * 64 * 128 + 2 * 64
    assert read(SMALL).parameters == 2 * 1000 * 64 + 2 * per_layer + 64
    assert read(SMALL, tie_word_embeddings=True).parameters == 1000 * 64 + 2 * per_layer + 64
    assert read(SMALL, attention_bias=True).parameters == read(SMALL).parameters + 2 * (16 * (4 + 2 * 2) + 64)


def test_null_hides_the_default_of_the_class() -> None:
    """A missing window of Mistral is 4096, a null one is none; a null head_dim is hidden / heads."""
    windows = [
        [mixer.window for mixer in read(SMALL, model_type="mistral", **said).main.layers[0].mixers]
        for said in ({}, {"sliding_window": None}, {"sliding_window": 7})
    ]
    assert windows == [[4096], [None], [7]]
    assert read(SMALL, model_type="qwen3", head_dim=None).main.layers[0].mixers[0].key_dim == 16
    assert read(SMALL, model_type="qwen3").main.layers[0].mixers[0].key_dim == 128


@pytest.mark.parametrize(
    ("architectures", "heads"), [(["LlamaForCausalLM"], 1), (["LlamaModel"], 0), (None, 1), (["GPT2LMHeadModel"], 1)]
)
def test_a_bare_model_class_has_no_head(architectures: list[str] | None, heads: int) -> None:
    architecture = read(SMALL, architectures=architectures)
    assert sum(tensor.role == "lm_head" for tensor in architecture.main.after) == heads


def test_prediction_layers_stand_apart() -> None:
    """DeepSeek-V3's layer for the next token but one: the last layer again, a (h, 2h) projection and three norms."""
    model = find("deepseek-ai/DeepSeek-V3").architecture
    last = model.main.layers[-1]
    assert model.mtp_parameters == sum(tensor.parameters for tensor in last.all_tensors) + 2 * 7168**2 + 3 * 7168
    assert "mtp" not in [stack.name for stack in model.loaded]


def test_dense_layers_between_experts() -> None:
    config = {**SMALL, "num_hidden_layers": 6, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
    kinds = lambda **said: "".join(layer.ffn.kind[0] for layer in parse({**config, **said}).main.layers if layer.ffn)  # noqa: E731
    assert kinds(model_type="qwen3_moe") == "mmmmmm"
    assert kinds(model_type="qwen3_moe", decoder_sparse_step=2) == "dmdmdm"
    assert kinds(model_type="qwen3_moe", mlp_only_layers=[0, 5]) == "dmmmmd"
    assert kinds(model_type="glm4_moe", first_k_dense_replace=2) == "ddmmmm"
    assert kinds(model_type="glm4_moe", mlp_layer_types=["dense", "sparse"] * 3) == "dmdmdm"
    assert kinds(model_type="jamba", expert_layer_period=3, expert_layer_offset=1) == "dmddmd"
    assert kinds(model_type="ernie4_5_moe", moe_layer_start_index=1, moe_layer_end_index=3) == "dmmmdd"
    assert (
        kinds(model_type="mimo_v2_flash", moe_layer_freq=[0, 1, 1, 0, 1, 1], hybrid_layer_pattern=[0] * 6) == "dmmdmm"
    )


def test_an_unknown_type_is_read_by_its_fields_and_says_so() -> None:
    guess = read(SMALL, model_type="brand_new")
    assert guess.parameters == read(SMALL).parameters
    assert not guess.exact
    assert "brand_new" in guess.note
    experts = read(SMALL, model_type="brand_new", num_experts=4, num_experts_per_tok=1, moe_intermediate_size=32)
    assert experts.main.layers[0].ffn is not None
    assert experts.main.layers[0].ffn.kind == "moe"


def test_an_unknown_type_with_latent_attention_and_named_layers_gets_an_answer() -> None:
    """What no family has (kinds of layers, a wrapper around an unknown text model) is guessed by its words and
    fields.
    """
    latent = {
        "kv_lora_rank": 32,
        "qk_nope_head_dim": 16,
        "qk_rope_head_dim": 8,
        "v_head_dim": 16,
        "index_n_heads": 2,
        "index_head_dim": 16,
    }
    text = {
        **SMALL,
        **latent,
        "model_type": "brand_new_text",
        "layer_types": ["hybrid_sliding", "linear_attention"],
        "sliding_window": 8,
    }
    guess = parse(
        {
            "model_type": "brand_new",
            "text_config": {**text, "linear_num_heads": 4, "linear_head_dim": 16},
            "vision_config": {},
        }
    )
    assert [mixer.kind for layer in guess.main.layers for mixer in layer.mixers] == ["mla", "kda"]
    assert guess.main.layers[0].mixers[0].caches[0].elements == 32 + 8
    assert not guess.exact
    assert "brand_new" in guess.note


@pytest.mark.parametrize(
    ("model_type", "wrapper", "nested", "tied"),
    [("qwen3_vl", False, True, False), ("qwen2_vl", False, True, True), ("llava", True, False, True)],
)
def test_whose_word_ties_the_head(model_type: str, wrapper: bool | None, nested: bool, tied: bool) -> None:
    """Tried on the classes of transformers 5.24: some heed the wrapper first, some tie when the nested config alone
    says so.
    """
    said = {} if wrapper is None else {"tie_word_embeddings": wrapper}
    assert parse({"model_type": model_type, "text_config": {"tie_word_embeddings": nested}, **said}).tied == tied
