"""Ways out of a plan that doesn't fit: changes to the request, each tried before it is offered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from planner.engine_info import info
from planner.engines.base import Case
from planner.engines.registry import engine
from planner.engines.vllm_budget import free_share
from planner.errors import PlanError
from planner.hardware.catalog import Gpu
from planner.memory.quantity import Memory
from planner.verdict import Fit, judge

MOST = 6
"""Ways offered at most: more is a catalogue, not advice."""

ALL = 1_000_000
"""More layers than any model has."""


@dataclass(frozen=True)
class WayOut:
    """One change that makes the plan fit.

    Attributes:
        title: what to do, in a few words, as on a button.
        change: the request fields to set.
        verdict: of the changed plan.
        reason: its sentence.
    """

    title: str
    change: dict[str, Any]
    verdict: str
    reason: str


def ways_out(case: Case) -> tuple[WayOut, ...]:
    """The first change of each kind that works: a share of what is free, smaller weights, smaller cache, shorter context, fewer sequences, more GPUs."""
    found = []
    now = _memory(case)
    kinds = (_able(case), _other_engines(case)) if now is not None and now.unable else _smaller(case)
    for candidates in kinds:
        for title, changed, change in candidates:
            fit = _try(changed)
            if fit is not None and fit.on_gpus:
                found.append(WayOut(title, change, fit.verdict, fit.reason))
                break
    return tuple(found[:MOST])


Candidates = Iterator[tuple[str, Case, dict[str, Any]]]


def _smaller(case: Case) -> tuple[Candidates, ...]:
    return _shares(case), _formats(case), _cache_types(case), _contexts(case), _batches(case), _more_gpus(case)


def _shares(case: Case) -> Candidates:
    """vLLM beside other programs: the share of the card that is free now."""
    memory = _memory(case)
    if case.request.engine == "vllm" and memory and any(gpu.free_mib is not None for gpu in case.gpus):
        share = free_share(case, memory.devices)
        if share:
            yield f"Take {share:.0%} of the GPU memory", case.with_request(gpu_memory_utilization=share), {"gpu_memory_utilization": share}


def _able(case: Case) -> Candidates:
    """Formats that the card can run, the nearest in size first."""
    now = _memory(case)
    size = now.weights.tensor_bytes.expected if now else 0
    found = [(memory.weights.tensor_bytes.expected, name) for name in engine(case.request.engine).formats() if (memory := _try_format(case, name))]
    for _, name in sorted(found, key=lambda item: abs(item[0] - size)):
        yield f"Use {name}", case.with_request(quantization=name), {"quantization": name}


def _try_format(case: Case, name: str) -> Memory | None:
    memory = _memory(case.with_request(quantization=name))
    return None if memory is None or memory.unable else memory


def _other_engines(case: Case) -> Candidates:
    """The engines that run on most hardware, with their own format."""
    for name in ("llama.cpp", "mlx", "transformers", "vllm"):
        if name != case.request.engine:
            changed = {"engine": name, "engine_version": None, "quantization": info(name).usual_format}
            yield f"Use {engine(name).title}", case.with_request(**changed), changed


def _formats(case: Case) -> Candidates:
    """Formats smaller than this one, largest first."""
    runner = engine(case.request.engine)
    sizes: list[tuple[int, str]] = []
    for name in runner.formats():
        memory = _memory(_whole(case.with_request(quantization=name)))
        if memory is not None:
            sizes.append((memory.weights.tensor_bytes.expected, name))
    now = _memory(case)
    limit = now.weights.tensor_bytes.expected if now else 0
    for size, name in sorted(sizes, reverse=True):
        if size < limit:
            yield f"Use {name}", case.with_request(quantization=name), {"quantization": name}


def _cache_types(case: Case) -> Candidates:
    for name in info(case.request.engine).caches:
        if case.request.kv_cache_dtype != name:
            yield f"Keep the KV cache in {name}", case.with_request(kv_cache_dtype=name), {"kv_cache_dtype": name}


def _contexts(case: Case) -> Candidates:
    context = 1 << (case.request.context - 1).bit_length() >> 1
    while context >= 512:
        yield f"Shorten the context to {context:,} tokens", case.with_request(context=context), {"context": context}
        context >>= 1


def _batches(case: Case) -> Candidates:
    batch = case.request.batch // 2
    while batch >= 1:
        yield f"Run {batch:,} at once" if batch > 1 else "Run one at a time", case.with_request(batch=batch), {"batch": batch}
        batch //= 2


def _more_gpus(case: Case) -> Candidates:
    """The same GPUs, more of them: two, four, eight of the last kind."""
    if not case.gpus:
        return
    last: Gpu = case.gpus[-1]
    specs = case.request.gpus
    same = sum(1 for gpu in case.gpus if gpu == last)
    for count in (2, 3, 4, 8, 16):
        if count <= same:
            continue
        grown = specs[-1].model_copy(update={"count": specs[-1].count + count - same})
        request = case.request.model_copy(update={"gpus": (*specs[:-1], grown), "tensor_split": None})
        change = {"gpus": [spec.model_dump(exclude_defaults=True) for spec in request.gpus]}
        yield f"Use {count}x {last.name}", replace(case, request=request, gpus=case.gpus + (last,) * (count - same)), change


def _memory(case: Case) -> Memory | None:
    try:
        return engine(case.request.engine).memory(case)
    except PlanError:
        return None


def _try(case: Case) -> Fit | None:
    memory = _memory(_whole(case))
    return None if memory is None else judge(case, memory)


def _whole(case: Case) -> Case:
    """The case with all layers on the GPUs, where the engine would else search for how many fit: only a plan that is whole is a way out."""
    request = case.request
    if not info(request.engine).splits_with_host or request.gpu_layers is not None or not case.gpus:
        return case
    return case.with_request(gpu_layers=ALL)
