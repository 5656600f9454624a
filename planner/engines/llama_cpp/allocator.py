"""ggml's graph allocator: how large a buffer becomes when each intermediate result takes the best hole that is free.

Results are placed in order. One that may replace its parent does so when no one else still needs the parent; otherwise
it takes the smallest hole that is large enough, or grows the buffer. A result is freed after its last use.

Source: https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-alloc.c, as of October 2026.
"""

from __future__ import annotations

from dataclasses import dataclass, field

ALIGNMENT = 128


@dataclass(slots=True)
class Node:
    """One result: its bytes, the nodes that it reads, and whether it may overwrite the first that nobody else needs.

    With `front` that one may be larger: what is beyond the result is given back.
    """

    size: int
    reads: tuple[int, ...]
    inplace: bool
    front: bool = False


@dataclass(slots=True)
class Graph:
    """Results in the order in which they are computed."""

    nodes: list[Node] = field(default_factory=list)

    def add(self, size: int, *reads: int, inplace: bool = False, front: bool = False) -> int:
        """A result of `size` bytes; one without bytes only reads."""
        self.nodes.append(Node(-(-size // ALIGNMENT) * ALIGNMENT, reads, inplace, front))
        return len(self.nodes) - 1

    def fullest(self) -> tuple[tuple[int, ...], int]:
        """Bytes of the results that are alive when the buffer is at its largest, largest first, and of the gaps between
        them.
        """
        uses = [0] * len(self.nodes)
        for node in self.nodes:
            for read in node.reads:
                uses[read] += 1
        place: dict[int, int] = {}
        owner = list(range(len(self.nodes)))
        holes: list[list[int]] = []
        top = peak = 0
        alive: list[int] = []
        for index, node in enumerate(self.nodes):
            if node.size:
                reused = (
                    next(
                        (r for r in node.reads if uses[owner[r]] == 1 and self.nodes[owner[r]].size == node.size), None
                    )
                    if node.inplace
                    else None
                )
                first = owner[node.reads[0]] if node.front else index
                if node.front and uses[first] == 1 and first in place and self.nodes[first].size >= node.size:
                    place[index] = place.pop(first)
                    if self.nodes[first].size > node.size:
                        top = free(holes, place[index] + node.size, self.nodes[first].size - node.size, top)
                elif reused is not None:
                    owner[index] = owner[reused]
                    uses[owner[reused]] += uses[index]
                else:
                    best = min((hole for hole in holes if hole[1] >= node.size), key=lambda hole: hole[1], default=None)
                    if best is None:
                        if holes and holes[-1][0] + holes[-1][1] == top:
                            top = holes.pop()[0]
                        place[index] = top
                        top += node.size
                        if top > peak:
                            peak = top
                            alive = [self.nodes[held].size for held in place]
                    else:
                        place[index] = best[0]
                        best[0] += node.size
                        best[1] -= node.size
                        if not best[1]:
                            holes.remove(best)
            for read in node.reads:
                held = owner[read]
                uses[held] -= 1
                if not uses[held] and held in place:
                    top = free(holes, place.pop(held), self.nodes[held].size, top)
        sizes = tuple(sorted((size for size in alive if size > ALIGNMENT), reverse=True))
        return sizes, peak - sum(sizes)


def free(holes: list[list[int]], start: int, size: int, top: int) -> int:
    """Give a place back, merged with the holes beside it; the end of the buffer moves down when it is the last."""
    at = next((i for i, hole in enumerate(holes) if hole[0] > start), len(holes))
    holes.insert(at, [start, size])
    if at + 1 < len(holes) and start + size == holes[at + 1][0]:
        holes[at][1] += holes.pop(at + 1)[1]
    if at and holes[at - 1][0] + holes[at - 1][1] == start:
        holes[at - 1][1] += holes.pop(at)[1]
    if holes[-1][0] + holes[-1][1] == top:
        return holes.pop()[0]
    return top
