"""The calendar's axis counts in a unit that the job fills."""

import pytest

from ui.cost_charts import time_unit


@pytest.mark.parametrize(
    ("days", "unit"),
    [
        (30, "Days"),
        (2, "Days"),
        (1.5, "Hours"),
        (0.05, "Minutes"),
        (0.001, "Seconds"),
        (5e-5, "Seconds"),
        (0, "Seconds"),
    ],
)
def test_unit(days: float, unit: str) -> None:
    assert time_unit(days)[0] == unit
