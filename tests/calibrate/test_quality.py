"""The estimate of quality by size, on families that it has not seen."""

from __future__ import annotations

from statistics import median

import pytest

from planner.calibrate.quality import errors, fit, left_out, rows
from planner.searches.quality import coefficients


def test_the_line_in_the_data_is_the_fit() -> None:
    found = rows()
    line = fit(found)
    assert {name: coefficients()[name] for name in line} == pytest.approx(line, abs=1e-3)
    assert coefficients()["error"] == pytest.approx(median(left_out(found)), abs=0.01)
    assert median(errors(found, line)) < coefficients()["error"]
    assert line["slope"] > 0


def test_a_line_through_two_points_misses_neither() -> None:
    found = [("a", 1e9, 20.0), ("b", 4e9, 30.0)]
    assert fit(found) == pytest.approx({"base": 20.0, "slope": 5.0})
    assert errors(found, fit(found)) == pytest.approx([0.0, 0.0])
