"""Predicted against measured: every record in `data/measurements/` planned as if nothing were known of it.

A record is {id, kind, request, measured, conditions, source, as_of}; `measured` names figures of `FIGURES`, and
`question`, where it is not `plan`, names the row of `QUESTIONS` that answers the request. Where the source rounds,
`printed` has for a figure the least and the most that it may have been; where we believe to know why a record differs,
`note` says it. A new kind of measurement is a file and rows here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any

from planner.core.data import FOLDER
from planner.core.errors import PlanError
from planner.core.estimate import Estimate
from planner.memory.quantity import COMPONENTS, NOTHING, DeviceMemory, Quantity, added
from planner.plan import Plan, plan
from planner.request import PlanRequest
from planner.training.plan import train
from planner.training.request import TrainRequest

Range = Quantity | Estimate
"""Both have low, expected, high and steps."""

QUESTIONS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "plan": lambda request: plan(PlanRequest.read(request)),
    "train": lambda request: train(TrainRequest.read(request)),
}
"""What a record's request asks, and who answers it."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that records measure: its name on screen, its unit (`bytes`, `tokens`, `tokens/s`, `W`, `s`, or `` for
    yes or no), and where an answer has it.
    """

    title: str
    unit: str
    of: Callable[[Any], Range]


def _sum(*parts: str) -> Callable[[Plan], Quantity]:
    """These components added over all GPUs."""
    return lambda answer: added("", tuple(getattr(device, part) for device in answer.memory.devices for part in parts))


def _fullest(answer: Plan) -> Quantity:
    weights: Callable[[DeviceMemory], int] = lambda device: device.weights.expected  # noqa: E731
    return max(answer.memory.devices, key=weights).weights


def _count(value: int) -> Quantity:
    return Quantity(value, value, value)


FIGURES: dict[str, Figure] = {
    "file_bytes": Figure("GGUF file", "bytes", lambda answer: answer.memory.weights.file_bytes),
    "tensor_bytes": Figure("GGUF tensors", "bytes", lambda answer: answer.memory.weights.tensor_bytes),
    "gpu_weights_bytes": Figure("weights on the GPUs", "bytes", _sum("weights")),
    "gpu_cache_bytes": Figure("cache on the GPUs", "bytes", _sum("kv_cache", "state")),
    "gpu_compute_bytes": Figure("compute buffers", "bytes", _sum("activation")),
    "gpu_buffer_bytes": Figure("all buffers on the GPUs", "bytes", _sum("weights", "kv_cache", "state", "activation")),
    "gpu_total_bytes": Figure("all that the process holds on the GPUs", "bytes", _sum(*COMPONENTS)),
    "rank_weights_bytes": Figure("weights of the fullest GPU", "bytes", _fullest),
    "allocated_bytes": Figure("allocated by PyTorch", "bytes", _sum("weights", "kv_cache", "state", "activation")),
    "pool_bytes": Figure(
        "KV cache pool", "bytes", lambda answer: answer.memory.pool.bytes if answer.memory.pool else NOTHING
    ),
    "pool_tokens": Figure(
        "tokens in the pool", "tokens", lambda answer: answer.memory.pool.token_range if answer.memory.pool else NOTHING
    ),
    "starts": Figure("starts or not", "", lambda answer: _count(int(answer.fit.verdict != "does_not_fit"))),
    "prefill_tokens_per_s": Figure("reading a prompt", "tokens/s", lambda answer: answer.speed.prefill_tokens_per_s),
    "decode_tokens_per_s": Figure("generating", "tokens/s", lambda answer: answer.speed.decode_tokens_per_s),
    "throughput_tokens_per_s": Figure(
        "throughput of a server", "tokens/s", lambda answer: answer.speed.throughput_tokens_per_s
    ),
    "time_to_first_token_s": Figure("first token", "s", lambda answer: answer.speed.time_to_first_token_s),
    "watts": Figure("power of the GPUs", "W", lambda answer: answer.speed.watts),
    "train_allocated_bytes": Figure("allocated at most while training", "bytes", lambda answer: answer.peak_allocated),
    "train_reserved_bytes": Figure(
        "reserved by PyTorch at most while training", "bytes", lambda answer: answer.peak_reserved
    ),
    "train_peak_bytes": Figure("on the device at most while training", "bytes", lambda answer: answer.peak),
    "train_tokens_per_s": Figure("speed of training", "tokens/s", lambda answer: answer.speed.tokens_per_s),
}
"""Each figure that a record may measure."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measured figure beside its prediction; `predicted` is None where the planner refused, with the reason."""

    record: dict[str, Any]
    figure: str
    measured: float
    predicted: Range | None
    refusal: str = ""

    @property
    def error(self) -> float:
        """(predicted - measured) / measured; infinite for a refusal."""
        if self.predicted is None:
            return float("inf")
        if not self.measured:
            return float(self.predicted.expected != 0)
        return (self.predicted.expected - self.measured) / self.measured

    @property
    def inside(self) -> bool:
        return self.predicted is not None and self.predicted.low <= self.measured <= self.predicted.high

    @property
    def standing(self) -> str:
        """How a size that should be exact compares, one of `STANDINGS`."""
        low, high = self.record.get("printed", {}).get(self.figure, (self.measured, self.measured))
        if abs(self.error) <= CLOSE:
            return STANDINGS[0]
        if self.predicted is not None and low <= self.predicted.expected <= high:
            return STANDINGS[1]
        return STANDINGS[2 if self.record.get("note") else 3]


