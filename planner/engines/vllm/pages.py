"""How vLLM pages its cache: layers of one kind form groups of equal size, and all groups share one pool of equal pages.

A page holds one block of tokens of one layer. Layers with the same specification (full, this window, this state) form a
kind; every kind is cut into groups of `group_layers`, padded to whole groups. A block of the pool is one page in each
layer of a group, and a sequence takes blocks for every group (vllm/v1/core/kv_cache_utils.py).
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
        block_tokens: tokens of a page in the widest layers that attend.
        block_bytes: bytes of one block of the pool: a page in each layer of a group.
        groups: (blocks' kind, number of groups of it, tokens of its pages).
    """

    block_tokens: int
    block_bytes: int
    groups: tuple[tuple[Kind, int, int], ...]

    @property
    def group_count(self) -> int:
        return sum(count for _, count, _ in self.groups)

    def blocks(self, tokens: int, in_flight: int) -> int:
        """Blocks that one sequence of `tokens` takes; a window keeps what is in flight besides.

        = sum over groups of ceil(tokens / block), ceil(min(window - 1 + in_flight, tokens) / block) + 1, or 1 for a
        state
        """
        return sum(
            count * group_blocks(kind, page_tokens, tokens, in_flight) for kind, count, page_tokens in self.groups
        )


def group_blocks(kind: Kind, page_tokens: int, tokens: int, in_flight: int) -> int:
    """Blocks that one sequence takes of one group."""
    if not kind.token_bytes:
        return 1
    if kind.window is None or kind.window >= tokens:
        return ceil(tokens / page_tokens)
    return min(ceil(min(kind.window - 1 + in_flight, tokens) / page_tokens) + 1, ceil(tokens / page_tokens))


WIDE_STATES = frozenset({"kda"})
"""Mixers whose state is kept in 32 bit whatever the config says (vllm/model_executor/layers/mamba/mamba_utils.py)."""


COMPRESSED_8_BIT: Block = (512, 584)
"""Compressed entries in 8 bit: 448 numbers of a byte, 64 that turn with position in 16 bit, seven scales and a byte of
padding.
"""

INDEXER_BLOCK: Block = (128, 132)
"""An indexer's keys are cached in 8 bit with a 32-bit scale for each 128 of them, whatever the cache's type."""


def kinds(
    layers: tuple[tuple[Layer, int], ...],
    ranks: int,
    cache_block: Block,
    wide_states: bool = False,
    chunks: bool = True,
) -> tuple[Kind, ...]:
    """The kinds of one rank's layers, each different specification once; `layers` as (layer, count).

    Without `chunks` layers that attend within a chunk are kept in full, as versions did that had no groups for them by
    default. Caches of one layer that look back equally far are one; recurrent states are in the model's 16 bit unless
    the config asks for 32.
    """
    found: dict[tuple[float, int, int | None], int] = {}
    for layer, count in layers:
        for mixer in layer.mixers:
            tokens: dict[int | None, float] = {}
            state, narrow = 0, not wide_states and mixer.kind not in WIDE_STATES
            for cache in mixer.caches:
                narrowed = mixer.kind == "compressed_attention" and cache_block == (1, 1)
                own = {
                    "latent": COMPRESSED_8_BIT if narrowed else cache_block,
                    "state": (1, 2 if narrow else 4),
                    "indexer": INDEXER_BLOCK,
                }.get(cache.name, block_of(cache, cache_block))
                size = cache.elements / cache.heads * heads_on_rank(cache.heads, ranks) * own[1] / own[0]
                if cache.per == "sequence":
                    state += int(size)
                elif cache.per == "token":
                    window = None if mixer.kind == "chunked_attention" and not chunks else cache.window
                    tokens[window] = tokens.get(window, 0.0) + size / cache.every
            keys = [(size, 0, window) for window, size in tokens.items() if size] + (
                [(0.0, state, None)] if state else []
            )
            for key in keys:
                found[key] = found.get(key, 0) + count
    return tuple(Kind(count, *key) for key, count in found.items())


def paging(found: tuple[Kind, ...], grouped: bool, context: int) -> Paging:
    """The layout for these kinds; without `grouped` every layer is charged as if it attended in full, as before groups
    existed.

    Layers that all look back equally far are one group, each with pages of its own width. Otherwise pages are equal:
    the block grows until a page holds the largest state, and pages of narrower layers hold more tokens. Where nothing
    attends, one page is the state of a sequence of any length up to the context.
    """
    width = max(kind.token_bytes for kind in found)
    state = max(kind.state_bytes for kind in found)
    block = max(ceil(state / width / BLOCK_TOKENS), 1) * BLOCK_TOKENS if width else context
    layers = sum(kind.layers for kind in found)
    if not state and (not grouped or len({kind.window for kind in found}) == 1):
        return Paging(
            block,
            sum(ceil(block * kind.token_bytes) * kind.layers for kind in found),
            ((Kind(layers, width, 0, found[0].window if grouped else None), 1, block),),
        )
    page = ceil(block * width) or state
    smallest, largest = min(kind.layers for kind in found), max(kind.layers for kind in found)
    size = largest if largest < LARGEST_RATIO * smallest else smallest
    longer = {kind: int(width // kind.token_bytes) if kind.token_bytes else 1 for kind in found}
    return Paging(block, size * page, tuple((kind, ceil(kind.layers / size), block * longer[kind]) for kind in found))
