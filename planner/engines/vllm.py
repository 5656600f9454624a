"""vLLM: weights cut over the ranks, and a pool of cache pages that fills a fixed share of every GPU.

pool = utilization * total - weights - activation peak - non-torch [- graphs]; the CUDA context (and, before 0.20, the graphs)
lie outside that share. The fullest rank decides how many blocks every rank gets.
"""

from __future__ import annotations

from math import floor

from planner.engines import pages, vllm_budget
from planner.engines.base import Case, Command
from planner.engines.vllm_budget import Settings
from planner.errors import PlanError, did_you_mean
from planner.formula import Formula
from planner.memory import weights
from planner.memory.quantity import NOTHING, DeviceMemory, HostMemory, Memory, Pool, Quantity, added
from planner.parallelism.degrees import Degrees, resolve_degrees
from planner.quantization.cache_types import cache_type
from planner.quantization.published import scheme_for
from planner.units import gib

POOL = Formula("floor(utilization * capacity) - weights - activation - libraries - graphs", "bytes", "vllm/v1/worker/gpu_worker.py determine_available_memory")

RUNS = ("bf16", "fp16", "fp32", "fp8", "awq-int4", "gptq-int4", "gptq-int8", "int8", "nf4", "mxfp4", "nvfp4")


class Vllm:
    name = "vllm"
    title = "vLLM"

    def formats(self) -> tuple[str, ...]:
        return RUNS

    def quantization(self, case: Case) -> str:
        wanted = case.request.quantization.lower()
        if wanted != "auto" and wanted not in RUNS:
            raise PlanError(f"vLLM does not run {case.request.quantization[:40]!r}.{did_you_mean(wanted, RUNS)} Choose one of {', '.join(RUNS)}, or llama.cpp for GGUF files.", "quantization")
        return wanted

    def memory(self, case: Case) -> Memory:
        model, request = case.architecture, case.request
        degrees, note = resolve_degrees(case, self.title)
        scheme = scheme_for(model, self.quantization(case))
        use = vllm_budget.settings(case)
        _, elements, bytes_ = cache_type(request.kv_cache_dtype, scheme.rest)
        stages = weights.stages(model, scheme, degrees)
        libraries, context, graphs = vllm_budget.non_torch(degrees, use), vllm_budget.context(degrees, use), vllm_budget.graphs(model, degrees, use)
        outside = added("Libraries, context and graphs", (libraries, context, graphs, vllm_budget.unallocated(scheme, model)))
        charged = graphs if int(use.text("graphs_charged")) else NOTHING
        devices, pools, refusal = [], [], ""
        for index, gpu in enumerate(case.gpus):
            if index >= degrees.gpus:
                devices.append(DeviceMemory(gpu.name, index, gpu.capacity_bytes, gpu.usable_bytes))
                continue
            place = index % (degrees.tensor * degrees.pipeline) // degrees.tensor
            stage, peak = stages[place], vllm_budget.activation(model, scheme, degrees, use, place)
            step = POOL(
                "KV cache pool", utilization=use.utilization, capacity=gpu.capacity_bytes, weights=stage.bytes.expected, activation=peak.expected,
                libraries=libraries.expected, graphs=charged.expected,
            )  # fmt: skip
            spread = added("", (peak, libraries, charged))
            size = int(step.value)
            pools.append((Quantity(size - (spread.high - spread.expected), size, size + (spread.expected - spread.low), (step,)), stage))
            devices.append(
                DeviceMemory(
                    gpu.name, index, gpu.capacity_bytes, gpu.usable_bytes, weights=stage.bytes, activation=peak,
                    kv_cache=Quantity.exact(step) if size > 0 else NOTHING, overhead=outside,
                )
            )  # fmt: skip
            if stage.bytes.expected > gpu.usable_bytes and not refusal:
                refusal = f"CUDA out of memory while loading the weights: {gib(stage.bytes.expected)} a GPU, {gib(gpu.usable_bytes)} usable; use a smaller format or more GPUs."
        tokens, limit = self._tokens(case, degrees, use, pools, (elements, bytes_))
        return Memory(
            weights.weight_file(model, scheme), tuple(devices), HostMemory(), Pool(max((pool for pool, _ in pools), key=lambda pool: pool.expected), tokens),
            refusal or limit, note,
        )  # fmt: skip

    def _tokens(self, case: Case, degrees: Degrees, use: Settings, pools: list[tuple[Quantity, weights.Stage]], block: tuple[int, int]) -> tuple[int, str]:
        """Tokens as the log prints them, and why one request would not fit."""
        counts = []
        for pool, stage in pools:
            if pool.expected <= 0:
                return 0, "No available memory for the cache blocks. Raise gpu_memory_utilization, lower max_num_seqs, or use a smaller format or more GPUs."
            found = pages.kinds(weights.counted(stage.layers), degrees.tensor, block)
            if not found:
                continue
            layout = pages.paging(found, bool(int(use.text("grouping"))))
            counts.append((pool.expected // layout.block_bytes, layout, pool.expected))
        if not counts:
            return 0, ""
        blocks, layout, size = min(counts, key=lambda item: item[0])
        need = layout.blocks(use.context, use.batched_tokens)
        if blocks < need:
            most = layout.block_tokens * (blocks // layout.group_count)
            return blocks // layout.group_count * layout.block_tokens, (
                f"To serve at least one request with the model's max seq len ({use.context}), {gib(need * layout.block_bytes)} KV cache is needed, which is larger than "
                f"the available KV cache memory ({gib(size)}). Lower the context to {most:,} or raise gpu_memory_utilization."
            )
        if use.text("token_line") == "concurrency":
            return floor(blocks / need * use.context), ""
        return blocks // layout.group_count * layout.block_tokens, ""

    def commands(self, case: Case) -> tuple[Command, ...]:
        degrees, _ = resolve_degrees(case, self.title)
        request = case.request
        text = [f"vllm serve {case.name}", f"--max-model-len {request.context}"]
        quantization = {"fp8": "fp8", "nf4": "bitsandbytes"}.get(request.quantization.lower())
        flags = (
            (degrees.tensor > 1, f"--tensor-parallel-size {degrees.tensor}"),
            (degrees.pipeline > 1, f"--pipeline-parallel-size {degrees.pipeline}"),
            (degrees.data > 1, f"--data-parallel-size {degrees.data}"),
            (degrees.expert > 1, "--enable-expert-parallel"),
            (quantization, f"--quantization {quantization}"),
            (request.quantization.lower() in ("fp16", "fp32", "bf16"), f"--dtype {dict(fp16='float16', fp32='float32', bf16='bfloat16').get(request.quantization.lower())}"),
            (request.kv_cache_dtype not in ("auto", "bf16", "fp16"), f"--kv-cache-dtype {request.kv_cache_dtype}"),
            (request.gpu_memory_utilization, f"--gpu-memory-utilization {request.gpu_memory_utilization}"),
            (request.max_num_batched_tokens, f"--max-num-batched-tokens {request.max_num_batched_tokens}"),
            (request.max_num_seqs, f"--max-num-seqs {request.max_num_seqs}"),
            (request.enforce_eager, "--enforce-eager"),
        )
        return (Command("vLLM server", " ".join(text + [flag for wanted, flag in flags if wanted])),)


ENGINE = Vllm()
