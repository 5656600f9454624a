"""How far a plan could grow: the largest context at its batch, the largest batch at its context."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from planner.engines.base import Case
from planner.engines.registry import engine
from planner.errors import PlanError
from planner.memory.quantity import Memory
from planner.verdict import judge


@dataclass(frozen=True)
class Capacity:
    """Limits of the plan; a limit is 0 when not even one token or one sequence fits.

    Where the engine sets a pool aside, `max_batch` is how many requests of the full context the pool holds; more wait their turn.
    `kv_cache_bytes` is the cache of the fullest GPU, `kv_cache_tokens` what one replica holds, both as engines log them.
    """

    kv_cache_bytes: int
    kv_cache_tokens: int
    max_context: int
    max_batch: int


def find_capacity(case: Case, memory: Memory) -> Capacity:
    """Search both limits by bisection over the engine's own memory, everything else held."""
    request = case.request
    held = {} if memory.gpu_layers is None else {"gpu_layers": memory.gpu_layers}
    context = largest(lambda n: _fits(case.with_request(context=n, **held)), min(case.architecture.max_context, 2**24))
    batch = largest(lambda n: _fits(case.with_request(batch=n, **held)), 4_096)
    if memory.pool:
        most = int(memory.pool.sequences) if memory.pool.tokens else batch
        return Capacity(memory.pool.bytes.expected, memory.pool.tokens, context, 0 if memory.refusal else most)
    fullest = max((device.kv_cache.expected for device in memory.devices), default=memory.host.kv_cache.expected)
    return Capacity(fullest, request.context * request.batch, context, batch)


def largest(fits: Callable[[int], bool], most: int) -> int:
    """The largest n in 1..most for which `fits` holds, which must be true up to some point and false after it; 0 when none does."""
    if fits(most):
        return most
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _fits(case: Case) -> bool:
    try:
        return judge(case, engine(case.request.engine).memory(case)).verdict != "does_not_fit"
    except PlanError:
        return False
