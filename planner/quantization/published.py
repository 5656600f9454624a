"""From a config's `quantization_config` to a `Scheme`: which format, and which modules were left alone."""

from __future__ import annotations

from planner.architecture.tensors import Architecture
from planner.quantization.formats import Scheme, scheme


def has_experts(architecture: Architecture) -> bool:
    return any(layer.ffn is not None and layer.ffn.kind == "moe" for layer, _ in architecture.main.distinct)


def scheme_for(architecture: Architecture, quantization: str) -> Scheme:
    """The scheme of a model under a requested format; `auto` is what the config publishes, else its own 16-bit type."""
    experts = has_experts(architecture)
    if quantization == "auto":
        return scheme(architecture.dtype, architecture.dtype, experts)
    return scheme(quantization, architecture.dtype, experts)
