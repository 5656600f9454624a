"""What must be known of a plan besides its figures: where a usual trainer would do something else, or nothing
at all.
"""

from __future__ import annotations

from collections.abc import Iterator

from planner.core.units import mem
from planner.training.adapters import EXPERTS
from planner.training.case import TrainCase


def notes(case: TrainCase) -> tuple[str, ...]:
    """Sentences for the reader, most of the time none."""
    return tuple(_found(case))


def _found(case: TrainCase) -> Iterator[str]:
    if case.taken.note:
        yield case.taken.note
    model, length = case.model, case.request.seq_len
    if 0 < model.max_context < length:
        yield (
            f"The model was made for sequences of up to {model.max_context:,} tokens; {length:,} are planned all the"
            " same."
        )
    packed = [
        (t, n)
        for layer, n in model.main.distinct
        for t in layer.all_tensors
        if t.role in EXPERTS and case.trained.packed(t)
    ]
    if packed and case.scheme and case.scheme.format.id.startswith(("nf4", "int8")):
        size = 2 * sum(tensor.elements * count for tensor, count in packed)
        yield (
            f"The experts are planned in {case.scheme.format.bits:g} bit. bitsandbytes leaves them in 16 bit, which"
            f" takes {mem(size)}, unless the trainer packs them too, as Axolotl does with quantize_moe_experts."
        )
