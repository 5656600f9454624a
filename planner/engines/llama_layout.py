"""Where llama.cpp puts a model: its file, its cache and its compute buffers over GPUs and host, and what `--fit` moves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from planner.architecture.tensors import Architecture, Layer, Stack
from planner.data import table
from planner.engines import llama_cache, llama_compute
from planner.engines.base import Case
from planner.engines.llama_builds import Build, build_of
from planner.engines.llama_cache import Cells
from planner.engines.llama_compute import Pass
from planner.errors import PlanError
from planner.formula import Formula, total
from planner.hardware.catalog import Gpu
from planner.memory.quantity import NOTHING, DeviceMemory, HostMemory, Memory, Quantity, WeightFile
from planner.memory.remember import remembered
from planner.parallelism.layer_split import Span, Split, largest_fit, split
from planner.quantization.cache_types import cache_type
from planner.quantization.gguf import GgufFile, gguf_file
from planner.units import gib

MIB = 2**20
MARGIN_BYTES = 1024 * MIB
"""What `--fit` leaves free on each GPU."""

UBATCH = 512
BACKENDS = {"NVIDIA": "cuda", "AMD": "rocm", "Apple": "metal", "Intel": "sycl"}
CACHES = ("fp32", "fp16", "bf16", "q8_0", "q5_0", "q5_1", "q4_0", "q4_1", "iq4_nl")

CONTEXT = Formula("context_mib * 2**20", "bytes", "data/calibration/llama_cpp.csv: what programs of this backend use beside their buffers")
OUTPUT = Formula("4 * vocab * slots", "bytes", "llama.cpp src/llama-context.cpp: a row of logits for each slot")
SPREADS = {"cuda": (0.95, 1.08)}
"""How far compute buffers may lie below and above the prediction, which follows the CUDA backend's allocator; wider for the others."""

COPIES = 4
"""Copies of the inputs while several GPUs work in turn (GGML_SCHED_MAX_COPIES)."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Running sums over the layers, without routed experts and of routed experts alone: in the file, and as GPUs hold them."""

    dense: tuple[int, ...]
    experts: tuple[int, ...]
    gpu_dense: tuple[int, ...]
    gpu_experts: tuple[int, ...]


@remembered
def sums_of(model: Architecture, file_type: str, imatrix: bool | None) -> Sums:
    """Bytes of the layers before each layer."""
    layers = gguf_file(model, file_type, imatrix).layers[: len(model.main.layers)]
    return Sums(*(tuple(accumulate((getattr(layer, name) for layer in layers), initial=0)) for name in ("dense", "experts", "gpu_dense", "gpu_experts")))


