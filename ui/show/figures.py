"""The key figures beside the verdict, each with the way it was derived."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import streamlit as st

from planner.core.formula import Step
from planner.core.units import gb, mem
from planner.memory import kv_cache
from planner.memory.quantity import Quantity, added
from planner.plan import Plan
from planner.quantization.cache_types import cache_type
from planner.report.word import pace
from ui.show.derivations import derivation

SEARCHED = """The engine's memory is planned again with other values, halving the interval
until the largest one that does not fail is found.
The model itself declares at most {most:,} tokens."""


WIDTH = 220
"""Pixels of a figure: four in a row on a desktop, one on a phone."""


@dataclass(frozen=True)
class Figure:
    """One key figure: what it is, its value, what stands under it, and its steps."""

    label: str
    value: str
    under: str
    steps: Iterable[Step]
    words: str = ""


ARITHMETIC = "arithmetic"
"""The switch that opens the derivation of each figure."""


def figures(plan: Plan) -> None:
    """The three figures that answer: memory, speed, and how long a context may get."""
    row(_answers(plan), "figure")


def more_figures(plan: Plan) -> None:
    """Those that explain them: the file, the cache, and how many sequences fit."""
    row(_parts(plan), "part")


def row(found: Iterable[Figure], key: str) -> None:
    """Figures side by side, each with its derivation behind the one switch; they wrap on narrow screens."""
    with st.container(horizontal=True, gap="small"):
        for index, figure in enumerate(found):
            with st.container(width=WIDTH, gap=None):
                st.metric(figure.label, figure.value, figure.under, delta_color="off", delta_arrow="off")
                if st.session_state.get(ARITHMETIC):
                    derivation("How", figure.steps, f"{key}:{index}", figure.words)


def _answers(plan: Plan) -> tuple[Figure, ...]:
    capacity, request = plan.capacity, plan.request
    memory = _memory(plan)
    if plan.memory.refusal:  # what does not start has no speed
        return (memory,)
    searched = SEARCHED.format(most=plan.architecture.max_context)
    longest = Figure(
        "Largest context", f"{capacity.max_context:,}", f"tokens, at batch {request.batch:,}", _pool(plan), searched
    )
    return memory, _decode(plan), longest


def _parts(plan: Plan) -> tuple[Figure, ...]:
    memory, capacity, request = plan.memory, plan.capacity, plan.request
    _, elements, size = cache_type(request.kv_cache_dtype)
    per_token = kv_cache.bytes_per_token(plan.architecture, (elements, size))
    caches = [part for device in memory.devices for part in (device.kv_cache, device.state)] + [memory.host.kv_cache]
    cache = added("KV cache of all devices", tuple(caches))
    disk = Figure(
        "Weights on disk",
        mem(memory.weights.file_bytes.expected),
        f"{gb(memory.weights.file_bytes.expected)}, {memory.weights.bits_per_weight:.2f} bit",
        [*memory.weights.tensor_bytes.steps, *memory.weights.file_bytes.steps],
    )
    if memory.refusal:  # what does not start has no cache
        return (disk,)
    return (
        disk,
        Figure(
            "KV cache",
            mem(cache.expected),
            f"{mem(per_token.value)} a token",
            [
                *kv_cache.per_token_steps(plan.architecture, (elements, size)),
                per_token,
                *chain.from_iterable(part.steps for part in caches),
                *cache.steps,
            ],
        ),
        Figure(
            "Largest batch",
            f"{capacity.max_batch:,}",
            f"at {request.context:,} tokens each",
            _pool(plan),
            SEARCHED.format(most=plan.architecture.max_context),
        ),
    )


def _memory(plan: Plan) -> Figure:
    """What all devices need of what they have."""
    memory = plan.memory
    needed, usable = _needed(plan)
    parts = chain.from_iterable(part.steps for device in memory.devices for part in (*device.parts, device.total))
    split = memory.devices and memory.gpu_layers is not None and plan.fit.verdict == "offload"
    on_host = f"; {mem(memory.host.total.expected)} in RAM" if split else ""
    return Figure(
        "GPU memory" if memory.devices else "System memory",
        mem(needed.expected),
        f"of {mem(usable)}{on_host}",
        [*parts, *memory.host.total.steps, *needed.steps],
        _range(needed),
    )


def _decode(plan: Plan) -> Figure:
    """Output tokens a second, which the range belongs to as much as the figure."""
    speed = plan.speed
    rate, bound = speed.decode_tokens_per_s, LIMITS[speed.limit]
    words = (
        f"Between {quick(rate.low)} and {quick(rate.high)} tokens/s in eight cases of ten."
        f" {bound[0].upper()}{bound[1:]} sets the pace. {speed.extrapolated}"
    )
    streams = f"Decode, {speed.assumes.streams:,.0f} streams" if speed.assumes.streams >= 1.5 else "Decode"
    return Figure(
        streams,
        f"{quick(rate.expected)} tok/s",
        f"{quick(rate.low)} to {quick(rate.high)}: {pace(speed.decode_tokens_per_s_per_sequence.expected)}",
        rate.steps,
        f"For {speed.assumes.sentence()}. {words}",
    )


LIMITS = {
    "bandwidth": "reading weights and cache from GPU memory",
    "compute": "arithmetic",
    "link": "the exchange between GPUs",
    "overhead": "work beside reading and computing",
    "host": "the part in system memory",
}
"""What bounds decoding, in words."""


def quick(rate: float) -> str:
    """A rate with three significant digits and thousands separators: `3.21`, `142`, `12,300`."""
    if rate >= 100:
        digits = max(len(str(int(rate))) - 3, 0)
        return f"{round(rate, -digits):,.0f}"
    return f"{rate:.3g}"


def _needed(plan: Plan) -> tuple[Quantity, int]:
    """What all GPUs together need and can give; without GPUs, the host."""
    devices = plan.memory.devices
    if not devices:
        return plan.memory.host.total, plan.case.ram_bytes
    return added("All GPUs", tuple(device.total for device in devices)), sum(device.usable_bytes for device in devices)


def _range(needed: Quantity) -> str:
    return f"Between {mem(needed.low)} and {mem(needed.high)} in eight cases of ten."


def _pool(plan: Plan) -> tuple[Step, ...]:
    return plan.memory.pool.bytes.steps if plan.memory.pool else ()
