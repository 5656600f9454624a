"""What a run holds beside what its tape says: what libraries do differently, and what nvidia-smi shows beside what
PyTorch allocates.
"""

from __future__ import annotations

from planner.core.data import table
from planner.core.formula import Formula, Step
from planner.memory.quantity import Quantity
from planner.training.case import TrainCase
from planner.training.held import Held

OVERHEAD = Formula(
    "(context_gib + communication_gib) * 2**30 + allocated * reserved", "bytes", "data/calibration/training.csv"
)

RESERVED = Formula("allocated * (1 + reserved)", "bytes", "data/calibration/training.csv")

WORKSPACES = 2 * 32 * 2**20
"""Workspaces of cuBLAS and cuBLASLt on Hopper, which PyTorch's allocator counts: torch docs, `CUBLAS_WORKSPACE_CONFIG`.

Older cards take less.
"""

SPREAD = (0.85, 1.15)
"""Around the activations: the tape is exact for the code it was checked on, less so for other trainers and mixers."""


def row() -> dict[str, str]:
    return table("calibration/training")[0]


def overhead(case: TrainCase, allocated: Quantity) -> Quantity:
    """Context + communication (several GPUs) + a share of what is allocated."""
    fitted = row()
    several = len(case.gpus) > 1
    step = OVERHEAD(
        "CUDA context, communication and blocks kept by the allocator",
        context_gib=float(fitted["context_gib"]),
        communication_gib=float(fitted["communication_gib"]) if several else 0.0,
        allocated=allocated.expected,
        reserved=float(fitted["reserved"]),
    )
    fixed = float(step.value) - allocated.expected * float(fitted["reserved"])
    low = fixed * 0.6 + allocated.expected * float(fitted["reserved_low"])
    high = fixed * 1.6 + allocated.expected * float(fitted["reserved_high"])
    return Quantity(int(low), int(step.value), int(high), (step,))


def reserved(allocated: Quantity) -> Quantity:
    """What is allocated and the blocks that the allocator keeps for later."""
    fitted = row()
    step = RESERVED("Reserved by PyTorch", allocated=allocated.expected, reserved=float(fitted["reserved"]))
    low, high = (
        int(end * (1 + float(fitted[name])))
        for end, name in ((allocated.low, "reserved_low"), (allocated.high, "reserved_high"))
    )
    return Quantity(low, int(step.value), high, (step,))


def activation_range(beyond: Step) -> Quantity:
    """The activations with their range, at whose high end stand the workspaces of matrix products."""
    found = Quantity.between(*SPREAD, beyond)
    return Quantity(found.low, found.expected, found.high + WORKSPACES, found.steps)


def doubled_adapters(case: TrainCase, parts: Held) -> tuple[int, int]:
    """Bytes more of adapters and of their states where they are fp32, as PEFT makes them beside 16-bit weights;

    TRL casts those of QLoRA to bf16.

    (peft `autocast_adapter_dtype`; trl/trainer/sft_trainer.py)
    """
    if case.request.method == "full" or case.widths.weight != 2:
        return 0, 0
    return parts.adapter_numbers * 2, parts.moments if case.widths.moment == 2 else 0


def upcast(case: TrainCase, parts: Held) -> int:
    """Bytes more of what is not packed where it is made fp32:

    `prepare_model_for_kbit_training` of PEFT, which TRL no longer calls and Axolotl undoes.
    """
    return parts.unpacked if case.scheme and case.request.precision in ("bf16-mixed", "fp16-mixed", "fp8") else 0
