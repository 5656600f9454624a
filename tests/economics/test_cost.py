"""Every cost term by hand calculation, and what must hold for any machine."""

import math
from dataclasses import replace

import pytest
from by_hand import about, costs, exactly, request, speed
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.catalog.gpu_names import resolve
from planner.core.errors import PlanError
from planner.core.estimate import Estimate
from planner.core.formula import Formula, evaluate
from planner.economics.break_even import crossings, curves, own_per_million, paybacks
from planner.economics.cost import cost
from planner.economics.electricity import electricity_usd
from planner.economics.figure import figure


def test_a_day_at_450_watts() -> None:
    assert electricity_usd(450, 24, 0.12).expected == pytest.approx(1.296)
    day = costs().day
    assert costs().work.kilowatts.expected == pytest.approx(0.45)
    assert day.electricity_usd.expected == pytest.approx(1.296)
    assert day.energy_kwh.expected == pytest.approx(10.8)
    assert day.requests.expected == pytest.approx(7_200)
    assert day.rent_usd is not None
    assert day.rent_usd.expected == pytest.approx(14.4)


def test_a_request_is_twelve_seconds_at_450_watts() -> None:
    one = costs().request
    assert one.seconds.expected == pytest.approx(12)
    assert one.energy_kwh.expected == pytest.approx(0.0015)
    assert one.electricity_usd.expected == pytest.approx(0.00018)
    assert one.carbon_kg.expected == pytest.approx(0.0006)
    assert one.api_usd is not None
    assert one.api_usd.expected == pytest.approx(0.0105)


def test_a_million_output_tokens_are_two_thousand_requests() -> None:
    million = costs().million
    assert million.electricity_usd.expected == pytest.approx(0.36)
    assert million.own_usd.expected == pytest.approx(0.36 + 1 * 24_000 / 86_400)
    assert million.rent_usd is not None
    assert million.rent_usd.expected == pytest.approx(4)
    assert million.api_usd is not None
    assert million.api_usd.expected == pytest.approx(21)


def test_the_building_takes_its_share() -> None:
    assert costs(pue=1.5).day.electricity_usd.expected == pytest.approx(1.5 * 1.296)


def test_half_a_day_at_work_idles_the_other_half() -> None:
    half = costs(hours_per_day=12)
    assert half.day.electricity_usd.expected == pytest.approx(0.648)
    assert half.idle_kwh_per_day.expected == pytest.approx(0.84)
    assert half.standing_per_day.expected == pytest.approx(1 + 0.84 * 0.12)
    assert half.million.own_usd.expected == pytest.approx(0.36 + 1.1008 * 24_000 / 43_200)


def test_hardware_pays_for_itself() -> None:
    hours = {one.against: one.hours.expected for one in paybacks(costs()) if one.hours}
    assert hours == {"rent": pytest.approx(1461 / 0.546), "api": pytest.approx(1461 / 3.096)}
    assert crossings(costs()) == {
        "api": pytest.approx(1.2016 / 3.1044),
        "rent": pytest.approx(1.2016 / (0.6 - 0.054 + 0.0084)),
    }


def test_hardware_that_never_pays_for_itself_says_so() -> None:
    dear = costs(electricity_usd_per_kwh=10)
    assert [one.hours for one in paybacks(dear)] == [None, None]
    assert crossings(dear) == {}
    unsure = costs(about, rent_usd_per_hour=0.06)
    (rent,) = [one for one in paybacks(unsure) if one.against == "rent"]
    assert rent.hours is not None
    assert math.isinf(rent.hours.high)


def test_ranges_come_from_speed_and_power() -> None:
    plain, wide = costs(), costs(about)
    assert plain.day.electricity_usd.low == pytest.approx(plain.day.electricity_usd.high)
    assert wide.day.electricity_usd.low < 1.296 < wide.day.electricity_usd.high
    assert wide.day.rent_usd is not None
    assert wide.day.rent_usd.low == wide.day.rent_usd.high, "a day is a day, however fast the machine"
    spread = wide.million.electricity_usd
    assert 0.6 < spread.low / spread.expected < 0.8, (
        "two independent errors of a fifth are less than two fifths together"
    )


def test_a_range_is_the_root_of_the_sum_of_squares() -> None:
    two = figure(Formula("a * b", ""), "product", a=Estimate(1 / 2, 1, 2), b=Estimate(1 / 2, 1, 2))
    assert two.high == pytest.approx(2 ** math.sqrt(2))
    assert two.low == pytest.approx(2 ** -math.sqrt(2))
    rest = figure(Formula("a - b", ""), "difference", a=Estimate(0, 3, 6), b=Estimate(-1, 3, 7))
    assert (rest.low, rest.high) == (pytest.approx(-5), pytest.approx(5))


def test_every_printed_step_gives_its_value() -> None:
    bill = costs(about, hours_per_day=7).million
    steps = [
        step for part in (bill.own_usd, bill.rent_usd, bill.api_usd, bill.carbon_kg) if part for step in part.steps
    ]
    assert len(steps) > 20
    for step in steps:
        assert evaluate(step.expression) == pytest.approx(step.value), step.label
    assert len({id(step) for step in bill.own_usd.steps}) == len(bill.own_usd.steps), (
        "what two operands share is written once"
    )


@given(st.integers(1, 100_000), st.integers(1, 100_000), st.integers(0, 50_000), st.integers(0, 50_000))
@settings(max_examples=60, deadline=None)
def test_more_tokens_never_cost_less(prompt: int, output: int, more_prompt: int, more_output: int) -> None:
    few, many = (_money(prompt, output), _money(prompt + more_prompt, output + more_output))
    assert all(some <= all_ * (1 + 1e-9) for some, all_ in zip(few, many, strict=True))


def _money(prompt: int, output: int) -> list[float]:
    """The bill of one request by a machine that reads 500 and writes 50 tokens a second."""
    rates = replace(speed(), throughput_tokens_per_s=exactly(output / (prompt / 500 + output / 50)))
    bill = cost(request(), (resolve("rtx-4090"),), "m", rates, (prompt, output), cpu_busy=False).request
    return [
        part.expected
        for part in (bill.electricity_usd, bill.carbon_kg, bill.own_usd, bill.rent_usd, bill.api_usd)
        if part
    ]


@given(st.floats(0.25, 24), st.floats(0.25, 24), st.floats(0, 5), st.floats(0, 50_000))
@settings(max_examples=60, deadline=None)
def test_more_hours_at_work_never_raise_the_price_of_a_token(
    one: float, other: float, kwh: float, purchase: float
) -> None:
    few, many = sorted((one, other))
    fields = {"electricity_usd_per_kwh": kwh, "purchase_usd": purchase}
    assert costs(hours_per_day=many, **fields).million.own_usd.expected <= costs(
        hours_per_day=few, **fields
    ).million.own_usd.expected * (1 + 1e-9)


def test_the_curve_is_the_bill() -> None:
    drawn = curves(costs(about), hours=(6.0, 12.0))
    for hours, (low, expected, high) in zip(drawn.hours, drawn.own, strict=True):
        assert expected == pytest.approx(costs(about, hours_per_day=hours).million.own_usd.expected)
        assert low < expected < high
    at = crossings(costs())["api"]
    million = costs().million.api_usd
    assert million is not None
    assert own_per_million(costs(), at) == pytest.approx(million.expected), "where the curves cross, both cost the same"


def test_a_machine_that_never_works_is_told() -> None:
    with pytest.raises(PlanError, match="above 0"):
        costs(hours_per_day=0)
