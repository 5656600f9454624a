"""The cache of llama.cpp: cells by stream, padded; windows with room for a batch; states in 32 bit.

cells = pad256(context * slots / streams) in each of `streams` streams: one for each slot, or a single one that all
share. A layer with a window keeps pad256(min(cells, window * slots of the stream + ubatch)). A state is kept once for
each slot.

Source: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-kv-cache-iswa.cpp and llama-memory-recurrent.cpp, as
of October 2026.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.architecture.tensors import Architecture, Cache, Layer
from planner.core.formula import Formula, Step
from planner.memory.kv_cache import kind

PAD = 256

CELLS = Formula(
    "layers * streams * cells * elements * block_bytes // block_elements", "bytes", "llama.cpp src/llama-kv-cache.cpp"
)
FILLED = Formula(
    "layers * ceil((streams * cells * elements + -elements % 512) * block_bytes / block_elements / 128) * 128",
    "bytes",
    "llama.cpp src/llama-kv-cache.cpp; ggml-cuda.cu fills the last row of a quantized tensor up to 512 numbers",
)
STATE = Formula("layers * slots * elements * 4", "bytes", "llama.cpp src/llama-memory-recurrent.cpp: always F32")


def padded(cells: int) -> int:
    return -(-cells // PAD) * PAD


@dataclass(frozen=True, slots=True)
class Cells:
    """The geometry of the cache.

    Attributes:
        slots: sequences at once (`-np`).
        streams: separate caches: one a slot, or 1 when unified.
        full: cells of a stream.
        ubatch: tokens computed at once.
        windows: whether layers with a window keep only that window.
        block: numbers and bytes of a block of the cache's type.
        widest: without flash attention values lie transposed, and every layer has room for those of the widest; else 0.
    """

    slots: int
    streams: int
    full: int
    ubatch: int
    windows: bool
    block: tuple[int, int]
    widest: int = 0

    def of(self, window: int | None) -> int:
        """Cells of one stream for a layer with this window."""
        if window is None or not self.windows:
            return self.full
        return min(self.full, padded(window * (self.slots // self.streams) + self.ubatch))


def cells_of(
    model: Architecture,
    context: int,
    slots: int,
    ubatch: int,
    unified: bool,
    swa_full: bool,
    block: tuple[int, int],
    flash: bool = True,
) -> Cells:
    """The geometry for `slots` sequences of `context` tokens; a window that every layer has is ignored by llama.cpp."""
    streams = 1 if unified else slots
    full = padded(padded(context * slots) // streams)
    windowed = [cache.window for layer, _ in model.main.distinct for cache in layer.caches if cache.per == "token"]
    windows = not swa_full and any(window is None for window in windowed)
    values = [
        cache.elements
        for layer, _ in model.main.distinct
        for cache in layer.caches
        if cache.name == "v" and cache.per == "token"
    ]
    return Cells(
        slots,
        streams,
        full,
        min(ubatch, padded(context * slots)),
        windows,
        block,
        0 if flash else max(values, default=0),
    )


def layer_bytes(layer: Layer, cells: Cells) -> tuple[int, int]:
    """What one layer keeps: (cache, state)."""
    growing, fixed = cache_steps([(layer, 1)], cells)
    return sum(int(step.value) for step in growing), sum(int(step.value) for step in fixed)


def cache_steps(layers: Sequence[tuple[Layer, int]], cells: Cells) -> tuple[list[Step], list[Step]]:
    """The same for different layers with how often each occurs, by kind: what has cells, and what each slot keeps."""
    growing: list[Step] = []
    fixed: list[Step] = []
    elements, bytes_ = cells.block
    for layer, count in layers:
        for cache in layer.caches:
            label = f"{cache.name} of {count} layers of {kind(layer)}"
            if cache.per == "sequence":
                fixed.append(STATE(label, layers=count, slots=cells.slots, elements=cache.elements))
            else:
                rows = -(-cells.of(cache.window) // cache.every)
                width = max(cache.elements, cells.widest) if cache.name == "v" else cache.elements
                formula = FILLED if elements > 1 else CELLS
                growing.append(
                    formula(
                        label,
                        layers=count,
                        streams=cells.streams,
                        cells=rows,
                        elements=width,
                        block_bytes=bytes_,
                        block_elements=elements,
                    )
                )
    return growing, fixed


def refuses(layer: Layer, cache: Cache, block_elements: int) -> bool:
    """Whether a head of this cache cannot be cut into blocks of the type."""
    return cache.per == "token" and any(
        mixer.key_dim % block_elements or mixer.value_dim % block_elements
        for mixer in layer.mixers
        if cache in mixer.caches
    )
