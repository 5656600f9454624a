"""What an engine reaches of a device: coefficients from `data/calibration/speed.csv`, and the peaks that they are
fractions of.

A row holds for an engine, a family of devices, a class of formats and a backend, `*` for any; every row that matches is
multiplied in, so that a device nobody measured takes what its vendor, its kind of memory and its engine share with
measured ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from math import prod
from typing import NamedTuple

from planner.catalog.gpus import Gpu
from planner.core.data import table
from planner.engines.info import info

BACKENDS = {"NVIDIA": "cuda", "AMD": "rocm", "Apple": "metal", "Intel": "sycl"}

NARROW = re.compile(r"I?Q[123]_")
"""Types of GGUF with fewer than 4 bits, whose unpacking costs more than reading them."""

FEW_WATTS_PER_TFLOPS = 2.0
"""Below this power for each TFLOP/s, a card's clock falls under a matrix load."""

COEFFICIENTS = (
    "bandwidth",
    "cache",
    "latent_reads",
    "compute",
    "attention",
    "power_law",
    "layer_us",
    "sparse_layer_us",
    "state_layer_us",
    "state_token_us",
    "step_us",
    "prompt_step_us",
    "sequence_us",
    "link_us",
    "link",
    "blend",
    "tile_rows",
    "decode_tile_rows",
    "routing",
    "copy_gb_s",
    "overlap",
    "idle_power",
    "memory_power",
    "compute_power",
)


class Kernels(NamedTuple):
    """What computes: an engine and the era of its version, a llama.cpp backend, the weights' format, and how it runs.

    Attributes:
        flash: `flash` or `no-flash` where the request says so; older measurements, which do not, ran without.
        split: whether the model lies over several GPUs that take turns, for which launches are not captured in graphs.
    """

    engine: str
    backend: str
    format: str
    era: str = ""
    flash: str = ""
    split: bool = False


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
        latent_reads: 1 where each head reads a latent cache for itself, 0 where all heads share one reading.
        compute, attention: fractions of the peak in matrices and in attention.
        blend: how far a matrix's reading and computing overlap: 1 one after the other, large the longer of the two.
        tile_rows, decode_tile_rows: rows by which each touched expert's matrix is padded, in passes that read a prompt
            and in those that only decode.
        routing: power of a pass's tokens that counts for the experts which they touch: tokens resemble each other, 1
            where each would choose evenly.
        copy_bytes_s: how fast weights of the host are made ready for the slot when a pass fetches them.
        overlap: part of a prompt's chunks that places which take turns work on at the same time.
        layer_s, sparse_layer_s, state_layer_s, step_s, prompt_step_s, sequence_s: time beside reading and computing: of
            each layer, each with routed experts, each with a recurrent state, each pass, each that reads a prompt, each
            sequence in it.
        state_token_s: of each recurrent layer for each token of a prompt, one after another.
        link_s: of each exchange between ranks, beside the link's own latency; `link` the fraction of its bandwidth.
        idle_power, memory_power, compute_power: fractions of the rated power: idle, at full bandwidth, at full compute.
    """

    bandwidth_bytes_s: float
    peak_flops: float
    bandwidth: float
    cache: float
    latent_reads: float
    compute: float
    attention: float
    blend: float
    tile_rows: float
    decode_tile_rows: float
    routing: float
    copy_bytes_s: float
    overlap: float
    layer_s: float
    sparse_layer_s: float
    state_layer_s: float
    state_token_s: float
    step_s: float
    prompt_step_s: float
    sequence_s: float
    link_s: float
    link: float
    idle_power: float
    memory_power: float
    compute_power: float
    watts: float

    def different(self, tokens: float) -> float:
        """How many tokens that choose their experts evenly would touch as many as these do."""
        return float(tokens**self.routing) if tokens > 1 else tokens


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
    """Every family that a device belongs to: Blackwell Ultra is a Blackwell too, a server's card checks its GDDR."""
    if gpu is None:
        return frozenset({"CPU"})
    generation, kind = gpu.architecture.split()[0], memory_kind(gpu)
    checked = ("GDDR with ECC",) if kind == "GDDR" and "passive" in gpu.form_factor else ()
    return frozenset(
        {gpu.vendor, gpu.architecture, generation, kind, family(gpu), f"{gpu.architecture} {kind}", *checked}
    )


@cache
def format_classes(name: str) -> tuple[str, ...]:
    """Classes of formats that run in the same kernels."""
    upper = name.upper()
    narrow = ("2-3 bit",) if NARROW.match(upper) else ()
    if upper in ("F16", "BF16", "FP16", "FP32", "F32"):
        return (upper.replace("FP", "F"), "16-bit")
    if upper.startswith("IQ"):
        return ("i-quant", "quantized", *narrow)
    if upper.endswith(("_0", "_1")) and upper.startswith("Q"):
        return ("Q8_0" if upper == "Q8_0" else "legacy", "quantized")
    if "_K" in upper:
        return ("k-quant", "quantized", *narrow)
    return (name.lower().removesuffix("_moe"), "quantized")


def backend_of(wanted: str, gpu: Gpu | None) -> str:
    """The backend that a request means on a device."""
    if gpu is None:
        return "cpu"
    return BACKENDS.get(gpu.vendor, "vulkan") if wanted in ("auto", "cpu") else wanted


