"""Curves of memory against context and batch, the frontier of what fits, and a click that takes a point into the plan."""

from __future__ import annotations

from dataclasses import replace
from math import log10
from typing import Any

import streamlit as st

from planner.memory.quantity import COMPONENTS
from planner.performance.timing import Timing
from planner.plan import Plan
from planner.request import PlanRequest
from planner.scaling import Point, curve, grid, steps
from planner.units import GIB, gib
from ui import share
from ui.chart import Spec, level, upright
from ui.colours import PARTS, TOO_MUCH, Ground

POINTS = 24
GRID = 10
MOST_BATCH = 256
KEPT = 4
"""Curves that a visitor's page remembers: as many as are drawn over each other."""
FIELDS = {"context": "Context (tokens)", "batch": "Batch (sequences)"}
LINES = ("#2f68ad", "#d98314", "#2f9488", "#8a3b6b")


def reach(plan: Plan, field: str) -> tuple[int, int]:
    """From where to where a curve is drawn: past the limit, where there is one."""
    if field == "context":
        most = plan.architecture.max_context
        return min(512, most), most
    limit = max(plan.capacity.max_batch, plan.request.batch, 8)
    return 1, min(limit * 2, 4_096)


def points(plan: Plan, field: str) -> list[Point]:
    """The curve of one plan against one field, everything else held.

    A curve against the context is the same wherever the context's slider stands, so the last few are kept for the visitor.
    """
    request, values = plan.request, steps(*reach(plan, field), POINTS)
    contexts, batches = (values, [request.batch]) if field == "context" else ([request.context], values)
    asked = (plan.case.with_request(context=contexts[0], batch=batches[0]), contexts, batches, plan.memory.split_held)
    kept: list[tuple[Any, list[Point]]] = st.session_state.get("curves", [])
    found = next((drawn for question, drawn in kept if question == asked), None)
    if found is None:
        found = curve(plan.case, contexts, batches, plan.memory.split_held)
        st.session_state["curves"] = [(asked, found), *kept[: KEPT - 1]]
    return found


def conclusion(plan: Plan, field: str) -> str:
    """The limit in one sentence."""
    capacity, request = plan.capacity, plan.request
    if field == "context":
        return f"At batch {request.batch:,} up to {capacity.max_context:,} tokens fit; the model itself takes {plan.architecture.max_context:,}."
    return f"At {request.context:,} tokens each up to {capacity.max_batch:,} sequences fit."


def stacked(found: list[Point], plan: Plan, field: str, behind: Ground) -> Spec:
    """The parts of the fullest device as areas, its usable memory as a line, the limit and the plan marked."""
    traces, x = [], [getattr(point, field) for point in found]
    for part in PARTS:
        indexes = [COMPONENTS.index(name) for name in part.names]
        y = [sum(point.parts[index] for index in indexes) / GIB for point in found]
        if any(y):
            traces.append({
                "type": "scatter", "name": part.label, "x": x, "y": y, "stackgroup": "parts", "mode": "lines+markers",
                "marker": {"size": 5, "color": part.colour}, "line": {"width": 0.5, "color": part.colour}, "fillcolor": part.colour,
                "hovertemplate": "%{y:.2f} GiB",
            })  # fmt: skip
    layout = _layout(field, behind, max(point.usable for point in found) / GIB)
    limit = plan.capacity.max_context if field == "context" else plan.capacity.max_batch
    if limit and x[0] < limit < x[-1]:
        layout["shapes"].append(upright(limit, {"color": TOO_MUCH, "width": 1.5}))
        # A label's place on a logarithmic axis is given as the logarithm, a line's as the value.
        label = {"text": f"limit {limit:,}", "xref": "x", "x": log10(limit), "xanchor": "left", "yref": "y domain", "y": 0, "yanchor": "bottom"}
        layout["annotations"].append({**label, "showarrow": False})
    layout["shapes"].append(upright(getattr(plan.request, field), {"color": behind.text, "width": 1, "dash": "dot"}))
    return {"data": traces, "layout": layout}


def overlaid(curves: dict[str, list[Point]], field: str, behind: Ground) -> Spec:
    """The totals of several formats as lines."""
    traces = []
    for index, (name, found) in enumerate(curves.items()):
        y = [point.total / GIB if not point.refusal else None for point in found]
        line = {"color": LINES[index % len(LINES)], "width": 2, "dash": ("solid", "dash", "dot", "dashdot")[index % 4]}
        x = [getattr(point, field) for point in found]
        traces.append({"type": "scatter", "name": name, "x": x, "y": y, "mode": "lines+markers", "line": line, "hovertemplate": "%{y:.2f} GiB"})
    return {"data": traces, "layout": _layout(field, behind, max(point.usable for found in curves.values() for point in found) / GIB)}


