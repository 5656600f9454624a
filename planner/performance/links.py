"""What joins the devices: bandwidth in one direction and the latency of an exchange, from `data/interconnects.csv`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from planner.catalog.gpus import Gpu
from planner.core.data import table


@dataclass(frozen=True, slots=True)
class Link:
    """One way of joining GPUs.

    Attributes:
        name: as a data sheet calls it.
        gb_per_s: in one direction, for each GPU.
        latency_us, latency_us_per_gpu: of a small all-reduce: fixed, and for each GPU that takes part.
        domain: GPUs that it joins at most.
    """

    name: str
    gb_per_s: float
    latency_us: float
    latency_us_per_gpu: float
    domain: int

    def exchange_s(self, ranks: int, size: float, efficiency: float) -> float:
        """Seconds of an all-reduce: a ring moves 2 * (ranks - 1) / ranks of the bytes through each link."""
        moved = 2 * (ranks - 1) / ranks * size
        return (self.latency_us + self.latency_us_per_gpu * ranks) * 1e-6 + moved / (self.gb_per_s * 1e9 * efficiency)


@cache
def links() -> dict[str, Link]:
    """Every interconnect by its id."""
    return {
        row["id"]: Link(
            row["name"],
            float(row["gb_per_s"]),
            float(row["latency_us"]),
            float(row["latency_us_per_gpu"]),
            int(row["domain"]),
        )
        for row in table("interconnects")
    }


def pcie(gpu: Gpu) -> Link:
    """The slot of a card: its generation and lanes, PCIe 4.0 x16 where unknown; chips on one package have it
    built in.
    """
    known = links()
    if gpu.unified or "C2C" in gpu.pcie:
        return known["on-package"]
    generation, _, lanes = gpu.pcie.partition("x")
    slot = known.get(f"pcie-{generation}", known["pcie-4"])
    share = float(lanes) / 16 if lanes.isdigit() else 1.0
    return Link(
        f"{slot.name} x{lanes or 16}", slot.gb_per_s * share, slot.latency_us, slot.latency_us_per_gpu, slot.domain
    )


def between(gpu: Gpu, ranks: int) -> Link:
    """What joins `ranks` such GPUs in one machine, or several machines when they are more than one holds.

    A bridge between PCIe cards is an extra that joins pairs; it is not assumed. Across machines, an all-reduce runs as
    many rings as there are network cards, one for each GPU of a machine (NCCL's user guide, "rings and trees").
    """
    known = links()
    switched = gpu.link_gb_per_s and (
        "SXM" in gpu.form_factor or "superchip" in gpu.form_factor or "OAM" in gpu.form_factor
    )
    if not switched or gpu.link_gb_per_s is None:
        return pcie(gpu) if ranks <= 16 else known["infiniband"]
    rack = "NVL72" in gpu.form_factor
    kind = known["nvlink" if gpu.vendor == "NVIDIA" else "infinity-fabric"]
    domain = 72 if rack else kind.domain
    if ranks > domain:
        across = known["infiniband"]
        return Link(
            f"{across.name}, {domain} of them a machine",
            min(gpu.link_gb_per_s / 2, across.gb_per_s * domain),
            across.latency_us,
            across.latency_us_per_gpu,
            across.domain,
        )
    return Link(
        f"{kind.name}, {gpu.link_gb_per_s / 2:,.0f} GB/s each way",
        gpu.link_gb_per_s / 2,
        kind.latency_us,
        kind.latency_us_per_gpu,
        domain,
    )
