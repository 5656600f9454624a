"""vLLM's budget: what it takes from one GPU besides weights and cache.

pool = utilization * total - weights - activation peak - non-torch [- graphs, from 0.20]
Coefficients by version in `data/calibration/vllm.csv`, from start-up logs that print every term.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.architecture.tensors import Architecture, Layer
from planner.engines.base import Case
from planner.engines.versions import calibration
from planner.formula import Formula, Step
from planner.hardware.catalog import Gpu
from planner.memory.quantity import NOTHING, Quantity
from planner.parallelism.degrees import Degrees
from planner.quantization.formats import EXPERT_ROLES, Scheme
from planner.units import GIB

LARGE_GPU_BYTES = 70 * GIB
"""From this size on (and not on an A100) the server takes larger batches by default (vllm/engine/arg_utils.py)."""

SAMPLER = Formula("copies * sequences * vocab * 4 + 1.5 * tokens * hidden * element_bytes", "bytes", "start-up logs of vLLM; data/calibration/vllm.csv")
FORWARD = Formula("tokens * element_bytes * (3 * inner + hidden_copies * hidden)", "bytes", "start-up logs of vLLM; data/calibration/vllm.csv")
EXPERT_SPACE = Formula("tokens * top_k * element_bytes * (max(width, hidden) + max(2 * width, hidden))", "bytes", "vllm/model_executor/layers/fused_moe: two workspaces")
PEAK = Formula("max(sampler, forward) + expert_space", "bytes")
GRAPHS = Formula("captures / 51 * (0.35 + 0.016 * layers + 0.4 * sparse) * 2**30", "bytes", "start-up logs of vLLM 0.19 on an H100; data/calibration/vllm.csv")
FIXED = Formula("size_gib * 2**30", "bytes", "start-up logs of vLLM; data/calibration/vllm.csv")


@dataclass(frozen=True)
class Settings:
    """vLLM's own settings with its defaults filled in."""

    utilization: float
    batched_tokens: int
    sequences: int
    context: int
    eager: bool
    row: dict[str, str]

    def number(self, name: str) -> float:
        return float(self.row[name])


def settings(case: Case) -> Settings:
    """The request's settings, or what this version takes by itself on this GPU."""
    request, gpu = case.request, case.gpus[0]
    row = calibration("vllm", request.engine_version)
    large = gpu.capacity_bytes >= LARGE_GPU_BYTES and "a100" not in gpu.name.lower()
    chunked = bool(int(row["chunked_prefill"]))
    sequences = request.max_num_seqs or (int(row["seqs_large"]) if large else 256)
    if request.max_num_batched_tokens:
        tokens = request.max_num_batched_tokens
    elif chunked:
        tokens = 8192 if large else 2048
    else:
        tokens = request.context if request.context <= 32_768 else 512
    return Settings(request.gpu_memory_utilization or float(row["utilization"]), tokens, sequences, request.context, bool(request.enforce_eager), row)


def activation(model: Architecture, scheme: Scheme, degrees: Degrees, use: Settings) -> Quantity:
    """The peak of the profiling run: the sampler's copies of the logits or one layer's forward pass, and the experts' workspaces."""
    main = model.main
    wide = 4 if scheme.rest == "fp32" else 2
    vocab = -(-model.vocab_size // 64) * 64
    sampler = SAMPLER(
        "Sampler warm-up", copies=use.number("logit_copies"), sequences=use.sequences, vocab=vocab, tokens=use.batched_tokens,
        hidden=main.hidden_size, element_bytes=wide,
    )  # fmt: skip
    inner = max((layer.ffn.width * (1 if layer.ffn.gated else 2 / 3) for layer, _ in main.distinct if layer.ffn), default=0)
    forward = FORWARD(
        "Forward pass of one layer", tokens=use.batched_tokens, element_bytes=wide, inner=inner / degrees.tensor, hidden_copies=use.number("forward_hidden"),
        hidden=main.hidden_size,
    )  # fmt: skip
    steps: list[Step] = [sampler, forward]
    space: float = 0
    for layer in _sparse(model)[:1]:
        assert layer.ffn is not None
        if scheme.format.bits > 4 or not any(scheme.quantizes(tensor) for tensor in layer.ffn.tensors if tensor.role in EXPERT_ROLES):
            width = layer.ffn.expert_width / (1 if degrees.expert > 1 else degrees.tensor)
            step = EXPERT_SPACE("Experts' workspaces", tokens=use.batched_tokens, top_k=layer.ffn.top_k, element_bytes=wide, width=width, hidden=main.hidden_size)
            steps.append(step)
            space = step.value
    peak = PEAK("Activation peak", sampler=sampler.value, forward=forward.value, expert_space=space)
    return Quantity.between(0.93, 1.12 if len(model.loaded) == 1 else 1.2, *steps, peak)


def non_torch(degrees: Degrees, use: Settings) -> Quantity:
    """Libraries' memory charged to the budget: cuBLAS workspaces, and with tensor parallel the all-reduce buffers."""
    size = use.number("non_torch_tp_gib" if degrees.tensor > 1 else "non_torch_gib")
    return Quantity.between(0.5, 1.5, FIXED("Libraries besides PyTorch", size_gib=size))


def context(degrees: Degrees, use: Settings) -> Quantity:
    """The CUDA context and communicators, on the card before the budget is counted."""
    size = use.number("context_tp_gib" if degrees.gpus > 1 else "context_gib")
    return Quantity.between(0.7, 1.4, FIXED("CUDA context, outside the budget", size_gib=size))


def graphs(model: Architecture, degrees: Degrees, use: Settings) -> Quantity:
    """CUDA graphs: one for each captured batch size, growing with the layers; none with enforce_eager."""
    if use.eager:
        return NOTHING
    layers = -(-len(model.main.layers) // degrees.pipeline)
    return Quantity.between(0.6, 1.7, GRAPHS("CUDA graphs", captures=captures(use.sequences), layers=layers, sparse=int(bool(_sparse(model)))))


def captures(sequences: int) -> int:
    """Batch sizes captured: 1, 2, 4, then every 8 up to 256 and every 16 up to min(2 * sequences, 512)."""
    largest = min(2 * sequences, 512)
    return len([n for n in (1, 2, 4) if n <= largest]) + len(range(8, min(largest, 256) + 1, 8)) + len(range(272, largest + 1, 16))


def _sparse(model: Architecture) -> list[Layer]:
    return [layer for layer, _ in model.main.distinct if layer.ffn is not None and layer.ffn.kind == "moe"]


def total_bytes(gpu: Gpu) -> int:
    """What the driver reports to a program as the card's total."""
    return gpu.capacity_bytes
