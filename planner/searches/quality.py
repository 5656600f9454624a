"""How good a model's answers are: published scores where there are some, else an estimate from its size that says so.

Benchmarks differ in how hard they are, so that each score is taken as points above the mean of those who report that
benchmark, and a model's score is the mean of its points over its benchmarks, plus 50 (`data/quality.csv`, each row
self-reported by its makers and dated). The estimate for a model without scores is a line through the others in the
logarithm of its parameters (`data/calibration/quality.csv`, made by `python -m planner.calibrate.quality`, which prints
its error on model families that the line has not seen).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from math import log2
from statistics import fmean

from planner import catalog
from planner.architecture.tensors import Architecture
from planner.core.data import table

MIDDLE = 50.0

LOST_A_PERPLEXITY = 12.0
"""Points for each unit of perplexity that a format loses: assumed, so that the worst format offered (Q3_K_M, 0.66)
costs about as much as half the parameters.
"""


@dataclass(frozen=True, slots=True)
class Quality:
    """A model's score.

    Attributes:
        score: points; 50 is the mean of the models with published scores.
        kind: `published`, or `estimated` from its size.
        source: where the scores are from, or how the estimate was made.
        loss: points that the format takes; None where no loss of this format is published.
    """

    score: float
    kind: str
    source: str
    loss: float | None = None

    @property
    def total(self) -> float:
        """The score of the model in its format."""
        return self.score - (self.loss or 0.0)


def quality(name: str, architecture: Architecture, format: str) -> Quality:
    """The score of a model in a format."""
    loss = format_loss(format)
    if (known := catalog.lookup(name)) and known.id in published():
        score, source = published()[known.id]
        return Quality(score, "published", source, loss)
    line = coefficients()
    return Quality(
        estimated(architecture.parameters, line),
        "estimated",
        f"from its size; {line['error']:.0f} points off in the median on families that the line has not seen",
        loss,
    )


def format_loss(format: str) -> float | None:
    """Points that a format of GGUF takes, from its published increase of perplexity."""
    return _losses().get(format)


@cache
def _losses() -> dict[str, float]:
    return {row["file_type"]: LOST_A_PERPLEXITY * float(row["perplexity_increase"]) for row in table("gguf_quality")}


@cache
def published() -> Mapping[str, tuple[float, str]]:
    """The score of each model with published ones, and the sources of those."""
    rows = table("quality")
    scores = combined((row["model"], row["benchmark"], float(row["score"])) for row in rows)
    sources: dict[str, dict[str, None]] = {}
    for row in rows:
        sources.setdefault(row["model"], {})[row["source"]] = None
    return {model: (score, " ".join(sources[model])) for model, score in scores.items()}


def combined(rows: Iterable[tuple[str, str, float]]) -> dict[str, float]:
    """A score for each model from (model, benchmark, percent): its mean of points above each benchmark's mean.

    A benchmark's mean is over models of unequal strength, so that both are found in turns until they settle: the
    least-squares fit of `percent = benchmark + model`.
    """
    found = list(rows)
    models = dict.fromkeys((row[0] for row in found), 0.0)
    for _ in range(50):
        hard = {
            each: fmean(percent - models[model] for model, benchmark, percent in found if benchmark == each)
            for each in dict.fromkeys(row[1] for row in found)
        }
        models = {
            each: fmean(percent - hard[benchmark] for model, benchmark, percent in found if model == each)
            for each in models
        }
    middle = fmean(models.values())
    return {model: points - middle + MIDDLE for model, points in models.items()}


def estimated(parameters: float, line: Mapping[str, float]) -> float:
    """Points by size: `base + slope * log2(parameters / 1e9)`."""
    return line["base"] + line["slope"] * log2(parameters / 1e9)


@cache
def coefficients() -> Mapping[str, float]:
    """The fitted line, and its median error on families left out, points."""
    (row,) = table("calibration/quality")
    return {name: float(row[name]) for name in ("base", "slope", "error")}
