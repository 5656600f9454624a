"""Figures with their ranges in words."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

from planner.catalog.gpus import Gpu
from planner.core.estimate import Estimate

UNITS = ((86_400 * 1.5, 86_400, "days"), (5_400, 3_600, "h"), (90, 60, "min"), (0, 1, "s"))
"""From so many seconds on, a duration is told in this unit."""


def two(value: float) -> str:
    """Two significant digits, more for whole numbers above 100: `0.53`, `4.7`, `22`, `1,430`."""
    if value >= 100:
        digits = len(str(int(value))) - 3
        return f"{round(value, -digits) if digits > 0 else value:,.0f}"
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.995 else f"{value:.2f}"


def between(figure: Estimate, unit: str, times: float = 1) -> str:
    """`4.7 (2.8 to 7.1) tokens/s`; without a range where the figure is exact."""
    ends = "" if figure.low == figure.high else f" ({two(figure.low * times)} to {two(figure.high * times)})"
    return f"{two(figure.expected * times)}{ends} {unit}"


def duration(seconds: Estimate) -> str:
    """A duration in the unit that people would use."""
    _, divisor, unit = next(row for row in UNITS if seconds.expected >= row[0])
    return between(seconds, unit, 1 / divisor)


def usd(money: Estimate | None) -> str:
    """An amount with its range; cents below 100 dollars."""
    if money is None or not isfinite(money.expected):
        return "no price known"
    ends = "" if money.low == money.high else f" ({_amount(money.low)} to {_amount(money.high)})"
    return f"{_amount(money.expected)}{ends} USD"


def _amount(value: float) -> str:
    return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"


def cards(gpus: Iterable[Gpu]) -> str:
    """`2x RTX 4090 + RTX 3090`, or `the CPU`."""
    names: dict[str, int] = {}
    for gpu in gpus:
        name = gpu.name.removeprefix("GeForce ")
        names[name] = names.get(name, 0) + 1
    return " + ".join(f"{number}x {name}" if number > 1 else name for name, number in names.items()) or "the CPU"
