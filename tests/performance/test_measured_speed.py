"""Llama 3 8B and 70B in Q4_K_M on well-known machines, each with the measured figure beside it."""

import pytest

from planner.plan import plan
from planner.request import PlanRequest

MEASURED = (
    # model, GPUs, tokens/s of one stream, source
    ("8B", "RTX 3090", 111.7, "XiongjieDai/GPU-Benchmarks-on-LLM-Inference, 1024 tokens"),
    ("8B", "RTX 4090", 127.7, "XiongjieDai/GPU-Benchmarks-on-LLM-Inference, 1024 tokens"),
    ("8B", "A100 PCIe 80GB", 138.3, "XiongjieDai/GPU-Benchmarks-on-LLM-Inference, 1024 tokens"),
    ("8B", "Apple M2 Ultra (76-core GPU)", 76.3, "XiongjieDai/GPU-Benchmarks-on-LLM-Inference, 1024 tokens"),
    ("70B", "2x RTX 3090", 16.3, "XiongjieDai/GPU-Benchmarks-on-LLM-Inference, 1024 tokens"),
    ("70B", "2x RTX 4090", 19.1, "XiongjieDai/GPU-Benchmarks-on-LLM-Inference, 1024 tokens"),
    ("70B", "A100 PCIe 80GB", 22.1, "XiongjieDai/GPU-Benchmarks-on-LLM-Inference, 1024 tokens"),
    ("70B", "Apple M2 Ultra (76-core GPU)", 12.1, "XiongjieDai/GPU-Benchmarks-on-LLM-Inference, 1024 tokens"),
    ("70B", "RTX 4090", 2.5, "19 GB read from dual-channel DDR5 for each token: 2 to 3 tokens/s"),
)


@pytest.mark.parametrize(
    ("size", "gpus", "tokens_per_s", "source"), MEASURED, ids=[f"{size} on {gpus}" for size, gpus, _, _ in MEASURED]
)
def test_llama_3_runs_as_measured(size: str, gpus: str, tokens_per_s: float, source: str) -> None:
    request = {
        "model": f"meta-llama/Meta-Llama-3-{size}",
        "quantization": "Q4_K_M",
        "gpus": gpus,
        "context": 2048,
        "context_depth": 512,
    }
    rate = plan(PlanRequest.read(request)).speed.decode_tokens_per_s
    assert rate.expected == pytest.approx(tokens_per_s, rel=0.25), source
    assert rate.low <= tokens_per_s * 1.1, source
    assert rate.high >= tokens_per_s * 0.9, source
