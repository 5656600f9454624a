"""What the serving engines share: each rank holds its weights, and a pool of cache fills what its engine leaves of the
card.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from planner.architecture.tensors import Architecture
from planner.case import Case, Command
from planner.catalog.gpus import Gpu
from planner.core.errors import PlanError, did_you_mean
from planner.core.formula import Step
from planner.core.units import mem
from planner.engines import capabilities
from planner.memory import weights
from planner.memory.kv_cache import Block
from planner.memory.quantity import NOTHING, DeviceMemory, HostMemory, Memory, Pool, Quantity, added
from planner.memory.weights import Stage
from planner.parallelism.degrees import NODE_GPUS, Degrees
from planner.parallelism.tensor_parallel import heads_on_rank
from planner.quantization.cache_types import cache_type
from planner.quantization.formats import Scheme
from planner.quantization.published import scheme_for

QUANTIZED_BEFORE = frozenset({"awq-int4", "gptq-int4", "gptq-int8", "int8", "mxfp4", "nvfp4"})
"""Formats that serving engines load and do not make."""

DTYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}


@dataclass(frozen=True)
class Rank:
    """One GPU's share: its stage's weights, the pool that is left, the activation peak, and what lies outside."""

    stage: Stage
    pool: Quantity
    activation: Quantity
    overhead: Quantity
    budgeted: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """What the pool holds: tokens as the engine's log prints them, requests of the full context, and why it would not
    start.
    """

    tokens: int
    sequences: float = 0.0
    refusal: str = ""


def runnable(title: str, runs: tuple[str, ...], case: Case) -> str:
    """The format that the request names, in lower case, if the engine runs it.

    Raises:
        PlanError: naming the nearest that it runs.
    """
    wanted = case.request.quantization.lower()
    if wanted != "auto" and wanted not in runs:
        hint = did_you_mean(wanted, runs)
        raise PlanError(
            f"{title} does not run {case.request.quantization[:40]!r}.{hint} Choose one of {', '.join(runs)}, or"
            " llama.cpp for GGUF files.",
            "quantization",
        )
    return wanted


def served(case: Case, quantization: str) -> Scheme:
    """The scheme that a serving engine loads: a model published in 32 bit is served in 16 bit unless fp32 is
    asked for.
    """
    if quantization == "auto" and case.architecture.dtype == "fp32" and case.architecture.quantization is None:
        return scheme_for(case.architecture, "bf16")
    return scheme_for(case.architecture, quantization)


CACHES = ("auto", "bf16", "fp16", "fp8")


def needs_8_bit(case: Case) -> bool:
    """Whether the engine has kernels for this model's cache in 8 bit alone: attention over compressed entries,
    in vLLM.
    """
    kinds = {mixer.kind for layer, _ in case.architecture.main.distinct for mixer in layer.mixers}
    return case.request.engine == "vllm" and "compressed_attention" in kinds


def cache_block(title: str, case: Case, scheme: Scheme) -> Block:
    """How the cache is stored: the model's 16-bit type, or 8 bit.

    Raises:
        PlanError: for a type that only GGUF engines have, or one that the model's kernels don't.
    """
    asked = case.request.kv_cache_dtype
    wanted, elements, size = cache_type("fp8" if asked.lower() == "auto" and needs_8_bit(case) else asked, scheme.rest)
    if asked.lower() != "auto" and wanted not in CACHES:
        raise PlanError(
            f"{title} keeps its cache in the model's 16-bit type or in fp8, not in {asked[:20]}; choose auto or fp8.",
            "kv_cache_dtype",
        )
    if size == 2 * elements and needs_8_bit(case):
        raise PlanError(f"{title} keeps the cache of {case.name} in 8 bit only; choose auto or fp8.", "kv_cache_dtype")
    return elements, size


def lay_out(
    case: Case,
    scheme: Scheme,
    degrees: Degrees,
    rank: Callable[[Gpu, int], Rank],
    tokens: Callable[[list[Rank]], Held],
    note: str,
) -> Memory:
    """The ranks on their GPUs, the pool of the fullest, its tokens, and why the engine would not start."""
    made: dict[tuple[Gpu, int], Rank] = {}
    devices, ranks, refusal = [], [], ""
    caches = any(layer.caches for layer, _ in case.architecture.main.distinct)
    for index, gpu in enumerate(case.gpus):
        if index >= degrees.gpus:
            devices.append(DeviceMemory(gpu.name, index, gpu.capacity_bytes, gpu.usable_bytes))
            continue
        stage = index % (degrees.tensor * degrees.pipeline) // degrees.tensor
        if (gpu, stage) not in made:
            made[gpu, stage] = rank(gpu, stage)
        held = made[gpu, stage]
        ranks.append(held)
        cache = (
            Quantity(held.pool.expected, held.pool.expected, held.pool.expected, held.pool.steps)
            if caches and held.pool.expected > 0
            else NOTHING
        )
        devices.append(
            DeviceMemory(
                gpu.name,
                index,
                gpu.capacity_bytes,
                gpu.usable_bytes,
                weights=held.stage.bytes,
                kv_cache=cache,
                activation=held.activation,
                overhead=held.overhead,
                budgeted=held.budgeted,
            )
        )
        if held.stage.bytes.expected > gpu.usable_bytes and not refusal:
            refusal = (
                f"CUDA out of memory while loading the weights: {mem(held.stage.bytes.expected)} a GPU,"
                f" {mem(gpu.usable_bytes)} usable. Use a smaller format or more GPUs."
            )
    unable, told = capabilities.verdict(case, scheme)
    held_tokens = Held(0, 0.0, refusal) if refusal else tokens(list(made.values()))
    largest = max((held.pool for held in ranks), key=lambda pool: pool.expected)
    pool = (
        replace(largest, low=max(largest.low, 0))
        if caches and largest.expected > 0
        else Quantity(0, 0, 0, largest.steps if caches else ())
    )
    notes = " ".join(text for text in (note, scheme.note, told, too_long(case)) if text)
    file = weights.weight_file(case.architecture, scheme)
    return Memory(
        file,
        tuple(devices),
        HostMemory(),
        Pool(pool, held_tokens.tokens, held_tokens.sequences),
        unable or held_tokens.refusal,
        notes,
        unable=bool(unable),
    )


UNACCOUNTED = 0.01
"""Share of the card by which pools of equal models differ between drivers and libraries."""


def pool_of(step: Step, charged: tuple[Quantity, ...], gpu: Gpu) -> Quantity:
    """The pool that a step leaves; it is uncertain by what was charged, the other way round, and by what no log
    names.
    """
    size, unknown = int(step.value), int(UNACCOUNTED * gpu.usable_bytes)
    parts = added(step.label, (*charged, Quantity(-unknown // 2, 0, unknown)))
    return Quantity(size - (parts.high - parts.expected), size, size + (parts.expected - parts.low), (step,))


def too_long(case: Case) -> str:
    """A word about a context beyond what the config declares; "" where it is within."""
    most = case.architecture.max_context
    return (
        f"The model declares at most {most:,} tokens; engines refuse more unless told otherwise."
        if case.request.context > most
        else ""
    )


EMBEDS = re.compile(r"(?<![a-z])embed(?:ding|dings)?(?![a-z])", re.IGNORECASE)


def pooled(case: Case) -> bool:
    """Whether it answers with embeddings: an encoder, or a decoder whose name says so."""
    return not case.architecture.generates or bool(EMBEDS.search(case.name))


def titled(title: str, case: Case, wanted: str) -> str:
    """The command's title, with the checkpoint it needs where the model must be quantized before."""
    if wanted in QUANTIZED_BEFORE and not served(case, wanted).published:
        return f"{title}, with a checkpoint of the model in {served(case, wanted).format.label} in place of its name"
    return title