@dataclass(frozen=True)
class Layout:
    """A case as llama.cpp sees it, every default filled in."""

    case: Case
    file: GgufFile
    cells: Cells
    cache_name: str
    flash_attention: bool
    shares: tuple[float, ...]

    @classmethod
    def of(cls, case: Case, file_type: str) -> Layout:
        """Fill in the defaults.

        Raises:
            PlanError: for a cache type that llama.cpp cannot hold for this model, or a split that names other GPUs.
        """
        request, model = case.request, case.architecture
        flash = request.flash_attention is not False
        name, elements, bytes_ = cache_type(request.kv_cache_dtype)
        if name not in CACHES:
            raise PlanError(f"llama.cpp has no cache of type {name}; use q8_0.", "kv_cache_dtype")
        if elements > 1 and not flash and not is_latent(model):
            raise PlanError(f"A cache in {name} needs flash attention, which is switched off; switch it on or use fp16.", "kv_cache_dtype")
        if any(llama_cache.refuses(layer, cache, elements) for layer, _ in model.main.distinct for cache in layer.caches):
            raise PlanError(f"Heads of this model are no multiple of {elements}, so that llama.cpp cannot cache them in {name}; use fp16.", "kv_cache_dtype")
        unified = bool(request.kv_unified)
        cells = llama_cache.cells_of(
            model, request.context, request.batch, request.ubatch or UBATCH, unified, bool(request.swa_full), (elements, bytes_), flash
        )
        return cls(case, gguf_file(model, file_type, request.imatrix), cells, name, flash, shares_of(case))

    @property
    def model(self) -> Architecture:
        return self.case.architecture

    @property
    def latent(self) -> bool:
        return is_latent(self.model)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        return self.model.main.layers

    @cached_property
    def sums(self) -> Sums:
        return sums_of(self.model, self.file.file_type, self.case.request.imatrix)

    @cached_property
    def cache_sums(self) -> tuple[int, ...]:
        sizes = {id(layer): sum(llama_cache.layer_bytes(layer, self.cells)) for layer, _ in self.model.main.distinct}
        return tuple(accumulate((sizes[id(layer)] for layer in self.layers), initial=0))

    @cached_property
    def split(self) -> Split:
        """The split that the request asks for, or the one that `--fit` finds."""
        request, units = self.case.request, len(self.layers) + 1
        if not self.shares:
            return split(len(self.layers), 0, ())
        if request.gpu_layers is not None:
            return self.at(request.gpu_layers, request.cpu_moe_layers or 0)
        moe = request.cpu_moe_layers or 0
        whole = self.at(units, moe)
        if self.fits(whole, 0):
            return whole
        if self.sums.experts[-1] and request.cpu_moe_layers is None:
            count = len(self.layers)
            kept = largest_fit(count, lambda n: self.fits(self.at(units, count - n), MARGIN_BYTES))
            if kept or self.fits(self.at(units, count), MARGIN_BYTES):
                return self.at(units, count - kept)
            moe = count
        return self.at(largest_fit(len(self.layers), lambda n: self.fits(self.at(n, moe), MARGIN_BYTES)), moe)

    def at(self, gpu_layers: int, cpu_moe_layers: int) -> Split:
        return split(len(self.layers), gpu_layers, self.shares, cpu_moe_layers)

    def fits(self, where: Split, margin: int) -> bool:
        return all(
            self.weights_of(span, where.cpu_moe_layers) + self.cache_sums[span.stop] - self.cache_sums[span.start]
            + self.compute_of(span, where).expected + self.overhead_of(gpu).expected <= gpu.usable_bytes - margin
            for gpu, span in zip(self.case.gpus, where.devices, strict=True)
        )  # fmt: skip

    def weights_of(self, span: Span, cpu_moe_layers: int) -> int:
        return sum(self.parts_of(span, cpu_moe_layers).values())

    def parts_of(self, span: Span, cpu_moe_layers: int) -> dict[str, int]:
        """What a GPU holds of the file, by part."""
        first = min(max(span.start, cpu_moe_layers), span.stop)
        return {
            f"{span.layers} layers": self.sums.gpu_dense[span.stop] - self.sums.gpu_dense[span.start],
            "their experts": self.sums.gpu_experts[span.stop] - self.sums.gpu_experts[first],
            "rotary factors": self.file.factor_bytes if span.layers else 0,
            "norm and output": self.file.gpu_output_bytes if span.output else 0,
        }

    def compute_of(self, span: Span, where: Split) -> Quantity:
        if not span.layers and not span.output:
            return NOTHING
        active = [other for other in where.devices if other.layers or other.output]
        copies = COPIES if len(active) > 1 and where.whole else 1
        run = self.run(copies, 1 if span == active[0] else self.build.received, self.staged(where) if span == active[0] else 0)
        steps = llama_compute.device_steps(self.model, self.layers[span.start : span.stop], span.output, run)
        low, high = SPREADS.get(self.backend(self.case.gpus[0]), (0.75, 1.3))
        return Quantity.between(low, high, *steps)

    def staged(self, where: Split) -> int:
        """The largest matrix that lies in system memory and is multiplied with."""
        layers = self.file.layers
        dense = max((layer.largest_dense for layer in layers[: where.host.stop]), default=0)
        return max(dense, max((layer.largest_experts for layer in layers[: max(where.host.stop, where.cpu_moe_layers)]), default=0))

    def run(self, copies: int = 1, received: int = 1, staged: int = 0) -> Pass:
        outputs = self.cells.slots if self.build.logits == "slots" else self.cells.ubatch
        return Pass(self.cells, self.flash_attention, copies, received, outputs, self.build.index_values, staged if self.cells.ubatch >= 32 else 0)

    @cached_property
    def build(self) -> Build:
        return build_of(self.case.request.engine_version)

    def backend(self, gpu: Gpu) -> str:
        asked = self.case.request.backend
        return BACKENDS.get(gpu.vendor, "vulkan") if asked in ("auto", "cpu") else asked

    def overhead_of(self, gpu: Gpu) -> Quantity:
        wanted = self.backend(gpu)
        row = next(row for row in table("calibration/llama_cpp") if row["backend"] == wanted)
        step = CONTEXT(f"Context of {wanted}", context_mib=int(row["context_mib"]))
        return Quantity(int(row["low_mib"]) * MIB, int(step.value), int(row["high_mib"]) * MIB, (step,))


