"""The ladder: changes that need less memory, each tried, with what it saves and what it costs in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from planner.core.errors import PlanError
from planner.training.plan import TrainPlan, train_case
from planner.verdict import Fit

SHORTEST = 128
"""A sequence is not made shorter than this."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One change.

    Attributes:
        title: what to do, as on a button.
        why: what it does, in a few words.
        change: the request fields to set.
        fit: the verdict of the changed plan.
        peak_bytes: on its fullest GPU; `saved_bytes` less than now.
        slowdown: time for the same tokens, over the time now; None where no speed is known.
    """

    title: str
    why: str
    change: dict[str, Any]
    fit: Fit
    peak_bytes: int
    saved_bytes: int
    slowdown: float | None


def ladder(plan: TrainPlan) -> tuple[Rung, ...]:
    """Every change that saves memory, in the order in which people try them."""
    found = []
    for title, why, change in _changes(plan):
        try:
            changed = train_case(plan.case.with_request(**change))
        except PlanError:
            continue
        saved = plan.peak.expected - changed.peak.expected
        if saved <= 0:
            continue
        slowdown = (
            plan.speed.tokens_per_s.expected / changed.speed.tokens_per_s.expected
            if plan.speed and changed.speed
            else None
        )
        found.append(Rung(title, why, change, changed.fit, changed.peak.expected, saved, slowdown))
    return tuple(found)


def cheapest(rungs: tuple[Rung, ...]) -> Rung | None:
    """The rung that fits at the least loss of speed; None when no single one does."""
    fitting = [rung for rung in rungs if rung.fit.verdict in ("fits", "tight")]
    return min(
        fitting, key=lambda rung: (rung.fit.verdict != "fits", not rung.fit.runs, rung.slowdown or 1.0), default=None
    )


def _changes(plan: TrainPlan) -> Iterator[tuple[str, str, dict[str, Any]]]:
    request, case = plan.request, plan.case
    if request.checkpointing != "full":
        yield "Checkpoint activations", "layers keep only their input and are run again", {"checkpointing": "full"}
    if not request.fused_cross_entropy:
        yield "Fuse the loss", "logits are made a chunk at a time, never all at once", {"fused_cross_entropy": True}
    if request.method == "full":
        yield "Train LoRA adapters", "no gradients and no optimizer states for the weights", {"method": "lora"}
    if request.method != "qlora":
        yield (
            "QLoRA: a 4-bit base",
            "the frozen weights in NF4, adapters in 16 bit",
            {"method": "qlora", "quantization": "nf4-dq"},
        )
    if request.optimizer not in ("adamw-8bit", "paged-adamw-8bit"):
        yield "AdamW in 8 bit", "both moments in a byte each", {"optimizer": "adamw-8bit"}
    if request.method == "full" and request.precision not in ("bf16", "fp8"):
        yield "Pure bf16", "no fp32 master weights; small updates may be lost", {"precision": "bf16"}
    if request.micro_batch > 1:
        half = max(request.micro_batch // 2, 1)
        more = request.gradient_accumulation * request.micro_batch // half
        yield (
            f"Micro-batch {half:,}, accumulate {more:,}",
            "the same batch in smaller parts",
            {"micro_batch": half, "gradient_accumulation": more},
        )
    if request.seq_len // 2 >= SHORTEST:
        yield (
            f"Sequences of {request.seq_len // 2:,} tokens",
            "longer samples are cut, see your data",
            {"seq_len": request.seq_len // 2},
        )
    if case.replicas > 1 and not case.sharding.startswith(("zero", "fsdp")):
        yield "Shard states (ZeRO-2)", "gradients and optimizer states in parts", {"sharding": "zero2"}
    if case.replicas > 1 and case.sharding not in ("zero3", "fsdp", "fsdp-no-sync"):
        yield "Shard everything (FSDP)", "weights too, gathered layer by layer", {"sharding": "fsdp"}
    if request.offload == "none":
        yield "Optimizer on the host", "states in system memory, updated by the processor", {"offload": "optimizer"}
    if case.gpus and case.replicas == 1 and len(case.gpus) == 1:
        name = request.gpus[0].name
        yield (
            "Two GPUs with FSDP",
            "each keeps half of everything",
            {"gpus": [{"name": name, "count": 2}], "sharding": "fsdp"},
        )
