"""Predicted against measured: a table of errors, a scatter in which a point explains itself, and the errors of the
fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import pandas as pd
import streamlit as st

from planner.calibrate.report import Fit, quantile
from planner.calibrate.validate import FIGURES, Comparison, Summary
from planner.core.units import mem, scale, symbol
from planner.request import PlanRequest
from ui.show.colours import Ground
from ui.show.derivations import derivation
from ui.show.links import to_page
from ui.show.text import plain

INSIDE, OUTSIDE = "#2f68ad", "#efa73a"
HEIGHT = 460


def named(kind: str, figure: str) -> str:
    """How a figure of a kind is called in a list."""
    return f"{kind}: {FIGURES[figure].title}"


def amount(value: float, unit: str) -> str:
    """A value of a figure as people read it."""
    if unit == "bytes":
        return mem(value)
    if not unit:
        return "yes" if value else "no"
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:,.3g} {unit}"


def summary_frame(rows: Sequence[Summary]) -> pd.DataFrame:
    """Errors in percent, one row a figure."""
    columns = [
        "Figure",
        "Records",
        "Median error (%)",
        "9 in 10 within (%)",
        "Worst (%)",
        "In range (%)",
        "Median range width (%)",
    ]
    table = [
        (
            named(row.kind, row.figure),
            row.records,
            100 * row.median_error,
            100 * row.p90_error,
            100 * row.worst_error,
            100 * row.inside if row.width else None,
            100 * row.width if row.width else None,
        )
        for row in rows
    ]
    return pd.DataFrame(table, columns=columns)


def fit_frame(rows: Sequence[Fit]) -> pd.DataFrame:
    """Errors of each fit, to all its records and with each source left out."""
    columns = [
        "Kind",
        "Fitted",
        "Records",
        "Sources",
        "Unit",
        "Median, fitted",
        "9 in 10, fitted",
        "Median, one left out",
        "9 in 10, one left out",
        "Left out",
    ]
    table = []
    for row in rows:
        left = (median(row.left_out), quantile(row.left_out, 0.9)) if row.left_out else (None, None)
        table.append(
            (
                row.kind,
                row.what,
                len(row.fitted),
                row.sources,
                row.unit,
                median(row.fitted),
                quantile(row.fitted, 0.9),
                *left,
                f"each {row.held}",
            )
        )
    return pd.DataFrame(table, columns=columns)


def records_frame(compared: Sequence[Comparison]) -> pd.DataFrame:
    """Every comparison of a figure, the worst first."""
    table = [
        (
            one.record["id"],
            one.record["request"].get("model", ""),
            one.measured,
            one.predicted.expected if one.predicted else None,
            one.predicted.low if one.predicted else None,
            one.predicted.high if one.predicted else None,
            100 * one.error,
            one.record["conditions"],
            one.record["source"],
            one.record["as_of"],
            one.record.get("note", ""),
        )
        for one in sorted(compared, key=lambda one: -abs(one.error))
    ]
    columns = [
        "Record",
        "Model",
        "Measured",
        "Predicted",
        "Low",
        "High",
        "Error (%)",
        "Conditions",
        "Source",
        "As of",
        "Note",
    ]
    return pd.DataFrame(table, columns=columns)


def conclusion(row: Summary) -> str:
    """What the scatter says, in a sentence."""
    if not FIGURES[row.figure].unit:
        right = round(row.records * (1 - _wrong(row)))
        return f"{right:,} of {row.records:,} {row.kind} runs start, or fail to, as predicted."
    held = f" The range holds {row.inside:.0%} of them, at a median width of {row.width:.1%}." if row.width else ""
    worst = f"the worst off by {row.worst_error:.1%}" if row.worst_error < 1e6 else "some refused"
    return (
        f"{row.records:,} measurements: half are predicted within {row.median_error:.2%}, nine in ten within"
        f" {row.p90_error:.2%}, {worst}.{held}"
    )


def _wrong(row: Summary) -> float:
    return 1 - row.inside


def scatter(compared: Sequence[Comparison], unit: str, ground: Ground) -> Any:
    """Measured across, predicted upwards, both logarithmic; on the line is right."""
    import plotly.graph_objects as go

    one_unit = scale() if unit == "bytes" else 1
    name = symbol() if unit == "bytes" else unit
    drawn = [
        (index, one)
        for index, one in enumerate(compared)
        if one.predicted and one.measured > 0 and one.predicted.expected > 0
    ]
    chart = go.Figure()
    ends = [
        value / one_unit for _, one in drawn for value in (one.measured, one.predicted.expected if one.predicted else 0)
    ] or [1.0]
    low, high = min(ends) / 1.3, max(ends) * 1.3
    chart.add_scatter(
        x=[low, high],
        y=[low, high],
        mode="lines",
        line={"color": ground.frame, "width": 1, "dash": "dot"},
        hoverinfo="skip",
        showlegend=False,
    )
    for inside, label, colour, shape in (
        (True, "Inside its range", INSIDE, "circle"),
        (False, "Outside", OUTSIDE, "diamond"),
    ):
        group = [
            (index, one, one.predicted) for index, one in drawn if one.inside == inside and one.predicted is not None
        ]
        chart.add_scatter(
            name=label,
            mode="markers",
            x=[one.measured / one_unit for _, one, _ in group],
            y=[found.expected / one_unit for _, _, found in group],
            customdata=[
                [index, one.record["request"].get("model", "").split("/")[-1], f"{one.error:+.1%}"]
                for index, one, _ in group
            ],
            error_y={
                "type": "data",
                "symmetric": False,
                "thickness": 1,
                "width": 0,
                "array": [max(found.high - found.expected, 0) / one_unit for _, _, found in group],
                "arrayminus": [max(found.expected - found.low, 0) / one_unit for _, _, found in group],
            },
            marker={"color": colour, "symbol": shape, "size": 9, "line": {"color": ground.frame, "width": 0.6}},
            hovertemplate=(
                f"%{{customdata[1]}}: measured %{{x:,.4g}} {name}, predicted %{{y:,.4g}} {name}"
                " (%{customdata[2]})<extra></extra>"
            ),
        )
    chart.update_layout(
        height=HEIGHT,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        dragmode=False,
        clickmode="event+select",
        font={"color": ground.text, "size": 13, "family": "Source Sans, sans-serif"},
        legend={"orientation": "h", "y": 1.08, "x": 0},
    )
    axis = {
        "type": "log",
        "gridcolor": ground.free,
        "zeroline": False,
        "fixedrange": True,
        "tickcolor": ground.frame,
        "ticks": "outside",
        "automargin": True,
        "tickformat": "~g",
        "dtick": "D2" if high / low < 1e3 else 1,
        "title": {"font": {"size": 13}},
    }
    chart.update_xaxes(title_text=f"Measured ({name})", **axis)
    chart.update_yaxes(title_text=f"Predicted ({name})", **axis)
    return chart


def explain(one: Comparison) -> None:
    """One measurement beside its prediction: what was asked, what came out, under which conditions, from where, and the
    arithmetic.
    """
    unit = FIGURES[one.figure].unit
    request = {key: value for key, value in one.record["request"].items() if value is not None}
    st.markdown(f"**{plain(str(request.get('model', '')))}**, {plain(FIGURES[one.figure].title)}")
    if one.predicted is None:
        st.markdown(plain(f"Measured {amount(one.measured, unit)}; the planner refuses: {one.refusal}"))
    else:
        found = one.predicted
        span = f" ({amount(found.low, unit)} to {amount(found.high, unit)})" if found.high > found.low else ""
        text = (
            f"Measured {amount(one.measured, unit)}, predicted {amount(found.expected, unit)}{span}: {one.error:+.2%}."
        )
        st.markdown(plain(text))
        derivation("How it was predicted", found.steps, "accuracy")
    st.caption(plain(f"{one.record['conditions']}; as of {one.record['as_of']}"))
    if one.record.get("note"):
        st.caption(plain(one.record["note"]))
    with st.container(horizontal=True):
        st.link_button("Source", one.record["source"], icon=":material/open_in_new:")
        if one.record.get("question", "plan") == "plan":
            query = PlanRequest.read(one.record["request"]).to_query()
            to_page("pages/plan.py", "Open as a plan", query)
    st.code(
        "\n".join(f"{key} = {value}" for key, value in request.items() if key != "model"),
        language=None,
        wrap_lines=True,
    )
