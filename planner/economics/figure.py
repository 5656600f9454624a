"""Figures computed from figures: a formula's value, and the range that the ranges of its operands give it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from planner.core.estimate import Estimate
from planner.core.formula import Formula, Step


def figure(formula: Formula, label: str, **operands: Estimate | float) -> Estimate:
    """The formula at the expected values, with the operands' ranges carried through one at a time and added in
    quadrature.

    low, high = f(expected) shifted by sqrt(sum of d_i²), where d_i is what operand i at its own low or high changes, as
    a ratio where all values are positive and as a difference otherwise. Operands count as independent; where they are
    not, the range is too narrow.

    Args:
        operands: an `Estimate`, or a number that is taken as exact.
    """
    expected = {name: value.expected if isinstance(value, Estimate) else value for name, value in operands.items()}
    step = formula(label, **expected)
    middle = float(step.value)
    reached = []
    for name, value in operands.items():
        if isinstance(value, Estimate) and (value.low != value.expected or value.high != value.expected):
            reached += [float(formula("", **{**expected, name: edge}).value) for edge in (value.low, value.high)]
    low, high = _spread(middle, reached)
    return Estimate(low, middle, high, (*_steps(operands.values()), step))


def given(label: str, value: float, unit: str, source: str) -> Estimate:
    """A figure that somebody stated: a price, a choice."""
    return Estimate.exact(Step(label, "value", {"value": value}, value, unit, source))


def _spread(middle: float, reached: Sequence[float]) -> tuple[float, float]:
    if middle > 0 and all(value > 0 for value in reached):
        moves = [math.log(value / middle) for value in reached]
        return middle * math.exp(-_length(-move for move in moves)), middle * math.exp(_length(moves))
    moves = [value - middle for value in reached]
    return middle - _length(-move for move in moves), middle + _length(moves)


def _length(moves: Iterable[float]) -> float:
    return math.sqrt(sum(move * move for move in moves if move > 0))


def _steps(operands: Iterable[Estimate | float]) -> tuple[Step, ...]:
    """The steps of all operands, each once: what two of them share is written once."""
    found: dict[int, Step] = {}
    for value in operands:
        for step in value.steps if isinstance(value, Estimate) else ():
            found[id(step)] = step
    return tuple(found.values())