def speeds(plan: Plan, field: str) -> list[tuple[int, float]]:
    """Expected tokens/s of all sequences while decoding: against the batch, or against the tokens that each already holds."""
    timing, values = Timing.of(plan.case, plan.memory), steps(*reach(plan, field), POINTS)
    if field == "context":
        moved = [replace(timing, depth=float(value)) for value in values]
    else:
        values = [value for value in values if value <= max(plan.capacity.max_batch, 1)]
        moved = [timing.at(value) for value in values]
    return [(value, one.replicas * one.sequences / float(one.step.value)) for value, one in zip(values, moved, strict=True)]


def speed_chart(found: list[tuple[int, float]], field: str, behind: Ground) -> Spec:
    """Decode speed as one line."""
    x, y = [value for value, _ in found], [speed for _, speed in found]
    line = {"color": LINES[0], "width": 2}
    trace = {"type": "scatter", "name": "Decode, all sequences", "x": x, "y": y, "mode": "lines+markers", "line": line, "hovertemplate": "%{y:.3g} tokens/s"}
    layout = _layout(field, behind, 0) | {"shapes": [], "annotations": []}
    return {"data": [trace], "layout": layout | {"yaxis": layout["yaxis"] | {"ticksuffix": "", "title": {"text": "Decode (tokens/s)"}}}}


def frontier(plan: Plan, behind: Ground) -> tuple[Any, str]:
    """Free memory over context and batch as a heat map, and how much of it fits."""
    import plotly.graph_objects as go

    contexts = steps(min(1_024, plan.architecture.max_context), plan.architecture.max_context, GRID)
    batches = steps(1, MOST_BATCH, GRID)
    free = grid(curve(plan.case, contexts, batches, plan.memory.split_held), contexts, batches) / GIB
    bound = max(abs(free).max(), 1)
    chart = go.Figure(
        go.Heatmap(
            x=[f"{context:,}" for context in contexts], y=[f"{batch:,}" for batch in batches], z=free.clip(-bound, bound), zmid=0,
            colorscale=[[0, TOO_MUCH], [0.5, behind.free], [1, "#2f68ad"]], xgap=1, ygap=1, colorbar={"title": "GiB free", "thickness": 12},
            hovertemplate="%{x} tokens, batch %{y}: %{z:.1f} GiB free<extra></extra>",
        )
    )  # fmt: skip
    chart.update_layout(height=420, margin={"l": 0, "r": 0, "t": 8, "b": 0}, paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", dragmode=False)
    chart.update_layout(font={"color": behind.text, "size": 13, "family": "Source Sans, sans-serif"})
    chart.update_xaxes(title=FIELDS["context"], type="category", fixedrange=True)
    chart.update_yaxes(title=FIELDS["batch"], type="category", fixedrange=True)
    best = max((int(context) * int(batch) for column, context in enumerate(contexts) for row, batch in enumerate(batches) if free[row, column] >= 0), default=0)
    return chart, f"{int((free >= 0).sum())} of {free.size} combinations fit; the most tokens at once among them is {best:,}."


def take(request: PlanRequest, key: str, field: str) -> None:
    """Put the clicked point into the question."""
    clicked = st.session_state[key]["selection"]["points"]
    if clicked:
        share.change(request, {field: int(clicked[0]["x"])})


def said(point: Point) -> str:
    return f"{point.context:,} tokens, batch {point.batch:,}: {gib(point.total)} of {gib(point.usable)}"


def _layout(field: str, behind: Ground, usable: float) -> Spec:
    """What every curve has around it, and the usable memory as a line."""
    text = {"text": f"{usable:.1f} GiB usable", "xref": "x domain", "x": 0, "xanchor": "left", "yref": "y", "y": usable, "yanchor": "bottom"}
    return {
        "height": 420, "margin": {"l": 0, "r": 8, "t": 8, "b": 96}, "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "dragmode": False,
        "font": {"color": behind.text, "size": 13, "family": "Source Sans, sans-serif"}, "hovermode": "x unified", "clickmode": "event+select",
        "hoverlabel": {"bgcolor": behind.free, "font": {"color": behind.text}},
        "legend": {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0, "itemclick": False, "itemdoubleclick": False},
        "xaxis": {
            "title": {"text": FIELDS[field]}, "type": "log", "dtick": 0.30103, "tickformat": ",.0f", "showgrid": False, "zeroline": False,
            "fixedrange": True, "ticks": "outside",
        },
        "yaxis": {"ticksuffix": " GiB", "rangemode": "tozero", "fixedrange": True, "automargin": True, "gridcolor": behind.free, "zeroline": False},
        "shapes": [level(usable, {"color": TOO_MUCH, "width": 2, "dash": "dash"})], "annotations": [{**text, "showarrow": False}],
    }  # fmt: skip
