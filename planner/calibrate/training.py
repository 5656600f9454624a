"""Fit training:

`python -m planner.calibrate.training` prints the coefficients and their errors, fitted and leaving one source out.

Reads `data/measurements/training.jsonl`. What PyTorch allocates has no coefficient: it is counted. What the allocator
keeps beside that and what a driver shows beside both are fitted together on records of one GPU, of a grid; the speed's
three coefficients (fraction of the peak, passes of traffic, microseconds a launch) are searched one after another for
the least mean absolute error of the logarithm, each source counting by the root of its size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from math import log, sqrt
from statistics import median
from typing import Any

from planner.calibrate.report import Fit, fit_report, publication, shown
from planner.calibrate.validate import records
from planner.core.units import GIB
from planner.training.overhead import row
from planner.training.plan import TrainPlan, train
from planner.training.request import TrainRequest
from planner.training.speed import Fitted, fitted, speed

Record = dict[str, Any]

SEARCHED = ("reached", "passes", "launch_us")
STEPS = (0.8, 0.92, 1.09, 1.25)
ROUNDS = 1

CONTEXTS = tuple(step / 10 for step in range(5, 31, 2))
SHARES = tuple(step / 100 for step in range(13))
"""GiB of a CUDA context and what stands in it, and shares of what is allocated, that are tried."""


def measured(figure: str) -> list[Record]:
    return [record for record in records() if record.get("question") == "train" and figure in record["measured"]]


@cache
def _answer(identity: str) -> TrainPlan:
    record = next(one for one in records() if one["id"] == identity)
    return train(TrainRequest.read(record["request"]))


def _alone(record: Record) -> bool:
    return len(_answer(record["id"]).case.gpus) == 1


def _shown(record: Record) -> tuple[float, bool]:
    """GiB of a record's peak, and whether a driver shows it, with the context in it, or PyTorch as what it reserved."""
    measured, driver = record["measured"], "train_peak_bytes" in record["measured"]
    return measured["train_peak_bytes" if driver else "train_reserved_bytes"] / GIB, driver


def beside_error(record: Record, found: tuple[float, float]) -> float:
    """Predicted less measured over measured, with `found` GiB of context and that share of what is allocated."""
    shown, driver = _shown(record)
    return (found[0] * driver + (1 + found[1]) * _answer(record["id"]).peak_allocated.expected / GIB) / shown - 1


def beside(rows: Sequence[Record]) -> tuple[float, float]:
    """GiB of context and share kept by the allocator with the least relative error on one GPU, of a grid."""
    tried = [(fixed, share) for fixed in CONTEXTS for share in SHARES]
    return min(tried, key=lambda one: _weighed(rows, [abs(beside_error(row, one)) for row in rows]))


def exchange(rows: Sequence[Record]) -> float:
    """GiB that several GPUs hold besides: the median of what records lack, which are all of sharded weights and say
    little of others.
    """
    return median(-exchange_error(one, 0.0) for one in rows)


def exchange_error(record: Record, found: float) -> float:
    fitted, (shown, driver) = row(), _shown(record)
    own = (
        float(fitted["context_gib"]) * driver
        + (1 + float(fitted["reserved"])) * _answer(record["id"]).peak_allocated.expected / GIB
    )
    return own + found - shown


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
    return _weighed(rows, [abs(speed_error(one, found)) for one in rows])


def _weighed(rows: Sequence[Record], errors: Sequence[float]) -> float:
    groups: dict[str, list[float]] = {}
    for one, error in zip(rows, errors, strict=True):
        groups.setdefault(publication(one["source"]), []).append(error)
    return sum(sum(sizes) / sqrt(len(sizes)) for sizes in groups.values())


def fits() -> list[Fit]:
    """What is there beside what is allocated, and speed."""
    source: Callable[[Record], str] = lambda one: str(one["source"])  # noqa: E731
    model: Callable[[Record], str] = lambda one: str(one["request"]["model"])  # noqa: E731
    peaks, fast = [*measured("train_reserved_bytes"), *measured("train_peak_bytes")], measured("train_tokens_per_s")
    alone, several = [one for one in peaks if _alone(one)], [one for one in peaks if not _alone(one)]
    (fixed, share), found = beside(alone), rates(fast)
    return [
        fit_report(
            "training",
            f"one GPU, beside what is allocated: {fixed:.1f} GiB of context and {share:.2f} kept",
            "ratio",
            alone,
            beside,
            beside_error,
            source,
            model,
        ),
        fit_report(
            "training",
            f"several GPUs, besides: {exchange(several):.1f} GiB",
            "GiB",
            several,
            exchange,
            exchange_error,
            source,
            model,
        ),
        fit_report(
            "training",
            f"speed: {found.reached:.3f} of the peak at 1 W a TFLOP/s, {found.passes:.2f} passes, {found.launch_us:.1f}"
            " us a launch",
            "ratio",
            fast,
            rates,
            speed_error,
            source,
            model,
        ),
    ]


if __name__ == "__main__":
    print("\n".join(map(shown, fits())))
