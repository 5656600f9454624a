"""What differs from card to card in the matrix beside its memory: what the engine refuses there, what it allocates by itself, and what RAM takes over.

less(card)   = free on the reference card of this size - free on the card itself, planned once for the smallest row
refused(cell): a rule of `planner.engines.capabilities` about this card and format
offload(cell): does not fit, and (need - usable memory) * cards <= system RAM - what llama.cpp keeps there anyway
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from planner import catalog
from planner.engine_info import info
from planner.engines import vllm_budget
from planner.engines.base import Case
from planner.engines.capabilities import rules
from planner.engines.registry import engine
from planner.errors import PlanError
from planner.hardware.catalog import Gpu
from planner.matrix import Need, asked, needs, question, verdicts
from planner.plan import DEFAULT_RAM_BYTES
from planner.request import PlanRequest
from planner.units import GIB


@dataclass(frozen=True, slots=True)
class Matrix:
    """The rows as the first card asks them, and for every row and card the verdict (0 does not fit, 1 tight, 2 fits), the largest batch, and whether
    system RAM takes over what does not fit."""

    rows: list[Need]
    verdict: Any
    batch: Any
    offload: Any


def matrix(request: PlanRequest, models: Sequence[str], formats: Sequence[str], cards: Sequence[Gpu], count: int) -> Matrix:
    """Every combination at once; cards for which the engine sets itself up alike are answered together."""
    import numpy as np

    alike: dict[str, list[int]] = {}
    for index, card in enumerate(cards):
        alike.setdefault(question(_as_on(request, card)), []).append(index)
    found: Matrix | None = None
    for columns in alike.values():
        some = [cards[index] for index in columns]
        own = _as_on(request, some[0])
        rows = list(needs(own, models, formats, (count,)))
        verdict, batch = verdicts(rows, [card.usable_bytes for card in some], less(own, rows, some), refused(own, rows, some))
        if found is None:
            found = Matrix(rows, *(np.zeros((len(rows), len(cards)), dtype=kind) for kind in (int, int, bool)))
        found.verdict[:, columns], found.batch[:, columns], found.offload[:, columns] = verdict, batch, offloads(own, rows, some, verdict)
    return found or Matrix(list(needs(request, models, formats, (count,))), *(np.zeros((0, 0)) for _ in range(3)))


def _as_on(request: PlanRequest, card: Gpu) -> PlanRequest:
    """The request with what the engine sets by the size of the card: vLLM takes longer steps and more sequences on a large one."""
    if request.engine != "vllm":
        return request
    use = vllm_budget.settings(Case(request, "", None, (card,), DEFAULT_RAM_BYTES))  # type: ignore[arg-type]  # of the case it reads request and cards
    return request.model_copy(update={"max_num_batched_tokens": use.batched_tokens, "max_num_seqs": use.sequences})


def less(request: PlanRequest, rows: Sequence[Need], cards: Sequence[Gpu]) -> list[float]:
    """Bytes that each card has less for weights and cache than the reference card of the same memory would have."""
    running = [row for row in rows if not row.refusal]
    if not running:
        return [0.0] * len(cards)
    smallest = min(running, key=lambda row: row.fixed or 1)
    return [_less(question(request), smallest, card) for card in cards]


@lru_cache(maxsize=4_096)
def _less(key: str, row: Need, card: Gpu) -> float:
    case = Case(
        asked(key).model_copy(update={"model": row.model, "quantization": row.format}), row.model, catalog.find(row.model).architecture,
        (card,) * row.count, DEFAULT_RAM_BYTES,
    )  # fmt: skip
    try:
        memory = engine(case.request.engine).memory(case)
    except PlanError:
        return 0.0
    if memory.refusal or not memory.devices:
        return 0.0
    if row.floor:
        return (card.usable_bytes - row.floor) * row.slope - memory.pool.bytes.expected if memory.pool else 0.0
    return max(device.total.expected for device in memory.devices) - row.total


def refused(request: PlanRequest, rows: Sequence[Need], cards: Sequence[Gpu]) -> Any:
    """Which cells the engine refuses however much memory the card has, as an array rows x cards."""
    import numpy as np

    known = [rule for rule in rules(request.engine) if rule.refuses]
    formats = {row.format for row in rows}
    told = {name: [any(rule.concerns(card, name, request.engine_version) for rule in known) for card in cards] for name in formats}
    return np.array([told[row.format] for row in rows], dtype=bool).reshape(len(rows), len(cards))


def offloads(request: PlanRequest, rows: Sequence[Need], cards: Sequence[Gpu], verdict: Any) -> Any:
    """Which cells that do not fit run with some of their layers in system RAM, as an array rows x cards."""
    import numpy as np

    if not info(request.engine).splits_with_host or request.gpu_layers is not None:
        return np.zeros(verdict.shape, dtype=bool)
    ram = (request.system.ram_gib * GIB if request.system.ram_gib else DEFAULT_RAM_BYTES) - GIB
    allowed = np.array([not row.refusal for row in rows])[:, None]
    total, count = (np.array([getattr(row, name) for row in rows], dtype=float)[:, None] for name in ("total", "count"))
    missing = (total - np.array([card.usable_bytes for card in cards], dtype=float)[None, :]) * count
    return allowed & (verdict == 0) & (missing <= ram)
