"""Where llama.cpp puts a model: its file, its cache and its compute buffers over GPUs and host, and what
`--fit` moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from operator import attrgetter

from planner.architecture.tensors import Architecture, Layer
from planner.case import Case
from planner.catalog.gpus import Gpu
from planner.core.data import table
from planner.core.errors import PlanError
from planner.core.formula import Formula
from planner.core.remember import FEW, recall, remembered
from planner.engines.llama_cpp import cache as llama_cache
from planner.engines.llama_cpp import compute as llama_compute
from planner.engines.llama_cpp import shares as llama_shares
from planner.engines.llama_cpp.builds import Build, build_of
from planner.engines.llama_cpp.cache import Cells
from planner.engines.llama_cpp.compute import Pass
from planner.engines.llama_cpp.shares import Sums
from planner.memory.quantity import NOTHING, Quantity
from planner.parallelism.layer_split import Span, Split, largest_fit, split
from planner.quantization.cache_types import cache_type
from planner.quantization.gguf import GgufFile, file_range, gguf_file
from planner.quantization.gguf_mix import era
from planner.request import PlanRequest

MIB = 2**20
MARGIN_BYTES = 1024 * MIB
"""What `--fit` leaves free on each GPU."""

MOST_GPUS = 16
"""Devices that one process takes (`llama_max_devices`):
https://github.com/ggml-org/llama.cpp/blob/master/src/llama.cpp.
"""

UBATCH = 512
BACKENDS = {"NVIDIA": "cuda", "AMD": "rocm", "Apple": "metal", "Intel": "sycl"}
CACHES = ("fp32", "fp16", "bf16", "q8_0", "q5_0", "q5_1", "q4_0", "q4_1", "iq4_nl")

CONTEXT = Formula(
    "context_mib * 2**20",
    "bytes",
    "data/calibration/llama_cpp.csv: what programs of this backend use beside their buffers",
)
SPREADS = {"cuda": (0.95, 1.08)}
"""How far compute buffers may lie below and above the prediction, which follows the CUDA backend's allocator; wider for
the others.
"""

COPIES = 4
"""Copies of the inputs while several GPUs work in turn (GGML_SCHED_MAX_COPIES)."""


SUMMED = ("dense", "experts", "gpu_dense", "gpu_experts", "gpu_rows", "gpu_cut")


@remembered
def sums_of(model: Architecture, file_type: str, imatrix: bool | None, since: int) -> Sums:
    """Bytes of the layers before each layer."""
    layers = gguf_file(model, file_type, imatrix, since).layers[: len(model.main.layers)]
    columns = zip(*map(attrgetter(*SUMMED), layers), strict=True) if layers else ((),) * len(SUMMED)
    return Sums(*(tuple(accumulate(column, initial=0)) for column in columns))


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
        """The layout of a case, made once for its memory and its speed: what is kept holds the case, so that no other
        can have its identity.

        Raises:
            PlanError: as `_made` does.
        """
        return recall(case.architecture, cls, (id(case), file_type), FEW, lambda: cls._made(case, file_type))

    @classmethod
    def _made(cls, case: Case, file_type: str) -> Layout:
        """Fill in the defaults.

        Raises:
            PlanError: for a cache type that llama.cpp cannot hold for this model, a split that names other GPUs, or
                more GPUs than it takes.
        """
        if len(case.gpus) > MOST_GPUS:
            raise PlanError(
                f"llama.cpp takes at most {MOST_GPUS} GPUs, not {len(case.gpus):,}; plan fewer, or choose an engine"
                " that serves, such as vLLM.",
                "gpus",
            )
        request, model = case.request, case.architecture
        flash = request.flash_attention is not False
        name, elements, bytes_ = cache_type(request.kv_cache_dtype)
        if name not in CACHES:
            raise PlanError(f"llama.cpp has no cache of type {name}; use q8_0.", "kv_cache_dtype")
        if elements > 1 and not flash and not is_latent(model):
            raise PlanError(
                f"A cache in {name} needs flash attention, which is switched off; switch it on or use fp16.",
                "kv_cache_dtype",
            )
        if any(
            llama_cache.refuses(layer, cache, elements) for layer, _ in model.main.distinct for cache in layer.caches
        ):
            raise PlanError(
                f"Heads of this model are no multiple of {elements}, so that llama.cpp cannot cache them in {name}; use"
                " fp16.",
                "kv_cache_dtype",
            )
        llama_shares.check(case, flash, is_latent(model))
        unified = bool(request.kv_unified)
        cells = llama_cache.cells_of(
            model,
            request.context,
            request.batch,
            request.ubatch or UBATCH,
            unified,
            bool(request.swa_full),
            (elements, bytes_),
            flash,
        )
        return cls(
            case,
            gguf_file(model, file_type, request.imatrix, era(build_of(request.engine_version).number)),
            cells,
            name,
            flash,
            llama_shares.shares_of(case),
        )

    @property
    def model(self) -> Architecture:
        return self.case.architecture

    @property
    def latent(self) -> bool:
        return is_latent(self.model)

    @cached_property
    def mode(self) -> str:
        """How the GPUs share a layer:

        `layer` where each holds whole ones, `row` and `tensor` where they cut its matrices.
        """
        asked = self.case.request.split_mode or "layer"
        if asked not in ("row", "tensor") or sum(1 for share in self.shares if share) < 2:
            return "layer"
        return "layer" if asked == "row" and self.backend(self.case.gpus[0]) not in llama_shares.ROW_BACKENDS else asked

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        return self.model.main.layers

    @cached_property
    def sums(self) -> Sums:
        return sums_of(self.model, self.file.file_type, self.case.request.imatrix, era(self.build.number))

    @property
    def file_range(self) -> Quantity:
        return file_range(self.model, self.file.file_type, self.case.request.imatrix, era(self.build.number))

    @cached_property
    def cache_sums(self) -> tuple[int, ...]:
        sizes = {id(layer): sum(llama_cache.layer_bytes(layer, self.cells)) for layer, _ in self.model.main.distinct}
        return tuple(accumulate((sizes[id(layer)] for layer in self.layers), initial=0))

    @property
    def largest_unit(self) -> int:
        """Bytes of what moves to the host at once at most: a layer with its cache, or the output."""
        before = [sum(sizes) for sizes in zip(self.sums.gpu_dense, self.sums.gpu_experts, self.cache_sums, strict=True)]
        return max((self.file.gpu_output_bytes, *(after - start for start, after in pairwise(before))))

    @cached_property
    def split(self) -> Split:
        """The split that the request asks for, or the one that `--fit` finds."""
        request, units = self.case.request, len(self.layers) + 1
        if not self.shares:
            return split(len(self.layers), 0, ())
        moe = min(request.cpu_moe_layers or 0, len(self.layers))
        if request.gpu_layers is not None:
            return self.at(request.gpu_layers, moe)
        whole = self.at(units, moe)
        if self.mode != "layer" or self.fits(whole, 0):
            return whole  # --fit moves nothing where matrices are cut
        if self.sums.experts[-1] and request.cpu_moe_layers is None:
            count = len(self.layers)
            kept = largest_fit(count, lambda n: self.fits(self.spread(units, count - n), MARGIN_BYTES))
            if kept or self.fits(self.spread(units, count), MARGIN_BYTES):
                return self.spread(units, count - kept)
            moe = count
        return self.spread(largest_fit(len(self.layers), lambda n: self.fits(self.spread(n, moe), MARGIN_BYTES)), moe)

    def spread(self, gpu_layers: int, cpu_moe_layers: int) -> Split:
        """So many layers on the GPUs: by shares where they are asked for; else from the last GPU back, each takes as
        many as fit, the first the rest.
        """
        if self.case.request.tensor_split or sum(1 for share in self.shares if share) < 2:
            return self.at(gpu_layers, cpu_moe_layers)
        count, stop, first = len(self.layers), len(self.layers) + 1, len(self.layers) + 1 - gpu_layers
        spans: list[Span] = []
        for index in reversed(range(len(self.shares))):
            left = stop - first
            taken = left if index == 0 else min(left, self.room_of(index, stop, cpu_moe_layers))
            start = stop - taken
            spans.insert(0, Span(min(start, count), min(stop, count), output=taken > 0 and stop == count + 1))
            stop = start
        return Split(Span(0, min(first, count), output=gpu_layers == 0), tuple(spans), cpu_moe_layers)

    @cached_property
    def rooms(self) -> dict[tuple[int, int, int], int]:
        return {}

    def room_of(self, index: int, stop: int, cpu_moe_layers: int) -> int:
        """How many of the units before `stop` a GPU that is not the first can hold."""
        key = (index, stop, cpu_moe_layers)
        if key not in self.rooms:
            self.rooms[key] = largest_fit(stop, lambda n: self.fits_alone(index, stop - n, stop, cpu_moe_layers))
        return self.rooms[key]

    def fits_alone(self, index: int, start: int, stop: int, cpu_moe_layers: int) -> bool:
        """Whether a GPU that is not the first can hold these units, while others hold the rest."""
        count = len(self.layers)
        spans = [Span(0, 0)] * len(self.shares)
        spans[0], spans[index] = (
            Span(0, 1),
            Span(min(start, count), min(stop, count), output=stop == count + 1 and start < stop),
        )
        where = Split(Span(0, 0), tuple(spans), cpu_moe_layers)
        return self.used_of(index, where) <= self.case.gpus[index].usable_bytes - MARGIN_BYTES

    @property
    def own_shares(self) -> tuple[int, ...]:
        """Layers of each GPU where `spread` found others than the free memory alone would give: what `--tensor-split`
        must say.
        """
        counts = tuple(span.layers + span.output for span in self.split.devices)
        usual = self.at(sum(counts), self.split.cpu_moe_layers) if counts else None
        return counts if usual and usual.devices != self.split.devices else ()

    def at(self, gpu_layers: int, cpu_moe_layers: int) -> Split:
        return split(len(self.layers), gpu_layers, self.shares, cpu_moe_layers)

    def fits(self, where: Split, margin: int) -> bool:
        return all(self.used_of(index, where) <= gpu.usable_bytes - margin for index, gpu in enumerate(self.case.gpus))

    def used_of(self, index: int, where: Split) -> int:
        """All that a GPU holds with this split."""
        own = self.weights_of(index, where) + self.cache_of(index, where)
        return own + self.compute_of(index, where).expected + self.overhead_of(index, where).expected

    def works(self, index: int, where: Split) -> bool:
        """Whether a GPU has anything to do."""
        span = where.devices[index]
        return bool(span.layers or span.output or (self.mode != "layer" and self.shares[index] and where.gpu_layers))

    def weights_of(self, index: int, where: Split) -> int:
        return sum(self.parts_of(index, where).values())

    def cache_of(self, index: int, where: Split) -> int:
        if self.mode == "tensor":
            return self.cut(self.cache_sums[-1] - self.cache_sums[where.host.stop], index, self.heads)
        span = where.devices[index]
        return self.cache_sums[span.stop] - self.cache_sums[span.start]

    @property
    def heads(self) -> int:
        return llama_shares.heads(self.model)

    def cut(self, size: int, index: int, units: int = 0) -> int:
        return llama_shares.part(size, self.shares, index, units)

    def parts_of(self, index: int, where: Split) -> dict[str, int]:
        """What a GPU holds of the file, by part."""
        span, sums = where.devices[index], self.sums
        if self.mode == "tensor":
            return llama_shares.cut_everywhere(sums, where, self.file, self.shares, index)
        first = min(max(span.start, where.cpu_moe_layers), span.stop)
        rows = sums.gpu_rows if self.mode == "row" else (0,) * len(sums.gpu_rows)
        own = {
            f"{span.layers} layers" if self.mode == "layer" else f"{span.layers} layers without their matrices": (
                sums.gpu_dense[span.stop] - sums.gpu_dense[span.start] - rows[span.stop] + rows[span.start]
            ),
            "their experts": sums.gpu_experts[span.stop] - sums.gpu_experts[first],
            "rotary factors": self.file.factor_bytes if span.layers else 0,
        }
        if self.mode == "layer":
            return {**own, "norm and output": self.file.gpu_output_bytes if span.output else 0}
        output = self.file.gpu_output_bytes if any(other.output for other in where.devices) else 0
        return {
            **own,
            "rows of all layers' matrices": self.cut(rows[-1] - rows[where.host.stop], index),
            "rows of the output": self.cut(output, index),
        }

    def compute_of(self, index: int, where: Split) -> Quantity:
        span = where.devices[index]
        low, high = SPREADS.get(self.backend(self.case.gpus[0]), (0.75, 1.3))
        if self.mode == "tensor":
            if not self.works(index, where):
                return NOTHING
            steps = llama_compute.device_steps(self.model, where.host.stop, len(self.layers), True, self.run())
            return Quantity.between(1 / len(self.shares), high, *steps)
        if not span.layers and not span.output:
            return NOTHING
        active = [other for other in where.devices if other.layers or other.output]
        run = self.run(
            self.copies(where),
            1 if span == active[0] else self.build.received,
            self.staged(where) if span == active[0] else 0,
        )
        steps = llama_compute.device_steps(self.model, span.start, span.stop, span.output, run)
        return Quantity.between(low, high, *steps)

    def copies(self, where: Split) -> int:
        """Copies of the inputs: several GPUs work in turn only where each holds whole layers."""
        return (
            COPIES
            if self.mode == "layer"
            and where.whole
            and sum(1 for other in where.devices if other.layers or other.output) > 1
            else 1
        )

    def staged(self, where: Split) -> int:
        """The largest matrix that lies in system memory and is multiplied with."""
        layers = self.file.layers
        dense = max((layer.largest_dense for layer in layers[: where.host.stop]), default=0)
        return max(
            dense,
            max((layer.largest_experts for layer in layers[: max(where.host.stop, where.cpu_moe_layers)]), default=0),
        )

    def run(self, copies: int = 1, received: int = 1, staged: int = 0) -> Pass:
        outputs = self.cells.slots if self.build.logits == "slots" else self.cells.ubatch
        return Pass(
            self.cells,
            self.flash_attention,
            copies,
            received,
            outputs,
            self.build.index_values,
            staged if self.cells.ubatch >= 32 else 0,
        )

    @cached_property
    def build(self) -> Build:
        return build_of(self.case.request.engine_version)

    def backend(self, gpu: Gpu) -> str:
        return backend_of(self.case.request, gpu)

    def overhead_of(self, index: int, where: Split) -> Quantity:
        if not self.works(index, where):
            return NOTHING
        wanted = self.backend(self.case.gpus[index])
        row = next(row for row in table("calibration/llama_cpp") if row["backend"] == wanted)
        step = CONTEXT(f"Context of {wanted}", context_mib=int(row["context_mib"]))
        return Quantity(int(row["low_mib"]) * MIB, int(step.value), int(row["high_mib"]) * MIB, (step,))


def backend_of(request: PlanRequest, gpu: Gpu) -> str:
    """The backend that runs a GPU: the one that is asked for, or the vendor's own."""
    return BACKENDS.get(gpu.vendor, "vulkan") if request.backend in ("auto", "cpu") else request.backend


def is_latent(model: Architecture) -> bool:
    return any(cache.name == "latent" for layer, _ in model.main.distinct for cache in layer.caches)
