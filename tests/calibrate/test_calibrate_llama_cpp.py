"""llama.cpp's only fitted figure."""

import pytest

from planner.calibrate import llama_cpp
from planner.core.data import table


def test_the_context_in_use_is_that_of_the_measured_cards() -> None:
    (fit,) = llama_cpp.fits()
    assert "context of cuda" in fit.what
    assert len(fit.fitted) == 4
    assert len(fit.left_out) == 4


@pytest.mark.parametrize(
    "row", table("measurements/llama_context"), ids=lambda row: f"{row['device']} {row['context_mib']}"
)
def test_every_measured_context_lies_in_the_range_in_use(row: dict[str, str]) -> None:
    used = next(known for known in table("calibration/llama_cpp") if known["backend"] == row["backend"])
    assert int(used["low_mib"]) <= int(row["context_mib"]) <= int(used["high_mib"])