def flags(*pairs: tuple[object, str]) -> str:
    """The flags whose condition holds, on continued lines."""
    return "".join(f" \\\n  {flag}" for wanted, flag in pairs if wanted)


def state_bytes(stage: Stage, ranks: int) -> int:
    """Recurrent states of one slot."""
    return int(sum(
        count * cache.elements / cache.heads * heads_on_rank(cache.heads, ranks) * (4 if cache.dtype == "fp32" else 2)
        for layer, count in stage.counted for cache in layer.caches if cache.per == "sequence"
    ))  # fmt: skip


def shares_experts(model: Architecture, degrees: Degrees) -> bool:
    """Whether the replicas of attention are one server whose experts answer for all of them, and not servers of their
    own.
    """
    return degrees.data > 1 and any(
        layer.ffn is not None and layer.ffn.kind == "moe" for layer, _ in model.main.distinct
    )


def nodes(degrees: Degrees) -> int:
    """Machines of eight GPUs that the degrees fill."""
    return -(-degrees.gpus // NODE_GPUS)


def on_ray(degrees: Degrees) -> tuple[Command, ...]:
    """What joins several machines before the server starts; nothing where one is enough."""
    if nodes(degrees) == 1:
        return ()
    return (
        Command("Ray, on the first machine", "ray start --head --port=6379"),
        Command(
            f"Ray, on each of the other {nodes(degrees) - 1}" if nodes(degrees) > 2 else "Ray, on the other machine",
            "ray start --address=FIRST_MACHINE:6379",
        ),
    )
