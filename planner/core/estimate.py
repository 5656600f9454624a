"""Figures that are not bytes (seconds, tokens a second, watts, money), each with its range and its derivation."""

from __future__ import annotations

from dataclasses import dataclass

from planner.core.formula import Step


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure as a range, with the steps that led to the expected value; an exact one has low = expected = high.

    Low and high are meant as the 10th and 90th percentile.
    """

    low: float
    expected: float
    high: float
    steps: tuple[Step, ...] = ()

    @classmethod
    def exact(cls, *steps: Step) -> Estimate:
        """A figure without uncertainty: the value of the last step."""
        value = float(steps[-1].value)
        return cls(value, value, value, steps)

    @classmethod
    def between(cls, low: float, high: float, *steps: Step) -> Estimate:
        """An estimate: the last step's value, and factors below and above it."""
        value = float(steps[-1].value)
        return cls(value * low, value, value * high, steps)

    def json(self) -> dict[str, float]:
        return {"low": self.low, "expected": self.expected, "high": self.high}
