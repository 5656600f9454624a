"""Curves of memory against context and batch, and a click that takes a point into the plan."""

from __future__ import annotations

from dataclasses import replace
from math import log10
from typing import Any

import streamlit as st

from planner.catalog import models
from planner.core.errors import PlanError
from planner.core.units import scale, significant, symbol
from planner.memory.quantity import COMPONENTS
from planner.performance.timing import Timing
from planner.plan import Plan, plan
from planner.request import PlanRequest
from planner.searches.scaling import Point, curve, steps
from ui.question.form import PLAN
from ui.show.chart import Spec, level, upright
from ui.show.colours import PARTS, TOO_MUCH, Ground

POINTS = 24
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

    A curve against the context is the same wherever the context's slider stands, so the last few are kept for the
    visitor.
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
    capacity, request, pool = plan.capacity, plan.request, plan.fit.held is not None
    if field == "context":
        own = f"the model itself takes {plan.architecture.max_context:,}"
        if not capacity.max_context:
            return f"At batch {request.batch:,} not even one token each fits; {own}."
        if pool and request.batch > 1:
            return f"The cache holds all {request.batch:,} at up to {capacity.max_context:,} tokens each; {own}."
        return f"At batch {request.batch:,} up to {capacity.max_context:,} tokens fit; {own}."
    waits = "; more of them wait" if pool and capacity.max_batch else ""
    return f"At {request.context:,} tokens each up to {capacity.max_batch:,} sequences fit{waits}."


def stacked(found: list[Point], plan: Plan, field: str, behind: Ground) -> Spec:
    """The parts of the fullest device as areas, its usable memory as a line, the limit and the plan marked."""
    traces, x = [], [getattr(point, field) for point in found]
    for part in PARTS:
        indexes = [COMPONENTS.index(name) for name in part.names]
        y = [sum(point.parts[index] for index in indexes) / scale() for point in found]
        if any(y):
            traces.append(
                {
                    "type": "scatter",
                    "name": part.label,
                    "x": x,
                    "y": y,
                    "stackgroup": "parts",
                    "mode": "lines+markers",
                    "marker": {"size": 5, "color": part.colour},
                    "line": {"width": 0.5, "color": part.colour},
                    "fillcolor": part.colour,
                    "hovertemplate": "%{y:.2f} GiB",
                }
            )
    layout = _layout(field, behind, max(point.usable for point in found) / scale())
    limit = plan.capacity.max_context if field == "context" else plan.capacity.max_batch
    if limit and x[0] < limit < x[-1]:
        layout["shapes"].append(upright(limit, {"color": TOO_MUCH, "width": 1.5}))
        # A label's place on a logarithmic axis is given as the logarithm, a line's as the value.
        late = log10(limit / x[0]) > 0.7 * log10(x[-1] / x[0])
        label = {
            "text": f" limit {limit:,} ",
            "xref": "x",
            "x": log10(limit),
            "xanchor": "right" if late else "left",
            "yref": "y domain",
            "y": 1,
            "yanchor": "top",
        }
        layout["annotations"].append({**label, "showarrow": False})
    layout["shapes"].append(upright(getattr(plan.request, field), {"color": behind.text, "width": 1, "dash": "dot"}))
    return {"data": traces, "layout": layout}


def several(plan_of: Plan, field: str, changed: str, names: list[str]) -> tuple[dict[str, list[Point]], list[str]]:
    """A curve for each format or model, everything else as in the plan, by its label; and why some have none."""
    found, refused = {}, []
    for name in names:
        try:
            one = (
                plan_of
                if name in (plan_of.case.name, plan_of.request.quantization)
                else plan(_other(plan_of.request, changed, name))
            )
            known = models().get(name) if changed == "model" else None
            found[known.title if known else name] = points(one, field)
        except PlanError as error:
            refused.append(str(error))
    return found, refused


def _other(request: PlanRequest, changed: str, name: str) -> PlanRequest:
    return (
        request.model_copy(update={"model": name, "config": None})
        if changed == "model"
        else request.changed(**{changed: name})
    )


def limits(found: dict[str, list[Point]], field: str) -> str:
    """How far each curve fits, in one sentence."""
    largest = {
        name: max((getattr(one, field) for one in line if one.fit.enough), default=0) for name, line in found.items()
    }
    return (
        "Largest that is drawn and fits: "
        + "; ".join(f"{name} {limit:,}" if limit else f"{name} none" for name, limit in largest.items())
        + "."
    )


