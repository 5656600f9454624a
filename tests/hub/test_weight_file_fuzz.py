"""Headers of weight files with wrong values in them, all the way to a plan: each is planned or refused in one
sentence.
"""

from __future__ import annotations

import copy
import json
import random
import struct
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from weight_files import gguf, safetensors

from planner.cli.batch import answer
from planner.core.errors import PlanError
from planner.weight_files.gguf_file import ggml_types
from planner.weight_files.safetensors_file import read_safetensors_header
from planner.weight_files.sources import parse_upload

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from config_fuzz import faults

METADATA: dict[str, tuple[str, Any]] = {
    "general.architecture": ("string", "qwen3moe"),
    "general.file_type": ("u32", 15),
    "qwen3moe.block_count": ("u32", 2),
    "qwen3moe.embedding_length": ("u32", 512),
    "qwen3moe.context_length": ("u32", 8192),
    "qwen3moe.attention.head_count": ("u32", 8),
    "qwen3moe.attention.head_count_kv": ("[u32]", [2, 2]),
    "qwen3moe.expert_count": ("u32", 4),
    "qwen3moe.expert_used_count": ("u32", 2),
    "qwen3moe.attention.sliding_window": ("u32", 256),
    "tokenizer.ggml.tokens": ("[string]", ["a"] * 1_000),
}
LAYER = {
    "attn_norm.weight": (512,),
    "attn_q.weight": (512, 512),
    "attn_k.weight": (512, 128),
    "attn_v.weight": (512, 128),
    "attn_output.weight": (512, 512),
    "ffn_norm.weight": (512,),
    "ffn_gate_inp.weight": (512, 4),
    "ffn_gate_exps.weight": (512, 256, 4),
    "ffn_up_exps.weight": (512, 256, 4),
    "ffn_down_exps.weight": (256, 512, 4),
}
TENSORS = [("token_embd.weight", (512, 1_000), 0), ("output_norm.weight", (512,), 0)] + [
    (f"blk.{layer}.{name}", shape, 0) for layer in range(2) for name, shape in LAYER.items()
]
NAMES = (
    "ssm_in.weight",
    "ssm_x.weight",
    "attn_kv_a_mqa.weight",
    "indexer.k.weight",
    "shortconv.conv.weight",
    "rope_freqs.weight",
    "output.weight",
    "",
    "x" * 300,
    "\u0000",
)


def broken(rng: random.Random) -> bytes:
    """The file with one to four of its numbers, shapes, types or names wrong."""
    metadata, tensors = copy.deepcopy(METADATA), list(TENSORS)
    for _ in range(rng.choice((1, 1, 2, 4))):
        place, chance = rng.randrange(len(tensors)), rng.random()
        name, shape, kind = tensors[place]
        if chance < 0.35:
            key = rng.choice(list(metadata))
            metadata[key] = rng.choice((
                ("u32", 0), ("u32", 1), ("u32", 2**32 - 1), ("i32", -1), ("u64", 2**63), ("f32", 0.5),
                ("f32", float("nan")), ("bool", True), ("string", "x"), ("string", ""),
                ("[u32]", []), ("[u32]", [1]), ("[u32]", [0] * 40), ("[f32]", [float("inf")] * 3),
                ("[string]", ["a", "b"]),
            ))  # fmt: skip
        elif chance < 0.6:
            wrong = (
                (),
                (1,),
                (0,),
                (512,),
                (7, 7),
                (2**39, 3),
                (512, 256, 4),
                (512, 256, 4, 2),
                shape[:1],
                (*shape, 1),
                shape[::-1],
            )
            tensors[place] = (name, rng.choice(wrong), kind)
        elif chance < 0.75:
            tensors[place] = (name, shape, rng.choice(list(ggml_types())))
        elif chance < 0.85:
            tensors.pop(place)
        else:
            tensors[place] = (
                rng.choice(("", f"blk.{rng.choice((0, 1, 2, 99_999))}.")) + rng.choice((*NAMES, *LAYER)),
                shape,
                kind,
            )
    return gguf(metadata, tensors)


ENGINES = ("llama.cpp", "llama.cpp", "ollama", "vllm", "transformers")


def test_broken_gguf_headers_are_planned_or_refused_in_one_sentence() -> None:
    rng, found = random.Random(3), Counter[str]()
    for number in range(400):
        try:
            config = parse_upload(broken(rng), "model.gguf")
        except PlanError as error:
            assert str(error).endswith(".")
            found["refused as a file"] += 1
            continue
        kind = rng.choice(("plan", "plan", "plan", "model", "train"))
        raw: dict[str, Any] = {"kind": kind, "config": config, "gpus": "RTX 4090"} | (
            {"engine": rng.choice(ENGINES)} if kind == "plan" else {}
        )
        said = answer(json.dumps(raw))
        assert not faults(said), (number, said)
        found["answered" if said["ok"] else "refused as a model"] += 1
    assert min(found.values()) > 20
    assert len(found) == 3


def test_a_tensor_without_dimensions_is_one_number() -> None:
    whole = answer(json.dumps({"kind": "model", "config": parse_upload(gguf(METADATA, TENSORS), "model.gguf")}))
    more = answer(
        json.dumps(
            {
                "kind": "model",
                "config": parse_upload(gguf(METADATA, [*TENSORS, ("blk.0.attn_scale", (), 0)]), "model.gguf"),
            }
        )
    )
    assert more["model"]["parameters"]["total"] == whole["model"]["parameters"]["total"] + 1


ENTRIES: tuple[Any, ...] = (None, 0, -1, 2**64, 1.5, "x", True, [], {}, [None], [[1]], [2**62, 2**62], [1, 2, 3])


@pytest.mark.parametrize("seed", range(3))
def test_broken_safetensors_headers_are_read_or_refused_in_one_sentence(seed: int) -> None:
    rng, refused = random.Random(seed), 0
    for _ in range(200):
        header: dict[str, Any] = json.loads(
            safetensors({"a.weight": ("BF16", [4, 8], 64), "b": ("F32", [], 4)}, data=False)[8:]
        )
        key = rng.choice(list(header))
        if rng.random() < 0.3:
            header[key] = rng.choice(ENTRIES)
        else:
            header[key][rng.choice(("dtype", "shape", "data_offsets"))] = rng.choice(ENTRIES)
        text = json.dumps(header).encode()
        try:
            assert read_safetensors_header(struct.pack("<Q", len(text)) + text).data_bytes >= 0
        except PlanError as error:
            assert str(error).endswith("download it again, or give another file.")
            refused += 1
    assert 20 < refused < 200
