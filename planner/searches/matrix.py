"""Models and formats against GPUs: the rows of the matrix, and the question that they share;

`planner.searches.matrix_cards` answers for every card.

A row is planned on cards large enough for anything, with everything on them, so that what it needs can be told
whichever card it is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from planner import catalog
from planner.case import Case
from planner.catalog.gpu_names import resolve
from planner.catalog.gpus import Gpu
from planner.core.errors import PlanError
from planner.core.units import GIB, worded
from planner.engines.info import info
from planner.engines.registry import engine
from planner.parallelism.degrees import replicate_attention
from planner.plan import DEFAULT_RAM_BYTES
from planner.request import PlanRequest
from planner.verdict import judge, spare

REFERENCE = "rtx-4090"
LARGE_MIB = 2**23
"""Memory of the reference card: 8 TiB, so that everything fits."""
ALL_LAYERS = 10**6


@dataclass(frozen=True, slots=True)
class Need:
    """What one model in one format needs on the fullest of `count` equal cards, in bytes.

    Attributes:
        total: with the batch's caches at full length; what a serving engine would set aside beyond them is left out.
        refusal: why the engine does not run it at all, or "".
    """

    model: str
    format: str
    count: int
    parameters: int
    total: int = 0
    refusal: str = ""


def needs(
    request: PlanRequest, models: Sequence[str], formats: Sequence[str], counts: Sequence[int] = (1,)
) -> Iterator[Need]:
    """What every combination needs at the request's context, batch, engine and options; what an engine refuses says
    why.
    """
    key = question(request)
    for model in models:
        for format in formats:
            for count in counts:
                yield need(key, model, format, count)


def question(request: PlanRequest) -> str:
    """What the rows of a matrix have in common, as text: the key by which they are remembered."""
    return request.model_copy(
        update={"model": "-", "quantization": "auto", "gpus": (), "config": None}
    ).model_dump_json(exclude_defaults=True)


@lru_cache(maxsize=16)
def read(key: str) -> PlanRequest:
    """The question again."""
    return PlanRequest.model_validate_json(key)


@lru_cache(maxsize=16)
def asked(key: str) -> PlanRequest:
    """The question with everything on the cards."""
    request = read(key)
    return request.model_copy(update={"gpu_layers": ALL_LAYERS}) if may_split(request) else request


def may_split(request: PlanRequest) -> bool:
    """Whether the engine itself moves to system memory what finds no room on the cards."""
    return info(request.engine).splits_with_host and request.gpu_layers is None


def case_on(request: PlanRequest, model: str, format: str, cards: tuple[Gpu, ...]) -> Case:
    """One model in one format on these cards, as a plan of its own would resolve it."""
    ram = request.system.ram_gib
    asks = request.model_copy(update={"model": model, "quantization": format})
    return replicate_attention(
        Case(asks, model, catalog.find(model).architecture, cards, int(ram * GIB) if ram else DEFAULT_RAM_BYTES)
    )


@lru_cache(maxsize=1)
def reference() -> Gpu:
    """The card on which everything fits."""
    return replace(resolve(REFERENCE), memory_mib=LARGE_MIB)


@worded(maxsize=65_536)
def need(key: str, model: str, format: str, count: int) -> Need:
    blank = Need(model, format, count, catalog.find(model).architecture.parameters)
    try:
        case = case_on(asked(key), model, format, (reference(),) * count)
        memory = engine(case.request.engine).memory(case)
    except PlanError as error:
        return replace(blank, refusal=str(error))
    if memory.refusal:
        return replace(blank, refusal=memory.refusal)
    unused = spare(case, memory, judge(case, memory)) if memory.pool and memory.pool.sequences else 0
    return replace(blank, total=max(device.total.expected for device in memory.devices) - unused)
