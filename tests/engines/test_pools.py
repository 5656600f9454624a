"""Laws that hold for every serving engine, whatever the model, and its pool by hand."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner import PlanError, PlanRequest, plan
from planner.plan import Plan

ENGINES = ["vllm", "sglang", "tensorrt-llm"]
MODELS = [
    "llama3:8b",
    "qwen3:30b-a3b",
    "gpt-oss:20b",
    "gemma3:12b",
    "qwen2.5:7b",
    "mistral:7b",
    "deepseek-v3",
    "Qwen/Qwen3-Next-80B-A3B-Instruct",
]


def ask(model: str, engine: str, gpus: str = "H200", **fields: Any) -> Plan:
    return plan(PlanRequest.read({"model": model, "engine": engine, "gpus": gpus, "context": 4096, **fields}))


def pool(answer: Plan) -> tuple[int, int]:
    assert answer.memory.pool is not None
    return answer.memory.pool.bytes.expected, answer.memory.pool.tokens


@settings(max_examples=60, deadline=None)
@given(
    model=st.sampled_from(MODELS), engine=st.sampled_from(ENGINES), low=st.floats(0.3, 0.95), more=st.floats(0.0, 0.05)
)
def test_a_larger_share_of_the_card_never_shrinks_the_pool(model: str, engine: str, low: float, more: float) -> None:
    small, large = (pool(ask(model, engine, gpu_memory_utilization=share)) for share in (low, low + more))
    assert small[0] <= large[0]


@settings(max_examples=60, deadline=None)
@given(
    model=st.sampled_from(MODELS),
    engine=st.sampled_from([*ENGINES, "transformers"]),
    context=st.integers(256, 65_536),
    more=st.integers(1, 65_536),
)
def test_a_longer_context_never_needs_less(model: str, engine: str, context: int, more: int) -> None:
    short, long = (ask(model, engine, context=n, max_num_batched_tokens=8192) for n in (context, context + more))
    assert sum(d.total.expected for d in short.memory.devices) <= sum(d.total.expected for d in long.memory.devices)
    if short.fit.verdict == "does_not_fit":
        assert long.fit.verdict == "does_not_fit"


@settings(max_examples=40, deadline=None)
@given(
    model=st.sampled_from([name for name in MODELS if "Next" not in name]),
    engine=st.sampled_from(ENGINES),
    context=st.integers(512, 32_768),
)
def test_a_quantized_cache_never_holds_fewer_tokens(model: str, engine: str, context: int) -> None:
    whole, half = (
        pool(
            ask(
                model,
                engine,
                "8x H200",
                kv_cache_dtype=name,
                context=context,
                tensor_parallel=1 if model != "deepseek-v3" else 8,
            )
        )
        for name in ("bf16", "fp8")
    )
    assert half[1] >= whole[1]


@settings(max_examples=40, deadline=None)
@given(model=st.sampled_from(MODELS), context=st.integers(512, 65_536), batch=st.integers(1, 64))
def test_a_quantized_cache_is_never_bigger_in_transformers(model: str, context: int, batch: int) -> None:
    caches = [
        sum(
            d.kv_cache.expected
            for d in ask(model, "transformers", context=context, batch=batch, kv_cache_dtype=name).memory.devices
        )
        for name in ("bf16", "fp8")
    ]
    assert caches[1] <= caches[0]


def test_vllms_pool_is_what_its_budget_leaves() -> None:
    answer = ask(
        "llama3:8b",
        "vllm",
        "H100",
        engine_version="0.19.0",
        gpu_memory_utilization=0.9,
        max_num_seqs=256,
        max_num_batched_tokens=8192,
    )
    device = answer.memory.devices[0]
    libraries = 0.25 * 2**30
    assert (
        pool(answer)[0]
        == int(0.9 * device.usable_bytes) - device.weights.expected - device.activation.expected - libraries
    )
    assert pool(answer)[1] == pool(answer)[0] // (32 * 2 * 8 * 128 * 2 * 16) * 16


@pytest.mark.parametrize("engine", ENGINES)
def test_weights_that_do_not_fit_are_refused_in_the_engines_words(engine: str) -> None:
    answer = ask("llama3:70b", engine, "RTX 4090")
    assert answer.fit.verdict == "does_not_fit"
    assert "CUDA out of memory" in answer.fit.reason
    assert pool(answer) == (0, 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_cache_type_of_gguf_engines_is_told_apart(engine: str) -> None:
    with pytest.raises(PlanError, match="choose auto or fp8") as error:
        ask("llama3:8b", engine, "H100", kv_cache_dtype="q4_0")
    assert error.value.field == "kv_cache_dtype"


def test_compressed_entries_are_cached_in_8_bit_whether_asked_for_or_not() -> None:
    auto, asked = (
        ask("deepseek-ai/DeepSeek-V4-Flash", "vllm", "8x H200", kv_cache_dtype=name) for name in ("auto", "fp8")
    )
    assert pool(auto) == pool(asked)
    assert "--kv-cache-dtype fp8" in auto.commands[0].text
    with pytest.raises(PlanError, match="8 bit only"):
        ask("deepseek-ai/DeepSeek-V4-Flash", "vllm", "8x H200", kv_cache_dtype="bf16")


def test_an_encoder_has_no_pool_and_a_word_about_its_length() -> None:
    answer = ask("BAAI/bge-m3", "vllm", context=16_384)
    assert pool(answer) == (0, 0)
    assert answer.fit.verdict == "fits"
    assert "8,194" in answer.memory.note
    assert "--runner pooling" in answer.commands[0].text


def test_what_vllm_takes_is_as_sure_as_what_lies_outside_its_share() -> None:
    """A larger activation peak makes the pool smaller, not the total larger."""
    device = ask("Qwen/Qwen2.5-VL-3B-Instruct", "vllm", "RTX 4090", context=32_768).memory.devices[0]
    assert device.activation.high > 1.3 * device.activation.expected
    assert device.total.high - device.total.expected == device.overhead.high - device.overhead.expected


def test_the_pool_says_how_sure_it_is() -> None:
    found = ask("llama3:8b", "vllm", "H100").memory.pool
    assert found is not None
    assert found.bytes.low < found.bytes.expected < found.bytes.high
    assert found.token_range.low < found.tokens < found.token_range.high


def test_images_stay_beside_the_sampler_and_a_long_video_is_the_towers_own_peak() -> None:
    """Gemma 3: 8,192 batched tokens are 32 images of 256 tokens and 896 x 896 pixels.

    Qwen2.5-VL: frames in pairs of 16,384 tokens.
    """
    settings: dict[str, Any] = {"engine_version": "0.19.0", "max_num_seqs": 1024, "max_num_batched_tokens": 8192}
    steps = {
        step.label: step.value
        for step in ask("google/gemma-3-12b-it", "vllm", "H100", **settings).memory.devices[0].activation.steps
    }
    assert steps["Images, held"] == 32 * 2 * (256 * 3_840 + 3 * 896 * 896)
    assert steps["Activation peak"] == steps["Sampler warm-up"] + steps["Images, held"]
    short, long = (
        ask("Qwen/Qwen2.5-VL-3B-Instruct", "vllm", "H100", **{**settings, "context": n}) for n in (16_384, 131_072)
    )
    peaks = [answer.memory.devices[0].activation.expected for answer in (short, long)]
    patches, tower = 7 * 65_536, 3 * 3_420 + 4 * 1_280
    assert peaks[1] == 2 * (patches * tower + 7 * 3 * 2 * 12_845_056)
    assert peaks[1] > 4 * peaks[0]
    assert "--limit-mm-per-prompt" in long.memory.note


def test_sglang_gives_states_nine_parts_for_ten_of_cache_and_three_slots_a_request() -> None:
    answer = ask("Qwen/Qwen3-Next-80B-A3B-Instruct", "sglang", "2x H200")
    found = answer.memory.pool
    assert found is not None
    state = 36 * (32 // 2 * 128 * 128 * 4 + 8_192 // 2 * 3 * 2)  # 32 value heads and 8,192 channels over two ranks
    slots = int(found.bytes.expected * 0.9 / 1.9) // state
    assert found.tokens == int((found.bytes.expected - slots * state) / (12 * 2 * 1 * 256 * 2))
    assert found.sequences == min(found.tokens / 4096, slots // 3)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_model_without_attention_holds_requests_all_the_same(engine: str) -> None:
    short, long = (
        ask("tiiuae/falcon-mamba-7b-instruct", engine, "H100", context=n).memory.pool for n in (512, 131_072)
    )
    assert short is not None
    assert long is not None
    assert short.sequences >= 1
    assert short.sequences == pytest.approx(long.sequences, rel=0.05)


def test_sglang_leaves_more_of_the_card_to_a_large_image_tower() -> None:
    """Gemma 3's tower has 27 layers of 1,152; Qwen2.5-VL's states a depth, so it counts as 24 of 1,280."""
    for model, layers, hidden in (("google/gemma-3-12b-it", 27, 1_152), ("Qwen/Qwen2.5-VL-3B-Instruct", 24, 1_280)):
        step = next(step for step in ask(model, "sglang", "H100").derivation if "fraction" in step.operands)
        usable = step.operands["capacity"]
        reserve = (512 + 8_192 * 1.5 + 256 * 2 + 128) * 2**20
        plain = round((usable - reserve) / usable, 3)
        factor = 0.95 * (1 - 0.1 * (layers * hidden**2 / (24 * 1_024**2) - 1))
        assert step.operands["fraction"] == pytest.approx(plain * factor, abs=0.0006)
