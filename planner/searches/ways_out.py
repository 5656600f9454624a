"""Ways out of a plan that doesn't fit: changes to the request, each tried before it is offered, with what it does to
quality, speed and money.

A format is offered as long as its loss is published and bearable; hardware as long as people own it: `COUNTS` says how
many of a card, and only cards with a known price are offered instead. Nothing is offered that does not then hold all
that was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from planner import catalog
from planner.case import Case
from planner.catalog.gpus import Gpu, gpus
from planner.core.data import table
from planner.core.errors import PlanError
from planner.core.units import count
from planner.economics.purchase import gpu_price
from planner.engines.info import info
from planner.engines.registry import engine
from planner.engines.vllm.budget import free_share
from planner.memory.quantity import Memory
from planner.performance.roofline import speed_of
from planner.searches.capacity import on_the_gpus
from planner.verdict import Fit, judge

MOST = 8
"""Ways offered at most: more is a catalogue, not advice."""

BEARABLE = 0.7
"""Largest published increase of perplexity of a GGUF type that is offered (Q3_K_M's); those below it lose two to five
times as much.
"""

COUNTS = {"consumer": (2, 3, 4), "data center": (2, 4, 8)}
"""How many of a card people put into one machine: boards and cases for consumer cards end at four, servers at eight."""

LEAST_MANY_GB = 12.0
"""Nobody buys several cards smaller than this for models."""

RAM_GIB = (32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1_024)
"""Sizes that system memory is sold in."""

LIKE = 0.2
"""A smaller model is offered down to this share of the parameters: below, it is another class of model."""

MODELS_TRIED = 24


@dataclass(frozen=True)
class WayOut:
    """One change that makes the plan fit.

    Attributes:
        title: what to do, in a few words, as on a button.
        change: the request fields to set.
        verdict: of the changed plan.
        reason: its sentence.
        quality: what it does to the answers, in words.
        tokens_per_s: output tokens a second of one stream of the changed plan.
        price_usd: what the hardware that it adds sells for; None where nothing is bought or nobody says.
    """

    title: str
    change: dict[str, Any]
    verdict: str
    reason: str
    quality: str = ""
    tokens_per_s: float = 0.0
    price_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A change that may help, not tried yet."""

    title: str
    case: Case
    change: dict[str, Any]
    quality: str
    price_usd: float | None = None


Candidates = Iterator[Candidate]

SAME = "The same answers."


def ways_out(case: Case) -> tuple[WayOut, ...]:
    """The first change of each kind that works, those that cost nothing first."""
    found = []
    now = _memory(case)
    if now is not None and now.unable:
        kinds: tuple[Candidates, ...] = (_able(case), _other_engines(case))
    else:
        kinds = (
            _shares(case),
            _cache_types(case),
            _formats(case),
            _contexts(case),
            _batches(case),
            _more_ram(case),
            _more_gpus(case),
            _larger_gpu(case),
            _smaller_models(case),
        )
    lacks_ram = judge(case, now).verdict == "does_not_fit" if now is not None else False
    for candidates in kinds:
        for one in candidates:
            tried = _try(one.case)
            if tried is None:
                continue
            fit, changed, memory = tried
            if fit.on_gpus or ("system" in one.change and lacks_ram and fit.enough):
                rate = speed_of(changed, memory).decode_tokens_per_s_per_sequence.expected
                found.append(WayOut(one.title, one.change, fit.verdict, fit.reason, one.quality, rate, one.price_usd))
                break
    return tuple(found[:MOST])


def _shares(case: Case) -> Candidates:
    """vLLM beside other programs: the share of the card that is free now."""
    memory = _memory(case)
    if case.request.engine == "vllm" and memory and any(gpu.free_mib is not None for gpu in case.gpus):
        share = free_share(case, memory.devices)
        if share:
            yield Candidate(
                f"Take {share:.0%} of the GPU memory",
                case.with_request(gpu_memory_utilization=share),
                {"gpu_memory_utilization": share},
                SAME,
            )


def _able(case: Case) -> Candidates:
    """Formats that the card can run, the nearest in size first."""
    now = _memory(case)
    size = now.weights.tensor_bytes.expected if now else 0
    found = [
        (memory.weights.tensor_bytes.expected, name)
        for name in engine(case.request.engine).formats()
        if (memory := _try_format(case, name))
    ]
    for _, name in sorted(found, key=lambda item: abs(item[0] - size)):
        yield Candidate(f"Use {name}", case.with_request(quantization=name), {"quantization": name}, _loss(name))


def _try_format(case: Case, name: str) -> Memory | None:
    memory = _memory(case.with_request(quantization=name))
    return None if memory is None or memory.unable else memory


def _other_engines(case: Case) -> Candidates:
    """The engines that run on most hardware, with their own format."""
    for name in ("llama.cpp", "mlx", "transformers", "vllm"):
        if name != case.request.engine:
            changed = {"engine": name, "engine_version": None, "quantization": info(name).usual_format}
            yield Candidate(
                f"Use {engine(name).title}", case.with_request(**changed), changed, _loss(info(name).usual_format)
            )


def losses() -> dict[str, float]:
    """Published increase of perplexity by GGUF type."""
    return {row["file_type"]: float(row["perplexity_increase"]) for row in table("gguf_quality")}


def _loss(name: str) -> str:
    """What a format does to quality, as published."""
    known = losses().get(name)
    if known is not None:
        return f"Perplexity rises by {known:.2f} over 16 bit, as published for Llama 3 8B; larger models lose less."
    return (
        SAME
        if name in ("auto", "bf16", "fp16", "fp32", "BF16", "F16", "F32")
        else "No loss is published for this format here; try it on your own prompts."
    )


def _formats(case: Case) -> Candidates:
    """Formats smaller than this one, largest first; of GGUF types those whose published loss is bearable."""
    runner, bearable = engine(case.request.engine), losses()
    sizes: list[tuple[int, str]] = []
    for name in runner.formats():
        if info(case.request.engine).splits_with_host and bearable.get(name, BEARABLE + 1) > BEARABLE:
            continue
        memory = _memory(on_the_gpus(case.with_request(quantization=name)))
        if memory is not None:
            sizes.append((memory.weights.tensor_bytes.expected, name))
    now = _memory(case)
    limit = now.weights.tensor_bytes.expected if now else 0
    for size, name in sorted(sizes, reverse=True):
        if size < limit:
            yield Candidate(f"Use {name}", case.with_request(quantization=name), {"quantization": name}, _loss(name))


def _cache_types(case: Case) -> Candidates:
    for name in info(case.request.engine).caches:
        if case.request.kv_cache_dtype != name:
            quality = (
                "Only the cache loses precision, in 8 bit hardly noticeable."
                if name != "q4_0"
                else "Only the cache loses precision, in 4 bit noticeable in long contexts."
            )
            yield Candidate(
                f"Keep the KV cache in {name}",
                case.with_request(kv_cache_dtype=name),
                {"kv_cache_dtype": name},
                quality,
            )


def _contexts(case: Case) -> Candidates:
    context = 1 << (case.request.context - 1).bit_length() >> 1
    while context >= 512:
        quality = f"The same answers, as long as prompt and answer stay within {context:,} tokens."
        yield Candidate(
            f"Shorten the context to {context:,} tokens",
            case.with_request(context=context),
            {"context": context},
            quality,
        )
        context >>= 1


def _batches(case: Case) -> Candidates:
    batch = case.request.batch // 2
    while batch >= 1:
        title = f"Run {batch:,} at once" if batch > 1 else "Run one at a time"
        yield Candidate(
            title, case.with_request(batch=batch), {"batch": batch}, "The same answers; the others wait their turn."
        )
        batch //= 2


def _more_ram(case: Case) -> Candidates:
    """Where system memory is what lacks: the next sizes."""
    now = _memory(case)
    if now is None or now.host.total.expected <= case.ram_bytes:
        return
    for size in RAM_GIB:
        if size * 2**30 > case.ram_bytes:
            system = case.request.system.model_copy(update={"ram_gib": float(size)})
            request = case.request.model_copy(update={"system": system})
            change = {"system": system.model_dump(exclude_defaults=True)}
            yield Candidate(
                f"Use {size:,} GiB of system memory",
                replace(case, request=request, ram_bytes=size * 2**30),
                change,
                SAME,
            )


def counts(gpu: Gpu) -> tuple[int, ...]:
    """How many of a card people use together."""
    if gpu.unified or "laptop" in gpu.form_factor or gpu.memory_gb < LEAST_MANY_GB:
        return ()
    servers = ("SXM", "OAM", "passive", "NVL", "superchip", "cloud")
    return COUNTS["data center" if any(word in gpu.form_factor for word in servers) else "consumer"]


def _more_gpus(case: Case) -> Candidates:
    """The same GPUs, more of them."""
    if not case.gpus:
        return
    last: Gpu = case.gpus[-1]
    specs, price = case.request.gpus, gpu_price(last)
    same = sum(1 for gpu in case.gpus if gpu == last)
    for number in counts(last):
        if number <= same:
            continue
        grown = specs[-1].model_copy(update={"count": specs[-1].count + number - same})
        request = case.request.model_copy(update={"gpus": (*specs[:-1], grown), "tensor_split": None})
        change = {"gpus": [spec.model_dump(exclude_defaults=True) for spec in request.gpus]}
        changed = replace(case, request=request, gpus=case.gpus + (last,) * (number - same))
        yield Candidate(
            f"Use {number}x {last.name}", changed, change, SAME, price.usd * (number - same) if price else None
        )


def _larger_gpu(case: Case) -> Candidates:
    """One card instead, the cheapest first, of the same maker and with a price."""
    if len({gpu.id for gpu in case.gpus}) != 1 or case.gpus[0].unified or "laptop" in case.gpus[0].form_factor:
        return
    now = case.gpus[0]
    priced = [
        (price.usd, gpu)
        for gpu in gpus()
        if (price := gpu_price(gpu)) and gpu.vendor == now.vendor and gpu.form_factor == now.form_factor
    ]
    for usd, gpu in sorted(priced, key=lambda item: item[0]):
        if gpu.capacity_bytes > now.capacity_bytes * len(case.gpus) and gpu.year >= now.year - 2:
            request = case.request.model_copy(
                update={
                    "gpus": (
                        case.request.gpus[0].model_copy(
                            update={"name": gpu.id, "count": 1, "memory_mib": None, "free_mib": None}
                        ),
                    )
                }
            )
            yield Candidate(
                f"Use one {gpu.name}",
                replace(case, request=request, gpus=(gpu,)),
                {"gpus": [{"name": gpu.id}]},
                SAME,
                usd,
            )


def _smaller_models(case: Case) -> Candidates:
    """Models that write as this one does, of its publisher first and the largest first, among the most used."""
    now = case.architecture
    if not now.generates:
        return
    bare = {"config": None} if case.request.config is not None else {}
    known, packed = catalog.models().get(case.name), info(case.request.engine).formats.get(4, "")
    alike = [
        model
        for model in catalog.most_used()
        if model.id != case.name
        and model.architecture.generates
        and LIKE * now.parameters <= model.architecture.parameters < 0.9 * now.parameters
    ]
    own = [model for model in alike if known and model.publisher == known.publisher]
    for group in (own[:MODELS_TRIED], alike[:MODELS_TRIED]):
        for model in sorted(group, key=lambda one: -one.architecture.parameters):
            quality = (
                f"Another model, of {count(model.architecture.parameters)} parameters instead of"
                f" {count(now.parameters)}: its answers differ."
            )
            for change in (
                {"model": model.id, **bare},
                {"model": model.id, **bare, "quantization": packed} if packed else {},
            ):
                if change:
                    request = case.request.model_copy(update={**change, "config": None})
                    title = f"Use {model.title}{f' as {packed}' if 'quantization' in change else ''}"
                    yield Candidate(
                        title,
                        replace(case, request=request, name=model.id, architecture=model.architecture),
                        change,
                        quality,
                    )


def _memory(case: Case) -> Memory | None:
    try:
        return engine(case.request.engine).memory(case)
    except PlanError:
        return None


def _try(case: Case) -> tuple[Fit, Case, Memory] | None:
    """The verdict of a changed case, with all layers on its GPUs; where that is too much, as its engine splits it."""
    for one in (on_the_gpus(case), case) if _splits(case) else (on_the_gpus(case),):
        memory = _memory(one)
        if memory is not None and (fit := judge(one, memory)).enough:
            return fit, one, memory
    return None


def _splits(case: Case) -> bool:
    """Whether a plan that lies partly in system memory may be a way out: where that memory is what was lacking."""
    return case.request.system.ram_gib is not None