def peak_tflops(engine: str, gpu: Gpu, format: str) -> float:
    """The data sheet's rate for the arithmetic that an engine does in a format; the shader rate where there are no
    matrix units.

    MXFP4 is multiplied by MXFP4 on CDNA 4 and by MXFP8 on Blackwell; cards without 4-bit units widen it to 16 bit.
    """
    half = gpu.fp16_fast_accumulate_tflops if info(engine).kernels == "llama.cpp" else gpu.fp16_tflops
    half = half or gpu.fp16_tflops or gpu.bf16_tflops
    name = format.lower()
    if info(engine).kernels == "server":
        if name.startswith("nvfp4") and gpu.fp4_tflops:
            return gpu.fp4_tflops
        if name.startswith("mxfp4") and gpu.fp4_tflops:
            return gpu.fp4_tflops if gpu.vendor == "AMD" else gpu.fp8_tflops or half or gpu.fp4_tflops
        if name.startswith(("fp8", "nvfp4")) and gpu.fp8_tflops:
            return gpu.fp8_tflops
        if name == "int8" and gpu.int8_tops:
            return gpu.int8_tops
    plain = gpu.fp32_tflops or gpu.bandwidth_gb_per_s / 20
    if not half or (gpu.cuda is not None and gpu.cuda < 7):
        half = gpu.int8_tops if gpu.int8_tops and "16-bit" not in format_classes(format) else plain
    return half


@cache
def era_of(engine: str, version: str | None) -> str:
    """The era of an engine's version by `data/engine_eras.csv`; none where no version is given, or none is newer."""
    if not version:
        return ""
    found = ""
    for row in table("engine_eras"):
        if row["engine"] == engine and numbers(row["since"]) <= numbers(version):
            found = row["era"]
    return found


def numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version in order: `0.5.6.post2` is (0, 5, 6, 2), `b8255` (8255,)."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


@lru_cache(maxsize=4_096)
def rates(kernels: Kernels, gpu: Gpu | None, host: tuple[float, float] = (0.0, 0.0)) -> Rates:
    """What an engine reaches on a device (or on the host, of which bandwidth in GB/s and TFLOP/s are given)."""
    return rates_from(rows(), kernels, gpu, host)


def reach(row: Row, kernels: Kernels, gpu: Gpu | None) -> bool:
    """Whether a row holds for these kernels on this device."""
    name = kernels.engine
    formats = (
        *format_classes(kernels.format),
        *((kernels.flash,) if kernels.flash else ()),
        *(("split",) if kernels.split else ()),
    )
    engines = (name, info(name).kernels, *((f"{name} {kernels.era}",) if kernels.era else ()))
    return row.matches(engines, tags(gpu), formats, backend_of(kernels.backend, gpu))


def rates_from(found: tuple[Row, ...], kernels: Kernels, gpu: Gpu | None, host: tuple[float, float]) -> Rates:
    """The same from `rows()` with other values; the fit tries many."""
    values = {name: [found[index].value for index in indices] for name, indices in reaching(kernels, gpu).items()}
    return rates_with(values, kernels, gpu, host)


@lru_cache(maxsize=16_384)
def reaching(kernels: Kernels, gpu: Gpu | None) -> dict[str, list[int]]:
    """Places in `rows()` of the factors of each coefficient that hold for these kernels on this device."""
    found: dict[str, list[int]] = {name: [] for name in COEFFICIENTS}
    for index, row in enumerate(rows()):
        if reach(row, kernels, gpu):
            found[row.coefficient].append(index)
    return found


def rates_with(
    values: Mapping[str, Sequence[float]], kernels: Kernels, gpu: Gpu | None, host: tuple[float, float]
) -> Rates:
    """Rates of a device from the factors of each coefficient."""
    value = {name: prod(parts) if parts else 0.0 for name, parts in values.items()}
    peak = peak_tflops(kernels.engine, gpu, kernels.format) if gpu else host[1]
    watts = (gpu.tdp_w or 0.0) if gpu else 0.0
    starved = min((watts or FEW_WATTS_PER_TFLOPS * peak) / peak / FEW_WATTS_PER_TFLOPS, 1.0)
    return Rates(
        bandwidth_bytes_s=(gpu.bandwidth_gb_per_s if gpu else host[0]) * 1e9,
        peak_flops=peak * 1e12,
        bandwidth=min(value["bandwidth"], 0.97),
        cache=min(value["cache"], 0.97),
        latent_reads=value["latent_reads"],
        compute=min(value["compute"] * starved ** value["power_law"], 0.97),
        attention=min(value["attention"] * starved ** value["power_law"], 0.97),
        blend=max(value["blend"], 1.0),
        tile_rows=value["tile_rows"],
        decode_tile_rows=value["decode_tile_rows"],
        routing=min(value["routing"] or 1.0, 1.0),
        copy_bytes_s=value["copy_gb_s"] * 1e9,
        overlap=min(value["overlap"], 1.0),
        layer_s=value["layer_us"] * 1e-6,
        sparse_layer_s=value["sparse_layer_us"] * 1e-6,
        state_layer_s=value["state_layer_us"] * 1e-6,
        state_token_s=value["state_token_us"] * 1e-6,
        step_s=value["step_us"] * 1e-6,
        prompt_step_s=value["prompt_step_us"] * 1e-6,
        sequence_s=value["sequence_us"] * 1e-6,
        link_s=value["link_us"] * 1e-6,
        link=min(value["link"], 0.97),
        idle_power=value["idle_power"],
        memory_power=value["memory_power"],
        compute_power=value["compute_power"],
        watts=watts,
    )
