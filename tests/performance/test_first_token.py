"""How long a request waits for its first token: alone, among others, and when all start together."""

from __future__ import annotations

from typing import Any

import pytest

from planner.plan import plan
from planner.report.json import plan_json
from planner.request import PlanRequest

SERVED = {
    "model": "Qwen/Qwen3-32B",
    "gpus": "2x H100 SXM",
    "context": 16_384,
    "prompt_tokens": 4_000,
    "output_tokens": 500,
}


def waits(**fields: Any) -> tuple[float, float]:
    speed = plan(PlanRequest.read({**SERVED, **fields})).speed
    return speed.time_to_first_token_s.expected, speed.idle_time_to_first_token_s.expected


@pytest.mark.parametrize("engine", ["vllm", "sglang", "tensorrt-llm"])
def test_who_starts_with_others_waits_longer_than_who_finds_them_decoding(engine: str) -> None:
    alone, idle = waits(engine=engine, batch=1, arrival="burst")
    steady, idle_of_16 = waits(engine=engine, batch=16)
    burst, _ = waits(engine=engine, batch=16, arrival="burst")
    assert alone == pytest.approx(idle)
    assert idle == pytest.approx(idle_of_16)
    assert idle < steady < burst
    assert burst < waits(engine=engine, batch=32, arrival="burst")[0]


def test_all_at_once_wait_for_half_of_the_others() -> None:
    """As many requests as are in flight: on average half of the other 15 prompts come first, beside what vLLM waits for
    at all times.
    """
    burst, idle = waits(engine="vllm", batch=16, arrival="burst", requests=16)
    steady, _ = waits(engine="vllm", batch=16)
    assert burst - steady == pytest.approx(7.5 * idle, rel=1e-6)
    again, _ = waits(engine="vllm", batch=16, arrival="burst", requests=160)
    assert again - steady == pytest.approx(0.75 * idle, rel=1e-6)


def test_slots_of_llama_cpp_read_one_prompt_after_another() -> None:
    fields = {"engine": "llama.cpp", "quantization": "Q4_K_M", "batch": 4, "context": 8_192}
    burst, idle = waits(**fields, arrival="burst")
    assert burst == pytest.approx(2.5 * idle)
    assert waits(**fields)[0] == pytest.approx(idle)


def test_the_answer_says_which_requests_its_speeds_are_of() -> None:
    answer = plan_json(
        plan(
            PlanRequest.read(
                {"model": "Qwen/Qwen3-32B", "engine": "vllm", "gpus": "2x H100 SXM", "context": 16_384, "batch": 50}
            )
        )
    )
    assert answer["speed"]["assumes"] == {
        "prompt_tokens": 1_024,
        "output_tokens": 256,
        "context_depth": 1_152,
        "streams": 50,
    }
    assert (
        answer["speed"]["idle_time_to_first_token_s"]["expected"] < answer["speed"]["time_to_first_token_s"]["expected"]
    )