CLOSE = 0.003
STANDINGS = (f"within {CLOSE:.1%}", "within what the source rounds", "explained in the record", "unexplained")
EXACT = ("file_bytes", "tensor_bytes")
"""Figures that are exact, so that each difference wants a reason."""


def standings(compared: Iterable[Comparison]) -> dict[str, dict[str, int]]:
    """For each figure that should be exact, how many of its records stand where."""
    found: dict[str, dict[str, int]] = {}
    for one in compared:
        if one.figure in EXACT and one.record["kind"] == "gguf":
            counts = found.setdefault(one.figure, dict.fromkeys(STANDINGS, 0))
            counts[one.standing] += 1
    return found


def standing_sentence(figure: str, counts: Mapping[str, int]) -> str:
    """`GGUF file: of 171 records 145 are within 0.3%, 24 within what the source rounds, ...`"""
    parts = [f"{count:,} {'are ' if index == 0 else ''}{name}" for index, (name, count) in enumerate(counts.items())]
    return f"{FIGURES[figure].title}: of {sum(counts.values()):,} records {', '.join(parts[:-1])} and {parts[-1]}."


@dataclass(frozen=True, slots=True)
class Summary:
    """How well one figure is predicted over its records."""

    kind: str
    figure: str
    records: int
    median_error: float
    p90_error: float
    worst_error: float
    inside: float
    width: float


@cache
def records() -> tuple[dict[str, Any], ...]:
    """Every measurement, in the order of the files."""
    lines = [
        line
        for path in sorted((FOLDER / "measurements").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    return tuple(json.loads(line) for line in lines if line)


def compare(record: dict[str, Any]) -> list[Comparison]:
    """Answer a record's request and set each measured figure beside the answer's."""
    try:
        answer = QUESTIONS[record.get("question", "plan")](record["request"])
    except PlanError as error:
        return [
            Comparison(record, figure, measured, None, str(error)) for figure, measured in record["measured"].items()
        ]
    return [
        Comparison(record, figure, measured, FIGURES[figure].of(answer))
        for figure, measured in record["measured"].items()
    ]


@cache
def comparisons_of(kind: str) -> tuple[Comparison, ...]:
    """Those of one kind, computed once: neither the records nor the planner change while it runs."""
    return tuple(comparison for record in records() if record["kind"] == kind for comparison in compare(record))


def comparisons() -> tuple[Comparison, ...]:
    """All of them, kind by kind."""
    return tuple(
        comparison
        for kind in dict.fromkeys(record["kind"] for record in records())
        for comparison in comparisons_of(kind)
    )


def figures_measured() -> tuple[tuple[str, str], ...]:
    """Each kind with each figure that its records measure, in the order of the files; nothing is planned for it."""
    return tuple(dict.fromkeys((record["kind"], figure) for record in records() for figure in record["measured"]))


def summaries(compared: Iterable[Comparison]) -> list[Summary]:
    """Median, 90th percentile and worst of the absolute errors by kind and figure; a refusal counts as the worst."""
    groups: dict[tuple[str, str], list[Comparison]] = {}
    for comparison in compared:
        groups.setdefault((comparison.record["kind"], comparison.figure), []).append(comparison)
    return [_summary(kind, figure, group) for (kind, figure), group in groups.items()]


def _summary(kind: str, figure: str, group: list[Comparison]) -> Summary:
    errors = sorted(abs(comparison.error) for comparison in group)
    widths = [
        (c.predicted.high - c.predicted.low) / c.predicted.expected
        for c in group
        if c.predicted and c.predicted.expected
    ]
    return Summary(
        kind, figure, len(group), median(errors), errors[min(len(errors) - 1, int(len(errors) * 0.9))], errors[-1],
        sum(comparison.inside for comparison in group) / len(group), median(widths) if widths else 0.0,
    )  # fmt: skip


KINDS = {
    "gguf": "published GGUF files",
    "llama.cpp": "llama.cpp, from logs",
    "vllm": "vLLM, from logs",
    "transformers": "Transformers",
    "speed single": "speed of one stream",
    "speed server": "speed of a server",
    "speed under load": "speed of a server under load",
    "speed batch": "speed of several streams",
    "speed offload": "speed, partly in system memory",
    "training": "fine-tuning, published runs",
    "training before 2024-07": "fine-tuning with bitsandbytes before 0.43.2",
    "training, chunked outputs": "fine-tuning with torchtune's loss of 2024",
    "training on its model class": "fine-tuning on PyTorch's allocator",
}
"""Each kind of record as a reader knows it."""


def markdown(rows: Iterable[Summary]) -> str:
    """Every row of the comparison as a Markdown table: what the README shows, none left out."""
    lines = ["| predicted | measurements | median error | 9 in 10 within | ranges hold |", "|---|---|---|---|---|"]
    for row in rows:
        held = f"{row.inside:.0%}" if row.width or not FIGURES[row.figure].unit else ""
        title = f"{KINDS.get(row.kind, row.kind)}: {FIGURES[row.figure].title}"
        lines.append(f"| {title} | {row.records} | {_percent(row.median_error)} | {_percent(row.p90_error)} | {held} |")
    return "\n".join(lines)


def _percent(error: float) -> str:
    """Two digits below 10%, whole percents from there on."""
    return f"{error:.0%}" if error >= 0.0995 else f"{error:.2%}" if error < 0.00995 else f"{error:.1%}"
