"""What every block of llama.cpp's graph knows of the pass it computes: sizes of the batch and the cache, and where
results are added.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from planner.engines.llama_cpp.allocator import Graph


@dataclass
class Pass:
    """A graph under construction for one device, and the sizes that all its blocks share.

    Attributes:
        u: tokens of a pass.
        cells: of the cache by window, in one stream.
        streams: of the cache.
        slots: sequences, each with a state.
        flash: whether flash attention runs.
        unpack: bytes that a number of a quantized cache takes when unpacked, 0 for others; what meets a quantized cache
            is rotated.
        projects_first: whether attention's last matrix comes before a feed-forward beside it.
        zeros: what unmasks the cells that an indexer chose, for the layers to come.
        chosen: the cells that the last indexer chose.
    """

    graph: Graph
    hidden: int
    u: int
    cells: dict[int | None, int]
    streams: int
    slots: int
    flash: bool
    unpack: int
    projects_first: bool = False
    zeros: list[int] = field(default_factory=list)
    chosen: int = 0

    def node(self, width: int, *reads: int, inplace: bool = False, extra: int = 0) -> int:
        return self.graph.add(4 * self.u * width + extra, *reads, inplace=inplace)

    def read(self, *reads: int) -> None:
        self.graph.add(0, *reads)
