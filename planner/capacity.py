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
    """Search both limits by interpolation over the engine's own memory, everything else held."""
    request = case.request
    held = memory.split_held
    now = judge(case, memory)
    left = now.headroom_bytes if now.verdict in ("fits", "tight") else None  # split with the host, it may lie otherwise once its split is held
    context = largest(lambda n: _room(case.with_request(context=n, **held)), min(case.architecture.max_context, 2**24), _known(request.context, left))
    batch = largest(lambda n: _room(case.with_request(batch=n, **held)), 4_096, _known(request.batch, left))
    if memory.pool:
        most = int(memory.pool.sequences) if memory.pool.tokens else batch
        return Capacity(memory.pool.bytes.expected, memory.pool.tokens, context, 0 if memory.refusal else most)
    fullest = max((device.kv_cache.expected for device in memory.devices), default=memory.host.kv_cache.expected)
    return Capacity(fullest, request.context * request.batch, context, batch)


def _known(n: int, left: int | None) -> tuple[int, float] | None:
    return None if left is None else (n, left)


def largest(room: Callable[[int], float | None], most: int, known: tuple[int, float] | None = None) -> int:
    """The largest n in 1..most that fits, which must hold up to some point and not after it; 0 when none does.

    `room` is what is left at n: negative or None where it does not fit, None where nothing can be said of how far off it is.
    What is left falls nearly in a straight line, so each try goes where the line between the two nearest ends crosses zero;
    every third halves the interval, for what falls in steps. `known` is an n that fits, with its room.

        n = low + (high - low) * room(low) / (room(low) - room(high))
    """
    at_high = room(most)
    if fits(at_high):
        return most
    low, at_low = known if known and known[0] < most else (1, room(1))
    if not fits(at_low):
        return 0
    high, tries = most, 0
    while high - low > 1:
        tries += 1
        middle = (low + high) // 2
        if tries % 3 and at_low is not None and at_high is not None and at_low > at_high:
            middle = min(max(low + int((high - low) * at_low / (at_low - at_high)), low + 1), high - 1)
        found = room(middle)
        if fits(found):
            low, at_low = middle, found
        else:
            high, at_high = middle, found
    return low


def fits(room: float | None) -> bool:
    """Whether what is left says that it fits."""
    return room is not None and room >= 0


def _room(case: Case) -> float | None:
    """Bytes left on the fullest device; None where the engine refuses."""
    try:
        memory = engine(case.request.engine).memory(case)
    except PlanError:
        return None
    fit = judge(case, memory)
    if memory.refusal:
        return None
    return min(fit.headroom_bytes, -1) if fit.verdict == "does_not_fit" else max(fit.headroom_bytes, 0)
