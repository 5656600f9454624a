"""Ways out: each is tried, none ruins the model or asks for hardware that nobody owns, and each says what it costs."""

from __future__ import annotations

from typing import Any

import pytest

from planner.plan import plan
from planner.request import PlanRequest

SHORT = [
    {"model": "meta-llama/Meta-Llama-3-70B", "quantization": "Q4_K_M", "gpus": "RTX 4090"},
    {"model": "meta-llama/Meta-Llama-3-70B", "quantization": "Q4_K_M", "gpus": "2x RTX 3050 8GB"},
    {"model": "Qwen/Qwen3-30B-A3B", "quantization": "Q4_K_M", "gpus": "RTX 3060 12GB"},
    {"model": "Qwen/Qwen3-32B", "quantization": "Q8_0", "gpus": "RTX 4090", "context": 32_768},
    {"model": "openai/gpt-oss-120b", "gpus": "RTX 3060 12GB", "system": {"ram_gib": 32}},
    {"model": "deepseek-ai/DeepSeek-R1", "engine": "vllm", "gpus": "8x H100 SXM"},
    {"model": "Qwen/Qwen3-32B", "engine": "vllm", "gpus": "2x H100 SXM", "batch": 50, "context": 16_384},
    {"model": "meta-llama/Llama-3.1-8B-Instruct", "engine": "transformers", "gpus": "RTX 3060 12GB"},
    {"model": "meta-llama/Llama-3.3-70B-Instruct", "engine": "mlx", "gpus": "M2 Pro 32GB"},
    {"model": "google/gemma-3-27b-it", "engine": "ollama", "gpus": "RTX 4060 Ti 16GB", "context": 65_536},
    {"model": "mistralai/Mixtral-8x7B-v0.1", "engine": "vllm", "gpus": "RTX 4090"},
]
RUINOUS = ("TQ1_0", "TQ2_0", "IQ1_S", "IQ1_M", "IQ2_XXS", "Q2_K_S", "Q2_K")


@pytest.mark.parametrize("asked", SHORT, ids=lambda asked: f"{asked['model'].split('/')[1]} {asked['gpus']}")
def test_every_way_out_leads_out(asked: dict[str, Any]) -> None:
    request = PlanRequest.read(asked)
    ways = plan(request).advice
    assert ways
    for way in ways:
        changed = plan(request.changed(**way.change))
        assert changed.fit.verdict == way.verdict or (way.verdict in ("fits", "tight") and changed.fit.on_gpus), (
            way.title
        )
        assert changed.fit.enough
        assert way.quality
        assert way.change.get("quantization") not in RUINOUS
        assert sum(spec.get("count", 1) for spec in way.change.get("gpus", [])) <= (8 if "H100" in asked["gpus"] else 4)
        assert way.tokens_per_s > 0
        assert way.change.get("context", 0) != request.context
    assert len({way.title for way in ways}) == len(ways)


def titles(**asked: Any) -> list[str]:
    return [way.title for way in plan(PlanRequest.read(asked)).advice]


def test_a_smaller_model_a_second_card_and_their_price_are_among_them() -> None:
    ways = plan(
        PlanRequest.read({"model": "meta-llama/Meta-Llama-3-70B", "quantization": "Q4_K_M", "gpus": "RTX 4090"})
    ).advice
    by_title = {way.title: way for way in ways}
    assert by_title["Use 2x GeForce RTX 4090"].price_usd
    assert any("model" in way.change and "Another model" in way.quality for way in ways)
    assert not any("quantization" in way.change for way in ways)  # nothing bearable is small enough


def test_where_system_memory_is_what_lacks_more_of_it_is_offered() -> None:
    assert "Use 64 GiB of system memory" in titles(
        model="openai/gpt-oss-120b", gpus="RTX 3060 12GB", system={"ram_gib": 32}
    )


def test_small_cards_are_not_stacked() -> None:
    assert not any(
        "RTX 3050" in title
        for title in titles(model="meta-llama/Meta-Llama-3-70B", quantization="Q4_K_M", gpus="2x RTX 3050 8GB")
    )


def test_users_that_wait_get_an_8_bit_cache_or_more_cards() -> None:
    found = titles(model="Qwen/Qwen3-32B", engine="vllm", gpus="2x H100 SXM", batch=50, context=16_384)
    assert any(title.startswith(("Use 4x", "Use 8x")) for title in found)
