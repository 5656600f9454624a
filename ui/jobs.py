"""What the job page asks and says: questions, calls, concurrency; the calendar, the progress, and when the card is
paid.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from planner.core.units import duration, energy, usd
from planner.economics.cost import Cost
from planner.economics.job import Job, Scheduled
from planner.economics.prices import assumptions
from ui.cost_charts import between
from ui.question.fields import number

MILESTONES = (1, 10, 50, 100, 500, 1_000, 5_000, 10_000, 100_000, 1_000_000)
"""Questions after which the progress table says the time."""

HOURS = st.column_config.NumberColumn(format="%.2f")
WHOLE = st.column_config.NumberColumn(format="localized")


def requests(_: Cost | None) -> None:
    number(
        "requests",
        "Questions",
        step=100,
        placeholder=f"{assumptions()['requests'].number:g} assumed",
        help="How many there are in all.",
    )


def calls(_: Cost | None) -> None:
    number(
        "calls_per_request",
        "Calls a question",
        step=0.5,
        placeholder="1 assumed",
        help="A planner, five specialists and an aggregator are 7.",
    )


def concurrency(_: Cost | None) -> None:
    number(
        "concurrency", "Calls at once", placeholder="the batch", help="Kept in flight; planned as that many sequences."
    )


def conclusion(job: Job) -> str:
    """The job in one sentence: its duration with its range, its energy, and the bills side by side."""
    asked = (
        f"{job.requests:,} {'question' if job.requests == 1 else 'questions'} of {job.calls_per_request:g}"
        f" {'call' if job.calls_per_request == 1 else 'calls'}"
    )
    beside = [
        f"{usd(bill.expected)} {where}"
        for bill, where in ((job.bill.rent_usd, "rented"), (job.bill.api_usd, "from an API"))
        if bill
    ]
    money = f"{usd(job.bill.electricity_usd.expected)} of electricity" + (
        f", beside {' and '.join(beside)}" if beside else ""
    )
    took = f"{duration(job.duration_s.expected)} ({between(job.duration_s, duration)})"
    return f"{asked} take {took} and {energy(job.bill.energy_kwh.expected)}: {money}."


def pays(job: Job) -> str:
    """After how many such jobs the purchase is paid, against the API."""
    lost, api = job.cost.prices.lost, job.bill.api_usd
    if lost is None or api is None:
        return ""
    saved = api.expected - job.bill.electricity_usd.expected
    if saved <= 0:
        return "The API takes less for this job than the electricity does: the purchase never pays for itself."
    count = lost.expected / saved
    return (
        f"Against the API the purchase, its resale counted, is paid after {count:,.0f} such jobs."
        if count >= 1.5
        else "This job alone pays the purchase."
    )


def calendar_words(scheduled: Sequence[Scheduled]) -> str:
    """Begun now: around the clock, and in the evenings."""
    by_name = {one.way.name: one for one in scheduled}
    clock, evenings, weekends = by_name["Around the clock"], by_name["Evenings"], by_name["Weekends"]
    return (
        f"Around the clock it is done after {duration(clock.days[1] * 86_400)}, in {_sessions(evenings)} of"
        f" {evenings.way.hours:g} h, or in {_sessions(weekends)}."
    )


def _sessions(one: Scheduled) -> str:
    count = one.sessions[1]
    return f"{count:,} {one.way.session}{'' if count == 1 else 's'}"


def calendar_table(scheduled: Sequence[Scheduled], words: str) -> None:
    """Every way to fit it in."""
    rows = [
        {
            "Way": one.way.name,
            "Hours a session": one.way.hours,
            "Sessions": one.sessions[1],
            "Sessions, low": one.sessions[0],
            "Sessions, high": one.sessions[2],
            "Days": one.days[1],
            "Days, low": one.days[0],
            "Days, high": one.days[2],
        }
        for one in scheduled
    ]
    _table(rows, "headroom-schedule.csv", words, ("Days", "Days, low", "Days, high"))


def progress_table(job: Job) -> None:
    """How far it is when."""
    counts = [count for count in MILESTONES if count < job.requests] + [job.requests]
    rows = []
    for count in counts:
        took = job.duration_of(count)
        rows.append(
            {
                "Questions": count,
                "After": duration(took.expected),
                "Hours": took.expected / 3_600,
                "Hours, low": took.low / 3_600,
                "Hours, high": took.high / 3_600,
            }
        )
    _table(rows, "headroom-progress.csv", conclusion(job), ("Hours", "Hours, low", "Hours, high"))


def _table(rows: list[dict[str, object]], file: str, alt: str, decimals: Sequence[str]) -> None:
    frame = pd.DataFrame(rows)
    st.dataframe(
        frame,
        hide_index=True,
        alt=alt,
        column_config={"Questions": WHOLE} | dict.fromkeys(decimals, HOURS),
        placeholder="",
    )
    st.download_button(
        "Table as CSV", frame.to_csv(index=False), file, "text/csv", icon=":material/download:", on_click="ignore"
    )
