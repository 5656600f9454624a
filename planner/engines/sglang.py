"""SGLang: a fixed share of the free card for weights and cache, the rest for activations and graphs.

pool = mem_fraction_static * free before loading - weights; without mem_fraction_static the reserve follows from the
card's size (python/sglang/srt/server_args.py): a metadata allowance, the prefill chunk, the graphs and the number of
ranks.
With data parallel attention its replicas share one server: --tp counts all their ranks, chunks are divided among them,
and padding is reserved. Sliding layers have a smaller pool beside the full one (0.8 of its tokens); recurrent states
take a fixed share, which limits the requests at once.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from planner.architecture.tensors import Architecture
from planner.case import Case, Command, word
from planner.catalog.gpus import Gpu
from planner.core.formula import Formula
from planner.core.units import GIB, mem
from planner.engines.serving import (
    DTYPES,
    Held,
    Rank,
    cache_block,
    flags,
    lay_out,
    nodes,
    pool_of,
    pooled,
    runnable,
    served,
    shares_experts,
    state_bytes,
    titled,
)
from planner.engines.versions import calibration
from planner.engines.vllm.budget import has_fabric
from planner.engines.vllm.pages import INDEXER_BLOCK
from planner.memory import weights
from planner.memory.kv_cache import Block
from planner.memory.quantity import Memory, Quantity, added
from planner.parallelism.degrees import Degrees, resolve_degrees
from planner.parallelism.tensor_parallel import heads_on_rank
from planner.request import PlanRequest

SOURCE = "sgl-project/sglang python/sglang/srt/server_args.py"

RESERVE = Formula(
    "(512 + 1.5 * max(chunk, 2048) + 2 * largest_graph + 128 * ranks + padding * largest_graph * replicas) * 2**20",
    "bytes",
    SOURCE,
)
POOL = Formula("floor(fraction * (capacity - context)) - weights", "bytes", SOURCE)
FORWARD = Formula(
    "chunk * 2 * (3 * inner + 4.25 * hidden) + requests * vocab * 8",
    "bytes",
    "one layer's inner tensors and the logits; as measured for vLLM",
)
GRAPHS = Formula(
    "low_gib * 2**30 + 0.012 * layers * largest_graph / 256 * 2**30",
    "bytes",
    "first order: SGLang captures fewer sizes than vLLM",
)
FIXED = Formula("size_gib * 2**30", "bytes", "data/calibration/sglang.csv")

TIERS = ((20, 2048, 8), (35, 2048, 24), (60, 4096, 32), (90, 8192, 256), (160, 8192, 256), (float("inf"), 16384, 512))
"""Card size in GiB, prefill chunk, largest graph."""

SLIDING_RATIO = 0.8
STATES_TO_CACHE = 0.9
"""Memory of recurrent states over that of the cache (mamba_full_memory_ratio)."""
SLOTS = 3
"""Slots of states that a running request takes, with those that its prefix is kept in."""
VIT_L = (24, 1024)
"""Layers and width of a ViT-L, the measure of image towers."""
STATES_DEPTH = "model.visual."
"""Where towers lie whose config calls the number of layers `depth`."""
LEAST_RESERVE_GIB = 10
"""On cards of more than 60 GiB at least this much is left outside the pool."""

RUNS = ("bf16", "fp16", "fp8", "awq-int4", "gptq-int4", "gptq-int8", "int8", "nf4", "mxfp4", "nvfp4")


class Sglang:
    name = "sglang"
    title = "SGLang"

    def formats(self) -> tuple[str, ...]:
        return RUNS

    def quantization(self, case: Case) -> str:
        return runnable(self.title, RUNS, case)

    def memory(self, case: Case) -> Memory:
        model, request = case.architecture, case.request
        degrees, note = resolve_degrees(case, self.title)
        scheme = served(case, self.quantization(case))
        block = cache_block(self.title, case, scheme)
        row = calibration("sglang", request.engine_version)
        stages = weights.stages(model, scheme, degrees)
        inner = max(
            (
                layer.ffn.width + layer.ffn.top_k * layer.ffn.expert_width
                for layer, _ in model.main.distinct
                if layer.ffn
            ),
            default=0,
        )
        libraries = Quantity.between(0.4, 1.5, FIXED("Libraries besides PyTorch", size_gib=float(row["non_torch_gib"])))

        def rank(gpu: Gpu, stage: int) -> Rank:
            chunk, largest = tier(gpu)
            talks = degrees.tensor > 1 or shares_experts(model, degrees)
            fabric = talks and has_fabric(gpu)
            size = float(row["context_tp_gib" if fabric else "context_gib"]) + (0.15 if talks and not fabric else 0)
            context = Quantity.between(
                0.6, 1.3 if fabric else 1.6, FIXED("CUDA context and communicators", size_gib=size)
            )
            chunk = request.max_num_batched_tokens or chunk
            together, padding = shares_experts(model, degrees), 4.5 if largest > 300 else 3
            chunk = chunk // degrees.data if together else chunk
            reserve = RESERVE(
                "Reserve",
                chunk=chunk,
                largest_graph=largest,
                ranks=degrees.tensor * degrees.pipeline * (degrees.data if together else 1),
                padding=padding if together else 0,
                replicas=degrees.data,
            )
            fraction = request.gpu_memory_utilization or round(
                default_fraction(gpu, int(reserve.value)) * for_images(model), 3
            )
            step = POOL(
                "KV cache pool",
                fraction=fraction,
                capacity=gpu.usable_bytes,
                context=context.expected,
                weights=stages[stage].bytes.expected,
            )
            hidden, layers = model.main.hidden_size, len(stages[stage].layers)
            forward = FORWARD(
                "Prefill chunk",
                chunk=chunk,
                inner=inner / degrees.tensor,
                hidden=hidden,
                requests=largest,
                vocab=model.vocab_size,
            )
            graphs = GRAPHS(
                "CUDA graphs",
                low_gib=float(row["graph_low_gib"]),
                layers=layers,
                largest_graph=0 if request.enforce_eager else largest,
            )
            outside = added("Context, libraries and graphs", (context, libraries, Quantity.between(0.4, 2.2, graphs)))
            pool = pool_of(step, (context,), gpu)
            shown = pool if request.gpu_memory_utilization else replace(pool, steps=(reserve, *pool.steps))
            return Rank(stages[stage], shown, Quantity.between(0.5, 1.6, forward), outside)

        return lay_out(case, scheme, degrees, rank, lambda ranks: tokens(ranks, case, degrees, block), note)

    def alike(self, request: PlanRequest, gpu: Gpu) -> Hashable:
        return gpu.usable_bytes, has_fabric(gpu)

    def commands(self, case: Case) -> tuple[Command, ...]:
        request, (degrees, _) = case.request, resolve_degrees(case, self.title)
        narrow = cache_block(self.title, case, served(case, self.quantization(case))) == (1, 1)
        wanted, together = self.quantization(case), shares_experts(case.architecture, degrees)
        ranks = degrees.tensor * (degrees.data if together else 1)
        text = f"python -m sglang.launch_server --model-path {word(case.name)}" + flags(
            (True, f"--context-length {request.context}"),
            (ranks > 1, f"--tp {ranks}"),
            (degrees.pipeline > 1, f"--pp-size {degrees.pipeline}"),
            (degrees.data > 1, f"--dp {degrees.data}"),
            (together, "--enable-dp-attention"),
            (degrees.expert > 1, f"--ep {degrees.expert}"),
            (wanted in DTYPES, f"--dtype {DTYPES.get(wanted)}"),
            (wanted == "fp8" and not case.architecture.quantization, "--quantization fp8"),
            (narrow, "--kv-cache-dtype fp8_e4m3"),
            (request.gpu_memory_utilization, f"--mem-fraction-static {request.gpu_memory_utilization}"),
            (request.max_num_batched_tokens, f"--chunked-prefill-size {request.max_num_batched_tokens}"),
            (request.max_num_seqs, f"--max-running-requests {request.max_num_seqs}"),
            (request.enforce_eager, "--disable-cuda-graph"),
            (pooled(case), "--is-embedding"),
        )
        title = titled("SGLang server", case, wanted)
        if (count := nodes(degrees)) == 1:
            return (Command(title, text),)
        joined = text + flags(
            (True, f"--nnodes {count}"), (True, "--node-rank 0"), (True, "--dist-init-addr FIRST_MACHINE:20000")
        )
        return (
            Command(
                f"{title}, on the first of {count} machines; --node-rank {', '.join(map(str, range(1, count)))} on the"
                " others",
                joined,
            ),
        )


def tier(gpu: Gpu) -> tuple[int, int]:
    """Prefill chunk and largest graph by the card's size."""
    size = gpu.usable_bytes / GIB
    return next((chunk, largest) for limit, chunk, largest in TIERS if size < limit)


