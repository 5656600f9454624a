"""Fit `data/calibration/speed.csv` to `data/measurements/speed.jsonl`, and print how far it is from them.

    python -m planner.calibrate.speed            errors as it stands, fitted, and with each device and each source left
    out python -m planner.calibrate.speed --write    and write the fitted table and the spreads

Every row of the table is one factor with a prior and its spread in logarithms. The fit minimises the Huber loss of
log(predicted / measured) plus the squared distance from the priors, by Gauss-Newton steps on the very functions that
plan. A prediction with a device (or a model, where a family has one device) or a source left out comes from a fit
without its records. The spreads are the 10th and 90th percentile of those errors by family; they are what the pages
print as ranges.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np

from planner.calibrate import validate
from planner.core.data import FOLDER, table
from planner.core.errors import PlanError
from planner.engines.info import info
from planner.performance import power
from planner.performance.rates import Row, family, reaching, rows
from planner.performance.spread import spread_of
from planner.performance.timing import Timing, kernels_of
from planner.plan import Plan, plan
from planner.request import PlanRequest

HUBER = 0.1
"""Errors beyond this count by their size, not its square: runs that nobody can explain pull on the median alone."""
FEW = 8
"""With fewer measurements of a figure, its spread is that of the throughput, of which it is the larger part."""

STEPS = 8

ALONE = 2.0
"""A row that one device alone reaches keeps nearer to its prior: its spread is divided by this."""

POWER = frozenset({"idle_power", "memory_power", "compute_power"})
PROMPTS = frozenset({"prompt_step_us", "tile_rows", "state_token_us", "copy_gb_s", "overlap"})
UNMOVED = {
    "decode": POWER | PROMPTS,
    "prefill": POWER | {"decode_tile_rows", "sequence_us"},
    "throughput": POWER,
    "watts": frozenset[str](),
}
"""Coefficients that do not enter a figure."""

FIGURES: dict[str, tuple[str, Callable[[Timing], float]]] = {
    "decode_tokens_per_s": ("decode", lambda timing: timing.sequences * timing.replicas / float(timing.step.value)),
    "prefill_tokens_per_s": ("prefill", lambda timing: timing.prompt / float(timing.prompt_step.value)),
    "throughput_tokens_per_s": ("throughput", lambda timing: timing.replicas * float(timing.served[-1].value)),
    "watts": (
        "watts",
        lambda timing: float(power.watts(timing, spread_of(timing.case.request.engine, [])).serving.expected),
    ),
}
"""Figures that are fitted: the name of their spread, and how a timing gives them."""


@dataclass(frozen=True)
class Point:
    """One measured figure of a record."""

    record: dict[str, Any]
    figure: str
    measured: float
    timing: Timing

    @property
    def device(self) -> str:
        return " + ".join(sorted({gpu.name for gpu in self.timing.case.gpus})) or "CPU"

    @property
    def family(self) -> str:
        """The family of the device that sets the pace: the host where any of the model runs on it."""
        return family(
            next(
                (place.gpu for place in self.timing.route.places if place.gpu is None), self.timing.route.places[0].gpu
            )
        )

    @property
    def engine(self) -> str:
        return info(self.timing.case.request.engine).kernels

    @property
    def source(self) -> str:
        return " ".join([*str(self.record["source"]).split("/")[3:5], str(self.record["id"]).split("-")[1]])

    def predicted(self, table_rows: tuple[Row, ...]) -> float:
        return FIGURES[self.figure][1](self.timing.calibrated(table_rows))


def points(records: Iterable[dict[str, Any]]) -> list[Point]:
    """Every measured figure that the planner can predict."""
    found = []
    for record in records:
        try:
            answer: Plan = plan(PlanRequest.read(record["request"]))
        except PlanError:
            continue
        timing = Timing.of(answer.case, answer.memory)
        found += [
            Point(record, figure, measured, timing)
            for figure, measured in record["measured"].items()
            if figure in FIGURES
        ]
    return found


class Fit:
    """The table's rows as logarithms, and which of them reach which point."""

    def __init__(self, found: Sequence[Point], raw: Sequence[dict[str, str]]) -> None:
        self.points = found
        self.rows = rows()
        self.prior = np.log([float(row["prior"]) for row in raw])
        self.spread = np.array([float(row["spread"]) for row in raw])
        self.measured = np.log([point.measured for point in found])
        self.reach = np.zeros((len(found), len(self.rows)), dtype=bool)
        for index, point in enumerate(found):
            self.reach[index, list(self._reached(point))] = True
        devices = np.array([point.device for point in found])
        for column in range(len(self.rows)):
            if len(set(devices[self.reach[:, column]])) == 1:
                self.spread[column] /= ALONE
        counts: dict[tuple[str, str, str], int] = {}
        keys = [(point.source, point.device, point.figure) for point in found]
        for key in keys:
            counts[key] = counts.get(key, 0) + 1
        self.weight = np.array([counts[key] ** -0.3 for key in keys])

    def held(self, point: Point) -> str:
        """What to leave out to judge a point: its device, or its model where the family has no other device."""
        alike = {
            other.device
            for other in self.points
            if (other.figure, other.engine, other.family) == (point.figure, point.engine, point.family)
        }
        return point.device if len(alike) > 1 else f"{point.device} {point.record['request']['model']}"

    @staticmethod
    def _reached(point: Point) -> set[int]:
        """Places of the rows that move a point: power alone moves watts, and only passes of its own kind move it."""
        timing = point.timing
        kernels = kernels_of(timing.case, timing.route)
        gpus = {place.gpu for place in timing.route.places} | set(timing.case.gpus[:1])
        return {
            index
            for gpu in gpus
            for name, indices in reaching(kernels, gpu).items()
            if name not in UNMOVED[FIGURES[point.figure][0]]
            for index in indices
        }

    def table(self, logs: np.ndarray) -> tuple[Row, ...]:
        return tuple(replace(row, value=float(value)) for row, value in zip(self.rows, np.exp(logs), strict=True))

    def errors(self, logs: np.ndarray, which: np.ndarray | None = None) -> np.ndarray:
        """log(predicted / measured) of the points."""
        made = self.table(logs)
        index = range(len(self.points)) if which is None else which
        return np.array([np.log(max(self.points[i].predicted(made), 1e-9)) - self.measured[i] for i in index])

    def slopes(self, logs: np.ndarray, base: np.ndarray) -> np.ndarray:
        slope = np.zeros((len(self.points), len(logs)))
        for column in range(len(logs)):
            which = np.flatnonzero(self.reach[:, column])
            if len(which):
                moved = logs.copy()
                moved[column] += 0.02
                slope[which, column] = (self.errors(moved, which) - base[which]) / 0.02
        return slope

    def solve(self, logs: np.ndarray, error: np.ndarray, slope: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """One Gauss-Newton step towards the points that are kept."""
        weight = self.weight * np.minimum(1, HUBER / np.maximum(np.abs(error), 1e-9)) * kept / 0.1**2
        normal = slope.T @ (slope * weight[:, None]) + np.diag(self.spread**-2)
        right = slope.T @ (weight * error) + (logs - self.prior) / self.spread**2
        step: np.ndarray = np.linalg.solve(normal, right)
        moved: np.ndarray = logs - np.clip(step, -0.5, 0.5)
        return moved

    def run(self, logs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        kept = np.ones(len(self.points))
        for _ in range(STEPS):
            error = self.errors(logs)
            slope = self.slopes(logs, error)
            new = self.solve(logs, error, slope, kept)
            done = float(np.abs(new - logs).max()) < 0.003
            logs = new
            if done:
                break
        error = self.errors(logs)
        return logs, error, self.slopes(logs, error)

    def left_out(
        self, logs: np.ndarray, error: np.ndarray, slope: np.ndarray, group: Callable[[Point], str]
    ) -> np.ndarray:
        """Errors of each point with its group left out of the fit: from the full fit's slopes, solved again without the
        group.
        """
        found = np.zeros(len(self.points))
        names = np.array([group(point) for point in self.points])
        for name in sorted(set(names)):
            outside = names == name
            refitted = logs
            for _ in range(3):
                linear = error + slope @ (refitted - logs)
                refitted = self.solve(refitted, linear, slope, ~outside)
            which = np.flatnonzero(outside)
            found[which] = self.errors(refitted, which)
        return found


def shown(errors: np.ndarray) -> str:
    sizes = np.sort(np.abs(np.expm1(errors)))
    return f"{median(sizes):6.1%} {sizes[min(int(len(sizes) * 0.9), len(sizes) - 1)]:7.1%}"


def report(fit: Fit, names: Sequence[str], columns: Sequence[np.ndarray]) -> None:
    """Median and 90th percentile by figure, kind, engine and family."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for index, point in enumerate(fit.points):
        figure = FIGURES[point.figure][0]
        groups.setdefault((figure, point.record["kind"], "", ""), []).append(index)
        groups.setdefault((figure, point.record["kind"], point.timing.case.request.engine, point.family), []).append(
            index
        )
    print(f"{'':62}{'n':>5}  " + "  ".join(f"{name:>14}" for name in names))
    for key, which in sorted(groups.items()):
        label = f"{key[0]:11}{key[1]:15}{key[2]:13}{key[3]}"
        print(f"{label:62}{len(which):5}  " + "  ".join(shown(column[which]) for column in columns))


def write(fit: Fit, raw: Sequence[dict[str, str]], logs: np.ndarray, outside: np.ndarray) -> None:
    """The fitted table, and the spreads of the errors with a device left out."""
    with (FOLDER / "calibration/speed.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(raw[0]), lineterminator="\n")
        writer.writeheader()
        for column, row in enumerate(raw):
            writer.writerow({**row, "value": f"{np.exp(logs[column]):.4g}", "records": int(fit.reach[:, column].sum())})
    groups: dict[tuple[str, str, str], list[float]] = {}
    for point, error in zip(fit.points, outside, strict=True):
        for engine, name in ((point.engine, point.family), ("*", "*")):
            groups.setdefault((FIGURES[point.figure][0], engine, name), []).append(-float(error))
    with (FOLDER / "calibration/speed_spread.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["figure", "engine", "family", "low", "high", "records", "source", "as_of"])
        for key, few in sorted(groups.items(), key=lambda item: item[0]):
            errors = few if len(few) >= FEW else groups.get(("throughput", *key[1:]), few)
            low, high = np.quantile(errors, [0.08, 0.92])
            shrunk = 3 / (len(errors) + 3)
            wide = 1.25 if key[1] == "*" else 1.0
            low, high = (1 - shrunk) * low - shrunk * 0.5, (1 - shrunk) * high + shrunk * 0.5
            ends = min(np.exp(wide * low), 0.97), max(np.exp(wide * high), 1.03)
            out.writerow(
                [
                    *key,
                    f"{ends[0]:.3f}",
                    f"{ends[1]:.3f}",
                    len(errors),
                    "data/measurements/speed.jsonl",
                    raw[0]["as_of"],
                ]
            )


def main() -> None:
    raw = list(table("calibration/speed"))
    fit = Fit(points(record for record in validate.records() if record["kind"].startswith("speed")), raw)
    start = np.log([row.value for row in fit.rows])
    before = fit.errors(start)
    logs, error, slope = fit.run(start)
    device = fit.left_out(logs, error, slope, fit.held)
    source = fit.left_out(logs, error, slope, lambda point: point.source)
    report(fit, ("as it stands", "fitted", "device out", "source out"), (before, error, device, source))
    for row, value, count in zip(raw, np.exp(logs), fit.reach.sum(axis=0), strict=True):
        print(
            f"{row['coefficient']:16}{row['engine']:14}{row['family']:16}{row['format']:10}{row['backend']:8}{value:10.4g}"
            f"  prior {row['prior']:>6}  {count}"
        )
    if "--write" in sys.argv:
        write(fit, raw, logs, device)


if __name__ == "__main__":
    main()
