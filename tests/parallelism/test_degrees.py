"""Degrees of parallelism: what divides, the nearest that does, and what each rank holds."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner import PlanError, PlanRequest, plan
from planner.catalog import find
from planner.parallelism.degrees import allowed, head_counts, stage_layers
from planner.plan import Plan


def ask(model: str, gpus: str, **fields: Any) -> Plan:
    return plan(PlanRequest.read({"model": model, "engine": "vllm", "gpus": gpus, "context": 4096} | fields))


@pytest.mark.parametrize(
    ("model", "fields", "words"),
    [
        ("qwen2.5:7b", {"tensor_parallel": 8}, "28 heads; use 4"),
        ("llama3:70b", {"tensor_parallel": 3}, "64 heads; use 2"),
        ("llama3:8b", {"pipeline_parallel": 64}, "32 layers"),
        ("llama3:8b", {"expert_parallel": 2}, "no experts"),
        ("mixtral:8x7b", {"expert_parallel": 16}, "use 8"),
        ("qwen2.5:72b", {"tensor_parallel": 8, "quantization": "gptq-int4"}, "width of 29,568"),
        ("mixtral:8x7b", {"tensor_parallel": 3}, "32 heads; use 2"),
        ("llama3:70b", {"tensor_parallel": 8, "data_parallel": 2}, "needs 16 GPUs"),
        (
            "qwen3:30b-a3b",
            {"tensor_parallel": 2, "data_parallel": 2, "expert_parallel": 8},
            "set data_parallel to 4 or expert_parallel to 4",
        ),
    ],
)
def test_what_does_not_divide_names_the_nearest_that_does(model: str, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(PlanError) as error:
        ask(model, "8x H100", **fields)
    assert words in str(error.value)
    assert error.value.field in (*fields, "gpus")


def test_experts_that_cannot_be_cut_are_kept_whole() -> None:
    """1,536 / 8 = 192 is no multiple of the 128 that share a scale, so engines spread whole experts."""
    for fields in ({}, {"tensor_parallel": 8}):
        answer = ask("Qwen/Qwen3-235B-A22B-FP8", "8x H100", **fields)
        assert "kept whole" in answer.memory.note
        assert "--enable-expert-parallel" in answer.commands[0].text
        asked = ask("Qwen/Qwen3-235B-A22B-FP8", "8x H100", tensor_parallel=8, expert_parallel=8)
        assert asked.memory.devices == answer.memory.devices


def test_many_machines_spread_experts_even_where_heads_do_not_divide() -> None:
    answer = ask("deepseek-ai/DeepSeek-R1", "72x GB200", tensor_parallel=72)
    assert answer.fit.verdict in ("fits", "tight")


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        (
            "vllm",
            (
                "--data-parallel-size 64",
                "--data-parallel-size-local 8",
                "--data-parallel-backend ray",
                "--enable-expert-parallel",
            ),
        ),
        ("sglang", ("--tp 64", "--dp 64", "--enable-dp-attention", "--ep 64", "--nnodes 8")),
        ("tensorrt-llm", ("mpirun -n 64", "--tp_size 64", "--ep_size 64", "enable_attention_dp: true")),
    ],
)
def test_experts_over_eight_machines_stand_beside_attention_whole_on_every_gpu(
    engine: str, words: tuple[str, ...]
) -> None:
    """DeepSeek R1: 256 / 64 experts a rank and layer; all else whole, the latent matrix a second time in 16 bit."""
    answer = ask("deepseek-ai/DeepSeek-R1", "64x H200", expert_parallel=64, engine=engine)
    text = " ".join(command.text for command in answer.commands)
    assert all(word in text for word in words)
    whole = answer.architecture.main
    experts = sum(t.parameters * n for t, n in whole.counted if t.role.startswith("expert_"))
    rest = whole.parameters - experts
    outer = 2 * 129_280 * 7_168  # embedding and head stay in 16 bit
    latent = 61 * 512 * 128 * (128 + 128)
    expected = experts / 64 + rest - outer + 2 * outer + 2 * latent
    assert answer.memory.devices[0].weights.expected == pytest.approx(expected, rel=0.02)
    assert answer.request.data_parallel == 64


def test_replicas_that_share_experts_cut_them_over_all_ranks_only_where_scales_allow() -> None:
    """2,048 / 16 = 128 may be cut, 2,048 / 32 may not."""
    sixteen, more = (ask("deepseek-ai/DeepSeek-R1", f"{n}x H200", tensor_parallel=1, data_parallel=n) for n in (16, 32))
    assert "kept whole" not in sixteen.memory.note
    assert "kept whole" in more.memory.note


def test_two_machines_are_two_stages() -> None:
    answer = ask("meta-llama/Llama-3.1-405B-Instruct", "16x H100")
    text = " ".join(command.text for command in answer.commands)
    assert "--tensor-parallel-size 8" in text
    assert "--pipeline-parallel-size 2" in text
    assert "ray start" in text


def test_key_value_heads_repeat_beyond_their_number() -> None:
    """Qwen3 235B has 4 key-value heads: at tensor parallel 4 and 8 a rank caches one, so its pool holds as many tokens
    a byte.
    """
    four, eight = (ask("qwen3:235b-a22b", f"{n}x H200", tensor_parallel=n, quantization="bf16") for n in (4, 8))
    pools = [answer.memory.pool for answer in (four, eight)]
    ratios = [pool.bytes.expected / pool.tokens for pool in pools if pool and pool.tokens]
    assert ratios[0] == pytest.approx(ratios[1], rel=0.001)


@given(layers=st.integers(1, 200), stages=st.integers(1, 16))
def test_stages_hold_every_layer_and_differ_by_one(layers: int, stages: int) -> None:
    if stages <= layers:
        counts = stage_layers(layers, stages)
        assert sum(counts) == layers
        assert max(counts) - min(counts) <= 1


@settings(max_examples=40, deadline=None)
@given(
    model=st.sampled_from(["llama3:8b", "qwen3:30b-a3b", "gpt-oss:20b", "mixtral:8x7b", "gemma3:12b"]),
    engine=st.sampled_from(["vllm", "sglang", "tensorrt-llm"]),
)
def test_more_ranks_never_hold_more_each(model: str, engine: str) -> None:
    architecture = find(model).architecture
    sizes = []
    for n in (1, 2, 4, 8):
        if allowed(architecture, n) and all(heads % n == 0 for heads in head_counts(architecture)):
            request = PlanRequest.read(
                {"model": model, "engine": engine, "gpus": f"{n}x H200", "tensor_parallel": n, "context": 4096}
            )
            sizes.append(max(device.weights.expected for device in plan(request).memory.devices))
    assert sizes == sorted(sizes, reverse=True)
