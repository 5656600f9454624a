"""A job: so many questions of so many calls each, how long they take on this machine, what they cost, and how a person
would fit them in.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ceil

from planner.core.data import table
from planner.core.estimate import Estimate
from planner.core.formula import Formula
from planner.economics.cost import Bill, Cost
from planner.economics.figure import figure, given
from planner.economics.prices import assumptions
from planner.performance.speed import Speed
from planner.request import PlanRequest

CALLS = Formula("ceil(requests * calls_per_request)", "calls")
DURATION = Formula(
    "ceil(calls / in_flight) * in_flight * seconds_per_call",
    "s",
    "rounds of calls in flight; the last round takes as long as a full one",
)


@dataclass(frozen=True)
class Job:
    """All calls of a job on this machine.

    Attributes:
        in_flight: calls at once, of all replicas.
        speed: of the plan with so many in flight.
        duration_s: of the machine at work, without pauses.
        bill: what all calls cost.
    """

    requests: int
    calls_per_request: float
    in_flight: int
    speed: Speed
    cost: Cost
    calls: Estimate
    duration_s: Estimate
    bill: Bill

    def duration_of(self, requests: int) -> Estimate:
        """The duration of the first so many questions."""
        return _duration(_calls(requests, self.calls_per_request), self.in_flight, self.cost.work.seconds)


def questions(request: PlanRequest) -> int:
    """How many there are, or are assumed."""
    return request.requests or int(assumptions()["requests"].number)


def in_flight(request: PlanRequest) -> int:
    """Calls at once: the concurrency, or else the plan's batch; never more than the job has."""
    wanted = request.concurrency or request.batch
    return max(min(wanted, ceil(questions(request) * (request.calls_per_request or 1))), 1)


def job(request: PlanRequest, cost: Cost, speed: Speed) -> Job:
    """The job of a request; `cost` and `speed` are the plan's with `in_flight(request)` sequences."""
    count, each, at_once = questions(request), request.calls_per_request or 1, in_flight(request)
    calls = _calls(count, each)
    duration = _duration(calls, at_once, cost.work.seconds)
    return Job(count, each, at_once, speed, cost, calls, duration, cost.bill("the job", calls, duration))


def _calls(requests: int, each: float) -> Estimate:
    return figure(CALLS, "Calls of the job", requests=requests, calls_per_request=each)


def _duration(calls: Estimate, at_once: int, seconds: Estimate) -> Estimate:
    return figure(
        DURATION,
        "Duration of the job",
        calls=calls,
        in_flight=given("Calls in flight", at_once, "calls", ""),
        seconds_per_call=seconds,
    )


@dataclass(frozen=True, slots=True)
class Way:
    """A way to fit a job into a week (`data/schedules.csv`): sessions of some hours, and how many of them a
    week has.
    """

    name: str
    session: str
    hours: float
    sessions_a_week: float


@cache
def ways() -> tuple[Way, ...]:
    return tuple(
        Way(row["way"], row["session"], float(row["hours"]), float(row["sessions_a_week"]))
        for row in table("schedules")
    )


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A job in one way: sessions begun, and days on the calendar from the first to the last, each as (low, expected,
    high).
    """

    way: Way
    sessions: tuple[int, int, int]
    days: tuple[float, float, float]


def schedule(duration_s: Estimate, hours_per_day: float | None = None) -> tuple[Scheduled, ...]:
    """The duration in every way, and in sessions of `hours_per_day` where that is given and less than a day.

    sessions = ceil(hours / hours of a session); days = whole weeks * 7 + what the last week needs.
    """
    each = [*ways()]
    if hours_per_day is not None and 0 < hours_per_day < 24:
        each.append(Way(f"{hours_per_day:g} hours a day", "day", hours_per_day, 7))
    return tuple(_scheduled(way, duration_s) for way in each)


def _scheduled(way: Way, duration_s: Estimate) -> Scheduled:
    hours = [end / 3600 for end in (duration_s.low, duration_s.expected, duration_s.high)]
    sessions = [max(ceil(end / way.hours - 1e-9), 1) for end in hours]
    low, expected, high = (_days(way, count, end) for count, end in zip(sessions, hours, strict=True))
    return Scheduled(way, (sessions[0], sessions[1], sessions[2]), (low, expected, high))


def _days(way: Way, sessions: int, hours: float) -> float:
    """Days from the first session's beginning to the end of the work in the last."""
    weeks, place = divmod(sessions - 1, way.sessions_a_week)
    last = (hours - (sessions - 1) * way.hours) / 24
    return weeks * 7 + place + last
