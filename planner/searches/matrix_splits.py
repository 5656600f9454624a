"""Cells of the matrix that do not fit on their cards: what llama.cpp and its kind leave to system memory, and whether
that is enough.

    least = what lies there anyway + all that is needed - all that is usable        most = least + cards * (margin + a
    layer), or all of it

Where system memory holds the most, the cell runs in part from there; where it does not hold the least, it does not.
Between, and where the cards together would hold it all, the cell is planned by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from planner.case import Case
from planner.catalog.gpus import Gpu
from planner.core.errors import PlanError
from planner.engines.llama_cpp.layout import MARGIN_BYTES, Layout
from planner.engines.registry import engine
from planner.memory.quantity import Memory
from planner.request import PlanRequest
from planner.searches.matrix import Need, case_on, question, read
from planner.verdict import STANDINGS, judge

DOUBT = 0.01
"""Share of system memory by which buffers make a bound uncertain."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes in system memory of a row: what lies there anyway, the largest layer that may move, the experts, all of it,
    and what there is.
    """

    base: int
    layer: int
    experts: int
    whole: int
    ram: int

    @classmethod
    def of(cls, case: Case, memory: Memory) -> Bounds:
        """The bounds of a plan that has everything on its cards."""
        layout, base = Layout.of(case, engine(case.request.engine).quantization(case)), memory.host.total.expected
        on_cards = sum(device.total.expected - device.overhead.expected for device in memory.devices)
        return cls(base, layout.largest_unit, layout.sums.gpu_experts[-1], base + on_cards, case.ram_bytes)


def taken_over(
    request: PlanRequest, row: Need, bounds: Bounds, each: Sequence[int], cards: Sequence[Gpu]
) -> tuple[Any, Any, Any]:
    """The verdicts of cells that need more than their cards give, as indexes of `STANDINGS`, where system memory takes
    the rest, and the bytes left.
    """
    import numpy as np

    room = np.array([card.usable_bytes for card in cards], dtype=float)
    least = bounds.base + sum(each) - row.count * room
    grain = row.count * (MARGIN_BYTES + bounds.layer)
    beside = sum(each) - bounds.experts + grain > row.count * room  # without room for the rest, no experts stay either
    most = np.minimum(bounds.whole, least + grain + np.where(beside, bounds.experts, 0))
    offload, codes = most <= (1 - DOUBT) * bounds.ram, np.zeros(len(cards), dtype=int)
    unsettled = ~offload & ((1 - DOUBT) * least <= bounds.ram)
    unsettled |= sum(each) <= row.count * room  # other shares than equal ones may hold it all
    # Where matrices or shares are given, cards do not fill one by one.
    if request.split_mode not in (None, "layer") or request.tensor_split:
        unsettled[:] = True
    left = room - max(each)
    for size in np.unique(room[unsettled]):
        same = np.flatnonzero(room == size)
        codes[same], offload[same], left[same] = _planned(
            question(request), row.model, row.format, cards[int(same[0])], row.count
        )
    return codes, offload, left


@lru_cache(maxsize=65_536)
def _planned(key: str, model: str, format: str, card: Gpu, count: int) -> tuple[int, bool, int]:
    case = case_on(read(key), model, format, (card,) * count)
    try:
        fit = judge(case, engine(case.request.engine).memory(case))
    except PlanError:
        return 0, False, -1
    return (
        (0, True, fit.headroom_bytes)
        if fit.verdict == "offload"
        else (STANDINGS.index(fit.verdict), False, fit.headroom_bytes)
    )
