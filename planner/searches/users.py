"""How many requests a serving engine holds at once: by context, with its cache as asked for and in 8 bit."""

from __future__ import annotations

from dataclasses import dataclass

from planner.case import Case
from planner.core.errors import PlanError
from planner.engines.registry import engine
from planner.memory.quantity import Pool

SHORTEST = 1_024


@dataclass(frozen=True, slots=True)
class Users:
    """Requests of `context` tokens each that the pools of all replicas hold at once, 0.0 where not one fits; in 8 bit
    None where the engine can't.
    """

    context: int
    at_once: float
    in_8_bit: float | None


def contexts(case: Case) -> tuple[int, ...]:
    """Lengths worth a row: powers of two up to what the model declares, and the length that is asked for."""
    most = max(case.architecture.max_context, case.request.context)
    doubled = [SHORTEST << n for n in range(32) if SHORTEST << n <= most]
    return tuple(sorted({*doubled, min(case.request.context, most), min(most, case.architecture.max_context)}))


def users(case: Case) -> tuple[Users, ...]:
    """One row a context: the replicas times the engine's own pool over what one request of that length takes of it."""
    return tuple(Users(n, _at_once(case, n) or 0.0, _at_once(case, n, "fp8")) for n in contexts(case))


def _at_once(case: Case, context: int, cache: str | None = None) -> float | None:
    changed = case.with_request(context=context, **({"kv_cache_dtype": cache} if cache else {}))
    try:
        memory = engine(case.request.engine).memory(changed)
    except PlanError:
        return None
    pool: Pool | None = memory.pool
    return None if pool is None else 0.0 if memory.unable else pool.sequences * (case.request.data_parallel or 1)