def default_fraction(gpu: Gpu, reserve: int) -> float:
    """mem_fraction_static when it is not given: what the reserve leaves of the card, in thousandths."""
    least = LEAST_RESERVE_GIB * GIB if gpu.usable_bytes > 60 * GIB else 0
    return round(max(gpu.usable_bytes - max(reserve, least), 0) / max(gpu.usable_bytes, 1), 3)


def for_images(model: Architecture) -> float:
    """What is left of the default share for a model with an image tower: less, the larger the tower is beside a ViT-L.

    = 0.95 * clamp(1 - 0.1 * (layers * hidden^2 / (24 * 1024^2) - 1), 0.8, 1.05); towers that state a depth count as 24
    layers there
    """
    tower = next((stack for stack in model.loaded[1:] if stack.name == "vision"), None)
    if tower is None:
        return 1.0
    layers = VIT_L[0] if tower.prefix.startswith(STATES_DEPTH) else len(tower.layers)
    size = layers * tower.hidden_size**2 / (VIT_L[0] * VIT_L[1] ** 2)
    return 0.95 * max(0.8, min(1.05, 1.0 - 0.1 * (size - 1.0)))


def tokens(ranks: list[Rank], case: Case, degrees: Degrees, block: Block) -> Held:
    """Tokens of the full pool, how many requests that and the slots for states hold, and why the engine would not
    start.
    """
    counts, slots = [], []
    for rank in ranks:
        if rank.pool.expected <= 0:
            return Held(
                0,
                0.0,
                "Not enough memory. Please try to increase --mem-fraction-static, or use a smaller format or more"
                " GPUs.",
            )
        cell, state = cell_bytes(rank.stage, degrees.tensor, block), state_bytes(rank.stage, degrees.tensor)
        kept = 0
        if state:
            share = STATES_TO_CACHE / (1 + STATES_TO_CACHE) if cell else 1.0
            found = int(share * rank.pool.expected // state)
            kept = found * state
            slots.append(found // SLOTS)
        if cell:
            counts.append(max(int((rank.pool.expected - kept) / cell), 0))
    count, most = min(counts, default=0), min(slots, default=None)
    if counts and count < case.request.context:
        need = case.request.context * cell_bytes(ranks[0].stage, degrees.tensor, block)
        why = (
            f"The pool holds {count:,} tokens, fewer than one request of {case.request.context:,} ({mem(need)});"
            " shorten the context or add GPUs."
        )
        return Held(count, count / case.request.context, why)
    held = [count / case.request.context] if counts else []
    return Held(count, min([*held, float(most)] if most is not None else held, default=0.0))


def cell_bytes(stage: weights.Stage, ranks: int, block: Block) -> float:
    """Bytes of one token of the full pool on a rank; sliding layers hold fewer tokens."""
    size = 0.0
    for layer, count in stage.counted:
        for cache in layer.caches:
            if cache.per == "token":
                share = SLIDING_RATIO if cache.window else 1
                own = INDEXER_BLOCK if cache.name == "indexer" else block
                size += (
                    count
                    * share
                    * cache.elements
                    / cache.heads
                    * heads_on_rank(cache.heads, ranks)
                    * own[1]
                    / own[0]
                    / cache.every
                )
    return size


ENGINE = Sglang()
