"""A running process beside its prediction: the difference by component, what would explain it, and a measurement to
keep.

The driver tells one number for a process. Its start-up log, where there is one, tells the parts; the rest of the number
is then what no log names: the context, libraries and whatever else the process holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from planner.core.errors import PlanError
from planner.core.units import mem
from planner.engines.info import info
from planner.engines.registry import engine
from planner.logs.reading import Kind, Reading
from planner.memory.quantity import NOTHING, Quantity, added
from planner.plan import Plan, plan
from planner.request import PlanRequest

KINDS: dict[str, tuple[str, tuple[Kind, ...], tuple[str, ...]]] = {
    "weights": ("Weights", ("weights",), ("weights",)),
    "kv_cache": ("KV cache", ("kv_cache", "state"), ("kv_cache", "state")),
    "activation": ("Activations", ("activation", "output"), ("activation",)),
    "overhead": ("Overhead", (), ("overhead",)),
}
"""Parts of the comparison: their label, the buffers of a log that are theirs, the components of a plan that are."""

RECORDED = {"weights": "gpu_weights_bytes", "kv_cache": "gpu_cache_bytes", "activation": "gpu_compute_bytes"}
TOTAL = "gpu_total_bytes"
MOST_EXPLANATIONS = 4
CLOSE = 0.02
"""An explanation has to come this close to the measurement, as a part of it, or have it in its range."""


@dataclass(frozen=True, slots=True)
class Row:
    """One part: predicted with its range, and measured, or None where nothing tells it apart."""

    part: str
    label: str
    predicted: Quantity
    measured: int | None

    @property
    def difference(self) -> int | None:
        """Measured less predicted."""
        return None if self.measured is None else self.measured - self.predicted.expected

    @property
    def inside(self) -> bool | None:
        """Whether the measurement lies in the predicted range."""
        return None if self.measured is None else self.predicted.low <= self.measured <= self.predicted.high


@dataclass(frozen=True, slots=True)
class Explanation:
    """One change to the question with which the prediction would meet the measurement."""

    title: str
    change: dict[str, Any]
    predicted: Quantity


@dataclass(frozen=True)
class Comparison:
    """The parts and the total over all GPUs of the process, and what follows, in a sentence."""

    answer: Plan
    parts: tuple[Row, ...]
    total: Row
    reading: Reading | None = None

    @property
    def sentence(self) -> str:
        """How well the prediction does, and which part errs most where the log tells them apart."""
        measured, predicted = self.total.measured or 0, self.total.predicted
        if not measured:
            return "The driver tells no memory for this process, so there is nothing to compare."
        error = (predicted.expected - measured) / measured
        where = "inside" if self.total.inside else "outside"
        said = (
            f"Predicted {mem(predicted.expected)}, measured {mem(measured)}: {error:+.1%}, {where} the range of"
            f" {mem(predicted.low)} to {mem(predicted.high)}."
        )
        known = [row for row in self.parts if row.difference is not None]
        if not known:
            return said
        worst = max(known, key=lambda row: abs(row.difference or 0))
        return (
            f"{said} Most of the difference is {worst.label}: {mem(worst.predicted.expected)} predicted,"
            f" {mem(worst.measured or 0)} measured."
        )


def compare(answer: Plan, measured_bytes: int, reading: Reading | None = None) -> Comparison:
    """Set what a process holds on its GPUs beside the plan of what it is said to run.

    measured overhead = measured total - the buffers on GPUs that the log names
    """
    told = reading if reading is not None and any(buffer.on_gpu for buffer in reading.buffers) else None
    found = _told(told, sum(1 for device in answer.memory.devices if device.total.expected)) if told else {}
    if told and all(part in found for part in RECORDED):
        found["overhead"] = measured_bytes - sum(found.values())
    rows = tuple(
        Row(part, label, _predicted(answer, components), found.get(part))
        for part, (label, _, components) in KINDS.items()
    )
    return Comparison(answer, rows, Row("total", "Total", _total(answer), measured_bytes), told)


def _told(reading: Reading, ranks: int) -> dict[str, int]:
    """Bytes of each part over all GPUs.

    A serving engine's log speaks of one rank, and may leave its activations out.
    """
    if not reading.serves:
        return {
            part: sum(reading.total(kind, on_gpu=True) for kind in kinds)
            for part, (_, kinds, _) in KINDS.items()
            if kinds
        }
    found = {
        "weights": reading.total("weights", on_gpu=True),
        "kv_cache": reading.pool_bytes or 0,
        "activation": reading.total("activation", on_gpu=True),
    }
    return {part: size * ranks for part, size in found.items() if size}


def explanations(comparison: Comparison) -> tuple[Explanation, ...]:
    """Single changes to the question that would predict what is measured, the likeliest kinds first; none where it is
    predicted already.
    """
    measured = comparison.total.measured
    if not measured or comparison.total.inside:
        return ()
    found: list[Explanation] = []
    for kind in (_formats, _contexts, _batches, _caches, _layers):
        best: Explanation | None = None
        for title, change in kind(comparison.answer.request):
            try:
                predicted = _total(plan(comparison.answer.request.changed(**change)))
            except PlanError:
                continue
            error = abs(predicted.expected - measured)
            near = error <= CLOSE * measured or predicted.low <= measured <= predicted.high
            if near and (best is None or error < abs(best.predicted.expected - measured)):
                best = Explanation(title, change, predicted)
        found += [best] if best else []
    return tuple(found[:MOST_EXPLANATIONS])


def record(comparison: Comparison, conditions: str, source: str = "") -> dict[str, Any]:
    """The measurement in the schema of `data/measurements/`, ready to contribute once `source` says where it can be
    read.
    """
    request, measured = comparison.answer.request, {TOTAL: comparison.total.measured}
    reading = comparison.reading
    if reading and reading.serves:
        measured |= {
            "rank_weights_bytes": reading.total("weights", on_gpu=True),
            "pool_bytes": reading.pool_bytes,
            "pool_tokens": reading.pool_tokens,
        }
    elif reading:
        measured |= {
            RECORDED[row.part]: row.measured
            for row in comparison.parts
            if row.part in RECORDED and row.measured is not None
        }
    day = datetime.now(UTC).date().isoformat()
    names = [request.engine, comparison.answer.case.name.split("/")[-1], comparison.answer.memory.weights.format]
    names += [f"{spec.count}x-{spec.name}" for spec in request.gpus]
    return {
        "id": re.sub(r"[^a-z0-9.]+", "-", " ".join([*names, day]).lower()).strip("-"),
        "kind": request.engine,
        "request": request.given(),
        "measured": {name: size for name, size in measured.items() if size},
        "conditions": " ".join(conditions.split())[:500],
        "source": source.strip()[:500],
        "as_of": day,
    }


def _predicted(answer: Plan, components: Sequence[str]) -> Quantity:
    parts = tuple(getattr(device, name) for device in answer.memory.devices for name in components)
    return added("", parts) if parts else NOTHING


def _total(answer: Plan) -> Quantity:
    return (
        added("All GPUs", tuple(device.total for device in answer.memory.devices)) if answer.memory.devices else NOTHING
    )


Changes = Iterator[tuple[str, dict[str, Any]]]


def _formats(request: PlanRequest) -> Changes:
    for name in engine(request.engine).formats():
        if name != request.quantization:
            yield f"The weights are {name}", {"quantization": name}


def _contexts(request: PlanRequest) -> Changes:
    """Powers of two up to 2^20 and the usual starting values."""
    for tokens in sorted(
        {2**power for power in range(9, 21)} | {4_000, 10_000, 16_000, 32_000, 100_000} - {request.context}
    ):
        yield f"The context is {tokens:,} tokens", {"context": tokens}


def _batches(request: PlanRequest) -> Changes:
    for batch in (1, 2, 3, 4, 6, 8, 16, 32, 64):
        if batch != request.batch:
            yield f"It serves {batch:,} at once", {"batch": batch}


def _caches(request: PlanRequest) -> Changes:
    for name in ("fp16", "fp8", "q8_0", "q4_0"):
        if name != request.kv_cache_dtype:
            yield f"The KV cache is {name}", {"kv_cache_dtype": name}


def _layers(request: PlanRequest) -> Changes:
    if info(request.engine).splits_with_host:
        layers = plan(request).architecture.main.layers
        for count in range(len(layers)):
            yield f"{count} of {len(layers) + 1} layers are on the GPU", {"gpu_layers": count}
