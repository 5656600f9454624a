"""The same question for several engines, each with the format nearest to what is asked, and one sentence on where its
figures come from.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.core.errors import PlanError
from planner.core.units import mem
from planner.engines.info import info
from planner.plan import Plan, plan
from planner.request import PlanRequest

ENGINES = ("llama.cpp", "vllm", "transformers")


@dataclass(frozen=True, slots=True)
class Side:
    """One engine's answer: its plan, or why there is none, and a sentence on what makes its memory what it is."""

    engine: str
    answer: Plan | None
    why: str


def sides(answer: Plan) -> tuple[Side, ...]:
    """The plan as it is for its own engine, and the nearest question for the others."""
    bits = min((16, 8, 4), key=lambda n: abs(n - answer.memory.weights.bits_per_weight))
    return tuple(_side(answer if name == answer.request.engine else answer.request, name, bits) for name in ENGINES)


def _side(asked: Plan | PlanRequest, name: str, bits: int) -> Side:
    try:
        found = asked if isinstance(asked, Plan) else plan(_asked(asked, name, bits))
    except PlanError as error:
        return Side(name, None, str(error))
    return Side(name, found, WORDS[name](found))


def _asked(request: PlanRequest, name: str, bits: int) -> PlanRequest:
    """The same model, GPUs and lengths; what only the other engine understands is left to this one's own default."""
    own = {
        "engine_version": None,
        "backend": "auto",
        "gpu_layers": None,
        "cpu_moe_layers": None,
        "tensor_parallel": None,
        "pipeline_parallel": None,
    }
    published = request.quantization.lower() == "auto" and not info(request.engine).splits_with_host
    wanted = "auto" if published and not info(name).splits_with_host else info(name).formats[bits]
    cache = request.kv_cache_dtype if request.kv_cache_dtype in ("auto", "bf16", "fp16") else "auto"
    return request.model_copy(update={**own, "engine": name, "quantization": wanted, "kv_cache_dtype": cache})


def _llama(answer: Plan) -> str:
    devices, host = answer.memory.devices, answer.memory.host.total.expected
    cache = sum(d.kv_cache.expected + d.state.expected for d in devices) + answer.memory.host.kv_cache.expected
    rest = f", and {mem(host)} stand in system memory" if host > 2**30 else ""
    return (
        f"It allocates what is asked for and no more: {mem(answer.memory.weights.tensor_bytes.expected)} of weights and"
        f" {mem(cache)} of cache for {answer.request.batch:,} x {answer.request.context:,} tokens{rest}."
    )


def _vllm(answer: Plan) -> str:
    if answer.memory.refusal:
        return answer.memory.refusal
    pool, device = answer.memory.pool, max(answer.memory.devices, key=lambda d: d.total.expected)
    assert pool is not None
    return (
        f"It takes a fixed share of every card whatever the model: after {mem(device.weights.expected)} of weights,"
        f" {mem(pool.bytes.expected)} a card become cache for {pool.sequences:,.1f} requests of"
        f" {answer.request.context:,} tokens, used or not."
    )


def _transformers(answer: Plan) -> str:
    devices = answer.memory.devices
    cache = sum(d.kv_cache.expected + d.state.expected for d in devices)
    peak = max((d.activation.expected for d in devices), default=answer.memory.host.activation.expected)
    return (
        f"It grows as it goes: {mem(answer.memory.weights.tensor_bytes.expected)} of weights, {mem(cache)} of cache for"
        f" this batch, and {mem(peak)} more while the prompt is read in one piece."
    )


WORDS = {"llama.cpp": _llama, "vllm": _vllm, "transformers": _transformers}
