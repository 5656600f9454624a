"""When one way of paying beats another: own against rent against an API, by the hours of work in a day."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from planner.core.estimate import Estimate
from planner.core.formula import Formula
from planner.economics.cost import Cost
from planner.economics.figure import figure

HOURLY = Formula("usd * 3600 / seconds", "USD/h", "for the requests that an hour of work answers")
RUNNING = Formula("kilowatts * usd_per_kwh", "USD/h")
MARGIN = Formula("other_usd_per_hour - running_usd_per_hour", "USD/h", "what an hour of one's own work saves")
PAYBACK = Formula("lost_usd / saved_usd_per_hour", "h")
PER_MILLION = 1e6


@dataclass(frozen=True, slots=True)
class Payback:
    """Hours of work after which the hardware has paid for itself against `rent` or `api`; None: it never does.

    The high end is infinite where the unfavourable end of the ranges never pays back.
    """

    against: str
    hours: Estimate | None
    saved_per_hour: Estimate


def paybacks(cost: Cost) -> tuple[Payback, ...]:
    """Against each way that has a price, for hardware that has one: hours = (purchase - resale) / (other USD/h - own
    electricity USD/h).
    """
    if cost.prices.lost is None:
        return ()
    running = running_per_hour(cost)
    found = []
    for against, hourly in others(cost).items():
        saved = figure(
            MARGIN, f"Saved against {against} in an hour", other_usd_per_hour=hourly, running_usd_per_hour=running
        )
        found.append(Payback(against, _payback(cost.prices.lost, saved), saved))
    return tuple(found)


def others(cost: Cost) -> dict[str, Estimate]:
    """What an hour of the same work costs elsewhere: `rent`, `api`."""
    found = {}
    if cost.prices.rent_per_hour:
        found["rent"] = cost.prices.rent_per_hour
    if cost.api_request:
        found["api"] = figure(
            HOURLY, "API for an hour of the same work", usd=cost.api_request, seconds=cost.work.seconds
        )
    return found


def running_per_hour(cost: Cost) -> Estimate:
    """Electricity of an hour at work."""
    return figure(
        RUNNING, "Electricity of an hour at work", kilowatts=cost.work.kilowatts, usd_per_kwh=cost.prices.usd_per_kwh
    )


def _payback(lost: Estimate, saved: Estimate) -> Estimate | None:
    if saved.expected <= 0:
        return None
    step = PAYBACK("Hours of work until it is paid", lost_usd=lost.expected, saved_usd_per_hour=saved.expected)
    high = lost.high / saved.low if saved.low > 0 else math.inf
    return Estimate(lost.low / saved.high, float(step.value), high, (*lost.steps, *saved.steps, step))


@dataclass(frozen=True, slots=True)
class Curves:
    """USD for a million output tokens against hours of work a day.

    `own` holds (low, expected, high); rent and API are flat.

    Attributes:
        crossings: hours a day from which owning is cheaper than `rent` or `api`; left out where it never is.
    """

    hours: tuple[float, ...]
    own: tuple[tuple[float, float, float], ...]
    rent: Estimate | None
    api: Estimate | None
    crossings: dict[str, float]


QUARTERS = tuple(quarter / 4 for quarter in range(1, 97))


def curves(cost: Cost, hours: Sequence[float] = QUARTERS) -> Curves:
    """Own: (electricity of an hour + (wear + idle electricity of the day's rest) / hours) / million tokens an hour."""
    million = cost.million
    own = tuple(
        (own_per_million(cost, each, "low"), own_per_million(cost, each), own_per_million(cost, each, "high"))
        for each in hours
    )
    return Curves(tuple(hours), own, million.rent_usd, million.api_usd, crossings(cost))


def own_per_million(cost: Cost, hours: float, end: str = "expected") -> float:
    """USD for a million output tokens from one's own machine that works so many hours a day; its ends take speed and
    power together.
    """
    wear, idle = _fixed(cost, end)
    per_hour = running(cost, end) + (wear + idle * (24 - hours)) / hours
    seconds: float = getattr(cost.work.seconds, end)
    return per_hour * seconds / 3600 * PER_MILLION / cost.work.output_tokens


def crossings(cost: Cost) -> dict[str, float]:
    """h = (wear + 24 idle) / (other - running + idle), all in USD an hour or a day; only where that is at most 24."""
    if cost.prices.lost is None:
        return {}
    wear, idle = _fixed(cost, "expected")
    found = {}
    for name, other in others(cost).items():
        saved = other.expected - running(cost, "expected") + idle
        if saved > 0 and (hours := (wear + 24 * idle) / saved) <= 24:
            found[name] = hours
    return found


def running(cost: Cost, end: str) -> float:
    kilowatts: float = getattr(cost.work.kilowatts, end)
    return kilowatts * cost.prices.usd_per_kwh.expected


def _fixed(cost: Cost, end: str) -> tuple[float, float]:
    """Wear of a day, and idle electricity of an hour."""
    wear = cost.prices.wear_per_day.expected if cost.prices.wear_per_day else 0.0
    kilowatts: float = getattr(cost.work.idle_kilowatts, end)
    return wear, kilowatts * cost.prices.usd_per_kwh.expected
