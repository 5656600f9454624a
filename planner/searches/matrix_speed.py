"""How fast each cell of the matrix decodes: what a row reads and computes once, against the rates of all cards
together.

    step = sum over places of (weights + attention + overhead + exchanges) + step overhead
    (planner.performance.passes, without steps to show)

One sequence, everything on the cards; the bytes are those of the reference card, so that a cell may differ slightly
from its own plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from planner.catalog.gpus import Gpu
from planner.core.errors import PlanError
from planner.engines.registry import engine
from planner.performance.links import between
from planner.performance.rates import Kernels, rates
from planner.performance.timing import Timing, kernels_of
from planner.request import PlanRequest
from planner.searches.matrix import Need, asked, case_on, question, reference

RATES = (
    "bandwidth_bytes_s", "peak_flops", "bandwidth", "cache", "latent_reads", "compute", "attention", "blend",
    "decode_tile_rows", "layer_s", "sparse_layer_s", "state_layer_s", "step_s", "sequence_s", "link_s", "link",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Load:
    """What one place does in a decode step of one sequence: bytes, FLOPs, those of one row of padding, layers."""

    read: float
    flops: float
    padding: float
    cache: float
    repeated: float
    scores: float
    layers: int
    sparse_layers: int
    state_layers: int
    ranks: int
    hidden: int


@lru_cache(maxsize=65_536)
def _loads(key: str, model: str, format: str, count: int) -> tuple[Kernels, tuple[Load, ...]] | None:
    """A row's kernels and places; None where it has no plan or writes no tokens."""
    try:
        case = case_on(asked(key), model, format, (reference(),) * count)
        memory = engine(case.request.engine).memory(case)
        if memory.refusal or not case.architecture.generates:
            return None
        timing = Timing.of(case, memory)
    except PlanError:
        return None
    found = []
    for place, reached in zip(timing.route.places, timing.found, strict=True):
        work, tokens = place.work, timing.share
        different = reached.different(tokens * place.peers)
        rows = work.rows_per_expert(tokens * place.peers, different)
        found.append(
            Load(
                work.dense_bytes + work.touched_bytes(different) + work.head_bytes,
                work.flops * tokens + work.head_flops * tokens,
                work.routed_flops * tokens / rows if rows else 0.0,
                work.cache_bytes(timing.depth),
                work.repeated_bytes(timing.depth),
                work.decode_score_flops(timing.depth),
                work.layers,
                work.sparse_layers,
                work.state_layers,
                place.ranks,
                work.hidden,
            )
        )
    return kernels_of(case, timing.route), tuple(found)


def decode_speeds(request: PlanRequest, rows: Sequence[Need], cards: Sequence[Gpu]) -> Any:
    """Decoded tokens a second of one sequence, nothing drafted, an array rows x cards; nan where a row has none.

    Whether it fits is `planner.searches.matrix_cards`' matter.
    """
    import numpy as np

    speeds, columns, key = (
        np.full((len(rows), len(cards)), np.nan),
        {},
        question(request.model_copy(update={"batch": 1, "speculative": None})),
    )
    for index, row in enumerate(rows):
        loads = None if row.refusal else _loads(key, row.model, row.format, row.count)
        if loads is None:
            continue
        kernels, places = loads
        if kernels not in columns:
            found = [rates(kernels, card) for card in cards]
            columns[kernels] = {name: np.array([getattr(rate, name) for rate in found]) for name in RATES}
        at = columns[kernels]
        seconds = at["step_s"].copy()
        for load in places:
            reading = load.read / (at["bandwidth_bytes_s"] * at["bandwidth"])
            flops = load.flops + load.padding * at["decode_tile_rows"]
            computing = flops / (at["peak_flops"] * at["compute"])
            seconds += (reading ** at["blend"] + computing ** at["blend"]) ** (1 / at["blend"])
            seconds += np.maximum(
                (load.cache + load.repeated * at["latent_reads"]) / (at["bandwidth_bytes_s"] * at["cache"]),
                load.scores / (at["peak_flops"] * at["attention"]),
            )
            seconds += load.layers * at["layer_s"] + load.sparse_layers * at["sparse_layer_s"]
            seconds += load.state_layers * at["state_layer_s"] + at["sequence_s"]
            if load.ranks > 1:
                links = [between(card, load.ranks) for card in cards]
                latency, width = (
                    np.array([link.exchange_s(load.ranks, 0, 1) for link in links]),
                    np.array([link.gb_per_s * 1e9 for link in links]),
                )
                moved = 2 * (load.ranks - 1) / load.ranks * 2 * load.hidden
                seconds += 2 * load.layers * (latency + at["link_s"] + moved / (width * at["link"]))
        speeds[index] = 1 / seconds
    return speeds
