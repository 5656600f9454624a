"""Whether a quantized matrix can be cut: a rank's part must hold whole groups of weights that share a scale.

The inputs of the down projection are cut; blocks of 128 x 128 also bind the outputs of gate and up. Experts that are
spread whole are not cut.

Source: vllm model_executor/layers/quantization: validate_fp8_block_shape, check_marlin_supports_shape, AWQ's input size
check.
"""

from __future__ import annotations

from planner.architecture.tensors import Architecture
from planner.quantization.formats import Scheme

GROUPED = frozenset({"fp8", "awq-int4", "gptq-int4", "gptq-int8"})
"""Formats whose kernels refuse a cut group; MXFP4 is padded, bitsandbytes is cut before it is quantized."""


EVERY = ("down", "shared_down", "expert_down")
BESIDE_EXPERTS = EVERY[:2]
EXPERTS_ALONE = EVERY[2:]


def widths(architecture: Architecture, scheme: Scheme, roles: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """Inner sizes of these matrices, which tensor parallel cuts, each with the group that must stay whole."""
    found: set[tuple[int, int]] = set()
    for layer, _ in architecture.main.distinct:
        for tensor in layer.ffn.tensors if layer.ffn else ():
            if tensor.role not in roles:
                continue
            format = scheme.format_of(tensor, architecture.main.name)
            if format.asked in GROUPED and format.group_size > 1:
                found.add((tensor.shape[-1], format.group_size))
    return tuple(sorted(found))


def whole(sizes: tuple[tuple[int, int], ...], tensor: int) -> bool:
    """Whether `tensor` ranks each get whole groups of every size; one rank cuts nothing."""
    return tensor == 1 or all(size % tensor == 0 and size // tensor % group == 0 for size, group in sizes)