def overlaid(curves: dict[str, list[Point]], field: str, behind: Ground) -> Spec:
    """The totals of several formats or models as lines."""
    traces = []
    for index, (name, found) in enumerate(curves.items()):
        y = [point.total / scale() if not point.refusal else None for point in found]
        line = {"color": LINES[index % len(LINES)], "width": 2, "dash": ("solid", "dash", "dot", "dashdot")[index % 4]}
        x = [getattr(point, field) for point in found]
        traces.append(
            {
                "type": "scatter",
                "name": name,
                "x": x,
                "y": y,
                "mode": "lines+markers",
                "line": line,
                "hovertemplate": "%{y:.2f} GiB",
            }
        )
    return {
        "data": traces,
        "layout": _layout(field, behind, max(point.usable for found in curves.values() for point in found) / scale()),
    }


def speeds(plan: Plan, field: str) -> list[tuple[int, float]]:
    """Expected tokens/s of all sequences while decoding: against the batch, or against the tokens that each already
    holds.
    """
    timing, values = Timing.of(plan.case, plan.memory), steps(*reach(plan, field), POINTS)
    if field == "context":
        moved = [replace(timing, depth=float(value)) for value in values]
    else:
        values = [value for value in values if value <= max(plan.capacity.max_batch, 1)]
        moved = [timing.at(value) for value in values]
    return [
        (value, one.replicas * one.sequences / float(one.step.value)) for value, one in zip(values, moved, strict=True)
    ]


def speed_sentence(line: list[tuple[int, float]], field: str) -> str:
    """From where to where the speed goes."""
    (first, fast), (last, slow) = line[0], line[-1]
    held = "tokens in the cache of each sequence" if field == "context" else "at once"
    many = "" if last == first else f", at {significant(slow)} with {last:,}"
    return f"All sequences together decode at about {significant(fast)} tokens/s with {first:,} {held}{many}."


def speed_chart(found: list[tuple[int, float]], field: str, behind: Ground) -> Spec:
    """Decode speed as one line."""
    x, y = [value for value, _ in found], [speed for _, speed in found]
    line = {"color": LINES[0], "width": 2}
    trace = {
        "type": "scatter",
        "name": "Decode, all sequences",
        "x": x,
        "y": y,
        "mode": "lines+markers",
        "line": line,
        "hovertemplate": "%{y:.3g} tokens/s",
    }
    layout = _layout(field, behind, 0) | {"shapes": [], "annotations": []}
    return {
        "data": [trace],
        "layout": layout | {"yaxis": layout["yaxis"] | {"ticksuffix": "", "title": {"text": "Decode (tokens/s)"}}},
    }


def take(request: PlanRequest, key: str, field: str) -> None:
    """Put the clicked point into the question."""
    clicked = st.session_state[key]["selection"]["points"]
    if clicked:
        PLAN.change(request, {field: int(clicked[0]["x"])})


def take_cell(request: PlanRequest, key: str) -> None:
    """Put the clicked cell's context and batch into the question."""
    clicked = st.session_state[key]["selection"]["points"]
    if clicked:
        context, batch = clicked[0]["customdata"][:2]
        PLAN.change(request, {"context": int(context), "batch": int(batch)})


def _layout(field: str, behind: Ground, usable: float) -> Spec:
    """What every curve has around it, and the usable memory as a line."""
    text = {
        "text": f"{usable:.1f} {symbol()} usable",
        "xref": "x domain",
        "x": 0,
        "xanchor": "left",
        "yref": "y",
        "y": usable,
        "yanchor": "bottom",
    }
    return {
        "height": 420,
        "margin": {"l": 0, "r": 8, "t": 8, "b": 96},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "dragmode": False,
        "font": {"color": behind.text, "size": 13, "family": "Source Sans, sans-serif"},
        "hovermode": "x unified",
        "clickmode": "event+select",
        "hoverlabel": {"bgcolor": behind.free, "font": {"color": behind.text}},
        "legend": {
            "orientation": "h",
            "yref": "container",
            "y": 0,
            "yanchor": "bottom",
            "x": 0,
            "itemclick": False,
            "itemdoubleclick": False,
        },
        "xaxis": {
            "title": {"text": FIELDS[field]},
            "type": "log",
            "dtick": 0.30103,
            "tickformat": ",.0f",
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
            "ticks": "outside",
        },
        "yaxis": {
            "ticksuffix": f" {symbol()}",
            "rangemode": "tozero",
            "fixedrange": True,
            "automargin": True,
            "ticklabelstandoff": 4,
            "gridcolor": behind.free,
            "zeroline": False,
        },
        "shapes": [level(usable, {"color": TOO_MUCH, "width": 2, "dash": "dash"})],
        "annotations": [{**text, "showarrow": False}],
    }
