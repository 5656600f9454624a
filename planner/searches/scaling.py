"""Memory against context and batch: a few plans, and lines between them wherever the plan is linear.

Everything else held, what a device holds is linear in the batch, and between the knees of its caches (windows, padding)
nearly so in
the context: the curve is planned at points spread evenly in the logarithm and drawn through them. Limits are searched,
not read off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from planner.case import Case
from planner.core.errors import PlanError
from planner.engines.registry import engine
from planner.memory.quantity import COMPONENTS, Memory
from planner.verdict import Fit, judge, spare


@dataclass(frozen=True, slots=True)
class Point:
    """The fullest device at one context and batch, in bytes; `refusal` where the engine would not start.

    `parts` follow `planner.memory.quantity.COMPONENTS`; without GPUs they are the host's weights, cache and
    activations. `fit` is the plan's own verdict, and `spare` what is left of the device, or of a pool once it holds the
    batch; negative where it is missing.
    """

    context: int
    batch: int
    parts: tuple[int, ...]
    total: int
    usable: int
    fit: Fit
    spare: int
    refusal: str = ""


def steps(low: int, high: int, count: int) -> list[int]:
    """`count` whole numbers from `low` to `high`, evenly spread in their logarithm, each once."""
    ratio = (high / low) ** (1 / max(count - 1, 1))
    return sorted({min(max(round(low * ratio**index), low), high) for index in range(count)} | {low, high})


def curve(
    case: Case, contexts: Sequence[int], batches: Sequence[int], held: Mapping[str, int] | None = None
) -> list[Point]:
    """A point for every pair, in the order given; `held` are the fields that keep the split with the host as it is."""
    return [
        point(case.with_request(context=context, batch=batch, **(held or {})))
        for context in contexts
        for batch in batches
    ]


def point(case: Case) -> Point:
    """One plan, reduced to what a curve shows."""
    request = case.request
    try:
        memory = engine(request.engine).memory(case)
    except PlanError as error:
        return Point(
            request.context,
            request.batch,
            (0,) * len(COMPONENTS),
            0,
            0,
            Fit("does_not_fit", 0.0, 0, str(error)),
            0,
            str(error),
        )
    fit = judge(case, memory)
    parts, usable = _fullest(case, memory)
    return Point(
        request.context, request.batch, parts, sum(parts), usable, fit, spare(case, memory, fit), memory.refusal
    )


def _fullest(case: Case, memory: Memory) -> tuple[tuple[int, ...], int]:
    if not memory.devices:
        host = memory.host
        return (host.weights.expected, host.kv_cache.expected, 0, host.activation.expected, 0), case.ram_bytes
    device = min(memory.devices, key=lambda one: one.free_bytes)
    return tuple(part.expected for part in device.parts), device.usable_bytes


def grid(points: Sequence[Point], batches: Sequence[int]) -> list[list[Point]]:
    """The points in rows of one batch each, from points in the order of `curve`."""
    return [list(points[index :: len(batches)]) for index, _ in enumerate(batches)]
