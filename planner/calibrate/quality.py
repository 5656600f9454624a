"""The estimate of quality for models without published scores: `python -m planner.calibrate.quality` fits
data/calibration/quality.csv and prints its error as fitted and with each family left out.

    score = base + slope * log2(parameters / 1e9)

by least squares over the models of data/quality.csv; a family is a maker, the part of the id before the slash. A term
in the active parameters was tried: it made the error left out a point smaller, with a negative coefficient, which says
that sparse models would be better for being sparser, and was not kept.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from statistics import median

import numpy as np

from planner import catalog
from planner.core.data import FOLDER
from planner.searches.quality import estimated, published

NAMES = ("base", "slope")
Row = tuple[str, float, float]


def rows() -> list[Row]:
    """Family, parameters and score of each model with published scores."""
    found = []
    for model, (score, _) in published().items():
        parameters = float(catalog.find(model).architecture.parameters)
        found.append((model.split("/")[0], parameters, score))
    return found


def fit(found: Sequence[Row]) -> dict[str, float]:
    """The line through some models."""
    sizes = np.array([[1.0, np.log2(parameters / 1e9)] for _, parameters, _ in found])
    solved, *_ = np.linalg.lstsq(sizes, np.array([score for _, _, score in found]), rcond=None)
    return dict(zip(NAMES, map(float, solved), strict=True))


def errors(found: Sequence[Row], line: dict[str, float]) -> list[float]:
    """Points by which a line misses some models."""
    return [abs(estimated(parameters, line) - score) for _, parameters, score in found]


def left_out(found: Sequence[Row]) -> list[float]:
    """The same with each family predicted by the line through the others."""
    missed = []
    for family in dict.fromkeys(row[0] for row in found):
        others = [row for row in found if row[0] != family]
        missed += errors([row for row in found if row[0] == family], fit(others))
    return missed


def main() -> None:
    found = rows()
    line, unseen = fit(found), left_out(found)
    print(f"{len(found)} models: {', '.join(f'{name} {value:.2f}' for name, value in line.items())}")
    print(f"median error: {median(errors(found, line)):.1f} points as fitted, {median(unseen):.1f} left out")
    with (FOLDER / "calibration" / "quality.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*NAMES, "error", "records", "source", "as_of"])
        values = [f"{line[name]:.4f}" for name in NAMES]
        source = "python -m planner.calibrate.quality over data/quality.csv"
        writer.writerow([*values, f"{median(unseen):.2f}", len(found), source, "2026-11-27"])


if __name__ == "__main__":
    main()
