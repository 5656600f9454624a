"""The memory bar: one row for each device, its capacity as the frame, its parts inside, what doesn't fit in red
beyond.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from planner.core.units import mem, scale, symbol
from planner.memory.quantity import DeviceMemory, Quantity
from planner.plan import Plan
from ui.show.chart import Spec
from ui.show.colours import PARTS, TOO_MUCH, Ground, Part

ROW_HEIGHT = 46
EDGES = 120
"""Pixels of a row, and of the legend and the axis together."""

MOST_ROWS = 8
"""More devices than this are drawn with equal ones together."""


@dataclass(frozen=True, slots=True)
class Row:
    """One device as the bar draws it. `parts` follow `PARTS`."""

    name: str
    parts: tuple[int, ...]
    total: Quantity
    usable: int
    capacity: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a row, from `start` on, in bytes."""

    start: int
    size: int
    part: int


def rows(plan: Plan) -> list[Row]:
    """Each GPU, and the host where it holds something."""
    found = [_gpu_row(device, len(plan.memory.devices)) for device in plan.memory.devices]
    host = plan.memory.host
    if host.total.expected or not found:
        parts = (host.weights.expected, host.kv_cache.expected, host.activation.expected, 0)
        found.append(Row("System RAM", parts, host.total, plan.case.ram_bytes, plan.case.ram_bytes))
    return found if len(found) <= MOST_ROWS else _together(found)


def _together(each: list[Row]) -> list[Row]:
    """Equal neighbours as one row, named by how many they are."""
    found = []
    for row, equal in groupby(each, key=lambda row: replace(row, name=row.name.split(": ")[-1])):
        count = len(list(equal))
        found.append(replace(row, name=f"{count}x {row.name}, each") if count > 1 else row)
    return found


def _gpu_row(device: DeviceMemory, count: int) -> Row:
    parts = tuple(sum(getattr(device, name).expected for name in part.names) for part in PARTS)
    name = device.name.removeprefix("GeForce ")
    return Row(
        f"{device.index}: {name}" if count > 1 else name,
        parts,
        device.total,
        device.usable_bytes,
        device.capacity_bytes,
    )


def segments(row: Row) -> list[Segment]:
    """The parts side by side, cut where usable memory ends."""
    found, start = [], 0
    for part, size in enumerate(row.parts):
        shown = max(min(start + size, row.usable) - start, 0)
        found.append(Segment(start, shown, part))
        start += shown
    return found


def conclusion(plan: Plan) -> str:
    """What the bar says, for those who cannot see it."""
    each = [f"{row.name}: {mem(row.total.expected)} of {mem(row.usable)} usable" for row in rows(plan)[:8]]
    return f"{plan.fit.reason} {'; '.join(each)}."


def figure(drawn: Sequence[Row], ground: Ground, parts: Sequence[Part] = PARTS) -> Spec:
    """The bar as `ui.show.chart` draws it, in the unit shown; each row's parts follow `parts`."""
    chart: list[Spec] = []
    names = [row.name for row in drawn]
    cut = [segments(row) for row in drawn]
    filled = [sum(segment.size for segment in row) for row in cut]
    for index, part in enumerate(parts):
        pieces = [row[index] for row in cut]
        if any(piece.size for piece in pieces):
            text = [
                _label(row.parts[index], piece.size, _longest(drawn)) for row, piece in zip(drawn, pieces, strict=True)
            ]
            true = [mem(row.parts[index]) for row in drawn]
            sizes = [piece.size for piece in pieces]
            _bar(
                chart,
                part.label,
                names,
                [piece.start for piece in pieces],
                sizes,
                part.colour,
                text=text,
                hover=true,
                ink=part.ink,
            )
    _bar(
        chart,
        "Free",
        names,
        filled,
        [max(row.usable - used, 0) for row, used in zip(drawn, filled, strict=True)],
        ground.free,
    )
    reserved = [max(row.capacity - row.usable, 0) for row in drawn]
    if any(reserved):
        _bar(chart, "Not usable", names, [row.usable for row in drawn], reserved, ground.unusable)
    beyond = [max(row.total.expected - row.usable, 0) for row in drawn]
    if any(beyond):
        text = [mem(size) if size else "" for size in beyond]
        _bar(
            chart, "Does not fit", names, [max(row.capacity, row.usable) for row in drawn], beyond, TOO_MUCH, text=text
        )
    ranges = [(row.total.low, row.total.high - row.total.low) for row in drawn]
    if any(size for _, size in ranges):
        hatch = {"shape": "/", "fgcolor": ground.frame, "bgcolor": "rgba(0,0,0,0)", "size": 5, "solidity": 0.25}
        edges = [f"{mem(low)} to {mem(low + size)}" for low, size in ranges]
        shown = [_beyond(row, low, size) for row, (low, size) in zip(drawn, ranges, strict=True)]
        _bar(
            chart,
            "Uncertain",
            names,
            [start for start, _ in shown],
            [size for _, size in shown],
            "rgba(0,0,0,0)",
            hover=edges,
            pattern=hatch,
        )
    return {"data": chart, "layout": _layout(drawn, ground)}


