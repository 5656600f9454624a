"""What a pass is made of: experts, recurrent states, weights that are fetched, eras of engines, peaks of formats."""

from __future__ import annotations

from typing import Any

import pytest

from planner.catalog.gpu_names import resolve
from planner.performance.rates import Kernels, era_of, numbers, peak_tflops, reach, rows
from planner.performance.timing import Timing
from planner.performance.work import Work
from planner.plan import plan
from planner.request import PlanRequest


def timing(**fields: Any) -> Timing:
    answer = plan(PlanRequest.read(fields))
    return Timing.of(answer.case, answer.memory)


def prefill(**fields: Any) -> float:
    one = timing(**fields)
    return one.prompt / float(one.prompt_step.value)


def decode(**fields: Any) -> float:
    return 1 / float(timing(**fields).step.value)


LLAMA = {"engine": "llama.cpp", "context": 8_192, "prompt_tokens": 2_048, "output_tokens": 128}
SPARSE = {**LLAMA, "model": "Qwen/Qwen3-30B-A3B", "quantization": "Q4_K_M", "gpus": "RTX 4090"}
HYBRID = {**LLAMA, "model": "Qwen/Qwen3.5-27B", "quantization": "Q4_K_M", "gpus": "RTX 5090"}
DENSE = {**LLAMA, "model": "meta-llama/Meta-Llama-3-70B", "quantization": "Q4_K_M", "gpus": "RTX 4090"}


def test_each_expert_that_a_token_chooses_alone_multiplies_one_row() -> None:
    work = Work(experts=((800, 0.25),), routed_flops=1.0)
    assert work.rows_per_expert(1, 1) == pytest.approx(1)
    # 100 tokens: 25 rows for each of the experts, all of which are touched
    assert work.rows_per_expert(100, 100) == pytest.approx(25)
    # 100 tokens that choose as 2 would: 1 - 0.75 ** 2 of the experts share the rows
    assert work.rows_per_expert(100, 2) == pytest.approx(25 / 0.4375)
    assert Work().rows_per_expert(8, 8) == 0


@pytest.mark.parametrize("question", [SPARSE, HYBRID], ids=["sparse", "hybrid"])
def test_a_larger_micro_batch_reads_a_prompt_faster(question: dict[str, Any]) -> None:
    speeds = [prefill(**question, ubatch=size) for size in (64, 256, 1_024, 2_048)]
    assert speeds == sorted(speeds)


def test_a_prompt_s_recurrent_states_advance_token_by_token() -> None:
    one = timing(**HYBRID)
    (part,) = one.prompt_passes
    step = next(step for step in part.steps if step.label.startswith("Recurrent states"))
    assert step.operands["state_layers"] == 48
    assert step.value == pytest.approx(step.operands["tokens"] * 48 * one.found[0].state_token_s)
    assert not any(step.label.startswith("Recurrent") for step in timing(**SPARSE).prompt_passes[0].steps)


def test_a_card_without_layers_still_reads_long_prompts() -> None:
    """Its weights are fetched: far faster than the processor, slower than with layers on the card."""
    alone = prefill(**{**DENSE, "gpus": []})
    fetched = prefill(**DENSE, gpu_layers=0)
    some = prefill(**DENSE, gpu_layers=30)
    assert 3 * alone < fetched < some
    assert decode(**DENSE, gpu_layers=0) == pytest.approx(decode(**{**DENSE, "gpus": []}), rel=0.05)


def test_fetching_copies_sends_and_multiplies_one_after_the_other() -> None:
    one = timing(**DENSE, gpu_layers=0)
    part = one.prompt_passes[0]
    step = next(step for step in part.steps if step.label.startswith("Host weights"))
    values = step.operands
    parts = (
        values["weight_bytes"] / values["link_bandwidth"],
        values["weight_bytes"] / values["copy_bandwidth"],
        values["flops"] / (values["peak_flops"] * values["computed"]),
    )
    assert step.value == pytest.approx(sum(parts))


def test_short_prompts_stay_on_the_host() -> None:
    few = timing(**{**DENSE, "prompt_tokens": 31}, gpu_layers=0).prompt_passes
    many = timing(**{**DENSE, "prompt_tokens": 32}, gpu_layers=0).prompt_passes
    assert not any("fetched" in step.label for step in few[0].steps)
    assert any("fetched" in step.label for step in many[0].steps)


def test_experts_on_the_host_cost_each_layer_a_hand_over() -> None:
    speeds = [decode(**SPARSE, gpu_layers=999, cpu_moe_layers=count) for count in (0, 12, 24, 48)]
    assert speeds == sorted(speeds, reverse=True)
    assert speeds[0] > 3 * speeds[-1]


