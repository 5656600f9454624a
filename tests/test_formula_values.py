"""Every `Formula` against a value worked out by hand: a law holds for a wrong coefficient too, and a printed expression
agrees with itself.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import pytest

import planner
from planner.core.formula import Formula
from tests.formula_values import VALUES


@cache
def formulas() -> dict[str, Formula]:
    """Each formula of the package by its module and name; one that several modules import is named once, by the
    first.
    """
    found: dict[int, tuple[str, Formula]] = {}
    for module in pkgutil.walk_packages(planner.__path__, "planner."):
        if module.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Formula):
                found.setdefault(id(value), (f"{module.name}.{name}", value))
    return dict(found.values())


def test_every_formula_has_a_value():
    assert formulas().keys() == VALUES.keys()


@pytest.mark.parametrize("name", VALUES)
def test_value(name: str):
    operands, value = VALUES[name]
    assert formulas()[name]("by hand", **operands).value == pytest.approx(value, rel=1e-12)
