"""A few hundred of the requests that `benchmarks/config_fuzz.py` and `benchmarks/request_fuzz.py` try by the thousand,
and what their search finds.
"""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import config_fuzz
import request_fuzz

from planner.cli.batch import answer


@pytest.mark.parametrize(
    "ask", [config_fuzz.asked, request_fuzz.question], ids=["mutated configs", "fields at their limits"]
)
def test_every_request_is_answered_soundly_or_refused_in_one_sentence(
    ask: Callable[[random.Random], dict[str, Any]],
) -> None:
    rng, answered = random.Random(19), 0
    for _ in range(150):
        line = json.dumps(ask(rng))
        ok, found = config_fuzz.tried(line)
        assert not found, line
        answered += ok
    assert 20 < answered < 140


ZERO = {"low": 0, "expected": 1, "high": 2}


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (
            {
                "ok": True,
                "plan": {
                    "speed": ZERO,
                    "headroom_bytes": -5,
                    "ok": True,
                    "never": {"low": 3, "expected": None, "high": None},
                },
            },
            None,
        ),
        ({"ok": True, "plan": {"speed": {"low": 2, "expected": 1, "high": 2}}}, config_fuzz.ORDER),
        ({"ok": True, "plan": {"speed": {"low": None, "expected": 1, "high": 2}}}, config_fuzz.ORDER),
        ({"ok": True, "plan": {"devices": [{"weights_bytes": -1}]}}, config_fuzz.BELOW_ZERO),
        ({"ok": True, "plan": {"speed": math.nan}}, config_fuzz.ABSENT),
        ({"ok": False, "error": "This request met a defect in the planner; please report it."}, config_fuzz.DEFECT),
        ({"ok": False, "error": "KeyError: k."}, config_fuzz.CLASS),
        ({"ok": False, "error": "Input should be a valid dict."}, config_fuzz.CLASS),
        ({"ok": False, "error": "no"}, config_fuzz.PROSE),
        ({"ok": False, "error": "The field context cannot be 0: give at least 1."}, None),
    ],
)
def test_the_search_finds_what_no_answer_may_hold(said: dict[str, Any], fault: str | None) -> None:
    assert set(config_fuzz.faults(said)) == ({fault} if fault else set())


def asked(**fields: Any) -> dict[str, Any]:
    return answer(json.dumps({"model": "llama3:70b", "gpus": "2x RTX 3060", **fields}))


@pytest.mark.parametrize("model", ["llama3:70b", "Qwen/Qwen3-30B-A3B"])
def test_more_layers_than_the_model_has_means_all_of_them(model: str) -> None:
    def split(count: int, **fields: Any) -> Any:
        return asked(model=model, cpu_moe_layers=count, **fields)["plan"]["memory"]

    layers = 80 if "70b" in model else 48
    assert split(layers) == split(layers + 1) == split(1_000_000)
    assert split(layers, gpu_layers=20) == split(layers + 1, gpu_layers=20)


@pytest.mark.parametrize("engine", ["llama.cpp", "ollama", "vllm", "sglang", "tensorrt-llm", "transformers"])
def test_a_card_whose_memory_is_all_taken_is_planned(engine: str) -> None:
    full = [{"name": "RTX 3060", "free_mib": 0}]
    (device,) = asked(engine=engine, model="llama3:8b", gpus=full)["plan"]["memory"]["devices"]
    assert device["usable_bytes"] == 0
    assert asked(engine=engine, model="llama3:8b", gpus=full * 2)["ok"]


def test_llama_cpp_takes_sixteen_gpus() -> None:
    assert asked(gpus="16x RTX 3060")["ok"]
    assert "at most 16 GPUs, not 17" in asked(gpus="17x RTX 3060")["error"]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("hidden_size", "abc", 'The config\'s hidden_size must be a whole number, not "abc".'),
        ("hidden_size", True, "The config's hidden_size must be a whole number, not true."),
        ("num_hidden_layers", -1, "The config's num_hidden_layers is -1; it must lie between 1 and 2,000."),
        ("vocab_size", math.nan, "The config's vocab_size must be a whole number, not NaN."),
        ("rms_norm_eps", math.inf, None),
        ("tie_word_embeddings", 7, "The config's tie_word_embeddings must be true or false, not 7."),
        (
            "rope_scaling",
            {"rope_type": "linear", "factor": "2"},
            'The config\'s rope_scaling.factor must be a number, not "2".',
        ),
        (
            "rope_scaling",
            {"rope_type": "linear", "factor": math.nan},
            "The config's rope_scaling.factor must be a number, not NaN.",
        ),
        ("rope_scaling", [1], "The config's rope_scaling must be a JSON object, not [1]"),
        (
            "quantization_config",
            {"quant_method": "gptq", "bits": "4"},
            'The config\'s quantization_config.bits must be a whole number, not "4".',
        ),
        (
            "quantization_config",
            {"quant_method": "awq", "group_size": 10**9},
            "The config's quantization_config.group_size is 1000000000",
        ),
        ("hidden_size", 2**40, " parameters, more than any model has; check its widths and its layers."),
    ],
)
def test_a_number_of_a_config_that_is_none_is_refused_by_name(field: str, value: Any, said: str | None) -> None:
    config = {
        "model_type": "llama",
        "hidden_size": 4_096,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "intermediate_size": 11_008,
        "vocab_size": 32_000,
        "torch_dtype": "bfloat16",
        field: value,
    }
    for kind in ("plan",) if field == "quantization_config" else ("model", "plan", "train"):
        got = answer(
            json.dumps(
                {"kind": kind, "config": config, "gpus": "RTX 4090", **({"engine": "vllm"} if kind == "plan" else {})}
            )
        )
        assert got["ok"] if said is None else said in got["error"]
