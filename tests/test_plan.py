"""Answers that must come out right, and laws that hold for every plan."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner import PlanError, PlanRequest, plan
from planner.catalog import models
from planner.core.units import GIB
from planner.memory.quantity import Memory
from planner.plan import Plan

H100 = "H100 SXM5 80GB"


def ask(**fields: Any) -> Plan:
    return plan(PlanRequest.read(fields))


def test_llama_3_70b_in_16_bit_is_131_gib_and_too_much_for_one_h100() -> None:
    answer = ask(model="llama3:70b", quantization="fp16", engine="transformers", gpus=H100)
    assert answer.memory.weights.tensor_bytes.expected == 2 * 70_553_706_496
    assert round(answer.memory.weights.tensor_bytes.expected / GIB, 1) == 131.4
    assert answer.fit.verdict == "does_not_fit"
    assert "GiB needed" in answer.fit.reason


def test_llama_3_70b_q4_k_m_is_split_on_one_rtx_4090_and_fits_two() -> None:
    one = ask(model="llama3:70b", quantization="Q4_K_M", gpus="RTX 4090")
    assert round(one.memory.weights.file_bytes.expected / 1e9, 1) == 42.5
    assert one.fit.verdict == "offload"
    assert one.memory.gpu_layers is not None
    assert 0 < one.memory.gpu_layers < 80
    assert one.memory.host.weights.expected > 15 * GIB
    two = ask(model="llama3:70b", quantization="Q4_K_M", gpus="2x RTX 4090")
    assert two.fit.verdict in ("fits", "tight")
    assert all(device.total.expected < device.usable_bytes for device in two.memory.devices)


def test_without_room_in_system_memory_it_does_not_fit_at_all() -> None:
    answer = ask(model="llama3:70b", quantization="Q4_K_M", gpus="RTX 4090", system={"ram_gib": 8})
    assert answer.fit.verdict == "does_not_fit"


@pytest.mark.parametrize("engine", ["llama.cpp", "vllm", "transformers"])
def test_ways_out_are_changes_that_work(engine: str) -> None:
    answer = ask(
        model="llama3:70b",
        engine=engine,
        gpus="RTX 3090",
        system={"ram_gib": 16},
        quantization="F16" if engine == "llama.cpp" else "bf16",
    )
    assert answer.fit.verdict == "does_not_fit"
    assert answer.advice
    for way in answer.advice:
        changed = plan(answer.request.changed(**way.change)).fit
        assert changed.enough, way.title
        assert changed.verdict in ("fits", "tight") or "system" in way.change, way.title


def needed(memory: Memory) -> int:
    return sum(device.total.expected for device in memory.devices) + memory.host.total.expected


DENSE = ["llama3:8b", "qwen3:30b-a3b", "mixtral:8x7b", "qwen2.5:7b", "gemma3:12b", "gpt-oss:20b", "deepseek-v3"]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(DENSE),
    st.sampled_from(["llama.cpp", "transformers"]),
    st.integers(1, 100_000),
    st.integers(1, 100_000),
    st.integers(1, 16),
)
def test_more_context_never_needs_less_memory(model: str, engine: str, a: int, b: int, batch: int) -> None:
    low, high = sorted((a, b))
    fields: dict[str, Any] = {"model": model, "engine": engine, "batch": batch, "gpus": "8x H200"}
    if engine == "llama.cpp":
        fields["gpu_layers"] = 999
    assert needed(ask(**fields, context=low).memory) <= needed(ask(**fields, context=high).memory)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(DENSE),
    st.sampled_from(["llama.cpp", "transformers"]),
    st.integers(1, 32_000),
    st.integers(1, 64),
    st.integers(1, 64),
)
def test_more_sequences_never_need_less_memory(model: str, engine: str, context: int, a: int, b: int) -> None:
    low, high = sorted((a, b))
    fields: dict[str, Any] = {"model": model, "engine": engine, "context": context, "gpus": "8x H200"}
    if engine == "llama.cpp":
        fields["gpu_layers"] = 999
    assert needed(ask(**fields, batch=low).memory) <= needed(ask(**fields, batch=high).memory)


@pytest.mark.parametrize("model_id", [name for name, model in models().items() if model.architecture.generates])
def test_every_bundled_decoder_can_be_planned(model_id: str) -> None:
    answer = ask(model=model_id, gpus="8x H200", system={"ram_gib": 2_000})
    assert answer.memory.devices
    for device in answer.memory.devices:
        for part in (*device.parts, device.total):
            assert 0 <= part.low <= part.expected <= part.high
    assert answer.fit.reason


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"model": "no such model"}, "model"),
        ({"model": "llama3:8b", "gpus": "RTX 9999"}, "gpus"),
        ({"model": "llama3:8b", "quantization": "Q4_K_X", "gpus": "RTX 4090"}, "quantization"),
        ({"model": "llama3:8b", "quantization": "Q4_K_M", "engine": "vllm", "gpus": "RTX 4090"}, "quantization"),
        ({"model": "llama3:8b", "kv_cache_dtype": "q9_9", "gpus": "RTX 4090"}, "kv_cache_dtype"),
        ({"config": {}}, "config"),
        ({"config": {"model_type": "llama"}}, "config"),
        ({"config": {"model_type": "llama", "hidden_size": -1}}, "config"),
        ({"config": {"model_type": "llama", "hidden_size": 10**40}}, "config"),
        ({"config": {"model_type": ["llama"]}}, "config"),
    ],
)
def test_what_cannot_be_planned_is_said_at_its_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(PlanError) as caught:
        ask(**fields)
    assert caught.value.field == field
    assert str(caught.value).endswith((".", "?"))
