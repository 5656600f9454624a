"""A model read from a weight file's header: its tensors decide, the metadata says what no tensor shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from planner.architecture.from_gguf import config_of
from planner.architecture.registry import parse
from planner.architecture.tensors import Architecture
from planner.core.errors import PlanError
from planner.memory import kv_cache
from planner.plan import plan
from planner.request import PlanRequest
from planner.weight_files import sources
from planner.weight_files.gguf_file import read_gguf_header
from tests.hub.weight_files import gguf

F32, F16, Q8_0, Q4_K, Q6_K = 0, 1, 8, 12, 14
Tensors = list[tuple[str, tuple[int, ...], int]]


def read(architecture: str, metadata: dict[str, int], tensors: Tensors, **more: Any) -> Architecture:
    """The file written, its header read, sent through JSON as a request is, and parsed."""
    keys: dict[str, tuple[str, Any]] = {"general.architecture": ("string", architecture)}
    keys |= {f"{architecture}.{name}": ("u32", value) for name, value in metadata.items()} | more
    return parse(json.loads(json.dumps(config_of(read_gguf_header(gguf(keys, tensors))))))


COMMON = {
    "block_count": 2,
    "embedding_length": 256,
    "context_length": 4096,
    "attention.head_count": 8,
    "attention.head_count_kv": 2,
}


def attention(layer: int, key: int = 32) -> Tensors:
    name = f"blk.{layer}"
    return [
        (f"{name}.attn_norm.weight", (256,), F32),
        (f"{name}.attn_q.weight", (256, 8 * key), Q4_K),
        (f"{name}.attn_k.weight", (256, 2 * key), Q4_K),
        (f"{name}.attn_v.weight", (256, 2 * key), Q6_K if layer == 0 else Q4_K),
        (f"{name}.attn_output.weight", (8 * key, 256), Q4_K),
    ]


def dense(layer: int) -> Tensors:
    name = f"blk.{layer}"
    return [
        (f"{name}.ffn_{part}.weight", (512, 256) if part == "down" else (256, 512), Q4_K)
        for part in ("gate", "up", "down")
    ]


ENDS: Tensors = [("token_embd.weight", (256, 1_000), Q4_K), ("output_norm.weight", (256,), F32)]


def test_a_dense_decoder_with_a_tied_head() -> None:
    model = read("llama", COMMON, [*ENDS, *attention(0), *dense(0), *attention(1), *dense(1)])
    layer = 256 + 2 * 256 * 256 + 2 * 64 * 256 + 3 * 256 * 512
    assert model.parameters == model.active == 1_000 * 256 + 256 + 2 * layer
    assert model.exact
    assert model.tied
    assert model.max_context == 4096
    assert kv_cache.bytes_per_token(model).value == 2 * 2 * 2 * 32 * 2
    assert len(model.main.distinct) == 2, "one layer stores its values in more bits"
    assert {tensor.stored for tensor in model.main.layers[0].all_tensors if tensor.role == "v"} == {"Q6_K"}


def test_experts_count_once_each_and_a_token_uses_some() -> None:
    experts: Tensors = [
        (f"blk.{i}.ffn_{part}_exps.weight", (64, 256, 8) if part == "down" else (256, 64, 8), Q4_K)
        for i in (0, 1)
        for part in ("gate", "up")
    ]
    experts += [(f"blk.{i}.ffn_down_exps.weight", (64, 256, 8), Q8_0) for i in (0, 1)] + [
        (f"blk.{i}.ffn_gate_inp.weight", (256, 8), F32) for i in (0, 1)
    ]
    model = read(
        "qwen3moe",
        {**COMMON, "expert_count": 8, "expert_used_count": 2},
        [*ENDS, *attention(0), *attention(1), *experts],
    )
    assert model.parameters - model.active == 2 * 3 * 64 * 256 * (8 - 2)
    ffn = model.main.layers[0].ffn
    assert ffn is not None
    assert (ffn.kind, ffn.experts, ffn.top_k, ffn.expert_width) == ("moe", 8, 2, 64)


@pytest.mark.parametrize(
    ("architecture", "windows"), [("gemma2", [16, None]), ("llama", [None, None]), ("phi3", [16, 16])]
)
def test_windows_where_the_architecture_has_them(architecture: str, windows: list[int | None]) -> None:
    model = read(
        architecture,
        {**COMMON, "attention.sliding_window": 16},
        [*ENDS, *attention(0), *dense(0), *attention(1), *dense(1)],
    )
    assert [layer.mixers[0].window for layer in model.main.layers] == windows


def test_a_latent_is_cached_once() -> None:
    latent = {
        **COMMON,
        "attention.kv_lora_rank": 64,
        "rope.dimension_count": 16,
        "attention.key_length_mla": 48,
        "attention.value_length_mla": 32,
    }
    tensors: Tensors = [
        (f"blk.{i}.{name}.weight", shape, Q4_K)
        for i in (0, 1)
        for name, shape in (("attn_q", (256, 384)), ("attn_kv_a_mqa", (256, 80)))
    ]
    model = read("deepseek2", latent, [*ENDS, *tensors, *dense(0), *dense(1)])
    assert [mixer.kind for layer in model.main.layers for mixer in layer.mixers] == ["mla", "mla"]
    assert kv_cache.bytes_per_token(model).value == 2 * (64 + 16) * 2


def test_recurrent_layers_keep_a_state() -> None:
    ssm = {
        "ssm.conv_kernel": 4,
        "ssm.inner_size": 512,
        "ssm.state_size": 16,
        "ssm.time_step_rank": 8,
        "ssm.group_count": 1,
    }
    tensors: Tensors = [
        ("blk.0.ssm_in.weight", (256, 1_064), Q4_K),
        ("blk.0.ssm_conv1d.weight", (4, 544), F32),
        *attention(1),
        *dense(1),
    ]
    tensors.append(("blk.0.ssm_out.weight", (512, 256), Q4_K))
    model = read("granitehybrid", {**COMMON, **ssm}, [*ENDS, *tensors])
    kinds = [[(cache.name, cache.elements) for cache in layer.caches] for layer in model.main.layers]
    assert kinds == [[("conv", 3 * (512 + 2 * 16)), ("state", 512 * 16)], [("k", 64), ("v", 64)]]


@pytest.mark.parametrize(
    ("metadata", "tensors", "said"),
    [
        ({**COMMON, "block_count": 0}, ENDS, r"GGUF llama\.block_count is 0"),
        (COMMON, ENDS, "no layers"),
        ({}, [*ENDS, *attention(0)], "block_count"),
        (COMMON, [*ENDS, *dense(0), ("blk.0.attn_k.weight", (256, 64), Q4_K)], "layer 0 lacks the matrix attn_q"),
        ({**COMMON, "embedding_length": 2**31}, [*attention(0), *dense(0)], "no token embedding"),
    ],
)
def test_what_is_no_language_model_is_one_sentence(metadata: dict[str, int], tensors: Tensors, said: str) -> None:
    with pytest.raises(PlanError, match=said):
        read("llama", metadata, tensors)


def test_a_header_that_someone_made_up_is_one_sentence() -> None:
    for tensors in (
        "x",
        [["a"]],
        [["blk.0.attn_q.weight", [-1], "Q4_K"]],
        [[1, 2, 3]],
        [["token_embd.weight", [True, "x"], "F32"]],
    ):
        with pytest.raises(PlanError):
            parse(
                {
                    "_gguf": {
                        "architecture": "llama",
                        "metadata": {"block_count": 1, "embedding_length": 8},
                        "tensors": tensors,
                    }
                }
            )


def test_a_plan_keeps_the_types_of_the_file_and_makes_others_by_the_mix() -> None:
    keys: dict[str, tuple[str, Any]] = {"general.architecture": ("string", "llama"), "general.file_type": ("u32", 15)}
    keys |= {f"llama.{name}": ("u32", value) for name, value in COMMON.items()}
    header = read_gguf_header(gguf(keys, [*ENDS, *attention(0), *dense(0), *attention(1), *dense(1)]))
    request = PlanRequest(model="mine", config=config_of(header), gpus=({"name": "RTX 4090"},))
    own = plan(request).memory.weights
    assert own.format == "Q4_K_M"
    assert own.tensor_bytes.expected == header.tensor_bytes
    assert own.file_bytes.low == own.file_bytes.high == header.file_bytes
    assert plan(request.changed(quantization="F16")).memory.weights.tensor_bytes.expected > 3 * header.tensor_bytes


def test_a_dynamic_file_is_what_its_header_says_whatever_its_name(tmp_path: Path) -> None:
    """Mixed types, split over two files: the plan's bytes are those of the tensors, and no rule of a standard type is
    asked.
    """
    tensors = [*ENDS, *attention(0), *dense(0), *attention(1), *dense(1)]
    mixed = [
        (name, shape, Q8_0 if "down" in name or name.startswith("token_embd") else kind)
        for name, shape, kind in tensors
    ]
    keys: dict[str, tuple[str, Any]] = {
        "general.architecture": ("string", "llama"),
        "general.file_type": ("u32", 15),
        "split.count": ("u32", 2),
    }
    keys |= {f"llama.{name}": ("u32", value) for name, value in COMMON.items()}
    first, second = (tmp_path / f"tiny-UD-Q4_K_XL-0000{part}-of-00002.gguf" for part in (1, 2))
    first.write_bytes(gguf(keys, mixed[:8]))
    second.write_bytes(gguf({"split.count": ("u32", 2)}, mixed[8:]))
    header = read_gguf_header(first)
    answer = sources.plan(PlanRequest.read({"model": str(first), "gpus": "rtx-4090", "context": 512}))
    assert answer.memory.weights.tensor_bytes.expected == sum(tensor.bytes for tensor in header.tensors)
    assert answer.memory.weights.format == "Q4_K_M"
    standard = sources.plan(
        PlanRequest.read({"model": str(first), "gpus": "rtx-4090", "context": 512, "quantization": "Q5_K_M"})
    )
    assert standard.memory.weights.format == "Q5_K_M"


def test_a_projector_alone_is_no_language_model(tmp_path: Path) -> None:
    path = tmp_path / "mmproj-F16.gguf"
    path.write_bytes(
        gguf(
            {"general.architecture": ("string", "clip"), "clip.vision.block_count": ("u32", 2)},
            [("v.blk.0.attn_q.weight", (64, 64), F16)],
        )
    )
    with pytest.raises(PlanError):
        sources.plan(PlanRequest.read({"model": str(path), "gpus": "rtx-4090"}))


def test_an_indexer_has_keys_of_its_own_in_the_cache_and_bounds_what_is_attended_to() -> None:
    metadata = {
        **COMMON,
        "block_count": 1,
        "attention.kv_lora_rank": 64,
        "rope.dimension_count": 32,
        "attention.key_length_mla": 64,
    }
    metadata |= {"attention.indexer.head_count": 4, "attention.indexer.key_length": 48, "attention.indexer.top_k": 512}
    name = "blk.0"
    tensors: Tensors = [
        (f"{name}.attn_norm.weight", (256,), F32),
        (f"{name}.attn_q.weight", (256, 8 * 64), F16),
        (f"{name}.attn_kv_a_mqa.weight", (256, 96), F16),
        (f"{name}.attn_k_b.weight", (32, 64, 8), F16),
        (f"{name}.attn_v_b.weight", (64, 64, 8), F16),
        (f"{name}.attn_output.weight", (512, 256), F16),
        (f"{name}.indexer.attn_q_b.weight", (256, 4 * 48), F16),
        (f"{name}.indexer.attn_k.weight", (256, 48), F16),
        (f"{name}.indexer.proj.weight", (256, 4), F16),
    ]
    model = read("glm-dsa", metadata, [*ENDS, *tensors, *dense(0)])
    (mixer,) = model.main.layers[0].mixers
    assert [(cache.name, cache.elements) for cache in mixer.caches] == [("latent", 96), ("indexer", 48)]
    assert mixer.selects == 512
