"""Sliders beside the exact fields: a format from small and lossy to large and exact, a context and a batch in powers of
two. Each is another handle of its field, and holds nothing of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from planner.core.data import table
from planner.core.errors import PlanError
from planner.core.units import gb
from planner.engines.registry import engine
from planner.plan import plan
from planner.request import PlanRequest
from ui.question.form import PLAN
from ui.question.models import upload, with_config

SMALLEST_CONTEXT = 512
MOST_AT_ONCE = 1_024
FEWEST = 2
"""A slider needs two ends."""


def quantization(moved: Callable[[], None]) -> None:
    """The engine's formats of this model by size; the label says what the one chosen weighs and loses."""
    try:
        request = with_config(PLAN.read(upload()))
        sizes = _sizes(request)
    except PlanError:
        return  # the answer says so
    names = list(sizes)
    labels = {label: name for name, (_, label) in sizes.items()}
    chosen = request.quantization if request.quantization in sizes else labels.get(_published(request), "")
    if chosen not in sizes or len(names) < FEWEST:
        return
    loss = _losses().get(chosen)
    said = f", perplexity +{loss:.2g}" if loss is not None else ""
    label = f"Format: {gb(sizes[chosen][0])}{said}"
    _slider(label, "quantization", names, chosen, lambda name: name, moved, "From small and lossy to large and exact.")


def context(moved: Callable[[], None]) -> None:
    """Powers of two up to the model's own."""
    value = int(PLAN.value("context") or PLAN.default("context"))
    steps = _doubling(SMALLEST_CONTEXT, _most_context(), value)
    _slider("Context", "context", steps, value, _short, moved)


def batch(moved: Callable[[], None]) -> None:
    """Powers of two."""
    value = int(PLAN.value("batch") or PLAN.default("batch"))
    steps = _doubling(1, MOST_AT_ONCE, value)
    _slider("At once", "batch", steps, value, _short, moved)


def _slider(
    label: str,
    field: str,
    options: Sequence[Any],
    value: Any,
    words: Callable[[Any], str],
    moved: Callable[[], None],
    help: str | None = None,
) -> None:
    key = f"slide:{field}"
    st.session_state[key] = value

    def move() -> None:
        st.session_state[PLAN.key(field)] = st.session_state[key]
        moved()

    st.select_slider(label, options, key=key, format_func=words, on_change=move, help=help)


def _doubling(first: int, last: int, value: int) -> list[int]:
    """Powers of two from the first to the last, both ends and the value among them."""
    steps = {first, last, value}
    while first < last:
        steps.add(first)
        first *= 2
    return sorted(steps)


def _short(number: int) -> str:
    """A number of tokens or sequences on a slider: `512`, `8k`, `1M`."""
    for size, letter in ((2**20, "M"), (2**10, "k")):
        if number >= size and number % size == 0:
            return f"{number // size}{letter}"
    return f"{number:,}"


def _most_context() -> int:
    try:
        return max(plan(with_config(PLAN.read(upload()))).architecture.max_context, 2 * SMALLEST_CONTEXT)
    except PlanError:
        return 2**17


def _published(request: PlanRequest) -> str:
    """What the format that is planned is called, whichever was asked for."""
    try:
        return plan(request).memory.weights.format
    except PlanError:
        return ""


def _losses() -> dict[str, float]:
    return {row["file_type"]: float(row["perplexity_increase"]) for row in table("gguf_quality")}


def _sizes(request: PlanRequest) -> dict[str, tuple[int, str]]:
    """The formats that the engine has of this model, the smallest first: what its files weigh, bytes, and what the
    format is called.
    """
    key = (request.model, request.engine, id(request.config) if request.config else None)
    kept: dict[Any, dict[str, tuple[int, str]]] = st.session_state.setdefault("format_sizes", {})
    if key not in kept:
        kept.clear()
        kept[key] = _weigh(request)
    return kept[key]


def _weigh(request: PlanRequest) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    for name in engine(request.engine).formats():
        try:
            weights = plan(request.changed(quantization=name, context=SMALLEST_CONTEXT, batch=1)).memory.weights
        except PlanError:
            continue
        if weights.format not in {label for _, label in found.values()}:
            found[name] = int(weights.file_bytes.expected), weights.format
    return dict(sorted(found.items(), key=lambda row: row[1]))
