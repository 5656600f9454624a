"""Fit training: `python -m planner.calibrate.training` prints the coefficients and their errors, fitted and leaving one source out.

Reads `data/measurements/training.jsonl`. What unpacking adds to QLoRA is the median of what published peaks lack; the fixed part of what a
driver shows is the median of what is missing there; the speed's three coefficients (fraction of the peak, passes of traffic, microseconds
a launch) are searched one after another for the least mean absolute error of the logarithm, each source counting by the root of its size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from math import log, sqrt
from statistics import median
from typing import Any

from planner.calibrate.report import Fit, fit_report, publication, shown
from planner.training.overhead import row
from planner.training.plan import TrainPlan, train
from planner.training.request import TrainRequest
from planner.training.speed import Fitted, fitted, speed
from planner.units import GIB
from planner.validate import records

Record = dict[str, Any]

SEARCHED = ("reached", "passes", "launch_us")
STEPS = (0.8, 0.92, 1.09, 1.25)
ROUNDS = 1


def measured(figure: str) -> list[Record]:
    return [record for record in records() if record.get("question") == "train" and figure in record["measured"]]


@cache
def _answer(identity: str) -> TrainPlan:
    record = next(one for one in records() if one["id"] == identity)
    return train(TrainRequest.read(record["request"]))


def _packed(record: Record) -> int:
    """Packed weights of a record's run, none where they are gathered."""
    return next((step.operands["packed"] for part in _answer(record["id"]).devices[0].parts for step in part.steps if "unpacked_bytes" in step.operands), 0)


def unpacking(rows: Sequence[Record]) -> float:
    """Bytes for each packed weight: the median of what the records lack without any."""
    now = float(row()["unpacked_bytes"])
    lacking = [(one["measured"]["train_allocated_bytes"] - _answer(one["id"]).peak_allocated.expected) / _packed(one) for one in rows]
    return float(now + median(lacking))


def unpacking_error(record: Record, found: float) -> float:
    lack = record["measured"]["train_allocated_bytes"] - _answer(record["id"]).peak_allocated.expected
    return float(((found - float(row()["unpacked_bytes"])) * _packed(record) - lack) / GIB)


def context(rows: Sequence[Record]) -> float:
    """Fixed GiB beside what is allocated: the median of what the records lack."""
    now = float(row()["context_gib"])
    return now + median(float(one["measured"]["train_peak_bytes"] - _answer(one["id"]).peak.expected) / GIB for one in rows)


def context_error(record: Record, found: float) -> float:
    lack = (record["measured"]["train_peak_bytes"] - _answer(record["id"]).peak.expected) / GIB
    return float(found - float(row()["context_gib"]) - lack)


def speed_error(record: Record, found: Fitted) -> float:
    """log(predicted / measured) of the tokens a second."""
    answer = speed(_answer(record["id"]).case, found)
    return log(answer.tokens_per_s.expected / record["measured"]["train_tokens_per_s"]) if answer else 0.0


def rates(rows: Sequence[Record]) -> Fitted:
    """The speed's coefficients by coordinate search from the present ones."""
    best = fitted()
    lowest = _loss(rows, best)
    for _ in range(ROUNDS):
        for name in SEARCHED:
            for step in STEPS:
                tried = replace(best, **{name: getattr(best, name) * step})
                loss = _loss(rows, tried)
                if loss < lowest * 0.999:
                    best, lowest = tried, loss
    return best


def _loss(rows: Sequence[Record], found: Fitted) -> float:
    groups: dict[str, list[float]] = {}
    for one in rows:
        groups.setdefault(publication(one["source"]), []).append(abs(speed_error(one, found)))
    return sum(sum(sizes) / sqrt(len(sizes)) for sizes in groups.values())


def fits() -> list[Fit]:
    """Unpacking, the driver's fixed part, and speed."""
    source: Callable[[Record], str] = lambda one: str(one["source"])  # noqa: E731
    model: Callable[[Record], str] = lambda one: str(one["request"]["model"])  # noqa: E731
    packed = [one for one in measured("train_allocated_bytes") if _packed(one)]
    device, fast = measured("train_peak_bytes"), measured("train_tokens_per_s")
    found = rates(fast)
    return [
        fit_report("training", f"bytes that unpacking adds for each packed weight: {unpacking(packed):.2f}", "GiB", packed, unpacking, unpacking_error, source, model),
        fit_report("training", f"fixed GiB on the device beside what is allocated: {context(device):.2f}", "GiB", device, context, context_error, source, model),
        fit_report(
            "training", f"speed: {found.reached:.3f} of the peak at 1 W a TFLOP/s, {found.passes:.2f} passes, {found.launch_us:.1f} us a launch", "ratio", fast,
            rates, speed_error, source, model,
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    print("\n".join(map(shown, fits())))
