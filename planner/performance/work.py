"""What one pass of a rank over its layers reads and computes, from the architecture's own tensors and caches.

Weights are read once a pass, whatever the number of tokens; of routed experts only those that some token chose. Each
sequence's cache is read as far as its tokens reach, a window no further than itself. FLOPs = 2 * matrix elements that a
token passes through, and 2 * heads * (key_dim + value_dim) for each position that attention looks at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from planner.architecture.tensors import Layer, Mixer, Stack, Tensor
from planner.memory import kv_cache
from planner.memory.kv_cache import Block
from planner.parallelism.degrees import Degrees
from planner.parallelism.tensor_parallel import EXPERTS, heads_on_rank, tensor_parts
from planner.quantization.formats import Scheme

LOOKED_UP = frozenset({"embedding", "position_embedding", "per_layer_embedding"})
"""Tables of which a token reads one row."""

STATE_FLOPS = 6
"""Operations on each number of a recurrent state for one token: decay, outer product and readout, each a multiply and
an add.
"""


@dataclass(frozen=True, slots=True)
class Work:
    """One rank's share of some layers.

    Attributes:
        layers, sparse_layers: layers, and those of them with routed experts.
        dense_bytes: weights that every pass reads, without the head.
        experts: routed experts by kind: (bytes of all of them, share of them that one token passes through).
        head_bytes, head_flops: the output matrix, read and computed once for each token that is asked for.
        flops: of all matrices for one token, without the head; `routed_flops` those of them in routed experts.
        scores: attention by window: (FLOPs for each position while decoding, the same while reading a prompt, window).
        caches: cache by window: (bytes of one token, window).
        repeated: latents by window, once more for each further head that reads them: (bytes of one token, window).
        state_bytes, state_flops: of recurrent layers, for each sequence and each token; `state_layers` their number.
        hidden: width of the residual stream.
    """

    layers: int = 0
    sparse_layers: int = 0
    dense_bytes: int = 0
    experts: tuple[tuple[int, float], ...] = ()
    head_bytes: int = 0
    head_flops: float = 0.0
    flops: float = 0.0
    routed_flops: float = 0.0
    scores: tuple[tuple[float, float, int | None], ...] = ()
    caches: tuple[tuple[float, int | None], ...] = ()
    repeated: tuple[tuple[float, int | None], ...] = ()
    state_bytes: float = 0.0
    state_flops: float = 0.0
    state_layers: int = 0
    hidden: int = 0

    @property
    def expert_bytes(self) -> int:
        return sum(size for size, _ in self.experts)

    def touched_bytes(self, tokens: float) -> float:
        """Routed experts that a pass over `tokens` tokens reads: each is chosen by none of them with (1 - top_k /
        experts) ** tokens.
        """
        return sum((size * (1 - float((1 - share) ** tokens)) for size, share in self.experts), 0.0)

    def rows_per_expert(self, tokens: float, different: float) -> float:
        """Rows of the matrix that a touched expert multiplies in a pass over `tokens` tokens, which choose as many
        experts as `different` tokens that choose evenly: all rows over the touched experts, the mean over kinds by
        their bytes.
        """
        whole = self.expert_bytes
        return (
            sum(size * share * tokens / (1 - (1 - share) ** different) for size, share in self.experts) / whole
            if whole and tokens > 0
            else 0.0
        )

    def cache_bytes(self, depth: float) -> float:
        """Cache that one sequence's next token reads, with `depth` tokens before it."""
        return self.state_bytes + sum(
            size * (depth if window is None else min(depth, window)) for size, window in self.caches
        )

    def repeated_bytes(self, depth: float) -> float:
        """What attention that is not fused reads of the latents again, once for each head but the first."""
        return sum(size * (depth if window is None else min(depth, window)) for size, window in self.repeated)

    def decode_score_flops(self, depth: float) -> float:
        """Attention of one token over `depth` positions, and the recurrent layers' step."""
        return self.state_flops + sum(
            flops * (depth if window is None else min(depth, window)) for flops, _, window in self.scores
        )

    def prefill_score_flops(self, tokens: float) -> float:
        """Attention of a prompt over itself: each token over those before it, within the window."""
        total = self.state_flops * tokens
        for _, flops, window in self.scores:
            inside = tokens if window is None else min(tokens, window)
            total += flops * (inside * inside / 2 + (tokens - inside) * inside)
        return total


def matrix_flops(tensors: Iterable[Tensor]) -> float:
    """2 * elements of the matrices that one token passes through."""
    return 2.0 * sum(
        tensor.elements / tensor.copies * (tensor.copies if tensor.used is None else tensor.used)
        for tensor in tensors
        if tensor.is_matrix and tensor.role not in LOOKED_UP
    )


def expert_flops(layer: Layer) -> float:
    """FLOPs of a layer's routed experts for one token."""
    return matrix_flops(tensor for tensor in layer.ffn.tensors if tensor.role in EXPERTS) if layer.ffn else 0.0


