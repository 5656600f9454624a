"""Hugging Face Transformers in PyTorch: weights, a dynamic cache, and activations that come and go.

Layers are spread over the GPUs in order (`device_map="auto"`), each GPU holding whole layers. A call to `generate` keeps
logits of the last token only; the prefill peak is one layer's activations for the whole prompt.
"""

from __future__ import annotations

from collections.abc import Sequence

from planner.architecture.tensors import Layer, Stack
from planner.engines.base import Case, Command
from planner.errors import PlanError, did_you_mean
from planner.formula import Formula, total
from planner.memory import kv_cache, weights
from planner.memory.quantity import NOTHING, DeviceMemory, HostMemory, Memory, Quantity
from planner.quantization.cache_types import cache_type
from planner.quantization.formats import Scheme
from planner.quantization.published import scheme_for

CONTEXT_BYTES = 500 * 2**20
"""CUDA context, kernels and cuBLAS workspace of a PyTorch process; 0.3 to 0.6 GiB are commonly seen."""

PREFILL = Formula("batch * prompt * element_bytes * (2 * hidden + attention + feed_forward) + batch * vocab * 4", "bytes")

RUNS = ("bf16", "fp16", "fp32", "nf4", "nf4-dq", "int8", "gptq-int4", "gptq-int8", "awq-int4", "fp8", "mxfp4")


class Transformers:
    name = "transformers"
    title = "Transformers"

    def formats(self) -> tuple[str, ...]:
        return RUNS

    def quantization(self, case: Case) -> str:
        wanted = case.request.quantization.lower()
        if wanted != "auto" and wanted not in RUNS:
            raise PlanError(f"Transformers does not run {case.request.quantization[:40]!r}.{did_you_mean(wanted, RUNS)} Choose nf4 for 4 bits, or llama.cpp for GGUF files.", "quantization")
        return wanted

    def memory(self, case: Case) -> Memory:
        request, model = case.request, case.architecture
        scheme = scheme_for(model, self.quantization(case))
        file = weights.weight_file(model, scheme)
        _, block_elements, block_bytes = cache_type(request.kv_cache_dtype, "fp16")
        spans = _spread(scheme, model.main, len(case.gpus))
        outer = _outer_bytes(scheme, case)
        devices = []
        for index, (gpu, layers) in enumerate(zip(case.gpus, spans, strict=True)):
            held = [sum(scheme.bytes(tensor, model.main.name) for tensor in layer.all_tensors) for layer in layers]
            ends = [size for size, on in ((outer[0], index == 0), (outer[1], index == len(case.gpus) - 1)) if on]
            growing, fixed = kv_cache.cache_steps(Stack(model.main.name, model.main.hidden_size, layers).distinct, request.context, request.batch, (block_elements, block_bytes))
            devices.append(
                DeviceMemory(
                    gpu.name, index, gpu.capacity_bytes, gpu.usable_bytes,
                    weights=Quantity.exact(total(f"Weights of {len(layers)} layers and what stands beside them", [sum(held), *ends])),
                    kv_cache=Quantity.exact(*growing, total("KV cache", [int(step.value) for step in growing])) if growing else NOTHING,
                    state=Quantity.exact(*fixed, total("Recurrent state", [int(step.value) for step in fixed])) if fixed else NOTHING,
                    activation=_activations(case, scheme),
                    overhead=Quantity(300 * 2**20, CONTEXT_BYTES, 900 * 2**20, (total("CUDA context and libraries", [CONTEXT_BYTES]),)),
                )
            )  # fmt: skip
        host = HostMemory() if case.gpus else _on_host(case, scheme, file.tensor_bytes, (block_elements, block_bytes))
        return Memory(file, tuple(devices), host)

    def commands(self, case: Case) -> tuple[Command, ...]:
        quantization = self.quantization(case)
        extra = ', quantization_config=BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")' if quantization.startswith("nf4") else ""
        names = "AutoModelForCausalLM" + (", BitsAndBytesConfig" if extra else "")
        text = f'from transformers import {names}\n\nmodel = AutoModelForCausalLM.from_pretrained("{case.name}", dtype="auto", device_map="auto"{extra})'
        return (Command("Python", text),)


def _spread(scheme: Scheme, stack: Stack, parts: int) -> list[tuple[Layer, ...]]:
    """Whole layers in order over equal shares of the GPUs."""
    if not parts:
        return []
    share = -(-len(stack.layers) // parts)
    return [stack.layers[i * share : (i + 1) * share] for i in range(parts)]


def _outer_bytes(scheme: Scheme, case: Case) -> tuple[int, int]:
    """Bytes before the first layer (embedding, towers) and after the last (norm and head)."""
    main = case.architecture.main
    towers = sum(weights.stack_bytes(scheme, stack) for stack in case.architecture.loaded[1:])
    return sum(scheme.bytes(t, main.name) for t in main.before) + towers, sum(scheme.bytes(t, main.name) for t in main.after)


def _activations(case: Case, scheme: Scheme) -> Quantity:
    """The prefill peak: two residual streams, the widest layer's inner tensors, and the last token's logits in fp32."""
    main, request = case.architecture.main, case.request
    widest = max((layer.ffn.width + layer.ffn.top_k * layer.ffn.expert_width for layer, _ in main.distinct if layer.ffn), default=0)
    heads = max((mixer.heads * mixer.key_dim * 2 + mixer.kv_heads * (mixer.key_dim + mixer.value_dim) for layer, _ in main.distinct for mixer in layer.mixers), default=0)
    prompt = min(request.prompt_tokens or request.context, request.context)
    step = PREFILL(
        "Prefill peak", batch=request.batch, prompt=prompt, element_bytes=4 if scheme.rest == "fp32" else 2, hidden=main.hidden_size,
        attention=heads, feed_forward=2 * widest, vocab=case.architecture.vocab_size,
    )  # fmt: skip
    return Quantity.between(0.7, 1.5, step)


def _on_host(case: Case, scheme: Scheme, tensor_bytes: Quantity, block: kv_cache.Block) -> HostMemory:
    growing, fixed = kv_cache.cache_steps(case.architecture.main.distinct, case.request.context, case.request.batch, block)
    steps: Sequence[int] = [int(step.value) for step in growing + fixed]
    return HostMemory(tensor_bytes, Quantity.exact(total("KV cache", steps)), _activations(case, scheme))


ENGINE = Transformers()