def _label(whole: int, shown: int, longest: int) -> str:
    """A part's size where there is room for it; of a part that is cut, what is inside and the whole."""
    if shown < 0.075 * longest:
        return ""
    return mem(whole) if shown == whole or shown < 0.2 * longest else f"{mem(shown)} of {mem(whole)}"


def _beyond(row: Row, low: int, size: int) -> tuple[int, int]:
    """The uncertain range where the bar is drawn: what lies past usable memory stands past the frame."""
    shift = max(row.capacity - row.usable, 0) if row.total.expected > row.usable else 0
    return low + shift, size


def _longest(drawn: Sequence[Row]) -> int:
    return max(max(row.capacity, row.total.high) + max(row.capacity - row.usable, 0) for row in drawn)


def _bar(
    chart: list[Spec],
    label: str,
    names: list[str],
    starts: list[int],
    sizes: list[int],
    colour: str,
    text: list[str] | None = None,
    hover: list[str] | None = None,
    pattern: dict[str, Any] | None = None,
    ink: str = "#ffffff",
) -> None:
    shown = hover or [mem(size) for size in sizes]
    chart.append(
        {
            "type": "bar",
            "name": label,
            "orientation": "h",
            "y": list(range(len(names))),
            "base": [start / scale() for start in starts],
            "x": [size / scale() for size in sizes],
            "textposition": "inside",
            "insidetextanchor": "start",
            "insidetextfont": {"color": ink, "size": 13},
            "constraintext": "none",
            "textangle": 0,
            "width": 0.72,
            "customdata": shown,
            "cliponaxis": False,
            "hovertemplate": f"{label}: %{{customdata}}<extra></extra>",
            **({"text": text} if text else {}),
            "marker": {"color": colour, "line": {"width": 0}, **({"pattern": pattern} if pattern else {})},
        }
    )


def _layout(drawn: Sequence[Row], ground: Ground) -> Spec:
    line = {"color": ground.frame, "width": 1.6}
    return {
        "barmode": "overlay",
        "height": EDGES + ROW_HEIGHT * len(drawn),
        "margin": {"l": 0, "r": 8, "t": 8, "b": EDGES - 8},
        "bargap": 0.2,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": ground.text, "size": 13, "family": "Source Sans, sans-serif"},
        "dragmode": False,
        "legend": {
            "orientation": "h",
            "yanchor": "bottom",
            "yref": "container",
            "y": 0,
            "xanchor": "left",
            "x": 0,
            "itemclick": False,
            "itemdoubleclick": False,
        },
        "shapes": [
            {
                "type": "rect",
                "x0": 0,
                "x1": row.capacity / scale(),
                "y0": index - 0.36,
                "y1": index + 0.36,
                "line": line,
                "layer": "above",
            }
            for index, row in enumerate(drawn)
        ],
        "xaxis": {
            "range": [0, _longest(drawn) / scale() * 1.01],
            "ticksuffix": f" {symbol()}",
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
            "tickcolor": ground.frame,
            "ticks": "outside",
        },
        "yaxis": {
            "tickvals": list(range(len(drawn))),
            "ticktext": [row.name for row in drawn],
            "autorange": "reversed",
            "fixedrange": True,
            "showgrid": False,
            "automargin": True,
            "ticklabelstandoff": 8,
        },
    }
