"""What the layers keep between steps: bytes per token, per sequence, and for a whole context.

A layer's cache is a list of `Cache` entries, so attention with any head sizes, latent attention, windows, shared caches
and
recurrent states need no cases here: tokens kept = min(ceil(tokens / every), window), bytes = kept * elements * element
bytes.
"""

from __future__ import annotations

from collections.abc import Iterable

from planner.architecture.tensors import Architecture, Cache, Layer
from planner.core.formula import Formula, Step, total

STATE_BYTES = {"fp32": 4, "model": 2}

PER_TOKEN = Formula("layers * elements * block_bytes / block_elements", "bytes")
KEPT = Formula("layers * sequences * tokens * elements * block_bytes / block_elements", "bytes")

Block = tuple[int, int]
"""Numbers in a block and bytes of a block: (1, 2) for 16 bit, (32, 34) for q8_0."""


def block_of(cache: Cache, cache_block: Block) -> Block:
    """The storage of one entry: the cache's type, or its own when the state has a fixed one."""
    return cache_block if cache.dtype == "cache" else (1, STATE_BYTES[cache.dtype])


def tokens_kept(cache: Cache, tokens: int) -> int:
    """Entries held for one sequence of `tokens` tokens."""
    if cache.per == "sequence":
        return 1
    kept = -(-tokens // cache.every)
    return kept if cache.window is None else min(kept, cache.window)


def kind(layer: Layer) -> str:
    """A layer's caches in words, for derivations."""
    names = []
    for mixer in layer.mixers:
        words = mixer.kind.replace("_", " ")
        names.append(f"{words} (window {mixer.window:,})" if mixer.window else words)
    return " and ".join(names)


def bytes_per_token(architecture: Architecture, cache_block: Block = (1, 2)) -> Step:
    """Bytes that one more token adds to the cache of one sequence, all layers together, before any window is full.

    = sum over layers of (elements of every per-token entry) * bytes per element
    """
    return total(
        "KV cache per token", [step.value for step in per_token_steps(architecture, cache_block)], "bytes per token"
    )


def per_token_steps(architecture: Architecture, cache_block: Block = (1, 2)) -> list[Step]:
    """The figure above by kind of layer."""
    elements, bytes_ = cache_block
    steps = []
    for layer, count in architecture.main.distinct:
        per_token = [cache for cache in layer.caches if cache.per == "token"]
        if per_token:
            width = sum(cache.elements / cache.every for cache in per_token)
            whole = int(width) if width == int(width) else width
            steps.append(
                PER_TOKEN(
                    f"{count} layers of {kind(layer)}",
                    layers=count,
                    elements=whole,
                    block_bytes=bytes_,
                    block_elements=elements,
                )
            )
    return steps


def cache_steps(
    layers: Iterable[tuple[Layer, int]], tokens: int, sequences: int, cache_block: Block
) -> tuple[list[Step], list[Step]]:
    """Bytes for `sequences` sequences of `tokens` tokens: (what grows with tokens, what each sequence keeps whatever
    its length).

    `layers` are different layers with how often each occurs, as `Stack.distinct` gives them.
    """
    growing: list[Step] = []
    fixed: list[Step] = []
    for layer, count in layers:
        for cache in layer.caches:
            elements, bytes_ = block_of(cache, cache_block)
            step = KEPT(
                f"{cache.name} of {count} layers of {kind(layer)}",
                layers=count,
                sequences=sequences,
                tokens=tokens_kept(cache, tokens),
                elements=cache.elements,
                block_bytes=bytes_,
                block_elements=elements,
            )
            (fixed if cache.per == "sequence" else growing).append(step)
    return growing, fixed
