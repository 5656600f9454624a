"""vLLM: weights cut over the ranks, and a pool of cache pages that fills a fixed share of every GPU.

pool = utilization * total - weights - activation peak - libraries [- graphs]; the CUDA context (and, before 0.20, the
graphs) lie outside that share. The rank with the smallest pool decides how many blocks every rank gets.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from math import floor

from planner.case import Case, Command, word
from planner.catalog.gpus import Gpu
from planner.core.formula import Formula
from planner.core.units import mem
from planner.engines.serving import (
    DTYPES,
    Held,
    Rank,
    cache_block,
    flags,
    lay_out,
    nodes,
    on_ray,
    pool_of,
    pooled,
    runnable,
    served,
    titled,
)
from planner.engines.vllm import budget as vllm_budget
from planner.engines.vllm import pages
from planner.engines.vllm.budget import Settings
from planner.engines.vllm.images import told
from planner.memory import weights
from planner.memory.kv_cache import Block
from planner.memory.quantity import NOTHING, Memory, added
from planner.parallelism.degrees import NODE_GPUS, resolve_degrees
from planner.request import PlanRequest

POOL = Formula(
    "floor(utilization * capacity) - weights - activation - libraries - graphs",
    "bytes",
    "vllm/v1/worker/gpu_worker.py: determine_available_memory",
)

RUNS = ("bf16", "fp16", "fp32", "fp8", "awq-int4", "gptq-int4", "gptq-int8", "int8", "nf4", "mxfp4", "nvfp4")

FULL = (
    "No available memory for the cache blocks. Raise gpu_memory_utilization, lower max_num_seqs, or use a smaller"
    " format or more GPUs."
)


class Vllm:
    name = "vllm"
    title = "vLLM"

    def formats(self) -> tuple[str, ...]:
        return RUNS

    def quantization(self, case: Case) -> str:
        return runnable(self.title, RUNS, case)

    def memory(self, case: Case) -> Memory:
        model = case.architecture
        degrees, note = resolve_degrees(case, self.title)
        scheme = served(case, self.quantization(case))
        use = vllm_budget.settings(case)
        block = cache_block(self.title, case, scheme)
        graphs, lost = vllm_budget.graphs(model, scheme, degrees, use), vllm_budget.unallocated(scheme, model)
        charged = graphs if use.number("graphs_charged") else NOTHING
        stages = weights.stages(model, scheme, degrees)
        first = vllm_budget.activation(model, scheme, degrees, use, 0)
        note = " ".join(text for text in (note, told(first.steps[-1])) if text)

        def rank(gpu: Gpu, stage: int) -> Rank:
            peak = vllm_budget.activation(model, scheme, degrees, use, stage)
            libraries, context = vllm_budget.non_torch(gpu, degrees, use), vllm_budget.context(gpu, degrees, use)
            overhead = added("Libraries, context and graphs", (libraries, context, graphs, lost))
            step = POOL(
                "KV cache pool",
                utilization=use.utilization,
                capacity=gpu.lent_bytes,
                weights=stages[stage].bytes.expected,
                activation=peak.expected,
                libraries=libraries.expected,
                graphs=charged.expected,
            )
            pool = pool_of(step, (peak, libraries, charged), gpu)
            return Rank(stages[stage], pool, peak, overhead, budgeted=True)

        made = lay_out(
            case,
            scheme,
            degrees,
            rank,
            lambda ranks: tokens(ranks, use, degrees.tensor, block, model.wide_states),
            note,
        )
        refusal = made.refusal or vllm_budget.too_little_free(case, made.devices)
        return replace(made, refusal=refusal) if refusal != made.refusal else made

    def alike(self, request: PlanRequest, gpu: Gpu) -> Hashable:
        return gpu.lent_bytes, gpu.usable_bytes, vllm_budget.large(gpu), vllm_budget.has_fabric(gpu)

    def commands(self, case: Case) -> tuple[Command, ...]:
        request, (degrees, _) = case.request, resolve_degrees(case, self.title)
        wanted = self.quantization(case)
        quantize = "" if case.architecture.quantization else {"fp8": "fp8", "nf4": "bitsandbytes"}.get(wanted, "")
        narrow = cache_block(self.title, case, served(case, wanted)) == (1, 1)
        text = f"vllm serve {word(case.name)}" + flags(
            (True, f"--max-model-len {request.context}"),
            (degrees.tensor > 1, f"--tensor-parallel-size {degrees.tensor}"),
            (degrees.pipeline > 1, f"--pipeline-parallel-size {degrees.pipeline}"),
            (degrees.data > 1, f"--data-parallel-size {degrees.data}"),
            (degrees.expert > 1, "--enable-expert-parallel"),
            (wanted in DTYPES, f"--dtype {DTYPES.get(wanted)}"),
            (quantize, f"--quantization {quantize}"),
            (narrow, "--kv-cache-dtype fp8"),
            (request.gpu_memory_utilization, f"--gpu-memory-utilization {request.gpu_memory_utilization}"),
            (request.max_num_batched_tokens, f"--max-num-batched-tokens {request.max_num_batched_tokens}"),
            (request.max_num_seqs, f"--max-num-seqs {request.max_num_seqs}"),
            (request.enforce_eager, "--enforce-eager"),
            (pooled(case), "--runner pooling"),
            (
                nodes(degrees) > 1 and degrees.data > 1,
                f"--data-parallel-size-local {max(degrees.data // nodes(degrees), 1)} --data-parallel-backend ray",
            ),
            (
                nodes(degrees) > 1 and (degrees.data == 1 or degrees.tensor * degrees.pipeline > NODE_GPUS),
                "--distributed-executor-backend ray",
            ),
        )
        return (*on_ray(degrees), Command(titled("vLLM server", case, wanted), text))


def tokens(ranks: list[Rank], use: Settings, tensor: int, block: Block, wide_states: bool) -> Held:
    """Tokens as the log prints them, and why one request of the full context would not fit, in vLLM's words.

    Up to 0.20 the log prints blocks / groups * block size, which undercounts hybrid models; from 0.21 concurrency *
    context.
    """
    if any(rank.pool.expected <= 0 for rank in ranks):
        return Held(0, 0.0, FULL)
    counted = []
    for rank in ranks:
        found = pages.kinds(rank.stage.counted, tensor, block, wide_states, bool(use.number("chunk_groups")))
        if found:
            layout = pages.paging(found, bool(use.number("grouping")), use.context)
            counted.append((rank.pool.expected // layout.block_bytes, layout, rank.pool.expected))
    if not counted:
        return Held(0)
    blocks, layout, size = min(counted, key=lambda item: item[0])
    need, paged = layout.blocks(use.context, use.batched_tokens), blocks // layout.group_count * layout.block_tokens
    if blocks < need:
        return Held(
            paged,
            blocks / need,
            f"To serve at least one request with the model's max seq len ({use.context}),"
            f" {mem(need * layout.block_bytes)} KV cache is needed, which is larger than the available KV cache memory"
            f" ({mem(size)}). Shorten the context to {paged:,}, raise gpu_memory_utilization, or use more GPUs.",
        )
    return Held(floor(blocks / need * use.context) if use.text("token_line") == "concurrency" else paged, blocks / need)


ENGINE = Vllm()
