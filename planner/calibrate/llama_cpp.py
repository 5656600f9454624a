"""What llama.cpp's programs use beside their buffers:

`python -m planner.calibrate.llama_cpp` prints the errors of the row in use.

Weights, caches and compute buffers of llama.cpp are computed, not fitted; only the context of the backend is measured,
as the memory a process holds less its buffers (`data/measurements/llama_context.csv`), and expected as the commonest
card's.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from planner.calibrate.report import Fit, fit_report
from planner.core.data import table

Row = dict[str, str]


def fit_context(rows: Sequence[Row]) -> float:
    """The median context of these rows in MiB."""
    return median(float(row["context_mib"]) for row in rows)


def fits() -> list[Fit]:
    """One fit a backend that was measured more than once."""
    groups: dict[str, list[Row]] = {}
    for row in table("measurements/llama_context"):
        groups.setdefault(row["backend"], []).append(row)
    return [
        fit_report(
            "llama.cpp",
            f"context of {backend}: median {fit_context(rows):.0f} MiB, {expected(backend)} in use",
            "GiB",
            rows,
            fit_context,
            _error,
            lambda row: row["source"],
            lambda row: row["device"],
        )
        for backend, rows in groups.items()
        if len(rows) > 1
    ]


def expected(backend: str) -> int:
    """The context that plans use for a backend, in MiB."""
    return next(int(row["context_mib"]) for row in table("calibration/llama_cpp") if row["backend"] == backend)


def _error(row: Row, context: float) -> float:
    return (context - float(row["context_mib"])) / 1024


def main() -> None:
    """Print each fit with its errors."""
    for fit in fits():
        held = f", {median(fit.left_out):.2f} GiB with each {fit.held} left out" if fit.left_out else ""
        print(f"{fit.what}: median error {median(fit.fitted):.2f} {fit.unit} of {len(fit.fitted)}{held}")


if __name__ == "__main__":
    main()
