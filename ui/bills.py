"""Bills as figures and as a table: the same columns for a request, a million tokens, a day and a job."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pandas as pd
import streamlit as st

from planner.core.estimate import Estimate
from planner.core.formula import Step
from planner.economics.cost import Bill
from ui.cost_charts import between
from ui.show.derivations import derivation

COLUMNS = (
    ("Energy (kWh)", "energy_kwh"),
    ("Electricity (USD)", "electricity_usd"),
    ("Own machine (USD)", "own_usd"),
    ("Rent (USD)", "rent_usd"),
    ("API (USD)", "api_usd"),
    ("Carbon (kg CO2e)", "carbon_kg"),
)

NUMBER = st.column_config.NumberColumn(format="%.10g")

WIDTH = 134
"""Pixels of a figure: six in a row on a desktop, two on a phone."""


def metric(label: str, value: str, under: str, steps: Iterable[Step], key: str, words: str = "") -> None:
    """One key figure and the way to it."""
    with st.container(width=WIDTH, gap=None):
        st.metric(label, value, under, delta_color="off", delta_arrow="off")
        derivation("How", steps, key, words)


def money(label: str, amount: Estimate | None, under: str, key: str, words: Callable[[float], str]) -> None:
    """An amount with its range in words, or that nobody knows its price."""
    if amount is None:
        metric(label, "no price", "type one below", (), key)
    else:
        metric(
            label,
            words(amount.expected),
            under,
            amount.steps,
            key,
            f"Between {between(amount, words)} in eight cases of ten.",
        )


def table(bills: Sequence[tuple[str, Bill]], file: str, alt: str) -> None:
    """Each bill as a row, sortable, and all of it with ranges to take away."""
    shown = pd.DataFrame(
        [{"For": name, **{title: _cell(getattr(bill, field)) for title, field in COLUMNS}} for name, bill in bills]
    )
    st.dataframe(shown, hide_index=True, alt=alt, column_config={title: NUMBER for title, _ in COLUMNS}, placeholder="")
    st.download_button(
        "Table with ranges as CSV",
        lambda: frame(bills).to_csv(index=False),
        file,
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _cell(amount: Estimate | None) -> float | None:
    return None if amount is None else float(f"{amount.expected:.3g}")


def steps(bills: Iterable[Bill]) -> list[Step]:
    """Every step of some bills, in the order of the columns."""
    return [
        step
        for bill in bills
        for _, field in COLUMNS
        if (amount := getattr(bill, field)) is not None
        for step in amount.steps
    ]


def frame(bills: Sequence[tuple[str, Bill]]) -> pd.DataFrame:
    """One row a figure: for what, which, expected, low, high."""
    rows = [
        (name, title, amount.expected, amount.low, amount.high)
        for name, bill in bills
        for title, field in COLUMNS
        if (amount := getattr(bill, field)) is not None
    ]
    return pd.DataFrame(rows, columns=["For", "Figure", "Expected", "Low", "High"])
