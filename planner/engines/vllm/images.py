"""What images add to vLLM's profiling run: as many of the largest as its encoder budget holds are run through the
tower, and stay.

budget = max(batched tokens, tokens of the largest item); items = budget / tokens of one held = items * (tokens * hidden
+ values) * element bytes: the encoder's outputs and the pixels, beside sampler and forward pass The tower's own pass
comes before and is the peak where it is larger (vllm/v1/worker/gpu_model_runner.py: profile_run).
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.architecture.tensors import Architecture
from planner.core.formula import Formula, Step
from planner.core.units import mem
from planner.parallelism.degrees import Degrees

HELD = Formula(
    "items * element_bytes * (tokens * hidden + values)",
    "bytes",
    "vllm/v1/worker/gpu_model_runner.py profile_run: the encoder's outputs and the pixels are alive while the sampler"
    " runs; logs agree within 0.03 GiB",
)
TOWER = Formula(
    "items * element_bytes * (patches * (copies * inner + 4 * hidden) + values)",
    "bytes",
    "derived: a layer's inner tensors beside four copies of its stream",
)


@dataclass(frozen=True, slots=True)
class Pictures:
    """Both steps, and how many of the largest items are profiled."""

    held: Step
    tower: Step
    items: int
    moments: int


WORTH_A_WORD = 2**29


def told(peak: Step) -> str:
    """A word on what images take of an activation peak, and the setting that gives it back; "" where it is little."""
    values = peak.operands
    text_only = max(values["sampler"], values["forward"]) + values["expert_space"]
    if (extra := peak.value - text_only) < WORTH_A_WORD:
        return ""
    return (
        f"{mem(extra)} of its activation peak are for images and videos: for text alone, --limit-mm-per-prompt"
        ' \'{"image": 0, "video": 0}\' gives it back.'
    )


def pictures(
    model: Architecture, degrees: Degrees, batched_tokens: int, sequences: int, context: int, element_bytes: int
) -> Pictures | None:
    """The images of a profiling run; None for a model that takes none, or whose processor is not known."""
    image = model.image
    if image is None:
        return None
    moments = max(min(image.moments, context // image.tokens), 1)
    tokens = moments * image.tokens
    budget = max(batched_tokens, tokens)
    items = max(min(budget // tokens, sequences * max(context // tokens, 1)), 1)
    common = {"items": items, "element_bytes": element_bytes, "values": moments * image.values}
    layers = [
        (stack, layer)
        for stack in model.loaded[1:]
        if stack.name == "vision"
        for layer, _ in stack.distinct
        if layer.ffn
    ]
    inner, copies, hidden = max(
        ((layer.ffn.width, 3 if layer.ffn.gated else 2, stack.hidden_size) for stack, layer in layers if layer.ffn),
        default=(0, 2, 0),
    )
    return Pictures(
        HELD("Images, held", tokens=tokens, hidden=model.main.hidden_size, **common),
        TOWER(
            "Images in the tower",
            patches=moments * image.patches,
            copies=copies,
            inner=inner / degrees.tensor,
            hidden=hidden,
            **common,
        ),
        items,
        moments,
    )
