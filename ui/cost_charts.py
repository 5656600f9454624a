"""The charts of money and time: USD for a million tokens over hours of work, and a job on the calendar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from planner.core.estimate import Estimate
from planner.core.units import duration, usd
from planner.economics.break_even import Curves
from planner.economics.job import Scheduled
from ui.show.colours import PARTS, Ground

if TYPE_CHECKING:
    import plotly.graph_objects as go

OWN, RENT, API = PARTS[0].colour, PARTS[1].colour, PARTS[2].colour
FAINT = 0.18
LINES = {"Own machine": (OWN, "solid"), "Rent": (RENT, "dash"), "API": (API, "dot")}
"""Colour and dash of each way to pay: they differ without colour too."""


def break_even(curves: Curves, hours_per_day: float, ground: Ground) -> go.Figure:
    """USD for a million output tokens from one's own machine with its range, and rent and API as level lines."""
    import plotly.graph_objects as go

    chart = go.Figure()
    hours = list(curves.hours)
    low, expected, high = ([own[end] for own in curves.own] for end in range(3))
    band = _faint(OWN)
    chart.add_scatter(
        x=hours + hours[::-1],
        y=high + low[::-1],
        fill="toself",
        fillcolor=band,
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
    )
    _line(chart, "Own machine", hours, expected)
    for name, level in (("Rent", curves.rent), ("API", curves.api)):
        if level:
            if level.high > level.low:
                chart.add_hrect(
                    y0=level.low, y1=level.high, fillcolor=_faint(LINES[name][0]), line_width=0, layer="below"
                )
            _line(chart, name, hours, [level.expected] * len(hours))
    chart.add_vline(x=hours_per_day, line={"color": ground.frame, "width": 1.2, "dash": "dot"})
    levels = [level.expected for level in (curves.rent, curves.api) if level]
    top = max(3 * min(levels) if levels else expected[8], 1.3 * max(levels, default=0.0), 2 * expected[-1])
    _layout(chart, ground, 340)
    chart.update_xaxes(title="Hours at work a day", range=[0, 24], dtick=4, ticks="outside")
    chart.update_yaxes(
        title="USD per million output tokens", nticks=6, range=[0, min(top, 1.05 * max(high))], rangemode="tozero"
    )
    return chart


def _line(chart: Any, name: str, x: Sequence[float], y: Sequence[float]) -> None:
    colour, dash = LINES[name]
    said = [f"{usd(value)} at {hours:g} h a day" for hours, value in zip(x, y, strict=True)]
    chart.add_scatter(
        x=x,
        y=y,
        name=name,
        mode="lines",
        line={"color": colour, "width": 2.5, "dash": dash},
        customdata=said,
        hovertemplate=f"{name}: %{{customdata}}<extra></extra>",
    )


def calendar(scheduled: Sequence[Scheduled], ground: Ground) -> go.Figure:
    """Days on the calendar in each way of fitting a job in, with the range as a whisker."""
    import plotly.graph_objects as go

    chart = go.Figure()
    names = [one.way.name for one in scheduled]
    unit, scale = time_unit(max(one.days[2] for one in scheduled))
    spent = [one.days[1] / scale for one in scheduled]
    said = [f"{duration(one.days[0] * 86_400)} to {duration(one.days[2] * 86_400)}" for one in scheduled]
    chart.add_bar(
        orientation="h",
        y=names,
        x=spent,
        marker={"color": OWN},
        width=0.62,
        customdata=said,
        hovertemplate="%{y}: %{customdata}<extra></extra>",
        error_x={
            "type": "data",
            "symmetric": False,
            "color": ground.frame,
            "thickness": 1.4,
            "width": 5,
            "array": [(one.days[2] - one.days[1]) / scale for one in scheduled],
            "arrayminus": [(one.days[1] - one.days[0]) / scale for one in scheduled],
        },
    )
    _layout(chart, ground, 70 + 36 * len(scheduled))
    chart.update_xaxes(title=f"{unit} on the calendar", rangemode="tozero", ticks="outside")
    chart.update_yaxes(autorange="reversed", automargin=True, showgrid=False, ticklabelstandoff=8)
    return chart


def time_unit(days: float) -> tuple[str, float]:
    """The unit in which a time reads without many digits, and its length in days."""
    units = (("Days", 1.0), ("Hours", 1 / 24), ("Minutes", 1 / 1_440), ("Seconds", 1 / 86_400))
    return next((unit for unit in units if days >= 2 * unit[1]), units[-1])


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{FAINT})"


def _layout(chart: Any, ground: Ground, height: int) -> None:
    chart.update_layout(
        height=height,
        margin={"l": 64, "r": 12, "t": 8, "b": 48},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": ground.text, "size": 13, "family": "Source Sans, sans-serif"},
        dragmode=False,
        hovermode="closest",
        legend={
            "orientation": "h",
            "yanchor": "bottom",
            "y": 1.02,
            "x": 0,
            "itemclick": False,
            "itemdoubleclick": False,
        },
    )
    chart.update_xaxes(
        fixedrange=True,
        title_standoff=8,
        automargin=True,
        zeroline=False,
        gridcolor=ground.free,
        tickcolor=ground.frame,
    )
    chart.update_yaxes(
        fixedrange=True,
        title_standoff=8,
        automargin=True,
        zeroline=False,
        gridcolor=ground.free,
        tickcolor=ground.frame,
    )


def curve_words(curves: Curves) -> str:
    """Where owning beats the others, in one sentence: the conclusion above the chart and its text for those who cannot
    see it.
    """
    parts = []
    for key, name, level in (("rent", "renting", curves.rent), ("api", "the API", curves.api)):
        if level is not None:
            at = curves.crossings.get(key)
            parts.append(
                f"beats {name} from {duration(at * 3_600)} of work a day" if at is not None else f"never beats {name}"
            )
    if not parts:
        return "There is no price of renting or of an API to compare with; type one below."
    return f"Owning {' and '.join(parts)}."


def between(estimate: Estimate, words: Any) -> str:
    """A range in words, or the exact figure."""
    return (
        f"{words(estimate.low)} to {words(estimate.high)}"
        if estimate.high > estimate.low * (1 + 1e-9)
        else f"{words(estimate.expected)}"
    )
