"""What an engine reaches of a device: coefficients from `data/calibration/speed.csv`, and the peaks that they are
fractions of.

A row holds for an engine, a family of devices, a class of formats and a backend, `*` for any; every row that matches is
multiplied in, so that a device nobody measured takes what its vendor, its kind of memory and its engine share with
measured ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from math import prod

from planner.catalog.gpus import Gpu
from planner.core.data import table
from planner.engines.info import info

BACKENDS = {"NVIDIA": "cuda", "AMD": "rocm", "Apple": "metal", "Intel": "sycl"}

FEW_WATTS_PER_TFLOPS = 2.0
"""Below this power for each TFLOP/s, a card's clock falls under a matrix load."""

COEFFICIENTS = (
    "bandwidth",
    "cache",
    "compute",
    "attention",
    "power_law",
    "layer_us",
    "sparse_layer_us",
    "step_us",
    "sequence_us",
    "link_us",
    "link",
    "sparse_compute",
    "overlap",
    "idle_power",
    "memory_power",
    "compute_power",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the calibration: a factor of a coefficient, and what it holds for."""

    coefficient: str
    engine: str
    family: str
    format: str
    backend: str
    value: float

    def matches(self, engines: tuple[str, ...], tags: frozenset[str], formats: tuple[str, ...], backend: str) -> bool:
        return (
            self.engine in ("*", *engines)
            and self.family in ("*", *tags)
            and self.format in ("*", *formats)
            and self.backend in ("*", backend)
        )


@dataclass(frozen=True, slots=True)
class Rates:
    """What an engine reaches on one device.

    Attributes:
        bandwidth_bytes_s, peak_flops: of the device, by its data sheet.
        bandwidth, cache: fractions of it while reading weights and caches.
        compute, attention, sparse_compute: fractions of the peak in matrices, in attention, and of `compute` again in
            routed experts.
        overlap: part of a prompt's chunks that places which take turns work on at the same time.
        layer_s, sparse_layer_s, step_s, sequence_s: time beside reading and computing: of each layer, each layer with
            routed experts, each pass, each sequence in it.
        link_s: of each exchange between ranks, beside the link's own latency; `link` the fraction of its bandwidth.
        idle_power, memory_power, compute_power: fractions of the rated power: idle, at full bandwidth, at full compute.
    """

    bandwidth_bytes_s: float
    peak_flops: float
    bandwidth: float
    cache: float
    compute: float
    attention: float
    sparse_compute: float
    overlap: float
    layer_s: float
    sparse_layer_s: float
    step_s: float
    sequence_s: float
    link_s: float
    link: float
    idle_power: float
    memory_power: float
    compute_power: float
    watts: float


@cache
def rows() -> tuple[Row, ...]:
    return tuple(
        Row(row["coefficient"], row["engine"], row["family"], row["format"], row["backend"], float(row["value"]))
        for row in table("calibration/speed")
    )


def memory_kind(gpu: Gpu) -> str:
    """GDDR, HBM, or the memory that processor and GPU share."""
    return (
        "shared"
        if gpu.unified or gpu.memory_type.startswith("LPDDR")
        else "HBM"
        if gpu.memory_type.startswith("HBM")
        else "GDDR"
    )


def family(gpu: Gpu | None) -> str:
    """The family by which errors are counted: vendor and kind of memory."""
    return f"{gpu.vendor} {memory_kind(gpu)}" if gpu else "CPU"


def tags(gpu: Gpu | None) -> frozenset[str]:
    """Every family that a device belongs to."""
    if gpu is None:
        return frozenset({"CPU"})
    return frozenset({gpu.vendor, gpu.architecture, memory_kind(gpu), family(gpu)})


@cache
def format_classes(name: str) -> tuple[str, ...]:
    """Classes of formats that run in the same kernels."""
    upper = name.upper()
    if upper in ("F16", "BF16", "FP16", "FP32", "F32"):
        return (upper.replace("FP", "F"), "16-bit")
    if upper.startswith("IQ"):
        return ("i-quant", "quantized")
    if upper.endswith(("_0", "_1")) and upper.startswith("Q"):
        return ("Q8_0" if upper == "Q8_0" else "legacy", "quantized")
    if "_K" in upper:
        return ("k-quant", "quantized")
    return (name.lower().removesuffix("_moe"), "quantized")


def backend_of(wanted: str, gpu: Gpu | None) -> str:
    """The backend that a request means on a device."""
    if gpu is None:
        return "cpu"
    return BACKENDS.get(gpu.vendor, "vulkan") if wanted in ("auto", "cpu") else wanted


def peak_tflops(engine: str, gpu: Gpu, format: str) -> float:
    """The data sheet's rate for the arithmetic that an engine does in a format; the shader rate where there are no
    matrix units.
    """
    half = gpu.fp16_fast_accumulate_tflops if info(engine).kernels == "llama.cpp" else gpu.fp16_tflops
    half = half or gpu.fp16_tflops or gpu.bf16_tflops
    name = format.lower()
    if info(engine).kernels == "server":
        if name.startswith("nvfp4") and gpu.fp4_tflops:
            return gpu.fp4_tflops
        if name.startswith(("fp8", "nvfp4")) and gpu.fp8_tflops:
            return gpu.fp8_tflops
        if name == "int8" and gpu.int8_tops:
            return gpu.int8_tops
    plain = gpu.fp32_tflops or gpu.bandwidth_gb_per_s / 20
    if not half or (gpu.cuda is not None and gpu.cuda < 7):
        half = gpu.int8_tops if gpu.int8_tops and "16-bit" not in format_classes(format) else plain
    return half


@lru_cache(maxsize=4_096)
def rates(engine: str, backend: str, gpu: Gpu | None, format: str, host: tuple[float, float] = (0.0, 0.0)) -> Rates:
    """What an engine reaches on a device (or on the host, of which bandwidth in GB/s and TFLOP/s are given)."""
    return rates_from(rows(), engine, backend, gpu, format, host)


def rates_from(
    found: tuple[Row, ...], engine: str, backend: str, gpu: Gpu | None, format: str, host: tuple[float, float]
) -> Rates:
    """The same from any set of rows; the fit tries many."""
    engines, labels, formats = (engine, info(engine).kernels), tags(gpu), format_classes(format)
    used = backend_of(backend, gpu)
    values: dict[str, list[float]] = {name: [] for name in COEFFICIENTS}
    for row in found:
        if row.matches(engines, labels, formats, used):
            values[row.coefficient].append(row.value)
    value = {name: prod(parts) if parts else 0.0 for name, parts in values.items()}
    peak = peak_tflops(engine, gpu, format) if gpu else host[1]
    watts = (gpu.tdp_w or 0.0) if gpu else 0.0
    starved = min((watts or FEW_WATTS_PER_TFLOPS * peak) / peak / FEW_WATTS_PER_TFLOPS, 1.0)
    return Rates(
        bandwidth_bytes_s=(gpu.bandwidth_gb_per_s if gpu else host[0]) * 1e9,
        peak_flops=peak * 1e12,
        bandwidth=min(value["bandwidth"], 0.97),
        cache=min(value["cache"], 0.97),
        compute=min(value["compute"] * starved ** value["power_law"], 0.97),
        attention=min(value["attention"] * starved ** value["power_law"], 0.97),
        sparse_compute=min(value["sparse_compute"], 1.0),
        overlap=min(value["overlap"], 1.0),
        layer_s=value["layer_us"] * 1e-6,
        sparse_layer_s=value["sparse_layer_us"] * 1e-6,
        step_s=value["step_us"] * 1e-6,
        sequence_s=value["sequence_us"] * 1e-6,
        link_s=value["link_us"] * 1e-6,
        link=min(value["link"], 0.97),
        idle_power=value["idle_power"],
        memory_power=value["memory_power"],
        compute_power=value["compute_power"],
        watts=watts,
    )
