"""Context against batch: which combinations fit, as cells whose colour says the verdict and how far it is from the
next.
"""

from __future__ import annotations

from planner.core.units import scale, symbol
from planner.plan import Plan
from planner.searches.scaling import Point, curve, grid, steps
from ui.scaling import FIELDS
from ui.show.chart import Spec
from ui.show.colours import PARTS, TOO_MUCH, Ground

GRID = 10
MOST_BATCH = 256

BANDS = ((TOO_MUCH, "#f6d3d0"), ("#e08a00", "#f7d9a4"), ("#cfe0f3", PARTS[0].colour))
"""Colours of what does not fit, of what may or makes some wait, and of what fits; from one end of a band to the other.
"""
LEGENDS = {False: ("does not fit", "tight", "fits"), True: ("does not start", "some wait", "holds all")}
"""What the bands are called: where a plan takes what is asked for, and where an engine sets a pool aside."""


MEANS = {
    False: "Blue is free, amber within the uncertainty of the estimate, and red is missing on the fullest device.",
    True: "Blue holds all at full length, amber starts and lets some wait, and red does not start.",
}
"""The same as sentences."""


def shade(point: Point, bound: int) -> float:
    """A cell's place on the colour bar: its band, and within that how much is free, missing, or waits."""
    much = min(abs(point.spare) / max(bound, 1), 0.999)
    return {"does_not_fit": 0.999 - much, "tight": 1.999 - much}.get(point.fit.verdict, 2 + much)


def told(point: Point) -> str:
    """A cell in words."""
    where = f"{point.context:,} tokens, batch {point.batch:,}"
    if point.refusal:
        return f"{where}: does not start"
    if point.fit.held is not None and point.fit.runs:
        return f"{where}: {point.fit.words if point.fit.waiting else f'holds all {point.batch:,}'}"
    return (
        f"{where}: {point.fit.words}, {abs(point.spare) / scale():,.1f} {symbol()}"
        f" {'free' if point.spare >= 0 else 'missing'}"
    )


def counted(found: list[Point]) -> str:
    """How many of the points hold all that is asked, and what the best of them holds."""
    whole, starts = [point for point in found if point.fit.enough], sum(point.fit.runs for point in found)
    best = (
        f"; the most tokens at once among them is {max(point.context * point.batch for point in whole):,}"
        if whole
        else ""
    )
    if all(point.fit.held is None for point in found):
        return f"{len(whole)} of {len(found)} combinations fit{best}."
    more = f", and starts with some of them waiting in {starts - len(whole)} more" if starts > len(whole) else ""
    return f"It holds all users in {len(whole)} of {len(found)} combinations{more}{best}."


def frontier(plan: Plan, behind: Ground) -> tuple[Spec, str]:
    """What fits over context and batch as a heat map whose cells can be clicked, and how much of it does.

    Beyond the device's own memory, free or missing, the colour changes no more: the borders between the bands are what
    matters.
    """
    contexts = steps(min(1_024, plan.architecture.max_context), plan.architecture.max_context, GRID)
    batches = steps(1, MOST_BATCH, GRID)
    found = curve(plan.case, contexts, batches, plan.memory.split_held)
    rows, bound = grid(found, batches), max(point.usable for point in found)
    x, y = [f"{context:,}" for context in contexts], [f"{batch:,}" for batch in batches]
    flat = [point for row in rows for point in row]
    bands = [[(index + end * 0.999) / 3, colour] for index, pair in enumerate(BANDS) for end, colour in enumerate(pair)]
    legend = LEGENDS[plan.fit.held is not None]
    heat = {
        "type": "heatmap",
        "x": x,
        "y": y,
        "z": [[shade(point, bound) for point in row] for row in rows],
        "zmin": 0,
        "zmax": 3,
        "xgap": 1,
        "ygap": 1,
        "hoverinfo": "skip",
        "colorscale": [*bands[:-1], [1, BANDS[-1][1]]],
        "colorbar": {
            "thickness": 12,
            "tickmode": "array",
            "tickvals": [0.5, 1.5, 2.5],
            "ticktext": list(legend),
            "ticks": "",
        },
    }
    # A heat map cannot be clicked in Streamlit: points that are not seen stand on its cells.
    unseen = {"size": 28, "opacity": 0, "symbol": "square"}
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": [f"{point.context:,}" for point in flat],
        "y": [f"{point.batch:,}" for point in flat],
        "marker": unseen,
        "showlegend": False,
        "selected": {"marker": {"opacity": 0}},
        "unselected": {"marker": {"opacity": 0}},
        "text": [told(point) for point in flat],
        "hovertemplate": "%{text}<extra></extra>",
        "customdata": [[point.context, point.batch] for point in flat],
    }
    axis = {"type": "category", "fixedrange": True, "automargin": True, "showgrid": False, "zeroline": False}
    layout = {
        "height": 440,
        "margin": {"l": 0, "r": 0, "t": 8, "b": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "dragmode": False,
        "font": {"color": behind.text, "size": 13, "family": "Source Sans, sans-serif"},
        "hovermode": "closest",
        "clickmode": "event+select",
        "hoverlabel": {"bgcolor": behind.free, "font": {"color": behind.text}},
        "xaxis": axis | {"title": {"text": FIELDS["context"], "standoff": 8}},
        "yaxis": axis | {"title": {"text": FIELDS["batch"], "standoff": 8}},
    }
    return {"data": [heat, dots], "layout": layout}, counted(found)
