"""What a card can run is data; a plan that cannot start says why and offers what can."""

from typing import Any

import pytest

from planner import PlanRequest, plan
from planner.core.data import table
from planner.engines.capabilities import rules
from planner.engines.info import engines
from planner.engines.registry import engine
from planner.plan import Plan


def ask(model: str, quantization: str, engine: str, gpu: str, **fields: Any) -> Plan:
    request = {
        "model": model,
        "quantization": quantization,
        "engine": engine,
        "gpus": gpu,
        "context": 2048,
        "max_num_seqs": 32,
        **fields,
    }
    return plan(PlanRequest.read(request))


@pytest.mark.parametrize(
    ("quantization", "engine", "gpu", "words"),
    [
        ("bf16", "vllm", "Tesla T4", "Bfloat16 is only supported"),
        ("awq-int4", "vllm", "V100", "7.5"),
        ("int8", "vllm", "B300", "10.0"),
        ("fp8", "tensorrt-llm", "A100 80GB", "8.9"),
        ("fp8", "transformers", "RTX 3090", "8.9"),
        ("fp16", "vllm", "GTX 1080 Ti", "7.0"),
        ("fp16", "vllm", "M3 Max", "Apple"),
        ("fp16", "tensorrt-llm", "MI300X", "NVIDIA"),
        ("fp16", "vllm", "RX 6800 XT", "gfx1030"),
    ],
)
def test_what_cannot_start_says_so_and_offers_what_can(quantization: str, engine: str, gpu: str, words: str) -> None:
    answer = ask("qwen2.5:7b", quantization, engine, gpu)
    assert answer.fit.verdict == "does_not_fit"
    assert words in answer.fit.reason
    assert answer.advice
    for way in answer.advice:
        assert plan(answer.request.changed(**way.change)).fit.verdict in ("fits", "tight"), way.title


@pytest.mark.parametrize(
    ("quantization", "engine", "gpu"),
    [
        ("fp16", "vllm", "Tesla T4"),
        ("auto", "vllm", "Tesla T4"),
        ("gptq-int4", "vllm", "V100"),
        ("fp8", "vllm", "RTX 3090"),
        ("awq-int4", "vllm", "MI300X"),
        ("bf16", "vllm", "RX 7900 XTX"),
        ("nf4", "transformers", "GTX 1080 Ti"),
        ("fp8", "vllm", "H100"),
        ("int8", "vllm", "H100"),
        ("nvfp4", "vllm", "B200"),
    ],
)
def test_what_engines_do_run_is_not_refused(quantization: str, engine: str, gpu: str) -> None:
    version = "0.19.0" if engine == "vllm" else None
    assert ask("qwen2.5:0.5b", quantization, engine, gpu, engine_version=version).memory.unable is False


def test_fp8_on_ampere_runs_with_a_word_about_it() -> None:
    assert "Marlin" in ask("llama3:8b", "fp8", "vllm", "A100 80GB").memory.note
    assert "float16" in ask("qwen2.5:0.5b", "auto", "vllm", "Tesla T4").memory.note


def test_every_row_names_formats_that_its_engine_knows() -> None:
    for name in engines():
        known = {"*", "nf4-dq", *engine(name).formats()}
        for rule in rules(name):
            assert set(rule.formats) <= known, rule
            assert set(rule.instead) <= known, rule
    assert all(row["source"].startswith("https://") and row["as_of"] for row in table("capabilities"))
