"""Compute buffers of llama.cpp: the scratch memory that one pass over `ubatch` tokens needs on a device.

The scheduler lays every intermediate result into one buffer and reuses what is no longer needed, so that the buffer is the
largest of its stages: attention, feed-forward, logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.architecture.tensors import Architecture, Layer
from planner.engines.llama_cache import Cells
from planner.formula import Formula, Step

SOURCE = "llama.cpp's graph and ggml's graph allocator, October 2026"

FFN = Formula("4 * ubatch * (inner * width + 2 * hidden + widest)", "bytes", SOURCE)
MASK = Formula("ubatch * cells * mask_bytes", "bytes", SOURCE)
SCORES = Formula("4 * ubatch * (cells * heads + cells + 3 * hidden + query)", "bytes", SOURCE)
LOGITS = Formula("4 * outputs * (vocab + hidden)", "bytes", SOURCE)


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass over a batch of tokens is made of besides the layers."""

    cells: Cells
    flash_attention: bool
    copies: int = 1

    @property
    def ubatch(self) -> int:
        return self.cells.ubatch


def device_steps(model: Architecture, layers: Sequence[Layer], output: bool, run: Pass) -> list[Step]:
    """Steps of the buffer of a device that holds these different layers, the last one its size."""
    hidden, u, cells = model.main.hidden_size, run.ubatch, run.cells
    stages = []
    masks = {}
    for layer in layers:
        query = max((m.heads * m.key_dim for m in layer.mixers if m.heads), default=0)
        if layer.ffn:
            width = max(layer.ffn.width, layer.ffn.expert_width * layer.ffn.top_k)
            stages.append(FFN("Feed-forward", ubatch=u, inner=3 if layer.ffn.gated else 1, width=width, hidden=hidden, widest=max(hidden, query)))
        for m in layer.mixers:
            if any(c.per == "token" for c in m.caches):
                n = cells.of(m.window)
                masks[n] = MASK(f"Mask of {n:,} cells", ubatch=u, cells=n, mask_bytes=2 if run.flash_attention else 4)
                if not run.flash_attention:
                    stages.append(SCORES("Attention", ubatch=u, cells=n, heads=m.heads, hidden=hidden, query=query))
    if output:
        stages.append(LOGITS("Logits", outputs=min(cells.slots, u), vocab=model.vocab_size, hidden=hidden))
    steps = [*stages, *masks.values()]
    if not steps:
        return []
    largest = max((int(s.value) for s in stages), default=0)
    from planner.formula import total

    return [*steps, total("Compute buffer", [largest, *(int(m.value) * run.copies for m in masks.values())])]


HOST = Formula("ubatch * (8 * hidden + cells * mask_bytes)", "bytes", SOURCE)


def host_steps(model: Architecture, run: Pass) -> list[Step]:
    return [HOST("Inputs in pinned memory", ubatch=run.ubatch, hidden=model.main.hidden_size, cells=run.cells.full, mask_bytes=2 if run.flash_attention else 4)]
