"""MLX on Apple silicon: weights and cache in unified memory, up to the share that the system lends to the GPU.

need = weights + cache (grown 256 tokens at a time) + one prefill step's activations; the limit is the GPU's working
set, which the catalogue gives as its usable memory. One process uses one machine.
"""

from __future__ import annotations

from planner.case import Case, Command, word
from planner.catalog.gpus import Gpu
from planner.core.errors import PlanError
from planner.core.formula import Formula, total
from planner.engines.serving import runnable
from planner.memory import kv_cache, weights
from planner.memory.quantity import NOTHING, DeviceMemory, Memory, Quantity
from planner.quantization.cache_types import cache_type
from planner.quantization.published import scheme_for
from planner.request import PlanRequest

STEP_TOKENS, GROWTH_TOKENS = 2048, 256
"""Tokens that mlx-lm reads at once, and by which its cache grows."""

PREFILL = Formula(
    "step * 2 * (3 * inner + 6 * hidden) + batch * vocab * 4",
    "bytes",
    "ml-explore/mlx-lm generate.py: prefill_step_size",
)
SHARE = Formula("size_gib * 2**30", "bytes", "Metal's own heaps and command buffers, first order")

RUNS = ("bf16", "fp16", "mlx-4bit", "mlx-3bit", "mlx-5bit", "mlx-6bit", "mlx-8bit")


class Mlx:
    name = "mlx"
    title = "MLX"

    def formats(self) -> tuple[str, ...]:
        return RUNS

    def quantization(self, case: Case) -> str:
        return runnable(self.title, RUNS, case)

    def memory(self, case: Case) -> Memory:
        model, request = case.architecture, case.request
        if len(case.gpus) != 1 or not case.gpus[0].unified:
            raise PlanError("MLX runs on one Apple machine; choose a Mac, or another engine for this hardware.", "gpus")
        gpu = case.gpus[0]
        scheme = scheme_for(model, self.quantization(case))
        file = weights.weight_file(model, scheme)
        _, elements, bytes_ = cache_type(request.kv_cache_dtype, "fp16")
        tokens = -(-request.context // GROWTH_TOKENS) * GROWTH_TOKENS
        growing, fixed = kv_cache.cache_steps(model.main.distinct, tokens, request.batch, (elements, bytes_))
        inner = max(
            (
                layer.ffn.width + layer.ffn.top_k * layer.ffn.expert_width
                for layer, _ in model.main.distinct
                if layer.ffn
            ),
            default=0,
        )
        step = min(request.prompt_tokens or request.context, STEP_TOKENS)
        peak = PREFILL(
            "Prefill step",
            step=step,
            inner=inner,
            hidden=model.main.hidden_size,
            batch=request.batch,
            vocab=model.vocab_size,
        )
        device = DeviceMemory(
            gpu.name,
            0,
            gpu.capacity_bytes,
            gpu.usable_bytes,
            weights=file.tensor_bytes,
            kv_cache=(
                Quantity.exact(*growing, total("KV cache", [int(s.value) for s in growing])) if growing else NOTHING
            ),
            state=Quantity.exact(*fixed, total("Recurrent state", [int(s.value) for s in fixed])) if fixed else NOTHING,
            activation=Quantity.between(0.5, 2.0, peak),
            overhead=Quantity.between(0.4, 2.5, SHARE("Metal", size_gib=0.4)),
        )
        return Memory(file, (device,), note=scheme.note)

    def alike(self, request: PlanRequest, gpu: Gpu) -> bool:
        return gpu.unified

    def commands(self, case: Case) -> tuple[Command, ...]:
        wanted = self.quantization(case)
        if not wanted.startswith("mlx"):
            return (
                Command(
                    "MLX",
                    f"mlx_lm.generate --model {word(case.name)} --max-kv-size {case.request.context} --prompt 'Hello'",
                ),
            )
        convert = f"mlx_lm.convert --hf-path {word(case.name)} -q --q-bits {wanted[4]} --mlx-path ./{wanted}"
        return (
            Command("Convert", convert),
            Command("MLX", f"mlx_lm.generate --model ./{wanted} --max-kv-size {case.request.context} --prompt 'Hello'"),
        )


ENGINE = Mlx()
