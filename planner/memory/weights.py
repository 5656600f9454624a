"""Bytes of weights in formats outside GGUF: whole, or the shard of one rank."""

from __future__ import annotations

from dataclasses import dataclass, replace

from planner.architecture.tensors import Architecture, Layer, Stack, Tensor
from planner.core.formula import Formula, total
from planner.core.remember import remembered
from planner.memory.quantity import Quantity, WeightFile
from planner.parallelism import tensor_parallel
from planner.parallelism.degrees import Degrees, stage_layers
from planner.quantization.formats import Scheme

ROTATING = frozenset({"attention", "sliding_attention", "chunked_attention"})
"""Kinds of mixers that rotate queries and keys by position, each with a table of its own.

Latent attention rotates so few that its table is left out.
"""

HEADER = Formula(
    "tensor_bytes + tensors * 100",
    "bytes",
    "https://github.com/huggingface/safetensors: about 100 bytes of JSON a tensor",
)


def stack_bytes(scheme: Scheme, stack: Stack) -> int:
    """All tensors of a stack, whole."""
    return sum(scheme.bytes(tensor, stack.name) * count for tensor, count in stack.counted)


def by_role(scheme: Scheme, architecture: Architecture) -> dict[str, tuple[int, int]]:
    """Parameters and bytes by role, over everything that is loaded, largest first."""
    sums: dict[str, tuple[int, int]] = {}
    for stack in architecture.loaded:
        for tensor, count in stack.counted:
            role = tensor.role if stack.name in ("decoder", "encoder") else stack.name
            parameters, size = sums.get(role, (0, 0))
            sums[role] = (parameters + tensor.parameters * count, size + scheme.bytes(tensor, stack.name) * count)
    return dict(sorted(sums.items(), key=lambda item: -item[1][1]))


@remembered
def weight_file(architecture: Architecture, scheme: Scheme) -> WeightFile:
    """The safetensors files of the model in this scheme: the sum over its tensors, and a header for each."""
    parts = [(role, size) for role, (_, size) in by_role(scheme, architecture).items() if size]
    data = total("Weights: " + ", ".join(role for role, _ in parts), [size for _, size in parts])
    tensors = sum(count * tensor.copies for stack in architecture.loaded for tensor, count in stack.counted)
    file = HEADER("Files with their headers", tensor_bytes=data.value, tensors=tensors)
    return WeightFile(
        scheme.label,
        Quantity.exact(data),
        Quantity.between(0.999, 1.001, file),
        8 * data.value / max(architecture.parameters, 1),
    )


@dataclass(frozen=True, slots=True)
class Stage:
    """One rank's weights in one pipeline stage: bytes with their steps, its layers, and each different one with how
    often it occurs.
    """

    bytes: Quantity
    layers: tuple[Layer, ...]
    counted: tuple[tuple[Layer, int], ...]


@remembered
def stages(architecture: Architecture, scheme: Scheme, degrees: Degrees) -> tuple[Stage, ...]:
    """What one rank of each pipeline stage holds: its layers' shards, and on the ends the embedding, towers and head.

    A tied head is the embedding's storage, unless they are on different stages. Every rank keeps the table of rotary
    angles, max_context * head_dim numbers for each kind of attention that rotates.
    """
    main, found, start = architecture.main, [], 0
    counts = stage_layers(len(main.layers), degrees.pipeline)
    towers = sum(tensor_parallel.stack_bytes(scheme, stack, degrees) for stack in architecture.loaded[1:])
    before = tensor_parallel.outer_bytes(scheme, main.before, main.name, degrees)
    after = tensor_parallel.outer_bytes(
        scheme, tuple(map(_untied, main.after)) if degrees.pipeline > 1 else main.after, main.name, degrees
    )
    for index, count in enumerate(counts):
        layers = main.layers[start : start + count]
        start += count
        sizes: dict[int, int] = {}
        for layer in layers:
            if id(layer) not in sizes:
                sizes[id(layer)] = tensor_parallel.layer_bytes(scheme, layer, main.name, degrees)
        held = sum(sizes[id(layer)] for layer in layers)
        parts = {
            f"{count} layers": held,
            "embedding": before if index == 0 else 0,
            "towers": towers if index == 0 else 0,
            "norm and head": after if index == len(counts) - 1 else 0,
            "rotary angles": rotary_bytes(architecture, scheme.rest),
        }
        label = "Weights: " + ", ".join(name for name, size in parts.items() if size)
        found.append(
            Stage(
                Quantity.exact(total(label, [size for size in parts.values() if size])),
                layers,
                Stack(main.name, main.hidden_size, layers).distinct,
            )
        )
    return tuple(found)


def rotary_bytes(architecture: Architecture, dtype: str) -> int:
    """The cosines and sines kept for every position: positions * head_dim numbers for each kind of attention that
    rotates.
    """
    if any(tensor.role == "position_embedding" for tensor in architecture.main.before):
        return 0
    kinds = {
        (mixer.kind, mixer.key_dim)
        for layer, _ in architecture.main.distinct
        for mixer in layer.mixers
        if mixer.kind in ROTATING
    }
    stretched = sum(width * (architecture.rope_stretch if kind == "attention" else 1) for kind, width in kinds)
    return int(architecture.max_context * stretched) * (4 if dtype == "fp32" else 2)


def _untied(tensor: Tensor) -> Tensor:
    return replace(tensor, tied=False) if tensor.tied else tensor
