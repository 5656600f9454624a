"""What training keeps besides activations: weights, gradients and optimizer states, in bytes a parameter.

    pure bf16:  2 weight + 2 gradient + 2 * 2 AdamW moments             =  8
    mixed:      2 weight + 2 gradient + 4 fp32 master + 2 * 4 moments   = 16   (ZeRO, arXiv:1910.02054, section 3.1)
    fp32:       4 weight + 4 gradient + 2 * 4 moments                   = 16

A frozen weight has its own bytes alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from math import prod

from planner.architecture.tensors import Tensor
from planner.core.data import table
from planner.training.request import TrainRequest

GALORE_RANK = 128
"""Rank of GaLore's projection, transformers' default."""

ADAM_MOMENTS = 2


@dataclass(frozen=True, slots=True)
class Optimizer:
    """A row of `data/training_optimizers.csv`.

    Attributes:
        moments: numbers kept for each parameter.
        moment_bytes: of one of them beside fp32 master weights, and in pure low precision (0: as wide as the weight).
        step_copies: copies of one moment of all parameters that a step makes.
        step_tensors: copies of the largest tensor's moment that a step makes.
        paged: whether its states move to the host when the GPU is full.
    """

    id: str
    title: str
    moments: int
    moment_bytes: tuple[float, float]
    step_copies: int
    step_tensors: int
    paged: bool
    source: str


@cache
def optimizers() -> dict[str, Optimizer]:
    return {
        row["optimizer"]: Optimizer(
            row["optimizer"],
            row["title"],
            int(row["moments"]),
            (float(row["master_moment_bytes"]), float(row["pure_moment_bytes"])),
            int(row["step_copies"]),
            int(row["step_tensors"]),
            row["paged"] == "1",
            row["source"],
        )
        for row in table("training_optimizers")
    }


@dataclass(frozen=True, slots=True)
class Widths:
    """Bytes of one number: of an activation and a frozen weight, of a trained weight, its gradient, its fp32 master and
    a moment.
    """

    activation: int
    weight: int
    gradient: int
    master: int
    moment: float


def widths(request: TrainRequest) -> Widths:
    """Bytes by precision; adapters are trained as full weights are, but without a second copy: in fp32 where masters
    are asked for.
    """
    optimizer = optimizers()[request.optimizer]
    adapters = request.method != "full"
    if request.precision == "fp32":
        return Widths(4, 4, 4, 0, optimizer.moment_bytes[0])
    if request.precision == "bf16":
        return Widths(2, 2, 2, 0, optimizer.moment_bytes[1] or 2)
    return Widths(2, 4 if adapters else 2, 4 if adapters else 2, 0 if adapters else 4, optimizer.moment_bytes[0])


def moment_bytes(request: TrainRequest, tensors: Iterable[tuple[Tensor, int]], per_number: float) -> int:
    """Bytes of the optimizer's states for tensors with how often each occurs."""
    name, total = request.optimizer, 0.0
    for tensor, count in tensors:
        total += count * tensor.copies * _one(name, tensor, per_number)
    return int(total)


def _one(name: str, tensor: Tensor, per_number: float) -> float:
    """States of one copy of a tensor: the optimizers that treat matrices apart are told apart here."""
    numbers = prod(tensor.shape)
    matrix = len(tensor.shape) > 1
    rows, columns = (numbers // tensor.shape[-1], tensor.shape[-1]) if matrix else (numbers, 1)
    inside = matrix and tensor.role not in ("embedding", "lm_head", "position_embedding")
    if name == "adafactor":
        return (rows + columns if matrix else numbers) * per_number
    if name == "muon":
        return numbers * per_number * (1 if inside else ADAM_MOMENTS)
    if name == "galore" and inside and min(rows, columns) > GALORE_RANK:
        return GALORE_RANK * (min(rows, columns) + ADAM_MOMENTS * max(rows, columns)) * per_number
    return numbers * per_number * optimizers()[name].moments