def is_latent(model: Architecture) -> bool:
    return any(cache.name == "latent" for layer, _ in model.main.distinct for cache in layer.caches)


def shares_of(case: Case) -> tuple[float, ...]:
    """Each GPU's share of the layers: as asked, all on the first, or by free memory."""
    request = case.request
    if request.backend == "cpu" or not case.gpus:
        return ()
    if request.split_mode == "none":
        return (1.0,) + (0.0,) * (len(case.gpus) - 1)
    if request.tensor_split:
        if len(request.tensor_split) != len(case.gpus) or min(request.tensor_split) < 0 or not sum(request.tensor_split):
            raise PlanError(f"The tensor split must give one share for each of the {len(case.gpus)} GPUs, not all of them 0.", "tensor_split")
        return request.tensor_split
    return tuple(float(gpu.usable_bytes) for gpu in case.gpus)


def placed(layout: Layout) -> Memory:
    """Everything on its device."""
    where, file = layout.split, layout.file
    devices = []
    for index, (gpu, span) in enumerate(zip(layout.case.gpus, where.devices, strict=bool(layout.shares))):
        cache, state = cached(layout, span)
        devices.append(
            DeviceMemory(
                gpu.name, index, gpu.capacity_bytes, gpu.usable_bytes, weights=held(layout, span), kv_cache=cache, state=state,
                activation=layout.compute_of(span, where), overhead=layout.overhead_of(gpu) if span.layers or span.output else NOTHING,
            )
        )  # fmt: skip
    return Memory(
        WeightFile(file.file_type, exact(total("Tensors of the file", [file.tensor_bytes])), file.file_bytes, file.bits_per_weight),
        tuple(devices), host(layout), note=note(layout), gpu_layers=where.gpu_layers if devices else None,
    )  # fmt: skip


def exact(step: object) -> Quantity:
    return Quantity.exact(step)  # type: ignore[arg-type]


def held(layout: Layout, span: Span) -> Quantity:
    return summed("Weights", layout.parts_of(span, layout.split.cpu_moe_layers))


def summed(label: str, parts: dict[str, int]) -> Quantity:
    found = {name: size for name, size in parts.items() if size}
    return Quantity.exact(total(f"{label}: " + ", ".join(found), list(found.values()))) if found else NOTHING


def cached(layout: Layout, span: Span) -> tuple[Quantity, Quantity]:
    distinct = Stack("decoder", 0, layout.layers[span.start : span.stop]).distinct
    growing, fixed = llama_cache.cache_steps(distinct, layout.cells)
    both = []
    for label, steps in (("KV cache", growing), ("Recurrent state", fixed)):
        both.append(Quantity.exact(*steps, total(label, [int(step.value) for step in steps])) if steps else NOTHING)
    return both[0], both[1]


def host(layout: Layout) -> HostMemory:
    where, file = layout.split, layout.file
    span = where.host
    end = max(where.cpu_moe_layers, span.stop)
    parts = {
        "input embedding": -(-file.embedding_bytes // 32) * 32,
        f"{span.layers} layers": layout.sums.dense[span.stop],
        f"experts of {end} layers": layout.sums.experts[end],
        "norm and output": file.output_bytes if span.output else 0,
    }
    cache, state = cached(layout, span)
    copies = COPIES if where.whole and sum(1 for other in where.devices if other.layers or other.output) > 1 else 1
    steps = [
        *llama_compute.host_steps(layout.model, layout.run(copies)),
        OUTPUT("Logits for the caller", vocab=layout.model.vocab_size, slots=layout.cells.slots),
    ]
    compute = Quantity.between(0.8, 1.3, *steps, total("Host buffers", [int(step.value) for step in steps]))
    kept = (
        Quantity.exact(*cache.steps, *state.steps, total("Cache of host layers", [cache.expected, state.expected])) if cache.steps or state.steps else NOTHING
    )
    return HostMemory(summed("Weights", parts), kept, compute)


def note(layout: Layout) -> str:
    """What lies in system memory that would rather be on a GPU."""
    where = layout.split
    if not layout.shares or where.whole:
        return ""
    layers = len(layout.layers)
    end = max(where.cpu_moe_layers, where.host.stop)
    left = layout.sums.dense[where.host.stop] + layout.sums.experts[end]
    if where.host.layers == 0 and not where.host.output:
        return f"All {layers} layers fit on the GPU without the experts of the first {where.cpu_moe_layers}; those, {gib(left)}, run from system memory."
    return f"{where.gpu_layers} of {layers + 1} layers fit on the GPU; the rest, {gib(left)}, run from system memory."
