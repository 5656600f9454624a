"""TensorRT-LLM: weights and buffers first, then a share of what is still free for the cache.

pool = fraction * (capacity - context - weights - buffers); fraction 0.90 (kv_cache_config.free_gpu_memory_fraction).
Every layer is charged in full, sliding ones too.
"""

from __future__ import annotations

from planner.case import Case, Command, word
from planner.catalog.gpus import Gpu
from planner.core.formula import Formula
from planner.core.units import mem
from planner.engines.serving import (
    Held,
    Rank,
    cache_block,
    flags,
    lay_out,
    pool_of,
    runnable,
    served,
    shares_experts,
    state_bytes,
    titled,
)
from planner.memory import weights
from planner.memory.kv_cache import Block
from planner.memory.quantity import Memory, Quantity, added
from planner.parallelism.degrees import NODE_GPUS, resolve_degrees
from planner.parallelism.tensor_parallel import heads_on_rank
from planner.request import PlanRequest

SOURCE = "NVIDIA/TensorRT-LLM docs/source/reference/memory.md"

POOL = Formula("floor(fraction * (capacity - context - weights - buffers))", "bytes", SOURCE)
BUFFERS = Formula(
    "2 * tokens * hidden * copies + requests * vocab * 12",
    "bytes",
    "ai-dynamo/aiconfigurator sdk/backends: by tensor parallel degree",
)
CONTEXT = Formula("size_gib * 2**30", "bytes", SOURCE)

FRACTION = 0.90
TOKENS, REQUESTS, BLOCK_TOKENS = 8192, 2048, 32
COPIES = {1: 11.0, 2: 6.5, 4: 5.0}
"""Copies of the residual stream that the runtime's buffers amount to; twice as many with experts."""

RUNS = ("bf16", "fp16", "fp8", "awq-int4", "gptq-int4", "int8", "mxfp4", "nvfp4")


class TensorRtLlm:
    name = "tensorrt-llm"
    title = "TensorRT-LLM"

    def formats(self) -> tuple[str, ...]:
        return RUNS

    def quantization(self, case: Case) -> str:
        return runnable(self.title, RUNS, case)

    def memory(self, case: Case) -> Memory:
        model, request = case.architecture, case.request
        degrees, note = resolve_degrees(case, self.title)
        scheme = served(case, self.quantization(case))
        block = cache_block(self.title, case, scheme)
        stages = weights.stages(model, scheme, degrees)
        sparse = any(layer.ffn is not None and layer.ffn.kind == "moe" for layer, _ in model.main.distinct)
        copies = COPIES.get(degrees.tensor, 5.0) * (2 if sparse else 1)
        step = BUFFERS(
            "Runtime and decoder buffers",
            tokens=request.max_num_batched_tokens or TOKENS,
            hidden=model.main.hidden_size,
            copies=copies,
            requests=request.max_num_seqs or REQUESTS,
            vocab=model.vocab_size,
        )
        buffers = Quantity.between(0.4, 2.5, step)
        context = Quantity.between(
            0.6, 2.0, CONTEXT("CUDA context and communicators", size_gib=0.8 if degrees.tensor > 1 else 0.5)
        )

        def rank(gpu: Gpu, stage: int) -> Rank:
            pool = POOL(
                "KV cache pool",
                fraction=request.gpu_memory_utilization or FRACTION,
                capacity=gpu.usable_bytes,
                context=context.expected,
                weights=stages[stage].bytes.expected,
                buffers=buffers.expected,
            )
            return Rank(stages[stage], pool_of(pool, (buffers, context), gpu), buffers, added("Context", (context,)))

        return lay_out(case, scheme, degrees, rank, lambda ranks: tokens(ranks, case, degrees.tensor, block), note)

    def alike(self, request: PlanRequest, gpu: Gpu) -> int:
        return gpu.usable_bytes

    def commands(self, case: Case) -> tuple[Command, ...]:
        request, (degrees, _) = case.request, resolve_degrees(case, self.title)
        together = shares_experts(case.architecture, degrees)
        ranks = degrees.tensor * (degrees.data if together else 1)
        world = ranks * degrees.pipeline
        narrow = cache_block(self.title, case, served(case, self.quantization(case))) == (1, 1)
        options = ["enable_attention_dp: true"] * together + ["kv_cache_config:", "  dtype: fp8"] * narrow
        launch = f"mpirun -n {world} trtllm-llmapi-launch trtllm-serve" if world > NODE_GPUS else "trtllm-serve"
        text = f"{launch} {word(case.name)}" + flags(
            (True, f"--max_seq_len {request.context}"),
            (ranks > 1, f"--tp_size {ranks}"),
            (degrees.pipeline > 1, f"--pp_size {degrees.pipeline}"),
            (degrees.expert > 1, f"--ep_size {degrees.expert}"),
            (request.max_num_batched_tokens, f"--max_num_tokens {request.max_num_batched_tokens}"),
            (request.max_num_seqs, f"--max_batch_size {request.max_num_seqs}"),
            (request.gpu_memory_utilization, f"--kv_cache_free_gpu_memory_fraction {request.gpu_memory_utilization}"),
            (options, "--extra_llm_api_options options.yaml"),
        )
        title = titled("TensorRT-LLM server", case, self.quantization(case))
        title = f"{title}, one for each of {degrees.data} replicas" if degrees.data > 1 and not together else title
        file = (Command("options.yaml", "\n".join(options)),) if options else ()
        return (*file, Command(title, text))


def tokens(ranks: list[Rank], case: Case, tensor: int, block: Block) -> Held:
    """Tokens that the blocks of the fullest rank hold, and why the engine would not start."""
    counts, slots = [], []
    for rank in ranks:
        if rank.pool.expected <= 0:
            return Held(
                0,
                0.0,
                "Out of memory: nothing is free for the KV cache after weights and buffers; use a smaller format or"
                " more GPUs.",
            )
        cell = sum(
            count
            * cache.elements
            / cache.heads
            * heads_on_rank(cache.heads, tensor)
            * block[1]
            / block[0]
            / cache.every
            for layer, count in rank.stage.counted
            for cache in layer.caches
            if cache.per == "token"
        )
        if cell:
            counts.append(int(rank.pool.expected // (cell * BLOCK_TOKENS)) * BLOCK_TOKENS)
        elif state := state_bytes(rank.stage, tensor):
            slots.append(rank.pool.expected // state)
    count = min(counts, default=0)
    if counts and count < case.request.context:
        return Held(
            count,
            count / case.request.context,
            f"The KV cache holds {count:,} tokens, fewer than one request of {case.request.context:,}, in"
            f" {mem(ranks[0].pool.expected)}; shorten the context or add GPUs.",
        )
    return Held(count, count / case.request.context if counts else float(min(slots, default=0)))


ENGINE = TensorRtLlm()
