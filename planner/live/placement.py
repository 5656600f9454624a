"""What would fit where: a question planned on the GPUs of a machine, with the memory that is free on them now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.core.errors import PlanError
from planner.live.here import Usable, request_text
from planner.plan import Plan, plan
from planner.request import PlanRequest

COUNTS = (1, 2, 3, 4, 6, 8, 16)


@dataclass(frozen=True)
class Placement:
    """The fewest of a machine's GPUs, the freest first, on which a question fits; or all of them, where it doesn't.

    `answer` is None where nothing could be planned, and `reason` then says why.
    """

    gpus: tuple[Usable, ...]
    answer: Plan | None
    reason: str

    @property
    def fits(self) -> bool:
        return self.answer is not None and self.answer.fit.on_gpus

    @property
    def text(self) -> str:
        """The `gpus` of the request that was planned."""
        return request_text(self.gpus)


def place(request: PlanRequest, gpus: Sequence[Usable]) -> Placement:
    """Try the freest GPU alone, then more of them, until it fits."""
    if not gpus:
        return Placement((), None, "No GPU that the catalogue knows.")
    freest = sorted(gpus, key=lambda one: -(one.free_mib if one.free_mib is not None else one.gpu.usable_bytes >> 20))
    last = Placement(tuple(freest), None, "")
    for count in sorted({min(count, len(freest)) for count in COUNTS} | {len(freest)}):
        chosen = tuple(freest[:count])
        try:
            answer = plan(request.changed(gpus=request_text(chosen)))
        except PlanError as error:
            last = Placement(chosen, None, str(error)) if last.answer is None else last
            continue
        last = Placement(chosen, answer, answer.fit.reason)
        if last.fits:
            return last
    return last
