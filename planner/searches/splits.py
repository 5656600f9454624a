"""The ways of cutting a model over some equal GPUs, side by side, and the one to take with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from planner.core.errors import PlanError
from planner.core.units import worded
from planner.engines.info import info
from planner.plan import Plan, plan
from planner.request import PlanRequest

COUNTS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Choice:
    """One way of cutting: over how many GPUs, how, the change of the request, and its plan, or why there is none."""

    count: int
    title: str
    change: dict[str, Any]
    plan: Plan | None
    refusal: str = ""

    @property
    def runs(self) -> bool:
        return self.plan is not None and self.plan.fit.runs

    def rate(self, together: bool) -> float:
        """Tokens a second that decide: of all requests together, or of one; 0 when it does not run."""
        return rate_of(self.plan, together) if self.runs and self.plan else 0.0


def rate_of(plan: Plan, together: bool) -> float:
    """Tokens a second of a plan: of all its requests together, or of one stream."""
    speed = plan.speed
    return (speed.throughput_tokens_per_s if together else speed.decode_tokens_per_s_per_sequence).expected


def choices(request: PlanRequest, count: int) -> tuple[Choice, ...]:
    """Every way in which the request's engine cuts the model over `count` of its first GPU."""
    return tuple(_choice(request, count, title, change) for title, change in _ways(request.engine, count))


def _ways(engine: str, count: int) -> Iterable[tuple[str, dict[str, Any]]]:
    if count == 1:
        return [("one GPU", {})]
    if info(engine).serves:
        ways: list[tuple[str, dict[str, Any]]] = [
            ("tensor parallel", {"tensor_parallel": count}),
            ("pipeline parallel", {"tensor_parallel": 1, "pipeline_parallel": count}),
            ("replicas", {"tensor_parallel": 1, "data_parallel": count}),
        ]
        if count >= 4:
            ways.append(("replicas of tensor parallel 2", {"tensor_parallel": 2, "data_parallel": count // 2}))
        return ways
    if info(engine).splits_with_host:
        return [("layers in turn", {"split_mode": "layer"}), ("tensor split", {"split_mode": "tensor"})]
    return [("layers in turn", {})]


CUT = ("tensor_parallel", "pipeline_parallel", "data_parallel", "expert_parallel", "split_mode", "tensor_split")


@worded(maxsize=256)
def _planned(query: tuple[tuple[str, str], ...]) -> Plan:
    return plan(PlanRequest.from_query(dict(query)))


def _choice(request: PlanRequest, count: int, title: str, change: dict[str, Any]) -> Choice:
    gpu = request.gpus[0].model_dump(exclude_none=True) | {"count": count}
    whole = {**dict.fromkeys(CUT), "gpus": [gpu], **change}
    try:
        changed = request.changed(**whole)
        return Choice(
            count,
            title,
            whole,
            plan(changed) if request.config else _planned(tuple(sorted(changed.to_query().items()))),
        )
    except PlanError as error:
        return Choice(count, title, whole, None, str(error))


def together(request: PlanRequest) -> bool:
    """Whether what counts is all requests together, or how fast one gets its tokens."""
    return request.batch > 1


def proposed(request: PlanRequest, count: int, counts: Sequence[int] = COUNTS) -> tuple[Choice | None, str]:
    """The best way for up to `count` GPUs, with the reason: the fastest that runs; of nearly equal ones, the one with
    fewer GPUs.

    GPUs that would only slow it down are left out, and the reason says so: more GPUs never make the proposal slower.
    """
    if not request.gpus:
        return None, "Without a GPU there is nothing to cut: the model runs from system memory."
    found = [choice for n in counts if n <= count for choice in choices(request, n)]
    able = [choice for choice in found if choice.runs]
    if not able:
        return (
            None,
            (
                f"No way over {count} GPU{'s' if count > 1 else ''} runs."
                f" {found[-1].refusal or (found[-1].plan.fit.reason if found[-1].plan else '')}"
            ),
        )
    wanted = together(request)
    rates = [choice.rate(wanted) for choice in able]
    best = able[rates.index(max(rates))]
    goal = f"Most tokens for {request.batch:,} requests at once" if wanted else "Fastest single stream"
    others = [choice for choice in able if choice is not best and choice.count == best.count]
    second = max(others, key=lambda choice: choice.rate(wanted), default=None)
    gain = f", {max(rates) / second.rate(wanted):.2f} times the next best ({second.title})" if second else ""
    where = best.title if best.count == 1 else f"{best.title} over {best.count} GPUs"
    left = f" {_rest(count - best.count)} would not make it faster: {_why(request)}" if best.count < count else ""
    fit = best.plan.fit if best.plan else None
    waits = f" It holds {fit.held:,} of your {request.batch:,} at full length." if fit and fit.waiting else ""
    return best, f"{goal}: {where}{gain}.{waits}{left}"


def _rest(count: int) -> str:
    return "The other GPU" if count == 1 else f"The other {count} GPUs"


def _why(request: PlanRequest) -> str:
    if info(request.engine).serves:
        return (
            "each layer would wait longer for the exchange between GPUs than it gains, or there are not enough requests"
            " to share out."
        )
    return (
        "layers on another GPU run after the others, not beside them. They would hold a larger model or a longer"
        " context."
    )
