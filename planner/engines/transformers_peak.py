"""What Transformers allocates besides weights and cache: the peak of reading a prompt, and what stays while tokens are
generated.

peak = max(prefill - cache still to come, one cache tensor being copied) + logits + workspace + unpacked matrix +
rounding

Reading a prompt, a layer holds either its attention's queries and keys or its feed-forward block's inner tensors,
beside copies
of the residual stream: the embedded prompt, the layer's input, the sum after attention and its norm. While that happens
the cache holds the prompt alone; the tokens still to be generated are charged in full with the cache and so are taken
off here.

Some publications give what is held once a prompt has been read. Their versions have `prefill_seen` 0: the same bytes
then stand with what lies outside PyTorch's figure, so that the total, and with it the verdict, is the peak in every
version.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from planner.architecture.tensors import Layer
from planner.case import Case
from planner.catalog.gpus import Gpu
from planner.core.formula import Formula, Step
from planner.engines.serving import pooled
from planner.engines.versions import calibration
from planner.memory import kv_cache, weights
from planner.memory.kv_cache import Block
from planner.memory.quantity import NOTHING, Quantity, added
from planner.quantization.formats import Scheme

MODELING = (
    "transformers: modeling files of decoder models, October 2026; checked against peak allocations published for"
    " Qwen2.5"
)

DENSE = Formula("batch * prompt * element_bytes * (inner_copies * inner + hidden_copies * hidden)", "bytes", MODELING)
SPARSE = Formula(
    "batch * prompt * (element_bytes * (gathered * top_k * (inner_copies * width + 2 * hidden) + hidden_copies *"
    " hidden) + 8 * top_k * experts)",
    "bytes",
    "transformers: tokens gathered for their experts, and an int64 mask of top_k * experts a token",
)
ATTENTION = Formula(
    "batch * prompt * element_bytes * (3 * hidden + 4 * heads * key_dim + 2 * kv_heads * key_dim)",
    "bytes",
    "transformers apply_rotary_pos_emb: queries, their rotation and both products beside three copies of the stream",
)
SCORES = Formula(
    "batch * heads * prompt * prompt * (4 + 2 * element_bytes) + batch * prompt * element_bytes * 3 * hidden",
    "bytes",
    "transformers eager_attention_forward: masked scores, their softmax in fp32, and that in the model's type",
)
IMAGE = Formula(
    "batch * patches * element_bytes * (2 * inner + 4 * hidden)",
    "bytes",
    "one image for each sequence, before its prompt is read",
)
TO_COME = Formula("whole - at_prompt", "bytes", "cache of the tokens that follow the prompt")
COPIED = Formula(
    "cache_bytes / entries",
    "bytes",
    "transformers DynamicCache.update: torch.cat makes the longer tensor before the shorter is freed",
)
REPEATED = Formula(
    "2 * batch * context * heads * key_dim * element_bytes",
    "bytes",
    "transformers integrations/sdpa_attention.py repeat_kv: without FlashAttention keys and values are copied to every"
    " query head, before 5.0",
)
LOGITS = Formula(
    "batch * vocab * (8 + element_bytes)",
    "bytes",
    "transformers GenerationMixin: the last token's logits, and two fp32 copies in the processors",
)
WORKSPACE = Formula(
    "size_kib * 2**10", "bytes", "aten/src/ATen/cuda/CublasHandlePool.cpp: 32 MiB on Hopper, 8,320 KiB on other cards"
)
ROUNDING = Formula(
    "tensors * 2**20 / 4",
    "bytes",
    "c10/cuda/CUDACachingAllocator.cpp: a block keeps up to 1 MiB that its tensor does not fill",
)
DEQUANTIZED = Formula(
    "elements * 2",
    "bytes",
    "the widest matrix back in 16 bit: bitsandbytes while a prompt is read, ExLlama's GPTQ kernels always",
)
PEAK = Formula("seen * max(prefill - to_come, copied) + beside", "bytes")
UNSEEN = Formula(
    "(1 - seen) * max(prefill - to_come, copied)",
    "bytes",
    "needed while the prompt is read, and not in the figures published for this version",
)

UNPACKED_FOR_PROMPTS = frozenset({"nf4", "nf4-dq", "int8"})
HOPPER = 9.0
IMAGE_PATCHES = 4_096
"""Patches of an image of 896 x 896 pixels at 14 a side, as the towers of current models read them."""
UNEXPLAINED = 0.008
"""Share of the weights by which allocations of equal models differ: buffers that a checkpoint adds, generations that
end early.
"""


@dataclass(frozen=True, slots=True)
class Peak:
    """What the allocator holds at most besides weights and cache, and the part of the prompt's peak that published
    figures leave out.
    """

    counted: Quantity
    unseen: Quantity


def prompt_of(case: Case) -> int:
    """Tokens that are read in one piece: the whole context where the request does not say."""
    request, model = case.request, case.architecture
    prompt = min(request.prompt_tokens or request.context, request.context)
    return prompt if model.generates else min(prompt, model.max_context)


def peak(case: Case, scheme: Scheme, cache_block: Block, gpu: Gpu | None) -> Peak:
    """The most that is allocated at one time besides the weights and the cache of the full context.

    Raises nothing; known error: 1% of the whole on published single-GPU runs where the prompt's peak is in the figure.
    """
    request, model = case.request, case.architecture
    row = calibration("transformers", request.engine_version)
    wide, prompt = 4 if scheme.rest == "fp32" else 2, prompt_of(case)
    steps = [_widest_layer(case, wide, prompt, row)]
    beside: list[Step] = []
    copied: float = 0
    if not pooled(case):
        beside.append(
            LOGITS("Logits of the last token", batch=request.batch, vocab=model.vocab_size, element_bytes=wide)
        )
        beside.append(ROUNDING("Rounding of cache tensors", tensors=2 * len(model.main.layers)))
    to_come, largest = _growth(case, cache_block, prompt)
    steps.append(to_come)
    if largest is not None:
        steps.append(largest)
        copied = largest.value
    if gpu is not None and workspace_kib(gpu):
        beside.append(WORKSPACE("cuBLAS workspace", size_kib=workspace_kib(gpu)))
    if scheme.format.asked == "gptq-int4" or (scheme.format.asked in UNPACKED_FOR_PROMPTS and prompt > 1):
        widest = max((prod(t.shape) for t, _ in model.main.counted if scheme.quantizes(t, model.main.name)), default=0)
        beside.append(DEQUANTIZED("Widest matrix in 16 bit", elements=widest))
    seen, kept = float(row["prefill_seen"]), sum(float(step.value) for step in beside)
    terms = {"seen": seen, "prefill": steps[0].value, "to_come": to_come.value, "copied": copied}
    step, left = (
        PEAK("Activation peak", **terms, beside=int(kept)),
        UNSEEN("Prompt's peak, outside the published figure", **terms),
    )
    moving = Quantity.between(0.9, 1.1, PEAK("Prompt's peak", **terms, beside=0))
    moving = replace(moving, high=max(moving.high, _repeated(case, wide, row)))
    unexplained = int(UNEXPLAINED * weights.weight_file(model, scheme).tensor_bytes.expected)
    slack = Quantity(int(0.5 * kept) - unexplained, int(kept), int(2 * kept) + unexplained)
    both = added(step.label, (moving, slack))
    counted = Quantity(max(both.low, 0), int(step.value), both.high, (*steps, *beside, step))
    return Peak(counted, Quantity.between(0.9, 1.1, left) if left.value else NOTHING)


def workspace_kib(gpu: Gpu) -> int:
    """What cuBLAS keeps beside: more from Hopper on, nothing on cards of other vendors."""
    return (32_768 if (gpu.cuda or 0) >= HOPPER else 8_320) if gpu.vendor == "NVIDIA" else 0


def _widest_layer(case: Case, wide: int, prompt: int, row: dict[str, str]) -> Step:
    """The layer that holds most while it reads the prompt, and in which of its halves."""
    main, batch = case.architecture.main, case.request.batch
    common = {"batch": batch, "prompt": prompt, "element_bytes": wide, "hidden": main.hidden_size}
    copies = {"inner_copies": float(row["inner_copies"]), "hidden_copies": float(row["hidden_copies"])}
    steps: list[Step] = [
        _attention(layer, common, case.request.flash_attention is False) for layer, _ in main.distinct if layer.mixers
    ]
    for layer, _ in main.distinct:
        if layer.ffn is None:
            continue
        if layer.ffn.kind == "moe":
            routed = {"width": layer.ffn.expert_width, "top_k": layer.ffn.top_k, "experts": layer.ffn.experts}
            steps.append(
                SPARSE("Prefill of a layer with experts", gathered=float(row["gathered"]), **routed, **common, **copies)
            )
        else:
            inner = layer.ffn.width if layer.ffn.gated else layer.ffn.width * 2 / 3
            steps.append(DENSE("Prefill of a layer", inner=inner, **common, **copies))
    for stack in case.architecture.loaded[1:]:
        inner = max((layer.ffn.width for layer, _ in stack.distinct if layer.ffn), default=0)
        if stack.name == "vision" and inner:
            steps.append(
                IMAGE(
                    "An image in the tower",
                    batch=batch,
                    patches=IMAGE_PATCHES,
                    element_bytes=wide,
                    inner=inner,
                    hidden=stack.hidden_size,
                )
            )
    return max(steps, key=lambda step: float(step.value)) if steps else TO_COME("No layers", whole=0, at_prompt=0)


def _attention(layer: Layer, common: dict[str, int], eager: bool) -> Step:
    mixer = max(layer.mixers, key=lambda mixer: mixer.heads * mixer.key_dim)
    if eager and mixer.kind in ("attention", "sliding_attention", "mla"):
        return SCORES("Attention scores of a layer, eager", heads=mixer.heads, **common)
    return ATTENTION(
        "Attention of a layer", heads=mixer.heads, kv_heads=mixer.kv_heads, key_dim=mixer.key_dim, **common
    )


def _repeated(case: Case, wide: int, row: dict[str, str]) -> int:
    """Copies of one layer's keys and values for all query heads, which PyTorch's own attention makes at every token; 0
    where it makes none.
    """
    request = case.request
    if request.flash_attention or pooled(case) or not float(row["repeats"]):
        return 0
    shared = [
        mixer
        for layer, _ in case.architecture.main.distinct
        for mixer in layer.mixers
        if mixer.caches and 0 < mixer.kv_heads < mixer.heads
    ]
    common = {"batch": request.batch, "context": request.context, "element_bytes": wide}
    return int(
        max(
            (
                REPEATED("Keys and values of all heads", heads=m.heads, key_dim=m.key_dim, **common).value
                for m in shared
            ),
            default=0,
        )
    )


def _growth(case: Case, cache_block: Block, prompt: int) -> tuple[Step, Step | None]:
    """Cache that comes after the prompt, and the largest cache tensor, which is copied as it grows."""
    request, layers = case.request, () if pooled(case) else case.architecture.main.distinct
    growing, _ = kv_cache.cache_steps(layers, request.context, request.batch, cache_block)
    before, _ = kv_cache.cache_steps(layers, prompt, request.batch, cache_block)
    whole, at_prompt = (sum(int(step.value) for step in steps) for steps in (growing, before))
    to_come = TO_COME("Cache after the prompt", whole=whole, at_prompt=at_prompt)
    if not growing:
        return to_come, None
    largest = max(growing, key=lambda step: float(step.value) / step.operands["layers"])
    return to_come, COPIED(
        "Cache tensor being copied", cache_bytes=int(largest.value), entries=largest.operands["layers"]
    )
