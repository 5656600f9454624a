"""The fit of speeds: it finds a factor that was planted, keeps lone devices near their prior, leaves groups out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from planner.calibrate import kernels
from planner.calibrate.speed import ALONE, Fit, Point, points, shown
from planner.catalog.gpu_names import resolve
from planner.core.data import table
from planner.performance.rates import rows

RAW = list(table("calibration/speed"))
CARDS = ("RTX 3090", "RTX 4090", "RTX 4080")


def record(card: str, size: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"speed-made-{card}-{size}",
        "kind": "speed single",
        "request": {
            "model": f"meta-llama/Meta-Llama-3-{size}",
            "engine": "llama.cpp",
            "quantization": "Q4_K_M",
            "gpus": card,
            "context": 1_024,
            "gpu_layers": 999,
        },
        "measured": {"decode_tokens_per_s": 1.0, "time_to_first_token_s": 1.0},
        "source": f"https://example.org/{card}/{size}",
        **more,
    }


def made(factor: float) -> list[Point]:
    """Points whose measured speeds are those of the table with the cards' bandwidth multiplied."""
    found = points([record(card, size) for card in CARDS for size in ("8B", "70B")])
    moved = tuple(
        row if (row.coefficient, row.engine, row.family, row.format) != WANTED else replaced(row, factor)
        for row in rows()
    )
    return [Point(one.record, one.figure, one.predicted(moved), one.timing) for one in found]


WANTED = ("bandwidth", "llama.cpp", "*", "*")
COLUMN = next(i for i, row in enumerate(rows()) if (row.coefficient, row.engine, row.family, row.format) == WANTED)


def replaced(row: Any, factor: float) -> Any:
    from dataclasses import replace

    return replace(row, value=row.value * factor)


def prepared(found: list[Point]) -> tuple[Fit, np.ndarray]:
    fit = Fit(found, RAW)
    start = np.log([row.value for row in fit.rows])
    fit.prior, fit.spread = start.copy(), np.full(len(start), 1e-3)
    fit.spread[COLUMN] = 1.0
    return fit, start


def test_only_figures_of_speed_are_fitted() -> None:
    assert {one.figure for one in made(1.0)} == {"decode_tokens_per_s"}


@pytest.mark.parametrize("factor", [0.85, 0.95])
def test_a_planted_factor_is_found(factor: float) -> None:
    fit, start = prepared(made(factor))
    logs, error, _ = fit.run(start)
    assert np.exp(logs[COLUMN] - start[COLUMN]) == pytest.approx(factor, rel=0.01)
    assert np.abs(error).max() < 0.01


def test_what_is_left_out_is_not_learned_from() -> None:
    """One card's figures are doubled: it is far off when it is left out, and the others are not moved by it then."""
    found = made(0.9)
    odd = [
        Point(one.record, one.figure, one.measured * 1.5, one.timing) if "3090" in one.device else one for one in found
    ]
    fit, start = prepared(odd)
    logs, error, slope = fit.run(start)
    outside = fit.left_out(logs, error, slope, lambda point: point.device)
    for one, value in zip(fit.points, outside, strict=True):
        if "3090" in one.device:
            assert value == pytest.approx(-np.log(1.5), abs=0.02)


def test_a_row_that_one_device_reaches_keeps_nearer_to_its_prior() -> None:
    fit = Fit(points([record("RTX 3090", "8B"), record("RTX 3090", "70B")]), RAW)
    assert fit.spread[COLUMN] == pytest.approx(float(RAW[COLUMN]["spread"]) / ALONE)
    both = Fit(points([record("RTX 3090", "8B"), record("RTX 4090", "8B")]), RAW)
    assert both.spread[COLUMN] == pytest.approx(float(RAW[COLUMN]["spread"]))


def test_power_moves_no_speed() -> None:
    fit = Fit(made(1.0), RAW)
    for index, row in enumerate(fit.rows):
        if row.coefficient in ("idle_power", "copy_gb_s", "prompt_step_us"):
            assert not fit.reach[:, index].any()


def test_errors_are_shown_as_shares() -> None:
    assert shown(np.log([1.1, 1.2, 0.5])).split() == ["20.0%", "50.0%"]


def test_a_kernel_s_numbers_are_found() -> None:
    """Made rows of 70% of the bandwidth and half the peak, with 5 us a call."""
    gpu = resolve("H100 SXM5 80GB")
    made_rows: list[kernels.Measured] = []
    for m in (1, 16, 128, 1_024, 8_192):
        for n in (1_024, 4_096, 16_384):
            read, flops = n * n * 2.0, 2.0 * m * n * n
            reading, computing = read / (gpu.bandwidth_gb_per_s * 1e9 * 0.7), flops / (gpu.fp16_tflops * 1e12 * 0.5)
            made_rows.append((read, flops, 0.0, (reading**1.6 + computing**1.6) ** (1 / 1.6) + 5e-6, (n, n)))
    one = kernels.Table(gpu, "bf16", made_rows)
    memory, compute, blend, fixed, _ = np.exp(one.fit(np.ones(len(made_rows), dtype=bool)))
    assert (memory, compute, blend, fixed) == pytest.approx((0.7, 0.5, 1.6, 5e-6), rel=0.05)


def test_a_family_stands_against_the_one_measured_end_to_end() -> None:
    reference = resolve("H100 SXM5 80GB").id
    lines = [
        ["matrix", reference, "Hopper HBM", "bf16", "0.8", "0.8"],
        ["matrix", reference, "Hopper HBM", "fp8", "0.8", "0.5"],
        ["matrix", "l40s", "Ada Lovelace GDDR", "bf16", "0.4", "0.8"],
        ["matrix", "l40s", "Ada Lovelace GDDR", "fp8", "0.8", "0.5"],
    ]
    assert kernels.against(lines, "Ada Lovelace GDDR", "memory") == pytest.approx(0.5**0.5)
    assert kernels.against(lines, "Ada Lovelace GDDR", "compute") == pytest.approx(1)
