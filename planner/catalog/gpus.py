"""The GPU catalogue: every card with its memory, rates and power, from `data/gpus.csv`.

The box, the driver and a program see three different memories: the box says 24 GB, nvidia-smi 24,564 MiB, and CUDA
leaves a program about 450 MiB less. Apple and other unified machines lend the GPU a fraction of what the chip was
bought with.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache, cached_property

from planner.core.data import table

MIB = 2**20
CORES = re.compile(r"\((\d+)-core GPU\)")
SMI_TOLERANCE_MIB = 128
"""A stated total this close to the driver's own is the driver's; a smaller one is what a program was told."""


@dataclass(frozen=True)
class Gpu:
    """One device. Rates are dense, without sparsity; None where the card has no such unit or the figure is unknown.

    Attributes:
        id: stable, because links carry it.
        memory_gb: as the box says; of a unified machine the memory that it was bought with.
        memory_options_gb: the sizes that a unified machine is sold with.
        memory_mib: total that the driver reports, or None.
        reserved_mib: what the driver keeps of it.
        usable_fraction: of unified memory, what the system lends to the GPU by default.
        free_mib: what other programs leave of it at the moment, where somebody looked; None is all of it.
        fp16_tflops: with 32-bit accumulation, as model kernels use it; `fp16_fast_accumulate_tflops` is the headline.
        link_gb_per_s: of the card-to-card link, both directions together, in GB/s; None without one.
        confidence: `checked` against a second source, or `recalled`.
    """

    id: str
    name: str
    vendor: str
    architecture: str
    memory_gb: float
    memory_mib: int | None
    reserved_mib: int
    usable_fraction: float | None
    bandwidth_gb_per_s: float
    memory_options_gb: tuple[float, ...] = ()
    aliases: tuple[str, ...] = ()
    year: int = 0
    memory_type: str = ""
    fp32_tflops: float | None = None
    fp16_tflops: float | None = None
    fp16_fast_accumulate_tflops: float | None = None
    bf16_tflops: float | None = None
    fp8_tflops: float | None = None
    fp4_tflops: float | None = None
    int8_tops: float | None = None
    tdp_w: float | None = None
    link_gb_per_s: float | None = None
    pcie: str = ""
    form_factor: str = ""
    compute_capability: str = ""
    launch_price_usd: float | None = None
    confidence: str = "recalled"
    source: str = ""
    as_of: str = ""
    notes: str = ""
    free_mib: int | None = None

    @cached_property
    def cores(self) -> int | None:
        """GPU cores, where they tell variants of one chip apart; None where the name states none."""
        found = CORES.search(self.name)
        return int(found[1]) if found else None

    @property
    def unified(self) -> bool:
        """Whether the GPU shares the machine's memory."""
        return "unified" in self.memory_type or "unified" in self.form_factor

    @cached_property
    def capacity_bytes(self) -> int:
        """Total memory as the driver reports it, or as the box says where no driver figure is known (unified: GiB)."""
        return self.memory_mib * MIB if self.memory_mib else int(self.memory_gb * 2**30)

    @cached_property
    def lent_bytes(self) -> int:
        """What a program can have of it by default, when no other program runs."""
        return (
            int(self.capacity_bytes * self.usable_fraction)
            if self.usable_fraction is not None
            else self.capacity_bytes - self.reserved_mib * MIB
        )

    @cached_property
    def usable_bytes(self) -> int:
        """What a program can have of it now: all that is lent, or what others leave of that."""
        return self.lent_bytes if self.free_mib is None else min(self.lent_bytes, self.free_mib * MIB)

    @property
    def cuda(self) -> float | None:
        """CUDA compute capability, or None for other vendors and where it is not known."""
        return float(self.compute_capability) if self.vendor == "NVIDIA" and self.compute_capability else None

    def with_memory_gb(self, memory_gb: float) -> Gpu:
        """The same unified machine bought with another size."""
        return replace(self, memory_gb=memory_gb, memory_mib=None, name=f"{self.name} {memory_gb:g}GB")

    def with_total_mib(self, memory_mib: int) -> Gpu:
        """The card as a driver reports it; a total below the known one is what programs are told, with nothing more
        reserved.
        """
        reported = self.memory_mib is not None and memory_mib >= self.memory_mib - SMI_TOLERANCE_MIB
        return replace(self, memory_mib=memory_mib, reserved_mib=self.reserved_mib if reported else 0)

    def with_free_mib(self, free_mib: int | None) -> Gpu:
        """The card while other programs hold a part of it; None leaves all that the driver lends."""
        return self if free_mib is None else replace(self, free_mib=free_mib)


@cache
def gpus() -> tuple[Gpu, ...]:
    """Every GPU of the catalogue, in the order of the table."""
    return tuple(_gpu(row) for row in table("gpus"))


@cache
def by_id() -> dict[str, Gpu]:
    return {gpu.id: gpu for gpu in gpus()}


def _gpu(row: dict[str, str]) -> Gpu:
    def number(column: str) -> float | None:
        return float(row[column]) if row[column] else None

    return Gpu(
        id=row["id"], name=row["name"], vendor=row["vendor"], architecture=row["architecture"],
        year=int(row["year"] or 0),
        aliases=tuple(alias for alias in row["aliases"].split(";") if alias),
        memory_gb=float(row["memory_gb"]),
        memory_options_gb=tuple(float(size) for size in row["memory_options_gb"].split("/") if size),
        memory_mib=int(row["memory_mib"]) if row["memory_mib"] else None, reserved_mib=int(row["reserved_mib"] or 0),
        usable_fraction=number("usable_fraction"),
        memory_type=row["memory_type"], bandwidth_gb_per_s=float(row["bandwidth_gb_per_s"]),
        fp32_tflops=number("fp32_tflops"), fp16_tflops=number("fp16_tflops"),
        fp16_fast_accumulate_tflops=number("fp16_fast_accumulate_tflops"),
        bf16_tflops=number("bf16_tflops"), fp8_tflops=number("fp8_tflops"), fp4_tflops=number("fp4_tflops"),
        int8_tops=number("int8_tops"),
        tdp_w=number("tdp_w"), link_gb_per_s=number("link_gb_per_s"), pcie=row["pcie"], form_factor=row["form_factor"],
        compute_capability=row["compute_capability"], launch_price_usd=number("launch_price_usd"),
        confidence=row["confidence"], source=row["source"], as_of=row["as_of"], notes=row["notes"],
    )  # fmt: skip
