"""Transformers: the peak of a prompt by hand, and what changes it."""

from typing import Any

import pytest

from planner import PlanRequest, plan
from planner.plan import Plan

H100 = "H100 SXM5 80GB"


def ask(**fields: Any) -> Plan:
    return plan(PlanRequest.read({"engine": "transformers", "gpus": H100, "quantization": "bf16", **fields}))


def activation(answer: Plan) -> int:
    return answer.memory.devices[0].activation.expected


def test_a_long_prompt_holds_three_inner_tensors_and_four_of_the_stream() -> None:
    answer = ask(model="Qwen/Qwen2.5-7B-Instruct", engine_version="4.46.0", context=30_720)
    layer = 30_720 * 2 * (3 * 18_944 + 4 * 3_584)
    logits, workspace, rounding = 152_064 * (8 + 2), 32 * 2**20, 28 * 2 * 2**20 // 4
    assert activation(answer) == layer + logits + workspace + rounding


def test_tokens_that_follow_the_prompt_are_charged_with_the_cache_only() -> None:
    whole = ask(model="Qwen/Qwen2.5-7B-Instruct", context=32_768, prompt_tokens=32_768)
    split = ask(model="Qwen/Qwen2.5-7B-Instruct", context=32_768, prompt_tokens=30_720)
    assert whole.memory.devices[0].kv_cache.expected == split.memory.devices[0].kv_cache.expected
    assert activation(whole) > activation(split)


def test_an_answer_may_end_early_and_leave_its_cache_unused() -> None:
    """4.51 has a row of its own for published figures; the rule holds for every version."""
    for version in ("4.46.0", "4.51.3", "5.0.0"):
        found = (
            ask(model="Qwen/Qwen2.5-7B-Instruct", engine_version=version, context=3_048, prompt_tokens=1_000)
            .memory.devices[0]
            .kv_cache
        )
        token = 28 * 2 * 4 * 128 * 2
        assert (found.low, found.expected, found.high) == (
            3_048 * token - int(0.9 * 2_048 * token),
            3_048 * token,
            3_048 * token,
        )


def test_the_prompts_peak_counts_in_every_version_whatever_published_figures_show() -> None:
    seen, unseen = (
        ask(model="Qwen/Qwen3-8B", engine_version=version, context=30_720).memory.devices[0]
        for version in ("4.46.0", "4.51.3")
    )
    assert unseen.activation.expected < seen.activation.expected / 10
    assert unseen.total.expected == seen.total.expected


def test_eager_attention_keeps_scores_that_grow_with_the_square_of_the_prompt() -> None:
    short, long = (ask(model="llama3:8b", context=n, flash_attention=False) for n in (8_192, 16_384))
    assert 3.5 < activation(long) / activation(short) < 4.1
    assert activation(ask(model="llama3:8b", context=8_192)) < activation(short) / 4


@pytest.mark.parametrize(
    "model", ["google-bert/bert-base-uncased", "dmis-lab/biobert-base-cased-v1.2", "BAAI/bge-large-en-v1.5"]
)
def test_encoders_keep_no_cache_and_grow_with_batch_and_sequence(model: str) -> None:
    one, many = ask(model=model, context=512), ask(model=model, context=512, batch=64)
    assert not many.memory.devices[0].kv_cache.expected
    workspace = 32 * 2**20
    assert activation(many) - workspace == 64 * (activation(one) - workspace)


def test_an_embedding_model_of_the_decoder_kind_keeps_no_cache_and_makes_no_logits() -> None:
    answer = ask(model="Qwen/Qwen3-Embedding-0.6B", context=512, batch=32)
    assert not answer.memory.devices[0].kv_cache.expected
    assert not any("Logits" in step.label for step in answer.derivation)
    assert "use_cache=False" in answer.commands[0].text


def test_attention_without_flash_may_copy_keys_and_values_to_all_heads() -> None:
    """Qwen3-14B: 40 heads of 128 share 8 of keys and values; the copies are within the range, gone with FlashAttention
    and from 5.0 on.
    """
    fields: dict[str, Any] = {"model": "Qwen/Qwen3-14B", "context": 32_768, "prompt_tokens": 30_720}
    sure, free, new = (
        ask(**fields, engine_version=version, flash_attention=flash).memory.devices[0].activation
        for version, flash in (("4.51.3", True), ("4.51.3", None), ("5.0.0", None))
    )
    copies = 2 * 32_768 * 40 * 128 * 2
    assert free.expected == sure.expected
    assert free.high >= free.expected + copies
    assert sure.high < sure.expected + copies
    assert new.high < 1.2 * new.expected
