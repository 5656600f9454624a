"""QLoRA: what published and measured runs needed, and what is counted in them."""

from typing import Any

import pytest

from planner import TrainRequest, train
from planner.calibrate.validate import records
from planner.training.plan import TrainPlan

LLAMA, GIB = "meta-llama/Llama-3.1-8B", 2**30
TODAY: dict[str, Any] = {"method": "qlora", "quantization": "nf4-dq", "optimizer": "paged-adamw-8bit", "micro_batch": 1}


def ask(**fields: Any) -> TrainPlan:
    return train(TrainRequest.read(fields))


def test_llama_8b_fits_a_card_of_12_gb() -> None:
    plan = ask(**TODAY, model=LLAMA, seq_len=240, gpus="RTX 3060 12GB")
    assert plan.fit.verdict in ("fits", "tight")
    assert plan.fit.runs
    assert ask(model=LLAMA, method="qlora", micro_batch=1, seq_len=240, gpus="RTX 3060 12GB").fit.runs


@pytest.mark.parametrize(
    ("model", "card"), [("huggyllama/llama-30b", "RTX 4090"), ("huggyllama/llama-65b", "RTX A6000")]
)
def test_the_papers_models_fit_the_cards_that_it_names(model: str, card: str) -> None:
    """33B on 24 GB and 65B on 48 GB: batch 1, 512 tokens, rank 64 on all layers, double quantization, paged AdamW
    (arXiv:2305.14314, section 4).
    """
    plan = ask(**TODAY, model=model, seq_len=512, lora_rank=64, gpus=card)
    assert plan.fit.verdict in ("fits", "tight")
    assert plan.fit.runs


@pytest.mark.parametrize(
    ("tokens", "batch", "gib"),
    [(512, 1, 6.56), (1_024, 1, 7.55), (1_024, 2, 9.53), (1_024, 4, 13.48), (4_096, 1, 13.49)],
)
def test_llama_8b_allocates_what_was_measured(tokens: int, batch: int, gib: float) -> None:
    """One H200, torch 2.11, peft 0.21, bitsandbytes 0.50, adapters in fp32: within 5%, and within the range."""
    plan = ask(**{**TODAY, "micro_batch": batch}, model=LLAMA, seq_len=tokens, gpus="H200")
    assert plan.peak_allocated.expected / GIB == pytest.approx(gib, rel=0.05)
    assert plan.peak_allocated.low / GIB <= gib <= plan.peak_allocated.high / GIB


def test_a_packed_weight_costs_its_bits_and_nothing_beside_them() -> None:
    """Weights in NF4 with double quantization: 4 + 8/64 + 32/(64*256) bits; the rest in 16 bit; adapters of rank 16 in
    16 bit.
    """
    plan = ask(**TODAY, model=LLAMA, seq_len=1, gpus="H200")
    layer = 2 * 4096 * 4096 + 2 * 1024 * 4096 + 3 * 14336 * 4096
    rest = 2 * 128_256 * 4096 + 65 * 4096
    packed = 32 * layer * (4 + 8 / 64 + 32 / (64 * 256)) / 8
    assert plan.devices[0].weights.expected == pytest.approx(
        packed + 2 * rest + 2 * plan.trainable_parameters, rel=1e-6
    )
    # beyond the states there is at most one layer's largest matrix in 16 bit, its own tensors and the gradients
    beyond = plan.peak_allocated.expected - plan.devices[0].weights.expected - plan.devices[0].optimizer.expected
    assert beyond < 2 * 14336 * 4096 + 2 * plan.trainable_parameters + 4e6


def test_memory_grows_with_tokens_alone() -> None:
    """By the logits (14 bytes each) and the checkpoints of 33 streams (2 bytes each)."""
    one, two = (
        ask(**TODAY, model=LLAMA, seq_len=tokens, gpus="H200").peak_allocated.expected for tokens in (2_048, 4_096)
    )
    assert (two - one) / 2_048 == pytest.approx(14 * 128_256 + 2 * 33 * 4_096, rel=0.01)


def test_a_paged_optimizer_keeps_the_states_of_small_tensors_on_the_gpu() -> None:
    """bitsandbytes pages tensors of 100,000 numbers or more: at rank 16 those of 14,336 wide layers, not those of
    4,096.
    """
    plan, kept = ask(**TODAY, model=LLAMA, gpus="H200"), 32 * 16 * (2 * 8192 + 2 * (4096 + 1024) + 3 * 4096)
    assert plan.devices[0].optimizer.expected == pytest.approx(2 * kept * 1.015625, rel=1e-3)
    all_of_them = ask(**{**TODAY, "optimizer": "adamw-8bit"}, model=LLAMA, gpus="H200").devices[0].optimizer.expected
    moved = (
        plan.host.total.expected
        - ask(**{**TODAY, "optimizer": "adamw-8bit"}, model=LLAMA, gpus="H200").host.total.expected
    )
    assert plan.devices[0].optimizer.expected + moved == pytest.approx(all_of_them, abs=2)


def test_what_peft_makes_fp32_stands_at_the_high_end() -> None:
    trl = ask(**TODAY, model=LLAMA, gpus="H200")
    weights = trl.devices[0].weights
    assert weights.high - weights.expected == 2 * trl.trainable_parameters
    mixed = ask(**TODAY, model=LLAMA, gpus="H200", precision="bf16-mixed").devices[0].weights
    assert mixed.high - mixed.expected == 2 * (2 * 128_256 * 4096 + 65 * 4096)


def test_experts_that_a_trainer_may_leave_in_16_bit_are_named() -> None:
    sparse = ask(**TODAY, model="Qwen/Qwen3-30B-A3B", gpus="RTX 5090")
    (note,) = sparse.notes
    assert "quantize_moe_experts" in note
    assert "54.0 GiB" in note  # 48 layers, 128 experts, three matrices of 2,048 x 768, two bytes each
    assert not ask(**TODAY, model=LLAMA, gpus="RTX 5090").notes
    assert not ask(model="Qwen/Qwen3-30B-A3B", gpus="H200").notes


def test_a_sequence_longer_than_the_model_was_made_for_is_named() -> None:
    plan = ask(model="google-bert/bert-base-uncased", seq_len=1_024, gpus="H200")
    assert plan.notes == ("The model was made for sequences of up to 512 tokens; 1,024 are planned all the same.",)


def test_runs_with_the_old_bitsandbytes_are_kept_apart() -> None:
    old = [record for record in records() if record["kind"] == "training before 2024-07"]
    assert len(old) == 8
    assert all("0.43.2" in record["note"] and record["request"]["method"] == "qlora" for record in old)
    assert not any(
        "litgpt" in record["id"] and record["request"]["method"] == "qlora"
        for record in records()
        if record["kind"] == "training"
    )


def test_a_need_that_straddles_the_limit_may_fit() -> None:
    """Amber with its probability where the card has less than expected and more than the low end, red below that."""
    plan = ask(
        **TODAY,
        model="huggyllama/llama-30b",
        seq_len=512,
        lora_rank=64,
        gpus=[{"name": "RTX 3090", "memory_mib": 21_500}],
    )
    assert plan.fit.headroom_bytes < 0
    assert plan.fit.verdict == "tight"
    assert plan.fit.reason.startswith(f"May fit ({plan.fit.probability:.0%}): ")
    assert 0.1 < plan.fit.probability < 0.5
    small = ask(**TODAY, model="huggyllama/llama-30b", seq_len=512, lora_rank=64, gpus="RTX 3060 12GB").fit
    assert small.verdict == "does_not_fit"
    assert small.probability < 0.1
