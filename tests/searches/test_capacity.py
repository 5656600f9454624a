"""The search for limits: the largest that fits whatever the shape of what is left, and few tries where it is a straight
line.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.plan import plan
from planner.request import PlanRequest
from planner.searches.capacity import Capacity, fits, largest


@given(
    st.integers(-5, 3_000),
    st.integers(1, 2_000),
    st.sampled_from([1, 7, 256]),
    st.sampled_from(["line", "root", "square", "unknown"]),
    st.data(),
)
def test_the_last_that_fits_is_found_whatever_the_shape(
    limit: int, most: int, step: int, shape: str, data: st.DataObject
) -> None:
    def room(n: int) -> float | None:
        off = limit // step - (n + step - 1) // step
        power = {"line": 1.0, "root": 0.5, "square": 2.0, "unknown": 1.0}[shape]
        return None if shape == "unknown" and off < 0 else abs(off) ** power * (1 if off >= 0 else -1)

    expected = max((n for n in range(1, most + 1) if fits(room(n))), default=0)
    known = data.draw(st.none() | st.integers(1, expected)) if expected else None
    assert largest(room, most, None if known is None else (known, room(known) or 0)) == expected


def test_a_straight_line_takes_few_tries() -> None:
    tried: list[int] = []

    def room(n: int) -> float:
        tried.append(n)
        return 10_000_000 - 2_345 * n

    assert largest(room, 2**24) == 10_000_000 // 2_345
    assert len(tried) <= 6


@pytest.mark.parametrize("engine", ["llama.cpp", "transformers", "vllm"])
@pytest.mark.parametrize("gpus", ["rtx-3060-12gb", "2x rtx-4090"])
@pytest.mark.parametrize("batch", [1, 16])
def test_a_limit_fits_and_one_more_does_not(engine: str, gpus: str, batch: int) -> None:
    asked = PlanRequest.read(
        {"model": "meta-llama/Llama-3.1-8B-Instruct", "engine": engine, "gpus": gpus, "context": 4_096, "batch": batch}
    )
    answer = plan(asked)
    capacity: Capacity = answer.capacity
    if 0 < capacity.max_context < answer.architecture.max_context:
        assert plan(asked.changed(context=capacity.max_context)).fit.on_gpus
        assert not plan(asked.changed(context=capacity.max_context + 1)).fit.on_gpus
    if 0 < capacity.max_batch < 4_096:
        assert plan(asked.changed(batch=capacity.max_batch)).fit.on_gpus
        assert not plan(asked.changed(batch=capacity.max_batch + 1)).fit.on_gpus


MODELS = (
    "meta-llama/Llama-3.1-8B-Instruct",
    "Qwen/Qwen3-30B-A3B",
    "openai/gpt-oss-20b",
    "moonshotai/Kimi-K2-Instruct",
    "mistralai/Mixtral-8x7B-v0.1",
    "google/gemma-3-12b-it",
)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(MODELS),
    st.sampled_from(["rtx-3060-12gb", "rtx-4090", "2x rtx-4060", "rtx-4090 + rtx-3060-12gb", "rtx-4060", ""]),
    st.sampled_from(["Q4_K_M", "Q8_0"]),
    st.lists(st.integers(1, 131_072), min_size=2, max_size=3),
    st.sampled_from([1, 4]),
)
def test_the_largest_context_is_one_figure_wherever_the_context_stands(
    model: str, gpus: str, quantization: str, contexts: list[int], batch: int
) -> None:
    asked = PlanRequest.read({"model": model, "gpus": gpus, "quantization": quantization, "batch": batch})
    found = {plan(asked.changed(context=context)).capacity.max_context for context in contexts}
    assert len(found) == 1


def test_a_sparse_model_beyond_the_card_grows_as_the_engine_moves_experts_out() -> None:
    """Qwen3 30B A3B on a 12 GB card: the fit leaves more experts in system memory for a longer context."""
    asked = PlanRequest.read({"model": "Qwen/Qwen3-30B-A3B", "quantization": "Q4_K_M", "gpus": "rtx-3060-12gb"})
    assert {plan(asked.changed(context=context)).capacity.max_context for context in (8_192, 32_768)} == {40_960}
    assert plan(asked.changed(context=40_960)).fit.verdict == "offload"
