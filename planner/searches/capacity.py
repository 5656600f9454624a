"""How far a plan could grow: the largest context at its batch, the largest batch at its context."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from planner.case import Case
from planner.core.errors import PlanError
from planner.core.remember import FEW, recall
from planner.engines.info import info
from planner.engines.registry import engine
from planner.memory.quantity import Memory
from planner.verdict import judge


@dataclass(frozen=True)
class Capacity:
    """Limits of the plan, each searched when it is read; a limit is 0 when not even one token or one sequence fits.

    A limit does not depend on where its own field stands, so that it is kept with the model while that field's slider
    moves.
    """

    case: Case
    memory: Memory

    @property
    def kv_cache_bytes(self) -> int:
        """The pool, or the cache of the fullest GPU."""
        if self.memory.pool:
            return self.memory.pool.bytes.expected
        return max(
            (device.kv_cache.expected for device in self.memory.devices), default=self.memory.host.kv_cache.expected
        )

    @property
    def kv_cache_tokens(self) -> int:
        """What one replica's cache holds, as engines log it."""
        request = self.case.request
        return self.memory.pool.tokens if self.memory.pool else request.context * request.batch

    @cached_property
    def max_context(self) -> int:
        """The largest context at this batch: on the GPUs alone, or with as much in system memory as the engine would
        move there.
        """
        return self._limit("context", min(self.case.architecture.max_context, MOST_CONTEXT))

    @cached_property
    def max_batch(self) -> int:
        """The largest batch at this context; where the engine sets a pool aside, how many requests of the full context
        it holds, and more wait their turn.
        """
        fit = judge(self.case, self.memory)
        if fit.held is not None:
            return fit.held if fit.runs else 0
        return self._limit("batch", MOST_BATCH)

    def _limit(self, field: str, most: int) -> int:
        """Searched by interpolation over the engine's own memory: with everything on the GPUs, or, where not even one
        fits so, as the engine splits it.
        """
        case, whole = self.case, on_the_gpus(self.case)

        def search() -> int:
            now = judge(case, self.memory)
            known = (getattr(case.request, field), float(now.headroom_bytes)) if now.on_gpus else None
            return largest(lambda n: _room(whole.with_request(**{field: n})), most, known) or (
                0 if whole is case else largest(lambda n: _room(case.with_request(**{field: n})), most)
            )

        asked = case.request.model_copy(update={field: 1, "model": None, "config": None}).model_dump_json(
            exclude_defaults=True
        )
        return recall(case.architecture, _room, (field, asked, case.name, case.gpus, case.ram_bytes), FEW, search)


ALL = 1_000_000
"""More layers than any model has."""


def on_the_gpus(case: Case) -> Case:
    """The case with all layers on the GPUs, where its engine would else search for how many fit."""
    request = case.request
    if (
        not info(request.engine).splits_with_host
        or request.gpu_layers is not None
        or request.cpu_moe_layers is not None
        or not case.gpus
    ):
        return case
    return case.with_request(gpu_layers=ALL)


MOST_CONTEXT, MOST_BATCH = 2**24, 4_096
"""Where the searches end."""


def largest(room: Callable[[int], float | None], most: int, known: tuple[int, float] | None = None) -> int:
    """The largest n in 1..most that fits, which must hold up to some point and not after it; 0 when none does.

    `room` is what is left at n: negative or None where it does not fit, None where nothing can be said of how far off
    it is. What is left falls nearly in a straight line, so each try goes where the line between the two nearest ends
    crosses zero; every third halves the interval, for what falls in steps. `known` is an n that fits, with its room.

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
    """Bytes left on the fullest device; None where the engine refuses, or where its pool does not hold the batch."""
    try:
        memory = engine(case.request.engine).memory(case)
    except PlanError:
        return None
    fit = judge(case, memory)
    return None if memory.refusal or fit.waiting else fit.headroom_bytes
