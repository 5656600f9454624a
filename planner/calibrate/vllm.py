"""Fit vLLM's budget:

`python -m planner.calibrate.vllm` prints the coefficients and their errors, fitted and leaving one source out.

Reads `data/measurements/vllm_budget.csv`, the terms that start-up logs print. The sampler's copies of the logits by
version, libraries by version, and graphs = (a + b * layers + c for experts + d where they are in 4 bit), times e with
tensor parallel. What is fitted here is what `data/calibration/vllm.csv` and `vllm_graphs.csv` hold, rounded; a test
compares them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import linear_regression, mean, median
from typing import Any

from planner.calibrate.report import Fit, fit_report, shown
from planner.case import Case
from planner.core.data import table
from planner.core.units import GIB
from planner.engines.versions import parse_version
from planner.engines.vllm import budget as vllm_budget
from planner.engines.vllm.engine import ENGINE
from planner.parallelism.degrees import resolve_degrees
from planner.plan import resolve_case
from planner.quantization.published import has_experts, scheme_for
from planner.request import PlanRequest

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
            {
                "model": row["model"],
                "engine": "vllm",
                "engine_version": row["engine_version"],
                "quantization": row["quantization"],
                "gpus": [gpu],
                **fields,
            }
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
        (peak, one), (above, _) = (
            activation_gib(row),
            activation_gib(row, float(vllm_budget.settings(case_of(row)).text("logit_copies")) + 0.1),
        )
        if above - peak > 0.09 * one:
            bound.append((float(row["activation_gib"]) - peak, one))
    start = float(vllm_budget.settings(case_of(rows[0])).text("logit_copies"))
    return start + (sum(error * one for error, one in bound) / sum(one * one for _, one in bound) if bound else 0.0)


def graph_terms(row: Row) -> tuple[int, int, int]:
    """Layers of a stage; whether there are experts; whether those are in 4 bit."""
    case = case_of(row)
    model, scheme = case.architecture, scheme_for(case.architecture, ENGINE.quantization(case))
    return (
        -(-len(model.main.layers) // int(row["pipeline_parallel"])),
        int(has_experts(model)),
        int(vllm_budget.four_bit_experts(model, scheme)),
    )


Graphs = tuple[float, float, float, float, float]


def fit_graphs(rows: Sequence[Row]) -> Graphs:
    """Base, a layer, experts, and experts in 4 bit, in GiB: a line through the dense models, and the mean excess of the
    others; then tensor parallel's share.

    The share scales all terms, so both are found in turn until they settle.
    """
    found, share = [(graph_terms(row), int(row["tensor_parallel"]) > 1, float(row["graphs_gib"])) for row in rows], 1.0
    for _ in range(20):
        whole = [(terms, size / (share if cut else 1)) for terms, cut, size in found]
        slope, base = linear_regression(
            *zip(*[(layers, size) for (layers, sparse, _), size in whole if not sparse], strict=True)
        )
        wide = [size - base - slope * layers for (layers, sparse, four), size in whole if sparse and not four]
        experts = mean(wide) if wide else 0.0
        narrow = [size - base - slope * layers - experts for (layers, _, four), size in whole if four]
        four_bit = mean(narrow) if narrow else 0.0
        cut_rows = [
            (size, base + slope * layers + experts * sparse + four_bit * four)
            for (layers, sparse, four), cut, size in found
            if cut
        ]
        share = sum(size * one for size, one in cut_rows) / sum(one * one for _, one in cut_rows) if cut_rows else 1.0
    return base, slope, experts, four_bit, share


def graph_error(row: Row, fitted: Graphs) -> float:
    layers, sparse, four = graph_terms(row)
    size = fitted[0] + fitted[1] * layers + fitted[2] * sparse + fitted[3] * four
    return size * (fitted[4] if int(row["tensor_parallel"]) > 1 else 1) - float(row["graphs_gib"])


def eras() -> dict[str, list[Row]]:
    """Rows that give the activation peak, by the calibration row they fall under, in order."""
    found: dict[str, list[Row]] = {}
    for row in table("measurements/vllm_budget"):
        if row["activation_gib"]:
            found.setdefault(vllm_budget.settings(case_of(row)).text("since"), []).append(row)
    return dict(sorted(found.items(), key=lambda item: parse_version(item[0])))


def with_graphs() -> list[Row]:
    """Rows that give the size of the graphs."""
    return [row for row in table("measurements/vllm_budget") if row["graphs_gib"]]


def _copies_error(row: Row, copies: float) -> float:
    return activation_gib(row, copies)[0] - float(row["activation_gib"])


def fits() -> list[Fit]:
    """The sampler's copies by version, and the graphs."""
    found = []
    for since, group in eras().items():
        what = f"copies of the logits from {since}: {fit_copies(group):.2f}"
        found.append(fit_report("vllm", what, "GiB", group, fit_copies, _copies_error, _source, _model))
    measured = with_graphs()
    base, slope, experts, four, share = fit_graphs(measured)
    what = (
        f"CUDA graphs: {base:.2f} + {slope:.4f} a layer + {experts:.2f} with experts + {four:.2f} in 4 bit, times"
        f" {share:.2f} with tensor parallel"
    )
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
            groups.setdefault((vllm_budget.settings(case_of(row)).text("since"), name), []).append(
                float(row["non_torch_gib"])
            )
    return [
        f"libraries from {since}, {name}: median {median(sizes):.2f} GiB of {len(sizes)}"
        for (since, name), sizes in groups.items()
    ]


if __name__ == "__main__":
    print("\n".join([*map(shown, fits()), *libraries()]))
