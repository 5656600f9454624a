"""Arithmetic that can show itself: each formula is written once and serves as the calculation and as its derivation.

A `Formula` is an expression in named operands. Applying it to numbers gives a `Step`, which knows its value and can print
the same expression with the numbers filled in. Because the printed text is the calculated text, the two cannot drift.
Operands may be NumPy arrays: planning over a range of contexts or batches uses the very same formulas.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
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
        return _NAME.sub(lambda word: _shown(self.operands[word[0]]) if word[0] in self.operands else word[0], self.template)

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


def _shown(value: Any) -> str:
    return f"({value!r})" if isinstance(value, int | float) and value < 0 else repr(value)