def share_of(layer: Layer) -> float:
    """The part of a layer's routed experts that one token passes through; at most all of them, whatever a file says."""
    ffn = layer.ffn
    return min(ffn.top_k / ffn.experts, 1.0) if ffn and ffn.experts else 0.0


def added(
    parts: Iterable[tuple[Layer, int]],
    block: Block,
    ranks: int,
    sizes: Iterable[tuple[int, int]],
    hidden: int,
    **head: float,
) -> Work:
    """The work of several layers, each with how often it occurs and its bytes (dense, experts) on this rank."""
    layers = sparse = dense = recurrent = 0
    experts: dict[float, int] = {}
    scores: dict[int | None, tuple[float, float]] = {}
    caches: dict[int | None, float] = {}
    repeated: dict[int | None, float] = {}
    flops = routed = state_bytes = state_flops = 0.0
    for (layer, count), (dense_bytes, expert_bytes) in zip(parts, sizes, strict=True):
        layers += count
        dense += count * dense_bytes
        if expert_bytes:
            sparse += count
            experts[share_of(layer)] = experts.get(share_of(layer), 0) + count * expert_bytes
            routed += count * expert_flops(layer) / ranks
        flops += count * matrix_flops(layer.all_tensors) / ranks
        recurrent += count * any(cache.per == "sequence" for cache in layer.caches)
        for mixer in layer.mixers:
            decode, prefill = score_flops(mixer)
            before = scores.get(mixer.window, (0.0, 0.0))
            scores[mixer.window] = (before[0] + count * decode / ranks, before[1] + count * prefill / ranks)
        for cache in layer.caches:
            elements, size = kv_cache.block_of(cache, block)
            held = cache.elements * size / elements * heads_on_rank(cache.heads, ranks) / cache.heads
            if cache.per == "token":
                caches[cache.window] = caches.get(cache.window, 0.0) + count * held / cache.every
                if cache.name == "latent":
                    heads = max((mixer.heads for mixer in layer.mixers), default=1) / ranks
                    again = count * held / cache.every * max(heads - 1, 0)
                    repeated[cache.window] = repeated.get(cache.window, 0.0) + again
            elif cache.per == "sequence":
                state_bytes += 2 * count * held
                state_flops += STATE_FLOPS * count * cache.elements / ranks
    return Work(
        layers,
        sparse,
        dense,
        tuple((size, share) for share, size in experts.items()),
        int(head.get("head_bytes", 0)),
        head.get("head_flops", 0.0),
        flops,
        routed,
        tuple((decode, prefill, window) for window, (decode, prefill) in scores.items() if decode or prefill),
        tuple((size, window) for window, size in caches.items()),
        tuple((size, window) for window, size in repeated.items()),
        state_bytes,
        state_flops,
        recurrent,
        hidden,
    )


def score_flops(mixer: Mixer) -> tuple[float, float]:
    """FLOPs of scores and values for one token and one position, while decoding and while reading a prompt.

    Latent attention decodes on the latent itself: every head scores and sums whole latents.
    """
    prefill = (
        2.0 * mixer.heads * (mixer.key_dim + mixer.value_dim)
        if any(cache.per == "token" for cache in mixer.caches)
        else 0.0
    )
    latent = next((cache.elements for cache in mixer.caches if cache.name == "latent"), 0)
    return (4.0 * mixer.heads * latent if latent else prefill), prefill


def rank_work(
    scheme: Scheme, stack: Stack, layers: tuple[Layer, ...], degrees: Degrees, block: Block, head: bool
) -> Work:
    """What one rank of a tensor-parallel group reads and computes for these layers in a format outside GGUF."""
    distinct = Stack(stack.name, stack.hidden_size, layers).distinct
    sizes = [layer_sizes(scheme, layer, stack.name, degrees) for layer, _ in distinct]
    last: dict[str, float] = {}
    if head:
        matrix = [tensor for tensor in stack.after if tensor.role == "lm_head"]
        rest = scheme.format_of(matrix[0], stack.name).bits / 8 if matrix else 2
        last = {
            "head_bytes": sum(tensor.elements * rest for tensor in matrix) / degrees.tensor,
            "head_flops": matrix_flops(matrix) / degrees.tensor,
        }
    return added(distinct, block, degrees.tensor, sizes, stack.hidden_size, **last)


def layer_sizes(scheme: Scheme, layer: Layer, stack: str, degrees: Degrees) -> tuple[int, int]:
    """Bytes of one rank's part of a layer: what every token reads, and its routed experts."""
    dense = experts = 0
    held: list[tuple[Tensor, Mixer | None]] = [(tensor, mixer) for mixer in layer.mixers for tensor in mixer.tensors]
    held += [(tensor, None) for tensor in (layer.ffn.tensors if layer.ffn else ()) + layer.tensors]
    for tensor, mixer in held:
        size = sum(tensor_parts(scheme, tensor, stack, degrees, mixer))
        if tensor.role in EXPERTS:
            experts += size
        else:
            dense += size
    return dense, experts
