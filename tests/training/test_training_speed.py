"""Speed and cost of training: arithmetic by hand, and laws."""

from typing import Any

import pytest

from planner import TrainRequest, train
from planner.training.plan import TrainPlan

A100, LLAMA = "A100 SXM4 80GB", "huggyllama/llama-7b"


def ask(**fields: Any) -> TrainPlan:
    return train(TrainRequest.read({"model": LLAMA, "gpus": A100, "packing": True, **fields}))


def flops(plan: TrainPlan) -> float:
    assert plan.speed is not None
    step = next(
        step
        for step in plan.speed.tokens_per_s.steps
        if step.unit == "FLOP a token" and step.label == "Arithmetic of one token"
    )
    return float(step.value)


def rate(plan: TrainPlan) -> float:
    assert plan.speed is not None
    return plan.speed.tokens_per_s.expected


def test_a_full_step_takes_six_flops_a_parameter_and_lora_four() -> None:
    short: dict[str, Any] = {"seq_len": 1, "checkpointing": "none"}
    matrices = 32 * (4 * 4096 * 4096 + 3 * 4096 * 11008) + 32_000 * 4096
    assert flops(ask(method="full", **short)) == pytest.approx(6 * matrices, rel=1e-4)
    assert flops(ask(method="lora", lora_rank=1, **short)) == pytest.approx(4 * matrices, rel=1e-3)
    assert flops(ask(method="full", seq_len=1, checkpointing="full")) == pytest.approx(
        6 * matrices + 2 * (matrices - 32_000 * 4096), rel=1e-4
    )


def test_an_encoder_sees_all_keys_and_a_window_only_its_own() -> None:
    bert = ask(model="google-bert/bert-base-uncased", method="full", checkpointing="none", seq_len=512)
    matrices = 12 * (4 * 768 * 768 + 2 * 768 * 3072)
    assert flops(bert) == pytest.approx(6 * matrices + 3 * 12 * 4 * 768 * 512, rel=1e-6)
    gemma = {"model": "google/gemma-3-1b-it", "method": "full", "checkpointing": "none"}
    per_key = 3 * 26 * 2 * 4 * (256 + 256)
    grown = flops(ask(**gemma, seq_len=32_768)) - flops(ask(**gemma, seq_len=16_384))
    assert grown < per_key * 16_384 / 2 / 4  # 22 of 26 layers see 512 keys


def test_a_seq2seq_step_reads_with_the_encoder_too() -> None:
    t5 = ask(model="google-t5/t5-base", method="full", checkpointing="none", seq_len=1)
    assert flops(t5) == pytest.approx(6 * (222_903_552 - 47_000), rel=1e-3)
    whisper = {"model": "openai/whisper-small", "method": "full", "checkpointing": "none"}
    assert rate(ask(**whisper, seq_len=448)) > 3 * rate(
        ask(**whisper, seq_len=64)
    )  # 1,500 positions of sound, however short the text


def test_checkpointing_is_never_faster_and_padding_never_free() -> None:
    for method in ("full", "lora"):
        assert rate(ask(method=method, checkpointing="full")) < rate(ask(method=method, checkpointing="none"))
    padded = ask(packing=False, tokens_per_sample=100, seq_len=512)
    assert rate(padded) < rate(ask(packing=True, tokens_per_sample=100, seq_len=512))


def test_an_h100_reaches_a_smaller_part_of_a_larger_peak() -> None:
    full: dict[str, Any] = {
        "method": "full",
        "seq_len": 2048,
        "micro_batch": 8,
        "checkpointing": "none",
        "precision": "bf16-mixed",
    }
    a100, h100 = ask(**full), ask(**{**full, "gpus": "H100 SXM5 80GB"})
    assert a100.speed is not None
    assert h100.speed is not None
    assert 0.5 < a100.speed.mfu < 0.68
    assert 0.36 < h100.speed.mfu < 0.52
    assert rate(h100) > 1.7 * rate(a100)


def test_more_samples_take_longer_in_proportion() -> None:
    few, many = (
        ask(samples=1_000, epochs=1, tokens_per_sample=1024),
        ask(samples=100_000, epochs=1, tokens_per_sample=1024),
    )
    assert few.steps == 125
    assert many.steps == 12_500
    assert few.job is not None
    assert many.job is not None
    assert many.job.duration_s.expected == pytest.approx(100 * few.job.duration_s.expected)
    assert many.peak == few.peak


def test_1602_veterinary_notes_take_about_a_hundred_steps_an_epoch() -> None:
    plan = ask(
        model="tatsu-lab/alpaca-7b",
        packing=False,
        micro_batch=4,
        gradient_accumulation=4,
        seq_len=512,
        samples=1602,
        tokens_per_sample=103,
        epochs=3,
    )
    assert plan.steps == 303
    assert plan.job is not None
    assert plan.job.energy_kwh.low < plan.job.energy_kwh.expected < plan.job.energy_kwh.high
    assert plan.job.electricity_usd.expected < plan.job.energy_kwh.expected


def test_more_gpus_are_faster_and_pcie_gathering_is_slower_than_nvlink() -> None:
    full: dict[str, Any] = {"method": "full", "sharding": "fsdp", "micro_batch": 1, "seq_len": 512}
    assert rate(ask(**full, gpus=f"8x {A100}")) > 4 * rate(ask(**{**full, "sharding": "none"}))
    assert rate(ask(**full, gpus="8x A100 PCIe 80GB")) < rate(ask(**full, gpus=f"8x {A100}"))
