"""Ways of cutting: more GPUs never make the proposal slower, and the curve over batches has one shape."""

import pytest

from planner.performance.curve import curve, helps, knee, largest_within
from planner.performance.timing import Timing
from planner.plan import plan
from planner.request import PlanRequest
from planner.searches.splits import choices, proposed, together

REQUESTS = (
    {"model": "meta-llama/Meta-Llama-3-8B", "gpus": "RTX 3090"},
    {"model": "meta-llama/Meta-Llama-3-70B", "gpus": "RTX 4090"},
    {"model": "meta-llama/Meta-Llama-3-70B", "gpus": "H100 80GB", "engine": "vllm", "quantization": "fp8", "batch": 64},
    {"model": "Qwen/Qwen3-30B-A3B", "gpus": "RTX 4090", "engine": "vllm", "quantization": "fp8"},
    {
        "model": "Qwen/Qwen3-30B-A3B",
        "gpus": "RTX PRO 6000 Blackwell Workstation",
        "engine": "sglang",
        "quantization": "bf16",
        "batch": 32,
    },
)


@pytest.mark.parametrize("fields", REQUESTS, ids=str)
def test_more_gpus_never_make_the_proposal_slower(fields: dict[str, object]) -> None:
    request = PlanRequest.read(fields)
    rates = []
    for count in (1, 2, 4, 8):
        best, reason = proposed(request, count)
        rates.append(best.rate(together(request)) if best else 0.0)
        assert reason
        if best and best.count < count:
            assert "would not make it faster" in reason
    assert rates == sorted(rates)


def test_a_faster_card_is_no_slower() -> None:
    for slow, fast in (
        ("RTX 3090", "RTX 4090"),
        ("RTX 4090", "RTX 5090"),
        ("A100 PCIe 80GB", "A100 SXM4 80GB"),
        ("H100 SXM5 80GB", "H200 SXM 141GB"),
    ):
        one, other = (
            plan(PlanRequest.read({"model": "meta-llama/Meta-Llama-3-8B", "gpus": name})).speed for name in (slow, fast)
        )
        assert one.decode_tokens_per_s.expected <= other.decode_tokens_per_s.expected, (slow, fast)


def test_a_smaller_format_of_the_same_kind_is_no_slower() -> None:
    for formats in (("Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q2_K"), ("Q8_0", "Q4_0"), ("F16", "Q8_0", "Q4_K_M")):
        rates = [
            plan(
                PlanRequest.read({"model": "meta-llama/Meta-Llama-3-8B", "gpus": "RTX 4090", "quantization": name})
            ).speed.decode_tokens_per_s.expected
            for name in formats
        ]
        assert rates == sorted(rates), formats


def test_ways_that_cannot_be_say_why() -> None:
    request = PlanRequest.read(
        {"model": "Qwen/Qwen2.5-14B", "gpus": "A100 80GB", "engine": "vllm", "quantization": "bf16"}
    )
    refused = [choice for choice in choices(request, 64) if choice.plan is None]
    assert refused
    assert all(choice.refusal for choice in refused)


def timing(**fields: object) -> Timing:
    answer = plan(PlanRequest.read(fields))
    return Timing.of(answer.case, answer.memory)


def test_the_curve_rises_in_throughput_and_in_time() -> None:
    points = curve(
        timing(
            model="meta-llama/Meta-Llama-3-8B",
            gpus="H100 80GB",
            engine="vllm",
            quantization="bf16",
            prompt_tokens=512,
            output_tokens=256,
        ),
        256,
    )
    assert [point.batch for point in points][:5] == [1, 2, 3, 4, 6]
    assert [point.time_per_token_s for point in points] == sorted(point.time_per_token_s for point in points)
    assert knee(points) in points


def test_the_largest_batch_within_a_time_is_the_last_that_keeps_it() -> None:
    made = timing(model="meta-llama/Meta-Llama-3-8B", gpus="H100 80GB", engine="vllm", quantization="bf16")
    found = largest_within(made, 256, 0.012)
    assert 1 < found < 256
    assert float(made.at(found).step.value) <= 0.012 < float(made.at(found + 1).step.value)
    assert largest_within(made, 256, 1e-6) == 0


def test_what_helps_most_is_what_takes_the_time() -> None:
    assert helps(timing(model="meta-llama/Meta-Llama-3-70B", gpus="RTX 4090"))[0].name == "system memory twice as fast"
    assert (
        helps(timing(model="meta-llama/Meta-Llama-3-8B", gpus="RTX 4090", quantization="F16"))[0].name
        == "GPU memory twice as fast"
    )
    assert all(
        1 < one.factor <= 2
        for one in helps(timing(model="Qwen/Qwen3-30B-A3B", gpus="4x H100 80GB", engine="vllm", quantization="bf16"))
    )