def test_without_flash_attention_each_head_reads_the_latents() -> None:
    question = {**LLAMA, "model": "zai-org/GLM-4.7-Flash", "quantization": "Q4_K_M", "gpus": "RTX 4090"}
    near, far = ({**question, "context": 40_000, "context_depth": depth} for depth in (512, 32_768))
    assert decode(**far, flash_attention=False) < 0.5 * decode(**near, flash_attention=False)
    assert decode(**far, flash_attention=True) > 0.5 * decode(**near, flash_attention=True)
    assert decode(**far) == pytest.approx(decode(**far, flash_attention=True), rel=0.5)


def test_numbers_of_versions() -> None:
    assert numbers("0.5.6.post2") == (0, 5, 6, 2)
    assert numbers("b8255") == (8255,)
    assert era_of("vllm", None) == era_of("transformers", "5.1") == ""
    assert era_of("mlx", "0.27.1") == "first-delta-kernel"
    assert era_of("vllm", "0.9.2") == era_of("vllm", "0.11.2") == "to-0.11"
    assert era_of("vllm", "0.15.1") == "0.12"
    assert era_of("vllm", "0.33.0") == "0.16"
    assert era_of("sglang", "0.5.6.post2") == "0.5"
    assert era_of("sglang", "0.5.10") == "0.5.9"
    assert era_of("llama.cpp", "b8299") == "before-gated-delta"


def test_an_era_has_its_own_overheads() -> None:
    serving = {"model": "Qwen/Qwen3-30B-A3B", "engine": "vllm", "gpus": "H100 SXM", "batch": 64, "context": 4_096}
    speeds = {version: decode(**serving, engine_version=version) for version in ("0.11.0", "0.12.0", "0.24.0")}
    assert len({round(speed, 6) for speed in speeds.values()}) == 3
    assert all(0.5 < speed / decode(**serving) < 2 for speed in speeds.values())


def test_mxfp4_runs_at_what_the_card_computes_it_in() -> None:
    for name, peak in (("MI355X", "fp4_tflops"), ("B200 SXM", "fp8_tflops"), ("H100 SXM", "fp16_tflops")):
        gpu = resolve(name)
        assert peak_tflops("vllm", gpu, "mxfp4") == getattr(gpu, peak)


def test_a_row_holds_for_an_era_a_way_of_running_and_a_generation() -> None:
    ultra, kernels = resolve("B300"), Kernels("vllm", "auto", "fp8", "0.16")
    holds = [row for row in rows() if reach(row, kernels, ultra)]
    assert {"vllm 0.16", "vllm", "server"} <= {row.engine for row in holds}
    assert "vllm 0.12" not in {row.engine for row in holds}
    assert "Blackwell" in {row.family for row in holds}
    alone, split = Kernels("llama.cpp", "auto", "Q4_K_M"), Kernels("llama.cpp", "auto", "Q4_K_M", split=True)
    assert "split" not in {row.format for row in rows() if reach(row, alone, resolve("RTX 4090"))}
    assert "split" in {row.format for row in rows() if reach(row, split, resolve("RTX 4090"))}


def test_a_server_s_card_checks_its_memory() -> None:
    tagged = {
        name: any(
            row.family == "GDDR with ECC" for row in rows() if reach(row, Kernels("llama.cpp", "auto", "Q8_0"), gpu)
        )
        for name in ("L40S", "RTX 4090", "A100 PCIe 80GB")
        if (gpu := resolve(name))
    }
    assert tagged == {"L40S": True, "RTX 4090": False, "A100 PCIe 80GB": False}


def test_rings_over_machines_use_every_network_card() -> None:
    from planner.performance.links import between, links

    gpu = resolve("H100 SXM")
    across = between(gpu, 16)
    assert across.gb_per_s == min(gpu.link_gb_per_s / 2, 8 * links()["infiniband"].gb_per_s)
    assert across.latency_us == links()["infiniband"].latency_us


def test_one_user_of_four_slots_has_the_speed_of_one() -> None:
    slots = {**LLAMA, "model": "meta-llama/Meta-Llama-3-8B", "quantization": "Q4_K_M", "gpus": "RTX 4090", "batch": 4}
    four, one = timing(**slots), timing(**slots, concurrency=1)
    assert (four.sequences, one.sequences) == (4, 1)
    assert float(one.step.value) == pytest.approx(1 / decode(**{**slots, "batch": 1}), rel=0.01)
    assert timing(**slots, concurrency=9).sequences == 4
