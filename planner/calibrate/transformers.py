"""Fit the prompt's peak in Transformers:

`python -m planner.calibrate.transformers` prints the copies and the errors, fitted and leaving one source out.

Reads the records of `data/measurements/serving.jsonl` that give what PyTorch allocated. hidden_copies is the median of
what the records with a long prompt need; reading the modeling files gives 4 (the embedded prompt, the layer's input,
the sum after attention, its norm), and the fit is a check on it. prefill_seen, the share of the prompt's peak that a
version's published figures contain, is fitted for each version that has records: publications differ in when they read
the counter.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from planner.calibrate.report import Fit, fit_report, shown
from planner.calibrate.validate import FIGURES, records
from planner.core.units import GIB
from planner.engines.versions import calibration
from planner.plan import plan
from planner.request import PlanRequest

Record = dict[str, Any]


def measured() -> list[Record]:
    return [
        record for record in records() if record["kind"] == "transformers" and "allocated_bytes" in record["measured"]
    ]


def since(record: Record) -> str:
    """The calibration row that a record falls under."""
    return calibration("transformers", record["request"].get("engine_version"))["since"]


def terms(record: Record) -> tuple[float, float, float]:
    """What is missing from the prediction, what one more copy of the residual stream would add, and the whole of the
    prompt's peak; in GiB.
    """
    request = PlanRequest.read(record["request"])
    answer = plan(request)
    prefill = next((step for step in answer.derivation if "hidden_copies" in step.operands), None)
    peak = next(step for step in answer.derivation if step.label == "Activation peak" and "seen" in step.operands)
    seen, one = float(peak.operands["seen"]), 0.0
    whole = max(peak.operands["prefill"] - peak.operands["to_come"], peak.operands["copied"])
    if prefill is not None and seen:
        one = (
            prefill.operands["batch"]
            * prefill.operands["prompt"]
            * prefill.operands["element_bytes"]
            * prefill.operands["hidden"]
        )
    missing = record["measured"]["allocated_bytes"] - FIGURES["allocated_bytes"].of(answer).expected
    return missing / GIB, one / GIB, whole / GIB


def fit_copies(rows: Sequence[Record]) -> float:
    """Copies of the residual stream: the median over the records of what each needs."""
    start = float(calibration("transformers", None)["hidden_copies"])
    bound = [(missing, one) for missing, one, _ in map(terms, rows) if one > 0.01]
    return start + (median(missing / one for missing, one in bound) if bound else 0.0)


def error(record: Record, copies: float) -> float:
    missing, one, _ = terms(record)
    return (copies - float(calibration("transformers", None)["hidden_copies"])) * one - missing


def fit_seen(rows: Sequence[Record]) -> float:
    """Share of the prompt's peak in the figures of one version: the median over its records with a long prompt."""
    start = float(calibration("transformers", rows[0]["request"].get("engine_version"))["prefill_seen"])
    bound = [(missing, whole) for missing, _, whole in map(terms, rows) if whole > 0.2]
    return start + (median(missing / whole for missing, whole in bound) if bound else 0.0)


def seen_error(record: Record, share: float) -> float:
    missing, _, whole = terms(record)
    return (
        share - float(calibration("transformers", record["request"].get("engine_version"))["prefill_seen"])
    ) * whole - missing


def fits() -> list[Fit]:
    """The copies in the prompt's peak, and how much of that peak each version's figures contain."""
    rows = measured()
    counted = [
        record
        for record in rows
        if float(calibration("transformers", record["request"].get("engine_version"))["prefill_seen"])
    ]
    what = f"copies of the residual stream while a prompt is read: {fit_copies(counted):.2f}"
    found = [fit_report("transformers", what, "GiB", counted, fit_copies, error, _source, _model)]
    for version in sorted({since(record) for record in rows}):
        group = [record for record in rows if since(record) == version]
        what = f"share of the prompt's peak in the figures from {version}: {fit_seen(group):.2f}"
        found.append(fit_report("transformers", what, "GiB", group, fit_seen, seen_error, _source, _model))
    return found


def _source(record: Record) -> str:
    return str(record["source"])


def _model(record: Record) -> str:
    return str(record["request"]["model"])


if __name__ == "__main__":
    print("\n".join(map(shown, fits())))
