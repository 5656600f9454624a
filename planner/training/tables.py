"""Tables around a run: which GPU holds it, how it grows with length and batch, how long it takes for more data, and the
classic LLaMA table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from planner.catalog.gpus import Gpu, gpus
from planner.core.errors import PlanError
from planner.core.units import mem
from planner.memory.quantity import Quantity
from planner.training.fit import compared
from planner.training.plan import TrainPlan, train, train_case
from planner.training.request import TrainRequest
from planner.verdict import STANDINGS, Fit


@dataclass(frozen=True, slots=True)
class GpuRow:
    """One GPU of the catalogue, in the run's own number: whether it holds the run, and how long it takes."""

    gpu: Gpu
    fit: Fit
    need: Quantity
    tokens_per_s: float | None
    hours: float | None


def by_gpu(plan: TrainPlan, cards: Sequence[Gpu] | None = None) -> tuple[GpuRow, ...]:
    """Every GPU that PyTorch trains on: those that hold the run, smallest memory first, then those that may, then the
    others from the largest down.

    What a run needs does not depend on the card, only whether it fits.

    Training speed is given where the data sheet's 16-bit rate is known.
    """
    count = max(len(plan.case.gpus), 1)
    case = plan.case if plan.case.gpus else replace(plan.case, gpus=gpus()[:1])
    need = train_case(case).peak
    found = []
    for gpu in cards or gpus():
        if not trains(gpu):
            continue
        rate = hours = None
        if gpu.bf16_tflops or gpu.fp16_tflops:
            swapped = TrainPlan(replace(case, gpus=(gpu,) * count), ())
            rate = swapped.speed.tokens_per_s.expected if swapped.speed else None
            hours = swapped.job.duration_s.expected / 3600 if swapped.job else None
        found.append(GpuRow(gpu, compared(need, gpu.usable_bytes, gpu.name), need, rate, hours))
    return tuple(sorted(found, key=_order))


def _order(row: GpuRow) -> tuple[int, int, str]:
    """Surely enough, perhaps enough, too little; the smallest memory first, but the largest of those with too
    little.
    """
    rank = STANDINGS[::-1].index(row.fit.verdict)
    return rank, row.gpu.usable_bytes * (-1 if row.fit.verdict == STANDINGS[0] else 1), row.gpu.name


def trains(gpu: Gpu) -> bool:
    """Whether PyTorch's training libraries run on it: a card of these vendors, from NVIDIA's Volta on."""
    return gpu.vendor in ("NVIDIA", "AMD", "Intel") and not (
        gpu.vendor == "NVIDIA" and gpu.compute_capability and float(gpu.compute_capability) < 7
    )


def smallest(rows: Sequence[GpuRow]) -> GpuRow | None:
    """The GPU with the least memory that surely holds the run."""
    return next((row for row in rows if row.fit.verdict == "fits"), None)


@dataclass(frozen=True, slots=True)
class Scaled:
    """The same run at another length or batch."""

    seq_len: int
    micro_batch: int
    peak: Quantity
    tokens_per_s: float | None


def scaled(plan: TrainPlan, lengths: Sequence[int], batches: Sequence[int]) -> tuple[Scaled, ...]:
    """Peak and speed over lengths and batches, everything else held."""
    found = []
    for batch in batches:
        for length in lengths:
            changed = train_case(plan.case.with_request(seq_len=length, micro_batch=batch))
            found.append(
                Scaled(length, batch, changed.peak, changed.speed.tokens_per_s.expected if changed.speed else None)
            )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class DataRow:
    """The same run over another number of samples: memory stays, time grows."""

    samples: int
    peak_bytes: int
    steps: int
    hours: float
    electricity_usd: float


def by_samples(plan: TrainPlan, counts: Sequence[int]) -> tuple[DataRow, ...]:
    """Time and money by number of samples; needs a GPU."""
    found = []
    for count in counts:
        changed = train_case(plan.case.with_request(samples=count))
        if changed.job:
            found.append(
                DataRow(
                    count,
                    changed.peak.expected,
                    changed.job.steps,
                    changed.job.duration_s.expected / 3600,
                    changed.job.electricity_usd.expected,
                )
            )
    return tuple(found)


LLAMA = {
    "7B": "huggyllama/llama-7b",
    "13B": "huggyllama/llama-13b",
    "30B": "huggyllama/llama-30b",
    "65B": "huggyllama/llama-65b",
}
"""The models of the classic table of requirements."""

WAYS: dict[str, dict[str, Any]] = {
    "Full, mixed precision": {"method": "full", "precision": "bf16-mixed"},
    "Full, pure bf16": {"method": "full", "precision": "bf16"},
    "Full, bf16, AdamW 8 bit": {"method": "full", "precision": "bf16", "optimizer": "adamw-8bit"},
    "LoRA, 16-bit base": {"method": "lora"},
    "LoRA, INT8 base": {"method": "lora", "quantization": "int8"},
    "QLoRA, NF4 base": {"method": "qlora", "quantization": "nf4-dq"},
}
"""Ways of tuning, each with the fields that it sets."""

BASE: dict[str, Any] = {"micro_batch": 1, "seq_len": 512, "checkpointing": "full", "gpus": "H200"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the table: what one device would need, and why."""

    model: str
    way: str
    peak: Quantity
    reason: str


def llama_table(models: dict[str, str] | None = None) -> tuple[Cell, ...]:
    """Memory to tune LLaMA 7B to 65B on one device, at 512 tokens and a micro-batch of one, by method."""
    found = []
    for size, name in (models or LLAMA).items():
        for way, fields in WAYS.items():
            try:
                plan = train(TrainRequest.read({"model": name, **BASE, **fields}))
            except PlanError:
                continue
            found.append(Cell(size, way, plan.peak, reason(plan)))
    return tuple(found)


def reason(plan: TrainPlan) -> str:
    """What a peak is made of, in one line."""
    device = plan.devices[0]
    parts = ("weights", "gradients", "optimizer", "activations", "overhead")
    each = ", ".join(
        f"{name} {mem(part.expected)}" for name, part in zip(parts, device.parts, strict=True) if part.expected
    )
    return f"{each}; {plan.trainable_parameters / plan.case.architecture.parameters:.2%} of the parameters are trained"
