"""What nvidia-smi shows beside what PyTorch allocates: the CUDA context, communication buffers, and blocks the allocator keeps for later."""

from __future__ import annotations

from planner.data import table
from planner.formula import Formula
from planner.memory.quantity import Quantity
from planner.training.case import TrainCase

OVERHEAD = Formula("(context_gib + communication_gib) * 2**30 + allocated * reserved", "bytes", "data/calibration/training.csv")

UNPACKING = Formula("packed * unpacked_bytes", "bytes", "data/calibration/training.csv")


def row() -> dict[str, str]:
    return table("calibration/training")[0]


def overhead(case: TrainCase, allocated: Quantity) -> Quantity:
    """Context + communication (several GPUs) + a share of what is allocated."""
    fitted = row()
    several = len(case.gpus) > 1
    step = OVERHEAD(
        "CUDA context, communication and blocks kept by the allocator", context_gib=float(fitted["context_gib"]),
        communication_gib=float(fitted["communication_gib"]) if several else 0.0, allocated=allocated.expected, reserved=float(fitted["reserved"]),
    )  # fmt: skip
    fixed = float(step.value) - allocated.expected * float(fitted["reserved"])
    low = fixed * 0.6 + allocated.expected * float(fitted["reserved_low"])
    high = fixed * 1.6 + allocated.expected * float(fitted["reserved_high"])
    return Quantity(int(low), int(step.value), int(high), (step,))


def unpacking(packed: int) -> Quantity:
    """What published QLoRA peaks show beyond packed weights, adapters and activations: a share of a byte for each packed weight."""
    fitted = row()
    step = UNPACKING("Working copies of packed weights", packed=packed, unpacked_bytes=float(fitted["unpacked_bytes"]))
    return Quantity(int(packed * float(fitted["unpacked_low"])), int(step.value), int(packed * float(fitted["unpacked_high"])), (step,))


def spread(case: TrainCase) -> tuple[float, float]:
    """Factors around the activations: the tape is exact for the code it was checked on, less so for other trainers and mixers."""
    return 0.85, 1.15
