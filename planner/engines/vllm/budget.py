"""vLLM's budget: what it takes from one GPU besides weights and cache.

pool = utilization * total - weights - activation peak - non-torch [- graphs, from 0.20]
Coefficients by version in `data/calibration/vllm.csv`, from start-up logs that print every term.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor

from planner.architecture.tensors import Architecture, Layer
from planner.case import Case
from planner.catalog.gpus import Gpu
from planner.core.data import table
from planner.core.formula import Formula, Step
from planner.core.remember import remembered
from planner.core.units import GIB, mem
from planner.engines.versions import calibration
from planner.engines.vllm.images import pictures
from planner.memory.quantity import NOTHING, DeviceMemory, Quantity
from planner.parallelism.degrees import Degrees
from planner.parallelism.tensor_parallel import EXPERTS, PADDING
from planner.quantization.formats import Scheme

MORE_WORKSPACE = GIB
"""What a further all-reduce workspace takes: versions and cards differ in how many they set up when ranks share a
fabric.
"""

LARGE_GPU_BYTES = 70 * GIB
"""From this size on (and not on an A100) the server takes larger batches by default (vllm/engine/arg_utils.py)."""

FABRIC_GB_PER_S = 300

LOGS = "start-up logs of vLLM that print every term; data/calibration/vllm.csv"

SAMPLER = Formula(
    "sequences * vocab * (4 * copies - 2 + element_bytes) + (1.5 + 2 * later_stage) * tokens * hidden * element_bytes",
    "bytes",
    LOGS,
)
FORWARD = Formula("tokens * element_bytes * (3 * inner + (hidden_copies + 2 * stages_between) * hidden)", "bytes", LOGS)
EXPERT_SPACE = Formula(
    "tokens * top_k * element_bytes * (max(width, hidden) + max(2 * width, hidden))",
    "bytes",
    "vllm/model_executor/layers/fused_moe: two workspaces",
)
PEAK = Formula("max(max(sampler, forward) + expert_space + images_held, images_in_tower)", "bytes")
RESERVED = Formula(
    "formats * 1.8 * 2**30",
    "bytes",
    "vLLM's out-of-memory message for gpt-oss-20b: reserved by PyTorch but unallocated",
)
GRAPHS = Formula(
    "captures / 51 * share * (base_gib + layer_gib * layers + experts_gib * experts + four_bit_gib * four_bit_experts)"
    " * 2**30",
    "bytes",
    LOGS + "; data/calibration/vllm_graphs.csv",
)
FIXED = Formula("size_gib * 2**30", "bytes", LOGS)

LOGGED, UNSEEN_TOWER, DERIVED = (0.93, 1.12), (0.93, 1.3), (0.6, 1.6)
"""Ranges of the activation peak: of terms that logs confirm, of a model whose images are not known, and of the tower's
own pass, which is only derived.
"""


@dataclass(frozen=True)
class Settings:
    """vLLM's own settings with its defaults filled in."""

    utilization: float
    batched_tokens: int
    sequences: int
    context: int
    eager: bool
    row: tuple[tuple[str, str], ...]

    def number(self, name: str) -> float:
        """A coefficient of this version's calibration."""
        return float(self.text(name))

    def text(self, name: str) -> str:
        return dict(self.row)[name]


def settings(case: Case) -> Settings:
    """The request's settings, or what this version takes by itself on this GPU."""
    request, gpu = case.request, case.gpus[0]
    row = calibration("vllm", request.engine_version)
    chunked = bool(int(row["chunked_prefill"]))
    sequences = request.max_num_seqs or (int(row["seqs_large"]) if large(gpu) else 256)
    if request.max_num_batched_tokens:
        tokens = request.max_num_batched_tokens
    elif chunked:
        tokens = 8192 if large(gpu) else 2048
    else:
        tokens = request.context if request.context <= 32_768 else 512
    utilization = request.gpu_memory_utilization or float(row["utilization"])
    return Settings(utilization, tokens, sequences, request.context, bool(request.enforce_eager), tuple(row.items()))


