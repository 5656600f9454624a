"""What the machine around the GPUs needs: memory for loading and for what is offloaded, and disk for model, checkpoints
and data.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.core.formula import Formula
from planner.memory.quantity import NOTHING, Quantity
from planner.training.case import TrainCase
from planner.training.held import Held

PROCESS = 3 * 2**30
"""Memory of one Python process with PyTorch and its data loader, at first order."""

RAM = Formula(
    "processes * process + offloaded + shard",
    "bytes",
    "a process for each GPU, what is offloaded, and the shard of the model that is being loaded",
)
DISK = Formula(
    "model + kept * checkpoint + data",
    "bytes",
    "the model as downloaded, checkpoints that are kept, and the samples as text",
)
SHARD = 5 * 10**9
"""Size of a safetensors shard of large models: transformers' default."""

KEPT = 2
"""Checkpoints on disk at once: the last, and the one being written."""

TEXT_BYTES = 5
"""Bytes of text and markup for each token of a sample."""


@dataclass(frozen=True)
class TrainHost:
    """Host memory by what it holds, and disk."""

    weights: Quantity
    optimizer: Quantity
    total: Quantity
    disk: Quantity
    checkpoint_bytes: int


def host(case: TrainCase, parts: Held) -> TrainHost:
    """Host RAM and disk of the whole run."""
    request, wide = case.request, case.widths
    away = request.offload
    weights = parts.frozen + parts.trained if away == "weights" else 0
    gradients = parts.trainable * wide.gradient if away == "weights" else 0
    states = (
        parts.trainable * wide.master + parts.moments
        if away in ("optimizer", "weights")
        else parts.moments - parts.unpaged
    )
    layers = len(case.model.main.layers)
    checkpoints = (
        layers * case.tokens * case.model.main.hidden_size * wide.activation * len(case.gpus)
        if away == "activations"
        else 0
    )
    file = case.architecture.parameters * 2
    ram = RAM(
        "Host memory",
        processes=max(len(case.gpus), 1),
        process=PROCESS,
        offloaded=weights + gradients + states + checkpoints,
        shard=min(SHARD, file),
    )
    saved = parts.trained + parts.adapters + parts.trainable * wide.master + parts.moments
    data = int((request.samples or 0) * (request.tokens_per_sample or request.seq_len) * TEXT_BYTES)
    disk = DISK("Disk", model=file, kept=KEPT, checkpoint=saved, data=data)
    return TrainHost(
        _exact(weights), _exact(states), Quantity.between(0.8, 1.5, ram), Quantity.between(0.9, 1.3, disk), saved
    )


def _exact(size: int) -> Quantity:
    return Quantity(size, size, size) if size else NOTHING
