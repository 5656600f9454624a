"""Tensor parallel: which part of each tensor one rank holds.

Outputs of the first matrix of a pair are cut (queries by heads, gate and up by width), inputs of the second (`o`, `down`), so
that one all-reduce closes each block (Megatron-LM, arXiv:1909.08053). Norms, routers and latents are held whole by every rank.
Keys and values are cut by heads; with more ranks than key-value heads, each rank holds one head and heads repeat.
The vocabulary is padded to a multiple of 64 and cut.
"""

from __future__ import annotations

from planner.architecture.tensors import Layer, Mixer, Role, Stack, Tensor
from planner.parallelism.degrees import Degrees
from planner.quantization.formats import Scheme

VOCABULARY: frozenset[Role] = frozenset({"embedding", "lm_head"})

COLUMN: frozenset[Role] = frozenset({
    "q", "k", "v", "qkv", "q_b", "kv_b", "gate", "up", "gate_up", "expert_gate", "expert_up", "expert_gate_up",
    "shared_gate", "shared_up", "shared_gate_up", "ssm_in",
})  # fmt: skip
"""Roles that tensor parallel cuts along the outputs."""

ROW: frozenset[Role] = frozenset({"o", "down", "expert_down", "shared_down", "ssm_out", "ssm_x"})
"""Roles that it cuts along the inputs; the partial results are then added over the ranks."""

EXPERTS: frozenset[Role] = frozenset({"expert_gate", "expert_up", "expert_down", "expert_gate_up"})

PADDING = 64
"""Rows of the vocabulary come in multiples of this (vLLM's and SGLang's VocabParallelEmbedding)."""


def shard_shape(tensor: Tensor, ranks: int, mixer: Mixer | None = None) -> tuple[int, ...]:
    """The shape of one rank's part; small and shared tensors are held whole by every rank."""
    shape = tensor.shape
    if tensor.role in VOCABULARY and len(shape) == 2:
        return (-(-shape[0] // PADDING) * PADDING // ranks, shape[1])
    if ranks == 1 or not tensor.is_matrix:
        return shape
    if tensor.role in ("k", "v") and mixer is not None and mixer.kv_heads:
        return (shape[0] // mixer.kv_heads * heads_on_rank(mixer.kv_heads, ranks), *shape[1:])
    if tensor.role == "qkv" and mixer is not None and mixer.kv_heads:
        head = mixer.key_dim + mixer.value_dim
        queries = shape[0] - mixer.kv_heads * head
        return (-(-queries // ranks) + heads_on_rank(mixer.kv_heads, ranks) * head, *shape[1:])
    if tensor.role in COLUMN:
        return (-(-shape[0] // ranks), *shape[1:])
    if tensor.role in ROW:
        return (*shape[:-1], -(-shape[-1] // ranks))
    return shape


def heads_on_rank(heads: int, ranks: int) -> int:
    """Key-value heads of one rank: their share, and at least one."""
    return max(-(-heads // ranks), 1)


def tensor_bytes(scheme: Scheme, tensor: Tensor, stack: str, degrees: Degrees, mixer: Mixer | None = None) -> int:
    """Bytes of one rank's part of a tensor: whole experts when they are spread, a share of each otherwise."""
    if tensor.tied:
        return 0
    if tensor.role in EXPERTS and degrees.expert > 1:
        return -(-tensor.copies // degrees.expert) * scheme.one_bytes(tensor, tensor.shape, stack)
    return tensor.copies * scheme.one_bytes(tensor, shard_shape(tensor, degrees.tensor, mixer), stack)


def layer_bytes(scheme: Scheme, layer: Layer, stack: str, degrees: Degrees) -> int:
    """Bytes of one rank's part of a layer."""
    mixed = sum(tensor_bytes(scheme, tensor, stack, degrees, mixer) for mixer in layer.mixers for tensor in mixer.tensors)
    rest = (layer.ffn.tensors if layer.ffn else ()) + layer.tensors
    return mixed + sum(tensor_bytes(scheme, tensor, stack, degrees) for tensor in rest)


def stack_bytes(scheme: Scheme, stack: Stack, degrees: Degrees) -> int:
    """Bytes of one rank's part of a whole stack (a tower)."""
    outer = sum(tensor_bytes(scheme, tensor, stack.name, degrees) for tensor in stack.before + stack.after)
    return outer + sum(count * layer_bytes(scheme, layer, stack.name, degrees) for layer, count in stack.distinct)
