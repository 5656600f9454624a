"""Fit vLLM's budget: `python -m planner.calibrate.vllm` prints the coefficients and their errors, fitted and leaving one source out.

Reads `data/measurements/vllm_budget.csv`, the terms that start-up logs print. The sampler's copies of the logits by version,
libraries by version, and graphs = a + b * layers + c for experts + d where they are in 4 bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import linear_regression, mean, median
from typing import Any

from planner.calibrate.report import Fit, fit_report, shown
from planner.data import table
from planner.engines import vllm_budget
from planner.engines.base import Case
from planner.engines.versions import parse_version
from planner.engines.vllm import ENGINE
from planner.parallelism.degrees import resolve_degrees
from planner.plan import resolve_case
from planner.quantization.published import has_experts, scheme_for
from planner.request import PlanRequest
from planner.units import GIB

Row = dict[str, str]


def case_of(row: Row) -> Case:
    """The plan that a measured row is about."""
    gpu: dict[str, Any] = {"name": row["gpu"], "count": int(row["gpus"])}
    if row["memory_mib"]:
        gpu["memory_mib"] = int(row["memory_mib"])
    names = ("tensor_parallel", "pipeline_parallel", "context", "max_num_batched_tokens", "max_num_seqs")
    fields = {name: int(row[name]) for name in names if row[name]}
    return resolve_case(
        PlanRequest.read(
            {"model": row["model"], "engine": "vllm", "engine_version": row["engine_version"], "quantization": row["quantization"], "gpus": [gpu], **fields}
        )
    )


def activation_gib(row: Row, copies: float | None = None) -> tuple[float, float]:
    """The predicted activation peak with this many copies of the logits, and what one copy takes; in GiB."""
    case = case_of(row)
    degrees, _ = resolve_degrees(case, ENGINE.title)
    use = vllm_budget.settings(case)
    if copies is not None:
        use = replace(use, row=tuple((name, str(copies) if name == "logit_copies" else text) for name, text in use.row))
    scheme = scheme_for(case.architecture, ENGINE.quantization(case))
    peak = vllm_budget.activation(case.architecture, scheme, degrees, use, degrees.pipeline - 1)
    return peak.expected / GIB, 4 * use.sequences * case.architecture.vocab_size / GIB


def fit_copies(rows: Sequence[Row]) -> float:
    """Least squares for the copies of the logits over rows of one calibration where the sampler is the peak."""
    bound = []
    for row in rows:
        (peak, one), (above, _) = activation_gib(row), activation_gib(row, float(vllm_budget.settings(case_of(row)).text("logit_copies")) + 0.1)
        if above - peak > 0.09 * one:
            bound.append((float(row["activation_gib"]) - peak, one))
    start = float(vllm_budget.settings(case_of(rows[0])).text("logit_copies"))
    return start + (sum(error * one for error, one in bound) / sum(one * one for _, one in bound) if bound else 0.0)


def graph_terms(row: Row) -> tuple[int, int, int]:
    """Layers of a stage; whether there are experts; whether those are in 4 bit."""
    case = case_of(row)
    model, scheme = case.architecture, scheme_for(case.architecture, ENGINE.quantization(case))
    return -(-len(model.main.layers) // int(row["pipeline_parallel"])), int(has_experts(model)), int(vllm_budget.four_bit_experts(model, scheme))


def fit_graphs(rows: Sequence[Row]) -> tuple[float, float, float, float]:
    """Base, a layer, experts, and experts in 4 bit, in GiB: a line through the dense models, and the mean excess of the others."""
    found = [(graph_terms(row), float(row["graphs_gib"])) for row in rows]
    dense = [(layers, size) for (layers, sparse, _), size in found if not sparse]
    slope, base = linear_regression(*zip(*dense, strict=True))
    wide = [size - base - slope * layers for (layers, sparse, four), size in found if sparse and not four]
    experts = mean(wide) if wide else 0.0
    narrow = [size - base - slope * layers - experts for (layers, _, four), size in found if four]
    return base, slope, experts, mean(narrow) if narrow else 0.0


def graph_error(row: Row, fitted: tuple[float, float, float, float]) -> float:
    layers, sparse, four = graph_terms(row)
    return fitted[0] + fitted[1] * layers + fitted[2] * sparse + fitted[3] * four - float(row["graphs_gib"])


def fits() -> list[Fit]:
    """The sampler's copies by version, and the graphs."""
    rows = [row for row in table("measurements/vllm_budget") if row["activation_gib"]]
    eras: dict[str, list[Row]] = {}
    for row in rows:
        eras.setdefault(vllm_budget.settings(case_of(row)).text("since"), []).append(row)
    found = []
    for since, group in sorted(eras.items(), key=lambda item: parse_version(item[0])):
        what = f"copies of the logits from {since}: {fit_copies(group):.2f}"
        error: Callable[[Row, float], float] = lambda row, copies: activation_gib(row, copies)[0] - float(row["activation_gib"])  # noqa: E731
        found.append(fit_report("vllm", what, "GiB", group, fit_copies, error, _source, _model))
    measured = [row for row in table("measurements/vllm_budget") if row["graphs_gib"]]
    base, slope, experts, four = fit_graphs(measured)
    what = f"CUDA graphs: {base:.2f} + {slope:.4f} a layer + {experts:.2f} with experts + {four:.2f} where those are in 4 bit"
    return [*found, fit_report("vllm", what, "GiB", measured, fit_graphs, graph_error, _source, _model)]


def _source(row: Row) -> str:
    return row["source"]


def _model(row: Row) -> str:
    return row["model"]


def libraries() -> list[str]:
    """Medians of what lies outside PyTorch, by version and number of GPUs: read off, not fitted."""
    groups: dict[tuple[str, str], list[float]] = {}
    for row in table("measurements/vllm_budget"):
        if row["non_torch_gib"]:
            name = "tensor parallel" if int(row["tensor_parallel"]) > 1 else "one GPU"
            groups.setdefault((vllm_budget.settings(case_of(row)).text("since"), name), []).append(float(row["non_torch_gib"]))
    return [f"libraries from {since}, {name}: median {median(sizes):.2f} GiB of {len(sizes)}" for (since, name), sizes in groups.items()]


if __name__ == "__main__":
    print("\n".join([*map(shown, fits()), *libraries()]))
