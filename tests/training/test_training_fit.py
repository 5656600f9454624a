"""What ships is what `python -m planner.calibrate.training` finds."""

import pytest

from planner.calibrate import training
from planner.training.overhead import row
from planner.training.speed import fitted


def test_the_speeds_coefficients_are_those_that_the_search_ends_at() -> None:
    found, shipped = training.rates(training.measured("train_tokens_per_s")), fitted()
    for name in training.SEARCHED:
        assert getattr(found, name) == pytest.approx(getattr(shipped, name), rel=0.01), name


def test_the_share_that_the_allocator_keeps_is_fitted_and_the_context_lies_below_deepspeeds() -> None:
    peaks = [*training.measured("train_reserved_bytes"), *training.measured("train_peak_bytes")]
    alone = [
        one for one in peaks if len(one["request"]["gpus"]) == 1 and one["request"]["gpus"][0].get("count", 1) == 1
    ]
    context, share = training.beside(alone)
    assert float(row()["reserved"]) == pytest.approx(share, abs=0.005)
    assert 1.2 < float(row()["context_gib"]) <= context


def test_runs_of_old_libraries_have_no_part_in_any_fit() -> None:
    used = [*training.measured("train_reserved_bytes"), *training.measured("train_peak_bytes")]
    assert not [one["id"] for one in used if one["kind"] != "training"]