def large(gpu: Gpu) -> bool:
    """Whether vLLM takes the larger batches of a large card by default."""
    return gpu.lent_bytes >= LARGE_GPU_BYTES and "a100" not in gpu.name.lower()


@remembered
def activation(model: Architecture, scheme: Scheme, degrees: Degrees, use: Settings, stage: int) -> Quantity:
    """The peak of one stage's profiling run: the sampler's copies of the logits or one layer's forward pass, the
    experts' space, and images.

    Images are run on the first stage. Only the last pipeline stage samples; stages hand two residual streams on.
    Workspaces stay allocated after the forward pass.
    """
    main, last = model.main, stage == degrees.pipeline - 1
    wide = 4 if scheme.rest == "fp32" else 2
    inner = max(
        (layer.ffn.width * (1 if layer.ffn.gated else 2 / 3) for layer, _ in main.distinct if layer.ffn), default=0
    )
    common = {"tokens": use.batched_tokens, "hidden": main.hidden_size, "element_bytes": wide}
    between = int(degrees.pipeline > 1)
    forward = FORWARD(
        "Forward pass of one layer",
        inner=inner / degrees.tensor,
        hidden_copies=use.number("forward_hidden"),
        stages_between=between,
        **common,
    )
    steps: list[Step] = [forward]
    sampler: float = 0
    if last and model.generates:
        vocab = -(-model.vocab_size // PADDING) * PADDING
        steps.append(
            SAMPLER(
                "Sampler warm-up",
                copies=use.number("logit_copies"),
                sequences=use.sequences,
                vocab=vocab,
                later_stage=int(stage > 0),
                **common,
            )
        )
        sampler = steps[-1].value
    space: float = 0
    for layer in _sparse(model)[:1] if use.number("expert_space") else []:
        assert layer.ffn is not None
        if not four_bit_experts(model, scheme):
            width = layer.ffn.expert_width / (1 if degrees.expert > 1 else degrees.tensor * degrees.data)
            steps.append(EXPERT_SPACE("Experts' workspaces", top_k=layer.ffn.top_k, width=width, **common))
            space = steps[-1].value
    shown = pictures(model, degrees, use.batched_tokens, use.sequences, use.context, wide) if stage == 0 else None
    held, tower = (shown.held.value, shown.tower.value) if shown else (0, 0)
    steps += [shown.held, shown.tower] if shown else []
    peak = PEAK(
        "Activation peak",
        sampler=sampler,
        forward=forward.value,
        expert_space=space,
        images_held=held,
        images_in_tower=tower,
    )
    low, high = DERIVED if peak.value == tower else LOGGED if shown or len(model.loaded) == 1 else UNSEEN_TOWER
    return Quantity.between(low, high, *steps, peak)


def non_torch(gpu: Gpu, degrees: Degrees, use: Settings) -> Quantity:
    """Libraries' memory charged to the budget: cuBLAS workspaces, and with tensor parallel over a fabric the all-reduce
    buffers.
    """
    fabric = (degrees.tensor > 1 or (degrees.data > 1 and degrees.expert > 1)) and has_fabric(gpu)
    step = FIXED("Libraries besides PyTorch", size_gib=use.number("non_torch_tp_gib" if fabric else "non_torch_gib"))
    found = Quantity.between(0.5, 1.5 if fabric or degrees.tensor == 1 else 4.0, step)
    return replace(found, high=max(found.high, found.expected + MORE_WORKSPACE)) if fabric else found


def context(gpu: Gpu, degrees: Degrees, use: Settings) -> Quantity:
    """The CUDA context and communicators, on the card before the budget is counted."""
    alone, together = use.number("context_gib"), use.number("context_tp_gib")
    size = alone if degrees.gpus == 1 else together if has_fabric(gpu) else alone + (together - alone) / 4
    return Quantity.between(0.7, 1.4, FIXED("CUDA context, outside the budget", size_gib=size))


def has_fabric(gpu: Gpu) -> bool:
    """Whether its GPUs reach each other over NVLink or the like; a bridge between two desktop cards does not count."""
    return (gpu.link_gb_per_s or 0) >= FABRIC_GB_PER_S


def graphs(model: Architecture, scheme: Scheme, degrees: Degrees, use: Settings) -> Quantity:
    """CUDA graphs: one for each captured batch size, growing with the layers, more with experts, most where those are
    in 4 bit.

    With tensor parallel a rank's graphs are smaller; with enforce_eager there are none.
    """
    if use.eager:
        return NOTHING
    layers = -(-len(model.main.layers) // degrees.pipeline)
    sparse, four = bool(_sparse(model)), four_bit_experts(model, scheme)
    (row,) = table("calibration/vllm_graphs")
    fitted = {name: float(row[name]) for name in ("base_gib", "layer_gib", "experts_gib", "four_bit_gib")}
    share = float(row["tensor_parallel"]) if degrees.tensor > 1 else 1
    step = GRAPHS(
        "CUDA graphs",
        captures=captures(use.sequences),
        share=share,
        layers=layers,
        experts=int(sparse),
        four_bit_experts=int(four),
        **fitted,
    )
    return Quantity.between(0.6, 1.6, step) if four else Quantity.between(0.75, 1.35, step)


def unallocated(scheme: Scheme, model: Architecture) -> Quantity:
    """What PyTorch keeps reserved and cannot use after the experts were rewritten for the MXFP4 kernels at load."""
    rewritten = scheme.format.asked == "mxfp4" and bool(_sparse(model))
    return Quantity.between(0.5, 1.3, RESERVED("Reserved but unallocated", formats=1)) if rewritten else NOTHING


def captures(sequences: int) -> int:
    """Batch sizes captured: 1, 2, 4, then every 8 up to 256 and every 16 up to min(2 * sequences, 512)."""
    largest = min(2 * sequences, 512)
    return (
        len([n for n in (1, 2, 4) if n <= largest])
        + len(range(8, min(largest, 256) + 1, 8))
        + len(range(272, largest + 1, 16))
    )


def four_bit_experts(model: Architecture, scheme: Scheme) -> bool:
    """Whether the first layer with experts keeps them in 4 bit: other kernels, with workspaces of their own."""
    return any(
        scheme.format_of(tensor).bits == 4
        for layer in _sparse(model)[:1]
        if layer.ffn
        for tensor in layer.ffn.tensors
        if tensor.role in EXPERTS
    )


def _sparse(model: Architecture) -> list[Layer]:
    return [layer for layer, _ in model.main.distinct if layer.ffn is not None and layer.ffn.kind == "moe"]


def too_little_free(case: Case, devices: Sequence[DeviceMemory]) -> str:
    """Why vLLM would not start beside the programs that run already, or "": it wants its share of the whole card, not
    of what is free.
    """
    share = settings(case).utilization
    for gpu, device in zip(case.gpus, devices, strict=True):
        if gpu.free_mib is not None and device.total.expected and device.free_bytes < 0:
            return (
                f"Free memory on {gpu.name} ({mem(gpu.usable_bytes)}) is less than the desired GPU memory utilization"
                f" ({share:g}, {mem(share * gpu.lent_bytes)}). Start with a utilization of"
                f" {free_share(case, devices):g}, or stop what else runs there."
            )
    return ""


def free_share(case: Case, devices: Sequence[DeviceMemory]) -> float:
    """The largest utilization, in hundredths, with which what vLLM takes inside and outside its share is free on every
    GPU; 0 for none.
    """
    share = settings(case).utilization
    room = [
        (gpu.usable_bytes - max(device.total.expected - int(share * gpu.lent_bytes), 0)) / gpu.lent_bytes
        for gpu, device in zip(case.gpus, devices, strict=True)
        if device.total.expected
    ]
    return max(floor(min(room, default=0.0) * 100) / 100, 0.0)
