"""A job's duration, bill and place in a week, by hand."""

import pytest
from by_hand import about, costs, exactly, request, speed
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.economics.job import Job, in_flight, job, schedule


def a_job(**fields: object) -> Job:
    return job(request(**fields), costs(), speed())


def test_twelve_hundred_questions_of_seven_calls() -> None:
    it = a_job(requests=1_200, calls_per_request=7)
    assert it.duration_s.expected == pytest.approx(8_400 * 12)
    assert it.bill.energy_kwh.expected == pytest.approx(12.6)
    assert it.bill.electricity_usd.expected == pytest.approx(1.512)
    assert it.bill.rent_usd is not None
    assert it.bill.rent_usd.expected == pytest.approx(16.8)
    assert it.bill.api_usd is not None
    assert it.bill.api_usd.expected == pytest.approx(88.2)
    assert it.duration_of(10).expected == pytest.approx(840)


def test_the_last_round_takes_as_long_as_a_full_one() -> None:
    assert a_job(requests=10, concurrency=8).duration_s.expected == pytest.approx(2 * 8 * 12)
    assert a_job(requests=5, concurrency=8).in_flight == 5
    assert in_flight(request(batch=4)) == 4
    assert in_flight(request(batch=4, requests=2)) == 2
    assert a_job().requests == 100, "as data/economics.csv assumes"
    assert a_job(requests=3, calls_per_request=1.5).calls.expected == 5


def test_a_job_in_a_week() -> None:
    days = {one.way.name: (one.sessions[1], one.days[1]) for one in schedule(exactly(28 * 3600), hours_per_day=7)}
    assert days == {
        "Around the clock": (2, pytest.approx(28 / 24)),
        "Every night": (3, pytest.approx(2 + 4 / 24)),
        "Evenings": (6, pytest.approx(5 + 3 / 24)),
        "Working days": (4, pytest.approx(3 + 4 / 24)),
        "Weekends": (1, pytest.approx(28 / 24)),
        "7 hours a day": (4, pytest.approx(3 + 7 / 24)),
    }
    long = {one.way.name: one.days[1] for one in schedule(exactly(48 * 3600))}
    assert long["Working days"] == pytest.approx(7 + 8 / 24), "six working days have a weekend between them"
    assert all(one.way.hours != 24 or one.way.session == "day" for one in schedule(exactly(1), hours_per_day=24))


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(1, 300))
@settings(max_examples=60, deadline=None)
def test_more_questions_never_take_less(count: int, more: int, concurrency: int) -> None:
    few, many = a_job(requests=count, concurrency=concurrency), a_job(requests=count + more, concurrency=concurrency)
    if few.in_flight == many.in_flight:
        assert few.duration_s.expected <= many.duration_s.expected
        assert few.bill.own_usd.expected <= many.bill.own_usd.expected


def test_a_range_of_speed_is_a_range_of_duration() -> None:
    it = job(request(requests=100), costs(about), speed(about))
    assert it.duration_s.low == pytest.approx(100 * 12 / 1.25)
    assert it.duration_s.high == pytest.approx(100 * 12 / 0.8)
    slow = schedule(it.duration_s)[2]
    assert slow.sessions[0] <= slow.sessions[1] <= slow.sessions[2]
