"""What a question about training means by its model's name: the model, and a frozen base in the format that the name
says.
"""

from __future__ import annotations

from typing import Any

from planner.catalog.taken import LITERALLY, Taken
from planner.quantization.spelling import Written, whole
from planner.resolve import meaning, taken
from planner.training.case import BASES
from planner.training.request import TrainRequest

PLAIN = ("auto", "bf16", "fp16", "fp32")
WIDTHS = {4: "nf4", 8: "int8", 16: "bf16"}
"""The base that is meant where only bits are named: bitsandbytes quantizes while it loads."""

UNQUANTIZED = "Full fine-tuning trains the model itself, without the format in its name."
NOT_TRAINED = "{text} weights are not trained on: planned is the model itself, {id}."


def canonical(request: TrainRequest) -> tuple[TrainRequest, Taken]:
    """The question with the model's id, and with the base that its quantization or else its model's name says.

    Raises:
        PlanError: when no bundled model has the name.
    """
    meant = meaning(request) if request.config is None else None
    own = request.quantization.lower() in (*PLAIN, *BASES)
    if own and (meant is None or meant.exact):
        return request, LITERALLY
    auto = request.quantization.lower() == "auto"
    written = (meant.written if meant else None) if auto else None if own else whole(request.quantization)
    changes: dict[str, Any] = {"model": meant.model.id} if meant else {}
    base, note = _base(written), written.note if written else ""
    if written and auto and request.method == "full":
        base, note = "", UNQUANTIZED
    elif written and meant and auto and not base:
        note = NOT_TRAINED.format(text=written.text, id=meant.model.id)
    if base:
        changes["quantization"] = base
    return request.model_copy(update=changes), taken(
        meant, "" if auto or not base else request.quantization, f" as {base}" if base else "", note
    )


def _base(written: Written | None) -> str:
    """The base that a written format means; "" where adapters are planned on none such."""
    if written is None or written.kind in ("gguf", "mlx"):
        return ""
    format = WIDTHS.get(written.bits, "") if written.kind == "width" else written.format
    return format if format in (*PLAIN, *BASES) else ""
