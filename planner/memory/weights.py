"""Bytes of weights in formats outside GGUF: whole, or the shard of one rank."""

from __future__ import annotations

from planner.architecture.tensors import Architecture, Role, Stack, Tensor
from planner.formula import Formula, total
from planner.memory.quantity import Quantity, WeightFile
from planner.quantization.formats import Scheme

COLUMN: frozenset[Role] = frozenset({"q", "k", "v", "qkv", "q_b", "kv_b", "gate", "up", "gate_up", "expert_gate", "expert_up", "expert_gate_up",
                                     "shared_gate", "shared_up", "ssm_in", "embedding", "lm_head"})  # fmt: skip
"""Roles that tensor parallel cuts along the outputs (or the vocabulary)."""

ROW: frozenset[Role] = frozenset({"o", "down", "expert_down", "shared_down", "ssm_out"})
"""Roles that tensor parallel cuts along the inputs; the partial results are then added over the ranks."""

HEADER = Formula("tensor_bytes + tensors * 100", "bytes", "https://github.com/huggingface/safetensors: about 100 bytes of JSON a tensor")


def shard_shape(tensor: Tensor, ranks: int) -> tuple[int, ...]:
    """The shape of one rank's part under tensor parallel; small and shared tensors are held whole by every rank."""
    if ranks == 1 or not tensor.is_matrix:
        return tensor.shape
    if tensor.role in COLUMN:
        return (-(-tensor.shape[0] // ranks), *tensor.shape[1:])
    if tensor.role in ROW:
        return (*tensor.shape[:-1], -(-tensor.shape[-1] // ranks))
    return tensor.shape


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


def weight_file(scheme: Scheme, architecture: Architecture) -> WeightFile:
    """The safetensors files of the model in this scheme: the sum over its tensors, and a header for each."""
    parts = [(role, size) for role, (_, size) in by_role(scheme, architecture).items() if size]
    data = total("Weights: " + ", ".join(role for role, _ in parts), [size for _, size in parts])
    tensors = sum(count * tensor.copies for stack in architecture.loaded for tensor, count in stack.counted)
    file = HEADER("Files with their headers", tensor_bytes=data.value, tensors=tensors)
    return WeightFile(scheme.label, Quantity.exact(data), Quantity.between(0.999, 1.001, file), 8 * data.value / max(architecture.parameters, 1))


def rank_bytes(scheme: Scheme, tensor: Tensor, stack: str, ranks: int) -> int:
    """Bytes of one tensor-parallel rank's part of a tensor, all copies."""
    return 0 if tensor.tied else tensor.copies * scheme.one_bytes(tensor, shard_shape(tensor, ranks), stack)

