"""What every fit reports: its coefficients, and its errors as fitted and with each source left out.

A module of this folder that has `fits()` and a row in `MODULES` appears in `python -m planner validate --fits` and on
the Accuracy page.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any, TypeVar

R = TypeVar("R")

MODULES = ("vllm", "transformers", "training", "first_token")


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients fitted to some records, and the sizes of their errors.

    Attributes:
        kind: of measurement, as records name it.
        what: which term was fitted, and its coefficients in words.
        unit: of the errors: `GiB`, or `ratio` for relative ones.
        sources: publications the records come from.
        fitted: absolute errors of all records under the fit to all of them.
        left_out: of each record under the fit to the other sources alone, or to the other models where there is one
            source.
        held: what was left out at a time, `source` or `model`.
    """

    kind: str
    what: str
    unit: str
    sources: int
    fitted: tuple[float, ...]
    left_out: tuple[float, ...]
    held: str


def fit_report(
    kind: str,
    what: str,
    unit: str,
    rows: Sequence[R],
    fit: Callable[[Sequence[R]], Any],
    error: Callable[[R, Any], float],
    source: Callable[[R], str],
    model: Callable[[R], str],
) -> Fit:
    """Fit to all rows, then to all but one source's (or, where all are of one source, one model's) at a time, and
    gather the errors of both.
    """
    whole = fit(rows)
    left_out: list[float] = []
    sources = {publication(source(row)) for row in rows}
    held: Callable[[R], str] = (lambda row: publication(source(row))) if len(sources) > 1 else model
    groups = sorted({held(row) for row in rows})
    for one in groups if len(groups) > 1 else []:
        rest = fit([row for row in rows if held(row) != one])
        left_out += [abs(error(row, rest)) for row in rows if held(row) == one]
    by = "source" if len(sources) > 1 else "model"
    return Fit(kind, what, unit, len(sources), tuple(abs(error(row, whole)) for row in rows), tuple(left_out), by)


def publication(source: str) -> str:
    """Who published it: an issue or discussion by its number, anything else of a repository by the repository."""
    address = source.split()[0].removeprefix("https://").split("/")
    thread = address[3:4] in (["issues"], ["discussions"], ["pull"])
    return "/".join(address[: 5 if thread else 3])


@cache
def fits() -> tuple[Fit, ...]:
    """The report of every module of `MODULES`."""
    return tuple(fit for name in MODULES for fit in importlib.import_module(f"planner.calibrate.{name}").fits())


def quantile(sizes: Sequence[float], share: float) -> float:
    """The value that this share of the sizes does not exceed."""
    ordered = sorted(sizes)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def shown(fit: Fit) -> str:
    """A fit in one line."""

    def errors(sizes: tuple[float, ...]) -> str:
        if not sizes:
            return "none"
        return f"median {median(sizes):.3f}, 90% {quantile(sizes, 0.9):.3f}"

    return (
        f"{fit.kind}: {fit.what}; {len(fit.fitted)} records of {fit.sources} sources; error in {fit.unit} fitted"
        f" {errors(fit.fitted)}, one {fit.held} left out {errors(fit.left_out)}"
    )
