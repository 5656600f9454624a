"""Models and formats against GPUs: what each pair needs once, compared with every card at once.

    need(model, format, count): one plan on cards large enough for anything, `plan`'s own memory
    verdict(need, card)       : need against the card's usable memory, for all cards together

What a card itself costs (its driver's context) is taken from the reference card, and `planner.matrix_cards` tells what others differ by: a
cell's own plan is one click away. A serving engine's pool grows with the card: pool(card) = pool(reference) - slope * (usable
memory of the reference - usable memory of the card), and it fits when the pool holds one request of the context.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from planner import catalog
from planner.engine_info import info
from planner.engines.base import Case
from planner.engines.registry import engine
from planner.errors import PlanError
from planner.hardware.catalog import Gpu
from planner.hardware.names import resolve
from planner.plan import DEFAULT_RAM_BYTES
from planner.request import PlanRequest
from planner.units import worded

REFERENCE = "rtx-4090"
LARGE_MIB = 2**23
"""Memory of the reference card: 8 TiB, so that everything fits."""


@dataclass(frozen=True, slots=True)
class Need:
    """What one model in one format needs on each of `count` equal cards, in bytes.

    Attributes:
        fixed: everything but the cache.
        sequence: the cache of one sequence of the context.
        low, high: how far `fixed` and one batch of caches together may lie from their sum.
        floor: of a serving engine, the usable memory at which its pool is empty; 0 for engines without a pool.
        slope: of a serving engine, bytes of pool for each further byte of the card; 1 without a pool.
        refusal: why the engine does not run it at all, or "".
    """

    model: str
    format: str
    count: int
    parameters: int
    fixed: float = 0
    sequence: float = 0
    low: float = 0
    high: float = 0
    floor: float = 0
    slope: float = 1
    refusal: str = ""

    @property
    def total(self) -> float:
        """Bytes on one card with one sequence of the context."""
        return self.fixed + self.sequence


def needs(request: PlanRequest, models: Sequence[str], formats: Sequence[str], counts: Sequence[int] = (1,)) -> Iterator[Need]:
    """The need of every combination at the request's context, engine and options; what an engine refuses says why."""
    key = question(request)
    for model in models:
        for format in formats:
            for count in counts:
                yield _need(key, model, format, count)


def question(request: PlanRequest) -> str:
    """What the rows of a matrix have in common, as text: the key by which they are remembered."""
    return request.model_copy(update={"model": "-", "quantization": "auto", "gpus": (), "config": None, "batch": 1}).model_dump_json(exclude_defaults=True)


@lru_cache(maxsize=16)
def asked(key: str) -> PlanRequest:
    """The question again, with everything on the cards."""
    request = PlanRequest.model_validate_json(key)
    held = info(request.engine).splits_with_host and request.gpu_layers is None
    return request.model_copy(update={"gpu_layers": 10**6}) if held else request


@lru_cache(maxsize=16)
def _card(memory_mib: int) -> Gpu:
    return replace(resolve(REFERENCE), memory_mib=memory_mib)


@worded(maxsize=65_536)
def _need(key: str, model: str, format: str, count: int) -> Need:
    blank = Need(model, format, count, catalog.find(model).architecture.parameters)
    try:
        case, usable = case_on(key, model, format, count, LARGE_MIB)
        memory = engine(case.request.engine).memory(case)
        if memory.refusal:
            return replace(blank, refusal=memory.refusal)
        device = max(memory.devices, key=lambda one: one.total.expected)
        spread: dict[str, Any] = {"low": device.total.expected - device.total.low, "high": device.total.high - device.total.expected}
        pool = memory.pool.bytes.expected if memory.pool else 0
        if memory.pool is None or not pool:  # a model without a cache has no pool either
            cache = device.kv_cache.expected + device.state.expected
            return replace(blank, fixed=device.total.expected - cache, sequence=cache, **spread)
        half, usable_half = case_on(key, model, format, count, LARGE_MIB // 2)
        other = engine(case.request.engine).memory(half).pool
        slope = (pool - other.bytes.expected) / (usable - usable_half) if other else 1.0
        sequence = pool / memory.pool.sequences if memory.pool.sequences else pool / max(memory.pool.tokens, 1) * case.request.context
        return replace(blank, fixed=device.total.expected - pool, sequence=sequence, floor=usable - pool / slope, slope=slope, **spread)
    except PlanError as error:
        return replace(blank, refusal=str(error))


def case_on(key: str, model: str, format: str, count: int, memory_mib: int) -> tuple[Case, int]:
    """One row's case on `count` cards of any size, everything on them, and what is usable of each."""
    card, request = _card(memory_mib), asked(key).model_copy(update={"model": model, "quantization": format})
    return Case(request, model, catalog.find(model).architecture, (card,) * count, DEFAULT_RAM_BYTES), card.usable_bytes


def verdicts(rows: Sequence[Need], usable_bytes: Sequence[int], less: Sequence[float] | None = None, refused: Any = False) -> tuple[Any, Any]:
    """For every need and every card: the verdict (0 does not fit, 1 tight, 2 fits) and the largest batch, as arrays rows x cards.

    fits: fixed + sequence + what is uncertain <= usable; batch = floor((usable - fixed) / sequence), or floor(pool / sequence). `less`
    and `refused` are what `planner.matrix_cards` knows of the cards.
    """
    import numpy as np

    def column(name: str) -> Any:
        return np.array([getattr(row, name) for row in rows], dtype=float)[:, None]

    usable = np.array(usable_bytes, dtype=float)[None, :]
    floor, slope, sequence = column("floor"), column("slope"), column("sequence")
    free = np.where(floor > 0, (usable - floor) * slope, usable - column("fixed"))
    free = free if less is None else free - np.array(less, dtype=float)[None, :]
    left = free - sequence
    allowed = np.array([not row.refusal for row in rows])[:, None]
    verdict = np.where(allowed & ~np.asarray(refused, dtype=bool) & (left >= 0), np.where(left >= column("high"), 2, 1), 0)
    batch = np.where(verdict > 0, np.floor(free / np.maximum(sequence, 1)), 0)
    return verdict, np.minimum(batch, 1_000_000).astype(int)
