"""The cells of the matrix: each is the verdict of its own plan, by the same memory and the same judge.

What an engine takes depends on few facts of a card, which it names itself (`Engine.alike`): a row is planned once for
each kind of card, and cards of a kind differ by what they can give alone, which `planner.verdict.standing` compares for
all of them at once. A pool fills its card, so that a server's cells are judged card by card;
`planner.searches.matrix_splits` tells what system memory takes over.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from planner import catalog
from planner.case import Case
from planner.catalog.gpus import Gpu
from planner.core.errors import PlanError
from planner.engines import capabilities
from planner.engines.registry import engine
from planner.memory.quantity import Memory
from planner.request import PlanRequest
from planner.searches.capacity import MOST_BATCH, Capacity
from planner.searches.matrix import Need, asked, case_on, may_split, need, question, read
from planner.searches.matrix_splits import Bounds, taken_over
from planner.verdict import STANDINGS, Fit, judge, spare, standing

ENDLESS = 2**60
"""Bytes of a card whose size decides nothing."""

KNOTS = (1, 2, 256, 512)
"""Batches at which rows are planned: what a card takes rises in a line, and from where what is sampled outgrows the
rest in a steeper one.
"""
ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Taken:
    """What a row takes of cards of one kind.

    Attributes:
        low, high: bytes on the fullest card, at least and at most.
        each: bytes expected on each card.
        endless: the verdict on cards without end.
        bounds: what would move to system memory, of engines that move it.
    """

    low: int
    high: int
    each: tuple[int, ...]
    endless: str
    bounds: Bounds | None

    @property
    def expected(self) -> int:
        return max(self.each)


@dataclass(frozen=True, slots=True)
class Served:
    """What a server makes of one kind of card: its verdict, the batch that its pools hold, what is left of a pool, and
    the weights of one card.
    """

    verdict: str
    batch: int
    spare: int
    weights: int


@dataclass(frozen=True)
class Matrix:
    """For every row and card, as arrays: the verdict as an index of `planner.verdict.STANDINGS`, whether instead a part
    of it runs from system memory, and the bytes that are left on a card, or of its pool; negative where they are
    missing.
    """

    request: PlanRequest
    rows: list[Need]
    cards: Sequence[Gpu]
    verdict: Any
    offload: Any
    spare: Any
    held: Any

    @property
    def enough(self) -> Any:
        """Where all that is asked for can be expected to run on the cards, as `Fit.on_gpus` says of one plan."""
        return (self.verdict > 0) & (self.spare >= 0)

    @cached_property
    def batch(self) -> Any:
        """The largest batch at full length: of a server, what its pools hold; 0 where not one fits on the cards."""
        import numpy as np

        found, key = self.held.copy(), question(self.request)
        for index, row in enumerate(self.rows):
            for columns in kinds(self.request, self.cards):
                fits = [column for column in columns if self.verdict[index, column] and not self.held[index, column]]
                line = (
                    [_on(key, row.model, row.format, self.cards[columns[0]], row.count, batch) for batch in KNOTS]
                    if fits
                    else []
                )
                each = zip(*(one.each for one in line if isinstance(one, Taken)), strict=True)
                room = np.array([self.cards[column].usable_bytes for column in fits], dtype=float)
                if largest := [_largest(sizes, room) for sizes in each]:
                    found[index, fits] = np.maximum(np.min(largest, axis=0), 0)
        return found


def _largest(sizes: tuple[int, ...], room: Any) -> Any:
    """The largest batch of which a card takes no more than `room`, by the lines through both pairs of knots.

    = min over pairs of floor(first + (room - size(first)) * (second - first) / (size(second) - size(first)))
    """
    import numpy as np

    most = np.full(room.shape, float(MOST_BATCH))
    for at in (0, 2):
        first, rise = KNOTS[at], (sizes[at + 1] - sizes[at]) / (KNOTS[at + 1] - KNOTS[at])
        most = np.minimum(most, np.floor(first + (room - sizes[at]) / rise + ROUNDING)) if rise > 0 else most
    return most


def matrix(
    request: PlanRequest, models: Sequence[str], formats: Sequence[str], cards: Sequence[Gpu], count: int
) -> Matrix:
    """Every combination at once."""
    import numpy as np

    names, key, groups = (
        [(model, format) for model in models for format in formats],
        question(request),
        kinds(request, cards),
    )
    codes, offload, left, held = (np.zeros((len(names), len(cards)), dtype=kind) for kind in (int, bool, float, int))
    usable, rows = np.array([card.usable_bytes for card in cards], dtype=float), list[Need]()
    for index, (model, format) in enumerate(names):
        weights, first = 0, _on(key, model, format, cards[groups[0][0]], count, request.batch) if groups else None
        row = (
            Need(model, format, count, catalog.find(model).architecture.parameters, first.expected)
            if isinstance(first, Taken)
            else need(key, model, format, count)
        )
        rows.append(row)
        for columns in groups:
            room = usable[columns]
            if weights > room.max():  # these cards are no larger than the last, and are full of weights
                left[index, columns] = room - weights
                continue
            found = _on(key, model, format, cards[columns[0]], count, request.batch)
            if isinstance(found, Served):
                codes[index, columns], held[index, columns], left[index, columns] = (
                    STANDINGS.index(found.verdict),
                    found.batch,
                    found.spare,
                )
                weights = found.weights
            elif found is not None:
                codes[index, columns], offload[index, columns], left[index, columns] = _verdicts(
                    request, row, found, [cards[column] for column in columns], room
                )
    return Matrix(request, rows, cards, codes, offload, left, held)


def kinds(request: PlanRequest, cards: Sequence[Gpu]) -> list[list[int]]:
    """The cards in groups that the engine sees alike, the largest first."""
    alike, found = getattr(engine(request.engine), "alike", None), dict[Hashable, list[int]]()
    for index in sorted(range(len(cards)), key=lambda index: -cards[index].usable_bytes):
        own = alike(request, cards[index]) if alike else cards[index]
        found.setdefault(
            (own, capabilities.concerning(request.engine, cards[index], request.engine_version)), []
        ).append(index)
    return list(found.values())


@lru_cache(maxsize=65_536)
def _on(key: str, model: str, format: str, card: Gpu, count: int, batch: int) -> Taken | Served | None:
    """What a row makes of a kind of card, by one card of it; None where it has no plan."""
    case = case_on(asked(key), model, format, (card,) * count).with_request(batch=batch)
    try:
        memory = engine(case.request.engine).memory(case)
    except PlanError:
        return None
    if memory.pool is not None:
        fit = judge(case, memory)
        batch = Capacity(case, memory).max_batch if fit.held is None else fit.held if fit.runs else 0
        return Served(
            fit.verdict, batch, spare(case, memory, fit), max(device.weights.expected for device in memory.devices)
        )
    totals = [device.total for device in memory.devices]
    return Taken(
        max(total.low for total in totals),
        max(total.high for total in totals),
        tuple(total.expected for total in totals),
        _endless(case, memory).verdict,
        Bounds.of(case, memory) if may_split(read(key)) else None,
    )


def _endless(case: Case, memory: Memory) -> Fit:
    """The verdict, were the cards without end."""
    return judge(
        case, replace(memory, devices=tuple(replace(device, usable_bytes=ENDLESS) for device in memory.devices))
    )


def _verdicts(request: PlanRequest, row: Need, taken: Taken, cards: Sequence[Gpu], room: Any) -> tuple[Any, Any, Any]:
    """The verdicts of one kind of cards, which of them run in part from system memory, and what is left."""
    import numpy as np

    offload = np.full(len(cards), taken.endless == "offload") & (room >= taken.expected)
    most = 2 if taken.endless == "offload" else STANDINGS.index(taken.endless)
    codes = np.where(offload, 0, np.minimum(most, standing(taken.low, taken.high, room)))
    left = room - taken.expected
    if taken.bounds:
        short = np.flatnonzero(room < taken.expected)
        codes[short], offload[short], left[short] = taken_over(
            request, row, taken.bounds, taken.each, [cards[index] for index in short.tolist()]
        )
    return codes, offload, left
