"""Tensor parallel: which part of each tensor one rank holds.

Outputs of the first matrix of a pair are cut (queries by heads, gate and up by width), inputs of the second (`o`,
`down`), so that one all-reduce closes each block (Megatron-LM, arXiv:1909.08053). Norms, routers and latents are held
whole by every rank. Keys and values are cut by heads; with more ranks than key-value heads, each rank holds one head
and heads repeat. The vocabulary is padded to a multiple of 64 and cut.
"""

from __future__ import annotations

from math import prod

from planner.architecture.tensors import Layer, Mixer, Role, Stack, Tensor
from planner.core.allocator import block_bytes
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

FUSED = {
    "q": "qkv",
    "k": "qkv",
    "v": "qkv",
    "gate": "gate_up",
    "up": "gate_up",
    "shared_gate": "shared_gate_up",
    "shared_up": "shared_gate_up",
    "expert_gate": "expert_gate_up",
    "expert_up": "expert_gate_up",
}
"""Roles that engines load into one matrix."""

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


Parts = tuple[int, int]
"""Bytes of the weights themselves and of their scales: two tensors to the allocator."""


def tensor_parts(scheme: Scheme, tensor: Tensor, stack: str, degrees: Degrees, mixer: Mixer | None = None) -> Parts:
    """Bytes of one rank's part of a tensor: whole experts when they are spread, a share of each otherwise.

    Experts are cut over the ranks of all replicas, which answer for each other's tokens.
    """
    if tensor.tied:
        return 0, 0
    copies, shape = tensor.copies, tensor.shape
    if tensor.role in EXPERTS and degrees.expert > 1:
        copies = -(-copies // degrees.expert)
    else:
        shape = shard_shape(tensor, degrees.tensor * degrees.data if tensor.role in EXPERTS else degrees.tensor, mixer)
    if tensor.role in EXPERTS and scheme.format_of(tensor, stack).asked == "mxfp4":
        shape = padded(shape, tensor.role)
    weights, scales = scheme.parts(tensor, shape, stack)
    return copies * weights, copies * scales


def padded(shape: tuple[int, ...], role: Role) -> tuple[int, ...]:
    """An expert's shape as MXFP4 kernels want it: its width in multiples of 128, the stream in multiples of 256."""
    stream, width = (-2, -1) if role == "expert_down" else (-1, -2)
    halves = 2 if role == "expert_gate_up" else 1
    sizes = list(shape)
    sizes[width] = -(-sizes[width] // (128 * halves)) * 128 * halves
    sizes[stream] = -(-sizes[stream] // 256) * 256
    return tuple(sizes)


def layer_bytes(scheme: Scheme, layer: Layer, stack: str, degrees: Degrees) -> int:
    """Bytes of one rank's part of a layer as the allocator counts them, with the matrices fused that engines fuse."""
    blocks: dict[tuple[str, int, bool], Parts] = {}
    held: list[tuple[Tensor, Mixer | None]] = [(tensor, mixer) for mixer in layer.mixers for tensor in mixer.tensors]
    held += [(tensor, None) for tensor in (layer.ffn.tensors if layer.ffn else ()) + layer.tensors]
    for tensor, mixer in held:
        key = (FUSED.get(tensor.role, tensor.name), id(mixer), tensor.is_matrix)
        weights, scales = tensor_parts(scheme, tensor, stack, degrees, mixer)
        before = blocks.get(key, (0, 0))
        blocks[key] = (before[0] + weights, before[1] + scales)
    absorbed = sum(absorbed_bytes(mixer, degrees.tensor) for mixer in layer.mixers)
    return absorbed + sum(block_bytes(weights) + block_bytes(scales) for weights, scales in blocks.values())


def absorbed_bytes(mixer: Mixer, ranks: int) -> int:
    """Latent attention keeps the matrix that makes keys and values a second time, in 16 bit, to fold it into queries
    and outputs.
    """
    if mixer.kind != "mla":
        return 0
    return sum(2 * prod(shard_shape(tensor, ranks, mixer)) for tensor in mixer.tensors if tensor.role == "kv_b")


def outer_bytes(scheme: Scheme, tensors: tuple[Tensor, ...], stack: str, degrees: Degrees) -> int:
    """Bytes of one rank's part of tensors that stand outside the layers."""
    return sum(block_bytes(size) for tensor in tensors for size in tensor_parts(scheme, tensor, stack, degrees))


def stack_bytes(scheme: Scheme, stack: Stack, degrees: Degrees) -> int:
    """Bytes of one rank's part of a whole stack (a tower)."""
    layers = sum(count * layer_bytes(scheme, layer, stack.name, degrees) for layer, count in stack.distinct)
    return layers + outer_bytes(scheme, stack.before + stack.after, stack.name, degrees)
