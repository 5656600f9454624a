"""Fit the prompt's peak in Transformers: `python -m planner.calibrate.transformers` prints the copies and the errors, fitted and leaving one source out.

Reads the records of `data/measurements/serving.jsonl` that give what PyTorch allocated. hidden_copies is the median of
what the records with a long prompt need; reading the modeling files gives 4 (the embedded prompt, the layer's
input, the sum after attention, its norm), and the fit is a check on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from planner.calibrate.report import Fit, fit_report, shown
from planner.engines.versions import calibration
from planner.plan import plan
from planner.request import PlanRequest
from planner.units import GIB
from planner.validate import FIGURES, records

Record = dict[str, Any]


def measured() -> list[Record]:
    return [record for record in records() if record["kind"] == "transformers" and "allocated_bytes" in record["measured"]]


def terms(record: Record) -> tuple[float, float]:
    """What is missing from the prediction, and what one more copy of the residual stream would add; both in GiB."""
    request = PlanRequest.read(record["request"])
    answer = plan(request)
    prefill = next((step for step in answer.derivation if "hidden_copies" in step.operands), None)
    seen = float(calibration("transformers", request.engine_version)["prefill_seen"])
    one = 0.0
    if prefill is not None and seen:
        one = prefill.operands["batch"] * prefill.operands["prompt"] * prefill.operands["element_bytes"] * prefill.operands["hidden"]
    missing = record["measured"]["allocated_bytes"] - FIGURES["allocated_bytes"].of(answer).expected
    return missing / GIB, one / GIB


def fit_copies(rows: Sequence[Record]) -> float:
    """Copies of the residual stream: the median over the records of what each needs."""
    start = float(calibration("transformers", None)["hidden_copies"])
    bound = [pair for pair in map(terms, rows) if pair[1] > 0.01]
    return start + (median(missing / one for missing, one in bound) if bound else 0.0)


def error(record: Record, copies: float) -> float:
    missing, one = terms(record)
    return (copies - float(calibration("transformers", None)["hidden_copies"])) * one - missing


def fits() -> list[Fit]:
    """The one coefficient of the prompt's peak."""
    rows = measured()
    what = f"copies of the residual stream while a prompt is read: {fit_copies(rows):.2f}"
    return [
        fit_report("transformers", what, "GiB", rows, fit_copies, error, lambda record: str(record["source"]), lambda record: str(record["request"]["model"]))
    ]


if __name__ == "__main__":
    print("\n".join(map(shown, fits())))
