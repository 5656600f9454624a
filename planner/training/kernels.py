"""How the training code of a model family computes, as far as it decides what is kept for the backward pass.

The tensors of a layer say how wide everything is; what a norm or an activation function keeps depends on how it is
written. `data/training_kernels.csv` has a row for each family that differs from Llama, read off
huggingface/transformers and checked by running its classes on tensors without data
(`benchmarks/training_allocator.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from planner.core.data import table


@dataclass(frozen=True, slots=True)
class Kernels:
    """What a family's operations keep.

    Attributes:
        norm: `rms` (fp32 copy, then a 16-bit product with the weight), `gemma` (the product in fp32 too), `native` (one
            kernel that keeps its input), `fp32` (one kernel on an fp32 copy), `centered` (the mean taken off in fp32
            first), or `mixed` (the scale from an fp32 copy, applied to the 16-bit input, so that both are kept).
        bare_norms: norms of a layer that have no weight, and so no tensor.
        activation: tensors of the inner width that the activation function keeps beside its input and output; -1 when
            it keeps the output alone.
        gated_activation: the same where a gate goes through it.
        attention: `sdpa`, `eager` where the family has no fused kernel to train with, or `biased` where self-attention
            adds a learned bias to its scores, for which SDPA falls back to plain arithmetic in fp32 while that bias is
            trained.
        softcap: whether scores pass through a tanh.
        head_softcap: whether logits do.
        contiguous: whether queries are copied, so that the attention's output is copied again for the output
            projection.
        parallel: whether attention and ffn, each with a norm of its own, both read what enters the layer.
        rotary: whether queries and keys are rotated; positions are added to the embedding or to the scores otherwise.
        after: whether a norm follows the sum with the residual stream, as in BERT, instead of standing before the
            block.
        wide_softmax: whether eager attention takes its softmax in fp32 and copies the result to 16 bit.
    """

    norm: Literal["rms", "gemma", "native", "fp32", "centered", "mixed"] = "rms"
    bare_norms: int = 0
    activation: int = 0
    gated_activation: int = 0
    attention: Literal["sdpa", "eager", "biased"] = "sdpa"
    softcap: bool = False
    head_softcap: bool = False
    contiguous: bool = False
    parallel: bool = False
    rotary: bool = True
    after: bool = False
    wide_softmax: bool = True


LLAMA = Kernels()


@cache
def kernels() -> dict[str, Kernels]:
    """The rows by model type."""
    return {
        row["model_type"]: Kernels(
            row["norm"],  # type: ignore[arg-type]
            int(row["bare_norms"]),
            int(row["activation"]),
            int(row["gated_activation"]),
            row["attention"],  # type: ignore[arg-type]
            row["softcap"] == "1",
            row["head_softcap"] == "1",
            row["contiguous"] == "1",
            row["parallel"] == "1",
            row["rotary"] == "1",
            row["after"] == "1",
            row["wide_softmax"] == "1",
        )
        for row in table("training_kernels")
    }


def kernels_of(model_type: str) -> Kernels:
    """The row of a family; Llama's for one without."""
    return kernels().get(model_type.lower(), LLAMA)
