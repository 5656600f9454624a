"""Hugging Face Transformers in PyTorch: weights, a cache that grows, and activations that come and go.

Layers are spread over the GPUs in order (`device_map="auto"`), each GPU holding whole layers. `generate` keeps the
logits of the last token only. Attention runs in blocks (SDPA or FlashAttention), so that the prefill peak is the
feed-forward block: gate, up and their product for the whole prompt, beside a few copies of the residual stream. The
cache of the tokens to be generated is
a maximum: its low end is that of an answer that ends early.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import prod

from planner.architecture.tensors import Architecture, Layer, Stack, Tensor
from planner.case import Case, Command, literal
from planner.catalog.gpus import Gpu
from planner.core.allocator import block_bytes
from planner.core.formula import Formula, Step, total
from planner.core.remember import remembered
from planner.engines import capabilities
from planner.engines.serving import DTYPES, pooled, runnable, too_long
from planner.engines.transformers_peak import peak, prompt_of, workspace_kib
from planner.engines.versions import calibration
from planner.memory import kv_cache, weights
from planner.memory.kv_cache import Block
from planner.memory.quantity import NOTHING, DeviceMemory, HostMemory, Memory, Quantity, added
from planner.quantization.cache_types import cache_type
from planner.quantization.formats import BITS, Scheme
from planner.quantization.published import scheme_for
from planner.request import PlanRequest

CONTEXT = Formula("context_gib * 2**30", "bytes", "CUDA context, kernels and cuBLAS workspace of a PyTorch process")

ENDS_EARLY = 0.9
"""Share of the tokens to generate that are missing at the 10th percentile: left to itself, a model may end its answer
at any of them.
"""

RUNS = ("bf16", "fp16", "fp32", "nf4", "nf4-dq", "int8", "gptq-int4", "gptq-int8", "awq-int4", "fp8", "mxfp4")


class Transformers:
    name = "transformers"
    title = "Transformers"

    def formats(self) -> tuple[str, ...]:
        return RUNS

    def quantization(self, case: Case) -> str:
        return runnable(self.title, RUNS, case)

    def memory(self, case: Case) -> Memory:
        request, model = case.request, case.architecture
        scheme = scheme_for(model, self.quantization(case))
        file = weights.weight_file(model, scheme)
        _, elements, bytes_ = cache_type(request.kv_cache_dtype, scheme.rest)
        block = (elements, bytes_)
        if not case.gpus:
            growing, fixed = _caches(case, model.main.distinct, block)
            held = peak(case, scheme, block, None)
            host = HostMemory(
                file.tensor_bytes,
                added("KV cache", (growing, fixed)),
                added("Activation peak", (held.counted, held.unseen)),
            )
            return Memory(file, (), host, note=scheme.note)
        devices = []
        row = calibration("transformers", request.engine_version)
        context = Quantity.between(
            0.6, 1.8, CONTEXT("CUDA context and libraries", context_gib=float(row["context_gib"]))
        )
        peaks = {gpu: peak(case, scheme, block, gpu) for gpu in dict.fromkeys(case.gpus)}
        for index, (gpu, (weight, layers)) in enumerate(
            zip(case.gpus, spread(model, scheme, len(case.gpus)), strict=True)
        ):
            growing, fixed = _caches(case, layers, block)
            outside = (
                added("CUDA context, libraries and the prompt's peak", (context, peaks[gpu].unseen))
                if weight.expected and peaks[gpu].unseen.expected
                else context
            )
            devices.append(
                DeviceMemory(
                    gpu.name,
                    index,
                    gpu.capacity_bytes,
                    gpu.usable_bytes,
                    weights=weight,
                    kv_cache=growing,
                    state=fixed,
                    activation=peaks[gpu].counted if weight.expected else NOTHING,
                    overhead=outside,
                )
            )
        unable, told = capabilities.verdict(case, scheme)
        notes = " ".join(text for text in (scheme.note, told, too_long(case)) if text)
        return Memory(file, tuple(devices), refusal=unable, note=notes, unable=bool(unable))

    def alike(self, request: PlanRequest, gpu: Gpu) -> float:
        return workspace_kib(gpu)

    def commands(self, case: Case) -> tuple[Command, ...]:
        quantization = self.quantization(case)
        published = case.architecture.quantization is not None and scheme_for(case.architecture, quantization).published
        options = "" if published else BITSANDBYTES.get(quantization, "")
        dtype = f"torch.{DTYPES[quantization]}" if quantization in DTYPES else '"auto"'
        lines = ["import torch"] if quantization in DTYPES else []
        kind = "AutoModel" if pooled(case) else "AutoModelForCausalLM"
        lines.append(f"from transformers import {kind}, AutoTokenizer" + (", BitsAndBytesConfig" if options else ""))
        arguments = f'{literal(case.name)}, dtype={dtype}, device_map="auto"' + (
            f", quantization_config=BitsAndBytesConfig({options})" if options else ""
        )
        lines += [
            "",
            f"tokenizer = AutoTokenizer.from_pretrained({literal(case.name)})",
            f"model = {kind}.from_pretrained({arguments})",
        ]
        if pooled(case):
            lines.append(
                'output = model(**tokenizer(["a text"], return_tensors="pt").to(model.device), use_cache=False)'
            )
        return (Command("Python", "\n".join(lines)),)


BITSANDBYTES = {
    "nf4": 'load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype="bfloat16"',
    "nf4-dq": (
        'load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,'
        ' bnb_4bit_compute_dtype="bfloat16"'
    ),
    "int8": "load_in_8bit=True",
}


def _caches(case: Case, layers: Iterable[tuple[Layer, int]], block: Block) -> tuple[Quantity, Quantity]:
    """What grows with tokens, and what each sequence keeps.

    An answer that ends early leaves the first smaller, never larger.
    """
    if pooled(case):
        return NOTHING, NOTHING
    request, held = case.request, tuple(layers)
    growing, fixed = kv_cache.cache_steps(held, request.context, request.batch, block)
    at_prompt, _ = kv_cache.cache_steps(held, prompt_of(case), request.batch, block)
    whole = _summed("KV cache", growing)
    to_come = whole.expected - sum(int(step.value) for step in at_prompt)
    return replace(whole, low=whole.expected - int(ENDS_EARLY * to_come)), _summed("Recurrent state", fixed)


def _summed(label: str, steps: list[Step]) -> Quantity:
    return Quantity.exact(*steps, total(label, [int(step.value) for step in steps])) if steps else NOTHING


@remembered
def spread(
    model: Architecture, scheme: Scheme, gpus: int
) -> tuple[tuple[Quantity, tuple[tuple[Layer, int], ...]], ...]:
    """Weights of each GPU as the allocator counts them, with its layers: whole layers in order, in equal shares of
    bytes.

    Embedding and towers are on the first GPU, norm and head on the last. Loaded in FP8, a tied head is a copy of its
    own.
    """
    main = model.main
    sizes = {
        id(layer): sum(held_bytes(scheme, tensor, main.name) for tensor in layer.all_tensors)
        for layer, _ in main.distinct
    }
    first = sum(held_bytes(scheme, tensor, main.name) for tensor in main.before)
    first += sum(
        count * held_bytes(scheme, tensor, stack.name) for stack in model.loaded[1:] for tensor, count in stack.counted
    )
    untied = gpus > 1 or scheme.format.asked == "fp8"
    last = sum(
        prod(t.shape) * BITS[scheme.rest] // 8 if t.tied and untied else held_bytes(scheme, t, main.name)
        for t in main.after
    )
    share = (first + last + sum(sizes[id(layer)] for layer in main.layers)) / gpus
    found, at = [], 0
    for index in range(gpus):
        filled, start = first if index == 0 else 0, at
        while at < len(main.layers) and (index == gpus - 1 or filled + sizes[id(main.layers[at])] / 2 <= share):
            filled += sizes[id(main.layers[at])]
            at += 1
        layers = main.layers[start:at]
        parts = {
            f"{len(layers)} layers": sum(sizes[id(layer)] for layer in layers),
            "embedding and towers": first if index == 0 else 0,
            "norm and head": last if index == gpus - 1 else 0,
        }
        step = total(
            "Weights: " + ", ".join(name for name, size in parts.items() if size),
            [size for size in parts.values() if size],
        )
        found.append((Quantity.exact(step), Stack(main.name, main.hidden_size, layers).distinct))
    return tuple(found)


def held_bytes(scheme: Scheme, tensor: Tensor, stack: str) -> int:
    """Bytes of a tensor as PyTorch's allocator counts them; experts are a tensor each."""
    if tensor.tied:
        return 0
    return tensor.copies * sum(block_bytes(size) for size in scheme.parts(tensor, tensor.shape, stack))


ENGINE = Transformers()
