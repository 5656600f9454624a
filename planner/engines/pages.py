"""How vLLM pages its cache: layers of one kind form groups of equal size, and all groups share one pool of equal pages.

A page holds one block of tokens of one layer. Layers with the same specification (full, this window, this state) form a kind;
every kind is cut into groups of `group_layers`, padded to whole groups. A block of the pool is one page in each layer of a
group, and a sequence takes blocks for every group (vllm/v1/core/kv_cache_utils.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from planner.architecture.tensors import Layer
from planner.memory.kv_cache import Block, block_of
from planner.parallelism.tensor_parallel import heads_on_rank

BLOCK_TOKENS = 16
LARGEST_RATIO = 1.5
"""A kind at most this many times the smallest is padded to one group rather than cut into several."""


@dataclass(frozen=True)
class Kind:
    """Layers that cache alike: bytes per token on one rank, or per sequence for a state; how far they look back."""

    layers: int
    token_bytes: float
    state_bytes: int
    window: int | None


@dataclass(frozen=True)
class Paging:
    """The layout of the pool on one rank.

    Attributes:
        block_tokens: tokens of a page in the layers that attend.
        block_bytes: bytes of one block of the pool: a page in each layer of a group.
        groups: (blocks' kind, number of groups of it).
    """

    block_tokens: int
    block_bytes: int
    groups: tuple[tuple[Kind, int], ...]

    @property
    def group_count(self) -> int:
        return sum(count for _, count in self.groups)

    def blocks(self, tokens: int, in_flight: int) -> int:
        """Blocks that one sequence of `tokens` takes; a window keeps what is in flight besides.

        = sum over groups of ceil(tokens / block), ceil(min(window - 1 + in_flight, tokens) / block) + 1, or 1 for a state
        """
        return sum(count * self._group_blocks(kind, tokens, in_flight) for kind, count in self.groups)

    def _group_blocks(self, kind: Kind, tokens: int, in_flight: int) -> int:
        if not kind.token_bytes:
            return 1
        if kind.window is None or kind.window >= tokens:
            return ceil(tokens / self.block_tokens)
        return min(ceil(min(kind.window - 1 + in_flight, tokens) / self.block_tokens) + 1, ceil(tokens / self.block_tokens))


def kinds(layers: tuple[tuple[Layer, int], ...], ranks: int, cache_block: Block) -> tuple[Kind, ...]:
    """The kinds of one rank's layers, each different specification once; `layers` as (layer, count)."""
    found: dict[tuple[float, int, int | None], int] = {}
    for layer, count in layers:
        for mixer in layer.mixers:
            token, state, window = 0.0, 0, None
            for cache in mixer.caches:
                elements, bytes_ = (1, 2) if cache.name == "state" else block_of(cache, cache_block)
                size = cache.elements / cache.heads * heads_on_rank(cache.heads, ranks) * bytes_ / elements
                if cache.per == "sequence":
                    state += int(size)
                elif cache.per == "token":
                    token += size / cache.every
                    window = cache.window
            if token or state:
                key = (token, state, window)
                found[key] = found.get(key, 0) + count
    return tuple(Kind(count, *key) for key, count in found.items())


def paging(found: tuple[Kind, ...], grouped: bool, context: int) -> Paging:
    """The layout for these kinds; without `grouped` every layer is charged as if it attended in full, as before groups existed.

    The block grows until a page holds the largest state, and pages of narrower layers hold more tokens. Where nothing attends,
    one page is the state of a sequence of any length up to the context.
    """
    width = max(kind.token_bytes for kind in found)
    state = max(kind.state_bytes for kind in found)
    block = max(ceil(state / width / BLOCK_TOKENS), 1) * BLOCK_TOKENS if width else context
    if not grouped and not state:
        layers = sum(kind.layers for kind in found)
        return Paging(block, sum(ceil(block * kind.token_bytes) * kind.layers for kind in found), ((Kind(layers, width, 0, None), 1),))
    page = ceil(block * width) or state
    smallest, largest = min(kind.layers for kind in found), max(kind.layers for kind in found)
    size = largest if largest < LARGEST_RATIO * smallest else smallest
    return Paging(block, size * page, tuple((kind, ceil(kind.layers / size)) for kind in found))
