"""The wait for the first token on a busy server:

`python -m planner.calibrate.first_token` fits data/calibration/first_token.csv and prints its errors.

    T = wait_s + prompt_s + burst * (sequences - 1) * prompt_s + steps * (1 - 1 / sequences) * step_s

`prompt_s` and `step_s` are the plan's own; `wait_s`, `burst` and `steps` are fitted for each engine to the mean
absolute logarithm of predicted over measured, by a search that moves one coefficient at a time. The ranges are those of
each record under the fit to the other models.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, log
from statistics import median

import numpy as np

from planner.calibrate.report import Fit, fit_report, quantile
from planner.calibrate.validate import records
from planner.core.data import FOLDER
from planner.performance.timing import Timing
from planner.plan import plan
from planner.request import PlanRequest

NAMES = ("wait_s", "burst", "steps")
STARTS = ((0.05, 0.06, 3.0), (0.1, 0.1, 10.0), (0.01, 0.05, 15.0))
FINEST = 1e-3

Coefficients = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """One measured wait, and what the plan says of its parts: the factors of the three coefficients, and the prompt's
    own time.
    """

    engine: str
    source: str
    model: str
    measured: float
    prompt_s: float
    factors: tuple[float, float, float]

    def predicted(self, found: Coefficients) -> float:
        return self.prompt_s + sum(
            coefficient * factor for coefficient, factor in zip(found, self.factors, strict=True)
        )


@cache
def waits() -> tuple[Record, ...]:
    """Every record of a wait under load, with its plan's parts."""
    found = []
    for record in records():
        if "time_to_first_token_s" not in record["measured"]:
            continue
        request = PlanRequest.read(record["request"])
        answer = plan(request)
        timing = Timing.of(answer.case, answer.memory)
        prompt, step, others = float(timing.prompt_step.value), float(timing.step.value), timing.sequences - 1
        factors = (1.0 if others > 0 else 0.0, others * prompt, (1 - 1 / timing.sequences) * step)
        found.append(
            Record(
                request.engine,
                record["source"],
                request.model or "",
                record["measured"]["time_to_first_token_s"],
                prompt,
                factors,
            )
        )
    return tuple(found)


def fit(rows: Sequence[Record]) -> Coefficients:
    """The coefficients with the least mean |log(predicted / measured)|, each at least zero."""

    own, measured = np.array([row.prompt_s for row in rows]), np.log([row.measured for row in rows])
    factors = np.array([row.factors for row in rows])

    def loss(point: Sequence[float]) -> float:
        return float(np.abs(np.log(own + factors @ np.exp(point)) - measured).mean())

    best: tuple[float, list[float]] | None = None
    for start in STARTS:
        point, step = [log(value) for value in start], 1.0
        now = loss(point)
        while step > FINEST:
            moved = False
            for index in range(len(point)):
                for change in (step, -step):
                    tried = [*point[:index], point[index] + change, *point[index + 1 :]]
                    value = loss(tried)
                    if value < now - 1e-9:
                        point, now, moved = tried, value, True
            step = step if moved else step / 2
        if best is None or now < best[0]:
            best = now, point
    assert best is not None
    return tuple(map(exp, best[1]))


def error(row: Record, found: Coefficients) -> float:
    return row.predicted(found) / row.measured - 1


def groups() -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for row in waits():
        found.setdefault(row.engine, []).append(row)
    return found


def ratios_left_out(rows: Sequence[Record]) -> list[float]:
    """Measured over predicted of each record, under the fit to the other models."""
    found = []
    for one in sorted({row.model for row in rows}):
        rest = fit([row for row in rows if row.model != one])
        found += [row.measured / row.predicted(rest) for row in rows if row.model == one]
    return found


def fits() -> list[Fit]:
    """One fit an engine."""
    return [
        fit_report(
            "speed under load",
            f"first token of {name}: "
            + ", ".join(f"{key} {value:.3g}" for key, value in zip(NAMES, fit(rows), strict=True)),
            "ratio",
            rows,
            fit,
            error,
            lambda row: row.source,
            lambda row: row.model,
        )
        for name, rows in groups().items()
    ]


def main() -> None:
    """Write the table, and print the errors as fitted and with each source left out."""
    with (FOLDER / "calibration" / "first_token.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["engine", *NAMES, "low", "high", "records", "source", "as_of"])
        for name, rows in groups().items():
            ratios = ratios_left_out(rows)
            low, high = quantile(ratios, 0.1), quantile(ratios, 0.9)
            coefficients = [f"{value:.4g}" if value > 1e-6 else "0" for value in fit(rows)]
            writer.writerow(
                [
                    name,
                    *coefficients,
                    f"{low:.3f}",
                    f"{high:.3f}",
                    len(rows),
                    "data/measurements/first_token.jsonl",
                    "2026-11-27",
                ]
            )
    for one in fits():
        print(
            f"{one.what}; {len(one.fitted)} records: median {median(one.fitted):.0%}, 9 in 10 within"
            f" {quantile(one.fitted, 0.9):.0%}; one {one.held} left out {median(one.left_out):.0%} and"
            f" {quantile(one.left_out, 0.9):.0%}"
        )


if __name__ == "__main__":
    main()
