"""Arithmetic that can show itself: each formula is written once and serves as the calculation and as its derivation.

A `Formula` is an expression in named operands. Applying it to numbers gives a `Step`, which knows its value and can
print the same expression with the numbers filled in. Because the printed text is the calculated text, the two cannot
drift.
Operands may be NumPy arrays: planning over a range of contexts or batches uses the very same formulas.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from types import CodeType
from typing import Any

_FUNCTIONS = {"ceil": math.ceil, "floor": math.floor, "min": min, "max": max, "round": round}
_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Step:
    """One figure with where it came from; the text is built only when asked for."""

    label: str
    template: str
    operands: dict[str, Any]
    value: Any
    unit: str
    source: str

    @property
    def expression(self) -> str:
        """The formula with its numbers filled in, for example `8 * (128 + 128) * 2`."""
        return _NAME.sub(
            lambda word: _shown(self.operands[word[0]]) if word[0] in self.operands else word[0], self.template
        )

    @property
    def result(self) -> str:
        """The value as people read it: `2,048 bytes`, `0.0208 s`; bytes and other counts without a fraction."""
        whole = self.unit.startswith(("bytes", "tokens a", "requests", "steps")) or float(self.value).is_integer()
        shown = (
            f"{round(self.value):,}"
            if whole and abs(self.value) >= 1
            else f"{Decimal(plain_number(self.value, RESULT_DIGITS)):,f}"
        )
        return f"{shown} {self.unit}".strip()

    @property
    def symbolic(self) -> str:
        """The formula in words, for example `kv_heads * (key_dim + value_dim) * element_bytes`."""
        return self.template


@dataclass(frozen=True)
class Formula:
    """An expression in named operands, its unit and its source.

    >>> area = Formula("width * height", "m2")
    >>> area("Room", width=3, height=4).value
    12
    """

    expression: str
    unit: str
    source: str = ""

    @cached_property
    def _code(self) -> CodeType:
        return compile(self.expression, "<formula>", "eval")

    def __call__(self, label: str, **operands: Any) -> Step:
        value = eval(self._code, {"__builtins__": {}, **_FUNCTIONS}, operands)
        return Step(label, self.expression, operands, value, self.unit, self.source)


def total(label: str, parts: Sequence[Any], unit: str = "bytes", source: str = "") -> Step:
    """The sum of some values as a step: `1 + 2 + 3`."""
    operands = {f"part_{i}": part for i, part in enumerate(parts)}
    return Step(label, " + ".join(operands) or "0", operands, sum(parts), unit, source)


def evaluate(expression: str) -> float:
    """The value of a printed expression: what the audit compares with the figure beside it."""
    value: float = eval(compile(expression, "<derivation>", "eval"), {"__builtins__": {}, **_FUNCTIONS})
    return value


OPERAND_DIGITS, RESULT_DIGITS = 12, 6
"""Significant digits of a printed operand, from which the value can be worked out again, and of a printed result."""


def plain_number(value: float, digits: int) -> str:
    """A number without the noise of binary fractions and without an exponent: `0.0001306`, `42520403365`."""
    if isinstance(value, int):
        return str(value)
    return format(Decimal(f"{value:.{digits}g}"), "f") if math.isfinite(value) else repr(value)


def _shown(value: Any) -> str:
    if not isinstance(value, int | float):
        return repr(value)
    text = plain_number(value, OPERAND_DIGITS)
    return f"({text})" if value < 0 else text
