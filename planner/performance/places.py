"""Where a pass runs: the devices that a token visits, one after another, and the ranks that work on each part
together.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.architecture.tensors import Architecture, Layer
from planner.case import Case
from planner.catalog.gpus import Gpu
from planner.core.remember import remembered
from planner.engines.info import info
from planner.engines.llama_cpp.layout import Layout
from planner.engines.registry import engine
from planner.engines.serving import cache_block, served
from planner.engines.transformers import spread
from planner.memory.kv_cache import Block
from planner.memory.quantity import Memory
from planner.memory.weights import stages
from planner.parallelism.degrees import Degrees, resolve_degrees
from planner.parallelism.layer_split import Span, Split
from planner.performance.work import Work, added, expert_flops, matrix_flops, rank_work
from planner.quantization.cache_types import cache_type
from planner.quantization.formats import Scheme
from planner.quantization.gguf_mix import era
from planner.quantization.published import scheme_for

WHOLE_PROMPT = 10**9
"""Tokens of a pass that reads any prompt at once."""


@dataclass(frozen=True, slots=True)
class Place:
    """One part of the model on the devices that hold it.

    Attributes:
        gpu: the device, the slowest where several work together; None is the host.
        indices: which GPUs of the plan; empty for the host.
        ranks: GPUs that share each layer and exchange sums after it.
        work: of one rank.
        staged: whether a long prompt's pass fetches these weights over PCIe and computes on a GPU.
        peers: replicas over which the routed experts are spread, which answer for each other's tokens.
    """

    gpu: Gpu | None
    indices: tuple[int, ...]
    ranks: int
    work: Work
    staged: bool = False
    peers: int = 1


@dataclass(frozen=True, slots=True)
class Route:
    """What one token passes through, in order.

    Attributes:
        places: visited one after another.
        format: name of the weights' format, by which efficiencies are looked up.
        degrees: how the model is cut.
        chunk: tokens of a prompt that are computed at once.
        pipelined: whether the places work on different chunks or sequences at the same time.
    """

    places: tuple[Place, ...]
    format: str
    degrees: Degrees
    chunk: int
    pipelined: bool


def route(case: Case, memory: Memory) -> Route:
    """The route of this plan."""
    asked = info(case.request.engine)
    if asked.serves:
        return _ranks(case)
    if asked.splits_with_host:
        return _llama(case, memory)
    return _in_turn(case)


def _ranks(case: Case) -> Route:
    request, title = case.request, engine(case.request.engine).title
    degrees, _ = resolve_degrees(case, title)
    wanted = engine(request.engine).quantization(case)
    scheme = served(case, wanted)
    works = _stage_works(case.architecture, scheme, degrees, cache_block(title, case, scheme))
    places = []
    for index, work in enumerate(works):
        first = index * degrees.tensor
        gpus = case.gpus[first : first + degrees.tensor]
        slowest = min(gpus, key=lambda gpu: gpu.bandwidth_gb_per_s)
        places.append(
            Place(
                slowest,
                tuple(range(first, first + degrees.tensor)),
                degrees.tensor,
                work,
                peers=degrees.data if work.experts else 1,
            )
        )
    chunk = request.max_num_batched_tokens or (8_192 if case.gpus[0].memory_gb >= 70 else 2_048)
    return Route(tuple(places), scheme.format.asked or scheme.format.id, degrees, chunk, len(places) > 1)


@remembered
def _stage_works(model: Architecture, scheme: Scheme, degrees: Degrees, block: Block) -> tuple[Work, ...]:
    held = stages(model, scheme, degrees)
    return tuple(rank_work(scheme, model.main, stage.layers, degrees, block, stage is held[-1]) for stage in held)


def _in_turn(case: Case) -> Route:
    """Whole layers over the GPUs in order, each waiting for the one before (Transformers); one machine (MLX); or the
    host alone.
    """
    request, model, one = case.request, case.architecture, info(case.request.engine)
    scheme = scheme_for(model, engine(request.engine).quantization(case))
    _, elements, size = cache_type(request.kv_cache_dtype, one.cache_dtype or scheme.rest)
    groups = _spread_layers(model, scheme, max(len(case.gpus), 1))
    places = []
    for index, layers in enumerate(groups):
        work = rank_work(scheme, model.main, layers, Degrees(), (elements, size), index == len(groups) - 1)
        places.append(Place(case.gpus[index], (index,), 1, work) if case.gpus else Place(None, (), 1, work))
    chunk = one.chunk_tokens or WHOLE_PROMPT
    return Route(tuple(places), scheme.format.asked or scheme.format.id, Degrees(), chunk, False)


@remembered
def _spread_layers(model: Architecture, scheme: Scheme, gpus: int) -> tuple[tuple[Layer, ...], ...]:
    if gpus == 1:
        return (model.main.layers,)
    return tuple(
        tuple(layer for layer, count in layers for _ in range(count)) for _, layers in spread(model, scheme, gpus)
    )


def _llama(case: Case, memory: Memory) -> Route:
    layout = Layout.of(case, engine(case.request.engine).quantization(case))
    where = layout.split
    hosted, devices = _split_works(
        case.architecture,
        layout.file.file_type,
        case.request.imatrix,
        era(layout.build.number),
        layout.cells.block,
        where,
    )
    places = [Place(None, (), 1, work, staged=bool(case.gpus)) for work in hosted if work.layers or work.head_bytes]
    found = [
        Place(gpu, (index,), 1, work)
        for index, (gpu, work) in enumerate(zip(case.gpus, devices, strict=False))
        if work.layers or work.head_bytes
    ]
    chunk = min(case.request.ubatch or 512, 10**9)
    if case.request.split_mode in ("row", "tensor") and len(found) > 1:
        return Route((*places, _together(found)), layout.file.file_type, Degrees(tensor=len(found)), chunk, False)
    return Route((*places, *found), layout.file.file_type, Degrees(), chunk, len(found) > 1 and not places)


def _together(places: list[Place]) -> Place:
    """The same layers cut over all GPUs: each rank does its share of every layer."""
    n = len(places)
    works = [place.work for place in places]
    shared = Work(
        sum(w.layers for w in works),
        sum(w.sparse_layers for w in works),
        sum(w.dense_bytes for w in works) // n,
        tuple((size // n, share) for w in works for size, share in w.experts),
        sum(w.head_bytes for w in works) // n,
        sum(w.head_flops for w in works) / n,
        sum(w.flops for w in works) / n,
        sum(w.routed_flops for w in works) / n,
        tuple((a / n, b / n, window) for w in works for a, b, window in w.scores),
        tuple((size / n, window) for w in works for size, window in w.caches),
        tuple((size / n, window) for w in works for size, window in w.repeated),
        sum(w.state_bytes for w in works) / n,
        sum(w.state_flops for w in works) / n,
        sum(w.state_layers for w in works),
        works[0].hidden,
    )
    slowest = min((place.gpu for place in places if place.gpu), key=lambda gpu: gpu.bandwidth_gb_per_s)
    return Place(slowest, tuple(index for place in places for index in place.indices), n, shared)


@remembered
def _split_works(
    model: Architecture, file_type: str, imatrix: bool | None, since: int, block: Block, where: Split
) -> tuple[tuple[Work, ...], tuple[Work, ...]]:
    """Work of the host (its own layers; experts of layers on GPUs) and of each GPU."""
    from planner.quantization.gguf import gguf_file

    file, main = gguf_file(model, file_type, imatrix, since), model.main
    matrix = [tensor for tensor in main.after if tensor.role == "lm_head"]
    flops = {"head_flops": matrix_flops(matrix)}
    on_gpu = {"head_bytes": float(file.gpu_output_bytes), **flops}
    on_host = {"head_bytes": float(file.output_bytes + (file.embedding_bytes if file.tied else 0)), **flops}

    def span_work(span: Span, moe: int, head: dict[str, float]) -> Work:
        groups: dict[tuple[int, int, int], tuple[Layer, int]] = {}
        for index in range(span.start, span.stop):
            layer, size = main.layers[index], file.layers[index]
            key = (id(layer), size.dense, size.experts if index >= moe else 0)
            groups[key] = (layer, groups[key][1] + 1 if key in groups else 1)
        sizes = [(dense, experts) for _, dense, experts in groups]
        return added(groups.values(), block, 1, sizes, main.hidden_size, **(head if span.output else {}))

    moe = where.cpu_moe_layers
    experts: dict[float, int] = {}
    count, routed = 0, 0.0
    for index in range(where.host.stop, min(moe, len(main.layers))):
        layer = main.layers[index]
        if file.layers[index].experts and layer.ffn:
            share = layer.ffn.top_k / layer.ffn.experts
            experts[share] = experts.get(share, 0) + file.layers[index].experts
            count += 1
            routed += expert_flops(layer)
    lone = Work(
        count,
        count,
        0,
        tuple((size, share) for share, size in experts.items()),
        flops=routed,
        routed_flops=routed,
        hidden=main.hidden_size,
    )
    devices = [span_work(span, moe, on_gpu) for span in where.devices]
    return (span_work(where.host, 0, on_host), lone), tuple(devices)
