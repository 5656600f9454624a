"""The `cost` and `job` sections of the answer as JSON; a price that nobody knows is null, and so is a time that never
comes.
"""

from __future__ import annotations

import math
from typing import Any

from planner.core.estimate import Estimate
from planner.core.formula import Step
from planner.economics.break_even import paybacks
from planner.economics.cost import Bill, Cost
from planner.economics.job import Job


def cost_json(cost: Cost) -> dict[str, Any]:
    """Energy, electricity, carbon, rent and API of a day of `hours_per_day` at work; the rest says for what it is."""
    day, purchase = cost.day, cost.prices.purchase
    back = {one.against: one.hours for one in paybacks(cost)}
    return {
        **_bill(day),
        "purchase_usd": purchase.expected if purchase else None,
        "usd_per_million_tokens": _range(cost.million.own_usd),
        "break_even_hours": _range(back["api"] if "api" in back else back.get("rent")),
        "hours_per_day": cost.hours_per_day,
        "watts_at_the_wall": _range(cost.work.kilowatts, 1_000),
        "idle_kwh_per_day": _range(cost.idle_kwh_per_day),
        "per_request": _bill(cost.request),
        "per_million_output_tokens": _bill(cost.million),
        "break_even": {against: _range(hours) for against, hours in back.items()},
        "prices": {
            name: {"price": quote.sentence, "as_of": quote.as_of, "source": quote.source}
            for name, quote in cost.prices.quotes.items()
        },
    }


def job_json(job: Job) -> dict[str, Any]:
    """Duration and energy of all calls, and their cost each way."""
    bill = _bill(job.bill)
    energy = bill.pop("energy_kwh")
    return {
        "requests": job.requests,
        "calls": int(job.calls.expected),
        "in_flight": job.in_flight,
        "duration_s": _range(job.duration_s),
        "energy_kwh": energy,
        "cost": bill,
    }


def money_steps(cost: Cost, job: Job) -> tuple[Step, ...]:
    """Every step of both sections, each once."""
    figures: list[Estimate | None] = [cost.idle_kwh_per_day, *(back.hours for back in paybacks(cost)), job.duration_s]
    for bill in (cost.request, cost.million, cost.day, job.bill):
        figures += [bill.energy_kwh, bill.electricity_usd, bill.carbon_kg, bill.own_usd, bill.rent_usd, bill.api_usd]
    return tuple({id(step): step for figure in figures if figure for step in figure.steps}.values())


def _bill(bill: Bill) -> dict[str, Any]:
    return {
        "energy_kwh": _range(bill.energy_kwh),
        "electricity_usd": _range(bill.electricity_usd),
        "carbon_kg": _range(bill.carbon_kg),
        "own_usd": _range(bill.own_usd),
        "rent_usd": _range(bill.rent_usd),
        "api_usd": _range(bill.api_usd),
    }


def _range(estimate: Estimate | None, times: float = 1) -> dict[str, float | None] | None:
    if estimate is None:
        return None
    ends = {"low": estimate.low, "expected": estimate.expected, "high": estimate.high}
    return {name: value * times if math.isfinite(value) else None for name, value in ends.items()}
